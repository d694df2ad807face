//! Support for the tests of networks and weight files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use engine::nn::Tensors;
use engine::weights::{TensorFile, View, models_dir};

/// Opens a weight file; panics if that fails.
pub fn open(path: impl AsRef<Path>) -> Arc<TensorFile> {
    Arc::new(TensorFile::open(path).unwrap())
}

/// A view in the form that the networks use.
pub fn source(view: View) -> Tensors<'static> {
    let shapes: Vec<_> = view.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
    Tensors::new(view.origin(), shapes, move |name, dtype, device| view.tensor(name, dtype, device))
}

/// A tensor of a file, converted to f32.
pub fn tensor(file: &TensorFile, name: &str) -> Tensor {
    file.tensor(name, DType::F32, &Device::Cpu).unwrap()
}

/// Relative root mean square error of `got` from `want`, and its largest error relative to the largest value.
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

/// Asserts that the relative RMS error of `got` is within `limit`.
#[track_caller]
pub fn assert_close(what: &str, got: &Tensor, want: &Tensor, limit: f64) {
    let (rms, largest) = deviation(got, want);
    println!("{what:44} relative rms {rms:.2e}  max/max {largest:.2e}  (limit {limit:.0e})");
    assert!(rms <= limit, "{what}: relative rms error {rms:.3e} above {limit:.1e}, max/max {largest:.3e}");
}

/// Path of a file with golden vectors.
pub fn golden(path: &str) -> PathBuf {
    crate::root().join("tests/golden").join(path)
}

/// Path of data outside of the repository that only some machines have.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = crate::root().join("../shared").join(path);
    path.exists().then_some(path)
}

/// Path of a file in the folder `models` next to the repository, or in the user's models folder.
pub fn model(name: &str) -> Option<PathBuf> {
    let beside = crate::root().join("../models");
    [Some(beside), models_dir()]
        .into_iter()
        .flatten()
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
}
