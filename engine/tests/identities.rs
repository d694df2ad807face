//! A weight file is what its bytes are: every one of them counts, and no other thing about it does.

use testing::request as support;
use testing::weights;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use engine::pipeline::{Engine, Motion, Origin, Outcome, Request};
use support::{request, run};
use weights::built_in;

const CHECKPOINT: &str = "pocket.safetensors";

fn with(cache: &Path, checkpoint: &Path) -> Request {
    let mut request = request("neon", cache);
    request.models.checkpoint = Some(checkpoint.into());
    request.models.motion = Motion::File(built_in("pocket_motion.safetensors"));
    request
}

fn first_stage(outcome: &Outcome) -> (&'static str, &'static str) {
    let (name, origin) = outcome.report.stages()[0];
    let word = match origin {
        Origin::Memory => "memory",
        Origin::Disk => "disk",
        Origin::Computed(_) => "computed",
    };
    (name, word)
}

fn data(outcome: &Outcome) -> Vec<f32> {
    outcome.picture.as_ref().unwrap().data.clone()
}

/// Writes a file with a time of its own.
fn write_at(path: &Path, bytes: &[u8], time: SystemTime) {
    fs::write(path, bytes).unwrap();
    fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
}

/// The checkpoint, and the same with one tensor of the middle block negated.
fn repaired_and_broken() -> [Vec<u8>; 2] {
    let tensor = "model.diffusion_model.middle_block.0.in_layers.2.weight";
    let whole = fs::read(built_in(CHECKPOINT)).unwrap();
    [
        weights::with_values(&whole, tensor, |_| ()),
        weights::with_values(&whole, tensor, |values| values.iter_mut().for_each(|value| *value = -*value)),
    ]
}

/// Names of the entries in a cache folder.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = folders.flat_map(|sub| fs::read_dir(sub.path()).into_iter().flatten().flatten());
    let names = files.map(|file| PathBuf::from(file.file_name()));
    names.filter(|name| name.extension().is_some_and(|end| end == "safetensors")).collect()
}

#[test]
fn one_changed_tensor_is_another_file_also_of_the_same_size_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (folder.path().join(CHECKPOINT), folder.path().join("cache"));
    let [whole, broken] = repaired_and_broken();
    assert_eq!(whole.len(), broken.len());
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    // As a small file, which is hashed at once, and as a large one, whose stamp tells.
    let engines: [fn() -> Engine; 2] = [Engine::default, Engine::with_large_files];
    for engine in engines {
        write_at(&path, &broken, time);
        let same = engine();
        let before = run(&same, with(&cache, &path)).unwrap();
        write_at(&path, &whole, time);
        let after = run(&same, with(&cache, &path)).unwrap();
        assert!(data(&before) != data(&after), "the broken file's picture in the same process");
        same.stop();
        let later = run(&engine(), with(&cache, &path)).unwrap();
        assert!(data(&later) == data(&after), "the broken file's picture in another process");
        // The results of either are still there.
        write_at(&path, &broken, time);
        let again = engine();
        let back = run(&again, with(&cache, &path)).unwrap();
        assert!(data(&back) == data(&before));
        again.stop();
    }
}

#[test]
fn results_follow_a_file_that_is_copied_or_moved() {
    let folder = tempfile::tempdir().unwrap();
    let (copy, cache) = (folder.path().join("another name.safetensors"), folder.path().join("cache"));
    run(&Engine::default(), with(&cache, &built_in(CHECKPOINT))).unwrap();
    fs::copy(built_in(CHECKPOINT), &copy).unwrap();
    let found = run(&Engine::default(), with(&cache, &copy)).unwrap();
    assert_eq!(first_stage(&found), ("resampled", "disk"));
}

#[test]
fn results_of_a_large_file_go_to_disk_under_its_hash_and_never_under_a_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    let [large, small] = ["large", "small"].map(|name| folder.path().join(name));
    let engine = Engine::with_large_files();
    let first = run(&engine, with(&large, &built_in(CHECKPOINT))).unwrap();
    assert_eq!(first_stage(&first).1, "computed");
    // The next frame of the same segment has nothing to compute but itself, whatever is known by then.
    let mut next = with(&large, &built_in(CHECKPOINT));
    next.index = 0;
    assert_eq!(first_stage(&run(&engine, next).unwrap()), ("resampled", "memory"));
    // The worker does not end before the hash is known.
    engine.stop();
    run(&Engine::default(), with(&small, &built_in(CHECKPOINT))).unwrap();
    assert_eq!(entries(&large), entries(&small));
    assert_eq!(entries(&large).len(), 3);
    // The hashes are remembered: another process finds the results at once.
    assert_eq!(fs::read_dir(large.join("weights")).unwrap().count(), 2);
    let later = run(&Engine::with_large_files(), with(&large, &built_in(CHECKPOINT))).unwrap();
    assert_eq!(first_stage(&later), ("resampled", "disk"));
    assert!(data(&later) == data(&first));
}

#[test]
fn a_cache_that_keeps_nothing_keeps_no_hash() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let mut request = with(&cache, &built_in(CHECKPOINT));
    request.cache.limit = 0;
    let engine = Engine::with_large_files();
    run(&engine, request).unwrap();
    engine.stop();
    assert!(!cache.exists());
}
