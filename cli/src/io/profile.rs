//! Colour information in image files. It is not applied: values are taken as sRGB, or in OpenEXR as linear Rec. 709.
//! It is reported, and copied into output files that can hold it.

use std::path::Path;
use std::sync::Arc;

use exr::meta::attribute::Chromaticities;
use image::ImageFormat;
use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, TransformOptions};

/// Colour information of a file, if it differs from what is assumed without any.
#[derive(Clone, Debug, PartialEq)]
pub enum Profile {
    /// The bytes of an ICC profile.
    Icc(Arc<[u8]>),
    /// The primaries and the white point of an OpenEXR file.
    Primaries(Chromaticities),
    /// Colour information in other PNG chunks, described in words.
    Chunks(String),
}

/// Known sets of primaries: name, and x and y of red, green, blue and white.
const PRIMARIES: [(&str, [f32; 8]); 5] = [
    ("Rec.709", [0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290]),
    ("ACEScg", [0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767]),
    ("ACES2065-1", [0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767]),
    ("lin_rec2020", [0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290]),
    ("lin_p3d65", [0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290]),
];

impl Profile {
    /// The profile of an image file, which may have an ICC profile; `None` for sRGB and for files without colour
    /// information.
    pub fn of(file: &Path, format: Option<ImageFormat>, icc: Option<Vec<u8>>) -> Option<Self> {
        let chunks = (format == Some(ImageFormat::Png)).then(|| PngChunks::read(file)).flatten();
        if let Some(known) = chunks.as_ref().and_then(PngChunks::in_place_of_a_profile) {
            return known;
        }
        if let Some(icc) = icc {
            return (!is_srgb(&icc)).then(|| Self::Icc(icc.into()));
        }
        chunks?.gamma_and_primaries()
    }

    /// The profile of an OpenEXR file, from its header; `None` for Rec. 709.
    pub fn of_light(chromaticities: Option<Chromaticities>) -> Option<Self> {
        let stated = chromaticities?;
        (name(&coordinates(&stated)) != Some("Rec.709")).then_some(Self::Primaries(stated))
    }

    /// The notice for the user, one sentence; `others` means that further images of the clip have different profiles.
    pub fn notice(&self, path: &Path, others: bool) -> String {
        let shown = path.display();
        let rest = if others {
            "; others of its pictures say something else, which is not applied either"
        } else {
            ""
        };
        match self {
            Self::Primaries(stated) => match name(&coordinates(stated)) {
                Some(name) => format!(
                    "{shown} has the primaries of {name}: without --colourspace {name} its numbers are taken as \
                     Rec.709{rest}"
                ),
                None => format!(
                    "{shown} has primaries other than Rec.709, and its numbers are taken as Rec.709{rest}"
                ),
            },
            _ => format!("{shown}: {} is not applied, and its numbers are taken as sRGB{rest}", self.words()),
        }
    }

    /// A description of the profile for messages.
    pub fn words(&self) -> String {
        match self {
            Self::Icc(icc) => match description(icc) {
                Some(name) => format!("the colour profile '{name}'"),
                None => "the colour profile".to_owned(),
            },
            Self::Primaries(_) => "the primaries".to_owned(),
            Self::Chunks(words) => words.clone(),
        }
    }

    /// Extensions of the still formats that can hold the profile together with RGB pixels.
    pub fn holders(&self) -> &'static [&'static str] {
        match self {
            Self::Icc(icc)
                if ColorProfile::new_from_slice(icc).is_ok_and(|p| p.color_space == DataColorSpace::Rgb) =>
            {
                &["png", "jpg", "jpeg", "tif", "tiff", "webp"]
            }
            Self::Primaries(_) => &["exr"],
            _ => &[],
        }
    }

    /// The bytes of an ICC profile that can be embedded in other files.
    pub fn icc(&self) -> Option<Vec<u8>> {
        if let Self::Icc(icc) = self { Some(icc.to_vec()) } else { None }
    }
}

fn coordinates(of: &Chromaticities) -> [f32; 8] {
    let Chromaticities { red, green, blue, white } = of;
    [red.x(), red.y(), green.x(), green.y(), blue.x(), blue.y(), white.x(), white.y()]
}

/// The name of a set of primaries. Files round to three digits, and some have older values for a white point.
fn name(stated: &[f32; 8]) -> Option<&'static str> {
    let near = |known: &[f32; 8]| known.iter().zip(stated).all(|(a, b)| (a - b).abs() < 0.003);
    PRIMARIES.iter().find(|(_, known)| near(known)).map(|(name, _)| *name)
}

/// Whether a profile maps values as sRGB does, to within two of 255: there are many such profiles from different
/// makers, and not all of them are called sRGB.
fn is_srgb(icc: &[u8]) -> bool {
    let Ok(profile) = ColorProfile::new_from_slice(icc) else { return false };
    let levels = [0_u8, 25, 51, 102, 153, 204, 230, 255];
    let (layout, from, plain): (_, Vec<u8>, Vec<u8>) = match profile.color_space {
        DataColorSpace::Rgb => {
            let pixels = levels.iter().flat_map(|r| levels.iter().map(move |g| (*r, *g)));
            let all: Vec<u8> =
                pixels.flat_map(|(r, g)| levels.iter().flat_map(move |b| [r, g, *b])).collect();
            (Layout::Rgb, all.clone(), all)
        }
        DataColorSpace::Gray => {
            (Layout::Gray, levels.to_vec(), levels.iter().flat_map(|l| [*l; 3]).collect())
        }
        _ => return false,
    };
    let mut shown = vec![0; plain.len()];
    let transform = profile.create_transform_8bit(
        layout,
        &ColorProfile::new_srgb(),
        Layout::Rgb,
        TransformOptions::default(),
    );
    let done = transform.is_ok_and(|transform| transform.transform(&from, &mut shown).is_ok());
    done && shown.iter().zip(&plain).all(|(a, b)| a.abs_diff(*b) <= 2)
}

/// The name in a profile, on one line and of limited length.
fn description(icc: &[u8]) -> Option<String> {
    let text = match ColorProfile::new_from_slice(icc).ok()?.description? {
        ProfileText::PlainString(text) => text,
        ProfileText::Localizable(texts) => {
            texts.iter().find(|text| text.language == "en").or(texts.first())?.value.clone()
        }
        ProfileText::Description(text) => text.ascii_string,
    };
    let line: String = text.chars().filter(|letter| !letter.is_control()).take(60).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// Colour information of a PNG besides an ICC profile.
struct PngChunks {
    /// Code points of ITU-T H.273: primaries and transfer characteristics.
    code_points: Option<(u8, u8)>,
    says_srgb: bool,
    gamma: Option<f32>,
    primaries: Option<[f32; 8]>,
}

impl PngChunks {
    fn read(file: &Path) -> Option<Self> {
        let file = std::io::BufReader::new(std::fs::File::open(file).ok()?);
        let reader = png::Decoder::new(file).read_info().ok()?;
        let info = reader.info();
        let pair = |(x, y): (png::ScaledFloat, png::ScaledFloat)| [x.into_value(), y.into_value()];
        Some(Self {
            code_points: info
                .coding_independent_code_points
                .map(|points| (points.color_primaries, points.transfer_function)),
            says_srgb: info.srgb.is_some(),
            gamma: info.gama_chunk.map(png::ScaledFloat::into_value),
            primaries: info.chrm_chunk.map(|of| {
                let [(a, b), (c, d)] = [(of.red, of.green), (of.blue, of.white)];
                let all = [pair(a), pair(b), pair(c), pair(d)].concat();
                std::array::from_fn(|nth| all[nth])
            }),
        })
    }

    /// Code points, which have priority over a profile in the PNG standard. `Some(None)` if they mean sRGB.
    fn in_place_of_a_profile(&self) -> Option<Option<Profile>> {
        let (primaries, curve) = self.code_points?;
        // The transfer curves of high-definition video count as sRGB's throughout this program.
        if primaries == 1 && matches!(curve, 1 | 6 | 13 | 14 | 15) {
            return Some(None);
        }
        let primaries = match primaries {
            1 => "Rec.709",
            9 => "Rec.2020",
            11 => "DCI P3",
            12 => "Display P3",
            _ => "other",
        };
        let curve = match curve {
            8 => "linear",
            16 => "PQ",
            18 => "HLG",
            _ => "usual",
        };
        Some(Some(Profile::Chunks(format!(
            "what its chunk cICP says ({primaries} primaries, {curve} curve)"
        ))))
    }

    /// Gamma and primaries, which have the lowest priority.
    fn gamma_and_primaries(&self) -> Option<Profile> {
        // From sRGB's own value to 0.51, which ffmpeg writes for the transfer curve of video; that counts as sRGB's
        // throughout this program.
        let gamma = self.gamma.filter(|gamma| !(0.43..0.53).contains(gamma));
        let primaries = self.primaries.as_ref().filter(|of| !are_usual(of));
        let words = match (gamma, primaries) {
            _ if self.says_srgb => return None,
            (None, None) => return None,
            (Some(gamma), None) => format!("the gamma that it states ({gamma:.3})"),
            (Some(gamma), Some(_)) => format!("the gamma that it states ({gamma:.3}) with its primaries"),
            (None, Some(_)) => "what it states of its primaries".to_owned(),
        };
        Some(Profile::Chunks(words))
    }
}

/// Whether primaries (x and y of red, green, blue and white) are those of sRGB or of standard-definition video, which
/// differ from them by a hundredth.
fn are_usual(primaries: &[f32; 8]) -> bool {
    const SRGB: [f32; 8] = [0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329];
    primaries.iter().zip(SRGB).all(|(one, other)| (one - other).abs() < 0.02)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn icc(profile: &ColorProfile) -> Profile {
        Profile::Icc(profile.encode().unwrap().into())
    }

    #[test]
    fn only_what_shows_other_colours_is_no_srgb() {
        let shows_srgb = |profile: ColorProfile| is_srgb(&profile.encode().unwrap());
        assert!(shows_srgb(ColorProfile::new_srgb()));
        // The name of a profile does not matter.
        let mut renamed = ColorProfile::new_srgb();
        renamed.description = None;
        assert!(shows_srgb(renamed));
        let mut disguised = ColorProfile::new_display_p3();
        disguised.description = ColorProfile::new_srgb().description;
        assert!(!shows_srgb(disguised));
        for other in
            [ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb(), ColorProfile::new_bt2020()]
        {
            assert!(!shows_srgb(other));
        }
        assert!(!is_srgb(b"no profile"));
    }

    #[test]
    fn profiles_are_named_and_go_where_they_fit() {
        let p3 = icc(&ColorProfile::new_display_p3());
        let said = p3.notice(Path::new("a.png"), false);
        assert!(
            said.starts_with("a.png: the colour profile '") && said.ends_with("numbers are taken as sRGB"),
            "{said}"
        );
        assert!(p3.holders().contains(&"png") && !p3.holders().contains(&"exr"));
        // Grey images become RGB, which a grey profile does not fit.
        assert!(icc(&ColorProfile::new_gray_with_gamma(1.0)).holders().is_empty());
        assert_eq!(Profile::Icc(Arc::from(*b"no profile")).words(), "the colour profile");
    }

    #[test]
    fn primaries_have_names() {
        let of = |nth: usize| {
            let [a, b, c, d, e, f, g, h] = PRIMARIES[nth].1;
            let pair = |x, y| exr::math::Vec2(x, y);
            Some(Chromaticities { red: pair(a, b), green: pair(c, d), blue: pair(e, f), white: pair(g, h) })
        };
        assert_eq!(Profile::of_light(None), None);
        assert_eq!(Profile::of_light(of(0)), None);
        let said = Profile::of_light(of(1)).unwrap().notice(Path::new("a.exr"), false);
        assert!(said.contains("without --colourspace ACEScg its numbers are taken as Rec.709"), "{said}");
    }

    #[test]
    fn the_chunks_of_a_png_count_in_their_order() {
        let of = |change: fn(&mut png::Info<'static>)| {
            let mut info = png::Info::with_size(1, 1);
            info.color_type = png::ColorType::Rgb;
            change(&mut info);
            let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
            let mut writer =
                png::Encoder::with_info(file.reopen().unwrap(), info).unwrap().write_header().unwrap();
            writer.write_image_data(&[1, 2, 3]).unwrap();
            writer.finish().unwrap();
            let mut decoder = image::ImageReader::open(file.path()).unwrap().into_decoder().unwrap();
            let icc = image::ImageDecoder::icc_profile(&mut decoder).unwrap();
            Profile::of(file.path(), Some(ImageFormat::Png), icc)
        };
        assert_eq!(of(|_| ()), None);
        let linear = of(|info| info.source_gamma = Some(png::ScaledFloat::new(1.0)));
        assert_eq!(linear, Some(Profile::Chunks("the gamma that it states (1.000)".into())));
        assert_eq!(of(|info| info.source_gamma = Some(png::ScaledFloat::new(0.45455))), None);
        // As in a frame of standard-definition video written by ffmpeg.
        fn chromaticities(numbers: [f32; 8]) -> png::SourceChromaticities {
            let pair =
                |at: usize| (png::ScaledFloat::new(numbers[at]), png::ScaledFloat::new(numbers[at + 1]));
            png::SourceChromaticities { red: pair(0), green: pair(2), blue: pair(4), white: pair(6) }
        }
        let video = of(|info| {
            info.source_gamma = Some(png::ScaledFloat::new(0.51));
            info.source_chromaticities =
                Some(chromaticities([0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.329]));
        });
        assert_eq!(video, None);
        let wide = of(|info| {
            info.source_chromaticities =
                Some(chromaticities([0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329]));
        });
        assert_eq!(wide, Some(Profile::Chunks("what it states of its primaries".into())));
        let p3 = |info: &mut png::Info| {
            info.icc_profile = Some(ColorProfile::new_display_p3().encode().unwrap().into());
        };
        assert!(matches!(of(p3), Some(Profile::Icc(_))));
    }
}
