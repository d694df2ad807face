//! The files of `torch.save` (.ckpt, .pth, .pt, .bin): a pickle that describes tensors, beside the storages that hold
//! their numbers.
//!
//! Since torch 1.6 such a file is a zip archive with stored (not compressed) members, so that the numbers can be read
//! where they are mapped; before, pickles and storages just followed each other. The pickle is read as data by a
//! small machine of our own: nothing in it is executed, its size and its values are bounded, and a file that asks for
//! a program's functions is refused.

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

/// The pickle of a full checkpoint has 0.3 MB; optimiser states make it longer.
const MAX_PICKLE: usize = 64 << 20;
/// Elements that a tensor may have beyond those that are stored, by a stride of 0.
const MAX_EXPANDED: usize = 1 << 24;

/// Where the storages of a file are.
struct Storages {
    ranges: HashMap<String, Range<usize>>,
    big_endian: bool,
}

/// Whether a file is one of `torch.save`, by its first bytes.
pub(super) fn begins(map: &[u8]) -> bool {
    archive::begins(map) || legacy::begins(map)
}

/// What such a file holds. The error is a sentence without the file's name.
pub(super) fn read(map: &[u8]) -> Result<Contents, String> {
    let read = if legacy::begins(map) { legacy::read(map) } else { archive::read(map) };
    read.map(|tensors| Contents { tensors, metadata: BTreeMap::new() })
}

/// Keys below which programs put the table of tensors, the most telling first.
const NESTS: [&str; 7] =
    ["state_dict", "controlnet", "module", "model", "params_ema", "params", "string_to_param"];

/// The table of tensors in a pickle: the outermost value or what it holds under one of the usual names.
fn table(graph: &Graph<'_>, root: Id) -> Result<Id, String> {
    let mut table = root;
    // Nested deeper than this is only what holds itself.
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

/// Names, shapes and places of the tensors of a pickle. Entries that are no tensors are left out.
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

/// Finds the numbers of a tensor in the file and checks that all of them are there.
fn placed(name: &str, view: &View<'_>, storages: &Storages) -> Result<TensorInfo, String> {
    let Some(storage) = storages.ranges.get(view.storage.key) else {
        return Err(format!("the file is cut off: the numbers of the tensor `{name}` are missing"));
    };
    let dtype = view.storage.dtype.unwrap_or(Dtype::U8);
    let width = dtype.bitsize() / 8;
    let shape = view.shape.clone();
    let impossible = || format!("the tensor `{name}` has the impossible shape {shape:?}");
    let count = shape.iter().try_fold(1usize, |count, dim| count.checked_mul(*dim)).ok_or_else(impossible)?;
    // An axis with a single place has no step; whatever is written for it would only overflow sums.
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

/// Steps of a tensor whose values just follow each other, 0 for an axis with a single place.
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
