//! The other tracks of a video file: sound, subtitles, chapters. They are copied into a rendered video as far as its
//! container can hold them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::names;

/// A sound or subtitle track.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Track {
    /// The index of the stream in the file.
    index: u64,
    /// ffmpeg's name of the codec.
    codec: String,
    /// Whether the file has sound before the start of the track that an edit list hides.
    cut: bool,
}

/// The tracks of a file other than the video that is rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracks {
    path: PathBuf,
    audio: Vec<Track>,
    subtitles: Vec<Track>,
    /// Number of other streams: timecode, sensor data, cover images, attached fonts.
    others: usize,
    chapters: usize,
    /// The part of the tracks to use if not all: start and length in seconds.
    part: Option<(f64, f64)>,
}

/// ffmpeg's arguments for the tracks.
#[derive(Debug, Default)]
pub struct TrackArguments {
    /// TrackArguments that open the file as ffmpeg's second input.
    pub input: Vec<OsString>,
    /// TrackArguments that map and encode its tracks.
    pub output: Vec<OsString>,
}

impl Tracks {
    /// The tracks in ffprobe's JSON of a file, without the video stream `taken`. `packets` is ffprobe's JSON of the
    /// first audio packets.
    pub fn of(path: &Path, json: &Value, packets: &Value, taken: Option<u64>) -> Self {
        let mut tracks = Self {
            path: path.to_owned(),
            audio: Vec::new(),
            subtitles: Vec::new(),
            others: 0,
            chapters: json["chapters"].as_array().map_or(0, Vec::len),
            part: None,
        };
        for stream in json["streams"].as_array().into_iter().flatten() {
            let index = stream["index"].as_u64();
            if index == taken {
                continue;
            }
            let codec = stream["codec_name"].as_str().unwrap_or_default().to_owned();
            match (stream["codec_type"].as_str(), index) {
                (Some("audio"), Some(index)) => {
                    let cut = hidden(stream, packets) > LEAD_IN;
                    tracks.audio.push(Track { index, codec, cut });
                }
                (Some("subtitle"), Some(index)) => tracks.subtitles.push(Track { index, codec, cut: false }),
                _ => tracks.others += 1,
            }
        }
        tracks
    }

    /// The same tracks from `start`, in seconds from the beginning of the file, for `length` seconds.
    pub fn part(&self, start: f64, length: f64) -> Self {
        Self { part: Some((start, length)), ..self.clone() }
    }

    /// Whether there is any sound.
    pub fn has_sound(&self) -> bool {
        !self.audio.is_empty()
    }

    /// The arguments for an output with this extension, and descriptions of what it will lack, as parts of a
    /// sentence.
    pub fn arguments(&self, extension: &str) -> (TrackArguments, Vec<String>) {
        let mut arguments = TrackArguments::default();
        let mut missing = Vec::new();
        if let Some((start, length)) = self.part {
            for (name, seconds) in [("-ss", start), ("-t", length)] {
                arguments.input.extend([name.into(), format!("{seconds:.6}").into()]);
            }
        }
        arguments.input.extend(["-i".into(), super::ffmpeg::file_argument(&self.path)]);
        let mut say = |words: &[&str]| arguments.output.extend(words.iter().map(OsString::from));
        for (nth, track) in self.audio.iter().enumerate() {
            say(&["-map", &format!("1:{}", track.index)]);
            let codec = self.audio_codec(extension, track);
            say(&[&format!("-c:a:{nth}"), codec]);
            if codec == "aac" {
                say(&[&format!("-b:a:{nth}"), "256k"]);
            }
        }
        let mut kept = 0;
        let mut lost = 0;
        for track in &self.subtitles {
            match subtitle_codec(extension, &track.codec).filter(|_| self.part.is_none()) {
                Some(codec) => {
                    say(&["-map", &format!("1:{}", track.index), &format!("-c:s:{kept}"), codec]);
                    kept += 1;
                }
                None => lost += 1,
            }
        }
        let chapters = if self.part.is_none() { "1" } else { "-1" };
        say(&["-map_metadata", "1", "-map_chapters", chapters]);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        if lost > 0 {
            missing.push(format!("{lost} track{} of subtitles", plural(lost)));
        }
        if self.others > 0 {
            missing.push(format!("{} other track{}", self.others, plural(self.others)));
        }
        if self.chapters > 0 && (self.part.is_some() || extension == "avi") {
            missing.push("the chapters".to_owned());
        }
        (arguments, missing)
    }

    /// The audio codec: a copy if the container supports it. A part of the sound is re-encoded, since packets do not
    /// end where frames do, and so is sound with a hidden beginning in containers without edit lists.
    fn audio_codec(&self, extension: &str, track: &Track) -> &'static str {
        let codec = track.codec.as_str();
        let held: &[&str] = match extension {
            "mp4" | "m4v" => &["aac", "mp3", "ac3", "eac3", "alac", "opus"],
            "mov" => {
                &["aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"]
            }
            "webm" => &["opus", "vorbis"],
            "avi" => &["mp3", "ac3", "mp2", "pcm_s16le", "pcm_u8"],
            _ => &[],
        };
        let same = names::extension(&self.path) == extension;
        let whole = self.part.is_none() && (!track.cut || matches!(extension, "mp4" | "m4v" | "mov"));
        if whole && (same || extension == "mkv" || held.contains(&codec)) {
            return "copy";
        }
        match (extension, codec) {
            ("webm", _) => "libopus",
            ("mov" | "mkv", "pcm_s24le" | "pcm_s24be" | "pcm_s32le" | "pcm_f32le") => "pcm_s24le",
            ("mov" | "mkv" | "avi", codec) if codec.starts_with("pcm_") => "pcm_s16le",
            ("avi", _) => "pcm_s16le",
            ("mkv", "flac") => "flac",
            _ => "aac",
        }
    }
}

/// Seconds of sound before the start that are an encoder's priming samples, and silent.
const LEAD_IN: f64 = 0.1;

/// How many seconds of sound the file has before the start of the stream.
fn hidden(stream: &Value, packets: &Value) -> f64 {
    let number = |value: &Value| value.as_str()?.parse::<f64>().ok();
    let own = |packet: &&Value| packet["stream_index"] == stream["index"];
    let first = packets["packets"].as_array().into_iter().flatten().find(own);
    let (begin, first) =
        (number(&stream["start_time"]), first.and_then(|packet| number(&packet["pts_time"])));
    begin.zip(first).map_or(0.0, |(begin, first)| begin - first)
}

/// The subtitle codec for a container; `None` if it cannot hold subtitles of this kind.
fn subtitle_codec(extension: &str, codec: &str) -> Option<&'static str> {
    let text = matches!(codec, "subrip" | "srt" | "ass" | "ssa" | "webvtt" | "text" | "mov_text");
    match extension {
        "mkv" => Some(if codec == "mov_text" { "srt" } else { "copy" }),
        "mp4" | "m4v" | "mov" if codec == "mov_text" => Some("copy"),
        "mp4" | "m4v" | "mov" if text => Some("mov_text"),
        "webm" if codec == "webvtt" => Some("copy"),
        "webm" if text => Some("webvtt"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tracks() -> Tracks {
        let stream = |index: u64, kind: &str, codec: &str| json!({"index": index, "codec_type": kind, "codec_name": codec});
        let streams = [
            stream(0, "video", "h264"),
            stream(1, "audio", "aac"),
            stream(2, "audio", "pcm_s16le"),
            stream(3, "subtitle", "subrip"),
            stream(4, "subtitle", "dvd_subtitle"),
            stream(5, "data", "bin_data"),
        ];
        let json = json!({"streams": streams, "chapters": [{}]});
        Tracks::of(Path::new("a.mkv"), &json, &Value::Null, Some(0))
    }

    fn words(arguments: &[OsString]) -> String {
        arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_track_is_kept_or_named() {
        let (arguments, missing) = tracks().arguments("mp4");
        assert_eq!(words(&arguments.input), "-i file:a.mkv");
        assert_eq!(
            words(&arguments.output),
            "-map 1:1 -c:a:0 copy -map 1:2 -c:a:1 aac -b:a:1 256k -map 1:3 -c:s:0 mov_text \
             -map_metadata 1 -map_chapters 1"
        );
        assert_eq!(missing, ["1 track of subtitles", "1 other track"]);
        let (arguments, missing) = tracks().arguments("mkv");
        assert!(words(&arguments.output).contains("-map 1:4 -c:s:1 copy"));
        assert_eq!(missing, ["1 other track"]);
    }

    #[test]
    fn hidden_sound_is_not_copied_to_where_it_would_be_heard() {
        let stream =
            json!({"index": 1, "codec_type": "audio", "codec_name": "aac", "start_time": "0.000000"});
        let json = json!({"streams": [stream]});
        for (first, hides) in [("-0.623220", true), ("-0.023220", false), ("0.000000", false)] {
            let packet = |index: u64, time: &str| json!({"stream_index": index, "pts_time": time});
            let packets = [packet(2, "-9.0"), packet(1, first), packet(1, "-0.6")];
            let tracks = Tracks::of(Path::new("a.mp4"), &json, &json!({"packets": packets}), None);
            for (extension, codec) in [("mkv", "aac"), ("mp4", "copy"), ("mov", "copy")] {
                let codec = if hides { codec } else { "copy" };
                let output = words(&tracks.arguments(extension).0.output);
                assert!(output.starts_with(&format!("-map 1:1 -c:a:0 {codec} ")), "{first}: {output}");
            }
        }
    }

    #[test]
    fn a_part_is_cut_where_its_frames_are() {
        let (arguments, missing) = tracks().part(0.4, 1.25).arguments("mkv");
        assert_eq!(words(&arguments.input), "-ss 0.400000 -t 1.250000 -i file:a.mkv");
        assert!(words(&arguments.output).starts_with("-map 1:1 -c:a:0 aac"));
        assert_eq!(missing, ["2 tracks of subtitles", "1 other track", "the chapters"]);
    }
}
