//! The colours of a clip as the model knows them, and back: transfer curve, primaries, and what lies above white.

use super::primaries::{Matrix, Primaries};
use super::transfer::{Transfer, hlg, odd, srgb_decode, srgb_encode};

/// A matrix in the precision of pixels.
type Single = [[f32; 3]; 3];

/// What three numbers of a clip's pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// The curve.
    pub transfer: Transfer,
    /// The lights behind the numbers.
    pub primaries: Primaries,
}

impl Colour {
    /// What the model knows: nothing to convert.
    pub const DISPLAY: Self = Self { transfer: Transfer::Display, primaries: Primaries::Rec709 };

    /// The conversion, with its matrices made.
    pub(super) fn converter(self) -> Converter {
        let single = |matrix: Matrix| matrix.map(|row| row.map(|value| value as f32));
        let matrices = (self.primaries != Primaries::Rec709)
            .then(|| (single(self.primaries.to_rec709()), single(self.primaries.from_rec709())));
        Converter { transfer: self.transfer, matrices }
    }
}

/// Between a clip's unpremultiplied colours and display-referred ones in the primaries of Rec.709.
///
/// The model's pictures end at white. Of a clip with a high dynamic range (PQ, HLG) a pixel above white is brought
/// down to it with its hue, by its largest channel, and the factor is given back on the way out, the more of it the
/// brighter the styled pixel is: a highlight that stays bright shines as it did, structure included, and one that
/// was painted over does not. Other clips keep what they had: white is where they end.
///
/// Colours outside of the gamut of Rec.709 have negative parts there, which the working picture clamps.
pub(super) struct Converter {
    transfer: Transfer,
    /// To Rec.709 and from it.
    matrices: Option<(Single, Single)>,
}

impl Converter {
    /// Whether numbers are taken as they are.
    pub fn is_identity(&self) -> bool {
        self.transfer == Transfer::Display && self.matrices.is_none()
    }

    /// A clip's colour as a display-referred one; not clamped below, and above only where it is HDR.
    pub fn to_display(&self, rgb: [f32; 3]) -> [f32; 3] {
        if self.matrices.is_none() && !self.transfer.is_hdr() {
            return rgb.map(|value| self.transfer.to_display(value));
        }
        let light = self.light(rgb);
        let excess = self.excess_of(light);
        light.map(|value| odd(value / excess, srgb_encode))
    }

    /// How far a clip's colour lies above white: the factor by which its largest channel exceeds it, 1 at least.
    pub fn excess(&self, rgb: [f32; 3]) -> f32 {
        if self.transfer.is_hdr() { self.excess_of(self.light(rgb)) } else { 1.0 }
    }

    fn excess_of(&self, light: [f32; 3]) -> f32 {
        if self.transfer.is_hdr() { light.into_iter().fold(1.0, f32::max) } else { 1.0 }
    }

    /// A display-referred colour as the clip has it: the inverse of [`Converter::to_display`]. `excess` is that of
    /// the clip's own colour in this place.
    pub fn clip_colour(&self, rgb: [f32; 3], excess: f32) -> [f32; 3] {
        if self.matrices.is_none() && !self.transfer.is_hdr() {
            return rgb.map(|value| self.transfer.from_display(value));
        }
        let mut light = rgb.map(|value| odd(value, srgb_decode));
        if excess > 1.0 {
            let bright = light.into_iter().fold(0.0, f32::max).min(1.0);
            let gain = 1.0 + (excess - 1.0) * bright;
            light = light.map(|value| value * gain);
        }
        let light = self.matrices.map_or(light, |(_, from)| apply(&from, light));
        let light = if self.transfer == Transfer::Hlg { hlg::filmed(light) } else { light };
        light.map(|value| self.transfer.encode(value))
    }

    /// A clip's colour as light in the primaries of Rec.709.
    fn light(&self, rgb: [f32; 3]) -> [f32; 3] {
        let light = rgb.map(|value| self.transfer.decode(value));
        let light = if self.transfer == Transfer::Hlg { hlg::shown(light) } else { light };
        self.matrices.map_or(light, |(to, _)| apply(&to, light))
    }
}

fn apply(matrix: &Single, [r, g, b]: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row[0] * r + row[1] * g + row[2] * b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InputPrimaries;

    const TRANSFERS: [Transfer; 8] = [
        Transfer::Display,
        Transfer::Linear,
        Transfer::Gamma22,
        Transfer::Rec709,
        Transfer::AcesCct,
        Transfer::DavinciIntermediate,
        Transfer::Pq,
        Transfer::Hlg,
    ];

    /// Every colour inside of the model's gamut, through every encoding and back, within half a code of 10 bits.
    #[test]
    fn inside_of_the_gamut_every_colour_comes_back() {
        for transfer in TRANSFERS {
            for choice in InputPrimaries::ALL {
                let InputPrimaries::Fixed(primaries) = *choice else { continue };
                let converter = Colour { transfer, primaries }.converter();
                for at in 0..125u8 {
                    let display = [at % 5, at / 5 % 5, at / 25].map(|step| f32::from(step) / 4.0);
                    let clip = converter.clip_colour(display, 1.0);
                    let back = converter.to_display(clip);
                    for (back, want) in back.into_iter().zip(display) {
                        let by = (back - want).abs();
                        assert!(
                            by < 0.5 / 1023.0,
                            "{transfer:?} {primaries:?}: {display:?} came back as {back}"
                        );
                    }
                    let again =
                        converter.clip_colour(back.map(|v| v.clamp(0.0, 1.0)), converter.excess(clip));
                    for (again, want) in again.into_iter().zip(clip) {
                        assert!(
                            (again - want).abs() < 0.5 / 1023.0,
                            "{transfer:?} {primaries:?} {display:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_above_white_is_brought_down_with_its_hue_and_given_back_to_what_stays_bright() {
        for transfer in [Transfer::Pq, Transfer::Hlg] {
            let converter = Colour { transfer, primaries: Primaries::Rec2020 }.converter();
            // 812 cd/m2, an orange in the gamut of Rec.709.
            let sun = converter.clip_colour([1.0, 0.8, 0.5], 4.0);
            assert!((converter.excess(sun) - 4.0).abs() < 0.01, "{}", converter.excess(sun));
            let seen = converter.to_display(sun);
            for (seen, want) in seen.into_iter().zip([1.0, 0.8, 0.5]) {
                assert!((seen - want).abs() < 1e-3, "{transfer:?} {seen} {want}");
            }
            // Painted black, it is black; painted grey, it shines less than it did.
            assert_eq!(converter.clip_colour([0.0; 3], 4.0), converter.clip_colour([0.0; 3], 1.0));
            let grey = converter.clip_colour([0.5; 3], 4.0)[0];
            assert!(grey > converter.clip_colour([0.5; 3], 1.0)[0]);
            assert!(grey < converter.clip_colour([1.0; 3], 1.0)[0]);
        }
        let linear = Colour { transfer: Transfer::Linear, primaries: Primaries::AcesCg }.converter();
        assert_eq!(linear.excess([9.0; 3]), 1.0);
    }

    /// Greys have no primaries, and a saturated red of a wide gamut lies outside of Rec.709.
    #[test]
    fn primaries_change_colours_and_no_greys() {
        let wide = Colour { transfer: Transfer::Display, primaries: Primaries::Rec2020 }.converter();
        for value in wide.to_display([0.4; 3]) {
            assert!((value - 0.4).abs() < 1e-5, "{value}");
        }
        let red = wide.to_display([1.0, 0.0, 0.0]);
        assert!(red[0] > 1.2 && red[1] < -0.1 && red[2] < -0.05, "{red:?}");
        assert!(!wide.is_identity() && Colour::DISPLAY.converter().is_identity());
    }
}
