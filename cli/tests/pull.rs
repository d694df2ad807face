//! `unsample models pull` against a test server on loopback.

#![allow(clippy::cast_possible_truncation, reason = "tests convert small numbers")]

use testing::hub;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use hub::{Hub, Served};
use sha2::{Digest, Sha256};

/// A test server, a models folder and a table of models.
struct Place {
    hub: Hub,
    folder: tempfile::TempDir,
    table: String,
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that differ from file to file.
fn contents(seed: u32, length: usize) -> Vec<u8> {
    let seed = seed.wrapping_mul(0x9E37_79B9);
    (0..length as u32)
        .map(|index| (index.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8)
        .collect()
}

fn served(bytes: &[u8]) -> Served {
    Served { bytes: bytes.to_vec(), tag: sum(bytes), status: None }
}

impl Place {
    fn new() -> Self {
        Self { hub: Hub::start(), folder: tempfile::tempdir().expect("a folder"), table: String::new() }
    }

    /// Adds a file to the table, with `more` lines in its entry.
    fn list(&mut self, name: &str, more: &str) {
        self.table.push_str(&format!(
            "[files.{name}]\nabout = 'the {name}'\nrepository = 'someone/models'\npath = 'deep/{name}.bin'\n\
             folder = 'things'\nlicence = 'Licence of {name}'\n{more}\n"
        ));
    }

    /// Adds a file with size and checksum to server and table.
    fn offer(&mut self, name: &str, bytes: &[u8]) {
        self.hub.put("someone/models", &format!("deep/{name}.bin"), served(bytes));
        self.list(name, &format!("size = {}\nsha256 = '{}'", bytes.len(), sum(bytes)));
    }

    fn models(&self) -> PathBuf {
        self.folder.path().join("models")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.models().join(format!("things/{name}.bin"))
    }

    fn pull_from(&self, endpoint: &str, name: &str) -> Output {
        let table = self.folder.path().join("table.toml");
        fs::write(&table, &self.table).expect("the folder is writable");
        Command::new(testing::plugin::tool())
            .args(["models", "pull", name, "--endpoint", endpoint])
            .arg("--to")
            .arg(self.models())
            .arg("--table")
            .arg(table)
            .output()
            .expect("the program was built")
    }

    /// Pulls and expects success; returns what was printed.
    #[track_caller]
    fn pulled(&self, name: &str) -> String {
        let output = self.pull_from(&self.hub.url, name);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        assert_eq!(error, "");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Pulls and expects exit status 1; returns the message.
    #[track_caller]
    fn refused(&self, name: &str) -> String {
        let output = self.pull_from(&self.hub.url, name);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    }
}

#[test]
fn a_set_arrives_in_its_folders() {
    let mut place = Place::new();
    let (one, two) = (contents(1, 300_000), contents(2, 1_234));
    place.table.push_str("[sets.both]\nabout = 'two files'\nfiles = ['one', 'two']\n");
    place.offer("one", &one);
    place.offer("two", &two);
    let printed = place.pulled("both");
    // Size and licence of all files come before the first result.
    let result = printed.find("checksum right").expect("a result");
    for part in
        ["the one\n  300.0 kB, licence Licence of one\n  from someone/models, deep/one.bin", "Licence of two"]
    {
        assert!(printed.find(part).is_some_and(|at| at < result), "{printed}");
    }
    assert_eq!(fs::read(place.path("one")).expect("it is there"), one);
    assert_eq!(fs::read(place.path("two")).expect("it is there"), two);
    assert!(!place.models().join(".pull").exists(), "nothing is left over");
    assert_eq!(place.hub.starts(), [0, 0]);

    // A second pull downloads nothing.
    let printed = place.pulled("both");
    assert_eq!(printed.matches("  is there\n").count(), 2, "{printed}");
    assert_eq!(place.hub.starts(), [0usize; 0]);
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let mut place = Place::new();
    let bytes = contents(3, 500_000);
    place.offer("large", &bytes);
    place.hub.cut(&[200_000, 100_000]);
    place.pulled("large");
    assert_eq!(fs::read(place.path("large")).expect("it is there"), bytes);
    assert_eq!(place.hub.starts(), [0, 200_000, 300_000]);
}

#[test]
fn the_next_call_goes_on_too() {
    let mut place = Place::new();
    let bytes = contents(4, 500_000);
    place.offer("large", &bytes);
    place.hub.cut(&[100_000, 0, 0, 0, 0]);
    let sentence = place.refused("large");
    assert!(sentence.contains("large.bin could not be downloaded from http://127.0.0.1"), "{sentence}");
    assert!(sentence.contains("in 5 tries") && sentence.contains("resumes from it"), "{sentence}");
    assert!(!place.path("large").exists(), "half a file must not look like one");
    assert_eq!(place.hub.starts().len(), 5);
    place.pulled("large");
    assert_eq!(place.hub.starts(), [100_000]);
    assert_eq!(fs::read(place.path("large")).expect("it is there"), bytes);
}

#[test]
fn more_than_the_hub_has_is_thrown_away() {
    let mut place = Place::new();
    let bytes = contents(5, 50_000);
    place.offer("small", &bytes);
    for length in [50_000, 60_000] {
        let blobs = place.models().join(".pull/small.bin/models--someone--models/blobs");
        fs::create_dir_all(&blobs).expect("the folder is writable");
        fs::write(blobs.join(format!("{}.part", sum(&bytes))), contents(9, length)).expect("writable");
        place.pulled("small");
        assert_eq!(fs::read(place.path("small")).expect("it is there"), bytes);
        fs::remove_file(place.path("small")).expect("it is there");
    }
}

#[test]
fn a_wrong_checksum_leaves_nothing() {
    let mut place = Place::new();
    let (wanted, other) = (contents(6, 9_000), contents(7, 9_000));
    place.offer("file", &wanted);
    place.hub.put("someone/models", "deep/file.bin", served(&other));
    let sentence = place.refused("file");
    assert!(sentence.contains("file.bin was thrown away"), "{sentence}");
    assert!(sentence.contains(&sum(&other)) && sentence.contains(&sum(&wanted)), "{sentence}");
    assert!(!place.path("file").exists() && !place.models().join(".pull/file.bin").exists());
    // Now the correct file.
    place.hub.put("someone/models", "deep/file.bin", served(&wanted));
    place.hub.starts();
    place.pulled("file");
    assert_eq!(place.hub.starts(), [0]);
}

#[test]
fn without_a_checksum_in_the_table_the_hubs_own_counts() {
    let mut place = Place::new();
    let bytes = contents(8, 9_000);
    for name in ["right", "wrong", "plain"] {
        place.list(name, "");
    }
    let put = |name: &str, tag: String| {
        let file = Served { tag, ..served(&bytes) };
        place.hub.put("someone/models", &format!("deep/{name}.bin"), file);
    };
    put("right", sum(&bytes));
    put("wrong", sum(b"something else"));
    put("plain", "0123456789abcdef0123456789abcdef01234567".into());
    assert!(place.pulled("right").contains("checksum as the hub states it"));
    assert!(place.refused("wrong").contains("was thrown away"));
    assert!(place.pulled("plain").contains("neither the table nor the hub has a checksum of it"));
    assert!(place.pulled("plain").contains("is there; the table has no checksum of it"));
}

#[test]
fn another_file_of_that_name_is_left_alone() {
    let mut place = Place::new();
    place.offer("mine", &contents(10, 4_000));
    fs::create_dir_all(place.models().join("things")).expect("writable");
    for found in [contents(11, 4_000), contents(11, 5)] {
        fs::write(place.path("mine"), &found).expect("writable");
        let sentence = place.refused("mine");
        assert!(sentence.contains("exists and is a different file from the one to pull"), "{sentence}");
        assert_eq!(fs::read(place.path("mine")).expect("it is there"), found);
    }
    assert_eq!(place.hub.starts(), [0usize; 0]);
}

#[test]
fn missing_and_refused_files_and_hubs() {
    let mut place = Place::new();
    place.list("gone", "");
    place.offer("closed", b"secret");
    let file = Served { status: Some(401), ..served(b"secret") };
    place.hub.put("someone/models", "deep/closed.bin", file);
    let sentence = place.refused("gone");
    assert!(sentence.contains("has no file deep/gone.bin in someone/models"), "{sentence}");
    let sentence = place.refused("closed");
    assert!(
        sentence.contains("refuses access to deep/closed.bin of someone/models (HTTP status 401)"),
        "{sentence}"
    );
    let output = place.pull_from("http://127.0.0.1:1", "gone");
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(sentence.contains("could not be downloaded from http://127.0.0.1:1"), "{sentence}");
    assert_eq!(output.status.code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    let mut place = Place::new();
    let bytes = contents(12, 50_000);
    place.offer("file", &bytes);
    let blobs = place.models().join(".pull/file.bin/models--someone--models/blobs");
    fs::create_dir_all(&blobs).expect("writable");
    let part = blobs.join(format!("{}.part", sum(&bytes)));
    std::os::unix::fs::symlink("/dev/full", &part).expect("links work");
    let sentence = place.refused("file");
    assert!(sentence.contains("there is no room left for"), "{sentence}");
    assert_eq!(place.hub.starts().len(), 1, "no second try");
    // Make room again.
    fs::remove_file(part).expect("it is there");
    place.pulled("file");
    assert_eq!(fs::read(place.path("file")).expect("it is there"), bytes);
}

#[test]
fn names_are_told() {
    let place = Place::new();
    let run = |arguments: &[&str]| {
        Command::new(testing::plugin::tool()).args(arguments).output().expect("the program was built")
    };
    let output = run(&["models", "pull"]);
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && names.contains("sdxl-hotshot  ") && names.contains("depth  "),
        "{names}"
    );
    let output = run(&["models", "pull", "sd3", "--endpoint", &place.hub.url]);
    assert_eq!(output.status.code(), Some(2));
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(sentence.contains("there is no model sd3 to pull; there are"), "{sentence}");
    assert!(sentence.contains("sd15-animatediff"), "{sentence}");
}
