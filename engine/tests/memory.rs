//! Working within less memory than everything at once takes: the same results in smaller slices, and a sentence where
//! even the smallest do not fit.

use testing::request as support;

use std::collections::BTreeSet;
use std::path::Path;

use engine::pipeline::{Engine, Goal, PipelineError, Request};
use frame::psnr;
use safetensors::SafeTensors;
use support::{FRAMES, pass, request, run, sized};

fn values(path: &Path, name: &str) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor(name).unwrap();
    view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// How the work was cut up, from the report.
fn slices(report: &str) -> &str {
    let end = report.find(" for want of memory").unwrap_or(0);
    report[..end].rsplit("; ").next().unwrap_or("")
}

#[test]
fn smaller_slices_of_an_evaluation_give_the_same_latents() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made.safetensors");
    let mut first = request("neon", folder.path());
    first.diagnostics = Some(made.clone());
    run(&Engine::default(), first).unwrap();

    // No autoencoder in it, whose share is larger than the network's for pictures as small as these.
    let analyse = |file: &Path| -> Request {
        let mut r = request("neon", folder.path());
        r.cache.limit = 0;
        r.goal = Goal::Analyse;
        r.latents = Some(made.clone());
        r.unsample = pass("a photo", 3.0, FRAMES);
        r.diagnostics = Some(file.into());
        r
    };
    let out = folder.path().join("out.safetensors");
    run(&Engine::default(), analyse(&out)).unwrap();
    let want = values(&out, "latents.unsampled");
    let mut seen = BTreeSet::new();
    let mut limit: u64 = 1 << 20;
    let refused = loop {
        match run(&Engine::with_memory(limit), analyse(&out)) {
            Ok(outcome) => {
                let got = values(&out, "latents.unsampled");
                let square =
                    |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v * v)).sum::<f64>();
                let error = square(&mut got.iter().zip(&want).map(|(a, b)| a - b));
                let off = (error / square(&mut want.iter().copied())).sqrt();
                let how = slices(&outcome.report.to_string()).to_owned();
                println!("{limit} {how:30} relative rms {off:.1e}");
                // The order of sums differs, as between devices; golden runs are held to as much.
                assert!(off < 3e-4, "{how}: off by {off}");
                seen.insert(how);
            }
            Err(error) => break error,
        }
        limit -= limit / 4;
    };
    let all = ["", "2 frames at a time", "one frame at a time", "one prompt at a time"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
    assert!(matches!(refused, PipelineError::Memory { .. }));
    let sentence = refused.to_string();
    assert!(
        sentence.starts_with(
            "there is not enough memory for a window of 3 frames of 40x32 pixels, one frame at a time"
        ) && sentence.contains("choose a smaller working size or a shorter context, or close"),
        "{sentence}"
    );
}

#[test]
fn pictures_in_tiles_are_near_those_coded_whole() {
    let folder = tempfile::tempdir().unwrap();
    let still = || {
        let mut r = sized("neon", folder.path(), [160, 128]);
        r.cache.limit = 0;
        (r.unsample.steps, r.resample.steps) = (1, 1);
        // Nearly nothing happens between the two, so that what comes out is what the autoencoder makes of it.
        r.denoise = 0.01;
        r
    };
    let whole = run(&Engine::default(), still()).unwrap().picture.unwrap();
    let mut seen = BTreeSet::new();
    let mut limit: u64 = 1 << 26;
    let refused = loop {
        match run(&Engine::with_memory(limit), still()) {
            Ok(outcome) => {
                let how = slices(&outcome.report.to_string()).to_owned();
                let near = psnr(&outcome.picture.unwrap(), &whole).unwrap();
                println!("{how:30} {near:.1} dB");
                assert!(if how.is_empty() { near.is_infinite() } else { near > 38.0 }, "{how}: {near} dB");
                seen.insert(how);
            }
            Err(error) => break error,
        }
        limit /= 2;
    };
    assert!(seen.contains("pictures in tiles of 80 pixels"), "{seen:?}");
    let sentence = refused.to_string();
    assert!(sentence.starts_with("there is not enough memory for a picture or tile of 80x80"), "{sentence}");
}
