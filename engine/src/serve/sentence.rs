//! Messages for the user, with a hash of the state of the files that they mention.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use protocol::message::Sentence;
use protocol::{Motion, Request};

use crate::pipeline::file_state;

/// The files of a request.
pub struct RequestFiles(Vec<PathBuf>);

/// Whether a message mentions a file. Changes of other files are no reason to show it again.
fn names(sentence: &str, path: &Path) -> bool {
    path.file_name().is_some_and(|name| sentence.contains(&*name.to_string_lossy()))
}

impl RequestFiles {
    /// All files that a request refers to.
    pub fn of(request: &Request) -> Self {
        let models = &request.models;
        let motion = match &models.motion {
            Motion::File(path) => Some(path),
            Motion::Usual | Motion::None => None,
        };
        let single = [models.checkpoint.as_ref(), motion, models.vae.as_ref(), request.latents.as_ref()];
        let loras = models.loras.iter().map(|lora| &lora.path);
        let lists = models.text.iter().chain(&models.controls).chain(loras);
        Self(single.into_iter().flatten().chain(lists).chain(&request.diagnostics).cloned().collect())
    }

    /// A message with a hash of the state of those files that it mentions.
    pub fn sentence(&self, text: &str) -> Sentence {
        let mut hasher = DefaultHasher::new();
        for path in self.0.iter().filter(|path| names(text, path)) {
            file_state(path).hash(&mut hasher);
        }
        Sentence { text: text.to_owned(), files: hasher.finish() }
    }
}

/// The first line of an error. A library's error can contain a backtrace, which only belongs in the log.
pub fn first_line(error: &impl Display) -> String {
    let text = error.to_string();
    match text.split_once('\n') {
        Some((first, _)) => {
            log::error!("{text}");
            first.trim_end().to_owned()
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_is_no_part_of_a_sentence() {
        assert_eq!(first_line(&"shapes differ\n   0: std::backtrace\n"), "shapes differ");
    }

    #[test]
    fn a_file_that_changes_makes_the_sentence_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let [named, other] = ["ink.safetensors", "other.safetensors"].map(|name| folder.path().join(name));
        std::fs::write(&named, "1").unwrap();
        let files = RequestFiles(vec![named.clone(), other.clone()]);
        let before = files.sentence("ink.safetensors is damaged");
        std::fs::write(&other, "1").unwrap();
        assert_eq!(files.sentence("ink.safetensors is damaged"), before);
        std::fs::write(&named, "22").unwrap();
        assert_ne!(files.sentence("ink.safetensors is damaged").files, before.files);
    }
}
