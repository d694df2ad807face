//! Sidecar files of a weight file that say how the weights were trained: the scheduler config of a diffusers folder,
//! and the YAML config of the original LDM code.
//!
//! These are written and converted by hand, so parsing is lenient: any byte order mark, comments in an older
//! encoding, a trailing comma. A file that exists but cannot be read is reported.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::models_dir::is_weights;
use super::prediction::is_known;

/// Prefix of a scheduler's settings in [`TensorFile::metadata`](super::TensorFile::metadata).
pub(super) const SCHEDULER: &str = "scheduler/";
/// Metadata key of the YAML config's `parameterization`.
pub(super) const DESCRIBED: &str = "yaml/parameterization";
/// Metadata key of PEFT's LoRA settings, as unparsed JSON.
pub(super) const ADAPTER: &str = "beside/adapter_config.json";
/// Metadata key of a sentence about a sidecar file that could not be read.
pub(super) const UNREAD: &str = "beside/unread";

const CONFIG: &str = "scheduler_config.json";
/// File name of PEFT's settings of a LoRA.
pub(super) const ADAPTER_CONFIG: &str = "adapter_config.json";
/// Maximum size in bytes of a sidecar file.
const LONGEST: u64 = 1 << 20;
/// Scheduler settings that are searched for if the file is not valid JSON.
const SETTINGS: [&str; 3] = ["_class_name", "prediction_type", "rescale_betas_zero_snr"];

/// Reads the sidecar files of a weight file or folder: the scheduler config of a diffusers folder, found from the
/// root folder, from the `unet` folder or a file in it, from a file next to the folder `scheduler`, or next to the
/// only weight file of a folder; and `NAME.yaml`, `NAME.yml`, `NAME.safetensors.yaml` or `NAME.safetensors.yml` next
/// to `NAME.safetensors`. Returns metadata entries.
pub(super) fn beside(path: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (file, read) in [(scheduler(path), settings as fn(&str) -> _), (description(path), described)] {
        let Some(file) = file else { continue };
        match text(&file).and_then(|text| read(&text)) {
            Ok(said) => found.extend(said),
            Err(reason) => {
                let unread = format!(
                    "{} could not be read ({reason}), so that what it says of the prediction of {} was not used",
                    file.display(),
                    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
                );
                found.insert(UNREAD.into(), unread);
            }
        }
    }
    // In a folder of several LoRAs it is unknown which one the file belongs to, unless a LoRA has PEFT's own name.
    let named = path.file_stem().is_some_and(|stem| stem == "adapter_model");
    let config = path.with_file_name(ADAPTER_CONFIG);
    if path.is_file() && exists(&config) && (named || is_alone(path)) {
        // An unreadable file becomes an empty text, which is rejected when it is parsed.
        found.insert(ADAPTER.into(), text(&config).unwrap_or_default());
    }
    found
}

/// Whether a path exists, readable or not.
fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Path of the scheduler config, if there is one.
fn scheduler(path: &Path) -> Option<PathBuf> {
    let unet = |path: &Path| path.file_name().is_some_and(|name| name == "unet");
    let above = |path: &Path| path.parent().filter(|_| unet(path)).map(Path::to_path_buf);
    // A single-file checkpoint at the root of a repository is next to the `scheduler` folder.
    let root = path.parent().filter(|_| !path.is_dir()).map(Path::to_path_buf);
    let roots = [Some(path.to_path_buf()), above(path), path.parent().and_then(above), root];
    let folders = roots.into_iter().flatten().map(|root| root.join("scheduler").join(CONFIG));
    let near = if path.is_dir() { path.join(CONFIG) } else { path.with_file_name(CONFIG) };
    folders.into_iter().find(|config| exists(config)).or_else(|| {
        // In a folder of several checkpoints it is unknown which one the file belongs to.
        (exists(&near) && (path.is_dir() || is_alone(path))).then_some(near)
    })
}

/// Whether a weight file is the only one in its folder.
fn is_alone(path: &Path) -> bool {
    let entries = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let others =
        entries.into_iter().flatten().flatten().filter(|entry| {
            Some(entry.file_name().as_os_str()) != path.file_name() && is_weights(&entry.path())
        });
    others.count() == 0
}

/// Path of the YAML config, if there is one.
fn description(path: &Path) -> Option<PathBuf> {
    let whole = |extension: &str| {
        let mut name = OsString::from(path);
        name.push(format!(".{extension}"));
        PathBuf::from(name)
    };
    let [yaml, yml] = ["yaml", "yml"];
    let names = [path.with_extension(yaml), path.with_extension(yml), whole(yaml), whole(yml)];
    if path.is_file() { names.into_iter().find(|name| exists(name)) } else { None }
}

/// The text of a file in UTF-8, or in UTF-16 with a byte order mark; invalid bytes become replacement characters.
fn text(path: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a plain file".into());
    }
    if meta.len() > LONGEST {
        return Err("it is longer than 1 MB".into());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let words: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| read(*pair)).collect();
        String::from_utf16_lossy(&words)
    };
    Ok(match &bytes[..] {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        plain => String::from_utf8_lossy(plain).into_owned(),
    })
}

type Said = BTreeMap<String, String>;

/// Parses a scheduler config into metadata entries.
fn settings(text: &str) -> Result<Said, String> {
    let key = |name: &str| format!("{SCHEDULER}{name}");
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(settings) => Ok(settings
            .into_iter()
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => (key(&name), text),
                other => (key(&name), other.to_string()),
            })
            .collect()),
        Err(error) => {
            let said: Said =
                SETTINGS.iter().filter_map(|name| Some((key(name), value(text, name)?))).collect();
            let kind = said.get(&key("prediction_type"));
            let known = kind.is_none_or(|kind| is_known(kind));
            if said.is_empty() || !known { Err(format!("its JSON is broken: {error}")) } else { Ok(said) }
        }
    }
}

/// Parses a YAML config into metadata entries; it may have none.
fn described(text: &str) -> Result<Said, String> {
    let kind = value(text, "parameterization");
    Ok(kind.map(|kind| (DESCRIBED.into(), kind)).into_iter().collect())
}

/// The value of a key in YAML or JSON syntax: quoted or not, on its own line or in braces.
fn value(text: &str, key: &str) -> Option<String> {
    let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let quotes = ['"', '\''];
    text.lines().map(|line| line.split('#').next().unwrap_or_default()).find_map(|line| {
        line.match_indices(key).find_map(|(at, _)| {
            let (before, behind) = (&line[..at], &line[at + key.len()..]);
            if before.ends_with(inside) {
                return None;
            }
            let behind = behind.strip_prefix(quotes).unwrap_or(behind).trim_start().strip_prefix(':')?;
            let behind = behind.trim_start();
            let behind = behind.strip_prefix(quotes).unwrap_or(behind).trim_start();
            let value = behind.split(|letter: char| !inside(letter)).next().unwrap_or_default();
            (!value.is_empty()).then(|| value.to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_spelling_of_its_key() {
        for text in [
            "model:\n  params:\n    parameterization: \"v\"\n",
            "model: {params: {parameterization: v}}",
            "model:\r\n  parameterization : 'v'  # of the velocity\r\n",
            "\"parameterization\": \"v\",",
            "{'a': 1, 'parameterization':v}",
            "# parameterization: eps\nparameterization: v",
            "other_parameterization: eps\nparameterization: v",
        ] {
            assert_eq!(value(text, "parameterization").as_deref(), Some("v"), "{text}");
        }
        for text in [
            "",
            "parameterization",
            "parameterization:\n  v",
            "v_parameterization: v",
            "# parameterization: v",
        ] {
            assert_eq!(value(text, "parameterization"), None, "{text}");
        }
    }

    #[test]
    fn texts_are_read_in_the_encodings_that_they_are_written_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.yaml");
        let utf16 =
            |order: fn(u16) -> [u8; 2]| "\u{feff}a: v".encode_utf16().flat_map(order).collect::<Vec<u8>>();
        for (bytes, want) in [
            (b"\xef\xbb\xbfa: v".to_vec(), "a: v"),
            (utf16(u16::to_le_bytes), "a: v"),
            (utf16(u16::to_be_bytes), "a: v"),
            (b"# caf\xe9\na: v".to_vec(), "# caf\u{fffd}\na: v"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(text(&path).unwrap(), want);
        }
        std::fs::File::create(&path).unwrap().set_len(LONGEST + 1).unwrap();
        assert!(text(&path).unwrap_err().contains("longer"));
        assert!(text(folder.path()).unwrap_err().contains("not a plain file"));
    }
}
