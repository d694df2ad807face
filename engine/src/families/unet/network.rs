//! Identifies UNets, checkpoints, ControlNets, VAEs and text encoders. The family follows from a few shapes under
//! canonical names, so the naming in the file does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{UNETS, UnetFamily};
use crate::families::{Identity, Kind};
use crate::weights::{Predicts, TensorFile, View, predicts};

/// The shapes of a UNet, or of the encoder half that a ControlNet copies, that determine its family.
pub struct UnetShapes {
    /// Width of the added conditioning, for networks that have one.
    pub pooled: Option<usize>,
    /// Width of the text conditioning.
    pub context: Option<usize>,
    /// Whether the transformer blocks' projections are linear layers instead of convolutions.
    pub linear: bool,
    /// Number of transformer blocks, by the index of the input block that contains them.
    pub depths: BTreeMap<usize, usize>,
    /// Whether it is a complete UNet: a ControlNet may have fewer transformer blocks than its base network, or none.
    pub whole: bool,
}

/// A family's answer about the shapes of a UNet.
pub enum Claim {
    /// They belong to this family, with text conditioning of this width.
    Mine {
        /// Width of the text conditioning.
        context_width: usize,
    },
    /// They belong to a variant that is not supported; its name with an article.
    Relative(String),
    /// They belong to another family.
    No,
}

/// The result of asking all families.
enum FamilyMatch {
    Family {
        unet: &'static UnetFamily,
        context_width: usize,
    },
    /// The name of an unsupported model.
    Other(String),
    Incomplete,
}

/// Number of transformer blocks, by the index of the input block that contains them.
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

/// Asks one family after the other.
fn family(view: &View, whole: bool) -> FamilyMatch {
    let ends = |end: &str| view.shapes().find(|(name, _)| name.ends_with(end)).map(|(_, shape)| shape);
    let shapes = UnetShapes {
        pooled: view.shape("label_emb.0.0.weight").and_then(|shape| shape.get(1)).copied(),
        context: ends("attn2.to_k.weight").and_then(|shape| shape.get(1)).copied(),
        linear: view
            .shapes()
            .find(|(name, _)| name.ends_with(".1.proj_in.weight"))
            .is_some_and(|(_, shape)| shape.len() == 2),
        depths: depths(view),
        whole,
    };
    for unet in UNETS {
        match (unet.claims)(&shapes) {
            Claim::Mine { context_width } => return FamilyMatch::Family { unet, context_width },
            Claim::Relative(found) => return FamilyMatch::Other(found),
            Claim::No => {}
        }
    }
    FamilyMatch::Incomplete
}

/// Identifies a checkpoint or a bare UNet, in LDM or diffusers naming.
pub fn checkpoint(file: &Arc<TensorFile>) -> Identity {
    let starts = |part: &str| file.names().any(|name| name.starts_with(part));
    let view = View::unet(file.clone());
    let bare = !starts("model.diffusion_model.") && !starts("unet/");
    let what = if bare { "UNet file" } else { "checkpoint" };
    let channels_in = view.shape("input_blocks.0.0.weight").and_then(|shape| shape.get(1)).copied();
    let channels_out = view.shape("out.2.weight").and_then(|shape| shape.first()).copied();
    let incomplete = || Identity::unsupported(format!("an incomplete {what}"));
    let (Some(channels_in), Some(channels_out)) = (channels_in, channels_out) else { return incomplete() };
    let (unet, context_width) = match family(&view, true) {
        FamilyMatch::Family { unet, context_width } => (unet, context_width),
        FamilyMatch::Other(found) => {
            return Identity::unsupported(format!("{found} {what}, which is not supported"));
        }
        FamilyMatch::Incomplete => return incomplete(),
    };
    if channels_in != channels_out {
        let special = if channels_in == 9 { "inpainting " } else { "" };
        let found = unet.article(context_width);
        return Identity::unsupported(format!(
            "{found} {special}{what} with {channels_in} input channels, which is not supported"
        ));
    }
    let velocity = match predicts(file) {
        Predicts::Noise => "",
        Predicts::Velocity { .. } => " that predicts velocity",
        Predicts::Other(other) => {
            let found = unet.article(context_width);
            return Identity::unsupported(format!(
                "{found} {what} that predicts {other}, which is not supported"
            ));
        }
    };
    let vae = starts("first_stage_model.") || starts("vae/");
    let text = unet.text_encoders.iter().all(|encoder| !(encoder.part.view)(file.clone()).is_empty());
    let several = unet.text_encoders.len() > 1;
    let encoder = if several { "text encoders" } else { "a text encoder" };
    let lacks = match (vae, text) {
        (true, true) => String::new(),
        (false, true) => " without a VAE".into(),
        (true, false) => format!(" without {encoder}"),
        (false, false) if several => " without VAE and text encoders".into(),
        (false, false) => " without VAE and text encoder".into(),
    };
    Identity::new(
        Kind::Checkpoint { family: unet.entry(), context_width, latent_channels: channels_in, vae, text },
        format!("{} {what}{lacks}{velocity}", unet.article(context_width)),
    )
}

/// Identifies a ControlNet in any naming.
pub fn control(file: &Arc<TensorFile>) -> Identity {
    let view = View::control(file.clone());
    let union = view.shape("task_embedding").is_some();
    let difference = file.shape("difference").is_some();
    match family(&view, false) {
        FamilyMatch::Family { unet, context_width } => {
            let union_of = if union { "union " } else { "" };
            let stored = if difference { " (stored as a difference)" } else { "" };
            let family_name = match unet.small {
                true => format!("a small model (text width {context_width})"),
                false => unet.name.to_owned(),
            };
            Identity::new(
                Kind::ControlNet { family: unet.entry(), union, difference },
                format!("a {union_of}ControlNet for {family_name}{stored}"),
            )
        }
        FamilyMatch::Other(found) => {
            Identity::unsupported(format!("a ControlNet for {found} model, which is not supported"))
        }
        FamilyMatch::Incomplete => Identity::unsupported("an incomplete ControlNet"),
    }
}

/// Identifies a VAE in a file of its own.
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
            Identity::new(Kind::Vae { family: None, latent_channels }, description)
        }
        None => Identity::unsupported("a VAE without its decoder"),
    }
}

/// Identifies text encoders in a file of their own: one, or both of SDXL.
pub fn text(file: &Arc<TensorFile>) -> Identity {
    let width = |view: View| view.shape("final_layer_norm.weight").and_then(|shape| shape.first().copied());
    let (first, second) = (width(View::text(file.clone())), width(View::text_2(file.clone())));
    match (first, second) {
        (Some(first), Some(second)) if first != second => Identity::new(
            Kind::TextEncoder { family: None, width: first },
            format!("two text encoders (widths {first} and {second})"),
        ),
        (Some(1024), _) => Identity::unsupported("a text encoder for SD2, which is not supported"),
        (Some(width), _) | (None, Some(width)) => {
            let name = match width {
                768 => "a CLIP-L text encoder",
                1280 => "an OpenCLIP bigG text encoder",
                _ => "a text encoder",
            };
            Identity::new(Kind::TextEncoder { family: None, width }, format!("{name} (width {width})"))
        }
        (None, None) => Identity::unsupported("an incomplete text encoder"),
    }
}
