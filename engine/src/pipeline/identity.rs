//! The keys of weight files: a hash over all bytes, with a provisional key until the hash is known.
//!
//! Hashing gigabytes takes seconds, and no frame should wait for it. A file without a known hash is identified by its
//! [`Stamp`] within this process, as long as the file is open; its hash is computed in the background, stored next to
//! the cache, and used for the cache on disk. Keys on disk are made only from content hashes.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::weights::{Stamp, StampedPart};
use protocol::key::Key;

/// Files of up to this many bytes are hashed when they are opened, which takes little time compared with loading them.
pub const AT_ONCE: u64 = 64 << 20;

/// The key of a weight file: a provisional one and, once it is known, the content hash.
#[derive(Clone)]
pub struct FileKey {
    stamp: Arc<Stamp>,
    now: Key,
    promise: Option<Arc<PendingHash>>,
}

impl FileKey {
    /// The key within this process: it does not change while the file is open.
    pub fn now(&self) -> Key {
        self.now
    }

    /// The content hash, if it is known and the file is unchanged.
    pub fn lasting(&self) -> Option<Key> {
        let known = match &self.promise {
            None => Some(self.now),
            Some(promise) => match *promise.state.lock() {
                State::Known(key) => Some(key),
                _ => None,
            },
        };
        known.filter(|_| self.stamp.holds())
    }

    /// Whether the hash may still become known.
    pub fn is_promised(&self) -> bool {
        let open = |promise: &Arc<PendingHash>| matches!(*promise.state.lock(), State::Open | State::Sought);
        self.promise.as_ref().is_some_and(open)
    }

    /// Waits until the hash is known or has failed, but not beyond `until`.
    pub fn wait(&self, until: Instant) {
        let Some(promise) = &self.promise else { return };
        let mut state = promise.state.lock();
        while matches!(*state, State::Sought) {
            if promise.changed.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }
}

struct PendingHash {
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    /// The hash has not been requested yet.
    Open,
    /// The hash is being computed.
    Sought,
    Known(Key),
    /// The file could not be read, or changed while it was hashed.
    Lost,
}

/// Makes the keys of files, and stores their hashes.
pub struct FileKeys {
    at_once: u64,
    memo: Option<Memo>,
    /// Number of files that were hashed.
    hashed: Arc<AtomicUsize>,
}

impl FileKeys {
    /// `at_once` is the size in bytes up to which files are hashed immediately.
    pub fn new(at_once: u64) -> Self {
        Self { at_once, memo: None, hashed: Arc::default() }
    }

    /// Sets the cache folder; hashes are stored in its subfolder `weights`. `None`: they are not stored.
    pub fn remember_in(&mut self, folder: Option<&Path>) {
        self.memo = folder.map(|folder| Memo { folder: folder.join("weights") });
    }

    /// The key of a file with this stamp.
    pub fn of(&self, stamp: Stamp) -> FileKey {
        let stamp = Arc::new(stamp);
        let known = if stamp.size() <= self.at_once {
            self.hash(&stamp)
        } else {
            let hashes = stamp.parts().iter().map(|part| self.memo.as_ref()?.get(part));
            hashes.collect::<Option<Vec<_>>>().map(|hashes| content(&stamp, &hashes))
        };
        if let Some(now) = known {
            return FileKey { stamp, now, promise: None };
        }
        let now = stamp.parts().iter().fold(Key::of("stamp"), |key, part| key.text("part", &part.describe()));
        let promise = PendingHash { state: Mutex::new(State::Open), changed: Condvar::new() };
        FileKey { stamp, now: now.finish(), promise: Some(Arc::new(promise)) }
    }

    fn hash(&self, stamp: &Stamp) -> Option<Key> {
        self.hashed.fetch_add(1, Ordering::Relaxed);
        let hashes = stamp.parts().iter().map(StampedPart::hash).collect::<Result<Vec<_>, _>>().ok()?;
        stamp.holds().then(|| content(stamp, &hashes))
    }

    /// Computes the hash of a file on another thread, once.
    pub fn seek(&self, identity: &FileKey) {
        // One file at a time: two at once are not faster, and slower on a disk with seek times.
        static TURN: Mutex<()> = Mutex::new(());
        let Some(promise) = identity.promise.clone() else { return };
        {
            let mut state = promise.state.lock();
            if !matches!(*state, State::Open) {
                return;
            }
            *state = State::Sought;
        }
        let (stamp, memo, hashed) = (identity.stamp.clone(), self.memo.clone(), self.hashed.clone());
        let answer = promise.clone();
        let work = move || {
            let end = |state: State| {
                *answer.state.lock() = state;
                answer.changed.notify_all();
            };
            let turn = TURN.lock();
            let started = Instant::now();
            hashed.fetch_add(1, Ordering::Relaxed);
            let hashes = stamp.parts().iter().map(StampedPart::hash).collect::<Result<Vec<_>, _>>();
            drop(turn);
            match hashes {
                Ok(hashes) if stamp.holds() => {
                    log::info!(
                        "hashed {} MB in {:.1} s",
                        stamp.size() / 1_000_000,
                        started.elapsed().as_secs_f64()
                    );
                    if let Some(memo) = memo {
                        stamp.parts().iter().zip(&hashes).for_each(|(part, hash)| memo.put(part, hash));
                    }
                    end(State::Known(content(&stamp, &hashes)));
                }
                Ok(_) => end(State::Lost),
                Err(error) => {
                    log::warn!(
                        "a weight file could not be hashed ({error}); its results are not kept on disk"
                    );
                    end(State::Lost);
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("unsample identity".to_owned()).spawn(work) {
            log::warn!("no thread to hash with: {error}");
            *promise.state.lock() = State::Lost;
            promise.changed.notify_all();
        }
    }

    /// How many times a file was hashed.
    #[cfg(test)]
    pub fn hashed(&self) -> usize {
        self.hashed.load(Ordering::Relaxed)
    }
}

/// The key of files with these hashes, regardless of their paths.
fn content(stamp: &Stamp, hashes: &[[u8; 32]]) -> Key {
    let parts = stamp.parts().iter().zip(hashes);
    let key = parts.fold(Key::of("weights"), |key, (part, hash)| {
        key.text("for", &part.prefix).key("content", &Key::of_bytes(hash))
    });
    key.finish()
}

/// Waits for the hashes of several files for at most `longest`.
pub fn wait_for<'a>(identities: impl Iterator<Item = &'a FileKey>, longest: Duration) {
    let until = Instant::now() + longest;
    identities.for_each(|identity| identity.wait(until));
}

/// Stores hashes of files by their stamps, in one small file each: several processes can read and write them without a
/// lock, and a damaged one only costs computing one hash again.
#[derive(Clone)]
struct Memo {
    folder: PathBuf,
}

impl Memo {
    /// If there are more files than this, the oldest are deleted.
    const MOST: usize = 256;

    fn path(&self, part: &StampedPart) -> PathBuf {
        self.folder.join(Key::of_bytes(part.describe().as_bytes()).hex())
    }

    /// The line after the hash: a checksum that detects damaged entries, and those of another file.
    fn line(part: &StampedPart, hash: &[u8; 32]) -> String {
        let hex = blake3::Hash::from_bytes(*hash).to_hex();
        let sum = Key::of("memo").text("part", &part.describe()).text("hash", &hex).finish();
        format!("{hex} {}\n", sum.hex())
    }

    fn get(&self, part: &StampedPart) -> Option<[u8; 32]> {
        let path = self.path(part);
        // Reading a pipe would block.
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut line = String::new();
        fs::File::open(&path).ok()?.take(200).read_to_string(&mut line).ok()?;
        let hash = *blake3::Hash::from_hex(line.split_whitespace().next()?).ok()?.as_bytes();
        (line == Self::line(part, &hash)).then_some(hash)
    }

    /// If it fails, the next process computes the hash again.
    fn put(&self, part: &StampedPart, hash: &[u8; 32]) {
        let save = || -> std::io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::Builder::new().prefix(".hash-").tempfile_in(&self.folder)?;
            file.write_all(Self::line(part, hash).as_bytes())?;
            file.persist(self.path(part)).map_err(|error| error.error)?;
            self.forget_oldest()
        };
        if let Err(error) = save() {
            log::warn!("the hash of {} is not remembered: {error}", part.path.display());
        }
    }

    fn forget_oldest(&self) -> std::io::Result<()> {
        let mut known: Vec<_> = fs::read_dir(&self.folder)?
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        known.sort();
        for (_, path) in known.iter().take(known.len().saturating_sub(Self::MOST)) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(at_once: u64, memo: Option<&Path>) -> FileKeys {
        let mut identities = FileKeys::new(at_once);
        identities.remember_in(memo);
        identities
    }

    fn sought(identities: &FileKeys, path: &Path) -> FileKey {
        let identity = identities.of(Stamp::of(path).unwrap());
        identities.seek(&identity);
        identity.wait(Instant::now() + Duration::from_secs(60));
        identity
    }

    #[test]
    fn a_name_is_the_contents_at_once_or_later() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, [1; 1000]).unwrap();
        fs::write(&b, [1; 1000]).unwrap();
        let small = names(1000, None);
        let at_once = small.of(Stamp::of(&a).unwrap());
        assert_eq!(Some(at_once.now()), at_once.lasting());
        assert_eq!(at_once.now(), small.of(Stamp::of(&b).unwrap()).now());
        let large = names(999, None);
        let later = large.of(Stamp::of(&a).unwrap());
        assert!(later.lasting().is_none() && later.is_promised());
        assert_ne!(later.now(), large.of(Stamp::of(&b).unwrap()).now(), "a stand-in of two files");
        large.seek(&later);
        later.wait(Instant::now() + Duration::from_secs(60));
        assert_eq!(later.lasting(), at_once.lasting());
        assert_ne!(later.now(), at_once.now(), "the name changed while the file was open");
        // A changed file must not get the results of the old one.
        fs::write(&a, [2; 1000]).unwrap();
        fs::File::options().append(true).open(&a).unwrap().set_len(1001).unwrap();
        assert!(later.lasting().is_none() && !later.is_promised());
    }

    #[test]
    fn a_file_is_hashed_once_in_its_life() {
        let folder = tempfile::tempdir().unwrap();
        let (file, memo) = (folder.path().join("a"), folder.path().join("cache"));
        fs::write(&file, [1; 1000]).unwrap();
        let first = names(0, Some(&memo));
        let name = sought(&first, &file).lasting().unwrap();
        sought(&first, &file);
        assert_eq!(first.hashed(), 1);
        // A second process.
        let second = names(0, Some(&memo));
        assert_eq!(second.of(Stamp::of(&file).unwrap()).now(), name);
        assert_eq!(second.hashed(), 0);
        for damage in ["", "garbage", "00 11\n"] {
            for entry in fs::read_dir(memo.join("weights")).unwrap().flatten() {
                fs::write(entry.path(), damage).unwrap();
            }
            let third = names(0, Some(&memo));
            assert_eq!(sought(&third, &file).lasting(), Some(name), "{damage}");
            assert_eq!(third.hashed(), 1, "{damage}");
        }
        // If nothing can be written, a hash is computed every time.
        let nowhere = names(0, Some(&file));
        assert_eq!(sought(&nowhere, &file).lasting(), Some(name));
    }

    #[test]
    fn a_memo_of_another_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, [1; 10]).unwrap();
        fs::write(&b, [2; 10]).unwrap();
        let memo = Memo { folder: folder.path().join("weights") };
        let [a, b] = [a, b].map(|path| Stamp::of(&path).unwrap().parts()[0].clone());
        memo.put(&a, &[3; 32]);
        assert_eq!(memo.get(&a), Some([3; 32]));
        fs::copy(memo.path(&a), memo.path(&b)).unwrap();
        assert_eq!(memo.get(&b), None);
        for i in 0..Memo::MOST + 20 {
            fs::write(memo.folder.join(format!("{i}")), "").unwrap();
        }
        memo.put(&a, &[4; 32]);
        assert_eq!(fs::read_dir(&memo.folder).unwrap().count(), Memo::MOST);
        assert_eq!(memo.get(&a), Some([4; 32]));
    }
}
