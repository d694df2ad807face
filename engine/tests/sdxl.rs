//! SDXL's networks at tiny sizes against diffusers and transformers; `golden/networks/generate_sdxl.py` made the vectors.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests convert small numbers"
)]

use testing::networks as support;
use testing::seeded;

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use engine::nn::tokenizer::tokenize_padded;
use engine::nn::{
    ClipText, ControlNet, Given, ModelError, MotionControls, MotionKind, MotionModule, Tensors, TextEncoder,
    UNet, size_vector,
};
use engine::weights::TensorFile;
use support::{assert_close, golden, open, tensor};

/// Five times what this machine reaches: other processors add up in another order.
const LIMIT: f64 = 1e-5;
const FRAMES: usize = 5;

fn file(name: &str) -> Arc<TensorFile> {
    open(golden(&format!("networks/{name}.safetensors")))
}

fn source(file: &TensorFile, part: &str) -> Tensors<'static> {
    Tensors::from_map(part, seeded::tensors(&file.metadata()[part]))
}

struct Case {
    file: Arc<TensorFile>,
    unet: UNet,
    x: Tensor,
    context: Tensor,
    vector: Tensor,
}

impl Case {
    fn new(dtype: DType) -> Self {
        let file = file("sdxl");
        let unet = UNet::load(&source(&file, "unet"), dtype, &Device::Cpu).unwrap();
        let vector = size_vector(&tensor(&file, "pooled"), 72, 56).unwrap();
        Self { x: tensor(&file, "x"), context: tensor(&file, "context"), vector, unet, file }
    }

    fn given(&self) -> Given<'_> {
        Given { context: &self.context, vector: Some(&self.vector), residuals: None, at_once: None }
    }

    fn check(&self, want: &str, got: Result<Tensor, ModelError>, limit: f64) {
        assert_close(want, &got.unwrap(), &tensor(&self.file, want), limit);
    }
}

#[test]
fn unet_with_sizes_and_several_depths() {
    let case = Case::new(DType::F32);
    assert_eq!((case.unet.context_width(), case.unet.vector_width()), (24, Some(32 + 6 * 256)));
    for (timestep, want) in [(0.0, "out.t0"), (828.0, "out.t828")] {
        case.check(want, case.unet.forward(&case.x, timestep, case.given(), FRAMES, None), LIMIT);
    }
    // The sizes matter, and so does which text a frame belongs to.
    let other = size_vector(&tensor(&case.file, "pooled"), 72, 64).unwrap();
    let given = Given { vector: Some(&other), ..case.given() };
    let eps = case.unet.forward(&case.x, 0.0, given, FRAMES, None).unwrap();
    assert!(support::deviation(&eps, &tensor(&case.file, "out.t0")).0 > 1e-3);

    let without = case.unet.forward(&case.x, 0.0, &case.context, FRAMES, None);
    let message = without.unwrap_err().to_string();
    assert!(message.contains("a vector of width 1568"), "{message}");
}

#[test]
fn half_precision_stays_near() {
    let case = Case::new(DType::F16);
    case.check("out.t828", case.unet.forward(&case.x, 828.0, case.given(), FRAMES, None), 1e-2);
}

#[test]
fn controlnet_with_sizes() {
    let case = Case::new(DType::F32);
    let net = ControlNet::load(&source(&case.file, "control"), DType::F32, &Device::Cpu).unwrap();
    net.check_unet(&case.unet).unwrap();
    let residuals = net.forward(&case.x, 828.0, case.given(), &tensor(&case.file, "hint")).unwrap();
    let residuals = residuals.scaled(&[0.5]).unwrap();
    let given = Given { residuals: Some(&residuals), ..case.given() };
    case.check("out.control", case.unet.forward(&case.x, 828.0, given, FRAMES, None), LIMIT);
}

/// A union of several ControlNets, of which none is chosen.
#[test]
fn union_controlnet() {
    let case = Case::new(DType::F32);
    let mut weights = seeded::tensors(&case.file.metadata()["control"]);
    weights.extend(seeded::tensors(&case.file.metadata()["union"]));
    let net = ControlNet::load(&Tensors::from_map("union", weights), DType::F32, &Device::Cpu).unwrap();
    let residuals = net.forward(&case.x, 828.0, case.given(), &tensor(&case.file, "hint")).unwrap();
    let given = Given { residuals: Some(&residuals), ..case.given() };
    case.check("out.union", case.unet.forward(&case.x, 828.0, given, FRAMES, None), LIMIT);
}

/// The small ControlNets for SDXL have no attention on the way down, and one without blocks in the middle.
#[test]
fn controlnet_that_looks_at_no_text() {
    let case = Case::new(DType::F32);
    let load = |keep: &dyn Fn(&str) -> bool| {
        let mut weights = seeded::tensors(&case.file.metadata()["control"]);
        weights.retain(|name, _| keep(name));
        ControlNet::load(&Tensors::from_map("small", weights), DType::F32, &Device::Cpu).unwrap()
    };
    let run = |net: &ControlNet| {
        net.check_unet(&case.unet).unwrap();
        let residuals = net.forward(&case.x, 828.0, case.given(), &tensor(&case.file, "hint")).unwrap();
        let given = Given { residuals: Some(&residuals), ..case.given() };
        case.unet.forward(&case.x, 828.0, given, FRAMES, None).unwrap()
    };
    let down = |name: &str| name.starts_with("input_blocks.") && name.split('.').nth(2) == Some("1");
    let small = run(&load(&|name| !name.contains("transformer_blocks.") && !down(name)));
    let want = tensor(&case.file, "out.t828");
    assert!(support::deviation(&small, &want).0 > 1e-3, "it does nothing");
}

#[test]
fn temporal_layers_with_norms_across_frames() {
    let case = Case::new(DType::F32);
    let mut weights = seeded::tensors(&case.file.metadata()["motion"]);
    let attentions: Vec<(String, usize)> = (weights.iter())
        .filter_map(|(name, query)| Some((name.strip_suffix("to_q.weight")?.into(), query.dim(0).unwrap())))
        .collect();
    // As Hotshot-XL: no module in the middle, 24 positions.
    for (attention, channels) in attentions {
        let table: Vec<f32> = (0..24 * channels)
            .map(|index| {
                let (place, column) = ((index / channels) as f64, index % channels);
                let angle = place * (-((column / 2 * 2) as f64) * 10000f64.ln() / channels as f64).exp();
                (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
            })
            .collect();
        let table = Tensor::from_vec(table, (1, 24, channels), &Device::Cpu).unwrap();
        weights.insert(format!("{attention}pos_encoder.pe"), table);
    }
    let motion = MotionModule::load(&Tensors::from_map("motion", weights), DType::F32, &Device::Cpu).unwrap();
    assert!(motion.across_frames_norm());
    let controls = MotionControls::default();
    let run = case.unet.forward(&case.x, 828.0, case.given(), FRAMES, Some((&motion, &controls)));
    case.check("out.motion", run, LIMIT);
}

/// A module of SDXL's own width, of which only names and shapes count here.
#[test]
fn temporal_layers_of_sdxl_are_told_by_their_levels() {
    let mut weights: HashMap<String, Tensor> = HashMap::new();
    let part = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    for level in 0..3 {
        let c = 320;
        let top = format!("down_blocks.{level}.motion_modules.0.temporal_transformer");
        let block = format!("{top}.transformer_blocks.0");
        for norm in [format!("{top}.norm"), format!("{block}.ff_norm")] {
            weights.extend([(format!("{norm}.weight"), part(&[c])), (format!("{norm}.bias"), part(&[c]))]);
        }
        for index in 0..2 {
            let (norm, at) = (format!("{block}.norms.{index}"), format!("{block}.attention_blocks.{index}"));
            weights.extend([(format!("{norm}.weight"), part(&[c])), (format!("{norm}.bias"), part(&[c]))]);
            weights
                .extend(["q", "k", "v", "out.0"].map(|to| (format!("{at}.to_{to}.weight"), part(&[c, c]))));
            weights.insert(format!("{at}.to_out.0.bias"), part(&[c]));
            weights.insert(format!("{at}.pos_encoder.pe"), part(&[1, 32, c]));
        }
        for (layer, rows, columns) in [
            (format!("{top}.proj_in"), c, c),
            (format!("{top}.proj_out"), c, c),
            (format!("{block}.ff.net.0.proj"), 8 * c, c),
            (format!("{block}.ff.net.2"), c, 4 * c),
        ] {
            weights.insert(format!("{layer}.weight"), part(&[rows, columns]));
            weights.insert(format!("{layer}.bias"), part(&[rows]));
        }
    }
    let kind = |weights: HashMap<String, Tensor>| {
        let source = Tensors::from_map("motion", weights);
        let motion = MotionModule::load(&source, DType::F32, &Device::Cpu).unwrap();
        (motion.kind(), motion.across_frames_norm(), motion.max_len())
    };
    assert_eq!(kind(weights.clone()), (MotionKind::Sdxl, true, 32));
    let fourth: Vec<_> = weights
        .iter()
        .filter_map(|(name, value)| {
            Some((format!("down_blocks.3.{}", name.strip_prefix("down_blocks.2.")?), value.clone()))
        })
        .collect();
    weights.extend(fourth);
    assert_eq!(kind(weights), (MotionKind::V3, false, 32));
}

#[test]
fn both_text_towers() {
    let file = file("sdxl_text");
    let towers = ["l", "g"].map(|tower| source(&file, tower));
    let [l, g] = [
        ClipText::load(&towers[0], DType::F32, &Device::Cpu).unwrap(),
        ClipText::load_open(&towers[1], DType::F32, &Device::Cpu).unwrap(),
    ];
    assert_eq!((l.padding(), g.padding()), (49407, 0));
    let prompt = "a cat on the grass";
    for (name, tower) in [("l", &l), ("g", &g)] {
        let tokens = tokenize_padded(prompt, tower.padding()).unwrap();
        for skip in [1, 2] {
            let (hidden, _) = tower.encode_hidden(&tokens, skip).unwrap();
            let want = format!("{name}.hidden.{skip}");
            assert_close(&want, &hidden, &tensor(&file, &want), LIMIT);
        }
        let tokens = tokenize_padded("a (cat:1.3) on the grass", tower.padding()).unwrap();
        let (hidden, pooled) = tower.encode_hidden(&tokens, 0).unwrap();
        let want = format!("{name}.weighted");
        assert_close(&want, &hidden, &tensor(&file, &want), LIMIT);
        assert_eq!(pooled.is_some(), name == "g");
        if let Some(pooled) = pooled {
            // Weights do not touch it.
            assert_close("pooled", &pooled, &tensor(&file, "pooled"), LIMIT);
        }
    }

    let both = TextEncoder::load(&towers[0], Some(&towers[1]), DType::F32, &Device::Cpu).unwrap();
    let text = both.encode(prompt, 0, &Default::default()).unwrap();
    assert_eq!(text.context.dims(), [1, 77, 64 + 128]);
    assert_close("left", &text.context.narrow(2, 0, 64).unwrap(), &tensor(&file, "l.hidden.2"), LIMIT);
    assert_close("right", &text.context.narrow(2, 64, 128).unwrap(), &tensor(&file, "g.hidden.2"), LIMIT);
    assert_close("pooled", &text.pooled.unwrap(), &tensor(&file, "pooled"), LIMIT);

    let mut lacking = seeded::tensors(&file.metadata()["g"]);
    lacking.remove("text_projection.weight");
    let message = ClipText::load_open(&Tensors::from_map("g", lacking), DType::F32, &Device::Cpu);
    assert_eq!(
        message.unwrap_err().to_string(),
        "g: the tensor `text_projection.weight` is missing, expected the shape [any, 128]"
    );
}
