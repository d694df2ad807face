//! Keys of stages: a hash over everything that a stage's result depends on.
//!
//! A key contains the key of the stage before it, so the chain `frames -> latents -> unsampled -> resampled` is
//! invalidated from the first link that changed and from nowhere else. Keys are independent of paths, machines and
//! times: the same work has the same key everywhere, which is what lets caches be shared.

use std::fmt;

/// Version of everything that turns inputs into results. Raising it abandons every cached result; raise it when a
/// stage computes something else from the same inputs.
const COMPUTATION: &str = "unsample/3";

/// A 256-bit content address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// Starts the key of a stage called `stage`.
    pub fn of(stage: &str) -> KeyBuilder {
        let mut hasher = blake3::Hasher::new();
        hasher.update(COMPUTATION.as_bytes());
        KeyBuilder { hasher }.text("stage", stage)
    }

    /// The key of a block of bytes as it stands, with nothing added.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Lower-case hexadecimal, 64 digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from(self.0).to_hex().to_string()
    }

    /// The key of 64 hexadecimal digits, as [`hex`](Self::hex) writes them.
    pub fn from_hex(digits: &str) -> Option<Self> {
        blake3::Hash::from_hex(digits).ok().map(|hash| Self(*hash.as_bytes()))
    }

    /// The first 8 digits, for log lines.
    pub fn short(&self) -> String {
        self.hex().chars().take(8).collect()
    }

    /// The raw 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.short())
    }
}

/// Adds named values to a key. Every value goes in with its name and length, so neighbouring values cannot run into
/// each other.
pub struct KeyBuilder {
    hasher: blake3::Hasher,
}

impl KeyBuilder {
    fn raw(mut self, name: &str, bytes: &[u8]) -> Self {
        for part in [name.as_bytes(), bytes] {
            self.hasher.update(&(part.len() as u64).to_le_bytes());
            self.hasher.update(part);
        }
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, value.as_bytes())
    }

    /// Adds a whole number.
    #[must_use]
    pub fn number(self, name: &str, value: i64) -> Self {
        self.raw(name, &value.to_le_bytes())
    }

    /// Adds floating point values by their bits.
    #[must_use]
    pub fn floats(self, name: &str, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect();
        self.raw(name, &bytes)
    }

    /// Adds another key: the link of the chain.
    #[must_use]
    pub fn key(self, name: &str, value: &Key) -> Self {
        self.raw(name, value.bytes())
    }

    /// Adds several keys in order.
    #[must_use]
    pub fn keys<'a>(self, name: &str, values: impl IntoIterator<Item = &'a Key>) -> Self {
        let bytes: Vec<u8> = values.into_iter().flat_map(|k| k.bytes().iter().copied()).collect();
        self.raw(name, &bytes)
    }

    /// The finished key.
    #[must_use]
    pub fn finish(self) -> Key {
        Key(*self.hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_values_do_not_run_together() {
        let a = Key::of("s").text("a", "bc").text("d", "").finish();
        let b = Key::of("s").text("a", "b").text("d", "c").finish();
        let c = Key::of("s").text("ab", "c").text("d", "").finish();
        assert_ne!(a, b);
        assert_ne!(a, c);
    }

    #[test]
    fn a_link_changes_with_the_link_before() {
        let link = |prompt: &str| {
            let first = Key::of("first").text("prompt", prompt).finish();
            Key::of("second").key("first", &first).finish()
        };
        assert_ne!(link("a"), link("b"));
        assert_eq!(link("a"), link("a"));
    }
}
