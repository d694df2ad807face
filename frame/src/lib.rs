//! Conversion between a host's frame and the picture that the model works on.
//!
//! This crate depends neither on a host nor on tensors: it converts rows of bytes to planar floats and back.
//! A frame passes through
//!
//! host bytes → [`decode_row`] → [`Picture`] in the host's encoding → [`Encoding::prepare`] → display-referred,
//! unpremultiplied → [`Geometry::to_working`] → [`Rgb`],
//!
//! and a styled one comes back through [`Geometry::from_working`], [`Encoding::finish`] and [`encode_row`].
//! Pictures have their top row first; for a host that stores rows bottom-up, the caller reverses the order.
//!
//! The model's pictures are display-referred, in Rec.709 primaries, and limited to 0..=1. Highlights above
//! white of a PQ or HLG source are scaled down to white and restored where the result stays bright
//! (`colour`). Those of any other float source become white, and the styled picture has none; they survive
//! only where the source is kept, outside of a crop or with a mix below 1. Negative values become 0, which
//! includes colours outside of the Rec.709 gamut. Colours under an alpha of 0 are not shown to the model
//! (`fill`).
//!
//! [`convert`] has the conversions between kinds of numbers that the other crates share.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "tests convert small numbers"
    )
)]

mod colour;
pub mod convert;
mod cuts;
mod error;
mod fill;
mod flow;
mod geometry;
mod grey;
mod input;
mod layout;
mod metrics;
mod nearest;
mod picture;
mod primaries;
mod resize;
mod steady;
mod transfer;

pub use colour::Colour;
pub use cuts::{Glance, REACH as CUT_REACH, cuts};
pub use error::FrameError;
pub use geometry::{Fit, Geometry, MAX_SIDE, Size};
pub use grey::Grey;
pub use input::{HostColour, InputColour};
pub use layout::{Components, Depth, Layout, decode_row, encode_row};
pub use metrics::{psnr, ssim};
pub use nearest::cover_nearest;
pub use picture::{Alpha, Encoding, Picture, Rgb, compose};
pub use primaries::{InputPrimaries, Primaries};
pub use steady::steady;
pub use transfer::Transfer;
