//! The networks in files of these families.

use crate::families::{Kind, NetworkPart, TextPart};
use crate::nn::{ClipText, ControlNet, MotionModule, UNet, Vae};
use crate::weights::{Network, View};

/// Width of OpenCLIP bigG; CLIP-L files have the same tensor names.
const BIG_G_WIDTH: usize = 1280;

/// The UNet of a checkpoint.
pub const UNET: NetworkPart = NetworkPart {
    name: "UNet",
    view: View::unet,
    build: |sources, dtype, device| UNet::load(sources[0], dtype, device).map(drop),
    beside: None,
    last: None,
};

/// The VAE of a checkpoint or of a file of its own.
pub const AUTOENCODER: NetworkPart = NetworkPart {
    name: "VAE",
    view: View::vae,
    build: |sources, dtype, device| Vae::load(sources[0], dtype, device).map(drop),
    beside: None,
    last: None,
};

/// A motion module in a file of its own.
pub const MOTION: NetworkPart = NetworkPart {
    name: "motion module",
    view: View::motion,
    build: |sources, dtype, device| MotionModule::load(sources[0], dtype, device).map(drop),
    beside: None,
    last: Some(("output projections", |name| {
        name.ends_with("proj_out.weight") || name.ends_with("proj_out.bias")
    })),
};

/// A ControlNet without temporal layers.
const CONTROL: NetworkPart = NetworkPart {
    name: "ControlNet",
    view: View::control,
    build: |sources, dtype, device| ControlNet::load(sources[0], dtype, device).map(drop),
    beside: None,
    last: Some(("zero convolutions", |name| {
        name.starts_with("zero_convs.") || name.starts_with("middle_block_out.")
    })),
};

/// A SparseCtrl, whose temporal layers have a separate view.
const SPARSE_CONTROL: NetworkPart = NetworkPart {
    name: "SparseCtrl",
    beside: Some(View::motion),
    build: |sources, dtype, device| ControlNet::load_sparse(sources[0], sources[1], dtype, device).map(drop),
    ..CONTROL
};

/// The network in a file that is used in addition to a checkpoint.
pub fn added(kind: &Kind) -> Option<NetworkPart> {
    match kind {
        Kind::MotionModule { .. } => Some(MOTION),
        Kind::ControlNet { .. } => Some(CONTROL),
        Kind::SparseCtrl { .. } => Some(SPARSE_CONTROL),
        _ => None,
    }
}

/// CLIP-L, the text encoder of SD1.5 and the first one of SDXL.
pub const CLIP_L: TextPart = TextPart {
    part: NetworkPart {
        name: "text encoder",
        view: View::text,
        build: |sources, dtype, device| ClipText::load(sources[0], dtype, device).map(drop),
        beside: None,
        last: None,
    },
    is_in: |file| width(View::text(file.clone())).is_some_and(|width| width != BIG_G_WIDTH),
    which: "CLIP-L",
    network: Some(Network::Text),
};

/// OpenCLIP bigG, the second text encoder of SDXL.
pub const BIG_G: TextPart = TextPart {
    part: NetworkPart {
        name: "second text encoder",
        view: View::text_2,
        build: |sources, dtype, device| ClipText::load_open(sources[0], dtype, device).map(drop),
        beside: None,
        last: None,
    },
    is_in: |file| width(View::text_2(file.clone())) == Some(BIG_G_WIDTH),
    which: "OpenCLIP bigG",
    network: Some(Network::Text2),
};

/// The text encoder of a small model: CLIP with another width.
pub const SMALL_TEXT: TextPart = TextPart { which: "", ..CLIP_L };

/// The text encoders of all of these families.
pub const TEXT_ENCODERS: [TextPart; 2] = [CLIP_L, BIG_G];

fn width(view: View) -> Option<usize> {
    view.shape("final_layer_norm.weight").and_then(|shape| shape.first().copied())
}
