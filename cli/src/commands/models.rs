//! `unsample models`: lists weight files and inspects one.

use std::path::Path;
use std::sync::Arc;

use engine::families::{Identity, identify, list_models, precision};
use engine::pipeline::{check_file, check_values};
use engine::weights::{TensorFile, dead_link, models_dir, models_dirs};
use frame::convert::u64_to_f64;
use protocol::pasted_path;
use serde_json::{Map, Value as Json, json};

use super::{print, pull};
use crate::cli::{InspectArgs, ModelsCommand};
use crate::failure::Failure;
use crate::words;

/// Runs `unsample models`.
///
/// # Errors
/// The file cannot be read, or the system defines no folder for models.
pub fn run(command: &ModelsCommand) -> Result<(), Failure> {
    match command {
        ModelsCommand::List => list(),
        ModelsCommand::Inspect(args) => inspect(args),
        ModelsCommand::Pull(args) => pull::run(args),
        ModelsCommand::Dir => {
            print(&format!("{}\n", folder()?.display()));
            Ok(())
        }
    }
}

/// The models folder of the current user.
pub fn folder() -> Result<std::path::PathBuf, Failure> {
    models_dir().ok_or_else(|| {
        Failure::Failed("the system defines no folder for user data, so there is no models folder".into())
    })
}

fn list() -> Result<(), Failure> {
    let own = folder()?;
    let mut text = String::new();
    for folder in models_dirs() {
        let models = list_models(&folder);
        if models.is_empty() {
            let need = if folder == own { "; the built-in model needs none" } else { "" };
            words::err(&format!("there are no weight files in {}{need}", folder.display()));
        }
        for model in models {
            let name = if folder == own {
                model.path.strip_prefix(&own).unwrap_or(&model.path)
            } else {
                &model.path
            };
            let (name, size) = (name.display().to_string(), size(model.size));
            let what = match model.into_sound() {
                Ok(identity) => identity.description,
                Err(error) => format!("unusable: {error}"),
            };
            text.push_str(&format!("{name}  {size}  {what}\n"));
        }
    }
    print(&text);
    Ok(())
}

/// A number of bytes in readable units.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = u64_to_f64(bytes);
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    let path = pasted_path(&args.file);
    if let Some(link) = dead_link(&path) {
        return Err(Failure::Usage(link));
    }
    if !path.exists() {
        return Err(Failure::Usage(format!("{} does not exist", path.display())));
    }
    let file = TensorFile::open(&path).map_err(|error| Failure::Failed(error.to_string()))?;
    let file = Arc::new(file);
    let identity = identify(&file);
    let sound = identity.require_sound(&file).map_err(|error| error.to_string());
    let checked = sound.and_then(|()| check_file(&file).map_err(|error| error.to_string()));
    let checked = checked.and_then(|notes| match check_values(&file) {
        Ok(()) => Ok(notes),
        Err(error) => Err(error.to_string()),
    });
    // The report comes first: it says what the damaged file was supposed to be.
    let verdict = checked.clone().map(|_| ()).map_err(Failure::Failed);
    if args.json {
        print(&format!("{:#}\n", as_json(&file, &path, &identity, &checked)));
        return verdict;
    }
    let mut text = format!("{} is {}\n", path.display(), identity.description);
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{name:16}{value}\n"));
        }
    };
    line("family", identity.family().map(|family| family.to_string()));
    line("kind", Some(identity.kind_name().into()));
    line("version", identity.version().map(str::to_owned));
    line("context length", identity.context_length().map(|frames| format!("{frames} frames")));
    line("precision", precision(&file));
    line("fits", Some(identity.fits()));
    let (count, values) = (file.names().count(), values(&file));
    line("size", Some(format!("{}, {count} tensors, {values} values", size(file.size()))));
    for sentence in checked.iter().flatten() {
        line("note", Some(sentence.clone()));
    }
    if args.tensors {
        for (key, value) in file.metadata() {
            text.push_str(&format!("{key}: {value}\n"));
        }
        for (name, info) in file.tensors() {
            text.push_str(&format!("{name}  {} {:?}\n", info.dtype, info.shape));
        }
    }
    print(&text);
    verdict
}

fn values(file: &TensorFile) -> u64 {
    file.tensors().map(|(_, info)| info.shape.iter().map(|&n| n as u64).product::<u64>()).sum()
}

fn as_json(
    file: &TensorFile,
    path: &Path,
    identity: &Identity,
    checked: &Result<Vec<String>, String>,
) -> Json {
    let tensors: Map<String, Json> = file
        .tensors()
        .map(|(name, info)| (name.to_owned(), json!({"dtype": info.dtype.to_string(), "shape": info.shape})))
        .collect();
    json!({
        "file": path.display().to_string(),
        "description": identity.description,
        "family": identity.family().map(|family| family.to_string()),
        "kind": identity.kind_name(),
        "version": identity.version(),
        "contextLength": identity.context_length(),
        "precision": precision(file),
        "fits": identity.fits(),
        "notes": checked.as_ref().ok(),
        "problem": checked.as_ref().err(),
        "bytes": file.size(),
        "values": values(file),
        "metadata": file.metadata(),
        "tensors": tensors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1_234_567), "1.2 MB");
        assert_eq!(size(4_265_380_512), "4.3 GB");
    }
}
