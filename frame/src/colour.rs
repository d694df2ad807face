//! Conversion between a clip's colours and the model's: transfer curve, primaries and values above white.

#![expect(clippy::cast_possible_truncation, reason = "pixel arithmetic: sides, coordinates and samples")]

use super::primaries::{Matrix, Primaries};
use super::transfer::{Transfer, hlg, odd, srgb_decode, srgb_encode};

/// A matrix in the precision of pixels.
type Single = [[f32; 3]; 3];

/// The colour encoding of a clip's RGB values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Transfer curve of the values.
    pub transfer: Transfer,
    /// Primaries of the values.
    pub primaries: Primaries,
}

impl Colour {
    /// The model's encoding, which needs no conversion.
    pub const DISPLAY: Self = Self { transfer: Transfer::Display, primaries: Primaries::Rec709 };

    /// The conversion, with its matrices computed.
    pub(super) fn converter(self) -> Converter {
        let single = |matrix: Matrix| matrix.map(|row| row.map(|value| value as f32));
        let matrices = (self.primaries != Primaries::Rec709)
            .then(|| (single(self.primaries.to_rec709()), single(self.primaries.from_rec709())));
        Converter { transfer: self.transfer, matrices }
    }
}

/// Converts between a clip's unpremultiplied colours and display-referred ones in Rec.709 primaries.
///
/// The model's pictures are limited to white. For an HDR clip (PQ, HLG), a pixel above white is scaled down
/// by its largest channel, which preserves its hue. On the way back the factor is applied again, the more the
/// brighter the styled pixel is: a highlight that stays bright keeps its intensity and structure, and one
/// that was painted over does not. Other clips are limited to white.
///
/// Colours outside of the Rec.709 gamut have negative components, which the working picture clamps.
pub(super) struct Converter {
    transfer: Transfer,
    /// The matrices to and from Rec.709.
    matrices: Option<(Single, Single)>,
}

impl Converter {
    /// Whether values are used unchanged.
    pub fn is_identity(&self) -> bool {
        self.transfer == Transfer::Display && self.matrices.is_none()
    }

    /// Converts a clip's colour to a display-referred one; not clamped below 0, and limited to 1 only for
    /// HDR.
    pub fn to_display(&self, rgb: [f32; 3]) -> [f32; 3] {
        if self.matrices.is_none() && !self.transfer.is_hdr() {
            return rgb.map(|value| self.transfer.to_display(value));
        }
        let light = self.light(rgb);
        let excess = self.excess_of(light);
        light.map(|value| odd(value / excess, srgb_encode))
    }

    /// The factor by which the largest channel of a clip's colour exceeds white; at least 1.
    pub fn excess(&self, rgb: [f32; 3]) -> f32 {
        if self.transfer.is_hdr() { self.excess_of(self.light(rgb)) } else { 1.0 }
    }

    fn excess_of(&self, light: [f32; 3]) -> f32 {
        if self.transfer.is_hdr() { light.into_iter().fold(1.0, f32::max) } else { 1.0 }
    }

    /// Converts a display-referred colour to the clip's encoding: the inverse of [`Converter::to_display`].
    /// `excess` is that of the clip's own colour at this pixel.
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

    /// Converts a clip's colour to linear light in Rec.709 primaries.
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

    /// Every colour within the model's gamut survives a round trip through every encoding to within half a
    /// code of 10 bits.
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
            // 812 cd/m2, an orange within the Rec.709 gamut.
            let sun = converter.clip_colour([1.0, 0.8, 0.5], 4.0);
            assert!((converter.excess(sun) - 4.0).abs() < 0.01, "{}", converter.excess(sun));
            let seen = converter.to_display(sun);
            for (seen, want) in seen.into_iter().zip([1.0, 0.8, 0.5]) {
                assert!((seen - want).abs() < 1e-3, "{transfer:?} {seen} {want}");
            }
            // Painted black, it stays black; painted grey, it is dimmer than before.
            assert_eq!(converter.clip_colour([0.0; 3], 4.0), converter.clip_colour([0.0; 3], 1.0));
            let grey = converter.clip_colour([0.5; 3], 4.0)[0];
            assert!(grey > converter.clip_colour([0.5; 3], 1.0)[0]);
            assert!(grey < converter.clip_colour([1.0; 3], 1.0)[0]);
        }
        let linear = Colour { transfer: Transfer::Linear, primaries: Primaries::AcesCg }.converter();
        assert_eq!(linear.excess([9.0; 3]), 1.0);
    }

    /// Primaries do not affect greys; a saturated red of a wide gamut is outside of Rec.709.
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
