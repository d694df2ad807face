//! Memory blocks and mutexes that the plugin requests.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::thread::ThreadId;

use parking_lot::{Condvar, Mutex};

/// Sufficient for any vector instruction.
const ALIGN: usize = 64;

/// Memory that both plugin and host write to, by address.
pub struct Block {
    start: *mut u8,
    layout: Layout,
}

// SAFETY: the block owns its memory, and whoever writes to it through the address has to order those writes
// itself, as with any memory that C code shares.
unsafe impl Send for Block {}
// SAFETY: as above; the block itself is never changed.
unsafe impl Sync for Block {}

impl Block {
    /// A block of `len` bytes with the value `fill`; `None` if memory is exhausted.
    pub fn new(len: usize, fill: u8) -> Option<Self> {
        let layout = Layout::from_size_align(len.max(1), ALIGN).ok()?;
        let start = if fill == 0 {
            // SAFETY: the layout's size is not zero.
            unsafe { alloc_zeroed(layout) }
        } else {
            // SAFETY: the layout's size is not zero.
            unsafe { alloc(layout) }
        };
        if start.is_null() {
            return None;
        }
        if fill != 0 {
            // SAFETY: the memory was just allocated with at least `len` bytes.
            unsafe { start.write_bytes(fill, layout.size()) };
        }
        Some(Self { start, layout })
    }

    /// Address of the first byte.
    pub fn start(&self) -> *mut u8 {
        self.start
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and freed only here.
        unsafe { dealloc(self.start, self.layout) };
    }
}

/// Memory allocated with the image effect suite.
pub struct ImageMemory {
    /// The allocated bytes.
    pub block: Block,
    /// Number of open locks.
    pub locks: Mutex<u32>,
}

/// A recursive mutex of the multi-thread suite.
#[derive(Default)]
pub struct MutexCell {
    owner: Mutex<Option<(ThreadId, u32)>>,
    freed: Condvar,
}

impl MutexCell {
    /// Locks the mutex; blocks while another thread holds it.
    pub fn lock(&self) {
        let me = std::thread::current().id();
        let mut owner = self.owner.lock();
        loop {
            match &mut *owner {
                None => {
                    *owner = Some((me, 1));
                    return;
                }
                Some((thread, depth)) if *thread == me => {
                    *depth += 1;
                    return;
                }
                Some(_) => self.freed.wait(&mut owner),
            }
        }
    }

    /// Locks the mutex if that is possible without blocking. Returns whether it is locked.
    pub fn try_lock(&self) -> bool {
        let me = std::thread::current().id();
        let mut owner = self.owner.lock();
        match &mut *owner {
            None => *owner = Some((me, 1)),
            Some((thread, depth)) if *thread == me => *depth += 1,
            Some(_) => return false,
        }
        true
    }

    /// Unlocks the mutex. Returns whether this thread held it.
    pub fn unlock(&self) -> bool {
        let me = std::thread::current().id();
        let mut owner = self.owner.lock();
        match &mut *owner {
            Some((thread, depth)) if *thread == me => {
                *depth -= 1;
                if *depth == 0 {
                    *owner = None;
                    self.freed.notify_one();
                }
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_mutex_is_recursive_and_exclusive() {
        let mutex = Arc::new(MutexCell::default());
        mutex.lock();
        assert!(mutex.try_lock());
        let other = mutex.clone();
        assert!(!std::thread::spawn(move || other.try_lock()).join().unwrap());
        assert!(mutex.unlock() && mutex.unlock() && !mutex.unlock());
        let other = mutex.clone();
        assert!(std::thread::spawn(move || other.try_lock()).join().unwrap());
    }

    #[test]
    fn a_block_is_filled_and_aligned() {
        let block = Block::new(100, 0xa5).unwrap();
        assert_eq!(block.start().addr() % ALIGN, 0);
        // SAFETY: within the block, which no other code accesses.
        assert_eq!(unsafe { *block.start().add(99) }, 0xa5);
        assert!(Block::new(usize::MAX, 0).is_none());
    }
}
