//! The files of `torch.save`: read as data, bounded, never run.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use candle_core::{DType, Device};
use engine::weights::{TensorFile, View};
use proptest::prelude::*;
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Folder, sentence, support};

/// Writes pickles instruction by instruction.
#[derive(Default)]
struct Pickle(Vec<u8>);

impl Pickle {
    fn new() -> Self {
        Self(vec![0x80, 2])
    }

    fn op(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend(bytes.as_ref());
        self
    }

    fn text(self, text: &str) -> Self {
        self.op(b"X").op((text.len() as u32).to_le_bytes()).op(text)
    }

    fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n"))
    }

    fn int(self, value: i64) -> Self {
        self.op([0x8a, 8]).op(value.to_le_bytes())
    }

    fn ints(self, values: &[i64]) -> Self {
        values.iter().fold(self.op("("), |pickle, value| pickle.int(*value)).op("t")
    }

    /// A view of the storage `key`.
    fn tensor(self, class: &str, key: &str, offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op("((")
            .text("storage")
            .global("torch", class)
            .text(key)
            .text("cpu")
            .int(0)
            .op("tQ")
            .int(offset)
            .ints(shape)
            .ints(strides)
            .op([0x89])
            .global("collections", "OrderedDict")
            .op(")RtR")
    }

    fn end(self) -> Vec<u8> {
        self.op(".").0
    }
}

/// An archive as torch writes it.
fn archive(pickle: &[u8], storages: &[(&str, Vec<u8>)], byteorder: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut member = |name: String, bytes: &[u8]| {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    };
    member("archive/data.pkl".into(), pickle);
    member("archive/byteorder".into(), byteorder.as_bytes());
    for (key, bytes) in storages {
        member(format!("archive/data/{key}"), bytes);
    }
    zip.finish().unwrap().into_inner()
}

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn read(path: PathBuf, name: &str) -> Vec<f32> {
    let tensor = TensorFile::open(path).unwrap().tensor(name, DType::F32, &Device::Cpu).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn views_of_a_shared_storage() {
    let folder = Folder::new();
    let pickle = Pickle::new()
        .op("}(")
        .text("a")
        .tensor("FloatStorage", "0", 0, &[2, 3], &[3, 1])
        .text("offset")
        .tensor("FloatStorage", "0", 2, &[2, 2], &[2, 1])
        .text("transposed")
        .tensor("FloatStorage", "0", 0, &[3, 2], &[1, 3])
        .text("expanded")
        .tensor("FloatStorage", "0", 4, &[3], &[0])
        .text("single")
        .tensor("FloatStorage", "0", 5, &[1], &[i64::MAX])
        .text("epoch")
        .int(3)
        .op("u")
        .end();
    let storages = [("0", floats((0..6).map(|i| i as f32)))];
    let path = folder.write("views.pt", &archive(&pickle, &storages, "little"));
    for (name, values) in [
        ("a", vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("offset", vec![2.0, 3.0, 4.0, 5.0]),
        ("transposed", vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        ("expanded", vec![4.0, 4.0, 4.0]),
        ("single", vec![5.0]),
    ] {
        assert_eq!(read(path.clone(), name), values, "{name}");
    }
    assert_eq!(TensorFile::open(path).unwrap().names().count(), 5);
    let swapped = [("0", storages[0].1.chunks(4).flat_map(|four| four.iter().rev().copied()).collect())];
    let path = folder.write("big-endian.pt", &archive(&pickle, &swapped, "big"));
    assert_eq!(read(path, "transposed"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
}

#[test]
fn tables_may_be_nested_and_carry_other_things() {
    let folder = Folder::new();
    let storages = [("0", floats([1.0, 2.0]))];
    let inner = |pickle: Pickle| {
        pickle
            .op("}(")
            .text("module.down_blocks.0.motion_modules.0.norm.weight")
            .tensor("FloatStorage", "0", 0, &[2], &[1])
            .op("u")
    };
    let pickle = Pickle::new()
        .op("}(")
        .text("optimizer_states")
        .op("](")
        .global("pytorch_lightning.callbacks", "ModelCheckpoint")
        .op([b')', 0x81, b'}', b'b'])
        .global("numpy.core.multiarray", "scalar")
        .op(")Re")
        .text("state_dict");
    let pickle = inner(pickle).op("u").end();
    let file = support::open(folder.write("nested.ckpt", &archive(&pickle, &storages, "little")));
    let view = View::motion(file);
    assert_eq!(
        view.names().collect::<Vec<_>>(),
        ["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"]
    );
}

#[test]
fn bad_pickles_get_a_sentence() {
    let folder = Folder::new();
    let one = |offset, shape: &[i64], strides: &[i64]| {
        Pickle::new().op("}").text("a").tensor("FloatStorage", "0", offset, shape, strides).op("s").end()
    };
    let own = Pickle::new().op("}q").op([0]).text("state_dict").op([b'h', 0, b's']).end();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "shell",
            Pickle::new().global("posix", "system").text("rm").op([0x85]).op("R").end(),
            "`posix.system`, which no model needs",
        ),
        (
            "eval",
            Pickle::new().text("builtins").text("eval").op([0x93]).end(),
            "`builtins.eval`, which no model needs",
        ),
        ("inst", Pickle::new().op("(ios\nsystem\n").end(), "`os.system`, which no model needs"),
        ("object", Pickle::new().global("some", "Model").op(")").op([0x81]).end(), "a program's object"),
        ("cut", Pickle::new().op("}(").text("a").0, "it is cut off"),
        ("empty-stack", Pickle::new().op("s").end(), "takes a value that is not there"),
        ("no-mark", Pickle::new().op("t").end(), "closes a group"),
        ("no-memo", Pickle::new().op([b'h', 9]).end(), "recalls a value"),
        ("instruction", Pickle::new().op([0xff]).end(), "the instruction 0xff"),
        ("outside", one(1, &[2, 3], &[3, 1]), "ends at byte 28 of a storage of 24 bytes"),
        ("strided-outside", one(0, &[2, 3], &[4, 1]), "ends at byte 28 of a storage"),
        ("huge", one(0, &[1 << 40, 1 << 40], &[0, 0]), "impossible shape"),
        ("expanded", one(0, &[1 << 40], &[0]), "impossible shape"),
        ("overflow", one(i64::MAX, &[2], &[i64::MAX]), "impossible shape"),
        ("negative", one(-1, &[2], &[1]), "impossible shape"),
        ("ranks", one(0, &[1; 17], &[1; 17]), "impossible shape"),
        (
            "no-storage",
            Pickle::new().op("}").text("a").tensor("FloatStorage", "7", 0, &[2], &[1]).op("s").end(),
            "the numbers of the tensor `a` are missing",
        ),
    ];
    let storages = [("0", floats([0.0; 6]))];
    for (name, pickle, expected) in cases {
        let message = sentence(&folder.write(name, &archive(&pickle, &storages, "little")));
        assert!(message.contains(name) && message.contains(expected), "{name}: {message}");
    }
    // A table that holds itself ends somewhere, with no tensors.
    let path = folder.write("own", &archive(&own, &storages, "little"));
    assert_eq!(TensorFile::open(path).unwrap().names().count(), 0);
    let whole = archive(&one(0, &[6], &[1]), &storages, "little");
    for cut in 0..whole.len() {
        assert!(!sentence(&folder.write("cut", &whole[..cut])).is_empty());
    }
}

/// The same long list given to a call again and again must not be copied each time.
#[test]
fn a_small_pickle_cannot_take_much_memory() {
    let folder = Folder::new();
    let mut pickle =
        Pickle::new().global("collections", "OrderedDict").op([b'q', 0]).op("]q").op([1]).op("(");
    for _ in 0..1000 {
        pickle = pickle.op("NN").op([0x86]);
    }
    pickle = pickle.op("e").op([b'h', 1, 0x85, b'q', 2, b'0']);
    for _ in 0..10_000 {
        pickle = pickle.op([b'h', 0, b'h', 2, b'R', b'0']);
    }
    let message = sentence(&folder.write("copies", &archive(&pickle.end(), &[], "little")));
    assert!(message.contains("more values than any model"), "{message}");
}

/// The containers that torch itself wrote: old and new, flat and nested, every number format.
#[test]
#[ignore = "needs files that torch wrote, which are not in the repository"]
fn sample_containers() {
    let samples = support::shared("manifests/samples").expect("the samples are on this machine");
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(samples.join("expected.json")).unwrap()).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(&samples).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.extension().unwrap().to_string_lossy().into_owned();
        let fp8 = path.file_name().is_some_and(|name| name == "fp8.safetensors");
        if kind == "json" || fp8 {
            continue;
        }
        let file = TensorFile::open(&path).unwrap();
        seen += 1;
        for (name, want) in expected.as_object().unwrap() {
            let Some(info) = file.info(name) else {
                assert!(kind == "safetensors", "{}: {name}", path.display());
                continue;
            };
            assert_eq!(serde_json::json!(info.shape), want["shape"], "{name}");
            if !want["dtype"].as_str().unwrap().contains("float") {
                assert!(file.tensor(name, DType::F32, &Device::Cpu).is_err(), "{name}");
                continue;
            }
            let got: Vec<f64> = file
                .tensor(name, DType::F64, &Device::Cpu)
                .map(|tensor| tensor.flatten_all().unwrap().to_vec1().unwrap())
                .unwrap();
            let want: Vec<f64> = serde_json::from_value(want["values"].clone()).unwrap();
            // The last digit of a number in JSON is not read exactly.
            let same = got.iter().zip(&want).all(|(got, want)| (got - want).abs() <= 1e-15 * want.abs());
            assert!(same && got.len() == want.len(), "{}: {name}: {got:?} {want:?}", path.display());
        }
    }
    assert!(seen >= 8, "{seen} containers");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pickle_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = Folder::new();
        let path = folder.write("noise", &archive(&bytes, &[("0", vec![0; 16])], "little"));
        let _ = TensorFile::open(path);
    }

    /// Instructions in any order, so that more than the first of them is reached.
    #[test]
    fn no_instructions_make_the_reader_panic(
        ops in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(b"().0122]}laesudtRQbo\x81\x85\x86\x87\x8f\x90\x91\x92\x93\x94N".to_vec()).prop_map(|op| vec![op]),
                (0u8..4).prop_map(|at| vec![b'q', at]),
                (0u8..4).prop_map(|at| vec![b'h', at]),
                (0u8..9).prop_map(|value| vec![b'K', value]),
                any::<i64>().prop_map(|value| Pickle::default().int(value).0),
                Just(Pickle::default().text("storage").0),
                Just(Pickle::default().text("state_dict").0),
                Just(Pickle::default().global("torch", "HalfStorage").0),
                Just(Pickle::default().global("collections", "OrderedDict").0),
                Just(Pickle::default().global("torch._utils", "_rebuild_tensor_v2").0),
                Just(Pickle::default().global("torch._utils", "_rebuild_parameter").0),
                Just(Pickle::default().tensor("FloatStorage", "0", 0, &[2, 2], &[2, 1]).0),
            ],
            0..40,
        )
    ) {
        let folder = Folder::new();
        let path = folder.write("ops", &archive(&[ops.concat(), b".".to_vec()].concat(), &[("0", vec![0; 16])], "little"));
        if let Ok(file) = TensorFile::open(path) {
            for name in file.names() {
                let _ = file.tensor(name, DType::F32, &Device::Cpu);
            }
        }
    }

    #[test]
    fn no_damage_makes_the_reader_panic(at in 0usize..600, with in any::<u8>()) {
        let folder = Folder::new();
        let pickle = Pickle::new().op("}").text("a").tensor("FloatStorage", "0", 0, &[2, 2], &[2, 1]).op("s").end();
        let mut bytes = archive(&pickle, &[("0", floats([1.0; 4]))], "little");
        let at = at % bytes.len();
        bytes[at] = with;
        if let Ok(file) = TensorFile::open(folder.write("damaged", &bytes)) {
            for name in file.names() {
                let _ = file.tensor(name, DType::F32, &Device::Cpu);
            }
        }
    }
}
