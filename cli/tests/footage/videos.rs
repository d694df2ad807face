//! Videos as phones, recorders and editors produce them. These tests need ffmpeg.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Place, said};

/// Runs ffmpeg in the folder of a test; prints a message and returns `false` if it lacks what the arguments need.
fn ffmpeg(place: &Place, arguments: &str) -> bool {
    let mut command = Command::new("ffmpeg");
    command
        .current_dir(place.0.path())
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments.split_whitespace());
    let output = command.output().unwrap();
    if !output.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

fn probe(path: &Path, arguments: &str) -> Vec<String> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "csv=p=0"]).args(arguments.split_whitespace()).arg(path);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.trim_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The timestamps of a video's frames, in seconds.
fn times(place: &Place, name: &str) -> Vec<f64> {
    let fields = "-select_streams v:0 -show_entries frame=best_effort_timestamp_time";
    let parse = |line: &String| line.split(',').next()?.parse().ok();
    probe(&place.path(name), fields).iter().filter_map(parse).collect()
}

#[track_caller]
fn assert_times(name: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{name}: {got:?} for {want:?}");
    // Matroska rounds to milliseconds, and shifts everything if sound would begin before 0.
    let shift = if name.ends_with(".mkv") { got[0] - want[0] } else { 0.0 };
    assert!((0.0..0.05).contains(&shift), "{name}: {shift}");
    for (got, want) in got.iter().zip(want) {
        assert!((got - shift - want).abs() < 0.0011, "{name}: {got} for {want}");
    }
}

/// The time at which the sound becomes loud, in seconds on the clock of the file.
fn onset(place: &Place, name: &str) -> f64 {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-copyts", "-i"]).arg(place.path(name));
    command.args(["-map", "0:a:0", "-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-ac", "1"]);
    let samples = command.args(["-ar", "8000", "-"]).output().unwrap().stdout;
    let values = samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    values.into_iter().position(|value| value.unsigned_abs() > 3000).expect("a beep") as f64 / 8000.0
}

/// Two seconds at 10 frames per second with a beep at 1.0 s. After the first ten frames every third one is dropped.
const UNEVEN: &str = "-f lavfi -i testsrc2=s=64x48:r=10:d=2 \
    -f lavfi -i aevalsrc='0.5*sin(6283*t)*between(t,1,1.2)':s=44100:d=2 \
    -vf select='lt(n,10)+not(mod(n,3))' -fps_mode vfr -c:v libx264 -c:a aac -b:a 128k";

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn uneven_times_and_sound_stay_in_step() {
    let place = Place::new();
    if !ffmpeg(&place, &format!("{UNEVEN} in.mp4")) {
        return;
    }
    let want = times(&place, "in.mp4");
    let gaps: Vec<f64> = want.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().any(|gap| *gap > 0.15) && gaps.iter().any(|gap| *gap < 0.11), "{want:?}");
    for name in ["out.mp4", "out.mov", "out.mkv"] {
        place.fine("in.mp4", name, &[]);
        assert_times(name, &times(&place, name), &want);
        let begins = onset(&place, name) - times(&place, name)[0];
        assert!((begins - onset(&place, "in.mp4")).abs() < 0.005, "{name}: {begins}");
    }
    let said = place.fine("in.mp4", "out.avi", &[]);
    assert!(said.contains("out.avi will have an even rate"), "{said}");
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn a_part_of_a_clip_has_its_part_of_the_sound() {
    let place = Place::new();
    if !ffmpeg(&place, &format!("{UNEVEN} in.mp4")) {
        return;
    }
    let whole = times(&place, "in.mp4");
    let begins = onset(&place, "in.mp4");
    for name in ["part.mp4", "part.mkv"] {
        place.fine("in.mp4", name, &["--frames", "9-12"]);
        let want: Vec<f64> = whole[8..12].iter().map(|time| time - whole[8]).collect();
        assert_times(name, &times(&place, name), &want);
        let got = onset(&place, name) - times(&place, name)[0];
        assert!((got - (begins - whole[8])).abs() < 0.01, "{name}: {got} for {}", begins - whole[8]);
        let length: f64 = probe(&place.path(name), "-show_entries format=duration")[0].parse().unwrap();
        // Sound ends at the end of a packet.
        assert!((length - (whole[12] - whole[8])).abs() < 0.08, "{name}: {length}");
    }
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn a_late_picture_stays_late() {
    let place = Place::new();
    let late = "-f lavfi -itsoffset 0.6 -i testsrc2=s=64x48:r=10:d=1 \
        -f lavfi -i aevalsrc='0.5*sin(6283*t)*between(t,1,1.2)':s=44100:d=2 -map 0:v -map 1:a \
        -fps_mode passthrough";
    if !ffmpeg(&place, &format!("{late} -c:v libx264 -c:a aac in.mp4")) {
        return;
    }
    ffmpeg(&place, "-i in.mp4 -c copy in.ts");
    let want = times(&place, "in.mp4");
    assert!((want[0] - 0.6).abs() < 0.002, "{want:?}");
    let step = onset(&place, "in.mp4") - want[0];
    for (input, output) in [("in.mp4", "out.mp4"), ("in.mp4", "out.mkv"), ("in.ts", "ts.mp4")] {
        place.fine(input, output, &[]);
        let got = times(&place, output);
        let between = |times: &[f64]| -> Vec<f64> { times.iter().map(|time| time - times[0]).collect() };
        assert_times(output, &between(&got), &between(&want));
        let found = onset(&place, output) - got[0];
        assert!((found - step).abs() < 0.03, "{input} to {output}: {found} for {step}");
    }
}

/// With a constant rate, the first frame may start late all the same.
#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn a_late_start_is_kept_to_the_millisecond() {
    let place = Place::new();
    for (rate, late) in [("2", 0.739), ("24000/1001", 0.723)] {
        let clip = format!(
            "-f lavfi -i testsrc2=s=64x48:r={rate}:d=2 \
             -f lavfi -i aevalsrc='0.5*sin(6283*t)*between(t,1,1.2)':s=48000:d=3 -map 0:v -map 1:a \
             -vf settb=1/48000,setpts=PTS+{late}/TB -fps_mode passthrough -enc_time_base:v 1:48000 -c:v libx264"
        );
        // Sound without priming samples, so that Matroska has no reason to shift its input.
        let made = ffmpeg(&place, &format!("{clip} -c:a aac in.mp4"))
            && ffmpeg(&place, &format!("{clip} -c:a pcm_s16le in.mkv"));
        if !made {
            return;
        }
        for (input, output) in
            [("in.mp4", "out.mp4"), ("in.mp4", "out.mov"), ("in.mkv", "out.mkv"), ("in.mkv", "out.webm")]
        {
            let want = times(&place, input);
            place.fine(input, output, &["--overwrite"]);
            let got = times(&place, output);
            // Opus begins 6.5 ms early, and WebM shifts everything by that.
            let shift = if output == "out.webm" { 0.0065 } else { 0.0 };
            assert_eq!(got.len(), want.len(), "{output}");
            for (got, want) in got.iter().zip(&want) {
                assert!((got - shift - want).abs() < 0.0016, "{rate} {output}: {got} for {want}");
            }
            assert!((want[0] - late).abs() < 0.0011, "{want:?}");
        }
    }
    let said = place.fine("in.mkv", "out.avi", &[]);
    assert!(said.contains("out.avi will begin with its picture"), "{said}");
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn sound_that_an_edit_list_hides_stays_hidden() {
    let place = Place::new();
    let cut = "-ss 0.6 -i in.mp4 -c copy cut.mp4";
    let sound = "-f lavfi -i testsrc2=s=64x48:r=10:d=2 -f lavfi \
        -i aevalsrc='0.5*sin(6283*t)*(between(t,0.3,0.4)+between(t,1,1.2))':s=44100:d=2";
    if !ffmpeg(&place, &format!("{sound} -c:v libx264 -c:a aac in.mp4")) || !ffmpeg(&place, cut) {
        return;
    }
    let want = onset(&place, "cut.mp4") - times(&place, "cut.mp4")[0];
    assert!((want - 0.4).abs() < 0.03, "{want}");
    for name in ["out.mp4", "out.mkv"] {
        place.fine("cut.mp4", name, &[]);
        let first = times(&place, name)[0];
        // Within the encoder's priming samples.
        assert!((0.0..0.05).contains(&first), "{name}: {first}");
        let found = onset(&place, name) - first;
        assert!((found - want).abs() < 0.03, "{name}: {found} for {want}");
    }
}

/// A program that was killed is not reported as missing.
#[cfg(unix)]
#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn who_kills_ffmpeg_is_not_told_to_install_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    fs::create_dir(place.path("bin")).unwrap();
    for program in ["ffmpeg", "ffprobe"] {
        let path = place.path("bin").join(program);
        fs::write(&path, "#!/bin/sh\nkill -TERM $$\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(place.path("in.mp4"), "no matter").unwrap();
    let mut command = place.command("in.mp4", "out", &[]);
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let result = command.env("PATH", path).output().unwrap();
    assert_eq!(result.status.code(), Some(1), "{}", said(&result));
    let said = said(&result);
    assert!(said.contains("in.mp4 is a video, and ffmpeg ended early (signal: 15"), "{said}");
    assert!(!said.contains("install"), "{said}");
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn what_is_wrong_with_a_video_is_told() {
    let place = Place::new();
    // A video without colour tags is reported, too.
    let clip = "-f lavfi -i testsrc2=s=160x120:r=10:d=3 -g 5 -bf 0 -colorspace smpte170m";
    if !ffmpeg(&place, &format!("{clip} -c:v mpeg2video -q:v 2 in.ts")) {
        return;
    }
    assert_eq!(place.fine("in.ts", "fine.mp4", &["--quiet"]), "");
    assert!(!place.fine("in.ts", "fine.mp4", &["--overwrite"]).contains("note:"));
    let mut bytes = fs::read(place.path("in.ts")).unwrap();
    let middle = bytes.len() / 2 / 188 * 188;
    bytes[middle..middle + 188 * 6].fill(0);
    fs::write(place.path("damaged.ts"), bytes).unwrap();
    let told = place.fine("damaged.ts", "damaged.mp4", &[]);
    assert!(told.contains("note: damaged.ts is damaged at frame"), "{told}");
    if ffmpeg(&place, &format!("{clip} -vf interlace -flags +ildct+ilme -c:v mpeg2video fields.ts")) {
        let told = place.fine("fields.ts", "fields.mp4", &[]);
        assert!(told.contains("interlaced") && told.contains("deinterlace it first"), "{told}");
    }
    ffmpeg(&place, "-f lavfi -i sine=d=1 sound.wav");
    let result = place.render("sound.wav", "x.mp4", &[]);
    assert!(said(&result).contains("there is sound in it and no video"), "{}", said(&result));
    fs::write(place.path("text.mp4"), "no video").unwrap();
    let result = place.render("text.mp4", "x.mp4", &[]);
    assert_eq!(result.status.code(), Some(1));
    assert!(said(&result).contains("cannot read text.mp4"), "{}", said(&result));
    place.refused("in.ts", "in.ts", &["--overwrite"], "do not know how to write");
    fs::copy(place.path("in.ts"), place.path("in.mkv")).unwrap();
    place.refused("in.mkv", "./in.mkv", &["--overwrite"], "clip is read from");
    place.refused("in.ts", "fine.mp4", &[], "fine.mp4 exists");
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn tracks_are_kept_or_named() {
    let place = Place::new();
    fs::write(place.path("a.srt"), "1\n00:00:00,000 --> 00:00:01,000\nhello\n").unwrap();
    let clip = "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -f lavfi -i sine=f=300:d=1 -f lavfi -i sine=f=600:d=1 -i a.srt \
        -map 0 -map 1 -map 2 -map 3 -metadata title=holiday -c:v libx264 -c:a aac -c:s srt in.mkv";
    if !ffmpeg(&place, clip) {
        return;
    }
    for (name, subtitles) in [("out.mkv", "subrip"), ("out.mp4", "mov_text")] {
        place.fine("in.mkv", name, &[]);
        let codecs = probe(&place.path(name), "-show_entries stream=codec_name");
        assert_eq!(codecs, ["h264", "aac", "aac", subtitles], "{name}");
        let title = probe(&place.path(name), "-show_entries format_tags=title");
        assert_eq!(title, ["holiday"], "{name}");
    }
    let told = place.fine("in.mkv", "part.mp4", &["--frames", "2-5"]);
    assert!(told.contains("part.mp4 will not have the clip's 1 track of subtitles"), "{told}");
    let told = place.fine("in.mkv", "out", &[]);
    assert!(told.contains("out will have no sound, which the clip has"), "{told}");
}
