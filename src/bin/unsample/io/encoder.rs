//! Videos out, through a pipe to ffmpeg.

use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;

use super::decoder::detach_from_ctrl_c;
use super::fresh::FreshFile;
use super::names;
use super::{ColourTags, Info, MediaError, Sink, Target, ffmpeg};
use crate::host::picture::Picture;

/// Writes a video.
pub struct Encoder {
    // The order matters: ffmpeg ends before its file is removed.
    running: Running,
    fresh: FreshFile,
    sixteen: bool,
    alpha: bool,
    /// How many frames ffmpeg was given.
    frames: u32,
}

/// A running ffmpeg.
struct Running {
    child: Child,
    pipe: Option<BufWriter<ChildStdin>>,
    /// ffmpeg's words, collected all along so that it never waits for a reader.
    words: Option<JoinHandle<Vec<u8>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.pipe = None;
        // It may have ended by itself, in which case there is only the exit to collect.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Encoder {
    /// Starts ffmpeg; the codec goes by the extension.
    pub fn create(output: &Path, target: &Target) -> Result<Self, MediaError> {
        if ffmpeg::version().is_none() {
            return Err(MediaError::NoFfmpeg(output.to_owned()));
        }
        let fresh = FreshFile::new(output)?;
        let info = &target.info;
        let extension = names::extension(output);
        let codec = codec(&extension, info);
        let (sixteen, alpha) = (codec.sixteen, codec.alpha);
        let raw = match (sixteen, alpha) {
            (false, false) => "rgb24",
            (false, true) => "rgba",
            (true, false) => "rgb48le",
            (true, true) => "rgba64le",
        };
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", raw]);
        command.args(["-s", &format!("{}x{}", info.width, info.height)]);
        command.args(["-r", &rate(info.fps), "-i", "pipe:0"]);
        if let Some(sound) = &info.sound {
            command.arg("-i").arg(ffmpeg::file_argument(sound));
            command.args(["-map", "0:v:0", "-map", "1:a?"]);
            command.args(sound_codec(&extension, sound));
        }
        command.args(codec.arguments);
        command.args(["-vf", &filter(info, codec.format)]);
        let colour = &info.colour;
        command.args(["-colorspace", matrix(colour).1, "-color_primaries", &colour.primaries]);
        command.args(["-color_trc", transfer(colour), "-color_range", range(colour)]);
        if ["mp4", "m4v", "mov"].contains(&extension.as_str()) {
            command.args(["-movflags", "+faststart"]);
        }
        command.arg(ffmpeg::file_argument(fresh.path()));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        detach_from_ctrl_c(&mut command);
        let mut child = command.spawn().map_err(|error| MediaError::write(output, &error))?;
        let pipe = child.stdin.take().map(|pipe| BufWriter::with_capacity(1 << 20, pipe));
        let words = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut words = Vec::new();
                let _ = stderr.read_to_end(&mut words);
                words
            })
        });
        Ok(Self { running: Running { child, pipe, words }, fresh, sixteen, alpha, frames: 0 })
    }

    /// What ffmpeg said, once it has ended.
    fn words(&mut self) -> String {
        self.running.pipe = None;
        let _ = self.running.child.wait();
        let words = self.running.words.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&words).into_owned()
    }

    /// Why ffmpeg stopped.
    fn failure(&mut self) -> MediaError {
        let words = self.words();
        let path = self.fresh.target().to_owned();
        if words.contains(NO_SPACE) {
            return MediaError::Full(path);
        }
        MediaError::Unwritable { path, why: ffmpeg::last_line(words.as_bytes()) }
    }
}

/// The system's words for a full disk, as ffmpeg repeats them.
const NO_SPACE: &str = "No space left on device";

impl Sink for Encoder {
    fn write(&mut self, _number: u32, picture: &Picture) -> Result<(), MediaError> {
        let picture = picture.with_channels(if self.alpha { 4 } else { 3 });
        let bytes = if self.sixteen {
            picture.to_sixteen().into_iter().flat_map(u16::to_le_bytes).collect()
        } else {
            picture.to_eight()
        };
        let sent = self.running.pipe.as_mut().is_some_and(|pipe| pipe.write_all(&bytes).is_ok());
        self.frames += 1;
        if sent { Ok(()) } else { Err(self.failure()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), MediaError> {
        let flushed = self.running.pipe.take().is_some_and(|mut pipe| pipe.flush().is_ok());
        let status = self.running.child.wait();
        if !flushed || !status.is_ok_and(|status| status.success()) {
            return Err(self.failure());
        }
        // ffmpeg ends well even if the last bytes found no room, so its words and the file have a say, too.
        if self.words().contains(NO_SPACE) {
            return Err(MediaError::Full(self.fresh.target().to_owned()));
        }
        let found = ffmpeg::count_packets(self.fresh.path());
        if found.is_none_or(|found| found < self.frames) {
            return Err(MediaError::Unwritable {
                path: self.fresh.target().to_owned(),
                why: format!("ffmpeg wrote {} of {} frames", found.unwrap_or(0), self.frames),
            });
        }
        let done = *self;
        done.fresh.publish()
    }
}

/// What a container gets.
struct Codec {
    arguments: &'static [&'static str],
    format: &'static str,
    sixteen: bool,
    alpha: bool,
}

const H264: &[&str] = &["-c:v", "libx264", "-crf", "16", "-preset", "medium"];
/// With the tag by which Apple's players know HEVC.
const HEVC: &[&str] = &[
    "-c:v",
    "libx265",
    "-crf",
    "16",
    "-preset",
    "medium",
    "-tag:v",
    "hvc1",
    "-x265-params",
    "log-level=error",
];
/// Matroska has tags of its own.
const HEVC_MKV: &[&str] =
    &["-c:v", "libx265", "-crf", "16", "-preset", "medium", "-x265-params", "log-level=error"];
const PRORES: &[&str] = &["-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16"];
const PRORES_HQ: &[&str] = &["-c:v", "prores_ks", "-profile:v", "hq"];
const VP9: &[&str] = &["-c:v", "libvpx-vp9", "-crf", "20", "-b:v", "0", "-row-mt", "1", "-deadline", "good"];

fn codec(extension: &str, info: &Info) -> Codec {
    // Chroma at half the size needs even sides.
    let even = info.width.is_multiple_of(2) && info.height.is_multiple_of(2);
    let deep = if even { "yuv420p10le" } else { "yuv444p10le" };
    // Stills of 16 bits are no wish for a video that few players show; a video of 10 or 12 bits is.
    let deep_video = (9..16).contains(&info.bits);
    let (arguments, format, alpha) = match extension {
        "webm" if info.alpha && even => (VP9, "yuva420p", true),
        "webm" if deep_video && ffmpeg::encodes("libvpx-vp9", deep) => (VP9, deep, false),
        "webm" => (VP9, if even { "yuv420p" } else { "yuv444p" }, false),
        "mov" if info.alpha => (PRORES, "yuva444p10le", true),
        "mov" if deep_video && even => (PRORES_HQ, "yuv422p10le", false),
        "mov" if deep_video => (PRORES, "yuv444p10le", false),
        "mkv" if deep_video && ffmpeg::encodes("libx265", deep) => (HEVC_MKV, deep, false),
        _ if deep_video && ffmpeg::encodes("libx265", deep) => (HEVC, deep, false),
        "mkv" if info.bits > 8 => (H264, deep, false),
        _ if deep_video && ffmpeg::encodes("libx264", deep) => (H264, deep, false),
        _ => (H264, if even { "yuv420p" } else { "yuv444p" }, false),
    };
    Codec { arguments, format, sixteen: info.bits > 8 || format.contains("p10"), alpha }
}

/// The sound's codec: as it is where the container takes what the source's container took.
fn sound_codec(extension: &str, source: &Path) -> &'static [&'static str] {
    match extension {
        "mkv" | "mov" => &["-c:a", "copy"],
        same if same == names::extension(source) => &["-c:a", "copy"],
        "webm" => &["-c:a", "libopus"],
        _ => &["-c:a", "aac", "-b:a", "256k"],
    }
}

/// From RGB to the numbers that the tags promise. The tags are set on the frames, too: newer versions of ffmpeg take
/// them from there.
fn filter(info: &Info, format: &str) -> String {
    let colour = &info.colour;
    let (scaler, tag) = matrix(colour);
    let (range, transfer, primaries) = (range(colour), transfer(colour), &colour.primaries);
    let aspect = if (info.pixel_aspect - 1.0).abs() < 1e-6 { 1.0 } else { info.pixel_aspect };
    format!(
        "scale=out_color_matrix={scaler}:out_range={range},format={format},setsar={aspect:.6},\
         setparams=range={range}:colorspace={tag}:color_trc={transfer}:color_primaries={primaries}"
    )
}

/// The matrix by the scaler's name and by its tag. One that the scaler does not know becomes that of
/// high-definition video.
fn matrix(colour: &ColourTags) -> (&'static str, &str) {
    match colour.matrix.as_str() {
        "bt470bg" => ("bt470", "bt470bg"),
        // The scaler computes the one with constant luminance as the other.
        "bt2020nc" | "bt2020c" => ("bt2020", "bt2020nc"),
        "smpte170m" => ("smpte170m", "smpte170m"),
        "smpte240m" => ("smpte240m", "smpte240m"),
        "fcc" => ("fcc", "fcc"),
        _ => ("bt709", "bt709"),
    }
}

/// The transfer curve as an option; two curves have one name when ffmpeg reports them and another one here.
fn transfer(colour: &ColourTags) -> &str {
    match colour.transfer.as_str() {
        "bt470m" => "gamma22",
        "bt470bg" => "gamma28",
        other => other,
    }
}

fn range(colour: &ColourTags) -> &'static str {
    if colour.full_range { "pc" } else { "tv" }
}

/// A rate as ffmpeg wants it; the American ones are fractions.
fn rate(fps: f64) -> String {
    let whole = (fps * 1.001).round();
    if fps.fract().abs() > 1e-6 && (whole * 1000.0 / 1001.0 - fps).abs() < 1e-4 {
        return format!("{}/1001", whole * 1000.0);
    }
    format!("{fps:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact() {
        assert_eq!(rate(30000.0 / 1001.0), "30000/1001");
        assert_eq!(rate(24000.0 / 1001.0), "24000/1001");
        assert_eq!(rate(25.0), "25.000000");
        assert_eq!(rate(12.5), "12.500000");
    }
}
