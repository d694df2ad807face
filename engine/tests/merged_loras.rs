//! LoRAs that are added by the plugin against the same LoRAs merged into the checkpoint by plain sums of this test's own,
//! compared the whole way: text, noise, styled latents.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests convert small numbers"
)]

use testing::request;
use testing::seeded;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use engine::pipeline::{Engine, LoraUse};
use request::{request, run};

type Tensors = HashMap<String, Tensor>;

const STRENGTH: f64 = 0.75;

/// A layer of the checkpoint by its name there, and what diffusers calls it.
struct Layer {
    stored: &'static str,
    diffusers: &'static str,
}

const UNET: [Layer; 6] = [
    Layer {
        stored: "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q",
        diffusers: "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    },
    Layer {
        stored: "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k",
        diffusers: "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k",
    },
    Layer {
        stored: "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_out.0",
        diffusers: "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0",
    },
    Layer {
        stored: "model.diffusion_model.output_blocks.3.1.transformer_blocks.0.ff.net.0.proj",
        diffusers: "up_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj",
    },
    Layer {
        stored: "model.diffusion_model.input_blocks.1.1.proj_in",
        diffusers: "down_blocks.0.attentions.0.proj_in",
    },
    Layer {
        stored: "model.diffusion_model.output_blocks.3.1.proj_out",
        diffusers: "up_blocks.1.attentions.0.proj_out",
    },
];

/// Convolutions of more than a point.
const CONVOLUTIONS: [Layer; 3] = [
    Layer {
        stored: "model.diffusion_model.input_blocks.1.0.in_layers.2",
        diffusers: "down_blocks.0.resnets.0.conv1",
    },
    Layer {
        stored: "model.diffusion_model.input_blocks.3.0.op",
        diffusers: "down_blocks.0.downsamplers.0.conv",
    },
    Layer {
        stored: "model.diffusion_model.middle_block.2.out_layers.3",
        diffusers: "mid_block.resnets.1.conv2",
    },
];

const TEXT: [Layer; 2] = [
    Layer {
        stored: "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj",
        diffusers: "text_model.encoder.layers.0.self_attn.q_proj",
    },
    Layer {
        stored: "cond_stage_model.transformer.text_model.encoder.layers.1.mlp.fc1",
        diffusers: "text_model.encoder.layers.1.mlp.fc1",
    },
];

fn checkpoint() -> Tensors {
    let path = testing::root().join("bundle/models/pocket.safetensors");
    let stored = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    stored.into_iter().map(|(name, tensor)| (name, tensor.to_dtype(DType::F32).unwrap())).collect()
}

fn list(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Numbers that depend on a name, of a size that shows.
fn numbers(name: &str, shape: &[usize]) -> Tensor {
    // The seeded tensors of one axis are biases; those of more are scaled to their rows.
    let count: usize = shape.iter().product();
    (seeded::tensor(name, &[count, 1]).reshape(shape).unwrap() * 0.15).unwrap()
}

/// A low-rank change of a layer: what a file has of it, and the whole change of the weight in f64, by loops over the
/// definition: `sum over r of up[o, r] down[r, i, y, x]`, or with a middle
/// `sum over a and b of up[o, a] mid[a, b, y, x] down[b, i]`.
struct Change {
    parts: Vec<(&'static str, Tensor)>,
    weight: Vec<f64>,
    rank: usize,
}

fn change(stored: &str, shape: &[usize], middle: bool) -> Change {
    const RANK: usize = 3;
    let (out, inner) = (shape[0], shape[1]);
    let kernel: usize = shape[2..].iter().product();
    let [point_down, point_up] = [[RANK, inner], [out, RANK]].map(|pair| {
        let ones = vec![1; shape.len() - 2];
        [pair.as_slice(), ones.as_slice()].concat()
    });
    let up = numbers(&format!("{stored}.up"), &point_up);
    let u = list(&up);
    let mut weight = vec![0.0; out * inner * kernel];
    let mut parts = vec![("up", up)];
    if middle {
        let down = numbers(&format!("{stored}.down"), &point_down);
        let mid = numbers(&format!("{stored}.mid"), &[&[RANK, RANK], &shape[2..]].concat());
        let (d, m) = (list(&down), list(&mid));
        for (index, value) in weight.iter_mut().enumerate() {
            let (o, i, at) = (index / (inner * kernel), index / kernel % inner, index % kernel);
            for a in 0..RANK {
                for b in 0..RANK {
                    *value += u[o * RANK + a] * m[(a * RANK + b) * kernel + at] * d[b * inner + i];
                }
            }
        }
        parts.extend([("down", down), ("mid", mid)]);
    } else {
        let down = numbers(&format!("{stored}.down"), &[&[RANK, inner], &shape[2..]].concat());
        let d = list(&down);
        for (index, value) in weight.iter_mut().enumerate() {
            let (o, rest) = (index / (inner * kernel), index % (inner * kernel));
            *value = (0..RANK).map(|r| u[o * RANK + r] * d[r * inner * kernel + rest]).sum();
        }
        parts.push(("down", down));
    }
    Change { parts, weight, rank: RANK }
}

/// How a file spells its layers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spelling {
    /// `lora_unet_...lora_down.weight`, with an alpha.
    Kohya,
    /// `unet....lora_A.weight`, without.
    Peft,
}

impl Spelling {
    fn name(self, layer: &Layer, part: &str) -> String {
        let text = layer.stored.starts_with("cond_stage_model.");
        match self {
            Self::Kohya => {
                let start = if text { "lora_te_" } else { "lora_unet_" };
                let end = if part == "alpha" { "alpha".into() } else { format!("lora_{part}.weight") };
                format!("{start}{}.{end}", layer.diffusers.replace('.', "_"))
            }
            Self::Peft => {
                let start = if text { "text_encoder." } else { "unet." };
                let end = if part == "down" { "lora_A" } else { "lora_B" };
                format!("{start}{}.{end}.weight", layer.diffusers)
            }
        }
    }
}

/// Writes a LoRA for these layers, and the checkpoint with the same merged in; both paths.
fn write(folder: &Path, spelling: Spelling, layers: &[(&Layer, bool)]) -> [PathBuf; 2] {
    let (mut merged, mut lora) = (checkpoint(), Tensors::new());
    for (layer, middle) in layers {
        let name = format!("{}.weight", layer.stored);
        let base = merged.get(&name).unwrap_or_else(|| panic!("{name} is not there")).clone();
        let change = change(layer.stored, base.dims(), *middle);
        // In kohya's files the change is scaled with alpha over the rank.
        let alpha = if spelling == Spelling::Kohya { 2.0 } else { change.rank as f64 };
        let factor = STRENGTH * alpha / change.rank as f64;
        let sum: Vec<f32> = list(&base)
            .iter()
            .zip(&change.weight)
            .map(|(base, more)| (base + factor * more) as f32)
            .collect();
        merged.insert(name, Tensor::from_vec(sum, base.dims(), &Device::Cpu).unwrap());
        for (part, tensor) in change.parts {
            lora.insert(spelling.name(layer, part), tensor);
        }
        if spelling == Spelling::Kohya {
            lora.insert(spelling.name(layer, "alpha"), Tensor::new(alpha as f32, &Device::Cpu).unwrap());
        }
    }
    [("merged", merged), ("lora", lora)].map(|(name, tensors)| {
        let path = folder.join(format!("{name}.safetensors"));
        candle_core::safetensors::save(&tensors, &path).unwrap();
        path
    })
}

/// Every stage's tensors with a checkpoint (the built-in one without) and LoRAs.
fn stages(folder: &Path, checkpoint: Option<&Path>, lora: Option<&Path>) -> Tensors {
    let mut request = request("a pencil sketch", &folder.join("cache"));
    request.cache.limit = 0;
    request.models.checkpoint = checkpoint.map(Path::to_path_buf);
    let motion = testing::root().join("bundle/models/pocket_motion.safetensors");
    request.models.motion = engine::pipeline::Motion::File(motion);
    request.models.loras =
        lora.into_iter().map(|path| LoraUse { path: path.into(), weight: STRENGTH }).collect();
    request.unsample.positive = request.resample.positive.clone();
    let file = folder.join("stages.safetensors");
    let _ = std::fs::remove_file(&file);
    request.diagnostics = Some(file.clone());
    let outcome = run(&Engine::default(), request).unwrap();
    assert!(outcome.report.notices().is_empty(), "{:?}", outcome.report.notices());
    candle_core::safetensors::load(file, &Device::Cpu).unwrap()
}

/// Relative RMS deviation.
fn deviation(got: &Tensor, want: &Tensor) -> f64 {
    let (got, want) = (list(got), list(want));
    assert_eq!(got.len(), want.len());
    let square: f64 = got.iter().zip(&want).map(|(a, b)| (a - b) * (a - b)).sum();
    (square / want.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

fn compare(spelling: Spelling, layers: &[(&Layer, bool)], text: bool) {
    let folder = tempfile::tempdir().unwrap();
    let [merged, lora] = write(folder.path(), spelling, layers);
    let want = stages(folder.path(), Some(&merged), None);
    let got = stages(folder.path(), None, Some(&lora));
    let plain = stages(folder.path(), None, None);
    for name in ["text.positive", "latents.unsampled", "latents.resampled"] {
        let off = deviation(&got[name], &want[name]);
        let moved = deviation(&plain[name], &want[name]);
        println!("{spelling:?} {name:18} off by {off:.1e}; the LoRA moves it by {moved:.1e}");
        assert!(off < 1e-4, "{spelling:?}: {name} is off by {off:e}");
        if name != "text.positive" || text {
            assert!(moved > 1e-2, "{spelling:?}: the LoRA has no effect on {name} ({moved:e})");
        } else {
            assert!(moved == 0.0, "{spelling:?}: the text changes by {moved:e}");
        }
    }
}

fn plain(layers: &[Layer]) -> impl Iterator<Item = (&Layer, bool)> {
    layers.iter().map(|layer| (layer, false))
}

#[test]
fn kohya() {
    compare(Spelling::Kohya, &plain(&UNET).chain(plain(&TEXT)).collect::<Vec<_>>(), true);
}

#[test]
fn peft() {
    compare(Spelling::Peft, &plain(&UNET[..4]).chain(plain(&TEXT)).collect::<Vec<_>>(), true);
}

#[test]
fn the_unet_alone() {
    compare(Spelling::Peft, &plain(&UNET[..4]).collect::<Vec<_>>(), false);
}

#[test]
fn locon_with_and_without_a_middle() {
    let convolutions = CONVOLUTIONS.iter().enumerate().map(|(number, layer)| (layer, number != 1));
    compare(Spelling::Kohya, &plain(&UNET).chain(convolutions).collect::<Vec<_>>(), false);
}
