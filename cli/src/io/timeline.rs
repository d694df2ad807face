//! The result of decoding a video once with ffprobe: the timestamp of every frame, and problems of individual frames.

use std::path::Path;
use std::process::{Command, Stdio};

use frame::convert::{to_f64, to_frame, to_i64, to_u64};
use serde_json::Value;

use super::ffmpeg::{file_argument, reason, run};
use super::stream::{number_pair, ratio};
use super::times::{Tick, Times};
use super::{MediaError, list};

/// The frames of a video.
pub struct Timeline {
    /// The number of frames.
    pub frames: u32,
    /// The timestamps of the frames.
    pub times: Times,
    /// Notices for the user, one sentence each.
    pub notices: Vec<String>,
}

/// Decodes the whole video: containers may state a wrong number of frames, and an edit list, a varying rate or a
/// damaged place would otherwise show only in the middle of a render. `stream` and `format` are ffprobe's JSON for
/// the video stream and its file, `fps` is the rate that the container states.
pub fn read(path: &Path, stream: &Value, format: &Value, fps: f64) -> Result<Timeline, MediaError> {
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "level+warning",
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
    let container = Container { stream, format, words: &String::from_utf8_lossy(&output.stderr) };
    let mut notices = Vec::new();
    let times = container.times(frames, fps).unwrap_or_else(|| {
        // An elementary stream has a rate but no timestamps; one without a rate is given this one.
        let bare = frames.iter().all(|frame| frame["best_effort_timestamp"].is_null());
        if !bare || fps == UNKNOWN_FPS {
            notices.push(format!(
                "{} gives no usable times for its frames; they are taken at {fps:.3} frames a second",
                path.display()
            ));
        }
        Times::even(fps, count)
    });
    notices.extend(damage(path, &container, frames, &times));
    notices.extend(interlaced(path, stream, frames));
    notices.extend(graded(path, stream, frames));
    notices.extend(changing_size(path, frames));
    Ok(Timeline { frames: count, times, notices })
}

/// ffmpeg's default for streams without a rate.
const UNKNOWN_FPS: f64 = 25.0;

/// The container of the frames.
struct Container<'a> {
    /// ffprobe's JSON for the video stream.
    stream: &'a Value,
    /// ffprobe's JSON for the file.
    format: &'a Value,
    /// ffprobe's messages while decoding, one per line, with their levels.
    words: &'a str,
}

impl Container<'_> {
    fn is(&self, name: &str) -> bool {
        let names = self.format["format_name"].as_str().unwrap_or_default();
        names.split(',').any(|other| other == name)
    }

    fn tick(&self) -> Option<Tick> {
        let (numerator, denominator) = number_pair(self.stream["time_base"].as_str(), '/')?;
        Some(Tick { numerator, denominator })
    }

    /// The number of frames that the container states. AVI counts chunks, which may be fields, each one tick long.
    fn promised_frames(&self, fps: f64) -> Option<usize> {
        let count = self.stream["nb_frames"].as_str()?.parse::<usize>().ok()?;
        match self.tick().filter(|_| self.is("avi")) {
            Some(tick) => usize::try_from(to_u64((to_f64(count) * tick.seconds() * fps).round())).ok(),
            None => Some(count),
        }
    }

    /// The duration of the video in seconds that the container states.
    fn promised_seconds(&self) -> Option<f64> {
        let number = |value: &Value| value.as_str()?.parse::<f64>().ok();
        number(&self.stream["duration"])
            .or_else(|| clock(self.stream["tags"]["DURATION"].as_str()?))
            .or_else(|| number(&self.format["duration"]))
    }

    /// The timestamps of the frames; `None` if most of them have none.
    fn times(&self, frames: &[Value], fps: f64) -> Option<Times> {
        let tick = self.tick()?;
        let stamps: Vec<_> = frames.iter().map(|frame| frame["best_effort_timestamp"].as_i64()).collect();
        let (mut starts, step) = filled(&stamps)?;
        let zero = self.format["start_time"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let last = frames.last()?;
        // Newer versions of ffprobe use another name.
        let duration = last["duration"].as_i64().or_else(|| last["pkt_duration"].as_i64());
        let usual = if step > 0 { step } else { to_frame((1.0 / (fps * tick.seconds())).round().max(1.0)) };
        let said = stamps.last()?.and(duration).filter(|&ticks| ticks > 0);
        let mut end = starts.last()? + said.unwrap_or(usual);
        if self.is("avi") {
            // The container has decoding timestamps only, which are late by the decoder's delay, and durations of
            // fields.
            let late = starts.first()? - self.stream["start_pts"].as_i64().unwrap_or(0);
            starts.iter_mut().for_each(|start| *start -= late);
            end = starts.last()? + usual;
        }
        if self.is("matroska")
            && !self.is_cut_off()
            && let Some(seconds) = clock(self.stream["tags"]["DURATION"].as_str().unwrap_or_default())
        {
            // Frames have no duration there, and the last one may be held. If the first frame is late, some programs
            // count the duration from it and some do not.
            let said = to_frame((seconds / tick.seconds()).round());
            if said > end || starts.first() == Some(&0) && said > *starts.last()? {
                end = said;
            }
        }
        let rates = [Some(fps), ratio(self.stream["r_frame_rate"].as_str(), '/')];
        Times::from_ticks(tick, &starts, end, zero, &rates.into_iter().flatten().collect::<Vec<_>>())
    }

    /// Whether the file ends before its last element does.
    fn is_cut_off(&self) -> bool {
        self.words.contains("File ended prematurely")
            || self.is("flv") && self.words.contains("Packet corrupt")
    }

    fn has_errors(&self) -> bool {
        self.words.contains("[error]") || self.words.contains("[fatal]")
    }

    /// The notice about a clip that is shorter than its container states.
    fn incomplete(&self, count: usize, times: &Times) -> Option<String> {
        let seconds = times.seconds(count);
        if self.is_cut_off() {
            let of = self.promised_seconds().filter(|&promised| promised > seconds);
            let of = of.map_or_else(String::new, |of| format!(", {seconds:.1} of its {of:.1} seconds"));
            return Some(format!("is cut off: {count} frames can be read{of}"));
        }
        let promised = self.promised_frames(times.fps())?;
        // For AVI, which has no edit lists that hide frames, an index with more frames is sufficient evidence.
        let ends_early = self.is("avi") && to_f64(promised) > seconds * times.fps() + 2.0;
        (promised > count && (self.has_errors() || ends_early))
            .then(|| format!("is cut off or damaged: {count} of its {promised} frames can be read"))
    }
}

/// The timestamps of all frames and the median step between two of them, 0 for a single frame. A frame without a
/// timestamp, or with one that is not later than those before, is placed evenly between its neighbours. `None` if
/// most frames are like that.
fn filled(stamps: &[Option<i64>]) -> Option<(Vec<i64>, i64)> {
    let mut known: Vec<(usize, i64)> = Vec::new();
    for (index, stamp) in stamps.iter().enumerate() {
        if let Some(time) = *stamp
            && known.last().is_none_or(|&(_, last)| time > last)
        {
            known.push((index, time));
        }
    }
    let (&(first_index, first), &(last_index, last)) = (known.first()?, known.last()?);
    if known.len() * 2 < stamps.len() {
        return None;
    }
    let mut steps: Vec<i64> =
        known.windows(2).map(|pair| (pair[1].1 - pair[0].1) / to_i64(pair[1].0 - pair[0].0)).collect();
    steps.sort_unstable();
    let step = steps.get(steps.len() / 2).copied().unwrap_or(0);
    let mut times: Vec<i64> =
        (0..first_index).map(|index| first - step * to_i64(first_index - index)).collect();
    for pair in known.windows(2) {
        let ((from, begin), (to, end)) = (pair[0], pair[1]);
        let between = |index: usize| begin + (end - begin) * to_i64(index - from) / to_i64(to - from);
        times.extend((from..to).map(between));
    }
    times.extend((last_index..stamps.len()).map(|index| last + step * to_i64(index - last_index)));
    Some((times, step))
}

/// Parses a duration such as `00:00:04.023000000` into seconds.
fn clock(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    Some(seconds)
}

/// The notice about frames that a decoder complained about, and about missing frames.
fn damage(path: &Path, container: &Container, frames: &[Value], times: &Times) -> Option<String> {
    let broken: Vec<u32> = (1..)
        .zip(frames)
        .filter(|(_, frame)| frame["logs"].as_array().is_some_and(|logs| !logs.is_empty()))
        .map(|(number, _)| number)
        .collect();
    let plural = if broken.len() == 1 { "" } else { "s" };
    let places = format!("at frame{plural} {}", list::numbers(&broken));
    let found = match (container.incomplete(frames.len(), times), broken.is_empty()) {
        (None, true) => return None,
        (None, false) => format!("is damaged {places}"),
        (Some(part), true) => part,
        (Some(part), false) => format!("{part}, with damage {places}"),
    };
    Some(format!("{} {found}; what can be read of it is used", path.display()))
}

/// The notice about interlaced video: a frame contains two moments, and the model would take the combing for texture.
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

/// The notice about the metadata of the display that a video was graded on, which is not carried over.
fn graded(path: &Path, stream: &Value, frames: &[Value]) -> Option<String> {
    let marks = ["Mastering display", "Content light level", "HDR Dynamic", "Dolby Vision", "DOVI"];
    let marked = |data: &Value| {
        data["side_data_type"].as_str().is_some_and(|kind| marks.iter().any(|mark| kind.contains(mark)))
    };
    let lists = std::iter::once(stream).chain(frames).filter_map(|owner| owner["side_data_list"].as_array());
    lists.flatten().any(marked).then(|| {
        format!(
            "{}: its data on HDR displays (mastering display, light levels, Dolby Vision) is not used and not written",
            path.display()
        )
    })
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

    fn container<'a>(stream: &'a Value, format: &'a Value, words: &'a str) -> Container<'a> {
        Container { stream, format, words }
    }

    #[test]
    fn what_is_wrong_with_frames_is_told_by_number() {
        let path = Path::new("a.mp4");
        let mut frames = vec![frame(0), frame(40), frame(80), frame(120)];
        let (mp4, times) = (json!({"format_name": "mov,mp4"}), Times::even(25.0, 4));
        let damage = |stream: Value, words: &str, frames: &[Value]| {
            damage(path, &container(&stream, &mp4, words), frames, &times)
        };
        assert_eq!(damage(json!({"nb_frames": "4"}), "", &frames), None);
        // An edit list hides frames without any damage.
        assert_eq!(damage(json!({"nb_frames": "9"}), "[h264 @ 0x1] [warning] odd", &frames), None);
        for index in [1, 2] {
            frames[index]["logs"] = json!([{"message": "error while decoding"}]);
        }
        let broken = damage(json!({}), "", &frames).unwrap();
        assert!(broken.starts_with("a.mp4 is damaged at frames 2-3; what"), "{broken}");
        let sentence =
            damage(json!({"nb_frames": "6"}), "[mov @ 0x1] [error] partial file", &frames).unwrap();
        let want =
            "a.mp4 is cut off or damaged: 4 of its 6 frames can be read, with damage at frames 2-3; what";
        assert!(sentence.starts_with(want), "{sentence}");
        assert_eq!(changing_size(path, &frames), None);
        frames[2]["width"] = 32.into();
        assert!(changing_size(path, &frames).unwrap().contains("at frame 3"));
    }

    #[test]
    fn a_file_that_ends_early_is_told_by_every_container() {
        let frames: Vec<Value> = (0..24).map(|nth| frame(nth * 40)).collect();
        let times = Times::even(25.0, 24);
        let told = |stream: Value, name: &str, words: &str| {
            let format = json!({"format_name": name, "duration": "4.000"});
            damage(Path::new("a"), &container(&stream, &format, words), &frames, &times).unwrap_or_default()
        };
        let early = "[matroska,webm @ 0x1] [error] File ended prematurely";
        let tagged = json!({"tags": {"DURATION": "00:01:02.500000000"}});
        assert_eq!(
            told(tagged, "matroska,webm", early),
            "a is cut off: 24 frames can be read, 1.0 of its 62.5 seconds; what can be read of it is used"
        );
        let corrupt = "[flv @ 0x1] [warning] Packet corrupt (stream = 0, dts = 2000).";
        assert!(told(json!({}), "flv", corrupt).contains("1.0 of its 4.0 seconds"));
        // A recorded broadcast may end in the middle of a packet.
        assert_eq!(told(json!({}), "mpegts", corrupt), "");
        // Two fields per frame.
        let fields = |count: u32| json!({"nb_frames": count.to_string(), "time_base": "1/50"});
        assert!(told(fields(96), "avi", "").contains("24 of its 48 frames"));
        assert_eq!(told(fields(48), "avi", ""), "");
    }

    #[test]
    fn missing_and_repeated_times_are_put_between_their_neighbours() {
        let known = |times: &[i64]| times.iter().map(|&time| (time >= 0).then_some(time)).collect::<Vec<_>>();
        assert_eq!(filled(&known(&[-1, 40, 80, -1, 160, -1])), Some((vec![0, 40, 80, 120, 160, 200], 40)));
        assert_eq!(filled(&known(&[0, 40, 40, 120, 160])), Some((vec![0, 40, 80, 120, 160], 40)));
        assert_eq!(filled(&known(&[7])), Some((vec![7], 0)));
        assert_eq!(filled(&known(&[0, -1, -1, -1])), None);
        assert_eq!(filled(&known(&[-1, -1])), None);
    }

    #[test]
    fn fields_in_avi_are_no_frames() {
        let avi = json!({"format_name": "avi", "start_time": "0.000000"});
        let stream = json!({"time_base": "1/24", "start_pts": 0, "r_frame_rate": "12/1"});
        let mut frames: Vec<Value> = (0..6).map(|nth| frame(4 + 2 * nth)).collect();
        for last in &mut frames[4..] {
            last["best_effort_timestamp"] = Value::Null;
        }
        frames.iter_mut().for_each(|frame| frame["pkt_duration"] = 1.into());
        assert_eq!(container(&stream, &avi, "").times(&frames, 24.0), Some(Times::even(12.0, 6)));
    }

    #[test]
    fn the_last_frame_of_matroska_is_held_as_its_track_says() {
        let stream = json!({"time_base": "1/1000", "tags": {"DURATION": "00:00:03.200000000"}});
        let matroska = json!({"format_name": "matroska,webm", "start_time": "0.000000"});
        let frames = [frame(0), frame(100), frame(200)];
        let times = container(&stream, &matroska, "").times(&frames, 10.0).unwrap();
        assert!((times.seconds(3) - 3.2).abs() < 1e-9 && (times.seconds(2) - 0.2).abs() < 1e-9);
        let cut = container(&stream, &matroska, "[error] File ended prematurely");
        assert!(cut.times(&frames, 10.0).unwrap().seconds(3) < 0.31);
    }

    #[test]
    fn data_on_displays_is_told_by_stream_or_frame() {
        let path = Path::new("a.mp4");
        let light = json!([{"side_data_type": "Content light level metadata"}]);
        let mut frames = vec![frame(0), frame(40)];
        frames[0]["side_data_list"] =
            json!([{"side_data_type": "H.26[45] User Data Unregistered SEI message"}]);
        assert_eq!(graded(path, &json!({}), &frames), None);
        assert!(graded(path, &json!({"side_data_list": light}), &frames).is_some());
        frames[1]["side_data_list"] = light;
        assert!(graded(path, &json!({}), &frames).unwrap().contains("is not used and not written"));
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
