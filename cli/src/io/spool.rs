//! Random access to files that can only be read from front to back: recently read frames are kept, up to a number of
//! bytes; an older frame makes it read again from the start.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::MediaError;
use openfx_host::picture::{Picture, SharedPicture};

/// Decoded frames in order, beginning at some frame.
pub type FrameIter = Box<dyn Iterator<Item = Result<Picture, MediaError>> + Send>;

/// Opens the file at a frame: the first item of the result is that frame, counted from 1.
pub type OpenAt = Box<dyn Fn(u32) -> Result<FrameIter, MediaError> + Send + Sync>;

/// How many bytes of decoded frames a clip keeps in memory: about 170 frames of 1080p, or 2400 of 512x288.
const SPOOL_BYTES: usize = 1 << 30;

/// A sequential reader with a spool of recent frames.
pub struct Replay {
    start: OpenAt,
    state: Mutex<ReplayState>,
}

struct ReplayState {
    reader: Option<FrameIter>,
    /// The number of the frame that `reader` returns next.
    next: u32,
    spool: Spool,
}

impl Replay {
    /// Creates a reader that has not opened the file yet.
    pub fn new(start: OpenAt) -> Self {
        Self {
            start,
            state: Mutex::new(ReplayState { reader: None, next: 0, spool: Spool::new(SPOOL_BYTES) }),
        }
    }

    /// Frame `number`, counted from 1, or `None` if the file ends before it.
    ///
    /// # Errors
    /// The file cannot be opened or decoded.
    pub fn frame(&self, number: u32) -> Result<Option<SharedPicture>, MediaError> {
        let mut state = self.state.lock();
        if let Some(picture) = state.spool.get(number) {
            return Ok(Some(picture));
        }
        if state.reader.is_none() || state.next > number {
            state.reader = Some((self.start)(number)?);
            state.next = number;
        }
        loop {
            let Some(item) = state.reader.as_mut().and_then(Iterator::next) else {
                state.reader = None;
                return Ok(None);
            };
            let picture = match item {
                Ok(picture) => Arc::new(picture),
                Err(error) => {
                    state.reader = None;
                    return Err(error);
                }
            };
            let at = state.next;
            state.spool.put(at, picture.clone());
            state.next += 1;
            if at == number {
                return Ok(Some(picture));
            }
        }
    }
}

/// FrameIter by number; the ones added first are dropped first when room is needed.
#[derive(Debug)]
pub struct Spool {
    frames: HashMap<u32, SharedPicture>,
    order: VecDeque<u32>,
    bytes: usize,
    limit: usize,
}

impl Spool {
    /// An empty spool that holds up to `limit` bytes, and at least one frame.
    pub fn new(limit: usize) -> Self {
        Self { frames: HashMap::new(), order: VecDeque::new(), bytes: 0, limit }
    }

    /// Frame `number`, if the spool has it.
    pub fn get(&self, number: u32) -> Option<SharedPicture> {
        self.frames.get(&number).cloned()
    }

    /// Adds a frame and drops old ones if needed.
    pub fn put(&mut self, number: u32, picture: SharedPicture) {
        let bytes = picture.bytes();
        while self.bytes + bytes > self.limit {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(gone) = self.frames.remove(&oldest) {
                self.bytes -= gone.bytes();
            }
        }
        if let Some(old) = self.frames.insert(number, picture) {
            self.bytes -= old.bytes();
        } else {
            self.order.push_back(number);
        }
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn any_order_gives_the_same_frames() {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        let replay = Replay::new(Box::new(|from| {
            STARTS.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new((from..=9).map(|n| Ok(Picture::eight(1, 1, 3, vec![n as u8; 3]).unwrap()))))
        }));
        for number in [5, 1, 9, 2, 7, 5] {
            let picture = replay.frame(number).unwrap().unwrap();
            assert_eq!(picture.to_eight()[0], number as u8);
        }
        assert!(replay.frame(10).unwrap().is_none());
        assert!(STARTS.load(Ordering::Relaxed) <= 4);
    }

    #[test]
    fn the_bound_holds() {
        let picture = || Arc::new(Picture::eight(2, 2, 3, vec![0; 12]).unwrap());
        let mut spool = Spool::new(36);
        for number in 1..=5 {
            spool.put(number, picture());
        }
        assert!(spool.get(2).is_none());
        assert!((3..=5).all(|number| spool.get(number).is_some()));
        assert_eq!(spool.bytes, 36);
        let mut tiny = Spool::new(1);
        tiny.put(1, picture());
        assert!(tiny.get(1).is_some());
    }
}
