//! Parameters: definition, reading and writing.

mod define;
mod read;

pub use define::{DoubleMeaning, Layout, ParamDef, ParamKind, StringMode};
pub use read::Param;

pub(super) use define::define;
