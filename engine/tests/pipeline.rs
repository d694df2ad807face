//! The pipeline with the built-in model: stages, caches, cancellation, and errors for bad files.

#![allow(clippy::cast_precision_loss, reason = "tests convert small numbers")]

use testing::request as support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use candle_core::Device;
use engine::pipeline::cache::DiskCache;
use engine::pipeline::{
    Engine, Event, Goal, Key, LoraUse, Origin, Outcome, PipelineError, PromptTrack, Request,
};
use engine::weights::{TensorFile, View};
use frame::{Grey, Rgb, steady};
use support::{FRAMES, answer, request, run};

/// The stages of an outcome, each with the name of its origin.
fn stages(outcome: &Outcome) -> Vec<(&'static str, &'static str)> {
    let word = |o: &Origin| match o {
        Origin::Memory => "memory",
        Origin::Disk => "disk",
        Origin::Computed(_) => "computed",
    };
    outcome.report.stages().iter().map(|(name, origin)| (*name, word(origin))).collect()
}

#[test]
fn another_prompt_resamples_and_nothing_else_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let first = run(&engine, request("a pencil sketch", folder.path())).unwrap();
    let all = [
        ("latents", "computed"),
        ("unsampled", "computed"),
        ("resampled", "computed"),
        ("decoded", "computed"),
    ];
    assert_eq!(stages(&first), all);
    let second = run(&engine, request("neon", folder.path())).unwrap();
    assert_eq!(
        stages(&second),
        [("unsampled", "memory"), ("resampled", "computed"), ("decoded", "computed")]
    );
    assert!(first.picture.unwrap().data != second.picture.as_ref().unwrap().data, "the prompt has no effect");

    engine.stop();
    let third = run(&engine, request("watercolour", folder.path())).unwrap();
    assert_eq!(stages(&third), [("unsampled", "disk"), ("resampled", "computed"), ("decoded", "computed")]);
    let again = run(&Engine::default(), request("neon", folder.path())).unwrap();
    assert_eq!(stages(&again), [("resampled", "disk"), ("decoded", "computed")]);
    assert!(again.picture.unwrap().data == second.picture.unwrap().data, "other pixels after a restart");
}

#[test]
fn a_request_without_frames_asks_for_them_only_when_they_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let bare = |prompt: &str| {
        let mut r = request(prompt, folder.path());
        r.source.frames.clear();
        r
    };
    assert!(matches!(run(&engine, bare("neon")), Err(PipelineError::NeedFrames)));
    run(&engine, request("neon", folder.path())).unwrap();
    run(&engine, bare("photo")).unwrap();
}

#[test]
fn a_damaged_entry_is_computed_again_to_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let before = run(&Engine::default(), request("neon", folder.path())).unwrap();
    for file in entries(folder.path()) {
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() - 40;
        bytes[middle] ^= 0x10;
        std::fs::write(&file, bytes).unwrap();
    }
    let after = run(&Engine::default(), request("neon", folder.path())).unwrap();
    assert!(stages(&after).iter().all(|s| s.1 == "computed"), "{:?}", stages(&after));
    assert!(before.picture.unwrap().data == after.picture.unwrap().data, "other pixels");
}

/// All files in a cache folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let folders =
        std::fs::read_dir(folder).unwrap().flatten().filter_map(|d| std::fs::read_dir(d.path()).ok());
    folders.flat_map(|files| files.flatten()).map(|file| file.path()).collect()
}

#[test]
fn what_stands_in_place_of_an_entry_is_computed_again_to_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let picture = |outcome: Outcome| outcome.picture.unwrap().data.clone();
    let first = picture(run(&Engine::default(), request("neon", folder.path())).unwrap());
    let cache = DiskCache::new(folder.path().into(), 1 << 30);
    let files = entries(folder.path());
    assert_eq!(files.len(), 3, "latents, unsampled, resampled");
    let replaced = |replace: &dyn Fn(&Path)| {
        for file in &files {
            let whole = std::fs::read(file).unwrap();
            std::fs::remove_file(file).unwrap();
            replace(file);
            let again = run(&Engine::default(), request("neon", folder.path())).unwrap();
            assert_eq!(picture(again), first);
            // The file of a stage whose result was not needed is not replaced.
            std::fs::remove_file(file).unwrap();
            std::fs::write(file, whole).unwrap();
        }
    };
    // Valid entries with other shapes, written by another program.
    for shape in [
        vec![3, 1, 2, 2],
        vec![4],
        vec![FRAMES, 4, 4, 5],
        vec![1, 4, FRAMES, 0, 0],
        vec![1, FRAMES, 4, 4, 5],
        vec![2, 4, FRAMES, 4, 5],
    ] {
        replaced(&|file| {
            let of = Key::from_hex(file.file_stem().unwrap().to_str().unwrap()).unwrap();
            let tensor =
                candle_core::Tensor::zeros(shape.clone(), candle_core::DType::F32, &Device::Cpu).unwrap();
            let names = ["latents", "unsampled", "resampled"];
            let entry = names.map(|name| (name.to_owned(), tensor.clone())).into_iter().collect();
            cache.put(&of, "latents", &entry).unwrap();
        });
    }
    #[cfg(unix)]
    replaced(&|file| assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success()));
    #[cfg(unix)]
    replaced(&|file| std::os::unix::fs::symlink("/dev/zero", file).unwrap());
}

#[test]
fn a_cancelled_request_stops_and_keeps_what_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let mut long = request("neon", folder.path());
    long.resample.steps = 900;
    let ticket = engine.submit(long).unwrap();
    loop {
        match ticket.wait(Duration::from_millis(2)) {
            Event::Progress(progress) if progress.label.starts_with("Resampling") => break,
            Event::Progress(_) => {}
            Event::NeedFrame(_) | Event::Done(_) => panic!("ended early"),
        }
    }
    ticket.cancel();
    let end = answer(&ticket);
    assert!(matches!(end, Err(PipelineError::Cancelled)));
    let next = run(&engine, request("photo", folder.path())).unwrap();
    assert_eq!(stages(&next)[0], ("unsampled", "memory"));
}

#[test]
fn stopping_the_engine_cancels_what_it_works_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let mut long = request("neon", folder.path());
    long.unsample.steps = 900;
    let (first, second) = (engine.submit(long.clone()).unwrap(), engine.submit(long).unwrap());
    engine.stop();
    for ticket in [first, second] {
        let end = answer(&ticket);
        assert!(matches!(end, Err(PipelineError::Cancelled)));
    }
    run(&engine, request("photo", folder.path())).unwrap();
}

#[test]
fn a_reconstruction_reports_both_ratios_and_uses_the_unsampling_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let ratio = |prompt: &str| {
        let mut r = request(prompt, folder.path());
        r.goal = Goal::Reconstruction;
        run(&engine, r).unwrap().report.psnr.unwrap()
    };
    let (reconstruction, plain) = ratio("neon");
    assert!(reconstruction.is_finite() && plain.is_finite());
    assert_eq!(ratio("a pencil sketch"), (reconstruction, plain));
}

#[test]
fn settings_that_cannot_matter_do_not_change_the_noise() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    run(&engine, request("neon", folder.path())).unwrap();
    let mut other = request("neon", folder.path());
    other.unsample.negative = PromptTrack::constant("ugly", FRAMES);
    other.seed = 7;
    assert_eq!(stages(&run(&engine, other).unwrap()), [("resampled", "memory"), ("decoded", "memory")]);
    let mut closer = request("neon", folder.path());
    closer.unsample.cfg = vec![2.0; FRAMES];
    assert_eq!(stages(&run(&engine, closer).unwrap())[0], ("latents", "memory"));
}

#[test]
fn diagnostics_hold_every_stage_and_latents_can_come_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("d.safetensors");
    let mut r = request("neon", folder.path());
    r.diagnostics = Some(file.clone());
    let first = run(&Engine::default(), r).unwrap();
    let tensors = candle_core::safetensors::load(&file, &candle_core::Device::Cpu).unwrap();
    let shape = |name: &str| tensors.get(name).unwrap_or_else(|| panic!("{name}")).dims().to_vec();
    assert_eq!(shape("frames.working"), [FRAMES, 3, 32, 40]);
    assert_eq!(shape("frames.styled"), [FRAMES, 3, 32, 40]);
    assert_eq!(shape("sigmas.unsample"), [3]);
    for name in ["latents.source", "latents.unsampled", "latents.resampled"] {
        let shape = shape(name);
        assert_eq!((shape.len(), shape[0], &shape[2..]), (4, FRAMES, &[4, 5][..]), "{name}");
    }
    assert_eq!(shape("text.positive")[1], 77);
    for name in [
        "text.negative",
        "text.unsample.positive",
        "text.unsample.negative",
        "sigmas.resample",
        "latents.unsampled",
        "latents.resampled",
    ] {
        shape(name);
    }
    let mut r = request("neon", &folder.path().join("other"));
    r.latents = Some(file.clone());
    r.source.frames.clear();
    let second = run(&Engine::default(), r).unwrap();
    assert!(first.picture.unwrap().data == second.picture.unwrap().data, "other pixels");

    let mut r = request("neon", folder.path());
    r.latents = Some(folder.path().join("absent.safetensors"));
    assert!(run(&Engine::default(), r).unwrap_err_sentence().contains("absent.safetensors"));
}

#[test]
fn diagnostics_replace_earlier_ones_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let written = |name: &str| {
        let mut request = request("a pencil sketch", &folder.path().join("cache"));
        request.diagnostics = Some(folder.path().join(name));
        run(&engine, request).map(drop).map_err(|error| error.to_string())
    };
    written("stages.safetensors").unwrap();
    written("stages.safetensors").unwrap();
    let model = testing::root().join("bundle/models/pocket_lines.safetensors");
    for (name, contents) in
        [("notes.txt", b"my notes".to_vec()), ("model.safetensors", std::fs::read(model).unwrap())]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, &contents).unwrap();
        let refused = written(name).unwrap_err();
        assert!(
            refused.ends_with(
                "it exists and has no diagnostics of Unsample; choose another name for diagnosticsFile"
            ),
            "{refused}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), contents);
    }
    let nowhere = [written("no/stages.safetensors"), written("no/stages.safetensors")];
    assert_eq!(nowhere[0], nowhere[1]);
    assert!(nowhere[0].as_ref().unwrap_err().ends_with("/no does not exist"), "{nowhere:?}");
}

#[test]
fn passes_without_a_step_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let mut request = request("a pencil sketch", &folder.path().join("cache"));
    request.denoise = 0.06;
    let outcome = run(&engine, request).unwrap();
    let steps = 2;
    let want = format!(
        "nothing is restyled, since {steps} steps with denoise 0.06 come to no step; choose more steps or a larger denoise"
    );
    assert!(outcome.report.notices().contains(&want), "{:?}", outcome.report.notices());
}

#[test]
fn noise_to_resample_can_come_from_a_file_with_unsampled_latents_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise.safetensors");
    let mut r = request("neon", folder.path());
    r.diagnostics = Some(file.clone());
    let first = run(&Engine::default(), r).unwrap().picture.unwrap();
    let noise = candle_core::safetensors::load(&file, &candle_core::Device::Cpu).unwrap();
    let noise = noise["latents.unsampled"].clone();

    let from = |noise: &candle_core::Tensor, unsample_cfg: f64| {
        let entry = std::collections::HashMap::from([("latents.unsampled".to_owned(), noise.clone())]);
        candle_core::safetensors::save(&entry, &file).unwrap();
        let mut r = request("neon", &folder.path().join("other"));
        r.latents = Some(file.clone());
        r.source.frames.clear();
        r.unsample.cfg = vec![unsample_cfg; FRAMES];
        run(&Engine::default(), r)
    };
    let second = from(&noise, 1.0).unwrap();
    assert!(stages(&second).iter().all(|(name, _)| *name != "latents"), "the clip is not encoded");
    assert!(first.data == second.picture.unwrap().data, "the clip's own noise gives its own pixels");
    let again = from(&noise, 3.0).unwrap();
    assert!(
        stages(&again).contains(&("resampled", "disk")),
        "the unsampling pass has no say: {:?}",
        stages(&again)
    );
    let other = from(&(noise.clone() * 0.5).unwrap(), 1.0).unwrap();
    assert!(first.data != other.picture.unwrap().data, "other noise, other pixels");
    let sentence = from(&noise.narrow(0, 0, 1).unwrap(), 1.0).unwrap_err_sentence();
    assert!(sentence.contains("`latents.unsampled` has 1 frames"), "{sentence}");
}

/// The message of an error.
trait Sentence {
    fn unwrap_err_sentence(self) -> String;
}

impl Sentence for Result<Outcome, PipelineError> {
    fn unwrap_err_sentence(self) -> String {
        match self {
            Ok(_) => panic!("it worked"),
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn bad_model_files_come_to_one_sentence_with_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(testing::root().join("bundle/models/pocket.safetensors")).unwrap();
    let engine = Engine::default();
    let sentence = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut r = request("neon", folder.path());
        r.models.checkpoint = Some(path);
        let sentence = run(&engine, r).unwrap_err_sentence();
        assert!(sentence.contains(name), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    };
    sentence("empty.safetensors", b"");
    sentence("garbage.safetensors", &[0x55; 4096]);
    sentence("cut.safetensors", &whole[..whole.len() / 2]);
    let motion = std::fs::read(testing::root().join("bundle/models/pocket_motion.safetensors")).unwrap();
    sentence("motion.safetensors", &motion);
    // The engine still works.
    run(&engine, request("neon", folder.path())).unwrap();
}

/// Writes a LoRA for one layer each of the built-in UNet, its text encoder and its motion module.
fn lora(path: &Path) {
    let models = testing::root().join("bundle/models");
    let open = |name: &str| std::sync::Arc::new(TensorFile::open(models.join(name)).unwrap());
    let (checkpoint, motion) = (open("pocket.safetensors"), open("pocket_motion.safetensors"));
    let mut tensors = Vec::new();
    for (view, start, end) in [
        (View::unet(checkpoint.clone()), "lora_unet_", "attn2.to_v.weight"),
        (View::text(checkpoint), "lora_te_text_model_", "mlp.fc1.weight"),
        (View::motion(motion), "", "attention_blocks.1.to_q.weight"),
    ] {
        let (name, shape) = view.shapes().find(|(name, _)| name.ends_with(end)).unwrap();
        let layer = name.strip_suffix(".weight").unwrap();
        let layer =
            if start.is_empty() { layer.to_owned() } else { format!("{start}{}", layer.replace('.', "_")) };
        for (part, shape) in [("lora_down", [1, shape[1]]), ("lora_up", [shape[0], 1])] {
            let data: Vec<u8> =
                (0..shape[0] * shape[1]).flat_map(|i| ((i % 5) as f32 * 0.2 - 0.3).to_le_bytes()).collect();
            tensors.push((format!("{layer}.{part}.weight"), shape, data));
        }
    }
    let views = tensors.iter().map(|(name, shape, data)| {
        (
            name.clone(),
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), data).unwrap(),
        )
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

#[test]
fn loras_change_with_their_weight_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lora.safetensors");
    lora(&path);
    let with = |weights: &[f64], cache: &str| {
        let mut r = request("neon", &folder.path().join(cache));
        r.models.loras = weights.iter().map(|&weight| LoraUse { path: path.clone(), weight }).collect();
        r
    };
    let engine = Engine::default();
    let picture = |engine: &Engine, weights: &[f64], cache: &str| {
        run(engine, with(weights, cache)).unwrap().picture.unwrap().data.clone()
    };
    let strong = picture(&engine, &[1.0], "one");
    let weak = picture(&engine, &[0.25, 0.25], "one");
    let none = picture(&engine, &[], "one");
    assert!(strong != weak && weak != none && strong != none, "the LoRA has no effect");
    // One engine was used with all the weights; a new one reads everything from the files.
    assert!(picture(&Engine::default(), &[0.25, 0.25], "two") == weak, "another picture after other weights");
    assert!(picture(&Engine::default(), &[], "two") == none, "the LoRA left something behind");
    let off = run(&engine, with(&[0.0], "one")).unwrap();
    assert_eq!(stages(&off), [("resampled", "memory"), ("decoded", "memory")], "a weight of 0 is no LoRA");
}

#[test]
fn a_full_or_forbidden_cache_folder_costs_nothing_but_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let outcome = run(&Engine::default(), request("neon", &file.join("below a file"))).unwrap();
    assert!(outcome.picture.is_some());
    assert!(outcome.report.notices().iter().any(|notice| notice.contains("could not be written")));
}

/// A request whose frame `index` is averaged with one neighbour on each side.
fn steadied(folder: &Path, index: usize) -> Request {
    Request { steady_frames: 1, index, ..request("neon", folder) }
}

#[test]
fn a_steadied_frame_is_its_decoded_neighbours_averaged_along_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let plain: Vec<Rgb> = (0..FRAMES)
        .map(|index| {
            let outcome = run(&engine, Request { index, ..request("neon", folder.path()) }).unwrap();
            outcome.picture.unwrap().as_ref().clone()
        })
        .collect();
    let frames = request("neon", folder.path()).source.frames;
    let lumas: Vec<Grey> = frames.iter().map(|frame| Grey::luma(&frame.picture)).collect();
    for index in [2, 0, 1] {
        let outcome = run(&engine, steadied(folder.path(), index)).unwrap();
        let near = index.saturating_sub(1)..(index + 2).min(FRAMES);
        let styled: Vec<&Rgb> = plain[near.clone()].iter().collect();
        let shares: Vec<f32> = near.clone().map(|i| if i == index { 1.0 } else { 0.75 }).collect();
        let expected = steady(&lumas[near.clone()], &styled, &shares, index - near.start).unwrap();
        assert!(outcome.picture.unwrap().data == expected.data, "frame {index}");
        assert!(expected.data != plain[index].data, "frame {index} is as it was decoded");
        let again = run(&engine, steadied(folder.path(), index)).unwrap();
        assert_eq!(stages(&again), [("steadied", "memory")]);
    }
}

#[test]
fn steadying_needs_the_source_once_and_changes_neither_reconstruction_nor_diagnostics() {
    let folder = tempfile::tempdir().unwrap();
    let bare = |index| {
        let mut bare = steadied(folder.path(), index);
        bare.source.frames.clear();
        bare
    };
    let engine = Engine::default();
    run(&engine, steadied(folder.path(), 0)).unwrap();
    let second = run(&engine, bare(2)).unwrap().picture.unwrap();
    let restarted = Engine::default();
    assert!(matches!(run(&restarted, bare(2)), Err(PipelineError::NeedFrames)));
    let asked = run(&restarted, steadied(folder.path(), 2)).unwrap().picture.unwrap();
    assert!(asked.data == second.data, "other pixels after a restart");

    let reconstruction = |steady_frames| {
        let request = Request { steady_frames, goal: Goal::Reconstruction, ..request("neon", folder.path()) };
        run(&engine, request).unwrap().picture.unwrap()
    };
    assert!(reconstruction(0).data == reconstruction(1).data);
    let written = |steady_frames| {
        let path = folder.path().join(format!("stages {steady_frames}.safetensors"));
        let diagnostics = Some(path.clone());
        run(&engine, Request { steady_frames, diagnostics, ..request("neon", folder.path()) }).unwrap();
        let styled = candle_core::safetensors::load(&path, &Device::Cpu).unwrap()["frames.styled"].clone();
        styled.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert!(written(0) == written(1), "the diagnostics have what was decoded");
}

#[test]
fn what_is_keyframed_is_not_averaged_away() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    type Edit = fn(&mut Request);
    let changes: [Edit; 3] = [
        |r| r.resample.cfg = vec![1.0, 2.0, 4.0],
        |r| {
            r.resample.positive.texts.push("blueprint".to_owned());
            r.resample.positive.mix = vec![vec![(0, 1.0)], vec![(0, 0.5), (1, 0.5)], vec![(1, 1.0)]];
        },
        |r| r.motion.scale = vec![1.0, 1.5, 2.0],
    ];
    for (number, change) in changes.iter().enumerate() {
        let picture = |steady_frames| {
            let mut request = Request { steady_frames, ..request("neon", folder.path()) };
            change(&mut request);
            run(&engine, request).unwrap().picture.unwrap()
        };
        assert!(picture(0).data == picture(2).data, "change {number} is averaged over");
    }
    let mut slow = steadied(folder.path(), 1);
    slow.resample.cfg = vec![2.0, 2.1, 2.2];
    let outcome = run(&engine, slow).unwrap();
    assert!(stages(&outcome).iter().any(|(name, _)| *name == "steadied"), "a slow change is still steadied");
}
