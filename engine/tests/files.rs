//! Files in a request: parts of a checkpoint from elsewhere, files that fit only in part, names that lead nowhere, and
//! what a user is told of all that.

use testing::request;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use engine::pipeline::{Engine, LoraUse, Models, Motion, Outcome, PipelineError, Request, describe_models};
use request::{request, run};

fn bundled(name: &str) -> PathBuf {
    testing::root().join("bundle/models").join(name)
}

/// Writes the built-in checkpoint's tensors that `rename` has a name for.
fn write(to: &Path, rename: impl Fn(&str) -> Option<String>) {
    let stored = candle_core::safetensors::load(bundled("pocket.safetensors"), &Device::Cpu).unwrap();
    let kept = stored.into_iter().filter_map(|(name, tensor)| Some((rename(&name)?, tensor)));
    candle_core::safetensors::save(&kept.collect::<HashMap<_, _>>(), to).unwrap();
}

fn part(to: &Path, start: &str, with: &str) {
    write(to, |name| Some(format!("{with}{}", name.strip_prefix(start)?)));
}

/// Pairs of LoRA matrices for these layers of 32 x 32 weights.
fn lora(to: &Path, layers: &[&str]) {
    let ones = |shape: (usize, usize)| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
    let pair = |layer: &&str| {
        [("down", (1, 32)), ("up", (32, 1))]
            .map(|(p, shape)| (format!("{layer}.lora_{p}.weight"), ones(shape)))
    };
    let tensors: HashMap<String, Tensor> = layers.iter().flat_map(pair).collect();
    candle_core::safetensors::save(&tensors, to).unwrap();
}

fn with(change: impl FnOnce(&mut Models)) -> (tempfile::TempDir, Request) {
    let folder = tempfile::tempdir().unwrap();
    let mut request = request("a pencil sketch", folder.path());
    change(&mut request.models);
    (folder, request)
}

fn outcome(change: impl FnOnce(&mut Models)) -> Result<Outcome, PipelineError> {
    let (_folder, request) = with(change);
    run(&Engine::default(), request)
}

fn refused(change: impl FnOnce(&mut Models)) -> String {
    outcome(change).err().expect("it was rendered").to_string()
}

const LAYER: &str = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";

#[test]
fn missing_parts_of_a_checkpoint_are_named_and_come_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    part(&path("unet.safetensors"), "model.diffusion_model.", "unet.module.");
    part(&path("text.safetensors"), "cond_stage_model.transformer.", "");
    let motion = || Motion::File(bundled("pocket_motion.safetensors"));
    let no_vae = refused(|models| {
        models.checkpoint = Some(path("unet.safetensors"));
        models.text = vec![path("text.safetensors")];
    });
    assert_eq!(no_vae, "unet.safetensors has no VAE; choose a file or checkpoint with one as vae");
    let no_text = refused(|models| {
        models.checkpoint = Some(path("unet.safetensors"));
        models.vae = Some(bundled("pocket.safetensors"));
    });
    let want = "unet.safetensors has no text encoder; choose a file or checkpoint with it as textEncoder";
    assert_eq!(no_text, want);
    let other = refused(|models| models.text = vec![bundled("pocket_motion.safetensors")]);
    let want = "pocket_motion.safetensors is an AnimateDiff v3 motion module for a small model (32 frames), which goes into \
                motionModule; the checkpoint needs";
    assert!(other.starts_with(want), "{other}");

    let want = outcome(|_| {}).unwrap().picture.unwrap();
    for text in ["text.safetensors", "whole"] {
        let text = if text == "whole" { bundled("pocket.safetensors") } else { path(text) };
        let got = outcome(|models| {
            models.checkpoint = Some(path("unet.safetensors"));
            models.vae = Some(bundled("pocket.safetensors"));
            models.text = vec![text];
            models.motion = motion();
        });
        let got = got.unwrap();
        assert_eq!(got.report.notices(), [""; 0]);
        assert!(got.picture.unwrap().data == want.data, "other pixels");
    }
    // Another text encoder is another result, also for who remembers the first.
    write(&path("other.safetensors"), |name| {
        let name = name.strip_prefix("cond_stage_model.transformer.")?;
        // Two layers change places.
        Some(
            name.replace("layers.0.", "layers.x.")
                .replace("layers.1.", "layers.0.")
                .replace("layers.x.", "layers.1."),
        )
    });
    let (_folder, mut request) = with(|_| {});
    let engine = Engine::default();
    let own = run(&engine, request.clone()).unwrap().picture.unwrap();
    request.models.text = vec![path("other.safetensors")];
    let other = run(&engine, request).unwrap().picture.unwrap();
    assert!(own.data == want.data && other.data != want.data);
}

#[test]
fn a_text_encoder_beyond_those_that_are_needed_is_said_not_to_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    part(&path("text.safetensors"), "cond_stage_model.transformer.", "");
    let told = |text: Vec<PathBuf>| {
        let outcome = outcome(|models| models.text = text).unwrap();
        outcome.report.notices().to_vec()
    };
    let said = |unused: &str, before: &str| {
        vec![format!(
            "{unused} is not used as textEncoder, since the text encoder of {before} stands before it"
        )]
    };
    let (text, whole) = ("text.safetensors", "pocket.safetensors");
    assert_eq!(told(vec![path(text)]), [""; 0]);
    assert_eq!(told(vec![path(text), bundled(whole)]), said(whole, text));
    assert_eq!(told(vec![bundled(whole), path(text)]), said(text, whole));
}

#[test]
fn networks_whose_last_layers_are_zero_are_said_to_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A copy with zeros in the tensors whose names have any of these parts, but for `but`.
    let zeros = |name: &str, parts: &[&str], but: &str| {
        let stored = candle_core::safetensors::load(bundled(name), &Device::Cpu).unwrap();
        let change = |(name, tensor): (String, Tensor)| {
            let zero = name != but && parts.iter().any(|part| name.contains(part));
            let zeros = || Tensor::zeros(tensor.shape(), DType::F32, &Device::Cpu).unwrap();
            (name, if zero { zeros() } else { tensor })
        };
        let path = folder.path().join(name);
        candle_core::safetensors::save(&stored.into_iter().map(change).collect::<HashMap<_, _>>(), &path)
            .unwrap();
        path
    };
    let told = |change: &dyn Fn(&mut Models)| outcome(change).unwrap().report.notices().to_vec();
    let control = |but: &str| {
        let path = zeros("pocket_lines.safetensors", &["zero_convs.", "middle_block_out."], but);
        told(&|models| models.controls = vec![path.clone()])
    };
    let motion = |but: &str| {
        let path = zeros("pocket_motion.safetensors", &[".proj_out."], but);
        told(&|models| models.motion = Motion::File(path.clone()))
    };
    let want =
        "pocket_lines.safetensors: the ControlNet changes nothing, since its zero convolutions are zero";
    assert_eq!(control(""), [want]);
    assert_eq!(control("control_model.middle_block_out.0.bias"), [""; 0]);
    let want =
        "pocket_motion.safetensors: the motion module changes nothing, since its output projections are zero";
    assert_eq!(motion(""), [want]);
    let last = "up_blocks.1.motion_modules.0.temporal_transformer.proj_out.bias";
    assert_eq!(motion(last), [""; 0]);
}

#[test]
fn addresses_and_tags_of_prompts_say_what_to_do_instead() {
    let address = "https://civitai.com/models/4201";
    let want = format!("{address} is an address and no file");
    let said = refused(|models| models.checkpoint = Some(address.into()));
    assert!(said.starts_with(&want), "{said}");
    let (_folder, mut request) = with(|_| {});
    request.latents = Some(address.into());
    let said = run(&Engine::default(), request.clone()).err().unwrap().to_string();
    assert!(said.starts_with(&want), "{said}");
    request.models.loras = vec![LoraUse { path: "<lora:ink:0.8>".into(), weight: 1.0 }];
    assert!(describe_models(&request.models).contains("write the name alone, ink, as lora1File"));
}

#[test]
fn what_is_not_used_of_a_lora_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ink.safetensors");
    let told = |weight: f64, motion: Motion| {
        let path = path.clone();
        let outcome = outcome(|models| {
            models.loras = vec![LoraUse { path, weight }];
            models.motion = motion;
        });
        outcome.unwrap().report.notices().to_vec()
    };
    lora(&path, &[LAYER, "lora_txet_text_model_encoder_layers_0_self_attn_q_proj"]);
    let want = "ink.safetensors: 1 of 2 layers used; 1 for the text encoder has no place here: \
                lora_txet_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight";
    assert_eq!(told(1.0, Motion::Usual), [want]);
    let module =
        "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.to_q";
    let middle = module.replace("down_blocks.0", "mid_block");
    lora(&path, &[module, &middle]);
    let want = format!(
        "ink.safetensors: 1 of 2 layers used; 1 for the motion module has no place here: {middle}.lora_down.weight"
    );
    assert_eq!(told(1.0, Motion::Usual), [want]);
    let alone = "ink.safetensors is a motion LoRA and does nothing without a motion module";
    assert_eq!(told(1.0, Motion::None), [alone]);
    lora(&path, &[module]);
    let (_folder, mut request) =
        with(|models| models.loras = vec![LoraUse { path: path.clone(), weight: 1.0 }]);
    request.motion.effect = 0.0;
    let outcome = run(&Engine::default(), request).unwrap();
    let still = "ink.safetensors is a motion LoRA and does nothing while motionEffect is 0";
    assert_eq!(outcome.report.notices(), [still]);
    lora(&path, &[LAYER, module]);
    let want = format!(
        "ink.safetensors: 1 of 2 layers used; 1 for the motion module has no place here: {module}.lora_down.weight"
    );
    assert_eq!(told(1.0, Motion::None), [want.as_str()]);
    let models = Models {
        checkpoint: None,
        motion: Motion::None,
        vae: None,
        text: Vec::new(),
        controls: Vec::new(),
        loras: vec![LoraUse { path: path.clone(), weight: 1.0 }],
    };
    assert_eq!(
        describe_models(&models),
        format!("the built-in model; ink.safetensors is an AnimateDiff motion LoRA; {want}")
    );
}

/// ays has the timesteps 999, 850 and so on: with two steps there is none in the middle.
#[test]
fn a_controlnet_between_whose_start_and_end_no_step_lies_says_so() {
    let told = |start: f64, end: f64, passes: [bool; 2]| {
        let (_folder, mut request) =
            with(|models| models.controls = vec![bundled("pocket_lines.safetensors")]);
        request.hints = vec![engine::pipeline::Preprocessor::Canny];
        let control = engine::pipeline::ControlUse {
            unit: 0,
            weight: vec![1.0; request::FRAMES],
            shown: vec![true; request::FRAMES],
            start,
            end,
        };
        let [unsample, resample] = passes.map(|has| if has { vec![control.clone()] } else { Vec::new() });
        (request.unsample.controls, request.resample.controls) = (unsample, resample);
        run(&Engine::default(), request).unwrap().report.notices().to_vec()
    };
    assert_eq!(told(0.0, 1.0, [true, true]), [""; 0]);
    let want = "since none of the 2 steps lies between its start 0.51 and its end 0.52";
    assert_eq!(
        told(0.51, 0.52, [true, true]),
        [format!("the ControlNet pocket_lines.safetensors never acts, {want}")]
    );
    assert_eq!(
        told(0.51, 0.52, [false, true]),
        [format!("the ControlNet pocket_lines.safetensors never acts, {want}")]
    );
    // Resampling begins at the highest level, where unsampling ends without a step from it.
    let first = told(0.0, 0.1, [true, true]);
    let want = "the ControlNet pocket_lines.safetensors does not act while the clip is unsampled, since none of the 2 steps \
                lies between its start 0 and its end 0.1";
    assert_eq!(first, [want]);
}

#[test]
fn tensors_that_nothing_reads_and_tensors_that_lack_are_said_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let query = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight";
    let render = || {
        outcome(|models| {
            models.checkpoint = Some(path.clone());
            models.motion = Motion::None;
        })
    };
    write(&path, |name| Some(name.to_owned()));
    assert_eq!(render().unwrap().report.notices(), [""; 0]);
    write(&path, |name| Some(name.replace(query, &query.replace("to_q", "to_qq"))));
    let lacks = render().err().unwrap().to_string();
    assert!(lacks.contains(query) && lacks.contains("is missing"), "{lacks}");
    // Something beside the weights of the UNet.
    write(&path, |name| {
        Some(name.replace("first_stage_model.encoder.conv_out.bias", "model.diffusion_model.adapter.scale"))
    });
    let no_encoder = render().err().unwrap().to_string();
    assert!(no_encoder.contains("encoder.conv_out.bias"), "{no_encoder}");
}

#[test]
fn names_that_lead_nowhere_say_where_was_searched() {
    let name = refused(|models| models.checkpoint = Some("nothere".into()));
    let searched = "there is no model called nothere; these folders were searched: ";
    assert!(name.starts_with(searched) && name.contains("models"), "{name}");
    let path = refused(|models| models.vae = Some("/no/such/file.safetensors".into()));
    assert_eq!(path, "/no/such/file.safetensors does not exist, nor does the folder /no/such");
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("model.safetensors");
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\n0123456789").unwrap();
    let picture = refused(|models| models.checkpoint = Some(picture));
    assert!(
        picture.ends_with("the file is a PNG picture; choose a safetensors file or a PyTorch pickle"),
        "{picture}"
    );
}

#[test]
fn a_file_in_the_place_of_another_says_where_it_belongs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ink.safetensors");
    let module =
        "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.to_q";
    lora(&path, &[module]);
    assert_eq!(
        refused(|models| models.motion = Motion::File(path.clone())),
        "ink.safetensors is an AnimateDiff motion LoRA, which goes into lora1File; the checkpoint needs the motion module that \
         was made for it"
    );
    let starts = |said: String, want: &str| assert!(said.starts_with(want), "{said}");
    starts(
        refused(|models| models.checkpoint = Some(bundled("pocket_motion.safetensors"))),
        "pocket_motion.safetensors is an AnimateDiff v3 motion module for a small model (32 frames), which goes into motionModule; \
         a checkpoint has to be",
    );
    starts(
        refused(|models| models.text = vec![bundled("pocket_lines.safetensors")]),
        "pocket_lines.safetensors is a ControlNet for a small model (text width 64), which goes into controlNet1Model; the \
         checkpoint needs the text encoder",
    );
    part(&path, "first_stage_model.", "");
    starts(
        refused(|models| models.controls = vec![path.clone()]),
        "ink.safetensors is a VAE with 12 latent channels, which goes into vae; the checkpoint needs a ControlNet",
    );
    starts(
        refused(|models| models.vae = Some(bundled("pocket_lines.safetensors"))),
        "pocket_lines.safetensors is a ControlNet for a small model (text width 64), which goes into controlNet1Model; a VAE",
    );
}

#[test]
fn all_that_a_checkpoint_lacks_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.safetensors");
    part(&path, "model.diffusion_model.", "");
    let checkpoint = Some(path.clone());
    assert_eq!(
        refused(|models| models.checkpoint = checkpoint),
        "bare.safetensors has neither VAE nor text encoder; choose files or a checkpoint with them as vae and textEncoder"
    );
    write(&path, |name| (!name.starts_with("model.")).then(|| name.to_owned()));
    let said = refused(|models| models.checkpoint = Some(path));
    let want = "bare.safetensors is a checkpoint without its UNet (a VAE with 12 latent channels, and a text encoder), which goes \
                into vae; a checkpoint has to be";
    assert!(said.starts_with(want), "{said}");
}

#[test]
fn a_motion_module_without_a_checkpoint_says_which_one_to_choose() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mm.safetensors");
    let module = "down_blocks.0.motion_modules.0.temporal_transformer";
    let tensor = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
    let tensors = HashMap::from([
        (format!("{module}.norm.weight"), tensor(&[320])),
        (
            format!("{module}.transformer_blocks.0.attention_blocks.0.pos_encoder.pe")
                .replace("blocks.0.m", "blocks.3.m"),
            tensor(&[1, 32, 320]),
        ),
    ]);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let said = refused(|models| models.motion = Motion::File(path));
    assert_eq!(
        said,
        "mm.safetensors is an AnimateDiff v3 motion module for SD1.5 (32 frames); choose an SD1.5 checkpoint with it; an \
         empty checkpoint is the built-in model"
    );
}
