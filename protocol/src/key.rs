//! Keys of stages: a hash of everything that a stage's result depends on.
//!
//! A key includes the key of the previous stage, so the chain `frames -> latents -> unsampled -> resampled`
//! is invalidated from the first link that changed. Keys do not depend on paths, machines or times: the same
//! work has the same key everywhere, so caches can be shared.

use std::fmt;

use frame::convert::to_i64;

/// Version of all computations. Raise it when a stage computes a different result from the same inputs; this
/// invalidates all cached results.
const COMPUTATION: &str = "unsample/3";

/// A 256-bit content address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Key([u8; 32]);

impl Key {
    /// Starts the key of a stage called `stage`.
    pub fn of(stage: &str) -> KeyBuilder {
        let mut hasher = blake3::Hasher::new();
        hasher.update(COMPUTATION.as_bytes());
        KeyBuilder { hasher }.text("stage", stage)
    }

    /// The hash of a block of bytes, without names or lengths.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Lower-case hexadecimal, 64 digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from(self.0).to_hex().to_string()
    }

    /// Parses 64 hexadecimal digits, as written by [`hex`](Self::hex).
    pub fn from_hex(digits: &str) -> Option<Self> {
        blake3::Hash::from_hex(digits).ok().map(|hash| Self(*hash.as_bytes()))
    }

    /// The first 8 hexadecimal digits, for log lines.
    pub fn short(&self) -> String {
        self.hex().chars().take(8).collect()
    }

    /// The hash as raw bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.short())
    }
}

/// Adds named values to a key. Each value is hashed with its name and length, so that adjacent values cannot
/// be confused.
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

    /// Adds a UTF-8 string.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, value.as_bytes())
    }

    /// Adds an integer as 64 bits.
    #[must_use]
    pub fn number(self, name: &str, value: i64) -> Self {
        self.raw(name, &value.to_le_bytes())
    }

    /// Adds a count or an index, as [`number`](Self::number) does.
    #[must_use]
    pub fn count(self, name: &str, value: usize) -> Self {
        self.number(name, to_i64(value))
    }

    /// Adds floating-point values by their bits.
    #[must_use]
    pub fn floats(self, name: &str, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect();
        self.raw(name, &bytes)
    }

    /// Adds another key, such as that of the previous stage.
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

    /// The hash of everything added.
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
