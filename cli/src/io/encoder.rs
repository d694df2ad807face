//! Video output through a pipe to ffmpeg.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use super::fresh::FreshFile;
use super::stop::{Process, When};
use super::times::Times;
use super::{ColourTags, Info, MediaError, Sink, Target, ffmpeg, ivf, names, stream};
use openfx_host::picture::Picture;

/// Writes a video file with ffmpeg.
pub struct VideoSink {
    // The order matters: ffmpeg has to end before its file is removed.
    running: FfmpegEncoder,
    fresh: FreshFile,
    sixteen: bool,
    alpha: bool,
    times: Times,
    /// How many frames were passed to ffmpeg.
    frames: u32,
}

/// A running ffmpeg process that encodes frames.
struct FfmpegEncoder {
    // The pipe is dropped before the process, which may wait for its end.
    pipe: Option<BufWriter<ChildStdin>>,
    process: Process,
    /// The thread that collects ffmpeg's messages.
    words: Option<JoinHandle<Vec<u8>>>,
}

impl VideoSink {
    /// Starts ffmpeg; the codec is chosen by the extension.
    pub fn create(output: &Path, target: &Target) -> Result<Self, MediaError> {
        ffmpeg::require(output)?;
        let fresh = FreshFile::new(output, target.overwrite)?;
        let extension = names::extension(output);
        let mut info = target.info.clone();
        if extension == "avi" && !info.times.is_even() {
            // The container has a constant rate, and ffmpeg would fill gaps with empty frames.
            info.times = info.times.at_rate(info.fps, target.frames);
        }
        let even = info.times.is_even();
        if extension != "avi" && info.times.late() > 0.0 && target.frames > 1 {
            info.times = info.times.finer();
        }
        let info = &info;
        let codec = codec(&extension, info);
        let (sixteen, alpha) = (codec.sixteen, codec.alpha);
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y", "-f", "ivf", "-c:v", "rawvideo"]);
        if info.times.late() > 0.0 {
            // ffmpeg makes every input begin at 0, so video that begins later than its sound needs this.
            command.args(["-itsoffset", &format!("{:.6}", info.times.late())]);
        }
        command.args(["-i", "pipe:0"]);
        let tracks = info.tracks.as_ref().map(|tracks| tracks.arguments(&extension).0).unwrap_or_default();
        command.args(tracks.input).args(["-map", "0:v:0"]).args(tracks.output);
        command.args(ffmpeg::passthrough());
        // Otherwise the encoder counts in frames of the rate that ffmpeg guesses, and moves uneven timestamps to
        // these.
        let tick = info.times.tick();
        command.args(["-enc_time_base:v", &format!("{}:{}", tick.numerator, tick.denominator)]);
        command.args(codec.arguments);
        command.args(["-vf", &filter(info, codec.format)]);
        let colour = &info.colour;
        command.args(["-colorspace", matrix(colour).1, "-color_primaries", &colour.primaries]);
        command.args(["-color_trc", transfer(colour), "-color_range", range(colour)]);
        if ["mp4", "m4v", "mov"].contains(&extension.as_str()) {
            command.args(["-movflags", "+faststart"]);
        }
        if !even {
            // MP4 measures the length of a track in decoding order, which ends before the last frame is shown if
            // frames are reordered and their timestamps are uneven.
            command.args(["-bf", "0"]);
        }
        if let Some(length) = last_length(&info.times, target.frames)
            && ffmpeg::lists("bsf=setts", "-duration")
        {
            command.args(["-bsf:v", &length]);
        }
        command.arg(ffmpeg::file_argument(fresh.path()));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let process =
            Process::start(&mut command, When::Ending).map_err(|error| MediaError::write(output, &error))?;
        let (stdin, stderr) = {
            let mut child = process.child();
            (child.stdin.take(), child.stderr.take())
        };
        let pipe = stdin.map(|pipe| BufWriter::with_capacity(1 << 20, pipe));
        let running = FfmpegEncoder { pipe, process, words: stderr.map(ffmpeg::collect) };
        let mut encoder = Self { running, fresh, sixteen, alpha, times: info.times.clone(), frames: 0 };
        let header =
            ivf::header(ivf::SampleFormat { sixteen, alpha }, (info.width, info.height), info.times.tick());
        encoder.send(&header)?;
        Ok(encoder)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        let sent = self.running.pipe.as_mut().is_some_and(|pipe| pipe.write_all(bytes).is_ok());
        if sent { Ok(()) } else { Err(self.failure()) }
    }

    /// The exit status and the messages of ffmpeg.
    fn ending(&mut self) -> (Option<ExitStatus>, String) {
        self.running.pipe = None;
        let words = self.running.words.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let status = self.running.process.wait().ok();
        (status, String::from_utf8_lossy(&words).into_owned())
    }

    /// The error that describes why ffmpeg stopped.
    fn failure(&mut self) -> MediaError {
        let (status, words) = self.ending();
        self.reason(status, &words)
    }

    fn reason(&self, status: Option<ExitStatus>, words: &str) -> MediaError {
        let path = self.fresh.target().to_owned();
        if words.contains(NO_SPACE) {
            return MediaError::Full(path);
        }
        let why = status.map_or_else(
            || "ffmpeg could not be waited for".to_owned(),
            |status| ffmpeg::reason(status, words.as_bytes()),
        );
        MediaError::Unwritable { path, why }
    }
}

/// The system's message for a full disk, as ffmpeg repeats it.
const NO_SPACE: &str = "No space left on device";

impl Sink for VideoSink {
    fn write(&mut self, _number: u32, picture: &Picture) -> Result<(), MediaError> {
        let picture = picture.with_channels(if self.alpha { 4 } else { 3 });
        let bytes: Vec<u8> = if self.sixteen {
            picture.to_sixteen().into_iter().flat_map(u16::to_le_bytes).collect()
        } else {
            picture.to_eight()
        };
        let time = self.times.start(self.frames as usize);
        self.frames += 1;
        self.send(&ivf::frame_header(bytes.len(), time))?;
        self.send(&bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<(), MediaError> {
        let flushed = self.running.pipe.take().is_some_and(|mut pipe| pipe.flush().is_ok());
        let (status, words) = self.ending();
        // ffmpeg exits successfully even if the last bytes did not fit, so its messages and the file are checked,
        // too.
        if !flushed || !status.is_some_and(|status| status.success()) || words.contains(NO_SPACE) {
            return Err(self.reason(status, &words));
        }
        let found = ffmpeg::count_packets(self.fresh.path());
        if found.is_none_or(|found| found < self.frames) {
            let why = ffmpeg::last_line(words.as_bytes()).map_or_else(String::new, |why| format!(": {why}"));
            return Err(MediaError::Unwritable {
                path: self.fresh.target().to_owned(),
                why: format!("ffmpeg wrote {} of {} frames{why}", found.unwrap_or(0), self.frames),
            });
        }
        let done = *self;
        done.fresh.publish()
    }
}

/// The bitstream filter that sets the duration of the last frame: a frame has no duration, and the muxer repeats that
/// of the frame before. The filter's time base is not that of its packets in every version of ffmpeg, so the duration
/// is given as a multiple of the packets' own. `None` if the duration is that of the frame before.
fn last_length(times: &Times, frames: u32) -> Option<String> {
    let last = frames.checked_sub(1)?;
    let length = times.last_held(last as usize)?;
    let length = match times.start(last as usize) {
        0 => format!("{length}*DURATION"),
        start => format!("{length}*(PTS-STARTPTS)/{start}"),
    };
    Some(format!("setts=duration=if(eq(N\\,{last})\\,{length}\\,DURATION)"))
}

/// The codec settings for a container.
struct Codec {
    arguments: &'static [&'static str],
    format: &'static str,
    sixteen: bool,
    alpha: bool,
}

const H264: &[&str] = &["-c:v", "libx264", "-crf", "16", "-preset", "medium"];
/// With the tag that Apple's players need for HEVC.
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
/// Matroska has codec tags of its own.
const HEVC_MKV: &[&str] =
    &["-c:v", "libx265", "-crf", "16", "-preset", "medium", "-x265-params", "log-level=error"];
const PRORES: &[&str] = &["-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16"];
const PRORES_HQ: &[&str] = &["-c:v", "prores_ks", "-profile:v", "hq"];
const VP9: &[&str] = &["-c:v", "libvpx-vp9", "-crf", "20", "-b:v", "0", "-row-mt", "1", "-deadline", "good"];

/// Whether a video with this extension can hold the clip's alpha.
pub fn holds_alpha(extension: &str, info: &Info) -> bool {
    codec(extension, info).alpha
}

/// Whether ffmpeg has an encoder that supports a pixel format.
fn encodes(encoder: &str, format: &str) -> bool {
    ffmpeg::lists(&format!("encoder={encoder}"), format)
}

/// Bits per channel of a video with this extension.
pub fn bits(extension: &str, info: &Info) -> u8 {
    stream::bits(codec(extension, info).format)
}

fn codec(extension: &str, info: &Info) -> Codec {
    // 4:2:0 chroma needs even sides.
    let even = info.width.is_multiple_of(2) && info.height.is_multiple_of(2);
    let deep = if even { "yuv420p10le" } else { "yuv444p10le" };
    // For stills with 16 bits an ordinary 8-bit video is written, since few players support more; for a video of more
    // than 8 bits, a deep one.
    let deep_video = info.bits > 8 && (info.bits < 16 || info.tracks.is_some());
    let (arguments, format, alpha) = match extension {
        "webm" if info.alpha && even => (VP9, "yuva420p", true),
        "webm" if deep_video && encodes("libvpx-vp9", deep) => (VP9, deep, false),
        "webm" => (VP9, if even { "yuv420p" } else { "yuv444p" }, false),
        "mov" if info.alpha => (PRORES, "yuva444p10le", true),
        "mov" if deep_video && even && !info.full_chroma => (PRORES_HQ, "yuv422p10le", false),
        "mov" if deep_video => (PRORES, "yuv444p10le", false),
        "mkv" if deep_video && encodes("libx265", deep) => (HEVC_MKV, deep, false),
        _ if deep_video && encodes("libx265", deep) => (HEVC, deep, false),
        "mkv" if info.bits > 8 => (H264, deep, false),
        _ if deep_video && encodes("libx264", deep) => (H264, deep, false),
        _ => (H264, if even { "yuv420p" } else { "yuv444p" }, false),
    };
    Codec { arguments, format, sixteen: info.bits > 8 || format.contains("p10"), alpha }
}

/// The filter that converts from RGB as the tags promise. The tags are set on the frames, too: newer versions of
/// ffmpeg take them from there.
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

/// The matrix by the scaler's name and by its tag. One that the scaler does not support becomes that of
/// high-definition video.
fn matrix(colour: &ColourTags) -> (&'static str, &'static str) {
    scaler_matrix(&colour.matrix).unwrap_or(("bt709", "bt709"))
}

/// The scaler's name of a matrix and its tag; `None` if the scaler does not support it.
pub fn scaler_matrix(tag: &str) -> Option<(&'static str, &'static str)> {
    Some(match tag {
        "bt709" => ("bt709", "bt709"),
        "bt470bg" => ("bt470", "bt470bg"),
        // The scaler treats the constant-luminance matrix like the other one.
        "bt2020nc" | "bt2020c" => ("bt2020", "bt2020nc"),
        "smpte170m" => ("smpte170m", "smpte170m"),
        "smpte240m" => ("smpte240m", "smpte240m"),
        "fcc" => ("fcc", "fcc"),
        _ => return None,
    })
}

/// The transfer curve as an option; ffmpeg reports two curves under names that differ from those of the option.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_last_frame_of_another_length_is_told() {
        assert_eq!(last_length(&Times::even(25.0, 4), 4), None);
        let held = Times::from_durations(&[0.1, 0.1, 3.0]);
        assert_eq!(
            last_length(&held, 3).as_deref(),
            Some("setts=duration=if(eq(N\\,2)\\,270000*(PTS-STARTPTS)/18000\\,DURATION)")
        );
        assert_eq!(
            last_length(&held.part(3, 3), 1).as_deref(),
            Some("setts=duration=if(eq(N\\,0)\\,270000*DURATION\\,DURATION)")
        );
    }
}
