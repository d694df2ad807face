//! The system's ffmpeg: whether it is installed, and what it reports about a file.

use std::io::Read;
use std::path::Path;
use std::process::{ChildStderr, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use super::stop::{Process, When};
use super::stream::{self, Decoding, Described};
use super::tracks::Tracks;
use super::{Info, MediaError, timeline};

/// A video file that was probed.
pub struct Probed {
    /// Size, timestamps, colours and tracks of the clip.
    pub info: Info,
    /// How it has to be decoded.
    pub decoding: Decoding,
    /// Notices for the user, one sentence each.
    pub notices: Vec<String>,
}

/// Why ffmpeg cannot be used; the display text is a sentence without its full stop.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A program is not installed.
    #[error("ffmpeg is not installed here (no {0} was found in PATH)")]
    Absent(&'static str),
    /// A program is installed but does not run.
    #[error("ffmpeg does not run here: {0}")]
    Failing(String),
    /// A program was started and then killed.
    #[error("{0}")]
    Ended(String),
}

/// The version of the installed ffmpeg, as it prints it.
///
/// # Errors
/// ffmpeg or ffprobe is missing, broken, or was killed.
pub fn version() -> Result<String, Unusable> {
    let text = first_line("ffmpeg")?;
    first_line("ffprobe")?;
    Ok(text.split_whitespace().nth(2).unwrap_or("of an unknown version").to_owned())
}

fn first_line(program: &'static str) -> Result<String, Unusable> {
    let output = run(Command::new(program).arg("-version").stdin(Stdio::null())).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Unusable::Absent(program)
        } else {
            Unusable::Failing(error.to_string())
        }
    })?;
    if !output.status.success() {
        let reason = reason(output.status, &output.stderr);
        // A process that was killed by a signal has no exit code.
        return Err(match output.status.code() {
            Some(_) => Unusable::Failing(reason),
            None => Unusable::Ended(reason),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

/// Checks that ffmpeg can be used, before a video is read or written.
///
/// # Errors
/// It cannot be used.
pub fn require(path: &Path) -> Result<(), MediaError> {
    let path = path.to_owned();
    version().map(drop).map_err(|why| match why {
        Unusable::Ended(why) => MediaError::Video { path, why },
        why => MediaError::NoFfmpeg { path, why },
    })
}

/// The option that passes every decoded frame on exactly once, which had another name before ffmpeg 5.1.
pub fn passthrough() -> [&'static str; 2] {
    let old = version().is_ok_and(|version| {
        let mut numbers =
            version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
        numbers.next().is_some_and(|major| (major, numbers.next().unwrap_or(0)) < (5, 1))
    });
    if old { ["-vsync", "0"] } else { ["-fps_mode", "passthrough"] }
}

/// Whether ffmpeg's help on a topic, such as `encoder=libx264`, contains a word. Help on something that ffmpeg lacks
/// is an error message without it.
pub fn lists(topic: &str, word: &str) -> bool {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-h", topic]).stdin(Stdio::null());
    let Ok(output) = run(&mut command) else { return false };
    String::from_utf8_lossy(&output.stdout).split_whitespace().any(|other| other == word)
}

/// Asks ffprobe for the properties of a video, and decodes it once.
///
/// # Errors
/// ffmpeg cannot be used, or the file contains no video that it can decode.
pub fn probe(path: &Path) -> Result<Probed, MediaError> {
    require(path)?;
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_streams", "-show_format", "-show_chapters", "-of", "json"]);
    command.arg(file_argument(path)).stdin(Stdio::null());
    let output = run(&mut command).map_err(|error| MediaError::read(path, error))?;
    if !output.status.success() {
        return Err(MediaError::read(path, reason(output.status, &output.stderr)));
    }
    let json: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| MediaError::read(path, error))?;
    let streams = json["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    // A cover image does not count as video.
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
    let described = stream::describe(path, stream, |decoder| lists(&format!("decoder={decoder}"), decoder));
    let Described { mut info, decoding, mut notices } =
        described.ok_or_else(|| MediaError::read(path, "its video has no size"))?;
    let timeline = timeline::read(path, stream, &json["format"], info.fps)?;
    info.fps = timeline.times.fps();
    info.frames = timeline.frames;
    info.times = timeline.times;
    let packets = if is_mov(&json) { first_sound(path) } else { Value::Null };
    info.tracks = Some(Tracks::of(path, &json, &packets, stream["index"].as_u64()));
    notices.extend(timeline.notices);
    if videos.next().is_some() {
        notices.push(format!("{} holds several videos; the first one is taken", path.display()));
    }
    Ok(Probed { info, decoding, notices })
}

/// Whether a file is of the kind that has edit lists: MP4, QuickTime and related formats.
fn is_mov(json: &Value) -> bool {
    json["format"]["format_name"].as_str().is_some_and(|names| names.split(',').any(|name| name == "mov"))
}

/// ffprobe's JSON for the first audio packets; null if it fails.
fn first_sound(path: &Path) -> Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "a", "-read_intervals", "%+0.1"]);
    command.args(["-show_entries", "packet=stream_index,pts_time", "-of", "json"]);
    let output = run(command.arg(file_argument(path)).stdin(Stdio::null()));
    output.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok()).unwrap_or(Value::Null)
}

/// Runs a program until it ends or the user stops the render.
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
    let status = process.wait()?;
    Ok(Output { status, stdout: bytes, stderr })
}

/// Reads a program's standard error on a thread, so that the program never blocks on a full pipe.
pub fn collect(mut stderr: ChildStderr) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut words = Vec::new();
        let _ = stderr.read_to_end(&mut words);
        words
    })
}

/// The number of frames of a video, by its packets; `None` if it cannot be read.
pub fn count_packets(path: &Path) -> Option<u32> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-count_packets"]);
    command.args(["-show_entries", "stream=nb_read_packets", "-of", "default=nokey=1:noprint_wrappers=1"]);
    let output = run(command.arg(file_argument(path)).stdin(Stdio::null())).ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// A path in a form that ffmpeg takes neither for an option nor for a protocol.
pub fn file_argument(path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from("file:");
    argument.push(path);
    argument
}

/// Why ffmpeg ended early: its last message, unless it was killed.
pub fn reason(status: ExitStatus, stderr: &[u8]) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        match status.signal() {
            Some(libc::SIGKILL) => {
                return "ffmpeg was killed, as the system does when memory runs out".to_owned();
            }
            Some(_) => return format!("ffmpeg ended early ({status})"),
            None => {}
        }
    }
    last_line(stderr).unwrap_or_else(|| format!("ffmpeg ended early ({status})"))
}

/// The last line that a program printed, without the name and address of the component before it.
pub fn last_line(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let mut line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    while let Some((_, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
        line = rest;
    }
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_line_without_addresses() {
        let words = b"first\n[mov,mp4 @ 0x5594bc8e4240] [error] moov atom not found\n\n";
        assert_eq!(last_line(words).as_deref(), Some("moov atom not found"));
        assert_eq!(last_line(b"[a line of its own]\n").as_deref(), Some("[a line of its own]"));
        assert_eq!(last_line(b" \n"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_was_ended_is_not_one_that_is_absent() {
        let ended = |script: &str| run(Command::new("sh").args(["-c", script]).stdin(Stdio::null())).unwrap();
        let words = |script: &str| {
            let output = ended(script);
            reason(output.status, &output.stderr)
        };
        assert!(words("echo a picture is broken >&2; kill -KILL $$").contains("was killed"));
        assert_eq!(words("echo no such codec >&2; exit 1"), "no such codec");
        assert!(words("exit 3").starts_with("ffmpeg ended early (exit status: 3"));
        assert!(matches!(first_line("no-such-program-here"), Err(Unusable::Absent(_))));
        assert!(matches!(first_line("false"), Err(Unusable::Failing(_))));
    }
}
