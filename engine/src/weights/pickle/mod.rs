//! Reader for files of `torch.save` (.ckpt, .pth, .pt, .bin): a pickle that describes tensors, and the storages with
//! their values.
//!
//! Since torch 1.6 such a file is a zip archive with stored (uncompressed) members, so that values can be read at
//! their offsets in the file; before, pickles and storages were simply concatenated. The pickle is parsed by a small
//! stack machine of our own: nothing in it is executed, its size and number of values are limited, and a file that
//! refers to malicious globals is rejected.

mod archive;
mod globals;
mod legacy;
mod machine;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use safetensors::Dtype;

use super::tensor_file::{Contents, Place, TensorInfo};
use value::{Graph, Id, Value, View};

/// Maximum size of a pickle. That of a full checkpoint has 0.3 MB; optimiser states make it longer.
const MAX_PICKLE: usize = 64 << 20;
/// Maximum number of elements of a tensor that has more elements than are stored (stride 0).
const MAX_EXPANDED: usize = 1 << 24;

/// Byte ranges of the storages of a file.
struct Storages {
    ranges: HashMap<String, Range<usize>>,
    big_endian: bool,
}

/// Whether a file was written by `torch.save`, by its first bytes.
pub(super) fn begins(map: &[u8]) -> bool {
    archive::begins(map) || legacy::begins(map)
}

/// Parses such a file. The error is a sentence without the file's name.
pub(super) fn read(map: &[u8]) -> Result<Contents, String> {
    let read = if legacy::begins(map) { legacy::read(map) } else { archive::read(map) };
    read.map(|tensors| Contents { tensors, metadata: BTreeMap::new() })
}

/// Keys under which programs store the state dict, the most specific first.
const NESTS: [&str; 7] =
    ["state_dict", "controlnet", "module", "model", "params_ema", "params", "string_to_param"];

/// The state dict in a pickle: the outermost value, or the dict under one of the usual keys.
fn table(graph: &Graph<'_>, root: Id) -> Result<Id, String> {
    let mut table = root;
    // Deeper nesting only occurs in dicts that contain themselves.
    for _ in 0..4 {
        let is_table = |id: &Id| matches!(graph.get(*id), Value::Table(_));
        let nested = NESTS.iter().find_map(|nest| {
            let (_, id) = graph.entries(table).find(|(key, _)| key == nest)?;
            Some(id).filter(is_table)
        });
        match nested {
            Some(nested) => table = nested,
            None => break,
        }
    }
    match graph.get(table) {
        Value::Table(_) => Ok(table),
        _ => Err("the pickle holds a program's object, not a table of tensors".into()),
    }
}

/// Dtypes, shapes and locations of the tensors of a pickle. Entries that are not tensors are ignored.
fn tensors(graph: &Graph<'_>, root: Id, storages: &Storages) -> Result<BTreeMap<String, TensorInfo>, String> {
    let mut tensors = BTreeMap::new();
    for (name, id) in graph.entries(table(graph, root)?) {
        if let Value::Tensor(view) = graph.get(id) {
            let info = placed(name, view, storages)?;
            tensors.insert(name.to_owned(), info);
        }
    }
    Ok(tensors)
}

/// Locates the values of a tensor in the file and checks that they are complete.
fn placed(name: &str, view: &View<'_>, storages: &Storages) -> Result<TensorInfo, String> {
    let Some(storage) = storages.ranges.get(view.storage.key) else {
        return Err(format!("the file is cut off: the numbers of the tensor `{name}` are missing"));
    };
    let dtype = view.storage.dtype.unwrap_or(Dtype::U8);
    let width = dtype.bitsize() / 8;
    let shape = view.shape.clone();
    let impossible = || format!("the tensor `{name}` has the impossible shape {shape:?}");
    let count = shape.iter().try_fold(1usize, |count, dim| count.checked_mul(*dim)).ok_or_else(impossible)?;
    // The stride of an axis of size 1 is irrelevant, and an arbitrary value could overflow sums.
    let strides: Vec<usize> =
        shape.iter().zip(&view.strides).map(|(dim, stride)| if *dim > 1 { *stride } else { 0 }).collect();
    let span = if count == 0 {
        Some(0)
    } else {
        let reach =
            |span: usize, (dim, stride): (&usize, &usize)| span.checked_add((dim - 1).checked_mul(*stride)?);
        shape.iter().zip(&strides).try_fold(1, reach)
    };
    let offset = if count == 0 { 0 } else { view.offset };
    let last = span.and_then(|span| span.checked_add(offset)?.checked_mul(width)).ok_or_else(impossible)?;
    if last > storage.len() {
        return Err(format!(
            "the file is cut off: the tensor `{name}` ends at byte {last} of a storage of {} bytes",
            storage.len()
        ));
    }
    if count > (storage.len() / width).max(MAX_EXPANDED) {
        return Err(impossible());
    }
    let contiguous = count == 0 || strides == row_major(&shape);
    let start = storage.start + offset * width;
    let range = start..storage.start + last;
    let strides = (!contiguous).then_some(strides);
    let place = Place { part: 0, range, strides, big_endian: storages.big_endian };
    Ok(TensorInfo { dtype, shape, place })
}

/// Strides of a contiguous tensor, 0 for axes of size 1.
fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut step = 1usize;
    let mut strides: Vec<usize> = shape
        .iter()
        .rev()
        .map(|dim| {
            let stride = if *dim > 1 { step } else { 0 };
            step = step.saturating_mul(*dim);
            stride
        })
        .collect();
    strides.reverse();
    strides
}
