//! Files of the built-in model with some weights changed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Path of a file of the built-in model.
pub fn built_in(name: &str) -> PathBuf {
    crate::root().join("bundle/models").join(name)
}

/// A safetensors file with the values of one tensor changed; the tensor is then stored in f32.
pub fn with_values(file: &[u8], tensor: &str, change: impl Fn(&mut [f32])) -> Vec<u8> {
    let length = u64::from_le_bytes(*file.first_chunk().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let data = &file[8 + length..];
    let entry = header.get_mut(tensor).unwrap_or_else(|| panic!("no tensor {tensor}"));
    let end = |i: usize| entry["data_offsets"][i].as_u64().unwrap() as usize;
    let bytes = &data[end(0)..end(1)];
    let mut values: Vec<f32> = match entry["dtype"].as_str().unwrap() {
        "F16" => bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        "F32" => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        // 8-bit floats are stored with a scale; for this purpose their signs are sufficient.
        "F8_E4M3" => bytes.iter().map(|b| if b & 0x80 == 0 { 0.1 } else { -0.1 }).collect(),
        other => panic!("{tensor} is {other}"),
    };
    change(&mut values);
    // The old values are kept, so that no other tensor moves; the header is adjusted for its own growth.
    let old = end(0)..end(1);
    let mut all = data.to_vec();
    all.splice(old.clone(), values.iter().flat_map(|value| value.to_le_bytes()));
    let grown = (values.len() * 4) as i64 - old.len() as i64;
    for (name, entry) in header.as_object_mut().unwrap() {
        if name == "__metadata__" {
            continue;
        }
        let [start, stop] = [0, 1].map(|i| entry["data_offsets"][i].as_u64().unwrap() as i64);
        if name == tensor {
            *entry = json!({"dtype": "F32", "shape": entry["shape"], "data_offsets": [start, stop + grown]});
        } else if start >= old.end as i64 {
            entry["data_offsets"] = json!([start + grown, stop + grown]);
        }
    }
    let text = header.to_string();
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &all].concat()
}

/// Writes a copy of a file of the built-in model, with the values of one tensor changed, to a folder.
pub fn changed(folder: &Path, name: &str, tensor: &str, change: impl Fn(&mut [f32])) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, with_values(&fs::read(built_in(name)).unwrap(), tensor, change)).unwrap();
    path
}
