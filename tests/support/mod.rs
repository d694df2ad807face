<<<<<<< HEAD
//! What several test files need: comparing numbers so that a failure explains itself, and finding golden data.

#![allow(dead_code, reason = "every test file includes this module and uses a part of it")]

use std::path::PathBuf;

/// Asserts that two lists of numbers agree within `rel * |want| + abs`, and else says how many
/// differ, where the worst one is, by how much, and what surrounds it.
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
        // How far beyond its limit; equal values, infinities among them, are always within it.
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

/// The text of a file under tests/golden.
#[track_caller]
pub fn golden(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path);
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

/// A JSON file of the full reference vectors, which lie beside a developer's checkout and not in the repository.
///
/// Says that the comparison is skipped where they are absent.
pub fn reference_vectors(name: &str) -> Option<serde_json::Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/vectors").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the full reference vectors ({name}) are not beside this checkout");
        return None;
    };
    Some(serde_json::from_str(&text).expect("the reference vectors are JSON"))
}

/// Parses numbers.
#[track_caller]
pub fn numbers(words: &[String]) -> Vec<f64> {
    words.iter().map(|word| word.parse().expect("a number")).collect()
=======
//! What the tests of networks and weight files share.
#![allow(dead_code, reason = "every test binary uses another part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use unsample::model::Tensors;
use unsample::weights::{TensorFile, View, models_dir};

/// Opens a file that the test needs.
pub fn open(path: impl AsRef<Path>) -> Arc<TensorFile> {
    Arc::new(TensorFile::open(path).unwrap())
}

/// A view as the networks take it.
pub fn source(view: View) -> Tensors<'static> {
    let shapes: Vec<_> = view.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
    Tensors::new(view.origin(), shapes, move |name, dtype, device| view.tensor(name, dtype, device))
}

/// A tensor of a file in f32.
pub fn tensor(file: &TensorFile, name: &str) -> Tensor {
    file.tensor(name, DType::F32, &Device::Cpu).unwrap()
}

/// Relative root mean square and largest deviation (over the largest value) of `got` from `want`.
pub fn deviation(got: &Tensor, want: &Tensor) -> (f64, f64) {
    assert_eq!(got.dims(), want.dims(), "shapes");
    let values = |tensor: &Tensor| -> Vec<f32> {
        tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let (mut square, mut reference, mut largest, mut peak) = (0f64, 0f64, 0f64, 0f64);
    for (got, want) in values(got).into_iter().zip(values(want)) {
        assert!(got.is_finite(), "a value that is not finite");
        let difference = f64::from(got) - f64::from(want);
        square += difference * difference;
        reference += f64::from(want) * f64::from(want);
        largest = largest.max(difference.abs());
        peak = peak.max(f64::from(want).abs());
    }
    ((square / reference.max(1e-300)).sqrt(), largest / peak.max(1e-300))
}

/// Asserts that `got` is `want` within a relative RMS error.
#[track_caller]
pub fn assert_close(what: &str, got: &Tensor, want: &Tensor, limit: f64) {
    let (rms, largest) = deviation(got, want);
    println!("{what:44} relative rms {rms:.2e}  max/max {largest:.2e}  (limit {limit:.0e})");
    assert!(rms <= limit, "{what}: relative rms error {rms:.3e} above {limit:.1e}, max/max {largest:.3e}");
}

/// The golden vectors of a concept.
pub fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

/// The facts that lie beside the repository where it is developed; absent elsewhere.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    path.exists().then_some(path)
}

/// A file in the folder `models` beside the repository or in the user's models folder.
pub fn model(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    [Some(beside), models_dir()]
        .into_iter()
        .flatten()
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
>>>>>>> net
}
