//! The table of models that can be pulled: `bundle/models.toml`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// The table: model sets and files by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelTable {
    #[serde(default)]
    sets: BTreeMap<String, ModelSet>,
    files: BTreeMap<String, Remote>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSet {
    about: String,
    files: Vec<String>,
}

/// A file on the hub.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// A short description of the file.
    pub about: String,
    /// `owner/name` on the hub.
    pub repository: String,
    /// The path in the repository.
    pub path: String,
    /// The subfolder of the models folder.
    pub folder: String,
    /// The name of its licence.
    pub licence: String,
    /// Size in bytes, if known.
    pub size: Option<u64>,
    /// SHA-256 in lower-case hexadecimal digits, if known.
    pub sha256: Option<String>,
}

impl ModelTable {
    /// The table built into the program.
    ///
    /// # Errors
    /// It is damaged, which a test rules out.
    pub fn own() -> Result<Self, Failure> {
        Self::parse(include_str!("../../../../bundle/models.toml"), "the program's own table of models")
    }

    /// Reads a table from a file.
    ///
    /// # Errors
    /// The file cannot be read or is not such a table.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", path.display())))?;
        Self::parse(&text, &path.display().to_string())
    }

    fn parse(text: &str, origin: &str) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::Usage(format!("{origin}: {why}"));
        let table: Self = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().into()))?;
        for (name, set) in &table.sets {
            if table.files.contains_key(name) {
                return Err(wrong(format!("{name} is a set and a file")));
            }
            if let Some(file) = set.files.iter().find(|file| !table.files.contains_key(*file)) {
                return Err(wrong(format!("the set {name} names the file {file}, which is not there")));
            }
        }
        for (name, file) in &table.files {
            file.check().map_err(|why| wrong(format!("the file {name}: {why}")))?;
        }
        Ok(table)
    }

    /// The files of a set, or the single file with that name.
    ///
    /// # Errors
    /// There is neither; the message lists the names that exist.
    pub fn find(&self, name: &str) -> Result<Vec<&Remote>, Failure> {
        if let Some(set) = self.sets.get(name) {
            return Ok(set.files.iter().filter_map(|file| self.files.get(file)).collect());
        }
        self.files.get(name).map(|file| vec![file]).ok_or_else(|| {
            let names: Vec<&str> = self.sets.keys().chain(self.files.keys()).map(String::as_str).collect();
            Failure::Usage(format!("there is no model {name} to pull; there are {}", names.join(", ")))
        })
    }

    /// All names with their descriptions, sets first.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let sets = self.sets.iter().map(|(name, set)| (name.as_str(), set.about.as_str()));
        sets.chain(self.files.iter().map(|(name, file)| (name.as_str(), file.about.as_str())))
    }
}

impl Remote {
    /// The path below the models folder.
    pub fn place(&self) -> PathBuf {
        Path::new(&self.folder).join(self.name())
    }

    /// The file's own name.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn check(&self) -> Result<(), String> {
        let plain = |text: &str| {
            !text.is_empty()
                && !text.contains('\\')
                && Path::new(text).components().all(|part| matches!(part, Component::Normal(_)))
        };
        for (what, text) in [("repository", &self.repository), ("path", &self.path), ("folder", &self.folder)]
        {
            if !plain(text) {
                return Err(format!("{text:?} is no {what}"));
            }
        }
        if self.repository.split('/').count() != 2 {
            return Err(format!("{:?} is no repository; write owner/name", self.repository));
        }
        match &self.sha256 {
            Some(sum) if !is_sha256(sum) => Err(format!("{sum:?} is no sha256")),
            _ => Ok(()),
        }
    }
}

/// Whether a text is a SHA-256 in lower-case hexadecimal digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_table_is_sound() {
        let table = ModelTable::own().expect("it parses");
        for name in ["sd15-animatediff", "sdxl-hotshot"] {
            assert!(table.find(name).is_ok_and(|files| files.len() >= 2), "{name}");
        }
        let places: std::collections::BTreeSet<_> = table.files.values().map(Remote::place).collect();
        assert_eq!(places.len(), table.files.len(), "two files for one place");
    }

    #[test]
    fn wrong_tables_are_refused_with_the_place() {
        let file = "about = 'x'\nrepository = 'a/b'\npath = 'c.bin'\nfolder = 'd'\nlicence = 'e'\n";
        let cases = [
            (format!("[sets.s]\nabout = 's'\nfiles = ['g']\n[files.f]\n{file}"), "names the file g"),
            (format!("[files.f]\n{}", file.replace("'a/b'", "'a'")), "\"a\" is no repository"),
            (format!("[files.f]\n{}", file.replace("'d'", "'../d'")), "\"../d\" is no folder"),
            (format!("[files.f]\n{}", file.replace("'c.bin'", "'/c'")), "\"/c\" is no path"),
            (format!("[files.f]\n{file}sha256 = 'ABC'"), "\"ABC\" is no sha256"),
            (format!("[files.f]\n{file}sums = 3"), "unknown field `sums`"),
        ];
        for (text, part) in cases {
            let Err(Failure::Usage(sentence)) = ModelTable::parse(&text, "t") else {
                panic!("{text} was taken")
            };
            assert!(sentence.starts_with("t: ") && sentence.contains(part), "{sentence}");
        }
    }
}
