//! Every network in every layout: loaded from its names and shapes, and refused in a sentence where one of them is not
//! what it should be.
//!
//! Values are not needed for that: a tensor is a single zero, stretched to its shape, so that a network of gigabytes takes
//! megabytes.

use std::collections::BTreeMap;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use engine::families::{Annotator, Family, Kind, identify};
use engine::nn::hints::{Detector, Preprocessor};
use engine::nn::{ClipText, ControlNet, ModelError, MotionModule, Source, UNet, Vae};
use engine::weights::{Lora, Network, TensorFile, View};

use super::manifests::{borrowed, every_layout, layout};
use super::{Folder, hollow};

/// A loaded network.
pub enum Net {
    Unet(Box<UNet>),
    Vae(Box<Vae>),
    Text(Box<ClipText>),
    Motion(Box<MotionModule>),
    Control(Box<ControlNet>),
    Detector(Box<Detector>),
}

/// Loads a network from the view that it asks for.
pub type Load =
    fn(&mut dyn FnMut(View) -> Box<dyn Source>, &Arc<TensorFile>, DType) -> Result<Net, ModelError>;

const CPU: &Device = &Device::Cpu;

fn detector(preprocessor: Preprocessor, source: Box<dyn Source>) -> Result<Net, ModelError> {
    Detector::load(preprocessor, &*source, CPU).map(|net| Net::Detector(Box::new(net)))
}

/// The networks that the effect takes from a file, by what the file is.
pub fn networks(kind: &Kind) -> Vec<(&'static str, Load)> {
    let unet: (_, Load) = ("UNet", |of, file, dtype| {
        UNet::load(&*of(View::unet(file.clone())), dtype, CPU).map(|net| Net::Unet(Box::new(net)))
    });
    let vae: (_, Load) = ("VAE", |of, file, _| {
        Vae::load(&*of(View::vae(file.clone())), DType::F32, CPU).map(|net| Net::Vae(Box::new(net)))
    });
    let text: (_, Load) = ("CLIP-L", |of, file, _| {
        ClipText::load(&*of(View::text(file.clone())), DType::F32, CPU).map(|net| Net::Text(Box::new(net)))
    });
    let text_2: (_, Load) = ("bigG", |of, file, _| {
        ClipText::load_open(&*of(View::text_2(file.clone())), DType::F32, CPU)
            .map(|net| Net::Text(Box::new(net)))
    });
    match kind {
        Kind::Checkpoint { family, vae: has_vae, text: has_text, .. } => {
            let mut all = vec![unet];
            all.extend(has_vae.then_some(vae));
            all.extend(has_text.then_some(text));
            all.extend((*has_text && *family == Family::SDXL).then_some(text_2));
            all
        }
        Kind::Vae { .. } => vec![vae],
        Kind::TextEncoder { width: 768, .. } => vec![text],
        Kind::TextEncoder { .. } => vec![text_2],
        Kind::MotionModule { .. } => vec![("motion module", |of, file, dtype| {
            MotionModule::load(&*of(View::motion(file.clone())), dtype, CPU)
                .map(|net| Net::Motion(Box::new(net)))
        })],
        Kind::ControlNet { .. } => vec![("ControlNet", |of, file, dtype| {
            ControlNet::load(&*of(View::control(file.clone())), dtype, CPU)
                .map(|net| Net::Control(Box::new(net)))
        })],
        Kind::SparseCtrl { .. } => vec![("SparseCtrl", |of, file, dtype| {
            let [control, motion] = [View::control, View::motion].map(|view| of(view(file.clone())));
            ControlNet::load_sparse(&*control, &*motion, dtype, CPU).map(|net| Net::Control(Box::new(net)))
        })],
        Kind::Annotator(Annotator::Lineart) => vec![("lineart", |of, file, _| {
            detector(Preprocessor::Lineart, of(View::annotator(file.clone())))
        })],
        Kind::Annotator(Annotator::Hed) => vec![("softedge", |of, file, _| {
            detector(Preprocessor::SoftEdge, of(View::annotator(file.clone())))
        })],
        Kind::Annotator(Annotator::DepthAnything) => {
            vec![("depth", |of, file, _| detector(Preprocessor::Depth, of(View::annotator(file.clone()))))]
        }
        _ => Vec::new(),
    }
}

/// Names and shapes with zeros for values.
#[derive(Clone)]
struct Outline {
    origin: String,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Outline {
    fn of(view: &View) -> Self {
        let shapes = view.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec()));
        Self { origin: view.origin(), shapes: shapes.collect() }
    }
}

impl Source for Outline {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.shapes.get(name).cloned()
    }

    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError> {
        let zeros = Tensor::zeros((), dtype, device)?.broadcast_as(self.shapes[name].as_slice())?;
        // These are used up while the network is loaded.
        Ok(if name.starts_with("control_add_embedding.") { zeros.contiguous()? } else { zeros })
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.shapes.keys().map(String::as_str))
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }
}

/// What a network can do without: position tables can be computed, and a union is run without being told what it sees.
fn optional(name: &str) -> bool {
    let union = ["task_embedding", "transformer_layes.", "spatial_ch_projs."];
    name.ends_with("pos_encoder.pe") || union.iter().any(|part| name.starts_with(part))
}

/// Loads a network from the outline of its file with one tensor, by its number among all that the network asks for,
/// changed by `change`; the tensor's name, and what came of it.
fn damaged(
    file: &Arc<TensorFile>,
    load: Load,
    at: usize,
    change: impl Fn(&mut Outline, &str),
) -> Option<(String, Result<Net, ModelError>)> {
    let (mut passed, mut found) = (0, None);
    let net = load(
        &mut |view| {
            let mut outline = Outline::of(&view);
            let needed: Vec<String> = outline.shapes.keys().filter(|name| !optional(name)).cloned().collect();
            if found.is_none() && at < passed + needed.len() {
                change(&mut outline, &needed[at - passed]);
                found = Some(needed[at - passed].clone());
            }
            passed += needed.len();
            Box::new(outline)
        },
        file,
        DType::F32,
    );
    found.map(|name| (name, net))
}

/// What a refusal has to be: one sentence that names the file.
fn assert_sentence(file: &str, name: &str, message: &str) {
    let shown = !message.contains('\n') && message.contains(file) && message.len() < 400;
    assert!(shown, "{file}, {name}: {message}");
}

#[test]
fn every_network_of_every_layout_loads_and_says_what_it_lacks() {
    // The memory that is measured is the process's, and other tests take some as well.
    const ALONE: &str = "UNSAMPLE_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "networks::every_network_of_every_layout_loads_and_says_what_it_lacks";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let status = child.args(["--exact", name, "--nocapture"]).env(ALONE, "1").status().unwrap();
        assert!(status.success());
        return;
    }
    let folder = Folder::new();
    let before = peak();
    for name in every_layout() {
        let file = hollow(&folder, name, &borrowed(&layout(name)));
        let identity = identify(&file);
        let mut row = Vec::new();
        for (network, load) in networks(&identity.kind) {
            let mut count = 0;
            let whole = load(
                &mut |view| {
                    let outline = Outline::of(&view);
                    count += outline.shapes.keys().filter(|name| !optional(name)).count();
                    Box::new(outline)
                },
                &file,
                DType::F32,
            );
            if let Err(error) = whole {
                panic!("{name}, {network}: {error}");
            }
            // Another sixth of them at every layout.
            let mut silent = Vec::new();
            for at in (0..count).step_by(count.div_ceil(6)).chain([count - 1]) {
                let missing = |outline: &mut Outline, tensor: &str| drop(outline.shapes.remove(tensor));
                let wrong = |outline: &mut Outline, tensor: &str| {
                    outline.shapes.get_mut(tensor).unwrap().insert(0, 3);
                };
                for (how, (tensor, net)) in [
                    ("missing", damaged(&file, load, at, missing).unwrap()),
                    ("wrong", damaged(&file, load, at, wrong).unwrap()),
                ] {
                    match net {
                        Ok(_) => silent.push(format!("{how} {tensor}")),
                        Err(error) => {
                            let message = error.to_string();
                            assert_sentence(name, &tensor, &message);
                            let says = message.contains(&tensor) || how == "missing";
                            assert!(says, "{name}, {tensor}: {message}");
                        }
                    }
                }
            }
            assert!(silent.is_empty(), "{name}, {network}: {silent:?}");
            row.push(format!("{network} ({count} tensors)"));
        }
        let lora = matches!(identity.kind, Kind::Lora { .. } | Kind::MotionLora);
        if lora {
            row.push(format!("changes {} tensors", changed(&folder, &file).unwrap()));
            damage_lora(&folder, name);
        }
        println!("{name:36} {:58} {}", identity.description, row.join(", "));
        let unused = matches!(identity.kind, Kind::Unsupported | Kind::Annotator(_));
        assert!(!row.is_empty() || unused, "{name}: nothing is loaded from it");
    }
    let grown = peak() - before;
    assert!(grown < 1 << 30, "it took {grown} bytes");
}

/// The most memory that this process had, in bytes; 0 where the system does not say.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).unwrap_or(0) << 10
}

/// The networks that a LoRA can change.
fn bases(folder: &Folder, kind: &Kind) -> Vec<(Network, View)> {
    let base = |name: &str| hollow(folder, &format!("base {name}"), &borrowed(&layout(name)));
    match kind {
        Kind::MotionLora => vec![(Network::Motion, View::motion(base("animatediff_mm_sd_v15_v2")))],
        Kind::Lora { family: Some(family) } if *family == Family::SDXL => {
            let file = base("sdxl_ldm_checkpoint");
            vec![
                (Network::Unet, View::unet(file.clone())),
                (Network::Text, View::text(file.clone())),
                (Network::Text2, View::text_2(file)),
            ]
        }
        _ => {
            let file = base("sd15_ldm_checkpoint");
            vec![(Network::Unet, View::unet(file.clone())), (Network::Text, View::text(file))]
        }
    }
}

/// How many tensors a LoRA changes.
fn changed(folder: &Folder, file: &Arc<TensorFile>) -> Result<usize, String> {
    let kind = identify(file).kind;
    let lora = Arc::new(Lora::open(file.clone()).map_err(|error| error.to_string())?);
    let mut count = 0;
    for (network, view) in bases(folder, &kind) {
        let view = view.with_loras(network, &[(lora.clone(), 1.0)]).map_err(|error| error.to_string())?;
        count += view.touched().count();
    }
    Ok(count)
}

/// A LoRA with half of a pair missing, and with a pair for a layer of another width.
fn damage_lora(folder: &Folder, name: &str) {
    let tensors = layout(name);
    let pairs: Vec<usize> = (0..tensors.len()).filter(|at| tensors[*at].1.len() > 1).collect();
    for at in pairs.iter().copied().step_by(pairs.len().div_ceil(4)) {
        let mut lacking = tensors.clone();
        lacking.remove(at);
        let mut wide = tensors.clone();
        wide[at].1[0] += 1;
        for damaged in [lacking, wide] {
            let file = hollow(folder, name, &borrowed(&damaged));
            let message = changed(folder, &file).unwrap_err();
            assert_sentence(name, &tensors[at].0, &message);
        }
    }
}
