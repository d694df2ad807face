//! What an instance remembers between actions: the digests of the frames it has seen, and what to tell the user.
//!
//! Nothing here is needed for a right result. Hosts that make an instance for every frame, or clone them, only fetch
//! frames again that this memory would have spared; models and finished stages are the process's, not the instance's.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::source::Look;
use crate::pipeline::pixels::{Encoding, Size};
use crate::pipeline::{Key, Segment};

/// Segments whose digests are remembered.
const REMEMBERED: usize = 64;

/// What a segment's working frames were made from, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Name of the clip.
    pub clip: &'static str,
    /// Its frames.
    pub segment: Segment,
    /// What its pictures were taken for.
    pub look: Look,
    /// The size that they were brought to.
    pub size: Size,
}

/// Digests of a segment's working frames, as they were when all of them were fetched.
#[derive(Clone, Debug)]
struct Seen {
    origin: Origin,
    digests: Vec<Key>,
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
    seen: VecDeque<Seen>,
    status: Option<String>,
    told_no_temporal_access: bool,
    has_temporal_access: bool,
    remarks: Option<(Encoding, Vec<String>)>,
}

/// Instances that live in this process.
static LIVING: AtomicUsize = AtomicUsize::new(0);

/// An instance's memory.
pub struct Instance {
    state: Mutex<State>,
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

    /// Digests of a segment that was fetched whole before under the same picture settings.
    pub fn digests(&self, origin: &Origin) -> Option<Vec<Key>> {
        let state = self.state.lock();
        state.seen.iter().find(|s| s.origin == *origin).map(|s| s.digests.clone())
    }

    /// Whether a segment of a clip was fetched whole before, under whatever settings.
    pub fn knows(&self, clip: &str, segment: &Segment) -> bool {
        self.state.lock().seen.iter().any(|s| s.origin.clip == clip && s.origin.segment == *segment)
    }

    /// Remembers a segment's digests.
    pub fn remember(&self, origin: Origin, digests: Vec<Key>) {
        let mut state = self.state.lock();
        state.seen.retain(|s| s.origin != origin);
        state.seen.push_back(Seen { origin, digests });
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
        state.remarks = None;
    }

    /// Keeps a sentence for the next action in which parameters may be written.
    pub fn set_status(&self, sentence: String) {
        self.state.lock().status = Some(sentence);
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

    /// Whether the user still has to be told that this host gives no other frames; says so once.
    pub fn tell_no_temporal_access(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().told_no_temporal_access, true)
    }
}
