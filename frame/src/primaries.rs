//! Colour primaries, and the matrices between them.
//!
//! Matrices are computed in f64 from the published chromaticities. White points other than D65 are adapted
//! with Bradford's transform, so that white stays white.

use std::str::FromStr;

use super::error::{FrameError, by_name, names};

/// A 3x3 matrix in row-major order.
pub type Matrix = [[f64; 3]; 3];

/// Colour primaries and white point of RGB values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Primaries {
    /// BT.709, also used by sRGB: the model's primaries.
    Rec709,
    /// BT.2020 and BT.2100.
    Rec2020,
    /// P3 with the D65 white of video (SMPTE EG 432-1, Display P3).
    P3,
    /// P3 with the white point of cinema projection (SMPTE RP 431-2).
    P3Dci,
    /// AP1, of ACEScg and ACEScct (Academy S-2014-004).
    AcesCg,
    /// AP0, of ACES2065-1 (SMPTE ST 2065-1).
    Aces2065,
    /// DaVinci Wide Gamut (Blackmagic Design, 2021).
    DavinciWideGamut,
}

/// The options of the `inputPrimaries` parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputPrimaries {
    /// The primaries of the input colour.
    Auto,
    /// A fixed choice of primaries.
    Fixed(Primaries),
}

impl InputPrimaries {
    /// All options, in the order of the menu.
    pub const ALL: &'static [Self] = &[
        Self::Auto,
        Self::Fixed(Primaries::Rec709),
        Self::Fixed(Primaries::Rec2020),
        Self::Fixed(Primaries::P3),
        Self::Fixed(Primaries::P3Dci),
        Self::Fixed(Primaries::AcesCg),
        Self::Fixed(Primaries::Aces2065),
        Self::Fixed(Primaries::DavinciWideGamut),
    ];

    /// The stable name, used in project files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fixed(Primaries::Rec709) => "rec709",
            Self::Fixed(Primaries::Rec2020) => "rec2020",
            Self::Fixed(Primaries::P3) => "p3",
            Self::Fixed(Primaries::P3Dci) => "p3_dci",
            Self::Fixed(Primaries::AcesCg) => "acescg",
            Self::Fixed(Primaries::Aces2065) => "aces2065",
            Self::Fixed(Primaries::DavinciWideGamut) => "davinci_wide_gamut",
        }
    }
}

names!(InputPrimaries);

impl FromStr for InputPrimaries {
    type Err = FrameError;

    fn from_str(name: &str) -> Result<Self, FrameError> {
        by_name("input primaries", Self::ALL, name, Self::as_str)
    }
}

/// CIE xy chromaticity of D65, as given by BT.709.
const D65: [f64; 2] = [0.3127, 0.3290];

impl Primaries {
    /// CIE xy chromaticities of red, green, blue and white.
    const fn chromaticities(self) -> [[f64; 2]; 4] {
        match self {
            Self::Rec709 => [[0.640, 0.330], [0.300, 0.600], [0.150, 0.060], D65],
            Self::Rec2020 => [[0.708, 0.292], [0.170, 0.797], [0.131, 0.046], D65],
            Self::P3 => [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060], D65],
            Self::P3Dci => [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060], [0.314, 0.351]],
            Self::AcesCg => [[0.713, 0.293], [0.165, 0.830], [0.128, 0.044], [0.321_68, 0.337_67]],
            Self::Aces2065 => [[0.7347, 0.2653], [0.0, 1.0], [0.0001, -0.0770], [0.321_68, 0.337_67]],
            Self::DavinciWideGamut => [[0.8000, 0.3130], [0.1682, 0.9877], [0.0790, -0.1155], D65],
        }
    }

    /// Matrix from linear RGB in these primaries to CIE XYZ, with white at Y = 1 (SMPTE RP 177).
    fn to_xyz(self) -> Matrix {
        let [r, g, b, white] = self.chromaticities().map(xyz);
        let columns = transposed([r, g, b]);
        let scale = apply(&inverse(&columns), white);
        columns.map(|row| [row[0] * scale[0], row[1] * scale[1], row[2] * scale[2]])
    }

    /// Matrix from linear RGB in these primaries to linear Rec.709.
    pub fn to_rec709(self) -> Matrix {
        let [.., white] = self.chromaticities();
        let xyz = product(&adaptation(white, D65), &self.to_xyz());
        product(&inverse(&Self::Rec709.to_xyz()), &xyz)
    }

    /// The inverse of [`Primaries::to_rec709`].
    pub fn from_rec709(self) -> Matrix {
        inverse(&self.to_rec709())
    }
}

/// CIE XYZ of a chromaticity at Y = 1.
fn xyz([x, y]: [f64; 2]) -> [f64; 3] {
    [x / y, 1.0, (1.0 - x - y) / y]
}

/// Bradford's chromatic adaptation (as in ICC.1 annex E) from one white point to another.
fn adaptation(from: [f64; 2], to: [f64; 2]) -> Matrix {
    const CONES: Matrix = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];
    if from == to {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    let (from, to) = (apply(&CONES, xyz(from)), apply(&CONES, xyz(to)));
    let mut scaled = CONES;
    for (channel, row) in scaled.iter_mut().enumerate() {
        row.iter_mut().for_each(|value| *value *= to[channel] / from[channel]);
    }
    product(&inverse(&CONES), &scaled)
}

fn apply(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

fn transposed(m: Matrix) -> Matrix {
    [0, 1, 2].map(|column| [m[0][column], m[1][column], m[2][column]])
}

fn product(left: &Matrix, right: &Matrix) -> Matrix {
    transposed(transposed(*right).map(|column| apply(left, column)))
}

/// Inverse by cofactors; all matrices here are invertible.
fn inverse(m: &Matrix) -> Matrix {
    let cofactor = |row: usize, column: usize| {
        let (a, b) = ((row + 1) % 3, (row + 2) % 3);
        let (c, d) = ((column + 1) % 3, (column + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * cofactor(0, column)).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| cofactor(column, row) / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(got: &Matrix, want: &Matrix, by: f64) {
        for (got, want) in got.iter().flatten().zip(want.iter().flatten()) {
            assert!((got - want).abs() < by, "{got} {want}");
        }
    }

    #[test]
    fn matrices_are_the_published_ones() {
        // BT.2087, annex 1.
        let rec2020 = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];
        close(&Primaries::Rec2020.to_rec709(), &rec2020, 1e-4);
        // The ACES reference implementation, AP1 and AP0 to linear sRGB with Bradford's adaptation.
        let ap1 = [
            [1.705_05, -0.621_79, -0.083_26],
            [-0.130_26, 1.140_80, -0.010_55],
            [-0.024_00, -0.128_97, 1.152_97],
        ];
        close(&Primaries::AcesCg.to_rec709(), &ap1, 2e-4);
        let ap0 = [
            [2.521_69, -1.134_13, -0.387_56],
            [-0.276_48, 1.372_72, -0.096_24],
            [-0.015_38, -0.152_98, 1.168_35],
        ];
        close(&Primaries::Aces2065.to_rec709(), &ap0, 3e-4);
        // Blackmagic Design's paper on its wide gamut, to XYZ.
        let dwg = [
            [0.700_622_39, 0.148_774_82, 0.101_058_72],
            [0.274_118_51, 0.873_631_90, -0.147_750_41],
            [-0.098_962_91, -0.137_895_33, 1.325_915_99],
        ];
        close(&Primaries::DavinciWideGamut.to_xyz(), &dwg, 2e-4);
        // SMPTE EG 432-1, to XYZ.
        let p3 = [
            [0.486_571, 0.265_668, 0.198_217],
            [0.228_975, 0.691_739, 0.079_287],
            [0.0, 0.045_113, 1.043_944],
        ];
        close(&Primaries::P3.to_xyz(), &p3, 1e-5);
        // IEC 61966-2-1, to XYZ.
        let srgb = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
        close(&Primaries::Rec709.to_xyz(), &srgb, 1e-4);
    }

    #[test]
    fn white_stays_white_and_every_way_has_a_way_back() {
        for &choice in InputPrimaries::ALL {
            assert_eq!(choice.as_str().parse(), Ok(choice));
            let InputPrimaries::Fixed(primaries) = choice else { continue };
            for value in apply(&primaries.to_rec709(), [1.0; 3]) {
                assert!((value - 1.0).abs() < 1e-9, "{primaries:?}");
            }
            let one = product(&primaries.to_rec709(), &primaries.from_rec709());
            close(&one, &[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 1e-9);
        }
        assert!("p3d65".parse::<InputPrimaries>().is_err());
    }
}
