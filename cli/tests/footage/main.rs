//! `unsample render` on files as users have them. Tests that need ffmpeg print that they are skipped without it. The
//! plugin shows its source, so that no network runs.

#![allow(clippy::cast_precision_loss, reason = "tests convert small numbers")]

use testing::plugin as support;
mod videos;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use support::{bundle, said, tool, write_clip};

/// A separate folder for each test.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command `unsample render INPUT -o OUTPUT ...`, run in this folder.
    fn command(&self, input: &str, output: &str, more: &[&str]) -> Command {
        let mut command = Command::new(tool());
        command.current_dir(self.0.path()).arg("render").arg(input).arg("-o").arg(output);
        command
            .arg("--bundle")
            .arg(bundle())
            .args(["--set", "view=source", "--set", "cacheSize=0"])
            .args(more);
        command.args(["--set", &format!("cacheFolder={}", self.path(".cache").display())]);
        command
    }

    fn render(&self, input: &str, output: &str, more: &[&str]) -> Output {
        self.command(input, output, more).output().unwrap()
    }

    #[track_caller]
    fn fine(&self, input: &str, output: &str, more: &[&str]) -> String {
        let result = self.render(input, output, more);
        assert_eq!(result.status.code(), Some(0), "{}", said(&result));
        said(&result)
    }

    /// Asserts a refusal before any work: exit status 2 and this message.
    #[track_caller]
    fn refused(&self, input: &str, output: &str, more: &[&str], sentence: &str) {
        let result = self.render(input, output, more);
        assert_eq!(result.status.code(), Some(2), "{}", said(&result));
        assert!(said(&result).contains(sentence), "{}", said(&result));
    }

    /// The names in a folder, sorted.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn picture(&self, path: &str) -> Vec<u16> {
        image::open(self.path(path)).unwrap().into_rgb16().into_raw()
    }
}

#[test]
fn what_is_there_is_replaced_only_on_demand() {
    let place = Place::new();
    write_clip(&place.path("in"), 2);
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/0002.png"), "precious").unwrap();
    place.refused(
        "in",
        "out",
        &[],
        "out/0002.png exists: choose another name, or replace it with --overwrite",
    );
    assert_eq!(place.names("out"), ["0002.png"]);
    fs::write(place.path("out.gif"), "precious").unwrap();
    place.refused("in", "out.gif", &[], "out.gif exists");
    // Frames that do not exist yet may be added, and the others are reported.
    let said = place.fine("in", "out", &["--frames", "1-1"]);
    assert!(said.contains("out has picture 2 already"), "{said}");
    // A render that replaces some of the frames expects the others, but not those beyond the clip.
    fs::write(place.path("out/0003.png"), "another clip's").unwrap();
    let said = place.fine("in", "out", &["--frames", "1-1", "--overwrite"]);
    assert!(said.contains("out has picture 3 already"), "{said}");
    fs::remove_file(place.path("out/0003.png")).unwrap();
    let said = place.fine("in", "out", &["--frames", "1-1", "--overwrite"]);
    assert!(!said.contains("already"), "{said}");
    place.fine("in", "out", &["--overwrite"]);
    assert_eq!(place.names("out"), ["0001.png", "0002.png"]);
    assert_eq!(place.picture("out/0002.png"), place.picture("in/0002.png"));
    place.fine("in", "out.gif", &["--overwrite"]);
    assert!(fs::read(place.path("out.gif")).unwrap().starts_with(b"GIF89a"));
}

#[test]
fn an_input_is_never_an_output() {
    let place = Place::new();
    write_clip(&place.path("in"), 2);
    let before = fs::read(place.path("in/0001.png")).unwrap();
    fs::create_dir(place.path("hard")).unwrap();
    fs::hard_link(place.path("in/0001.png"), place.path("hard/0001.png")).unwrap();
    let mut outputs = vec!["in", "./in/../in/", "in/other_%04d.png", "hard"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("in", place.path("link")).unwrap();
        outputs.push("link");
    }
    for output in outputs {
        for more in [&["--overwrite"][..], &[]] {
            place.refused("in", output, more, "clip is read from");
        }
    }
    // The output would be one of the clip's images, or become one.
    let folder = "the clip is read from the folder in, and pictures written there would become a part of it";
    for (input, output) in
        [("in/*", "in/x%d.png"), ("in/00*.png", "in/00_%d.png"), ("in/%04d.png", "in/7%03d.png")]
    {
        place.refused(input, output, &["--overwrite"], folder);
    }
    place.refused("in/%04d.png", "in", &["--overwrite"], "clip is read from");
    place.refused("in/0001.png", "in/0001.png", &["--overwrite"], "clip is read from");
    // The user may replace another image of the sequence.
    let said = place.fine("in/0001.png", "in/0003.png", &["--overwrite"]);
    assert!(!said.contains("is replaced"), "{said}");
    let said = place.fine("in/0001.png", "in/0003.png", &["--overwrite"]);
    let note = "note: in/0003.png belongs to the same sequence as in/0001.png, and is replaced";
    assert!(said.contains(note), "{said}");
    fs::remove_file(place.path("in/0003.png")).unwrap();
    place.fine("in/%04d.png", "in/x%d.png", &[]);
    for name in ["in/x1.png", "in/x2.png"] {
        fs::remove_file(place.path(name)).unwrap();
    }
    let hint = ["--overwrite", "--clip", "Hint=in"];
    write_clip(&place.path("main"), 2);
    place.refused("main", "in", &hint, "clip is read from");
    assert_eq!(place.names("in"), ["0001.png", "0002.png"]);
    assert_eq!(fs::read(place.path("in/0001.png")).unwrap(), before);
}

#[test]
fn a_percent_sign_is_a_sign() {
    let place = Place::new();
    write_clip(&place.path("100% %d"), 2);
    place.fine("100% %d", "50%_%04d.png", &[]);
    assert_eq!(place.picture("50%_0002.png"), place.picture("100% %d/0002.png"));
    place.fine("100% %d", "out 20%/a 50%.####.png", &[]);
    assert_eq!(place.names("out 20%"), ["a 50%.0001.png", "a 50%.0002.png"]);
    place.fine("out 20%/a 50%.%04d.png", "100%.gif", &[]);
    place.fine("100%.gif", "100%.png", &[]);
    let two = place.render("100%.gif", "%d_%04d.png", &[]);
    assert!(said(&two).contains("several places for a frame's number"), "{}", said(&two));
}

#[test]
fn sequences_keep_their_numbers() {
    let place = Place::new();
    write_clip(&place.path("in"), 5);
    fs::remove_file(place.path("in/0003.png")).unwrap();
    fs::write(place.path("in/._0001.png"), "resource fork").unwrap();
    let said = place.fine("in", "out", &[]);
    assert!(said.contains("note: in: picture 3 is missing; the one before is shown in its place"), "{said}");
    assert_eq!(place.names("out").len(), 5);
    assert_eq!(place.picture("out/0003.png"), place.picture("in/0002.png"));
    assert_eq!(place.picture("out/0004.png"), place.picture("in/0004.png"));
    assert_eq!(place.fine("in", "quiet", &["--quiet"]), "");
    write_clip(&place.path("both"), 2);
    for name in ["a_01.png", "a_02.png"] {
        fs::copy(place.path("in/0001.png"), place.path("both").join(name)).unwrap();
    }
    place.refused(
        "both",
        "out",
        &[],
        "both holds several sequences: both/%04d.png (2 pictures), both/a_%02d.png",
    );
    place.fine("both/a_%02d.png", "chosen", &[]);
    place.fine("both/*.png", "all", &[]);
    assert_eq!((place.names("chosen").len(), place.names("all").len()), (2, 4));
}

#[test]
fn what_is_no_clip_or_no_frame_is_refused() {
    let place = Place::new();
    write_clip(&place.path("in"), 3);
    fs::create_dir(place.path("dpx")).unwrap();
    fs::write(place.path("dpx/0001.dpx"), "SDPX").unwrap();
    place.refused("-", "out", &[], "'-' is not the name of a file");
    place.refused("https://example.org/a.mp4", "out", &[], "is not the name of a file");
    place.refused("in", "-", &[], "'-' is not the name of a file");
    place.refused("in", "pipe:1", &[], "'pipe:1' is not the name of a file");
    place.refused("in", "out'", &[], "there is a quotation mark (') at one end");
    #[cfg(unix)]
    place.refused("in", r"C:\Users\me\o.mp4", &[], "here folders are separated by /: C:/Users/me/o.mp4");
    place.refused("dpx", "out", &[], "dpx is DPX, which is not read here: convert it to OpenEXR");
    place.refused("in", "out", &["--frames", "3-1"], "ends before it begins: the clip has frames 1 to 3");
    place.refused("in", "out", &["--frames", "0-2"], "the clip has 1 to 3");
    place.refused("in", "out", &["--frames", "-1-2"], "the clip has 1 to 3");
    fs::write(place.path("name"), "text").unwrap();
    let result = place.render("in", "name/out", &[]);
    assert!(said(&result).contains("name is not a folder"), "{}", said(&result));
    assert!(!place.path("out").exists());
    assert_eq!(place.names("."), ["dpx", "in", "name"]);
}

/// Only the named file is replaced.
#[cfg(unix)]
#[test]
fn an_address_with_a_sign_in_its_name_is_no_other_file() {
    let place = Place::new();
    write_clip(&place.path("in"), 2);
    fs::write(place.path("clip.gif"), "precious").unwrap();
    for (sign, name) in [("#take2.gif", "clip.gif#take2.gif"), ("?v=2.gif", "clip.gif?v=2.gif")] {
        let output = format!("file://{}{sign}", place.path("clip.gif").display());
        place.fine("in", &output, &["--overwrite"]);
        assert!(fs::read(place.path(name)).unwrap().starts_with(b"GIF89a"), "{name}");
        assert_eq!(fs::read_to_string(place.path("clip.gif")).unwrap(), "precious");
    }
}

#[cfg(unix)]
fn shell(place: &Place, script: &str) -> Output {
    let mut command = Command::new("sh");
    command.current_dir(place.0.path()).arg("-c").arg(script);
    command.env("UNSAMPLE", tool()).env("BUNDLE", bundle());
    command.output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn nobody_has_to_listen() {
    let place = Place::new();
    write_clip(&place.path("in"), 3);
    fs::remove_file(place.path("in/0002.png")).unwrap();
    let render = "\"$UNSAMPLE\" render in -o OUT --bundle \"$BUNDLE\" -v --set cacheSize=0 --set view=source";
    for (nth, ending) in ["2>&-", "2>/dev/full", "2>&- <&- >&-", "2>&1 | true"].into_iter().enumerate() {
        let out = format!("out{nth}");
        let result = shell(&place, &format!("{} {ending}", render.replace("OUT", &out)));
        assert_eq!(result.status.code(), Some(0), "{ending}: {}", said(&result));
        assert_eq!(place.names(&out).len(), 3, "{ending}");
    }
    // A failure keeps its exit status even if the message cannot be written.
    let result = shell(&place, "\"$UNSAMPLE\" render none -o x 2>/dev/full");
    assert_eq!(result.status.code(), Some(2));
    for listing in ["params --bundle \"$BUNDLE\"", "sigmas --schedule karras --steps 900", "help"] {
        let result = shell(&place, &format!("\"$UNSAMPLE\" {listing} | head -1"));
        assert_eq!(text(&result.stderr), "", "{listing}");
        assert_eq!(text(&result.stdout).lines().count(), 1, "{listing}");
    }
    let result = shell(&place, "\"$UNSAMPLE\" sigmas --schedule karras --steps 5 >/dev/full");
    assert_eq!(result.status.code(), Some(1));
    assert!(
        text(&result.stderr).starts_with("unsample: cannot write to standard output"),
        "{}",
        said(&result)
    );
}

#[cfg(unix)]
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The program waits for something that never comes, here a writer of a pipe, and does not react to the first signal.
#[cfg(unix)]
#[test]
fn a_program_that_waits_for_ever_ends_all_the_same() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let place = Place::new();
    write_clip(&place.path("in"), 1);
    assert!(Command::new("mkfifo").arg(place.path("in.mp4")).status().unwrap().success());
    for (signals, code, within) in [(1, 1, 5..9), (2, 130, 0..4)] {
        let mut command = place.command("in.mp4", "out", &[]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let began = Instant::now();
        for _ in 0..signals {
            assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
            std::thread::sleep(Duration::from_millis(300));
        }
        let result = child.wait_with_output().unwrap();
        assert_eq!(result.status.code(), Some(code), "{}", said(&result));
        assert!(within.contains(&began.elapsed().as_secs()), "{signals}: {:?}", began.elapsed());
        assert_eq!(said(&result).contains("unsample: stopped"), signals == 1, "{}", said(&result));
    }
}

/// A signal directly after the first message, long before there is a frame.
#[cfg(unix)]
#[test]
fn an_early_wish_to_stop_counts() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;
    let place = Place::new();
    write_clip(&place.path("in"), 5);
    fs::remove_file(place.path("in/0002.png")).unwrap();
    for signal in ["-INT", "-TERM", "-HUP"] {
        // A thousand steps take minutes.
        let slow = ["--set", "view=result", "--set", "steps=1000", "--set", "workingSize=0"];
        let mut command = place.command("in", "out", &slow);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with("note:"), "{line}");
        let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}: {rest}");
        assert!(rest.contains("unsample: stopped"), "{signal}: {rest}");
        assert!(!place.path("out").exists(), "{signal}");
    }
}
