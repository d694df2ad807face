//! NaN and infinity: no such result is shown or kept, and the message names the stage and the file.

use testing::request as support;
use testing::weights;

use std::path::{Path, PathBuf};

use engine::pipeline::{
    ControlUse, DeviceChoice, Engine, Goal, LoraUse, Motion, Origin, Outcome, PipelineError, Precision,
    Preprocessor, Request,
};
use support::{FRAMES, request, run};
use weights::{built_in, changed};

const CHECKPOINT: &str = "pocket.safetensors";
const MOTION: &str = "pocket_motion.safetensors";
const CONTROL: &str = "pocket_lines.safetensors";
const UNET: &str = "model.diffusion_model";

/// The usual request with this checkpoint.
fn with(folder: &Path, checkpoint: PathBuf) -> Request {
    let mut request = request("neon", &folder.join("cache"));
    request.models.checkpoint = Some(checkpoint);
    request.models.motion = Motion::File(built_in(MOTION));
    request
}

fn controlled(mut request: Request, file: PathBuf) -> Request {
    request.models.controls = vec![file];
    request.hints = vec![Preprocessor::None];
    request.resample.controls = vec![ControlUse {
        unit: 0,
        weight: vec![1.0; FRAMES],
        shown: vec![true; FRAMES],
        start: 0.0,
        end: 1.0,
    }];
    request
}

fn sentence(request: Request) -> String {
    match run(&Engine::default(), request) {
        Ok(_) => panic!("a result"),
        Err(error) => error.to_string(),
    }
}

/// The names of the stages in a cache folder.
fn kept(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("cache")).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            let bytes = std::fs::read(file.path()).unwrap();
            if let Ok((_, meta)) = safetensors::SafeTensors::read_metadata(&bytes) {
                names.extend(meta.metadata().as_ref().and_then(|m| m.get("unsample.stage").cloned()));
            }
        }
    }
    names.sort();
    names
}

fn nan_at_the_end(values: &mut [f32]) {
    *values.last_mut().unwrap() = f32::NAN;
}

/// So large that the sum of two is infinite even in f32.
fn huge(values: &mut [f32]) {
    values.fill(3e38);
}

#[test]
fn a_nan_in_any_file_is_refused_by_name_and_the_intact_file_is_not_spoilt() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for tensor in [
        format!("{UNET}.middle_block.1.transformer_blocks.0.attn1.to_q.weight"),
        "first_stage_model.decoder.conv_in.weight".to_owned(),
        "first_stage_model.encoder.conv_in.bias".to_owned(),
        "cond_stage_model.transformer.text_model.final_layer_norm.weight".to_owned(),
    ] {
        let said = sentence(with(folder, changed(folder, CHECKPOINT, &tensor, nan_at_the_end)));
        assert!(
            said.contains(&format!("{CHECKPOINT} is damaged: the tensor `{tensor}` holds NaN")),
            "{said}"
        );
    }
    let tensor = "down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight";
    let mut request = with(folder, built_in(CHECKPOINT));
    request.models.motion = Motion::File(changed(folder, MOTION, tensor, nan_at_the_end));
    let said = sentence(request);
    assert!(said.contains(&format!("{MOTION} is damaged: the tensor `{tensor}` holds NaN")), "{said}");
    let tensor = "control_model.input_blocks.1.0.in_layers.2.weight";
    let said = sentence(controlled(
        with(folder, built_in(CHECKPOINT)),
        changed(folder, CONTROL, tensor, nan_at_the_end),
    ));
    assert!(said.contains(&format!("{CONTROL} is damaged: the tensor `{tensor}` holds NaN")), "{said}");

    // The intact file replaces the broken one, with the same cache.
    let whole = built_in(CHECKPOINT);
    let after = run(&Engine::default(), with(folder, whole.clone())).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let alone = run(&Engine::default(), with(fresh.path(), whole)).unwrap();
    assert!(after.picture.unwrap().data == alone.picture.unwrap().data);
}

#[test]
fn a_nan_in_a_lora_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("style.safetensors");
    let shape = {
        let file = engine::weights::TensorFile::open(built_in(CHECKPOINT)).unwrap();
        file.shape(&format!("{UNET}.middle_block.1.transformer_blocks.0.attn1.to_q.weight")).unwrap().to_vec()
    };
    let layer = "lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q";
    let lora = |value: f32| {
        let up = vec![value; shape[0] * 2];
        let up = candle_core::Tensor::from_vec(up, (shape[0], 2), &candle_core::Device::Cpu).unwrap();
        let down = vec![0.1f32; shape[1] * 2];
        let down = candle_core::Tensor::from_vec(down, (2, shape[1]), &candle_core::Device::Cpu).unwrap();
        let tensors = std::collections::HashMap::from([
            (format!("{layer}.lora_up.weight"), up),
            (format!("{layer}.lora_down.weight"), down),
        ]);
        candle_core::safetensors::save(&tensors, &path).unwrap();
        let mut request = with(folder.path(), built_in(CHECKPOINT));
        request.models.loras = vec![LoraUse { path: path.clone(), weight: 1.0 }];
        request
    };
    let said = sentence(lora(f32::NAN));
    assert!(
        said.contains(&format!("style.safetensors is damaged: the tensor `{layer}.lora_up.weight`")),
        "{said}"
    );
    let said = sentence(lora(3e38));
    let want = format!(
        "style.safetensors cannot be used: the tensor `{layer}.lora_down.weight` makes values of up to 6e37"
    );
    assert!(said.contains(&want), "{said}");
    let said = sentence(lora(1e5));
    assert!(said.contains("makes values of up to 2e4, where trained ones stay far below 1e4"), "{said}");
}

#[test]
fn a_stage_that_comes_to_infinity_is_named_and_not_kept() {
    let cases = [
        (
            "cond_stage_model.transformer.text_model.final_layer_norm.weight",
            "the encoded prompt has NaN or infinite values for the empty prompt;",
            vec!["latents"],
        ),
        (
            "first_stage_model.quant_conv.weight",
            "the clip as latents has NaN or infinite values at frame 1;",
            vec![],
        ),
        (
            "model.diffusion_model.out.2.weight",
            "the unsampled clip has NaN or infinite values from step 1 of 2 on, in f32;",
            vec!["latents"],
        ),
        (
            "first_stage_model.decoder.conv_out.weight",
            "the decoded picture has NaN or infinite values at frame 2;",
            vec!["latents", "resampled", "unsampled"],
        ),
    ];
    for (tensor, wanted, stages) in cases {
        let folder = tempfile::tempdir().unwrap();
        let said = sentence(with(folder.path(), changed(folder.path(), CHECKPOINT, tensor, huge)));
        assert!(said.starts_with(wanted), "{tensor}: {said}");
        let files = said.split("computed from ").nth(1).unwrap();
        let sampled = tensor.starts_with("model.");
        let blamed = if sampled {
            format!("{CHECKPOINT}, {MOTION}, and one of these is damaged or does not go with the others")
        } else {
            format!("{CHECKPOINT} alone, which is damaged")
        };
        assert_eq!(files, blamed, "{tensor}");
        assert_eq!(kept(folder.path()), stages, "{tensor}");
    }
    let folder = tempfile::tempdir().unwrap();
    let tensor = "control_model.zero_convs.0.0.weight";
    let said = sentence(controlled(
        with(folder.path(), built_in(CHECKPOINT)),
        changed(folder.path(), CONTROL, tensor, huge),
    ));
    assert!(said.starts_with("the resampled clip has NaN"), "{said}");
    assert!(said.contains(&format!("{CHECKPOINT}, {MOTION}, {CONTROL}")), "{said}");
    assert_eq!(kept(folder.path()), ["latents", "unsampled"]);
}

/// A checkpoint whose activations overflow f16 before a norm that scales them down again.
fn loud(folder: &Path) -> PathBuf {
    changed(folder, CHECKPOINT, &format!("{UNET}.input_blocks.1.0.in_layers.2.weight"), |values| {
        values.iter_mut().for_each(|value| *value *= 1e6);
    })
}

fn stages(outcome: &Outcome) -> Vec<(&'static str, &'static str)> {
    let word = |o: &Origin| match o {
        Origin::Memory => "memory",
        Origin::Disk => "disk",
        Origin::Computed(_) => "computed",
    };
    outcome.report.stages().iter().map(|(name, origin)| (*name, word(origin))).collect()
}

#[test]
fn what_passes_f16_is_computed_in_a_wider_format_and_that_is_said_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |prompt: &str, precision: Precision, cache: &Path| {
        let mut request = with(folder.path(), loud(folder.path()));
        request.resample = support::pass(prompt, 2.0, FRAMES);
        request.cache.folder = Some(cache.into());
        (request.device, request.precision) = (DeviceChoice::Cpu, precision);
        request
    };
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    let engine = Engine::default();
    let narrow = run(&engine, ask("neon", Precision::F16, &one)).unwrap();
    let notice = narrow.report.notices().join("; ");
    assert!(notice.contains("pass the largest of f16, so they were computed in f32"), "{notice}");
    let wide = run(&Engine::default(), ask("neon", Precision::F32, &other)).unwrap();
    assert_eq!(wide.report.notices(), [""; 0]);
    assert!(narrow.picture.unwrap().data == wide.picture.unwrap().data, "not what f32 gives");
    // The overflowing format is not tried again: neither with another prompt, nor by another process.
    let again = run(&engine, ask("photo", Precision::F16, &one)).unwrap();
    assert_eq!(stages(&again), [("unsampled", "memory"), ("resampled", "computed"), ("decoded", "computed")]);
    let later = run(&Engine::default(), ask("neon", Precision::F16, &one)).unwrap();
    assert_eq!(stages(&later), [("resampled", "disk"), ("decoded", "computed")]);
    assert!(later.report.notices().join("; ").contains("computed in f32"));
    // A checkpoint that fits f16 is computed in it, regardless of earlier requests.
    let mut quiet = ask("neon", Precision::F16, &one);
    quiet.models.checkpoint = Some(built_in(CHECKPOINT));
    assert_eq!(run(&engine, quiet).unwrap().report.notices(), [""; 0]);
}

#[test]
fn latents_of_a_file_have_to_be_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latents.safetensors");
    let mut request = with(folder.path(), built_in(CHECKPOINT));
    request.goal = Goal::Analyse;
    request.diagnostics = Some(file.clone());
    run(&Engine::default(), request.clone()).unwrap();
    request.diagnostics = None;
    request.latents = Some(file.clone());
    run(&Engine::default(), request.clone()).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let bytes = weights::with_values(&whole, "latents.source", nan_at_the_end);
    std::fs::write(&file, bytes).unwrap();
    let said = sentence(request.clone());
    assert!(said.ends_with("latents.safetensors: `latents.source` has NaN or infinite values"), "{said}");
    let bytes = weights::with_values(&whole, "latents.source", |values| values[0] = -2e4);
    std::fs::write(&file, bytes).unwrap();
    let said = sentence(request.clone());
    let want = "`latents.source` has values of up to 2e4, where latents stay far below 1e4";
    assert!(said.ends_with(want), "{said}");
    std::fs::write(&file, whole).unwrap();
    let mut other = support::sized("neon", folder.path(), [48, 32]);
    other.latents = Some(file.clone());
    let said = sentence(other);
    let want = "latents.safetensors: `latents.source` of latentsFile is for pictures of 40x32 and the working picture is 48x32";
    assert!(said.ends_with(want), "{said}");
}

#[test]
fn a_prompt_that_comes_to_nothing_is_an_error_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = "cond_stage_model.transformer.text_model.final_layer_norm.weight";
    let request = with(folder.path(), changed(folder.path(), CHECKPOINT, tensor, huge));
    assert!(matches!(run(&Engine::default(), request), Err(PipelineError::NotFinite { .. })));
}
