//! Folders in diffusers layout: a checkpoint with a subfolder for each network, or the files of a single network.
//!
//! The tensors of a checkpoint folder get the name of their network as a prefix: `unet/conv_in.weight`. If a network
//! has several files, the plain safetensors file is preferred to its `fp16` variant, and both to a pickle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::WeightsError;

/// Networks of a checkpoint folder that are read; others (safety checker, tokenizer, scheduler) are ignored.
const NETWORKS: [&str; 4] = ["unet", "vae", "text_encoder", "text_encoder_2"];
/// File names without extension.
const STEMS: [&str; 3] = ["diffusion_pytorch_model", "model", "pytorch_model"];
/// Extensions with variant, in order of preference.
const ENDS: [&str; 11] = [
    "safetensors",
    "safetensors.index.json",
    "fp16.safetensors",
    "safetensors.index.fp16.json",
    "fp16.safetensors.index.json",
    "bf16.safetensors",
    "non_ema.safetensors",
    "bin",
    "bin.index.json",
    "fp16.bin",
    "non_ema.bin",
];
/// Maximum size in bytes of a shard index.
const MAX_INDEX: u64 = 16 << 20;
const MAX_SHARDS: usize = 256;

/// One weight file and the prefix of its tensor names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub path: PathBuf,
    pub prefix: String,
}

/// The folder of a path: the path itself, or the parent folder of a `model_index.json`, `config.json` or shard index
/// that was chosen in a file dialogue.
pub(super) fn meant(path: &Path) -> Option<&Path> {
    if path.is_dir() {
        return Some(path);
    }
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if json && path.is_file() { path.parent() } else { None }
}

/// Whether a folder is a checkpoint with its networks in subfolders.
pub(super) fn is_checkpoint(folder: &Path) -> bool {
    folder.join("model_index.json").is_file() || folder.join("unet").is_dir()
}

/// The weight files of a folder: of a checkpoint or some of its networks, each in a subfolder, or of a single
/// network.
pub(super) fn parts(folder: &Path) -> Result<Vec<Part>, WeightsError> {
    let mut parts = Vec::new();
    let single = if is_checkpoint(folder) { Vec::new() } else { files(folder)? };
    if single.is_empty() {
        for network in NETWORKS {
            let inside = folder.join(network);
            if inside.is_dir() {
                let files = files(&inside)?;
                parts.extend(files.into_iter().map(|path| Part { path, prefix: format!("{network}/") }));
            }
        }
    } else {
        parts.extend(single.into_iter().map(|path| Part { path, prefix: String::new() }));
    }
    if parts.is_empty() {
        let reason = "it is a folder without the files of a diffusers model";
        return Err(WeightsError::Unreadable { path: folder.into(), reason: reason.into() });
    }
    Ok(parts)
}

/// The file or shards of one network; empty if the folder has no weights.
fn files(folder: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    for end in ENDS {
        for stem in STEMS {
            let path = folder.join(format!("{stem}.{end}"));
            if path.is_file() {
                return if end.ends_with("json") { shards(&path) } else { Ok(vec![path]) };
            }
        }
    }
    Ok(Vec::new())
}

/// The files that a shard index lists, which must be in the same folder.
fn shards(list: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    let malformed = |reason: String| WeightsError::Malformed { path: list.into(), reason };
    let unreadable =
        |error: std::io::Error| WeightsError::Unreadable { path: list.into(), reason: error.to_string() };
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let meta = std::fs::metadata(list).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(malformed("the list of shards is not a plain file".into()));
    }
    if meta.len() > MAX_INDEX {
        return Err(malformed("the list of shards is longer than any model's".into()));
    }
    let text = std::fs::read(list).map_err(unreadable)?;
    let index: Index = serde_json::from_slice(&text)
        .map_err(|error| malformed(format!("the list of shards is not readable ({error})")))?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if names.len() > MAX_SHARDS {
        return Err(malformed(format!("the list names {} shards, more than any model has", names.len())));
    }
    let beside = |name: String| {
        let plain = Path::new(&name).file_name().is_some_and(|file| file == name.as_str());
        if plain {
            Ok(list.with_file_name(name))
        } else {
            Err(malformed(format!("the list names the shard `{name}` outside of its folder")))
        }
    };
    names.into_iter().map(beside).collect()
}
