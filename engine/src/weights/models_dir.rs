//! The folders where models are looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::folder;

/// The folder of this user's models, where the platform keeps an application's data:
/// `$XDG_DATA_HOME/unsample/models` or `~/.local/share/unsample/models`, on macOS
/// `~/Library/Application Support/Unsample/models`, on Windows `%LOCALAPPDATA%\Unsample\models`.
///
/// `None` if the system does not say where that is. The folder need not exist.
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

/// All folders that models are looked for in: [`models_dir`], and those that the variable `UNSAMPLE_MODELS` lists
/// (separated as in `PATH`), for instance the folder of a ComfyUI or of Stable Diffusion web UI.
pub fn models_dirs() -> Vec<PathBuf> {
    let listed = std::env::var_os("UNSAMPLE_MODELS").unwrap_or_default();
    let others = std::env::split_paths(&listed).filter(|path| path.is_absolute()).collect::<Vec<_>>();
    models_dir().into_iter().chain(others).collect()
}

/// A sentence about a link that leads to nothing; `None` for a path that leads somewhere, and for one that is no link.
pub fn dead_link(path: &Path) -> Option<String> {
    let error = std::fs::metadata(path).err()?;
    let target = std::fs::read_link(path).ok()?;
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "which is not there".to_owned(),
        _ => format!("which cannot be followed ({error})"),
    };
    Some(format!("{} is a link to {}, {why}", path.display(), target.display()))
}

/// Whether a path is called as a file of weights is.
pub(super) fn is_weights(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Extensions of files of weights.
const EXTENSIONS: [&str; 5] = ["safetensors", "ckpt", "pth", "pt", "bin"];
/// Folders in folders that are looked into.
const DEPTH: usize = 4;

/// Where the programs that people have their models from keep them, below the program's own folder. The rest of
/// such a folder is not looked into: it holds whole installations of Python.
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

/// The files that a prompt or a parameter may mean by `name`: a file's name, with its extension or without, with folders before it or
/// none. Those that are spelt alike come before those in other capitals; then the order is that of the folders, and of
/// safetensors, `.pt` and `.bin`.
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

/// Of `words` those that are the name of a file without its extension, in any capitals, each with the first such file.
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

/// Whether `name` ends a path, with or without its extension: 0 to the letter, 1 but for capitals.
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

/// The paths of the weight files of a folder and its folders (four levels deep), in order. Links are followed, and those that
/// lead nowhere are among them; a file or folder that is reached twice is listed once. The folder of a ComfyUI or a Stable
/// Diffusion web UI stands for the places where these keep models, and a diffusers checkpoint is listed as one.
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
        // A link may lead back to a folder above, or nowhere: then its own place has to do.
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
        // A folder that is called as a file and holds none would be missed otherwise.
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
