//! Resolves a parameter's file: a path, or a name in the models folders.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::misplaced::misplaced;
use super::resources::models;
use crate::families::{Family, Identity, Kind, identify};
use crate::weights::{Stamp, StampedPart, TensorFile, dead_link, find_named, models_dirs};

/// What a file is chosen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileRole {
    Checkpoint,
    Vae,
    Text,
    Motion,
    Control,
    Lora,
}

impl FileRole {
    /// How well a file suits the role: 0 it has the kind, 1 it contains the network, 2 it is for another family, 3 it
    /// cannot be used.
    fn rank(self, identity: &Identity, checkpoint: Option<Family>) -> u8 {
        let rank = match (self, &identity.kind) {
            (Self::Checkpoint, Kind::Checkpoint { .. })
            | (Self::Vae, Kind::Vae { .. })
            | (Self::Text, Kind::TextEncoder { .. })
            | (Self::Motion, Kind::MotionModule { .. })
            | (Self::Control, Kind::ControlNet { .. } | Kind::SparseCtrl { .. })
            | (Self::Lora, Kind::Lora { .. } | Kind::MotionLora) => 0,
            (Self::Vae, Kind::Checkpoint { vae: true, .. })
            | (Self::Text, Kind::Checkpoint { text: true, .. }) => 1,
            _ => return 3,
        };
        let other = checkpoint.zip(identity.family()).is_some_and(|(one, other)| one != other);
        if other { 2 } else { rank }
    }
}

/// The file that a parameter refers to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Located {
    /// Its path, or the path as written if there is no such file.
    pub path: PathBuf,
    /// A message if the name refers to several suitable files.
    pub remark: Option<String>,
}

/// All folders in which names are searched for: the models folders, then the bundle's own.
fn folders() -> Vec<PathBuf> {
    models_dirs().into_iter().chain([models()]).collect()
}

/// Whether a path can be a name in the models folders: `ink`, `loras/ink.safetensors`; not `/ink`, `./ink`, `../ink`.
fn is_name(path: &Path) -> bool {
    !path.as_os_str().is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// The files that a path may refer to. A path only refers to itself; a name also refers to the files with that name in
/// the folders, which take precedence over a folder in the working directory, but not over a file there.
fn candidates(path: &Path, folders: &[PathBuf]) -> Vec<PathBuf> {
    let named = path.to_str().filter(|_| is_name(path)).map(|name| find_named(name, folders));
    let here = path.exists().then(|| path.to_path_buf());
    let (file, folder) = if path.is_dir() { (None, here) } else { (here, None) };
    let mut seen = Vec::new();
    let all = file.into_iter().chain(named.into_iter().flatten()).chain(folder);
    // A link and its target are one file; so are two in the same folder if that is listed twice.
    all.filter(|path| {
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let new = !seen.contains(&real);
        seen.push(real);
        new
    })
    .collect()
}

/// The file that a path or name refers to, for a role and, if known, the family of the checkpoint.
pub(super) fn located(path: &Path, role: FileRole, checkpoint: Option<Family>) -> Located {
    among(path, &folders(), role, checkpoint)
}

fn among(path: &Path, folders: &[PathBuf], role: FileRole, checkpoint: Option<Family>) -> Located {
    let mut found = candidates(path, folders);
    if found.len() < 2 {
        return Located { path: found.pop().unwrap_or_else(|| path.into()), remark: None };
    }
    let rank = |path: &PathBuf| match TensorFile::open(path) {
        Ok(file) => role.rank(&identify(&Arc::new(file)), checkpoint),
        Err(_) => 3,
    };
    let mut ranked: Vec<_> = found.into_iter().map(|path| (rank(&path), path)).collect();
    let skipped = ranked[0].0 > 0 && ranked[0].1 == path && path.is_file();
    ranked.sort_by_key(|(rank, _)| *rank);
    let best = ranked[0].0;
    let (taken, others) = ranked.split_at(1);
    let taken = taken[0].1.clone();
    let mut left: Vec<&PathBuf> = Vec::new();
    // If a file has exactly this spelling, files that differ in upper and lower case are other names.
    let alike = |path: &PathBuf| path.file_stem() == taken.file_stem();
    left.extend(
        others.iter().filter(|(rank, path)| *rank == best && best < 3 && alike(path)).map(|(_, path)| path),
    );
    let written = path.to_path_buf();
    if skipped && taken != path && !left.contains(&&written) {
        left.push(&written);
    }
    let remark = (!left.is_empty()).then(|| {
        let left: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
        format!(
            "{} is the name of several files: {} was taken and not {}; write more of its path to choose another",
            path.display(),
            taken.display(),
            left.join(", ")
        )
    });
    Located { path: taken, remark }
}

/// The state of every file that a parameter may refer to, as the operating system reports it, one per line, those of a
/// folder one by one; empty if there is none.
pub fn file_state(path: &Path) -> Vec<String> {
    let found = candidates(path, &folders());
    let stamps = found.iter().filter_map(|path| Stamp::of(path));
    stamps.flat_map(|stamp| stamp.parts().iter().map(StampedPart::describe).collect::<Vec<_>>()).collect()
}

/// A message about a path that does not exist; for a name it lists the folders that were searched, and for a web
/// address or prompt tag it says what to do instead.
pub(super) fn nowhere(path: &Path) -> Option<String> {
    if path.exists() {
        return None;
    }
    if let Some(why) = dead_link(path).or_else(|| misplaced(path)) {
        return Some(why);
    }
    let name = path.display();
    if is_name(path) {
        let folders: Vec<String> = folders().iter().map(|folder| folder.display().to_string()).collect();
        return Some(format!(
            "there is no model called {name}; these folders were searched: {}",
            folders.join(", ")
        ));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    Some(match folder {
        Some(folder) => format!("{name} does not exist, nor does the folder {}", folder.display()),
        None => format!("{name} does not exist"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn bundled(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle/models").join(name)
    }

    /// A models folder with a checkpoint, a motion module and a ControlNet for each of these names.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let kinds = [("a", "pocket_lines"), ("checkpoints", "pocket"), ("motion", "pocket_motion")];
        for (place, origin) in kinds {
            fs::create_dir_all(folder.path().join(place)).unwrap();
            for name in names {
                let copy = folder.path().join(place).join(format!("{name}.safetensors"));
                fs::copy(bundled(&format!("{origin}.safetensors")), copy).unwrap();
            }
        }
        folder
    }

    fn find(path: &str, folders: &[&tempfile::TempDir], role: FileRole) -> Located {
        let folders: Vec<_> = folders.iter().map(|folder| folder.path().to_path_buf()).collect();
        among(Path::new(path), &folders, role, Some(Family::SMALL))
    }

    #[test]
    fn of_files_with_one_name_the_one_of_the_right_kind_is_taken() {
        let folder = folder(&["ink"]);
        for (role, place) in
            [(FileRole::Control, "a"), (FileRole::Checkpoint, "checkpoints"), (FileRole::Motion, "motion")]
        {
            for name in ["ink", "ink.safetensors", "INK", &format!("{place}/ink")] {
                let path = folder.path().join(place).join("ink.safetensors");
                assert_eq!(find(name, &[&folder], role), Located { path, remark: None }, "{name} {role:?}");
            }
        }
        // A checkpoint with a VAE is accepted if no VAE has this name.
        assert!(find("ink", &[&folder], FileRole::Vae).path.ends_with("checkpoints/ink.safetensors"));
        // A path with a folder determines the file; a wrong kind is reported later.
        assert!(
            find("motion/ink", &[&folder], FileRole::Checkpoint).path.ends_with("motion/ink.safetensors")
        );
        assert_eq!(find("loras/ink", &[&folder], FileRole::Lora).path, Path::new("loras/ink"));
    }

    #[test]
    fn a_name_of_two_files_that_would_do_is_said() {
        let folders = [folder(&["ink", "Ink"]), folder(&["ink"])];
        let found = find("ink", &[&folders[0], &folders[1]], FileRole::Motion);
        let path = |n: usize| folders[n].path().join("motion/ink.safetensors");
        assert_eq!(found.path, path(0));
        let (taken, left) = (path(0).display().to_string(), path(1).display().to_string());
        assert_eq!(
            found.remark.as_deref(),
            Some(&*format!(
                "ink is the name of several files: {taken} was taken and not {left}; write more of its path to choose another"
            ))
        );
        assert_eq!(find("Ink", &[&folders[0], &folders[1]], FileRole::Motion).remark, None);
        // The same folder twice, or a link to it, is not a second file.
        assert_eq!(find("ink", &[&folders[0], &folders[0]], FileRole::Motion).remark, None);
    }

    #[test]
    fn a_folder_here_comes_after_a_name_in_the_models_folder_and_a_file_here_before() {
        // Tests run in the package's folder, which contains a folder `src`.
        let folder = folder(&["src"]);
        let found = find("src", &[&folder], FileRole::Checkpoint);
        assert_eq!(found, Located { path: folder.path().join("checkpoints/src.safetensors"), remark: None });
        assert_eq!(find("src", &[], FileRole::Checkpoint).path, Path::new("src"));

        let here = tempfile::tempdir_in(".").unwrap();
        let name = format!("{}/pocket.safetensors", here.path().file_name().unwrap().to_str().unwrap());
        let name = name.as_str();
        fs::copy(bundled("pocket.safetensors"), name).unwrap();
        let twin = folder.path().join(name);
        fs::create_dir_all(twin.parent().unwrap()).unwrap();
        fs::copy(name, &twin).unwrap();
        let found = find(name, &[&folder], FileRole::Checkpoint);
        assert_eq!(found.path, Path::new(name));
        assert!(found.remark.unwrap().contains(&*twin.display().to_string()));
        // A file of another kind is ignored, with a message.
        fs::copy(bundled("pocket_motion.safetensors"), &twin).unwrap();
        let found = find(name, &[&folder], FileRole::Motion);
        assert_eq!(found.path, twin);
        assert!(found.remark.unwrap().contains(&format!("not {name}")));
    }

    #[test]
    fn a_path_that_leads_nowhere_says_where_was_searched() {
        assert!(nowhere(Path::new("loras/no such file")).unwrap().contains("these folders were searched"));
        assert_eq!(nowhere(Path::new("./nothing")).unwrap(), "./nothing does not exist");
        assert_eq!(
            nowhere(Path::new("/no/such")).unwrap(),
            "/no/such does not exist, nor does the folder /no"
        );
        assert_eq!(nowhere(Path::new("Cargo.toml")), None);
    }
}
