//! The system's ffmpeg: is it there, and what does it say of a file.

use std::io::Read;
use std::path::Path;
use std::process::{ChildStderr, Command, Output, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use super::stop::{Process, When};
use super::times::Times;
use super::tracks::Tracks;
use super::{ColourTags, Info, MediaError, timeline};

/// The version of the installed ffmpeg, as it prints it; `None` if ffmpeg or ffprobe is absent.
pub fn version() -> Option<String> {
    let text = first_line("ffmpeg")?;
    first_line("ffprobe")?;
    text.split_whitespace().nth(2).map(str::to_owned)
}

fn first_line(program: &str) -> Option<String> {
    let output = run(Command::new(program).arg("-version").stdin(Stdio::null())).ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// The option that hands every decoded frame over once, which had another name before ffmpeg 5.1.
pub fn passthrough() -> [&'static str; 2] {
    let old = version().is_some_and(|version| {
        let mut numbers =
            version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
        numbers.next().is_some_and(|major| (major, numbers.next().unwrap_or(0)) < (5, 1))
    });
    if old { ["-vsync", "0"] } else { ["-fps_mode", "passthrough"] }
}

/// Whether ffmpeg has an encoder and the encoder takes a pixel format.
pub fn encodes(encoder: &str, format: &str) -> bool {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-h", &format!("encoder={encoder}")]).stdin(Stdio::null());
    let Ok(output) = run(&mut command) else { return false };
    String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == format)
}

/// Asks ffprobe what a video is, and decodes it once. The second value is what the user should know, a sentence each.
pub fn probe(path: &Path) -> Result<(Info, Vec<String>), MediaError> {
    if version().is_none() {
        return Err(MediaError::NoFfmpeg(path.to_owned()));
    }
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_streams", "-show_format", "-show_chapters", "-of", "json"]);
    command.arg(file_argument(path)).stdin(Stdio::null());
    let output = run(&mut command).map_err(|error| MediaError::read(path, error))?;
    if !output.status.success() {
        return Err(MediaError::read(path, last_line(&output.stderr)));
    }
    let json: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| MediaError::read(path, error))?;
    let streams = json["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    // A cover picture is no video.
    let is_video = |stream: &&Value| {
        stream["codec_type"] == "video" && stream["disposition"]["attached_pic"].as_u64() != Some(1)
    };
    let mut videos = streams.iter().filter(is_video);
    let stream = videos.next().ok_or_else(|| {
        let sound = streams.iter().any(|stream| stream["codec_type"] == "audio");
        MediaError::read(
            path,
            if sound { "there is sound in it and no video" } else { "there is no video in it" },
        )
    })?;
    let mut info = parse_stream(stream).ok_or_else(|| MediaError::read(path, "its video has no size"))?;
    let zero = json["format"]["start_time"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let timeline = timeline::read(path, stream, zero, info.fps)?;
    info.frames = timeline.frames;
    info.times = timeline.times;
    info.tracks = Some(Tracks::of(path, &json, stream["index"].as_u64()));
    let mut notices = timeline.notices;
    if videos.next().is_some() {
        notices.push(format!("{} holds several videos; the first one is taken", path.display()));
    }
    Ok((info, notices))
}

/// Runs a program to its end, or to that of the user's patience.
pub fn run(command: &mut Command) -> std::io::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = Process::start(command, When::Asked)?;
    let (stdout, stderr) = {
        let mut child = process.child();
        (child.stdout.take(), child.stderr.take())
    };
    let words = stderr.map(collect);
    let mut bytes = Vec::new();
    if let Some(mut stdout) = stdout {
        stdout.read_to_end(&mut bytes)?;
    }
    let stderr = words.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let status = process.child().wait()?;
    Ok(Output { status, stdout: bytes, stderr })
}

/// Collects a program's words all along, so that it never waits for a reader.
pub fn collect(mut stderr: ChildStderr) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut words = Vec::new();
        let _ = stderr.read_to_end(&mut words);
        words
    })
}

/// How many frames a video holds, by its packets; `None` if it cannot be read.
pub fn count_packets(path: &Path) -> Option<u32> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-count_packets"]);
    command.args(["-show_entries", "stream=nb_read_packets", "-of", "default=nokey=1:noprint_wrappers=1"]);
    let output = run(command.arg(file_argument(path)).stdin(Stdio::null())).ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// A path that ffmpeg cannot take for an option or a protocol.
pub fn file_argument(path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from("file:");
    argument.push(path);
    argument
}

/// What a stream says of itself; frames and times are found by decoding.
fn parse_stream(stream: &Value) -> Option<Info> {
    let number = |name: &str| stream[name].as_u64().and_then(|n| u32::try_from(n).ok());
    let (mut width, mut height) = (number("width")?, number("height")?);
    // ffmpeg turns a phone's video upright while decoding.
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
        colour: tags(stream),
        times: Times::even(fps, 0),
        profile: None,
        tracks: None,
    })
}

fn ratio(text: Option<&str>, sign: char) -> Option<f64> {
    let (above, below) = number_pair(text, sign)?;
    Some(f64::from(above) / f64::from(below))
}

/// Two numbers above 0.
pub fn number_pair(text: Option<&str>, sign: char) -> Option<(u32, u32)> {
    let (above, below) = text?.split_once(sign)?;
    let pair = (above.parse::<u32>().ok()?, below.parse::<u32>().ok()?);
    (pair.0 > 0 && pair.1 > 0).then_some(pair)
}

/// Bits of a sample, by the name of a pixel format.
fn bits(format: &str) -> u8 {
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

fn tags(stream: &Value) -> ColourTags {
    let default = ColourTags::default();
    let tag = |name: &str, default: String| match stream[name].as_str() {
        None | Some("unknown" | "reserved" | "gbr") => default,
        Some(text) => text.to_owned(),
    };
    ColourTags {
        matrix: tag("color_space", default.matrix),
        primaries: tag("color_primaries", default.primaries),
        transfer: tag("color_transfer", default.transfer),
        // Formats of the older JPEG kind are full by their name; RGB is made limited, as video is.
        full_range: stream["pix_fmt"].as_str().is_some_and(|format| {
            format.starts_with("yuvj") || format.contains("yuv") && stream["color_range"] == "pc"
        }),
    }
}

/// The last line that a program printed, which names the reason.
pub fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("ffmpeg gave no reason").to_owned()
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
