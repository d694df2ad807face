//! What an instance remembers between actions: the digests of the frames it has seen, and what to tell the user.
//!
//! Nothing here is needed for a right result. Hosts that make an instance for every frame, or clone them, only fetch
//! frames again that this memory would have spared; models and finished stages are the process's, not the instance's.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::source::Look;
use frame::{Encoding, Size};
use protocol::{Key, Segment};

/// Sentences for the user that are kept until the next edit.
const NOTICES: usize = 16;

/// Segments whose digests are remembered.
const REMEMBERED: usize = 64;

/// What a segment's working frames were made from, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Name of the clip.
    pub clip: &'static str,
    /// Its frames, as the clip was cut.
    pub segment: Segment,
    /// What its pictures were taken for.
    pub look: Look,
    /// The size that they were brought to.
    pub size: Size,
}

/// A segment that was fetched whole: the part of it that is worked on, and the digests of that part's working frames.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The part; nothing where the host showed nothing.
    pub part: Option<Segment>,
    /// A digest for each of its frames.
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
struct State {
    scans: VecDeque<Scan>,
    seen: VecDeque<(Origin, Seen)>,
    status: Option<String>,
    notices: Vec<String>,
    /// What asks for nothing, a sentence each.
    facts: Vec<String>,
    /// The cuts that were found, in the clip's numbers.
    cuts: BTreeSet<i64>,
    /// Which of all this the host's log has.
    logged: Vec<String>,
    /// What the host shows on the instance as a result of them.
    shown: Option<String>,
    has_temporal_access: bool,
    remarks: Option<(Encoding, Vec<String>)>,
}

/// Instances that live in this process.
static LIVING: AtomicUsize = AtomicUsize::new(0);

/// An instance's memory.
pub struct Instance {
    state: Mutex<State>,
}

/// Adds the sentences that are not there, as far as there is room.
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
    /// A new instance, which has seen nothing.
    pub fn new() -> Self {
        LIVING.fetch_add(1, Ordering::Relaxed);
        Self { state: Mutex::default() }
    }

    /// Whether any instance lives in this process.
    pub fn any_lives() -> bool {
        LIVING.load(Ordering::Relaxed) > 0
    }

    /// What is known of a segment that was fetched whole before under the same picture settings.
    pub fn seen(&self, origin: &Origin) -> Option<Seen> {
        let state = self.state.lock();
        state.seen.iter().find(|(known, _)| known == origin).map(|(_, seen)| seen.clone())
    }

    /// What is known of a segment of a clip that was fetched whole before, under whatever settings.
    pub fn knows(&self, clip: &str, segment: &Segment) -> Option<Seen> {
        let state = self.state.lock();
        let is = |origin: &Origin| origin.clip == clip && origin.segment == *segment;
        state.seen.iter().find(|(origin, _)| is(origin)).map(|(_, seen)| seen.clone())
    }

    /// Remembers a segment.
    pub fn remember(&self, origin: Origin, seen: Seen) {
        let mut state = self.state.lock();
        state.seen.retain(|(known, _)| *known != origin);
        state.seen.push_back((origin, seen));
        if state.seen.len() > REMEMBERED {
            state.seen.pop_front();
        }
    }

    /// The cuts within frames that were looked at before under the same picture settings, and what these frames were.
    pub fn cuts(&self, origin: &Origin) -> Option<(Vec<Option<Key>>, Vec<i64>)> {
        let state = self.state.lock();
        state.scans.iter().find(|s| s.origin == *origin).map(|s| (s.digests.clone(), s.cuts.clone()))
    }

    /// The cuts within frames that were looked at before, under whatever settings.
    pub fn cuts_within(&self, span: &Segment) -> Option<Vec<i64>> {
        let state = self.state.lock();
        state.scans.iter().rev().find(|s| s.origin.segment == *span).map(|s| s.cuts.clone())
    }

    /// Remembers the cuts within a run of frames.
    pub fn remember_cuts(&self, origin: Origin, digests: Vec<Option<Key>>, cuts: Vec<i64>) {
        let mut state = self.state.lock();
        state.scans.retain(|s| s.origin != origin);
        state.scans.push_back(Scan { origin, digests, cuts });
        if state.scans.len() > REMEMBERED {
            state.scans.pop_front();
        }
    }

    /// What the user should know of the clip's colours. Once there is something, it stays the same sentence for as long
    /// as the colours are read in the same way: numbers that change with every frame would be told with every frame.
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

    /// Forgets the frames: the clip is another one now.
    pub fn forget(&self) {
        let mut state = self.state.lock();
        state.seen.clear();
        state.scans.clear();
        state.cuts.clear();
        state.remarks = None;
    }

    /// Keeps a sentence for the next action in which parameters may be written.
    pub fn set_status(&self, sentence: String) {
        self.state.lock().status = Some(sentence);
    }

    /// Adds to the sentences that hold since the last edit, and returns all of them: a frame's sentence must not take away
    /// what there was to say about another one.
    pub fn note(&self, notices: &[String]) -> Vec<String> {
        let mut state = self.state.lock();
        add(&mut state.notices, notices);
        state.notices.clone()
    }

    /// Adds to what was chosen for the user since the last edit.
    pub fn learn(&self, facts: &[String]) {
        add(&mut self.state.lock().facts, facts);
    }

    /// Adds to the cuts that were found since the last edit, frames in the clip's numbers.
    pub fn learn_cuts(&self, cuts: impl IntoIterator<Item = i64>) {
        self.state.lock().cuts.extend(cuts);
    }

    /// Those of [`facts`](Self::facts) that this did not return before.
    pub fn new_facts(&self) -> Vec<String> {
        let mut facts = self.facts();
        let mut state = self.state.lock();
        facts.retain(|fact| !state.logged.contains(fact));
        state.logged.extend_from_slice(&facts);
        facts
    }

    /// What there is to know since the last edit and asks for nothing, a sentence each.
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

    /// Forgets all of these: what the user has changed may have answered them.
    pub fn forget_notices(&self) {
        let mut state = self.state.lock();
        state.notices.clear();
        state.facts.clear();
        state.cuts.clear();
        state.logged.clear();
    }

    /// Notes what the host shows on the instance from now on; says whether it is anything new.
    pub fn shows(&self, sentence: Option<String>) -> bool {
        let mut state = self.state.lock();
        let new = state.shown != sentence;
        state.shown = sentence;
        new
    }

    /// Takes the sentence.
    pub fn take_status(&self) -> Option<String> {
        self.state.lock().status.take()
    }

    /// Whether another frame than the current one was once seen.
    pub fn has_temporal_access(&self) -> bool {
        self.state.lock().has_temporal_access
    }

    /// Remembers that this host does give other frames.
    pub fn saw_temporal_access(&self) {
        self.state.lock().has_temporal_access = true;
    }
}
