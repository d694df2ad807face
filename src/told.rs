//! Messages already shown in this process, for hosts whose instances live for a single frame.
//!
//! Instances that live longer remember their messages, and the host shows them as a notice on the instance.
//! Where every frame has its own instance, messages only go to a log, which would be flooded if every frame
//! repeated them. A message about files is repeated when the files have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use openfx::InstanceHandle;
use parking_lot::Mutex;
use protocol::message::Sentence;

/// Maximum number of messages to remember; then all are forgotten and shown again.
const REMEMBERED: usize = 1000;

static TOLD: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// For the hash of each engine message, the hash of the state of the files that it refers to.
static ABOUT: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Records the state of the files of an engine message, and returns its text.
pub fn learn(sentence: &Sentence) -> String {
    let mut about = ABOUT.lock();
    if about.len() >= REMEMBERED {
        about.clear();
    }
    about.insert(hash(&sentence.text), sentence.files);
    sentence.text.clone()
}

/// Whether an earlier instance has shown this message, about files in the same state. Records the message.
/// Always `false` in hosts with long-lived instances.
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
