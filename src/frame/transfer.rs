//! Transfer curves: how a clip's numbers encode light, and which ones a host's clips have.
//!
//! The model knows display-encoded pictures (sRGB). Curves are functions of one number, extended to
//! negative ones by symmetry, so that a value comes back as it was.

use std::str::FromStr;

use super::error::{FrameError, by_name};

/// What the `inputColour` parameter offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputColour {
    /// By what the host says of itself and of the clip, see [`InputColour::resolve`].
    Auto,
    /// Encoded for a display: taken as it is.
    Display,
    /// Proportional to light.
    Linear,
    /// A pure power of 2.2.
    Gamma22,
    /// A video master as a reference monitor shows it (BT.1886, a power of 2.4).
    Rec709,
    /// ACEScct, the logarithmic encoding of ACES grading.
    AcesCct,
    /// DaVinci Intermediate, the logarithmic encoding of Resolve's wide-gamut colour management.
    DavinciIntermediate,
}

impl InputColour {
    /// Every value, in the order in which a menu shows them.
    pub const ALL: &'static [Self] = &[
        Self::Auto,
        Self::Display,
        Self::Linear,
        Self::Gamma22,
        Self::Rec709,
        Self::AcesCct,
        Self::DavinciIntermediate,
    ];

    /// The stable name, as in project files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Display => "display",
            Self::Linear => "linear",
            Self::Gamma22 => "gamma22",
            Self::Rec709 => "rec709",
            Self::AcesCct => "acescct",
            Self::DavinciIntermediate => "davinci_intermediate",
        }
    }

    /// The curve to use for a clip of this host.
    ///
    /// `auto` believes a colourspace that the clip names, if the name says something about linear or
    /// logarithmic encoding; without one, float pictures of a host that works in linear light are
    /// linear, and everything else is for a display.
    pub fn resolve(self, host: &HostColour) -> Transfer {
        match self {
            Self::Auto => host.guess(),
            Self::Display => Transfer::Display,
            Self::Linear => Transfer::Linear,
            Self::Gamma22 => Transfer::Gamma22,
            Self::Rec709 => Transfer::Rec709,
            Self::AcesCct => Transfer::AcesCct,
            Self::DavinciIntermediate => Transfer::DavinciIntermediate,
        }
    }
}

impl FromStr for InputColour {
    type Err = FrameError;

    fn from_str(name: &str) -> Result<Self, FrameError> {
        by_name("input colour", Self::ALL, name, Self::as_str)
    }
}

/// What a host lets a plugin know about the colour of a clip.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HostColour {
    /// The host works in linear light (Natron).
    pub linear_host: bool,
    /// The clip's pictures are float or half.
    pub float: bool,
    /// The clip's colourspace property (OpenFX 1.5), if the host sets it.
    pub colourspace: Option<String>,
}

impl HostColour {
    fn guess(&self) -> Transfer {
        let named = self.colourspace.as_deref().unwrap_or_default();
        let plain: String =
            named.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let says = |words: &[&str]| words.iter().any(|word| plain.contains(word));
        if says(&["acescct"]) {
            Transfer::AcesCct
        } else if says(&["davinciintermediate"]) {
            Transfer::DavinciIntermediate
        } else if says(&["linear", "acescg", "aces20651"])
            || plain.starts_with("lin")
            || (plain.is_empty() && self.linear_host && self.float)
        {
            Transfer::Linear
        } else {
            Transfer::Display
        }
    }
}

/// A transfer curve between a clip's numbers and display-encoded ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// No change at all.
    Display,
    /// Light itself.
    Linear,
    /// A power of 2.2.
    Gamma22,
    /// A power of 2.4 (BT.1886).
    Rec709,
    /// ACEScct (Academy S-2016-001).
    AcesCct,
    /// DaVinci Intermediate (Blackmagic Design, 2021).
    DavinciIntermediate,
}

impl Transfer {
    /// A clip's number as a display-encoded one; not clamped. [`Transfer::Display`] changes nothing.
    pub fn to_display(self, value: f32) -> f32 {
        match self {
            Self::Display => value,
            other => odd(other.decode_light(value), srgb_encode),
        }
    }

    /// A display-encoded number as the clip has it: the inverse of [`Transfer::to_display`].
    pub fn from_display(self, value: f32) -> f32 {
        match self {
            Self::Display => value,
            other => other.encode_light(odd(value, srgb_decode)),
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
        }
    }
}

/// A function of positive numbers, mirrored for negative ones.
fn odd(value: f32, positive: impl Fn(f32) -> f32) -> f32 {
    positive(value.abs()).copysign(value)
}

/// Light to sRGB (IEC 61966-2-1).
fn srgb_encode(light: f32) -> f32 {
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// sRGB to light.
fn srgb_decode(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// A logarithm above a toe that is a straight line; black lies above 0.
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

/// A logarithm above a toe that is a straight line through 0.
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Transfer; 6] = [
        Transfer::Display,
        Transfer::Linear,
        Transfer::Gamma22,
        Transfer::Rec709,
        Transfer::AcesCct,
        Transfer::DavinciIntermediate,
    ];

    fn host(linear_host: bool, float: bool, colourspace: &str) -> HostColour {
        let colourspace = (!colourspace.is_empty()).then(|| colourspace.to_owned());
        HostColour { linear_host, float, colourspace }
    }

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
        // Middle grey, from the publications of either curve.
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
    fn auto_follows_the_named_space_before_the_host() {
        for (host, want) in [
            (host(false, true, ""), Transfer::Display),
            (host(true, true, ""), Transfer::Linear),
            (host(true, false, ""), Transfer::Display),
            (host(true, true, "srgb_display"), Transfer::Display),
            (host(false, true, "lin_rec709_srgb"), Transfer::Linear),
            (host(false, true, "scene_linear"), Transfer::Linear),
            (host(false, true, "ACEScg"), Transfer::Linear),
            (host(false, true, "ACEScct"), Transfer::AcesCct),
            (host(false, true, "davinci_intermediate_wide_gamut"), Transfer::DavinciIntermediate),
            (host(false, true, "rec1886_rec709_display"), Transfer::Display),
        ] {
            assert_eq!(InputColour::Auto.resolve(&host), want, "{host:?}");
            assert_eq!(InputColour::Display.resolve(&host), Transfer::Display);
        }
    }

    #[test]
    fn every_choice_parses_and_every_fixed_one_does_something_of_its_own() {
        let host = HostColour::default();
        let mut seen: Vec<Transfer> = Vec::new();
        for &choice in InputColour::ALL {
            assert_eq!(choice.as_str().parse(), Ok(choice));
            if choice != InputColour::Auto {
                let transfer = choice.resolve(&host);
                assert!(!seen.contains(&transfer));
                seen.push(transfer);
            }
        }
        assert!("Linear".parse::<InputColour>().is_err());
    }
}
