//! Support for several test files: comparison of numbers with useful failure messages, golden data, and
//! modules for networks, requests, the plugin and so on.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests convert small numbers"
)]

pub mod hub;
pub mod networks;
pub mod plugin;
pub mod processes;
pub mod request;
pub mod seeded;
pub mod stage;
pub mod weights;

use std::path::Path;

/// Path of the repository's root folder.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Asserts that two lists of numbers agree within `rel * |want| + abs`. On failure, reports how many differ,
/// the worst one, its difference, and its neighbours.
#[track_caller]
pub fn assert_close<G, W>(name: &str, got: &[G], want: &[W], rel: f64, abs: f64)
where
    G: Copy + Into<f64>,
    W: Copy + Into<f64>,
{
    assert_eq!(got.len(), want.len(), "{name}: the number of values differs");
    let mut beyond = 0;
    let mut worst = (0, 0.0);
    for (index, (&got, &want)) in got.iter().zip(want).enumerate() {
        let (got, want): (f64, f64) = (got.into(), want.into());
        let allowed = rel * want.abs() + abs;
        let difference = (got - want).abs();
        // By how much the limit is exceeded; equal values, infinities included, are always within it.
        let excess = if got == want {
            0.0
        } else if difference.is_nan() {
            f64::INFINITY
        } else {
            difference / allowed.max(f64::MIN_POSITIVE)
        };
        if excess > 1.0 {
            beyond += 1;
        }
        if excess > worst.1 {
            worst = (index, excess);
        }
    }
    if beyond == 0 {
        return;
    }
    let at = worst.0;
    let around = at.saturating_sub(2)..got.len().min(at + 3);
    let got_around: Vec<f64> = got[around.clone()].iter().map(|&v| v.into()).collect();
    let want_around: Vec<f64> = want[around.clone()].iter().map(|&v| v.into()).collect();
    let (g, w): (f64, f64) = (got[at].into(), want[at].into());
    panic!(
        "{name}: {beyond} of {} values differ by more than {rel:e} relative + {abs:e}\n\
         worst at [{at}]: got {g:e}, want {w:e}, off by {:e} ({:.3e} relative)\n\
         got  [{around:?}] {got_around:?}\nwant [{around:?}] {want_around:?}",
        got.len(),
        (g - w).abs(),
        (g - w).abs() / w.abs().max(f64::MIN_POSITIVE),
    );
}

/// Text of a file under tests/golden.
#[track_caller]
pub fn golden(path: &str) -> String {
    let path = root().join("tests/golden").join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// The lines `key words : value words` of a golden file.
pub fn golden_rows(path: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    golden(path)
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(" : ").expect("a golden line has a key and values"))
        .map(|(key, values)| (words(key), words(values)))
        .collect()
}

/// The entries of a packed file under tests/golden, by name; see tests/golden/pack.py.
#[track_caller]
fn packed(name: &str) -> serde_json::Map<String, serde_json::Value> {
    let path = root().join("tests/golden").join(name);
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_reader(flate2::read::GzDecoder::new(file)).expect("packed facts are JSON")
}

/// One of the JSON files with the reference vectors: `sigmas.json`, `vectors.json` or `windows.json`.
#[track_caller]
pub fn reference_vectors(name: &str) -> serde_json::Value {
    packed("vectors.json.gz").remove(name).unwrap_or_else(|| panic!("there are no vectors {name}"))
}

/// Names and shapes of the tensors of all published layouts, such as `sd15_ldm_checkpoint.json`, and in
/// `maps/` tables of equivalent tensor names.
pub fn manifests() -> &'static serde_json::Map<String, serde_json::Value> {
    static MANIFESTS: std::sync::OnceLock<serde_json::Map<String, serde_json::Value>> =
        std::sync::OnceLock::new();
    MANIFESTS.get_or_init(|| packed("manifests.json.gz"))
}

/// Parses the words as numbers.
#[track_caller]
pub fn numbers(words: &[String]) -> Vec<f64> {
    words.iter().map(|word| word.parse().expect("a number")).collect()
}
