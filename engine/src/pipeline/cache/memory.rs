//! The cache in memory: the least recently used entries are evicted when its size limit is reached.

use std::collections::HashMap;

use candle_core::Tensor;

use super::Entry;
use protocol::key::Key;

/// The entries of this process.
pub struct MemoryCache {
    limit: usize,
    used: usize,
    clock: u64,
    entries: HashMap<Key, Slot>,
}

struct Slot {
    entry: Entry,
    bytes: usize,
    used_at: u64,
}

fn size(tensor: &Tensor) -> usize {
    tensor.elem_count() * tensor.dtype().size_in_bytes()
}

impl MemoryCache {
    /// A cache of at most `limit` bytes of tensors.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0, clock: 0, entries: HashMap::new() }
    }

    /// Returns an entry; tensors are shared, not copied.
    pub fn get(&mut self, key: &Key) -> Option<Entry> {
        self.clock += 1;
        let slot = self.entries.get_mut(key)?;
        slot.used_at = self.clock;
        Some(slot.entry.clone())
    }

    /// Adds an entry. An entry larger than the limit is not kept.
    pub fn put(&mut self, key: Key, entry: Entry) {
        let bytes = entry.values().map(size).sum();
        if bytes > self.limit {
            return;
        }
        self.clock += 1;
        let slot = Slot { entry, bytes, used_at: self.clock };
        if let Some(old) = self.entries.insert(key, slot) {
            self.used -= old.bytes;
        }
        self.used += bytes;
        while self.used > self.limit {
            let Some(oldest) = self.entries.iter().min_by_key(|(_, s)| s.used_at).map(|(k, _)| *k) else {
                break;
            };
            if let Some(gone) = self.entries.remove(&oldest) {
                self.used -= gone.bytes;
            }
        }
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn stays_within_its_bound() {
        let mut cache = MemoryCache::new(100);
        let entry = || Entry::from([("x".to_owned(), Tensor::zeros(10, DType::F32, &Device::Cpu).unwrap())]);
        let keys: Vec<Key> = (0u8..3).map(|i| Key::of_bytes(&[i])).collect();
        cache.put(keys[0], entry());
        cache.put(keys[1], entry());
        assert!(cache.get(&keys[0]).is_some());
        cache.put(keys[2], entry());
        assert!(cache.get(&keys[0]).is_some());
        assert!(cache.get(&keys[1]).is_none());
        assert!(cache.get(&keys[2]).is_some());
    }
}
