//! Files of weights that are not what they should be: one sentence, no panic, no memory.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests convert small numbers"
)]

use testing::networks as support;

mod folders;
mod full_size;
mod layouts;
mod loras;
mod manifests;
mod networks;
mod partial;
mod pickles;
mod soundness;
mod spellings;
mod views;
mod wrappers;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device};
use engine::families::identify;
use engine::weights::{TensorFile, View, WeightsError};
use proptest::prelude::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// A safetensors file from a header and as many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// A file of f16 tensors whose data is a hole.
fn hollow(folder: &Folder, name: &str, tensors: &[(&str, &[usize])]) -> Arc<TensorFile> {
    let (text, data) = header(tensors);
    let path = folder.write(name, &file(&text, 0));
    let size = 8 + text.len() as u64 + data as u64;
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(size).unwrap();
    support::open(path)
}

/// A file of f32 tensors with values.
fn filled(folder: &Folder, name: &str, tensors: &[(&str, &[usize], Vec<f32>)]) -> Arc<TensorFile> {
    let mut entries = Vec::new();
    let mut data = Vec::new();
    for (name, shape, values) in tensors {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "{name}");
        let start = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let end = data.len();
        entries
            .push(format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}"#));
    }
    let mut bytes = file(&format!("{{{}}}", entries.join(",")), 0);
    bytes.extend(data);
    support::open(folder.write(name, &bytes))
}

/// Small numbers that differ from each other.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| (((i + 3 * seed) * 7 + seed) % 23) as f32 / 8.0 - 1.0).collect()
}

/// The values of a tensor of a view.
fn values(view: &View, name: &str) -> Vec<f32> {
    let tensor = view.tensor(name, DType::F32, &Device::Cpu).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[track_caller]
fn assert_near(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    let near = got.iter().zip(want).all(|(got, want)| (got - want).abs() <= 1e-5 * want.abs().max(1.0));
    assert!(near, "{got:?}\n{want:?}");
}

/// A header of f16 tensors one after the other, and the length of their data.
fn header(tensors: &[(&str, &[usize])]) -> (String, usize) {
    let mut entries = Vec::new();
    let mut at = 0;
    for (name, shape) in tensors {
        let bytes = 2 * shape.iter().product::<usize>();
        entries.push(format!(
            r#""{name}":{{"dtype":"F16","shape":{shape:?},"data_offsets":[{at},{}]}}"#,
            at + bytes
        ));
        at += bytes;
    }
    (format!("{{{}}}", entries.join(",")), at)
}

fn sentence(path: &Path) -> String {
    let message = TensorFile::open(path).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn broken_files_get_a_sentence() {
    let folder = Folder::new();
    let one = r#"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("empty", vec![], "too short"),
        ("short", vec![1, 2, 3], "too short"),
        ("huge", u64::MAX.to_le_bytes().to_vec(), "not a safetensors file, nor a PyTorch pickle"),
        ("noise", (0..255).cycle().map(|i| (i * 7 + 3) as u8).take(5000).collect(), "not a safetensors file"),
        ("cut-header", file(one, 16)[..30].to_vec(), "cut off inside its header"),
        ("cut-data", file(one, 12), "cut off: the tensor `a` ends at byte"),
        ("no-json", file("{nonsense", 16), "header is not readable"),
        ("no-table", file("[1,2]", 16), "header is not readable"),
        ("archive", b"PK\x03\x04rest of an archive".to_vec(), "a PyTorch archive that is cut off or damaged"),
        ("page", b"<!DOCTYPE html><html></html>".to_vec(), "a web page"),
        (
            "wrong-size",
            file(r#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}}"#, 16),
            "expected 24 bytes",
        ),
        (
            "backwards",
            file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[16,8]}}"#, 16),
            "lies at bytes 16 to 8",
        ),
        (
            "overlap",
            file(
                r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[4,12]}}"#,
                16,
            ),
            "`a` and `b` overlap",
        ),
        (
            "impossible",
            file(r#"{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#, 8),
            "impossible shape",
        ),
    ];
    for (name, bytes, expected) in cases {
        let message = sentence(&folder.write(name, &bytes));
        assert!(message.contains(name) && message.contains(expected), "{name}: {message}");
    }
    assert!(matches!(TensorFile::open("no/such/file"), Err(WeightsError::Unreadable { .. })));
    assert!(matches!(TensorFile::open(folder.0.path()), Err(WeightsError::Unreadable { .. })), "a folder");
}

#[test]
fn the_same_tensor_twice_is_refused() {
    let folder = Folder::new();
    let twice = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
    assert!(sentence(&folder.write("twice", &file(twice, 2))).contains("occurs twice"));
}

#[test]
fn values_are_read_in_every_format_and_at_odd_offsets() {
    let folder = Folder::new();
    let text = r#"{"pad":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
        "f32":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},
        "bf16":{"dtype":"BF16","shape":[2],"data_offsets":[9,13]},
        "f16":{"dtype":"F16","shape":[1,2],"data_offsets":[13,17]},
        "f64":{"dtype":"F64","shape":[],"data_offsets":[17,25]},
        "__metadata__":{"title":"odd","number":3}}"#;
    let mut bytes = file(text, 0);
    bytes.push(9);
    bytes.extend([1.5f32, -0.25].map(f32::to_le_bytes).concat());
    bytes.extend(
        [half::bf16::from_f32(3.0), half::bf16::from_f32(-2.0)].map(half::bf16::to_le_bytes).concat(),
    );
    bytes.extend([half::f16::from_f32(0.5), half::f16::from_f32(4.0)].map(half::f16::to_le_bytes).concat());
    bytes.extend(7.0f64.to_le_bytes());
    let file = TensorFile::open(folder.write("odd", &bytes)).unwrap();
    let read = |name: &str| file.tensor(name, DType::F32, &Device::Cpu);
    assert_eq!(read("f32").unwrap().to_vec1::<f32>().unwrap(), [1.5, -0.25]);
    assert_eq!(read("bf16").unwrap().to_vec1::<f32>().unwrap(), [3.0, -2.0]);
    assert_eq!(read("f16").unwrap().to_vec2::<f32>().unwrap(), [[0.5, 4.0]]);
    assert_eq!(read("f64").unwrap().to_scalar::<f32>().unwrap(), 7.0);
    assert_eq!(file.metadata()["title"], "odd");
    assert_eq!((file.scalar("f64"), file.scalar("pad"), file.scalar("f32")), (Some(7.0), Some(9.0), None));
    assert!(matches!(read("pad"), Err(WeightsError::Format { .. })));
    assert!(matches!(read("none"), Err(WeightsError::Missing { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = Folder::new();
        let _ = TensorFile::open(folder.write("noise", &bytes)).map(|file| identify(&Arc::new(file)));
    }

    #[test]
    fn no_damage_makes_the_reader_panic(at in 0usize..400, with in any::<u8>(), cut in 0usize..500) {
        let folder = Folder::new();
        let (text, data) = header(&[("a.weight", &[3, 4]), ("b.weight", &[5])]);
        let mut bytes = file(&text, data);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = with;
        }
        bytes.truncate(cut.max(1));
        if let Ok(file) = TensorFile::open(folder.write("damaged", &bytes)) {
            let file = Arc::new(file);
            identify(&file);
            let names: Vec<_> = file.names().map(str::to_owned).collect();
            for name in names {
                let _ = file.tensor(&name, DType::F32, &Device::Cpu);
            }
        }
    }
}
