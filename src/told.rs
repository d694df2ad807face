//! What the user has been told by this process, for hosts whose instances live for one frame.
//!
//! An instance that lives on remembers for itself, and so does the notice that the host shows on it. Where every frame
//! has an instance of its own there is only a log, and the same sentence in it for every frame of a film would bury
//! everything else. A file that has changed meanwhile is worth another word.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use parking_lot::Mutex;

use super::reader::HostReader;
use super::settings::Reader;
use super::table;
use engine::pipeline::{file_state, pasted};
use openfx::InstanceHandle;

/// Sentences in memory; with more than these, the oldest matter no more, and all are forgotten.
const REMEMBERED: usize = 1000;

static TOLD: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Whether a sentence is about a file. Other files may change meanwhile without making it worth another word.
fn names(sentence: &str, path: &Path) -> bool {
    path.file_name().is_some_and(|name| sentence.contains(&*name.to_string_lossy()))
}

/// Whether the user was told this by an earlier instance, about the same files in the same state. Notes the sentence;
/// false in hosts whose instances live.
pub fn before(handle: &InstanceHandle<'_>, sentence: &str) -> bool {
    if !handle.host().instances_are_short_lived() {
        return false;
    }
    let mut hasher = DefaultHasher::new();
    sentence.hash(&mut hasher);
    for name in table::files() {
        // Files have no keyframes, so any time will do.
        let text = HostReader(handle).text(name, 0.0);
        // Text encoders are several files in one parameter.
        for path in std::iter::once(&*text).chain(text.split(';')).map(pasted) {
            if names(sentence, &path) {
                file_state(&path).hash(&mut hasher);
            }
        }
    }
    let mut told = TOLD.lock();
    if told.len() >= REMEMBERED {
        told.clear();
    }
    !told.insert(hasher.finish())
}
