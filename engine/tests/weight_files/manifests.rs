//! The layouts that are found on people's disks, where the list of them is at hand.

use std::collections::{BTreeMap, BTreeSet};

use engine::families::identify;
use engine::weights::View;
use serde_json::Value;

use super::{Folder, hollow};

/// What every layout is, by the name of its list.
const LAYOUTS: &[(&str, &str)] = &[
    ("animatediff_mm_sd_v15", "an AnimateDiff v1 motion module for SD1.5 (24 frames)"),
    ("animatediff_mm_sd_v15_v2", "an AnimateDiff v2 motion module for SD1.5 (32 frames)"),
    ("animatediff_mm_sdxl_v10_beta", "an AnimateDiff-SDXL motion module for SDXL (32 frames)"),
    ("animatediff_mm_v2_ddp_prefix", "an AnimateDiff v2 motion module for SD1.5 (32 frames)"),
    ("animatediff_v2_motion_lora", "an AnimateDiff motion LoRA"),
    ("animatediff_v3_sd15_adapter", "a LoRA for SD1.5"),
    ("animatediff_v3_sd15_mm", "an AnimateDiff v3 motion module for SD1.5 (32 frames)"),
    ("animatelcm_sd15_t2v", "an AnimateLCM motion module for SD1.5"),
    ("annot_depth_anything_v2_vitb", "a Depth-Anything model"),
    ("annot_depth_anything_v2_vitl", "a Depth-Anything model"),
    ("annot_depth_anything_v2_vits", "a Depth-Anything model"),
    ("annot_hed", "a HED edge detector"),
    ("annot_lineart_anime", "an anime line-art detector"),
    ("annot_lineart_sk_model", "a line-art detector"),
    ("annot_midas_dpt_hybrid", "a MiDaS depth model"),
    ("controlnet_sd15_diffusers", "a ControlNet for SD1.5"),
    ("controlnet_sd15_ldm", "a ControlNet for SD1.5"),
    ("controlnet_sd15_ldm_v_difference", "a ControlNet for SD1.5 (stored as a difference)"),
    ("controlnet_sd15_ldm_v_fullpth", "a ControlNet for SD1.5"),
    ("controlnet_sd15_ldm_v_noprefix", "a ControlNet for SD1.5"),
    ("controlnet_sdxl_diffusers", "a ControlNet for SDXL"),
    ("controlnet_sdxl_diffusers_mid", "a ControlNet for SDXL"),
    ("controlnet_sdxl_diffusers_small", "a ControlNet for SDXL"),
    ("controlnet_sdxl_union", "a union ControlNet for SDXL"),
    ("diffusers_motion_adapter_sdxl_beta", "an AnimateDiff-SDXL motion module for SDXL (32 frames)"),
    ("diffusers_motion_adapter_v15", "an AnimateDiff v1 motion module for SD1.5 (24 frames)"),
    ("diffusers_motion_adapter_v15_2", "an AnimateDiff v2 motion module for SD1.5 (32 frames)"),
    ("diffusers_motion_adapter_v15_3", "an AnimateDiff v3 motion module for SD1.5 (32 frames)"),
    ("hotshotxl_temporal_layers", "a Hotshot-XL motion module for SDXL (24 frames)"),
    ("lora_diffusers_attnproc_sd15", "a LoRA for SD1.5"),
    ("lora_diffusers_attnproc_sdxl", "a LoRA for SDXL"),
    ("lora_diffusers_peft_sd15", "a LoRA for SD1.5"),
    ("lora_diffusers_peft_sdxl", "a LoRA for SDXL"),
    ("lora_kohya_sd15", "a LoRA for SD1.5"),
    ("lora_kohya_sd15_locon", "a LoRA for SD1.5"),
    ("lora_kohya_sd15_v_noalpha", "a LoRA for SD1.5"),
    ("lora_kohya_sd15_v_unetonly", "a LoRA for SD1.5"),
    ("lora_kohya_sdxl", "a LoRA for SDXL"),
    ("sd15_diffusers_text_encoder", "a CLIP-L text encoder (width 768)"),
    ("sd15_diffusers_text_encoder_v_tf5", "a CLIP-L text encoder (width 768)"),
    ("sd15_diffusers_unet", "an SD1.5 UNet file without VAE and text encoder"),
    ("sd15_diffusers_vae", "a VAE with 4 latent channels"),
    ("sd15_diffusers_vae_v_oldattn", "a VAE with 4 latent channels"),
    ("sd15_ldm_checkpoint", "an SD1.5 checkpoint"),
    ("sd15_ldm_checkpoint_v_ema", "an SD1.5 checkpoint"),
    ("sd15_ldm_checkpoint_v_minimal", "an SD1.5 checkpoint"),
    ("sd15_ldm_checkpoint_v_notextmodel", "an SD1.5 checkpoint"),
    ("sd15_ldm_unet_only", "an SD1.5 checkpoint without VAE and text encoder"),
    ("sd15_ldm_unet_only_v_noprefix", "an SD1.5 UNet file without VAE and text encoder"),
    ("sd21_ldm_checkpoint", "an SD2 checkpoint, which is not supported"),
    ("sdxl_diffusers_text_encoder", "a CLIP-L text encoder (width 768)"),
    ("sdxl_diffusers_text_encoder_2", "an OpenCLIP bigG text encoder (width 1280)"),
    ("sdxl_diffusers_unet", "an SDXL UNet file without VAE and text encoders"),
    ("sdxl_diffusers_vae", "a VAE with 4 latent channels"),
    ("sdxl_ldm_checkpoint", "an SDXL checkpoint"),
    ("sdxl_ldm_checkpoint_v_trained", "an SDXL checkpoint"),
    ("sdxl_ldm_unet_only", "an SDXL checkpoint without VAE and text encoders"),
    ("sdxl_refiner_ldm_checkpoint", "an SDXL refiner checkpoint, which is not supported"),
    ("sparsectrl_rgb_diffusers", "an AnimateDiff SparseCtrl (RGB) for SD1.5 (32 frames)"),
    ("sparsectrl_scribble_diffusers", "an AnimateDiff SparseCtrl (scribble) for SD1.5 (32 frames)"),
    ("v3_sd15_sparsectrl_rgb", "an AnimateDiff SparseCtrl (RGB) for SD1.5 (32 frames)"),
    ("v3_sd15_sparsectrl_scribble", "an AnimateDiff SparseCtrl (scribble) for SD1.5 (32 frames)"),
    ("vae_ldm_standalone", "a VAE with 4 latent channels"),
];

/// The names of all layouts.
pub fn every_layout() -> impl Iterator<Item = &'static str> {
    LAYOUTS.iter().map(|(name, _)| *name)
}

/// Names and shapes of a layout.
pub type Tensors = Vec<(String, Vec<usize>)>;

fn tensors(manifest: &Value) -> Tensors {
    serde_json::from_value(manifest["tensors"].clone()).unwrap()
}

/// The names and shapes of one layout.
pub fn layout(name: &str) -> Tensors {
    tensors(&testing::manifests()[&format!("{name}.json")])
}

/// The same, as files are written from them.
pub fn borrowed(tensors: &Tensors) -> Vec<(&str, &[usize])> {
    tensors.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect()
}

#[test]
fn every_layout_is_named() {
    let folder = Folder::new();
    let known: BTreeMap<&str, &str> = LAYOUTS.iter().copied().collect();
    let mut seen = 0;
    for (file, manifest) in testing::manifests().iter().filter(|(file, _)| !file.starts_with("maps/")) {
        let name = file.trim_end_matches(".json");
        let file = hollow(&folder, "layout.safetensors", &borrowed(&tensors(manifest)));
        assert_eq!(Some(identify(&file).description.as_str()), known.get(name).copied(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, LAYOUTS.len());
}

/// Names of a view with their shapes; 1x1 convolutions and linear layers count as the same.
fn shapes(view: &View) -> BTreeSet<(String, Vec<usize>)> {
    view.shapes()
        .map(|(name, shape)| match shape {
            [out, channels, 1, 1] => (name.to_owned(), vec![*out, *channels]),
            _ => (name.to_owned(), shape.to_vec()),
        })
        .collect()
}

#[test]
fn every_spelling_of_a_network_gives_the_same_view() {
    let folder = Folder::new();
    type Reader = fn(std::sync::Arc<engine::weights::TensorFile>) -> View;
    let groups: [(Reader, &[&str]); 12] = [
        (
            View::unet,
            &[
                "sd15_ldm_checkpoint",
                "sd15_diffusers_unet",
                "sd15_ldm_unet_only_v_noprefix",
                "sd15_ldm_checkpoint_v_ema",
            ],
        ),
        (View::unet, &["sdxl_ldm_checkpoint", "sdxl_diffusers_unet"]),
        (
            View::vae,
            &[
                "sd15_ldm_checkpoint",
                "sd15_diffusers_vae",
                "sd15_diffusers_vae_v_oldattn",
                "sdxl_ldm_checkpoint",
                "vae_ldm_standalone",
            ],
        ),
        (
            View::text,
            &[
                "sd15_ldm_checkpoint",
                "sd15_ldm_checkpoint_v_notextmodel",
                "sd15_diffusers_text_encoder",
                "sd15_diffusers_text_encoder_v_tf5",
                "sdxl_ldm_checkpoint",
            ],
        ),
        (View::text_2, &["sdxl_ldm_checkpoint", "sdxl_diffusers_text_encoder_2"]),
        (
            View::control,
            &[
                "controlnet_sd15_ldm",
                "controlnet_sd15_diffusers",
                "controlnet_sd15_ldm_v_difference",
                "controlnet_sd15_ldm_v_fullpth",
                "controlnet_sd15_ldm_v_noprefix",
            ],
        ),
        (View::motion, &["animatediff_mm_sd_v15", "diffusers_motion_adapter_v15"]),
        (
            View::motion,
            &["animatediff_mm_sd_v15_v2", "diffusers_motion_adapter_v15_2", "animatediff_mm_v2_ddp_prefix"],
        ),
        (View::motion, &["animatediff_mm_sdxl_v10_beta", "diffusers_motion_adapter_sdxl_beta"]),
        (
            View::motion,
            &["v3_sd15_sparsectrl_rgb", "sparsectrl_rgb_diffusers", "sparsectrl_scribble_diffusers"],
        ),
        (View::control, &["v3_sd15_sparsectrl_scribble", "sparsectrl_scribble_diffusers"]),
        (View::control, &["v3_sd15_sparsectrl_rgb", "sparsectrl_rgb_diffusers"]),
    ];
    for (reader, names) in groups {
        let read = |name: &str| shapes(&reader(hollow(&folder, name, &borrowed(&layout(name)))));
        let first = read(names[0]);
        assert!(first.len() > 100, "{}: {} tensors", names[0], first.len());
        for name in &names[1..] {
            let other = read(name);
            let (lacks, extra) = (first.difference(&other).next(), other.difference(&first).next());
            assert_eq!((lacks, extra), (None, None), "{name} against {}", names[0]);
        }
    }
}

#[test]
fn names_are_those_of_the_tables() {
    let folder = Folder::new();
    type Reader = fn(std::sync::Arc<engine::weights::TensorFile>) -> View;
    let cases: [(&str, &str, Reader); 4] = [
        ("sd15_unet", "sd15_diffusers_unet", View::unet),
        ("sdxl_unet", "sdxl_diffusers_unet", View::unet),
        ("sd15_controlnet", "controlnet_sd15_diffusers", View::control),
        ("vae", "sd15_diffusers_vae", View::vae),
    ];
    for (table, name, reader) in cases {
        let table = &testing::manifests()[&format!("maps/{table}.json")];
        let rules = table["rules"].as_array().unwrap();
        // One tensor at a time, so that a name is followed and not only the set of names; the rest is there for the plan.
        let all = layout(name);
        let marked: Tensors = all
            .iter()
            .enumerate()
            .map(|(i, (name, shape))| (name.clone(), [shape.as_slice(), &[i + 1]].concat()))
            .collect();
        let file = hollow(&folder, "marked.safetensors", &borrowed(&marked));
        let view = reader(file.clone());
        assert_eq!(view.len(), rules.len(), "{name}");
        for rule in rules {
            let (ldm, diffusers) = (rule[0].as_str().unwrap(), rule[1].as_str().unwrap());
            assert_eq!(view.shape(ldm), file.shape(diffusers), "{ldm} is {diffusers}");
        }
    }
}

/// Every layout cut off, with a tensor missing, with a tensor of another shape and with noise in its header: a sentence
/// or another description, never a panic, and none that still fits.
#[test]
fn every_layout_can_be_damaged() {
    let folder = Folder::new();
    for (name, description) in LAYOUTS {
        let tensors = layout(name);
        let path = hollow(&folder, name, &borrowed(&tensors)).path().to_path_buf();
        let whole = std::fs::metadata(&path).unwrap().len();
        let cut = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        cut.set_len(whole - 1).unwrap();
        let sentence = super::sentence(&path);
        assert!(
            sentence.contains(name) && sentence.contains("the file is cut off: the tensor `"),
            "{sentence}"
        );
        cut.set_len(100).unwrap();
        assert!(super::sentence(&path).contains("cut off inside its header"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8..].fill(b'x');
        bytes[..8].copy_from_slice(&50u64.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        assert!(super::sentence(&path).contains("header is not readable"));
        std::fs::remove_file(&path).unwrap();

        let spoilt: Tensors = tensors.iter().map(|(name, _)| (name.clone(), vec![3])).collect();
        let mut variants = vec![("shapes", spoilt)];
        for missing in (0..tensors.len()).step_by(tensors.len().div_ceil(3)) {
            let rest = tensors.iter().enumerate().filter(|(number, _)| *number != missing);
            variants.push(("missing", rest.map(|(_, tensor)| tensor.clone()).collect()));
        }
        for (how, tensors) in variants {
            let file = hollow(&folder, "variant.safetensors", &borrowed(&tensors));
            let identity = identify(&file);
            assert!(!identity.description.is_empty() && !identity.fits().is_empty());
            let whole = description.contains("UNet") || description.contains("checkpoint");
            if how == "shapes" && whole && !description.contains("SD2") {
                assert!(identity.require_checkpoint(&file).is_err(), "{name}: {}", identity.description);
            }
            for view in [View::unet, View::control, View::vae, View::text, View::text_2, View::motion] {
                let view = view(file.clone());
                assert!(view.shapes().count() == view.len());
            }
        }
    }
}
