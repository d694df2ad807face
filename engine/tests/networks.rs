//! The networks at tiny sizes against diffusers and transformers; `golden/networks/generate.py` made the vectors.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests convert small numbers"
)]

use testing::networks as support;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use engine::nn::{
    ClipText, ControlNet, Given, Hint, ModelError, MotionControls, MotionKind, MotionModule, Residuals,
    Tensors, Tokens, UNet, Vae,
};
use engine::weights::{TensorFile, View};
use support::{assert_close, golden, open, source, tensor};

/// Five times what this machine reaches: other processors add up in another order.
const LIMIT: f64 = 1e-5;

/// The weights of a golden file as a network takes them.
fn weights(name: &str) -> (Tensors<'static>, std::sync::Arc<TensorFile>) {
    let file = open(golden(&format!("networks/{name}.safetensors")));
    (source(View::below(file.clone(), "weights.")), file)
}

/// The same, to be changed first.
fn loose_weights(name: &str) -> HashMap<String, Tensor> {
    let file = open(golden(&format!("networks/{name}.safetensors")));
    let named = |full: &str| Some((full.strip_prefix("weights.")?.to_owned(), tensor(&file, full)));
    file.names().filter_map(named).collect()
}

#[test]
fn text_encoder_with_clip_skip_and_weights() {
    let file = open(golden("networks/clip.safetensors"));
    let mut tensors = loose_weights("clip");
    // The file keeps the rows of the tokens that it uses; the table has room for all of them.
    let used = tensor_i64(&file, "tokens");
    let rows = tensor(&file, "token_rows").to_vec2::<f32>().unwrap();
    let width = rows[0].len();
    let mut table = vec![0f32; 49408 * width];
    for (token, row) in used.iter().zip(&rows) {
        table[token * width..][..width].copy_from_slice(row);
    }
    let table = Tensor::from_vec(table, (49408, width), &Device::Cpu).unwrap();
    tensors.insert("embeddings.token_embedding.weight".into(), table);
    let clip = ClipText::load(&Tensors::from_map("clip", tensors), DType::F32, &Device::Cpu).unwrap();

    let prompt: Vec<(u32, f32)> =
        tensor_i64(&file, "prompt").into_iter().map(|id| (u32::try_from(id).unwrap(), 1.0)).collect();
    let plain = Tokens { chunks: vec![prompt.clone()], vectors: None };
    assert_close("last layer", &clip.encode(&plain, 0).unwrap(), &tensor(&file, "out.last"), LIMIT);
    assert_close("clip skip 1", &clip.encode(&plain, 1).unwrap(), &tensor(&file, "out.last"), LIMIT);
    assert_close("clip skip 2", &clip.encode(&plain, 2).unwrap(), &tensor(&file, "out.skip2"), LIMIT);

    let mut weighted = prompt;
    (weighted[2].1, weighted[3].1) = (1.3, 0.7);
    let weighted = Tokens { chunks: vec![weighted], vectors: None };
    assert_close("weighted", &clip.encode(&weighted, 0).unwrap(), &tensor(&file, "out.weighted"), LIMIT);

    // Chunks are encoded apart and laid side by side.
    let two = Tokens {
        chunks: vec![plain.chunks[0].clone(), engine::nn::tokenizer::tokenize("").unwrap().chunks.remove(0)],
        vectors: None,
    };
    let both = clip.encode(&two, 0).unwrap();
    assert_close("first chunk", &both.narrow(1, 0, 77).unwrap(), &tensor(&file, "out.last"), LIMIT);
    assert_close("second chunk", &both.narrow(1, 77, 77).unwrap(), &tensor(&file, "out.empty"), LIMIT);

    assert!(matches!(clip.encode(&plain, 4), Err(ModelError::Invalid(_))), "clip skip 4 of 3 layers");
}

/// Integers are no weights, so the file's reader refuses them; the safetensors crate reads them for the test.
fn tensor_i64(file: &TensorFile, name: &str) -> Vec<usize> {
    let bytes = std::fs::read(file.path()).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let data = tensors.tensor(name).unwrap().data().to_vec();
    data.as_chunks::<8>().0.iter().map(|value| usize::try_from(i64::from_le_bytes(*value)).unwrap()).collect()
}

#[test]
fn autoencoder_both_ways() {
    let (source, file) = weights("vae");
    let vae = Vae::load(&source, DType::F32, &Device::Cpu).unwrap();
    assert_eq!((vae.latent_channels(), vae.factor()), (3, 4), "three levels");
    let latents = vae.encode(&tensor(&file, "pictures")).unwrap();
    assert_close("latents", &latents, &tensor(&file, "out.latents"), LIMIT);
    let pictures = vae.decode(&tensor(&file, "out.latents")).unwrap();
    assert_close("pictures", &pictures, &tensor(&file, "out.pictures"), LIMIT);

    let second = vae.encode(&tensor(&file, "pictures").narrow(0, 1, 1).unwrap()).unwrap();
    assert_close("a frame alone, to the last bit", &second, &latents.narrow(0, 1, 1).unwrap(), 0.0);

    let odd = Tensor::zeros((1, 3, 24, 34), DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(vae.encode(&odd), Err(ModelError::Invalid(_))), "34 is no multiple of 4");
}

#[test]
fn unet_with_odd_sizes_and_shared_texts() {
    let (source, file) = weights("unet");
    let unet = UNet::load(&source, DType::F32, &Device::Cpu).unwrap();
    assert_eq!((unet.latent_channels(), unet.context_width()), (4, 24));
    let (x, context) = (tensor(&file, "x"), tensor(&file, "context"));
    for (timestep, want) in [(0.0, "out.t0"), (587.0, "out.t587"), (999.0, "out.t999")] {
        let eps = unet.forward(&x, timestep, &context, 5, None).unwrap();
        assert_close(want, &eps, &tensor(&file, want), LIMIT);
    }
    // A text for every frame means the same as one for every five.
    let index =
        Tensor::from_vec((0..10u32).map(|frame| frame / 5).collect::<Vec<_>>(), 10, &Device::Cpu).unwrap();
    let each = context.index_select(&index, 0).unwrap();
    let eps = unet.forward(&x, 0.0, &each, 5, None).unwrap();
    assert_close("a text for every frame", &eps, &tensor(&file, "out.t0"), LIMIT);
}

/// The motion module's weights as the file of a version holds them.
fn motion_weights(middle: bool, positions: Option<usize>) -> MotionModule {
    motion_weights_as(middle, positions, DType::F32)
}

fn motion_weights_as(middle: bool, positions: Option<usize>, dtype: DType) -> MotionModule {
    let mut tensors = loose_weights("motion");
    if !middle {
        tensors.retain(|name, _| !name.starts_with("mid_block."));
    }
    if let Some(length) = positions {
        let attentions: Vec<(String, usize)> = tensors
            .iter()
            .filter_map(|(name, tensor)| {
                Some((name.strip_suffix("to_q.weight")?.into(), tensor.dim(0).unwrap()))
            })
            .collect();
        for (attention, channels) in attentions {
            let table: Vec<f32> = (0..length * channels)
                .map(|index| {
                    let (place, column) = ((index / channels) as f64, index % channels);
                    let angle = place * (-((column / 2 * 2) as f64) * 10000f64.ln() / channels as f64).exp();
                    (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
                })
                .collect();
            let table = Tensor::from_vec(table, (1, length, channels), &Device::Cpu).unwrap();
            tensors.insert(format!("{attention}pos_encoder.pe"), table);
        }
    }
    MotionModule::load(&Tensors::from_map("motion", tensors), dtype, &Device::Cpu).unwrap()
}

#[test]
fn motion_modules_of_all_versions() {
    let (source, file) = weights("unet");
    let unet = UNet::load(&source, DType::F32, &Device::Cpu).unwrap();
    let golden = open(golden("networks/motion.safetensors"));
    let (x, context) = (tensor(&file, "x"), tensor(&file, "context"));
    let list = |name: &str| tensor(&golden, name).to_vec1::<f32>().unwrap();
    let plain = MotionControls::default();
    let scaled = MotionControls { scale: list("scale"), ..plain.clone() };
    let faded = MotionControls { effect: list("effect"), ..plain.clone() };
    let cases = [
        ("out.v1", MotionKind::V1, false, Some(24), &plain),
        ("out.v2", MotionKind::V2, true, Some(32), &plain),
        ("out.v3", MotionKind::V3, false, Some(32), &plain),
        // AnimateLCM leaves the positions to us.
        ("out.v2", MotionKind::Lcm, true, None, &plain),
        ("out.v2.scale", MotionKind::V2, true, Some(32), &scaled),
        ("out.v2.effect", MotionKind::V2, true, Some(32), &faded),
    ];
    for (want, kind, middle, positions, controls) in cases {
        let motion = motion_weights(middle, positions);
        assert_eq!(motion.kind(), kind);
        assert_eq!(motion.max_len(), positions.unwrap_or(64));
        let eps = unet.forward(&x, 587.0, &context, 5, Some((&motion, controls))).unwrap();
        assert_close(&format!("{kind:?} {want}"), &eps, &tensor(&golden, want), LIMIT);
    }

    let none = MotionControls { effect: vec![0.0], ..plain.clone() };
    let motion = motion_weights(true, Some(32));
    let eps = unet.forward(&x, 587.0, &context, 5, Some((&motion, &none))).unwrap();
    assert_close("no effect", &eps, &tensor(&file, "out.t587"), LIMIT);
}

fn control(change: &dyn Fn(&mut HashMap<String, Tensor>)) -> Result<ControlNet, ModelError> {
    let mut tensors = loose_weights("control");
    change(&mut tensors);
    ControlNet::load(&Tensors::from_map("control", tensors), DType::F32, &Device::Cpu)
}

#[test]
fn controlnets_by_frame_and_several_at_once() {
    let (source, file) = weights("unet");
    let unet = UNet::load(&source, DType::F32, &Device::Cpu).unwrap();
    let golden = open(golden("networks/control.safetensors"));
    let net = control(&|_| ()).unwrap();
    net.check_unet(&unet).unwrap();
    let (x, context) = (tensor(&file, "x"), tensor(&file, "context"));
    let given = Given::from(&context);
    // The hints of five frames serve both videos.
    let plain = net.forward(&x, 369.0, given, &tensor(&golden, "hint")).unwrap();
    let eps = |residuals: &Residuals| {
        let given = Given { residuals: Some(residuals), ..given };
        unet.forward(&x, 369.0, given, 5, None).unwrap()
    };

    let by_frame = tensor(&golden, "weights_by_frame").to_vec1::<f32>().unwrap();
    let scaled = plain.scaled(&by_frame).unwrap();
    assert_close("weights by frame", &eps(&scaled), &tensor(&golden, "out.frames"), LIMIT);
    let twice = plain.scaled(&[0.5]).unwrap().plus(&plain.scaled(&[0.7]).unwrap()).unwrap();
    assert_close("two of them", &eps(&twice), &tensor(&golden, "out.twice"), LIMIT);
    let without = unet.forward(&x, 369.0, given, 5, None).unwrap();
    assert_close("without", &without, &tensor(&golden, "out.without"), LIMIT);
    assert_close("a weight of 0", &eps(&plain.scaled(&[0.0]).unwrap()), &without, 0.0);
    assert!(plain.scaled(&[1.0; 3]).is_err(), "three weights for ten frames");

    // As trained from nothing: zero projections change nothing.
    let fresh = control(&|tensors| {
        for (name, tensor) in tensors {
            if name.starts_with("zero_convs.") || name.starts_with("middle_block_out.") {
                *tensor = tensor.zeros_like().unwrap();
            }
        }
    });
    let residuals = fresh.unwrap().forward(&x, 369.0, given, &tensor(&golden, "hint")).unwrap();
    assert_close("zero convolutions", &eps(&residuals), &without, 0.0);
}

#[test]
fn a_controlnet_that_does_not_fit_is_refused() {
    let (source, file) = weights("unet");
    let unet = UNet::load(&source, DType::F32, &Device::Cpu).unwrap();
    let message = |net: Result<ControlNet, ModelError>| net.unwrap_err().to_string();
    let lacking = control(&|tensors| drop(tensors.remove("zero_convs.2.0.bias")));
    assert_eq!(
        message(lacking),
        "control: the tensor `zero_convs.2.0.bias` is missing, expected the shape [16]"
    );
    let shallow = control(&|tensors| tensors.retain(|name, _| !name.starts_with("input_hint_block.12.")));
    let message = message(shallow);
    assert!(message.contains("the hint comes out 8 channels wide at 1/4 of its size"), "{message}");

    let narrow = control(&|tensors| {
        for (name, tensor) in tensors {
            if name.contains("attn2.to_k") || name.contains("attn2.to_v") {
                *tensor = tensor.narrow(1, 0, 20).unwrap();
            }
        }
    });
    let refusal = narrow.unwrap().check_unet(&unet).unwrap_err().to_string();
    assert!(refusal.contains("it takes text of width 20 and the checkpoint's is 24 wide"), "{refusal}");

    let (x, context) = (tensor(&file, "x"), tensor(&file, "context"));
    let small = Tensor::zeros((5, 3, 64, 56), DType::F32, &Device::Cpu).unwrap();
    let refusal = control(&|_| ()).unwrap().forward(&x, 0.0, Given::from(&context), &small).unwrap_err();
    assert!(matches!(refusal, ModelError::Invalid(_)), "{refusal}");
}

/// A SparseCtrl, from a file that has its temporal layers beside the rest.
fn sparse(name: &str) -> Result<ControlNet, ModelError> {
    let temporal = |of: &str| of.contains("motion_modules");
    let part = |wanted: bool| {
        let mut tensors = loose_weights(name);
        tensors.retain(|key, _| temporal(key) == wanted);
        Tensors::from_map(name, tensors)
    };
    ControlNet::load_sparse(&part(false), &part(true), DType::F32, &Device::Cpu)
}

#[test]
fn sparse_controls_see_the_frames_that_they_are_shown() {
    let (source, _) = weights("unet");
    let unet = UNet::load(&source, DType::F32, &Device::Cpu).unwrap();
    for (name, latents) in [("sparse", false), ("sparse_latents", true)] {
        let file = open(golden(&format!("networks/{name}.safetensors")));
        let net = sparse(name).unwrap();
        assert!(net.is_sparse() && net.takes_latents() == latents);
        net.check_unet(&unet).unwrap();
        let (x, context, hints) = (tensor(&file, "x"), tensor(&file, "context"), tensor(&file, "hint"));
        let given = Given::from(&context);
        let eps = |x: &Tensor, shown: &[bool]| {
            let residuals = net.forward(x, 369.0, given, Hint { frames: &hints, shown }).unwrap();
            let given = Given { residuals: Some(&residuals), ..given };
            unet.forward(&tensor(&file, "x"), 369.0, given, 5, None).unwrap()
        };
        let shown = [true, false, false, true, false];
        let want = tensor(&file, "out.eps");
        assert_close(name, &eps(&x, &shown), &want, LIMIT);
        assert_close("whatever the latents are", &eps(&x.zeros_like().unwrap(), &shown), &want, LIMIT);
        assert!(support::deviation(&eps(&x, &[]), &want).0 > 1e-3, "all of them shown");
        assert!(support::deviation(&tensor(&file, "out.without"), &want).0 > 1e-2);

        let refused = |hint: Hint<'_>| net.forward(&x, 369.0, given, hint).unwrap_err().to_string();
        let text = refused(Hint { frames: &hints, shown: &shown[..2] });
        assert!(text.contains("2 marks for 5 hints"), "{text}");
        let narrow = hints.narrow(3, 0, 5).unwrap();
        let text = refused(Hint { frames: &narrow, shown: &shown });
        assert!(text.contains("hints of the shape (5,"), "{text}");
    }
}

#[test]
fn a_sparse_control_needs_its_mask_and_its_own_temporal_layers() {
    let load = |control: HashMap<String, Tensor>, motion: HashMap<String, Tensor>| {
        let [control, motion] = [control, motion].map(|tensors| Tensors::from_map("sparse", tensors));
        ControlNet::load_sparse(&control, &motion, DType::F32, &Device::Cpu).unwrap_err().to_string()
    };
    let text = load(loose_weights("control"), loose_weights("motion"));
    assert_eq!(text, "sparse: the hint of a SparseCtrl has no channel for the mask");
    let mut temporal = loose_weights("sparse");
    temporal.retain(|name, _| name.contains("motion_modules"));
    let text = load(loose_weights("sparse"), HashMap::new());
    assert!(text.contains("no AnimateDiff motion module"), "{text}");
    let shifted =
        temporal.iter().map(|(name, value)| (name.replace("down_blocks", "up_blocks"), value.clone()));
    temporal.extend(shifted.collect::<Vec<_>>());
    let text = load(loose_weights("sparse"), temporal);
    assert!(text.contains("`up_blocks.0.motion_modules.0` do not fit its block"), "{text}");
}

#[test]
fn a_window_longer_than_the_positions_is_refused() {
    let (source, file) = weights("unet");
    let unet = UNet::load(&source, DType::F32, &Device::Cpu).unwrap();
    let motion = motion_weights(false, Some(4));
    let controls = MotionControls::default();
    let run =
        unet.forward(&tensor(&file, "x"), 0.0, &tensor(&file, "context"), 5, Some((&motion, &controls)));
    let message = run.unwrap_err().to_string();
    assert_eq!(message, "motion: the motion module holds at most 4 frames together, but the window has 5");
}

#[test]
fn a_motion_module_for_another_network_is_refused() {
    let (source, _) = weights("unet");
    let unet = UNet::load(&source, DType::F32, &Device::Cpu).unwrap();
    let mut tensors = loose_weights("motion");
    tensors.retain(|name, _| !name.starts_with("up_blocks.2."));
    let motion = MotionModule::load(&Tensors::from_map("motion", tensors), DType::F32, &Device::Cpu).unwrap();
    let message = unet.check_motion(&motion).unwrap_err().to_string();
    assert!(message.contains("`up_blocks.2.motion_modules.0` is missing"), "{message}");
}

#[test]
fn missing_and_misshapen_tensors_are_named() {
    let load = |change: &dyn Fn(&mut HashMap<String, Tensor>)| {
        let mut tensors = loose_weights("unet");
        change(&mut tensors);
        UNet::load(&Tensors::from_map("file", tensors), DType::F32, &Device::Cpu).unwrap_err().to_string()
    };
    let name = "input_blocks.1.0.in_layers.2.weight";
    let message = load(&|tensors| drop(tensors.remove(name)));
    assert_eq!(message, format!("file: the tensor `{name}` is missing, expected the shape [any, 16, 3, 3]"));
    let message = load(&|tensors| {
        tensors.insert(name.into(), Tensor::zeros((16, 8, 3, 3), DType::F32, &Device::Cpu).unwrap());
    });
    assert_eq!(
        message,
        format!("file: the tensor `{name}` has the shape [16, 8, 3, 3], expected [any, 16, 3, 3]")
    );
}

/// f16 is what devices run; on the processor it takes the general way through every kernel. (bf16 takes the same way,
/// but candle multiplies no matrices of it on the processor.)
#[test]
fn half_precision_stays_near() {
    let (source, file) = weights("unet");
    let golden = open(golden("networks/motion.safetensors"));
    let (x, context) = (tensor(&file, "x"), tensor(&file, "context"));
    let unet = UNet::load(&source, DType::F16, &Device::Cpu).unwrap();
    let eps = unet.forward(&x, 587.0, &context, 5, None).unwrap();
    assert_eq!(eps.dtype(), DType::F16);
    assert_close("f16", &eps, &tensor(&file, "out.t587"), 1e-2);
    for (want, middle, length) in [("out.v1", false, 24), ("out.v2", true, 32)] {
        let motion = motion_weights_as(middle, Some(length), DType::F16);
        let eps = unet.forward(&x, 587.0, &context, 5, Some((&motion, &MotionControls::default()))).unwrap();
        assert_close(&format!("f16 {want}"), &eps, &tensor(&golden, want), 1e-2);
    }
    let control =
        ControlNet::load(&Tensors::from_map("control", loose_weights("control")), DType::F16, &Device::Cpu);
    let golden = open(support::golden("networks/control.safetensors"));
    let residuals =
        control.unwrap().forward(&x, 369.0, Given::from(&context), &tensor(&golden, "hint")).unwrap();
    let residuals = residuals.scaled(&tensor(&golden, "weights_by_frame").to_vec1::<f32>().unwrap()).unwrap();
    let given = Given { residuals: Some(&residuals), ..Given::from(&context) };
    let eps = unet.forward(&x, 369.0, given, 5, None).unwrap();
    assert_close("f16 control", &eps, &tensor(&golden, "out.frames"), 1e-2);

    let (source, file) = weights("vae");
    let vae = Vae::load(&source, DType::F16, &Device::Cpu).unwrap();
    let pictures = vae.decode(&tensor(&file, "out.latents")).unwrap();
    assert_eq!(pictures.dtype(), DType::F32, "results keep the format of the input");
    assert_close("f16 pictures", &pictures, &tensor(&file, "out.pictures"), 2e-2);
}
