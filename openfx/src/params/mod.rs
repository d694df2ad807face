//! Parameters: how they are described to a host, and how their values are read.

mod define;
mod read;

pub use define::{DoubleMeaning, Layout, ParamDef, ParamKind, StringMode};
pub use read::Param;

pub(super) use define::define;
