//! State that an instance keeps between actions: the digests of frames seen, and messages for the user.
//!
//! Correct results do not depend on it. In hosts that create an instance for every frame, or copy instances,
//! frames are only fetched more often; models and cached results belong to the process, not to the instance.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::source::Look;
use frame::{Encoding, Size};
use protocol::{Key, Segment};

/// Maximum number of messages kept until the next edit.
const NOTICES: usize = 16;

/// Number of segments whose digests are remembered.
const REMEMBERED: usize = 64;

/// What a segment's working frames were made from, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Name of the clip.
    pub clip: &'static str,
    /// The segment, before it was split.
    pub segment: Segment,
    /// How its pictures were converted.
    pub look: Look,
    /// Working size of the pictures.
    pub size: Size,
}

/// A completely fetched segment: the part of it that is processed, and the digests of that part's working
/// frames.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The processed part; `None` if the host had no picture in the segment.
    pub part: Option<Segment>,
    /// Digest of each frame of the part.
    pub digests: Vec<Key>,
}

/// The cuts of a run of frames, with the digest of every frame that the host had.
#[derive(Clone, Debug)]
struct Scan {
    origin: Origin,
    digests: Vec<Option<Key>>,
    cuts: Vec<i64>,
}

#[derive(Default)]
struct InstanceState {
    scans: VecDeque<Scan>,
    seen: VecDeque<(Origin, Seen)>,
    status: Option<String>,
    notices: Vec<String>,
    /// Informational messages, which require no action.
    facts: Vec<String>,
    /// Detected cuts, in the clip's numbering.
    cuts: BTreeSet<i64>,
    /// Messages already written to the host's log.
    logged: Vec<String>,
    /// The message that the host currently shows on the instance.
    shown: Option<String>,
    has_temporal_access: bool,
    remarks: Option<(Encoding, Vec<String>)>,
}

/// Number of instances in this process.
static LIVING: AtomicUsize = AtomicUsize::new(0);

/// State of an instance, behind a lock.
pub struct Instance {
    state: Mutex<InstanceState>,
}

/// Adds new messages, up to the maximum number.
fn add(known: &mut Vec<String>, sentences: &[String]) {
    for sentence in sentences {
        if known.len() < NOTICES && !known.contains(sentence) {
            known.push(sentence.clone());
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Instance {
    /// A new instance without any memory.
    pub fn new() -> Self {
        LIVING.fetch_add(1, Ordering::Relaxed);
        Self { state: Mutex::default() }
    }

    /// Whether any instance exists in this process.
    pub fn any_lives() -> bool {
        LIVING.load(Ordering::Relaxed) > 0
    }

    /// The remembered segment that was completely fetched with the same picture settings.
    pub fn seen(&self, origin: &Origin) -> Option<Seen> {
        let state = self.state.lock();
        state.seen.iter().find(|(known, _)| known == origin).map(|(_, seen)| seen.clone())
    }

    /// The remembered segment of a clip, with any settings.
    pub fn knows(&self, clip: &str, segment: &Segment) -> Option<Seen> {
        let state = self.state.lock();
        let is = |origin: &Origin| origin.clip == clip && origin.segment == *segment;
        state.seen.iter().find(|(origin, _)| is(origin)).map(|(_, seen)| seen.clone())
    }

    /// Remembers a segment, replacing an older entry.
    pub fn remember(&self, origin: Origin, seen: Seen) {
        let mut state = self.state.lock();
        state.seen.retain(|(known, _)| *known != origin);
        state.seen.push_back((origin, seen));
        if state.seen.len() > REMEMBERED {
            state.seen.pop_front();
        }
    }

    /// The digests of a run of frames analysed with the same picture settings, and the cuts in it.
    pub fn cuts(&self, origin: &Origin) -> Option<(Vec<Option<Key>>, Vec<i64>)> {
        let state = self.state.lock();
        state.scans.iter().find(|s| s.origin == *origin).map(|s| (s.digests.clone(), s.cuts.clone()))
    }

    /// The cuts in a run of frames analysed before, with any settings.
    pub fn cuts_within(&self, span: &Segment) -> Option<Vec<i64>> {
        let state = self.state.lock();
        state.scans.iter().rev().find(|s| s.origin.segment == *span).map(|s| s.cuts.clone())
    }

    /// Remembers the cuts in a run of frames.
    pub fn remember_cuts(&self, origin: Origin, digests: Vec<Option<Key>>, cuts: Vec<i64>) {
        let mut state = self.state.lock();
        state.scans.retain(|s| s.origin != origin);
        state.scans.push_back(Scan { origin, digests, cuts });
        if state.scans.len() > REMEMBERED {
            state.scans.pop_front();
        }
    }

    /// Messages about the clip's colours. Once there is a message, it is not updated while the encoding is
    /// the same: numbers that change with every frame would cause a new message for every frame.
    pub fn remarks(&self, encoding: Encoding, find: impl FnOnce() -> Vec<String>) -> Vec<String> {
        if let Some((known, remarks)) = &self.state.lock().remarks
            && *known == encoding
        {
            return remarks.clone();
        }
        let remarks = find();
        if !remarks.is_empty() {
            self.state.lock().remarks = Some((encoding, remarks.clone()));
        }
        remarks
    }

    /// Forgets all frames, because the clip has changed.
    pub fn forget(&self) {
        let mut state = self.state.lock();
        state.seen.clear();
        state.scans.clear();
        state.cuts.clear();
        state.remarks = None;
    }

    /// Stores a status text until an action in which parameters may be set.
    pub fn set_status(&self, sentence: String) {
        self.state.lock().status = Some(sentence);
    }

    /// Adds messages and returns all since the last edit: messages about one frame must not replace those
    /// about another.
    pub fn note(&self, notices: &[String]) -> Vec<String> {
        let mut state = self.state.lock();
        add(&mut state.notices, notices);
        state.notices.clone()
    }

    /// Adds informational messages, which are kept until the next edit.
    pub fn learn(&self, facts: &[String]) {
        add(&mut self.state.lock().facts, facts);
    }

    /// Adds detected cuts, in the clip's numbering.
    pub fn learn_cuts(&self, cuts: impl IntoIterator<Item = i64>) {
        self.state.lock().cuts.extend(cuts);
    }

    /// The [`facts`](Self::facts) that were not returned by this method before.
    pub fn new_facts(&self) -> Vec<String> {
        let mut facts = self.facts();
        let mut state = self.state.lock();
        facts.retain(|fact| !state.logged.contains(fact));
        state.logged.extend_from_slice(&facts);
        facts
    }

    /// The informational messages since the last edit.
    pub fn facts(&self) -> Vec<String> {
        let state = self.state.lock();
        let numbers: Vec<String> = state.cuts.iter().map(i64::to_string).collect();
        let cuts = match numbers.as_slice() {
            [] => None,
            [one] => Some(format!("a cut was found at frame {one} of the clip")),
            several => Some(format!("cuts were found at frames {} of the clip", several.join(", "))),
        };
        cuts.into_iter().chain(state.facts.iter().cloned()).collect()
    }

    /// Clears all messages, because the user's change may have resolved them.
    pub fn forget_notices(&self) {
        let mut state = self.state.lock();
        state.notices.clear();
        state.facts.clear();
        state.cuts.clear();
        state.logged.clear();
    }

    /// Records the message that the host now shows on the instance; returns whether it is new.
    pub fn shows(&self, sentence: Option<String>) -> bool {
        let mut state = self.state.lock();
        let new = state.shown != sentence;
        state.shown = sentence;
        new
    }

    /// Takes the stored status text.
    pub fn take_status(&self) -> Option<String> {
        self.state.lock().status.take()
    }

    /// Whether a frame of another time was ever fetched successfully.
    pub fn has_temporal_access(&self) -> bool {
        self.state.lock().has_temporal_access
    }

    /// Records that the host has temporal access.
    pub fn saw_temporal_access(&self) {
        self.state.lock().has_temporal_access = true;
    }
}
