//! What the user has been told by this process, for hosts whose instances live for one frame.
//!
//! An instance that lives on remembers for itself, and so does the notice that the host shows on it. Where every frame
//! has an instance of its own there is only a log, and the same sentence in it for every frame of a film would bury
//! everything else. A file that has changed meanwhile is worth another word.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use openfx::InstanceHandle;
use parking_lot::Mutex;
use protocol::message::Sentence;

/// Sentences in memory; beyond that all are forgotten and told again.
const REMEMBERED: usize = 1000;

static TOLD: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// What the state of the files was that sentences of the engine are about, by the sentence's text.
static ABOUT: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The text of a sentence of the engine, whose files are noted.
pub fn learn(sentence: &Sentence) -> String {
    let mut about = ABOUT.lock();
    if about.len() >= REMEMBERED {
        about.clear();
    }
    about.insert(hash(&sentence.text), sentence.files);
    sentence.text.clone()
}

/// Whether the user was told this by an earlier instance, about the same files in the same state. Notes the sentence;
/// false in hosts whose instances live.
pub fn before(handle: &InstanceHandle<'_>, sentence: &str) -> bool {
    if !handle.host().instances_are_short_lived() {
        return false;
    }
    let mut hasher = DefaultHasher::new();
    sentence.hash(&mut hasher);
    ABOUT.lock().get(&hash(sentence)).hash(&mut hasher);
    let mut told = TOLD.lock();
    if told.len() >= REMEMBERED {
        told.clear();
    }
    !told.insert(hasher.finish())
}
