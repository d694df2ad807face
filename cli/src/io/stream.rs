//! Properties that a video declares before a frame is decoded.

use std::path::Path;

use serde_json::Value;

use super::times::Times;
use super::{ColourTags, Info, encoder};

/// How ffmpeg has to decode a video if its defaults would be wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoding {
    /// The decoder, if the default one loses something.
    pub decoder: Option<&'static str>,
    /// The scaler's name of the matrix, for a video without a matrix tag.
    pub matrix: Option<&'static str>,
}

/// The declared properties of a stream.
pub struct Described {
    /// The clip's properties; frames and timestamps are filled in by decoding.
    pub info: Info,
    /// How it has to be decoded.
    pub decoding: Decoding,
    /// Notices for the user, one sentence each.
    pub notices: Vec<String>,
}

/// Interprets ffprobe's JSON for a stream; `decodes` tells whether ffmpeg has a decoder. `None` if the stream has no
/// size.
pub fn describe(path: &Path, stream: &Value, decodes: impl Fn(&str) -> bool) -> Option<Described> {
    let mut info = parse_stream(stream)?;
    let mut decoding = Decoding::default();
    let mut notices = Vec::new();
    if let Some(decoder) = alpha_decoder(stream).filter(|_| !info.alpha) {
        if decodes(decoder) {
            decoding.decoder = Some(decoder);
            info.alpha = true;
        } else {
            notices.push(format!(
                "{} has alpha, which is not used: this ffmpeg has no decoder {decoder}, the only one that reads it",
                path.display()
            ));
        }
    }
    if is_yuv(stream) && encoder::scaler_matrix(&info.colour.matrix).is_none() {
        let (matrix, name) = usual_matrix(&info);
        decoding.matrix = encoder::scaler_matrix(matrix).map(|(scaler, _)| scaler);
        let found = match info.colour.matrix.as_str() {
            "" if all_agree(&info) => None,
            "" => Some("does not say how its colours are coded".to_owned()),
            other => Some(format!("has its colours coded in a way that is not known here ({other})")),
        };
        notices.extend(found.map(|found| format!("{} {found}: they are taken as {name}", path.display())));
        info.colour.matrix = matrix.to_owned();
    }
    Some(Described { info, decoding, notices })
}

/// Whether players and editors agree on the matrix of untagged video of this size: high definition, and earlier
/// television formats. For others, such as 960x540 or 512x288, some decide by the height and some assume high
/// definition.
fn all_agree(info: &Info) -> bool {
    let (long, short) = (info.width.max(info.height), info.width.min(info.height));
    is_high(info) || (matches!(short, 480 | 486 | 576) && matches!(long, 640..=1024))
}

/// Whether a size is that of high-definition video.
fn is_high(info: &Info) -> bool {
    info.width.max(info.height) >= 1280 || info.width.min(info.height) >= 720
}

/// The matrix of a video without a matrix tag, by its tag and as named in messages: the usual assumption of players
/// and editors for its size.
fn usual_matrix(info: &Info) -> (&'static str, &'static str) {
    if is_high(info) {
        ("bt709", "BT.709, the usual way of high-definition video")
    } else {
        ("smpte170m", "BT.601, the usual way of standard-definition video")
    }
}

/// VP8 and VP9 store alpha in a separate stream, which ffmpeg's own decoders ignore and those of libvpx read.
fn alpha_decoder(stream: &Value) -> Option<&'static str> {
    let tags = stream["tags"].as_object()?;
    let marked = tags.iter().any(|(name, value)| name.eq_ignore_ascii_case("alpha_mode") && value == "1");
    match stream["codec_name"].as_str() {
        Some("vp8") if marked => Some("libvpx"),
        Some("vp9") if marked => Some("libvpx-vp9"),
        _ => None,
    }
}

/// Whether samples are luma and chroma.
fn is_yuv(stream: &Value) -> bool {
    let format = stream["pix_fmt"].as_str().unwrap_or("yuv420p");
    let others = ["rgb", "bgr", "gbr", "gray", "ya8", "ya16", "pal8", "mono", "xyz", "bayer"];
    !others.iter().any(|mark| format.contains(mark))
}

fn parse_stream(stream: &Value) -> Option<Info> {
    let number = |name: &str| stream[name].as_u64().and_then(|n| u32::try_from(n).ok());
    let (mut width, mut height) = (number("width")?, number("height")?);
    // ffmpeg rotates a phone's video upright while decoding.
    let turned = stream["side_data_list"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|data| data["rotation"].as_i64())
        .any(|rotation| rotation.rem_euclid(180) == 90);
    let mut pixel_aspect = ratio(stream["sample_aspect_ratio"].as_str(), ':').unwrap_or(1.0);
    if turned {
        std::mem::swap(&mut width, &mut height);
        pixel_aspect = 1.0 / pixel_aspect;
    }
    let fps = ratio(stream["avg_frame_rate"].as_str(), '/')
        .or_else(|| ratio(stream["r_frame_rate"].as_str(), '/'))
        .unwrap_or(25.0);
    let format = stream["pix_fmt"].as_str().unwrap_or("yuv420p");
    (width > 0 && height > 0).then(|| Info {
        width,
        height,
        frames: 0,
        fps,
        pixel_aspect,
        bits: bits(format),
        alpha: has_alpha(format),
        full_chroma: format.contains("444") || !is_yuv(stream),
        colour: tags(stream),
        times: Times::even(fps, 0),
        profile: None,
        tracks: None,
    })
}

/// A fraction as a number, if both parts are above 0.
pub fn ratio(text: Option<&str>, sign: char) -> Option<f64> {
    let (above, below) = number_pair(text, sign)?;
    Some(f64::from(above) / f64::from(below))
}

/// Two numbers above 0, separated by `sign`.
pub fn number_pair(text: Option<&str>, sign: char) -> Option<(u32, u32)> {
    let (above, below) = text?.split_once(sign)?;
    let pair = (above.parse::<u32>().ok()?, below.parse::<u32>().ok()?);
    (pair.0 > 0 && pair.1 > 0).then_some(pair)
}

/// Bits per sample of a pixel format, by its name.
pub fn bits(format: &str) -> u8 {
    let says = |marks: &[&str]| marks.iter().any(|mark| format.contains(mark));
    if says(&["p16", "48le", "48be", "64le", "64be", "p016", "gray16", "ya16", "f16", "f32"]) {
        16
    } else if says(&["p14", "gray14"]) {
        14
    } else if says(&["p12", "p212", "p412", "p012", "y212", "xyz12", "xv36", "gray12"]) {
        12
    } else if says(&["p9", "p10", "p010", "p210", "p410", "y210", "x2", "xv30", "gray9", "gray10"]) {
        10
    } else {
        8
    }
}

fn has_alpha(format: &str) -> bool {
    let marks = ["yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv"];
    marks.iter().any(|mark| format.contains(mark))
}

/// The colour tags, with those of high-definition video where they are missing; a missing matrix stays empty.
fn tags(stream: &Value) -> ColourTags {
    let default = ColourTags::default();
    let yuv = is_yuv(stream);
    let tag = |name: &str, default: String| match stream[name].as_str() {
        None | Some("unknown" | "reserved" | "gbr") => default,
        Some(text) => text.to_owned(),
    };
    ColourTags {
        matrix: tag("color_space", if yuv { String::new() } else { default.matrix }),
        primaries: tag("color_primaries", default.primaries),
        transfer: tag("color_transfer", default.transfer),
        // Formats of the older JPEG kind have full range by definition; RGB is converted to limited range, as is
        // usual for video.
        full_range: yuv
            && (stream["pix_fmt"].as_str().is_some_and(|format| format.starts_with("yuvj"))
                || stream["color_range"] == "pc"),
        named: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stream_is_understood() {
        let stream = json!({
            "width": 1920, "height": 1080, "pix_fmt": "yuv420p10le", "avg_frame_rate": "30000/1001",
            "sample_aspect_ratio": "4:3", "color_space": "bt2020nc",
            "side_data_list": [{"rotation": -90}],
        });
        let info = parse_stream(&stream).unwrap();
        assert_eq!((info.width, info.height, info.bits), (1080, 1920, 10));
        assert!((info.fps - 29.97).abs() < 0.01 && (info.pixel_aspect - 0.75).abs() < 1e-9);
        assert_eq!(info.colour.matrix, "bt2020nc");
        assert_eq!(info.colour.transfer, "bt709");
        assert!(!info.alpha);
        assert!(parse_stream(&json!({})).is_none());
    }

    #[test]
    fn a_video_that_names_no_matrix_has_the_one_of_its_size() {
        let describe = |stream: Value| super::describe(Path::new("a.mp4"), &stream, |_| true).unwrap();
        for (width, height, tag, told) in [
            (1280, 720, "bt709", false),
            (720, 1280, "bt709", false),
            (1920, 800, "bt709", false),
            (720, 576, "smpte170m", false),
            (720, 486, "smpte170m", false),
            (854, 480, "smpte170m", false),
            (1024, 600, "smpte170m", true),
            (960, 540, "smpte170m", true),
            (512, 288, "smpte170m", true),
        ] {
            let found = describe(json!({"width": width, "height": height, "pix_fmt": "yuv420p"}));
            assert_eq!(found.info.colour.matrix, tag, "{width}x{height}");
            assert_eq!(found.decoding.matrix, Some(tag), "{width}x{height}");
            let said =
                found.notices.iter().any(|note| note.contains("does not say how its colours are coded"));
            assert_eq!((said, found.notices.len()), (told, usize::from(told)), "{width}x{height}");
        }
        // The scaler would silently replace this one by that of standard-definition television.
        let odd = json!({"width": 1920, "height": 1080, "pix_fmt": "yuv420p10le", "color_space": "ictcp"});
        let odd = describe(odd);
        assert_eq!((odd.info.colour.matrix.as_str(), odd.decoding.matrix), ("bt709", Some("bt709")));
        assert!(odd.notices[0].contains("(ictcp)"), "{:?}", odd.notices);
        for (format, tag) in
            [("yuv420p", "smpte170m"), ("nv12", "bt2020nc"), ("gbrp10le", "gbr"), ("gray", "")]
        {
            let found =
                describe(json!({"width": 1920, "height": 1080, "pix_fmt": format, "color_space": tag}));
            assert!(found.notices.is_empty(), "{format}: {:?}", found.notices);
            assert_eq!(found.decoding, Decoding::default(), "{format}");
        }
    }

    #[test]
    fn alpha_of_its_own_stream_wants_its_own_decoder() {
        let stream = |codec: &str, tag: &str| {
            json!({"width": 64, "height": 48, "pix_fmt": "yuv420p", "color_space": "bt709",
                   "codec_name": codec, "tags": {(tag): "1"}})
        };
        let describe =
            |stream: &Value, has: bool| super::describe(Path::new("a.webm"), stream, |_| has).unwrap();
        for (codec, decoder) in [("vp8", "libvpx"), ("vp9", "libvpx-vp9")] {
            let read = describe(&stream(codec, "alpha_mode"), true);
            assert_eq!((read.info.alpha, read.decoding.decoder), (true, Some(decoder)));
            assert!(read.notices.is_empty());
            let lost = describe(&stream(codec, "ALPHA_MODE"), false);
            assert_eq!((lost.info.alpha, lost.decoding.decoder), (false, None));
            assert!(lost.notices[0].contains("has alpha, which is not used"), "{:?}", lost.notices);
        }
        for other in [stream("h264", "alpha_mode"), stream("vp9", "title")] {
            let plain = describe(&other, true);
            assert_eq!((plain.info.alpha, plain.decoding.decoder), (false, None));
        }
    }

    #[test]
    fn formats_tell_depth_and_alpha() {
        for (format, want) in [
            ("yuv422p10le", 10),
            ("p010le", 10),
            ("gbrp12be", 12),
            ("yuva444p12le", 12),
            ("rgb48be", 16),
            ("gray16le", 16),
            ("gbrpf32le", 16),
            ("yuv420p", 8),
            ("rgba", 8),
            ("nv12", 8),
            ("gray", 8),
            ("yuvj444p", 8),
        ] {
            assert_eq!(bits(format), want, "{format}");
        }
        assert!(
            has_alpha("yuva444p10le") && has_alpha("bgra") && !has_alpha("yuvj420p") && !has_alpha("rgb24")
        );
    }
}
