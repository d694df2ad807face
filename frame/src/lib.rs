//! Pixels in, pixels out: what happens between a host's frame and the picture that the model works on.
//!
//! This part knows no host and no tensor; it takes rows of bytes and hands back planar floats, and the
//! other way round. A frame goes
//!
//! host bytes → [`decode_row`] → [`Picture`] in the host's encoding → [`Encoding::prepare`] → display-referred,
//! unpremultiplied → [`Geometry::to_working`] → [`Rgb`],
//!
//! and a styled one comes back through [`Geometry::from_working`], [`Encoding::finish`] and [`encode_row`].
//! Pictures have their top row first; a host that stores rows bottom-up is the caller's to turn.
//!
//! What the model cannot see: its pictures are display-referred, in the primaries of Rec.709, and end at 1. A PQ or
//! HLG source's highlights above white are brought down to it and given back to what stays bright (`colour`); any
//! other float source's are white to the model, and the styled picture has none. They survive where the source shows
//! through: outside of a crop, and in a mix below 1. Values below 0 are black, which is also what colours outside of
//! the gamut of Rec.709 have in some channel. Colours under an alpha of 0 are not seen (`fill`).

mod colour;
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
