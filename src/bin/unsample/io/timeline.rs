//! What ffprobe finds when it decodes a video once: the time of every frame, and what is wrong with some.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::ffmpeg::{file_argument, reason, run};
use super::stream::number_pair;
use super::times::{Tick, Times};
use super::{MediaError, list};

/// The frames of a video.
pub struct Timeline {
    /// How many there are.
    pub frames: u32,
    /// When they are shown.
    pub times: Times,
    /// What the user should know, a sentence each.
    pub notices: Vec<String>,
}

/// Decodes the whole video: containers err about the number of frames, and an edit list, a changing rate or a damaged
/// place would otherwise show only in the middle of a render. `zero` is the time in seconds with which the file's
/// clock begins, `fps` the rate that the container says.
pub fn read(path: &Path, stream: &Value, zero: f64, fps: f64) -> Result<Timeline, MediaError> {
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-select_streams",
        "V:0",
        "-show_frames",
        "-show_log",
        "16",
        "-show_entries",
    ]);
    command.arg(
        "frame=best_effort_timestamp,pkt_duration,duration,interlaced_frame,top_field_first,width,height:log=message",
    );
    command.args(["-of", "json"]).arg(file_argument(path)).stdin(Stdio::null());
    let output = run(&mut command).map_err(|error| MediaError::read(path, error))?;
    let json: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| MediaError::read(path, reason(output.status, &output.stderr)))?;
    let frames = json["frames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let count = u32::try_from(frames.len()).map_err(|_| MediaError::read(path, "it has too many frames"))?;
    if count == 0 {
        return Err(MediaError::read(path, "none of its frames can be decoded"));
    }
    let mut notices = Vec::new();
    let times = times(stream, frames, zero, fps).unwrap_or_else(|| {
        notices.push(format!(
            "{} gives no usable times for its frames; they are taken at {fps:.3} frames a second",
            path.display()
        ));
        Times::even(fps, count)
    });
    notices.extend(damage(path, stream, frames, &output.stderr));
    notices.extend(interlaced(path, stream, frames));
    notices.extend(changing_size(path, frames));
    Ok(Timeline { frames: count, times, notices })
}

fn times(stream: &Value, frames: &[Value], zero: f64, fps: f64) -> Option<Times> {
    let (numerator, denominator) = number_pair(stream["time_base"].as_str(), '/')?;
    let tick = Tick { numerator, denominator };
    let starts: Vec<i64> =
        frames.iter().map(|frame| frame["best_effort_timestamp"].as_i64()).collect::<Option<_>>()?;
    let last = frames.last()?;
    // Newer versions have another name for it.
    let duration = last["duration"].as_i64().or_else(|| last["pkt_duration"].as_i64());
    let usual = (1.0 / (fps * tick.seconds())).round().max(1.0) as i64;
    let end = starts.last()? + duration.filter(|&ticks| ticks > 0).unwrap_or(usual);
    Times::from_ticks(tick, &starts, end, zero, fps)
}

/// Frames that a decoder complained of, and frames that are not there at all.
fn damage(path: &Path, stream: &Value, frames: &[Value], stderr: &[u8]) -> Option<String> {
    let broken: Vec<u32> = (1..)
        .zip(frames)
        .filter(|(_, frame)| frame["logs"].as_array().is_some_and(|logs| !logs.is_empty()))
        .map(|(number, _)| number)
        .collect();
    let said = String::from_utf8_lossy(stderr);
    let promised = stream["nb_frames"].as_str().and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let lost = if said.trim().is_empty() { 0 } else { promised.saturating_sub(frames.len()) };
    if broken.is_empty() && lost == 0 {
        return None;
    }
    let mut sentence = format!("{} is damaged", path.display());
    if !broken.is_empty() {
        sentence +=
            &format!(" at frame{} {}", if broken.len() == 1 { "" } else { "s" }, list::numbers(&broken));
    }
    if lost > 0 {
        sentence += &format!("; {} of its {promised} frames can be read", frames.len());
    }
    Some(sentence + "; what the decoder makes of it is used")
}

/// Fields are two moments in one frame, and a model takes their comb for texture.
fn interlaced(path: &Path, stream: &Value, frames: &[Value]) -> Option<String> {
    let marked = frames.iter().filter(|frame| frame["interlaced_frame"].as_i64() == Some(1)).count();
    let order = stream["field_order"].as_str().unwrap_or("progressive");
    if marked == 0 && !matches!(order, "tt" | "bb" | "tb" | "bt") {
        return None;
    }
    let part = if marked > 0 && marked < frames.len() {
        format!("{marked} of its {} frames are", frames.len())
    } else {
        "it is".to_owned()
    };
    Some(format!(
        "{}: {part} interlaced, and fields are not taken apart here: deinterlace it first, for instance with \
         ffmpeg -i IN -vf bwdif=mode=send_frame OUT",
        path.display()
    ))
}

fn changing_size(path: &Path, frames: &[Value]) -> Option<String> {
    let size = |frame: &Value| (frame["width"].as_u64(), frame["height"].as_u64());
    let first = size(frames.first()?);
    let at = frames.iter().position(|frame| size(frame) != first)?;
    Some(format!(
        "{} changes its size at frame {}; from there on frames are scaled to the first one's size",
        path.display(),
        at + 1
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn frame(time: i64) -> Value {
        json!({"best_effort_timestamp": time, "pkt_duration": 40, "width": 64, "height": 48, "logs": []})
    }

    #[test]
    fn what_is_wrong_with_frames_is_told_by_number() {
        let path = Path::new("a.mp4");
        let mut frames = vec![frame(0), frame(40), frame(80), frame(120)];
        assert_eq!(damage(path, &json!({"nb_frames": "4"}), &frames, b""), None);
        // An edit list hides frames without any damage.
        assert_eq!(damage(path, &json!({"nb_frames": "9"}), &frames, b""), None);
        for index in [1, 2] {
            frames[index]["logs"] = json!([{"message": "error while decoding"}]);
        }
        let sentence = damage(path, &json!({"nb_frames": "6"}), &frames, b"partial file").unwrap();
        assert!(sentence.starts_with("a.mp4 is damaged at frames 2-3; 4 of its 6 frames"), "{sentence}");
        assert_eq!(changing_size(path, &frames), None);
        frames[2]["width"] = 32.into();
        assert!(changing_size(path, &frames).unwrap().contains("at frame 3"));
    }

    #[test]
    fn fields_are_told_by_stream_or_frame() {
        let path = Path::new("a.mp4");
        let frames = vec![frame(0), frame(40)];
        assert_eq!(interlaced(path, &json!({"field_order": "progressive"}), &frames), None);
        assert!(interlaced(path, &json!({"field_order": "tt"}), &frames).is_some());
        let mut marked = frames.clone();
        marked[1]["interlaced_frame"] = 1.into();
        assert!(interlaced(path, &json!({}), &marked).unwrap().contains("1 of its 2 frames"));
    }
}
