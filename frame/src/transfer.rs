//! Transfer curves between a clip's values and light.
//!
//! The model uses display-encoded pictures (sRGB). Curves apply to one component and are odd functions, so
//! that negative values survive a round trip. Light is relative: 1 is the model's white. For HDR, that is the
//! reference white of BT.2408, 203 cd/m2.

#![expect(clippy::cast_possible_truncation, reason = "pixel arithmetic: sides, coordinates and samples")]

/// A transfer curve between a clip's values and display-encoded ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// No conversion: already display-encoded.
    Display,
    /// Linear light, not encoded.
    Linear,
    /// A pure power with gamma 2.2.
    Gamma22,
    /// A pure power with gamma 2.4 (BT.1886).
    Rec709,
    /// ACEScct (Academy S-2016-001).
    AcesCct,
    /// DaVinci Intermediate (Blackmagic Design, 2021).
    DavinciIntermediate,
    /// PQ (SMPTE ST 2084, BT.2100): absolute luminance of a display.
    Pq,
    /// HLG (ARIB STD-B67, BT.2100), as shown by a display of 1000 cd/m2.
    Hlg,
}

impl Transfer {
    /// Whether the range extends far above white.
    pub const fn is_hdr(self) -> bool {
        matches!(self, Self::Pq | Self::Hlg)
    }

    /// Converts a clip's value to a display-encoded one, not clamped. For HLG this is only correct for greys,
    /// because colours depend on all three components. [`Transfer::Display`] changes nothing.
    pub fn to_display(self, value: f32) -> f32 {
        match self {
            Self::Display => value,
            other => odd(other.decode_light(value), srgb_encode),
        }
    }

    /// Converts a display-encoded value to the clip's encoding: the inverse of [`Transfer::to_display`].
    pub fn from_display(self, value: f32) -> f32 {
        match self {
            Self::Display => value,
            other => other.encode_light(odd(value, srgb_decode)),
        }
    }

    /// Decodes a clip's value to light. For HLG this is scene light, see [`hlg`].
    pub(super) fn decode(self, value: f32) -> f32 {
        match self {
            Self::Hlg => odd(value, hlg::decode),
            other => other.decode_light(value),
        }
    }

    /// The inverse of [`Transfer::decode`].
    pub(super) fn encode(self, light: f32) -> f32 {
        match self {
            Self::Hlg => odd(light, hlg::encode),
            other => other.encode_light(light),
        }
    }

    fn decode_light(self, value: f32) -> f32 {
        match self {
            Self::Display => odd(value, srgb_decode),
            Self::Linear => value,
            Self::Gamma22 => odd(value, |value| value.powf(2.2)),
            Self::Rec709 => odd(value, |value| value.powf(2.4)),
            Self::AcesCct => acescct::decode(value),
            Self::DavinciIntermediate => intermediate::decode(value),
            Self::Pq => odd(value, pq::decode),
            Self::Hlg => odd(value, |value| hlg::shown([hlg::decode(value); 3])[0]),
        }
    }

    fn encode_light(self, light: f32) -> f32 {
        match self {
            Self::Display => odd(light, srgb_encode),
            Self::Linear => light,
            Self::Gamma22 => odd(light, |light| light.powf(1.0 / 2.2)),
            Self::Rec709 => odd(light, |light| light.powf(1.0 / 2.4)),
            Self::AcesCct => acescct::encode(light),
            Self::DavinciIntermediate => intermediate::encode(light),
            Self::Pq => odd(light, pq::encode),
            Self::Hlg => odd(light, |light| hlg::encode(hlg::filmed([light; 3])[0])),
        }
    }
}

/// Applies a function of positive numbers with odd symmetry.
pub(super) fn odd(value: f32, positive: impl Fn(f32) -> f32) -> f32 {
    positive(value.abs()).copysign(value)
}

/// Encodes light as sRGB (IEC 61966-2-1).
pub(super) fn srgb_encode(light: f32) -> f32 {
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// Decodes sRGB to light.
pub(super) fn srgb_decode(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// Logarithmic above a linear toe; black is encoded above 0.
mod acescct {
    const SLOPE: f32 = 10.540_237;
    const OFFSET: f32 = 0.072_905_53;

    pub(super) fn decode(value: f32) -> f32 {
        if value <= 0.155_251_15 { (value - OFFSET) / SLOPE } else { (value * 17.52 - 9.72).exp2() }
    }

    pub(super) fn encode(light: f32) -> f32 {
        if light <= 0.007_812_5 { SLOPE * light + OFFSET } else { (light.log2() + 9.72) / 17.52 }
    }
}

/// Logarithmic above a linear toe through 0.
mod intermediate {
    const A: f32 = 0.0075;
    const B: f32 = 7.0;
    const C: f32 = 0.073_292_48;
    const SLOPE: f32 = 10.444_268;

    pub(super) fn decode(value: f32) -> f32 {
        if value <= 0.027_406_68 { value / SLOPE } else { (value / C - B).exp2() - A }
    }

    pub(super) fn encode(light: f32) -> f32 {
        if light <= 0.002_624_09 { SLOPE * light } else { ((light + A).log2() + B) * C }
    }
}

/// Reference white of HDR pictures in cd/m2 (BT.2408): diffuse white, well below highlights.
const REFERENCE_WHITE: f64 = 203.0;

/// The perceptual quantizer. In f64, because its exponents are large.
mod pq {
    use super::REFERENCE_WHITE;

    const M1: f64 = 2610.0 / 16384.0;
    const M2: f64 = 2523.0 / 4096.0 * 128.0;
    const C1: f64 = 3424.0 / 4096.0;
    const C2: f64 = 2413.0 / 4096.0 * 32.0;
    const C3: f64 = 2392.0 / 4096.0 * 32.0;
    /// Luminance of a value of 1, in cd/m2.
    const PEAK: f64 = 10_000.0;

    pub(super) fn decode(value: f32) -> f32 {
        // The curve ends at 1.
        let power = f64::from(value.min(1.0)).powf(1.0 / M2);
        let light = ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1);
        (light * PEAK / REFERENCE_WHITE) as f32
    }

    pub(super) fn encode(light: f32) -> f32 {
        let power = (f64::from(light) * REFERENCE_WHITE / PEAK).min(1.0).powf(M1);
        (((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)) as f32
    }
}

/// Hybrid log-gamma. Its values encode scene light. The conversion to display light (the OOTF) depends on the
/// display's peak luminance and, for colours, on all three components.
pub(super) mod hlg {
    use super::REFERENCE_WHITE;

    const A: f64 = 0.178_832_77;
    const B: f64 = 1.0 - 4.0 * A;
    const C: f64 = 0.559_910_73;
    /// Peak luminance of the display for which `GAMMA` is defined, in cd/m2.
    const PEAK: f64 = 1000.0;
    const GAMMA: f64 = 1.2;
    /// Luminance weights of red, green and blue (BT.2100).
    const LUMA: [f64; 3] = [0.2627, 0.6780, 0.0593];

    /// Decodes a value to scene light, with a peak of 1.
    pub(super) fn decode(value: f32) -> f32 {
        // Values slightly above the peak are permitted.
        let value = f64::from(value.min(1.2));
        (if value <= 0.5 { value * value / 3.0 } else { (((value - C) / A).exp() + B) / 12.0 }) as f32
    }

    /// The inverse of [`decode`].
    pub(super) fn encode(light: f32) -> f32 {
        let light = f64::from(light);
        (if light <= 1.0 / 12.0 { (3.0 * light).sqrt() } else { A * (12.0 * light - B).ln() + C }) as f32
    }

    /// Converts scene light to display light relative to white.
    pub(crate) fn shown(scene: [f32; 3]) -> [f32; 3] {
        let gain = luminance(scene).powf(GAMMA - 1.0) * PEAK / REFERENCE_WHITE;
        scene.map(|value| (f64::from(value) * gain) as f32)
    }

    /// The inverse of [`shown`].
    pub(crate) fn filmed(display: [f32; 3]) -> [f32; 3] {
        let display = display.map(|value| (f64::from(value) * REFERENCE_WHITE / PEAK) as f32);
        // Black has no luminance to scale by.
        let gain = luminance(display).max(1e-12).powf((1.0 - GAMMA) / GAMMA);
        display.map(|value| (f64::from(value) * gain) as f32)
    }

    fn luminance(light: [f32; 3]) -> f64 {
        light.iter().zip(LUMA).map(|(&value, share)| f64::from(value) * share).sum::<f64>().max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Transfer; 8] = [
        Transfer::Display,
        Transfer::Linear,
        Transfer::Gamma22,
        Transfer::Rec709,
        Transfer::AcesCct,
        Transfer::DavinciIntermediate,
        Transfer::Pq,
        Transfer::Hlg,
    ];

    #[test]
    fn every_curve_is_its_own_way_back_and_rises() {
        for transfer in ALL {
            let mut before = f32::NEG_INFINITY;
            for step in -200..=1200 {
                let display = step as f32 / 1000.0;
                let clip = transfer.from_display(display);
                assert!(clip > before, "{transfer:?} falls at {display}");
                before = clip;
                let back = transfer.to_display(clip);
                assert!((back - display).abs() < 2e-5, "{transfer:?}: {display} came back as {back}");
            }
        }
    }

    #[test]
    fn curves_have_their_published_values() {
        let close = |got: f32, want: f32| assert!((got - want).abs() < 2e-5, "{got} {want}");
        close(Transfer::Linear.to_display(0.18), 0.461_356);
        close(Transfer::Linear.from_display(0.5), 0.214_041);
        // Middle grey, from the publications of the two curves.
        close(acescct::encode(0.18), 0.413_588_4);
        close(intermediate::encode(0.18), 0.336_043);
        close(intermediate::encode(1.0), 0.513_837);
        for transfer in ALL {
            close(transfer.from_display(transfer.to_display(0.3)), 0.3);
        }
        close(Transfer::Rec709.to_display(1.0), 1.0);
        close(Transfer::Gamma22.to_display(1.0), 1.0);
        assert_eq!(Transfer::Display.to_display(0.123_456_7), 0.123_456_7);
    }

    #[test]
    fn hdr_curves_have_their_published_values() {
        let close = |got: f32, want: f32, by: f32| assert!((got - want).abs() < by, "{got} {want}");
        // ST 2084: code values of 100, 203, 1000 and 10000 cd/m2.
        for (nits, code) in [(100.0, 0.5081), (203.0, 0.5807), (1000.0, 0.7518), (10_000.0, 1.0)] {
            close(Transfer::Pq.encode_light(nits / 203.0), code, 1e-4);
            close(Transfer::Pq.decode_light(code) * 203.0, nits, nits * 2e-3);
        }
        // BT.2408, table 1: 18 % grey, 26 cd/m2, is 38 %; white, 203 cd/m2, is 58 % in PQ and 75 % in HLG.
        close(Transfer::Pq.encode_light(26.0 / 203.0), 0.38, 5e-3);
        close(Transfer::Hlg.encode_light(26.0 / 203.0), 0.38, 5e-3);
        close(Transfer::Hlg.encode_light(1.0), 0.75, 1e-3);
        close(Transfer::Hlg.decode_light(1.0) * 203.0, 1000.0, 0.5);
        // BT.2100: a value of 0.5 is a twelfth of the scene's peak.
        close(hlg::decode(0.5), 1.0 / 12.0, 1e-6);
        close(hlg::decode(1.0), 1.0, 1e-5);
        // Colours are scaled by their luminance, so a pure colour is darker than a grey of the same value.
        let red = hlg::shown([1.0, 0.0, 0.0]);
        close(red[0] * 203.0, 1000.0 * 0.2627f32.powf(0.2), 0.1);
        for (back, scene) in hlg::filmed(hlg::shown([0.7, 0.01, 0.2])).into_iter().zip([0.7, 0.01, 0.2]) {
            close(back, scene, 1e-6);
        }
        assert_eq!(hlg::filmed([0.0; 3]), [0.0; 3]);
    }
}
