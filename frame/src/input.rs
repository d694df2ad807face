//! Input colour: how a clip's values are interpreted, from the user's choice, the clip's colour space, or the
//! host.

use std::str::FromStr;

use super::colour::Colour;
use super::error::{FrameError, by_name, names};
use super::primaries::{InputPrimaries, Primaries};
use super::transfer::Transfer;

/// The options of the `inputColour` parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputColour {
    /// Determined from the host and the clip; see [`HostColour::resolve`].
    Auto,
    /// Display-referred sRGB; used unchanged.
    Display,
    /// Linear light in the input primaries.
    Linear,
    /// A pure power function with gamma 2.2.
    Gamma22,
    /// A video master for a reference monitor (BT.1886, gamma 2.4).
    Rec709,
    /// ACEScct, the logarithmic encoding of ACES grading.
    AcesCct,
    /// DaVinci Intermediate, the logarithmic encoding of Resolve's wide-gamut colour management.
    DavinciIntermediate,
    /// PQ (SMPTE ST 2084).
    Pq,
    /// HLG (ARIB STD-B67).
    Hlg,
}

impl InputColour {
    /// All options, in the order of the menu.
    pub const ALL: &'static [Self] = &[
        Self::Auto,
        Self::Display,
        Self::Linear,
        Self::Gamma22,
        Self::Rec709,
        Self::AcesCct,
        Self::DavinciIntermediate,
        Self::Pq,
        Self::Hlg,
    ];

    /// The stable name, used in project files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Display => "display",
            Self::Linear => "linear",
            Self::Gamma22 => "gamma22",
            Self::Rec709 => "rec709",
            Self::AcesCct => "acescct",
            Self::DavinciIntermediate => "davinci_intermediate",
            Self::Pq => "pq",
            Self::Hlg => "hlg",
        }
    }

    /// The transfer curve; `None` for `Auto`.
    const fn transfer(self) -> Option<Transfer> {
        match self {
            Self::Auto => None,
            Self::Display => Some(Transfer::Display),
            Self::Linear => Some(Transfer::Linear),
            Self::Gamma22 => Some(Transfer::Gamma22),
            Self::Rec709 => Some(Transfer::Rec709),
            Self::AcesCct => Some(Transfer::AcesCct),
            Self::DavinciIntermediate => Some(Transfer::DavinciIntermediate),
            Self::Pq => Some(Transfer::Pq),
            Self::Hlg => Some(Transfer::Hlg),
        }
    }
}

names!(InputColour);

impl FromStr for InputColour {
    type Err = FrameError;

    fn from_str(name: &str) -> Result<Self, FrameError> {
        by_name("input colour", Self::ALL, name, Self::as_str)
    }
}

/// What a host reports about the colour of a clip.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HostColour {
    /// Whether the host works in linear light (Natron).
    pub linear_host: bool,
    /// Whether the clip's images are half or float.
    pub float: bool,
    /// The clip's colourspace property (OpenFX 1.5), if the host sets it.
    pub colourspace: Option<String>,
}

impl HostColour {
    /// The colour of a clip's values, and a remark for the user if it was not recognised.
    ///
    /// `Auto` uses the colour space that the clip names. If it names none, float images of a host that works
    /// in linear light are linear, and everything else is display-referred. `Auto` primaries are those of the
    /// named space, or those usually combined with the curve that the user chose.
    pub fn resolve(&self, colour: InputColour, primaries: InputPrimaries) -> (Colour, Option<String>) {
        let (mut meant, mut remark) = match colour.transfer() {
            Some(transfer) => (Colour { transfer, primaries: usual(transfer) }, None),
            None => self.guess(),
        };
        if let InputPrimaries::Fixed(primaries) = primaries {
            meant.primaries = primaries;
            if meant.transfer == Transfer::Linear {
                // The remark was only about the primaries, which the user chose.
                remark = None;
            }
        }
        (meant, remark)
    }

    fn guess(&self) -> (Colour, Option<String>) {
        let Some(name) = self.colourspace.as_deref().filter(|name| !name.is_empty()) else {
            let transfer = if self.linear_host && self.float { Transfer::Linear } else { Transfer::Display };
            return (Colour { transfer, primaries: Primaries::Rec709 }, None);
        };
        let plain = plain(role(name).unwrap_or(name));
        let Some(transfer) = transfer_of(&plain) else {
            let remark = format!(
                "Unsample does not know the clip's colour space {name} and takes its values as display-referred: choose inputColour and inputPrimaries, or convert the clip before the effect"
            );
            return (Colour::DISPLAY, Some(remark));
        };
        let primaries = primaries_of(&plain, transfer);
        let remark = primaries.is_none().then(|| {
            format!(
                "Unsample does not know the primaries of the clip's colour space {name} and takes them as Rec.709: choose inputPrimaries, or convert the clip before the effect"
            )
        });
        (Colour { transfer, primaries: primaries.unwrap_or(Primaries::Rec709) }, remark)
    }
}

/// The primaries usually combined with a curve.
const fn usual(transfer: Transfer) -> Primaries {
    match transfer {
        Transfer::AcesCct => Primaries::AcesCg,
        Transfer::DavinciIntermediate => Primaries::DavinciWideGamut,
        Transfer::Pq | Transfer::Hlg => Primaries::Rec2020,
        Transfer::Display | Transfer::Linear | Transfer::Gamma22 | Transfer::Rec709 => Primaries::Rec709,
    }
}

/// The colour space of a role in the OpenFX 1.5 configuration.
fn role(name: &str) -> Option<&'static str> {
    Some(match name {
        "aces_interchange" => "ACES2065-1",
        "scene_linear" => "ACEScg",
        "color_timing" | "compositing_log" | "matte_paint" => "ACEScct",
        "color_picking" | "texture_paint" => "srgb_tx",
        _ => return None,
    })
}

/// A name in lower case and without spaces and punctuation, in which configurations differ.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn says(plain: &str, words: &[&str]) -> bool {
    words.iter().any(|word| plain.contains(word))
}

/// The curve of a named space: a name of the OpenFX configuration (ofx-native-v1.5), or of the ACES and OCIO
/// configurations that it is based on. More specific words are matched first.
fn transfer_of(plain: &str) -> Option<Transfer> {
    let is = |words: &[&str]| says(plain, words);
    if is(&["acescct"]) {
        Some(Transfer::AcesCct)
    } else if is(&["davinciintermediate"]) {
        Some(Transfer::DavinciIntermediate)
    } else if is(&["hlg", "aribstdb67", "b67"]) {
        Some(Transfer::Hlg)
    } else if is(&["pq", "st2084", "smpte2084", "displayhdr"]) {
        // An HDR display that names no other curve uses PQ.
        Some(Transfer::Pq)
    } else if is(&["linear", "acescg", "aces20651"]) || plain.starts_with("lin") {
        Some(Transfer::Linear)
    } else if is(&["log", "acescc", "adx", "film", "g18", "gamma18", "xyz"]) {
        None
    } else if is(&["g22", "gamma22"]) {
        Some(Transfer::Gamma22)
    } else if is(&["g24", "gamma24"]) {
        Some(Transfer::Rec709)
    } else if is(&["srgb", "display", "709", "1886", "2020", "p3", "raw", "data"]) {
        // The model was trained on unconverted video values, so no curve is applied.
        Some(Transfer::Display)
    } else {
        None
    }
}

/// The primaries of a named space; `None` if the name implies others than these.
fn primaries_of(plain: &str, transfer: Transfer) -> Option<Primaries> {
    let is = |words: &[&str]| says(plain, words);
    if is(&["ap1", "acescg", "acescct"]) {
        Some(Primaries::AcesCg)
    } else if is(&["ap0", "aces20651"]) {
        Some(Primaries::Aces2065)
    } else if is(&["davinciwidegamut", "davinciintermediate"]) {
        Some(Primaries::DavinciWideGamut)
    } else if is(&["p3d60"]) {
        None
    } else if is(&["p3dci", "dcip3"]) {
        Some(Primaries::P3Dci)
    } else if is(&["p3"]) {
        Some(Primaries::P3)
    } else if is(&["2020", "2100"]) {
        Some(Primaries::Rec2020)
    } else if is(&["709", "srgb"]) {
        Some(Primaries::Rec709)
    } else if is(&["gamut", "redwide", "xyz", "alexa", "arri"]) {
        None
    } else {
        Some(usual(transfer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(linear_host: bool, float: bool, colourspace: &str) -> HostColour {
        let colourspace = (!colourspace.is_empty()).then(|| colourspace.to_owned());
        HostColour { linear_host, float, colourspace }
    }

    fn auto(host: &HostColour) -> (Transfer, Primaries, bool) {
        let (colour, remark) = host.resolve(InputColour::Auto, InputPrimaries::Auto);
        (colour.transfer, colour.primaries, remark.is_some())
    }

    #[test]
    fn auto_follows_the_named_space_before_the_host() {
        use Primaries::*;
        use Transfer as T;
        for (name, transfer, primaries) in [
            ("srgb_display", T::Display, Rec709),
            ("sRGB - Texture", T::Display, Rec709),
            ("rec1886_rec709_display", T::Display, Rec709),
            ("ofx_display_sdr", T::Display, Rec709),
            ("ofx_raw", T::Display, Rec709),
            ("rec1886_rec2020_display", T::Display, Rec2020),
            ("displayp3_display", T::Display, P3),
            ("p3d65_display", T::Display, P3),
            ("p3_dci_display", T::Display, P3Dci),
            ("srgb_encoded_ap1_tx", T::Display, AcesCg),
            ("srgb_encoded_p3d65_tx", T::Display, P3),
            ("g22_rec709_tx", T::Gamma22, Rec709),
            ("g22_ap1_tx", T::Gamma22, AcesCg),
            ("g24_rec709_tx", T::Rec709, Rec709),
            ("rec2100_pq_display", T::Pq, Rec2020),
            ("Rec.2100-PQ - Display", T::Pq, Rec2020),
            ("st2084_p3d65_display", T::Pq, P3),
            ("ofx_display_hdr", T::Pq, Rec2020),
            ("rec2100_hlg_display", T::Hlg, Rec2020),
            ("lin_rec709_srgb", T::Linear, Rec709),
            ("Linear Rec.709 (sRGB)", T::Linear, Rec709),
            ("scene_linear", T::Linear, AcesCg),
            ("compositing_log", T::AcesCct, AcesCg),
            ("texture_paint", T::Display, Rec709),
            ("ofx_scene_linear", T::Linear, Rec709),
            ("lin_rec2020", T::Linear, Rec2020),
            ("lin_p3d65", T::Linear, P3),
            ("ACES - ACEScg", T::Linear, AcesCg),
            ("ACES2065-1", T::Linear, Aces2065),
            ("ACEScct", T::AcesCct, AcesCg),
            ("davinci_intermediate_widegamut", T::DavinciIntermediate, DavinciWideGamut),
            ("lin_davinci_widegamut", T::Linear, DavinciWideGamut),
        ] {
            assert_eq!(auto(&host(false, true, name)), (transfer, primaries, false), "{name}");
        }
        for (host, want) in [
            (host(false, true, ""), T::Display),
            (host(true, true, ""), T::Linear),
            (host(true, false, ""), T::Display),
            (host(true, true, "srgb_display"), T::Display),
        ] {
            assert_eq!(auto(&host), (want, Rec709, false), "{host:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        for name in [
            "arri_logc4",
            "slog3_sgamut3",
            "ACEScc",
            "ADX10",
            "bmdfilm_widegamut_gen5",
            "ofx_scene_log",
            "g18_rec709_tx",
            "CIE-XYZ-D65",
            "my own space",
        ] {
            let host = host(false, true, name);
            let (colour, remark) = host.resolve(InputColour::Auto, InputPrimaries::Auto);
            assert_eq!(colour, Colour::DISPLAY, "{name}");
            assert!(remark.is_some_and(|remark| remark.contains(name)), "{name}");
            // An explicit choice overrides the named space.
            let (colour, remark) = host.resolve(InputColour::Pq, InputPrimaries::Auto);
            assert_eq!((colour.transfer, colour.primaries, remark), (Transfer::Pq, Primaries::Rec2020, None));
        }
        for name in ["lin_arri_wide_gamut_4", "lin_vgamut", "lin_sgamut3cine", "lin_redwidegamutrgb"] {
            assert_eq!(auto(&host(false, true, name)), (Transfer::Linear, Primaries::Rec709, true), "{name}");
            let fixed = InputPrimaries::Fixed(Primaries::Aces2065);
            let (colour, remark) = host(false, true, name).resolve(InputColour::Auto, fixed);
            assert_eq!((colour.primaries, remark), (Primaries::Aces2065, None));
        }
    }

    #[test]
    fn every_choice_parses_and_every_fixed_one_does_something_of_its_own() {
        let host = HostColour::default();
        let mut seen: Vec<Colour> = Vec::new();
        for &choice in InputColour::ALL {
            assert_eq!(choice.as_str().parse(), Ok(choice));
            for &primaries in InputPrimaries::ALL {
                let (colour, remark) = host.resolve(choice, primaries);
                assert_eq!(remark, None);
                if choice != InputColour::Auto && primaries != InputPrimaries::Auto {
                    assert!(!seen.contains(&colour));
                    seen.push(colour);
                }
            }
        }
        assert!("Linear".parse::<InputColour>().is_err());
    }
}
