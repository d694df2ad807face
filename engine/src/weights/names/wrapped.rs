//! Removal of name prefixes that do not identify a network: training code and programs store a network in an
//! attribute (`model.`, `net.`, `unet.`), in a wrapper of distributed training or a compiler (`module.`,
//! `_orig_mod.`), or the state dict in another dict (`state_dict.`).
//!
//! Leading components of a name are removed one at a time until the rest begins like a network's name. Names that
//! already begin like that are not changed, nor are names for which this never happens.

use std::collections::{BTreeMap, BTreeSet};

use super::super::is_lora_name;

/// Beginnings of names of the supported networks and of the parts of a checkpoint.
const BEGINNINGS: [&str; 53] = [
    "model.diffusion_model.",
    "first_stage_model.",
    "cond_stage_model.",
    "conditioner.embedders.",
    "control_model.",
    "model_ema.",
    // UNet and ControlNet
    "input_blocks.",
    "middle_block.",
    "middle_block_out.",
    "output_blocks.",
    "out.",
    "time_embed.",
    "label_emb.",
    "zero_convs.",
    "input_hint_block.",
    "conv_in.",
    "conv_out.",
    "conv_norm_out.",
    "time_embedding.",
    "add_embedding.",
    "class_embedding.",
    "down_blocks.",
    "up_blocks.",
    "mid_block.",
    "controlnet_",
    "control_add_embedding.",
    "transformer_layes.",
    "spatial_ch_projs.",
    // VAE and text encoders
    "encoder.",
    "decoder.",
    "quant_conv.",
    "post_quant_conv.",
    "text_model.",
    "embeddings.",
    "final_layer_norm.",
    "text_projection",
    "transformer.resblocks.",
    "token_embedding.",
    "positional_embedding",
    "ln_final.",
    // Preprocessor networks for hints
    "pretrained.",
    "depth_head.",
    "scratch.",
    "block1.",
    "block2.",
    "block3.",
    "block4.",
    "block5.",
    "model0.",
    "model1.",
    "model2.",
    "model3.",
    "model4.",
];

/// Additional beginnings of names in LoRA files.
const LORA_BEGINNINGS: [&str; 8] = [
    "lora_",
    "lycoris_",
    "unet.",
    "te_",
    "text_encoder.",
    "text_encoder_2.",
    "text_encoders.",
    "diffusion_model.",
];

/// Components that are removed if they lead to the beginning of a network's name.
const WRAPPERS: [&str; 27] = [
    "state_dict",
    "model_state_dict",
    "params",
    "unet",
    "unet3d",
    "animatediff",
    "model",
    "models",
    "diffusion_model",
    "net",
    "network",
    "controlnet",
    "control_net",
    "vae",
    "autoencoder",
    "text_encoder",
    "text_encoder_2",
    "text_encoders",
    "clip_l",
    "clip_g",
    "transformer",
    "motion_module",
    "motion_modules",
    "motion_adapter",
    "motion_model",
    "generator",
    "pipe",
];

/// Components that are removed anywhere in a name.
const NOWHERE: [&str; 2] = ["_orig_mod", "module"];

/// Components that are never removed, even if every name begins with them: they identify another network.
const TELLING: [&str; 5] = ["vision_model", "visual", "image_encoder", "image_proj", "vision_tower"];

/// The subfolder of a diffusers checkpoint that a wrapper corresponds to, for files with several networks.
fn folder(wrapper: &str) -> Option<&'static str> {
    match wrapper {
        "unet" | "diffusion_model" => Some("unet"),
        "vae" => Some("vae"),
        "text_encoder" | "clip_l" => Some("text_encoder"),
        "text_encoder_2" | "clip_g" => Some("text_encoder_2"),
        _ => None,
    }
}

/// New names for the wrapped tensors of a file, by their names in the file.
pub fn unwrapped<'a>(names: impl Iterator<Item = &'a str> + Clone) -> BTreeMap<String, String> {
    let lora = names.clone().any(is_lora_name);
    let plain: Vec<(&str, String)> = names.clone().map(|name| (name, without_nowhere(name))).collect();
    let shared = shared(&plain);
    // The network of the innermost wrapper that identifies one, and the rest of the name.
    let found: Vec<Option<Bare<'_>>> = plain.iter().map(|(_, name)| bare(name, &shared, lora)).collect();
    // Names outside of the networks (`v_pred`, noise schedule tables) lose the wrappers that all names share.
    let common = found.iter().flatten().map(|bare| bare.wrappers).min().unwrap_or(0).min(shared.len());
    let bare: Vec<(Option<&'static str>, Option<&str>)> = (plain.iter().zip(&found))
        .map(|((_, name), found)| match found {
            Some(bare) => (bare.network, Some(bare.name)),
            None => (None, name.splitn(common + 1, '.').nth(common)),
        })
        .collect();
    let folders: BTreeSet<&str> = bare.iter().filter_map(|(network, _)| *network).collect();
    let parts = ["first_stage_model.", "cond_stage_model.", "conditioner.embedders."];
    let checkpoint = bare.iter().filter_map(|(_, name)| *name);
    let checkpoint = checkpoint.into_iter().any(|name| parts.iter().any(|part| name.starts_with(part)));
    let several = folders.len() > 1;
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    for ((stored, plain), (network, bare)) in plain.iter().zip(&bare) {
        let name = match (network, bare) {
            (Some("unet"), Some(name)) if checkpoint => format!("model.diffusion_model.{name}"),
            (Some(network), Some(name)) if several => format!("{network}/{name}"),
            (_, Some(name)) => (*name).to_owned(),
            (_, None) => plain.clone(),
        };
        if name != *stored {
            renamed.insert((*stored).to_owned(), name);
        }
    }
    // If two names would become the same, neither is changed.
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names.clone() {
        *uses.entry(renamed.get(name).map_or(name, String::as_str)).or_default() += 1;
    }
    let clashing: BTreeSet<String> =
        uses.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name.to_owned()).collect();
    renamed.retain(|_, name| !clashing.contains(name));
    renamed
}

/// A name without the components in [`NOWHERE`].
fn without_nowhere(name: &str) -> String {
    let mut words = name.split('.').collect::<Vec<_>>();
    let last = words.pop().unwrap_or_default();
    words.retain(|word| !NOWHERE.contains(word));
    words.push(last);
    words.join(".")
}

/// The leading components that all names share.
fn shared(names: &[(&str, String)]) -> Vec<String> {
    let words = |name: &str| name.split('.').map(str::to_owned).collect::<Vec<_>>();
    let Some((_, first)) = names.first() else { return Vec::new() };
    let mut shared = words(first);
    shared.pop();
    for (_, name) in names {
        let same = shared.iter().zip(name.split('.')).take_while(|(a, b)| a.as_str() == *b).count();
        shared.truncate(same);
    }
    shared
}

fn begins(name: &str, lora: bool) -> bool {
    // The anime line art network has numbers after `model.model.`, a wrapped checkpoint has
    // `model.model.diffusion_model.`.
    let numbered = |start: &str| {
        name.strip_prefix(start).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    // In LoRA files, `unet.` prefixes the UNet's layers; before another known beginning it is a wrapper.
    if lora
        && name.strip_prefix("unet.").is_some_and(|rest| LORA_BEGINNINGS.iter().any(|s| rest.starts_with(s)))
    {
        return false;
    }
    numbered("model.model.")
        || BEGINNINGS.iter().any(|start| name.starts_with(start))
        // Whole names of single tensors: of a union ControlNet, of HED, and of ControlNets stored as differences.
        || matches!(name, "task_embedding" | "norm" | "difference")
        || (lora && LORA_BEGINNINGS.iter().any(|start| name.starts_with(start)))
}

/// A name without its wrappers.
struct Bare<'a> {
    /// The diffusers subfolder of the innermost wrapper that identifies a network.
    network: Option<&'static str>,
    /// The rest of the name, which begins like a network's.
    name: &'a str,
    /// Number of components removed.
    wrappers: usize,
}

/// Removes the wrappers of a name; `None` if the rest never begins like a network's name.
fn bare<'a>(name: &'a str, shared: &[String], lora: bool) -> Option<Bare<'a>> {
    let (mut rest, mut network) = (name, None);
    for wrappers in 0.. {
        if begins(rest, lora) {
            return Some(Bare { network, name: rest, wrappers });
        }
        let (word, behind) = rest.split_once('.')?;
        // A component that all names share does not distinguish networks.
        let common = shared.get(wrappers).is_some_and(|shared| shared == word);
        if TELLING.contains(&word) || !(common || WRAPPERS.contains(&word)) {
            return None;
        }
        network = folder(word).filter(|_| !common).or(network);
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn become_(names: &[&str], want: &[&str]) {
        let renamed = unwrapped(names.iter().copied());
        let got: Vec<&str> =
            names.iter().map(|name| renamed.get(*name).map_or(*name, String::as_str)).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn wrappers_are_seen_through() {
        let plain = ["input_blocks.0.0.weight", "out.2.bias"];
        for wrapper in [
            "module.",
            "state_dict.",
            "unet.",
            "net.",
            "model.",
            "diffusion_model.",
            "state_dict.module.unet._orig_mod.",
            "student.",
            "pipeline.the_net.",
        ] {
            become_(&plain.map(|name| format!("{wrapper}{name}")).each_ref().map(String::as_str), &plain);
        }
        become_(
            &["model.diffusion_model._orig_mod.input_blocks.0.0.weight"],
            &["model.diffusion_model.input_blocks.0.0.weight"],
        );
        become_(
            &["animatediff.down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"],
            &["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"],
        );
        become_(
            &["state_dict.model.diffusion_model.out.0.bias", "state_dict.v_pred", "state_dict.betas"],
            &["model.diffusion_model.out.0.bias", "v_pred", "betas"],
        );
        become_(
            &["model.model.diffusion_model.out.0.bias", "model.first_stage_model.quant_conv.bias"],
            &["model.diffusion_model.out.0.bias", "first_stage_model.quant_conv.bias"],
        );
        become_(
            &["unet.mid_block.to_q_lora.up.weight", "unet.text_encoder.q.lora_linear_layer.up.weight"],
            &["unet.mid_block.to_q_lora.up.weight", "text_encoder.q.lora_linear_layer.up.weight"],
        );
        become_(
            &["net.lora_unet_mid_block.alpha", "net.unet.mid_block.to_q.lora_A.weight"],
            &["lora_unet_mid_block.alpha", "unet.mid_block.to_q.lora_A.weight"],
        );
    }

    #[test]
    fn what_needs_no_unwrapping_stays() {
        for names in [
            &["model.diffusion_model.input_blocks.0.0.weight", "model_ema.decay", "v_pred"][..],
            &["unet.mid_block.to_q.lora_A.weight", "text_encoder.text_model.q.lora_A.weight"],
            &["model.model.1.model.1.weight"],
            &["something.else.weight", "other"],
            // Two names that would become the same.
            &["unet.conv_in.weight", "model.conv_in.weight"],
        ] {
            become_(names, names);
        }
    }

    #[test]
    fn several_networks_of_a_file_are_told_apart() {
        become_(
            &["unet.conv_in.weight", "vae.encoder.conv_in.weight", "text_encoder.text_model.a"],
            &["unet/conv_in.weight", "vae/encoder.conv_in.weight", "text_encoder/text_model.a"],
        );
        become_(
            &[
                "text_encoders.clip_l.transformer.text_model.a",
                "text_encoders.clip_g.transformer.text_model.a",
            ],
            &["text_encoder/text_model.a", "text_encoder_2/text_model.a"],
        );
        become_(
            &["diffusion_model.input_blocks.0.0.weight", "first_stage_model.encoder.conv_in.weight"],
            &["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.encoder.conv_in.weight"],
        );
    }
}
