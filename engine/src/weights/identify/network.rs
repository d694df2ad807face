//! UNets, checkpoints, ControlNets, VAEs and text encoders: the family is read from a few shapes, under canonical
//! names, so that a file's spelling makes no difference.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Family, Identity, Kind};
use crate::weights::{Predicts, TensorFile, View, predicts};

/// What the shapes of a UNet, or of the half of it that a ControlNet is, say of its family.
enum Found {
    Family {
        family: Family,
        context_width: usize,
    },
    /// A name for what cannot be used.
    Other(String),
    Incomplete,
}

/// Transformer blocks by the number of the input block that they are in.
fn depths(view: &View) -> BTreeMap<usize, usize> {
    let mut depths = BTreeMap::new();
    for name in view.names() {
        let Some(rest) = name.strip_prefix("input_blocks.") else { continue };
        let mut parts = rest.splitn(5, '.');
        let (block, middle) = (parts.next(), (parts.next(), parts.next()));
        if middle != (Some("1"), Some("transformer_blocks")) {
            continue;
        }
        let depth = parts.next().and_then(|depth| depth.parse::<usize>().ok());
        if let (Some(block), Some(depth)) = (block.and_then(|block| block.parse().ok()), depth) {
            let known: &mut usize = depths.entry(block).or_default();
            *known = (*known).max(depth.saturating_add(1));
        }
    }
    depths
}

/// `whole` is for a UNet: a ControlNet may have fewer transformer blocks than its base network, or none.
fn family(view: &View, whole: bool) -> Found {
    let ends = |end: &str| view.shapes().find(|(name, _)| name.ends_with(end)).map(|(_, shape)| shape);
    let pooled = view.shape("label_emb.0.0.weight").and_then(|shape| shape.get(1)).copied();
    let context = ends("attn2.to_k.weight").and_then(|shape| shape.get(1)).copied();
    let linear = view
        .shapes()
        .find(|(name, _)| name.ends_with(".1.proj_in.weight"))
        .is_some_and(|(_, shape)| shape.len() == 2);
    match (pooled, context) {
        (Some(2560), _) => Found::Other("an SDXL refiner".into()),
        (Some(2816), context) => {
            let published = BTreeMap::from([(4, 2), (5, 2), (7, 10), (8, 10)]);
            if whole && depths(view) != published {
                return Found::Other("an SDXL variant of another depth (SSD-1B, Vega or KOALA)".into());
            }
            Found::Family { family: Family::Sdxl, context_width: context.unwrap_or(2048) }
        }
        (Some(width), _) => Found::Other(format!("a network with {width} added conditions")),
        (None, None) => Found::Incomplete,
        (None, Some(1024)) => Found::Other("an SD2".into()),
        (None, Some(768)) => Found::Family { family: Family::Sd15, context_width: 768 },
        (None, Some(_)) if linear => Found::Other("an SD2".into()),
        (None, Some(context_width)) => Found::Family { family: Family::Small, context_width },
    }
}

/// A family with its article, to stand before a noun.
fn article(family: Family, context_width: usize) -> String {
    match family {
        Family::Small => format!("a small (text width {context_width})"),
        _ => format!("an {family}"),
    }
}

/// A checkpoint or a bare UNet, in LDM or diffusers names.
pub fn checkpoint(file: &Arc<TensorFile>) -> Identity {
    let starts = |part: &str| file.names().any(|name| name.starts_with(part));
    let view = View::unet(file.clone());
    let bare = !starts("model.diffusion_model.") && !starts("unet/");
    let what = if bare { "UNet file" } else { "checkpoint" };
    let channels_in = view.shape("input_blocks.0.0.weight").and_then(|shape| shape.get(1)).copied();
    let channels_out = view.shape("out.2.weight").and_then(|shape| shape.first()).copied();
    let incomplete = || Identity::unsupported(format!("an incomplete {what}"));
    let (Some(channels_in), Some(channels_out)) = (channels_in, channels_out) else { return incomplete() };
    let (family, context_width) = match family(&view, true) {
        Found::Family { family, context_width } => (family, context_width),
        Found::Other(found) => {
            return Identity::unsupported(format!("{found} {what}, which is not supported"));
        }
        Found::Incomplete => return incomplete(),
    };
    if channels_in != channels_out {
        let special = if channels_in == 9 { "inpainting " } else { "" };
        let found = article(family, context_width);
        return Identity::unsupported(format!(
            "{found} {special}{what} with {channels_in} input channels, which is not supported"
        ));
    }
    let velocity = match predicts(file) {
        Predicts::Noise => "",
        Predicts::Velocity { .. } => " that predicts velocity",
        Predicts::Other(other) => {
            let found = article(family, context_width);
            return Identity::unsupported(format!(
                "{found} {what} that predicts {other}, which is not supported"
            ));
        }
    };
    let vae = starts("first_stage_model.") || starts("vae/");
    let first = !View::text(file.clone()).is_empty();
    let text = first && (family != Family::Sdxl || !View::text_2(file.clone()).is_empty());
    let encoder = if family == Family::Sdxl { "text encoders" } else { "a text encoder" };
    let lacks = match (vae, text) {
        (true, true) => String::new(),
        (false, true) => " without a VAE".into(),
        (true, false) => format!(" without {encoder}"),
        (false, false) if family == Family::Sdxl => " without VAE and text encoders".into(),
        (false, false) => " without VAE and text encoder".into(),
    };
    Identity::new(
        Kind::Checkpoint { family, context_width, latent_channels: channels_in, vae, text },
        format!("{} {what}{lacks}{velocity}", article(family, context_width)),
    )
}

/// A ControlNet in any spelling.
pub fn control(file: &Arc<TensorFile>) -> Identity {
    let view = View::control(file.clone());
    let union = view.shape("task_embedding").is_some();
    let difference = file.shape("difference").is_some();
    match family(&view, false) {
        Found::Family { family, context_width } => {
            let union_of = if union { "union " } else { "" };
            let stored = if difference { " (stored as a difference)" } else { "" };
            let family_name = match family {
                Family::Small => format!("a small model (text width {context_width})"),
                _ => family.to_string(),
            };
            Identity::new(
                Kind::ControlNet { family, union, difference },
                format!("a {union_of}ControlNet for {family_name}{stored}"),
            )
        }
        Found::Other(found) => {
            Identity::unsupported(format!("a ControlNet for {found} model, which is not supported"))
        }
        Found::Incomplete => Identity::unsupported("an incomplete ControlNet"),
    }
}

/// A VAE on its own.
pub fn vae(file: &Arc<TensorFile>) -> Identity {
    let view = View::vae(file.clone());
    match view.shape("decoder.conv_in.weight").and_then(|shape| shape.get(1)) {
        Some(&latent_channels) => {
            let found = format!("a VAE with {latent_channels} latent channels");
            let starts = |part: &str| file.names().any(|name| name.starts_with(part));
            let text = ["cond_stage_model.", "conditioner.embedders.", "text_encoder/", "text_encoder_2/"];
            let description = if text.into_iter().any(starts) {
                format!("a checkpoint without its UNet ({found}, and a text encoder)")
            } else {
                found
            };
            Identity::new(Kind::Vae { latent_channels }, description)
        }
        None => Identity::unsupported("a VAE without its decoder"),
    }
}

/// Text encoders on their own: one, or both of SDXL.
pub fn text(file: &Arc<TensorFile>) -> Identity {
    let width = |view: View| view.shape("final_layer_norm.weight").and_then(|shape| shape.first().copied());
    let (first, second) = (width(View::text(file.clone())), width(View::text_2(file.clone())));
    match (first, second) {
        (Some(first), Some(second)) if first != second => Identity::new(
            Kind::TextEncoder { width: first },
            format!("two text encoders (widths {first} and {second})"),
        ),
        (Some(1024), _) => Identity::unsupported("a text encoder for SD2, which is not supported"),
        (Some(width), _) | (None, Some(width)) => {
            let name = match width {
                768 => "a CLIP-L text encoder",
                1280 => "an OpenCLIP bigG text encoder",
                _ => "a text encoder",
            };
            Identity::new(Kind::TextEncoder { width }, format!("{name} (width {width})"))
        }
        (None, None) => Identity::unsupported("an incomplete text encoder"),
    }
}
