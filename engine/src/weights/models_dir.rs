//! The folders that are searched for models.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::folder;

/// The user's models folder in the platform's application data folder: `$XDG_DATA_HOME/unsample/models` or
/// `~/.local/share/unsample/models`, on macOS `~/Library/Application Support/Unsample/models`, on Windows
/// `%LOCALAPPDATA%\Unsample\models`.
///
/// `None` if the environment does not define it. The folder need not exist.
pub fn models_dir() -> Option<PathBuf> {
    let folder = |variable: &str| {
        let path = PathBuf::from(std::env::var_os(variable)?);
        path.is_absolute().then_some(path)
    };
    let base = if cfg!(target_os = "windows") {
        folder("LOCALAPPDATA")?.join("Unsample")
    } else if cfg!(target_os = "macos") {
        folder("HOME")?.join("Library/Application Support/Unsample")
    } else {
        folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?.join("unsample")
    };
    Some(base.join("models"))
}

/// All folders that are searched for models: [`models_dir`], and the absolute paths in the environment variable
/// `UNSAMPLE_MODELS` (separated as in `PATH`), for instance the folder of a ComfyUI or Stable Diffusion web UI
/// installation.
pub fn models_dirs() -> Vec<PathBuf> {
    let listed = std::env::var_os("UNSAMPLE_MODELS").unwrap_or_default();
    let others = std::env::split_paths(&listed).filter(|path| path.is_absolute()).collect::<Vec<_>>();
    models_dir().into_iter().chain(others).collect()
}

/// A sentence about a dangling link; `None` for a path that exists and for one that is not a link.
pub fn dead_link(path: &Path) -> Option<String> {
    let error = std::fs::metadata(path).err()?;
    let target = std::fs::read_link(path).ok()?;
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "which is not there".to_owned(),
        _ => format!("which cannot be followed ({error})"),
    };
    Some(format!("{} is a link to {}, {why}", path.display(), target.display()))
}

/// Whether a path has the extension of a weight file.
pub(super) fn is_weights(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Extensions of weight files.
const EXTENSIONS: [&str; 5] = ["safetensors", "ckpt", "pth", "pt", "bin"];
/// Maximum depth of subfolders that are searched.
const DEPTH: usize = 4;

/// Where other programs keep their models, relative to the program's folder: a subfolder that identifies the program,
/// and the folders to search. The rest of such a folder is not searched, because it can contain whole Python
/// installations.
const PROGRAMS: [(&str, &[&str]); 2] = [
    (
        "models/checkpoints",
        &[
            "models",
            "custom_nodes/ComfyUI-AnimateDiff-Evolved/models",
            "custom_nodes/comfyui_controlnet_aux/ckpts",
        ],
    ),
    (
        "models/Stable-diffusion",
        &[
            "models",
            "embeddings",
            "extensions/sd-webui-animatediff/model",
            "extensions/sd-webui-controlnet/models",
            "extensions/sd-webui-controlnet/annotator/downloads",
        ],
    ),
];

/// The files that `name` in a prompt or parameter may refer to: a file name with or without extension, with or
/// without parent folders. Exact matches come before matches that differ in case; then the order is that of the
/// folders, and of safetensors, `.pt` and `.bin`.
pub fn find_named(name: &str, folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<_> = folders
        .iter()
        .enumerate()
        .flat_map(|(folder, path)| model_files(path).into_iter().map(move |file| (folder, file)))
        .filter_map(|(folder, file)| Some(((spelt(&file, name)?, folder, extension_rank(&file)), file)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, file)| file).collect()
}

/// Those of `words` that are the name of a file without its extension, ignoring case, each with the first such file.
pub fn find_words<'a>(words: &[&'a str], folders: &[PathBuf]) -> Vec<(&'a str, PathBuf)> {
    let lower: BTreeMap<String, &str> = words.iter().map(|word| (word.to_lowercase(), *word)).collect();
    let mut found: BTreeMap<&str, PathBuf> = BTreeMap::new();
    for path in folders.iter().flat_map(|folder| model_files(folder)) {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
        if let Some(word) = stem.and_then(|stem| lower.get(&stem).copied()) {
            found.entry(word).or_insert(path);
        }
    }
    found.into_iter().collect()
}

/// Whether a path ends with `name`, with or without its extension: 0 for an exact match, 1 if only case differs.
fn spelt(path: &Path, name: &str) -> Option<u8> {
    let mut wanted = name.rsplit(['/', '\\']);
    let last = wanted.next()?;
    let file = [path.file_name()?, path.file_stem()?].map(|name| name.to_string_lossy());
    let alike = |name: &str, wanted: &str| {
        if name == wanted { Some(0) } else { (name.to_lowercase() == wanted.to_lowercase()).then_some(1) }
    };
    let mut worst = file.iter().filter_map(|name| alike(name, last)).min()?;
    let mut folder = path.parent();
    for wanted in wanted {
        worst = worst.max(alike(&folder?.file_name()?.to_string_lossy(), wanted)?);
        folder = folder?.parent();
    }
    Some(worst)
}

fn extension_rank(path: &Path) -> usize {
    let extension = path.extension().unwrap_or_default();
    let known = ["safetensors", "pt", "bin"].iter().position(|known| extension.eq_ignore_ascii_case(known));
    known.unwrap_or(usize::MAX)
}

/// The sorted paths of the weight files in a folder and its subfolders (four levels deep). Links are followed, and
/// dangling ones are included; a file or folder that is reached twice is listed once. For the folder of a ComfyUI or
/// Stable Diffusion web UI, only its model folders are searched; a diffusers checkpoint is listed as one path.
pub fn model_files(folder: &Path) -> Vec<PathBuf> {
    let places = PROGRAMS.iter().find(|(mark, _)| folder.join(mark).is_dir()).map(|(_, places)| *places);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    match places {
        Some(places) => {
            places.iter().for_each(|place| collect(&folder.join(place), DEPTH, &mut seen, &mut found));
        }
        None => collect(folder, DEPTH, &mut seen, &mut found),
    }
    found.sort();
    found
}

fn collect(folder: &Path, depth: usize, seen: &mut BTreeSet<PathBuf>, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let weights = is_weights(&path);
        // A link may lead back to a parent folder, or nowhere; a dangling link is identified by its own path.
        let own = || Some(folder.canonicalize().ok()?.join(path.file_name().filter(|_| weights)?));
        let Some(real) = path.canonicalize().ok().or_else(own) else { continue };
        let directory = real.is_dir();
        if (!directory && !weights) || !seen.insert(real) {
            continue;
        }
        if !directory || folder::is_checkpoint(&path) {
            found.push(path);
            continue;
        }
        let before = found.len();
        if depth > 1 {
            collect(&path, depth - 1, seen, found);
        }
        // A folder with the extension of a weight file that contains none would otherwise be missing from the list.
        if weights && found.len() == before {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_by_their_names_in_the_order_of_spelling_folders_and_formats() {
        let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let folders = places.each_ref().map(|place| place.path().to_path_buf());
        let made = [
            folders[0].join("loras/Ink.safetensors"),
            folders[0].join("loras/ink.pt"),
            folders[0].join("loras/ink.safetensors"),
            folders[1].join("ink.safetensors"),
        ];
        for path in &made {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::write(folders[0].join("notes.txt"), "").unwrap();
        let found = |name: &str| -> Vec<usize> {
            let found = find_named(name, &folders).into_iter();
            found.map(|path| made.iter().position(|known| *known == path).unwrap()).collect()
        };
        assert_eq!(found("ink"), [2, 1, 3, 0]);
        assert_eq!(found("ink.safetensors"), [2, 3, 0]);
        for name in ["loras/ink.safetensors", "loras\\ink.safetensors"] {
            assert_eq!(found(name), [2, 0]);
        }
        for name in ["in", "notes.txt", "other/ink", ""] {
            assert!(find_named(name, &folders).is_empty(), "{name}");
        }
    }
}
