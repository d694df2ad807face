//! Parameters: definition, reading and writing.

mod define;
mod read;

pub use define::{DoubleMeaning, ParamDef, ParamKind, ParamLayout, StringMode};
pub use read::Param;

pub(super) use define::define;
