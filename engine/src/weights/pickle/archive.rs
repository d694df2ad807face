//! The zip archive of torch 1.6 and later: `<root>/data.pkl`, storages in `<root>/data/<key>`, `<root>/byteorder`.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::ops::Range;

use zip::{CompressionMethod, ZipArchive};

use super::super::tensor_file::TensorInfo;
use super::{MAX_PICKLE, Storages, machine, tensors};

pub fn begins(map: &[u8]) -> bool {
    map.starts_with(b"PK\x03\x04")
}

pub fn read(map: &[u8]) -> Result<BTreeMap<String, TensorInfo>, String> {
    let members = members(map)?;
    let pickle = members.iter().find(|(name, _)| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let Some((name, range)) = pickle else {
        return Err("the file is a zip archive, but not one that PyTorch wrote (it has no data.pkl)".into());
    };
    if range.len() > MAX_PICKLE {
        return Err(format!("its pickle has {} bytes, more than any model's", range.len()));
    }
    let root = name.strip_suffix("data.pkl").unwrap_or(name);
    let member = |name: &str| members.get(&format!("{root}{name}")).map(|range| &map[range.clone()]);
    if member("constants.pkl").is_some() {
        return Err("the file is a TorchScript program, expected a table of tensors".into());
    }
    let big_endian = member("byteorder") == Some(b"big");
    let folder = format!("{root}data/");
    let key = |(name, range): (&String, &Range<usize>)| {
        Some((name.strip_prefix(&folder)?.to_owned(), range.clone()))
    };
    let storages = Storages { ranges: members.iter().filter_map(key).collect(), big_endian };
    let loaded = machine::load(&map[range.clone()])
        .map_err(|reason| format!("the pickle in the file cannot be read: {reason}"))?;
    tensors(&loaded.graph, loaded.root, &storages)
}

/// Byte ranges of the members of the archive, which must all be stored uncompressed.
fn members(map: &[u8]) -> Result<HashMap<String, Range<usize>>, String> {
    let broken = |error: zip::result::ZipError| {
        format!("the file is a PyTorch archive that is cut off or damaged ({error})")
    };
    let mut archive = ZipArchive::new(Cursor::new(map)).map_err(broken)?;
    let mut members = HashMap::with_capacity(archive.len());
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(broken)?;
        let name = member.name().map_err(broken)?.into_owned();
        if member.compression() != CompressionMethod::Stored || member.encrypted() {
            return Err(format!(
                "the file is an archive whose member `{name}` is compressed, which PyTorch does not do; unpack it first"
            ));
        }
        let start = member.data_start().and_then(|start| usize::try_from(start).ok());
        let range =
            start.and_then(|start| Some(start..start.checked_add(usize::try_from(member.size()).ok()?)?));
        match range.filter(|range| range.end <= map.len()) {
            Some(range) => members.insert(name, range),
            None => return Err(format!("the file is cut off inside its member `{name}`")),
        };
    }
    Ok(members)
}
