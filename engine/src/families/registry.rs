//! The registry of model families.

use std::fmt;
use std::ops::Deref;

use parking_lot::RwLock;

use super::{ModelFamily, sd, sdxl};

/// The built-in families. If two of them claim a file, the first one wins.
const BUILT_IN: [Family; 3] = [Family::SD15, Family::SDXL, Family::SMALL];

/// Additional families, registered by programs that embed the engine.
static MORE: RwLock<Vec<Family>> = RwLock::new(Vec::new());

/// A model family. Two families are equal if their names are.
#[derive(Clone, Copy)]
pub struct Family(&'static dyn ModelFamily);

impl Family {
    /// Wraps a family's implementation.
    pub const fn of(family: &'static dyn ModelFamily) -> Self {
        Self(family)
    }

    /// The family of Stable Diffusion 1.x checkpoints.
    pub const SD15: Self = Self(&sd::SD15);
    /// The family of Stable Diffusion XL checkpoints.
    pub const SDXL: Self = Self(&sdxl::SDXL);
    /// The architecture of Stable Diffusion 1 with other widths, as in the built-in model.
    pub const SMALL: Self = Self(&sd::SMALL);
}

impl Deref for Family {
    type Target = dyn ModelFamily;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Family {}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Family({})", self.0.name())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// All families. Registered ones come first, so that they can claim files that would otherwise be rejected as unsupported.
pub fn families() -> Vec<Family> {
    MORE.read().iter().copied().chain(BUILT_IN).collect()
}

/// Adds a family to this process. Has to be called before the first file is opened.
pub fn register(family: Family) {
    let mut more = MORE.write();
    if !more.contains(&family) {
        more.push(family);
    }
}
