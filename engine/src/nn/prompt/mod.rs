//! Prompt syntax: weights, names of embeddings, and unsupported syntax of other programs.
//!
//! The text is parsed exactly as in the reference workflow, token by token. Spellings that have a meaning in other
//! programs but are plain words here are reported, with one sentence per kind; only tags such as `<lora:name:0.8>`,
//! which name a file and contain no words, are removed.

mod embedding;
mod habits;
mod tags;
mod weights;

pub use embedding::bare_words;
pub use tags::Tag;

use super::ModelError;

/// Weights of a larger magnitude are rejected: they dominate everything else, and far larger ones overflow.
const LARGEST: f64 = 100.0;
/// Weights of a larger magnitude are reported: a ratio such as `(16:9)` parses as a weight.
const UNUSUAL: f64 = 5.0;
/// Maximum number of characters of the prompt that a message quotes.
const SHOWN: usize = 40;

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text to be tokenized.
    Words(String),
    /// The name after `embedding:`.
    Embedding(String),
}

/// A parsed prompt.
#[derive(Debug, Default, PartialEq)]
pub struct Reading {
    pub(super) pieces: Vec<(Piece, f32)>,
    /// The tags that were removed.
    pub tags: Vec<Tag>,
    /// Sentences about syntax that may not have been read as intended.
    pub remarks: Vec<String>,
}

impl Reading {
    /// The names after `embedding:`, in order, including duplicates.
    pub fn embeddings(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|(piece, _)| match piece {
            Piece::Embedding(name) => Some(name.as_str()),
            Piece::Words(_) => None,
        })
    }
}

/// Parses a prompt.
///
/// Errors: [`ModelError::Invalid`] for a weight that is out of range and for `embedding:` without a name.
pub fn read(text: &str) -> Result<Reading, ModelError> {
    let (text, tags) = tags::taken_out(text);
    let weighted = weights::read(&text);
    let mut remarks = Vec::new();
    let mut pieces = Vec::new();
    let mut unusual = None;
    for (part, weight) in &weighted.parts {
        if weight.abs() > LARGEST {
            return Err(ModelError::Invalid(format!(
                "the weight {} of `{}` in a prompt is outside of -{LARGEST} to {LARGEST}; usual weights are 0.5 to 1.5",
                number(*weight),
                shown(part)
            )));
        }
        if weight.abs() > UNUSUAL {
            unusual.get_or_insert((part, *weight));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounds to the digits that the networks compute with"
        )]
        let rounded = *weight as f32;
        pieces.extend(embedding::split(part)?.into_iter().map(|piece| (piece, rounded)));
    }
    remarks.extend(habits::flaws(&weighted.flaws));
    remarks.extend(unusual.map(|(part, weight)| {
        format!(
            "the weight {} of `{}` in a prompt is far from the usual 0.5 to 1.5; plain parentheses are \\( and \\)",
            number(weight),
            shown(part)
        )
    }));
    remarks.extend(habits::remarks(&text, &pieces, &weighted.flaws));
    Ok(Reading { pieces, tags, remarks })
}

/// Formats a weight for a message.
fn number(weight: f64) -> String {
    if weight.abs() < 1e5 { format!("{}", (weight * 100.0).round() / 100.0) } else { format!("{weight:e}") }
}

/// The beginning of a piece of a prompt, on one line, for a message.
pub(super) fn shown(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn weights_have_a_range() {
        assert_eq!(
            error("a (red cat:1e30)"),
            "the weight 1e30 of `red cat` in a prompt is outside of -100 to 100; usual weights are 0.5 to 1.5"
        );
        assert!(error("(cat:-101)").contains("the weight -101 of `cat`"));
        assert!(error("(cat:1e400)").contains("the weight inf of `cat`"));
        assert!(error("(cat:1e300)").contains("the weight 1e300 of `cat`"));
        assert!(error("((cat:100))(((dog)):98)").contains("the weight 118.58 of `dog`"));
        let nested = |depth: usize| format!("{}cat{}", "(".repeat(depth), ")".repeat(depth));
        assert!(error(&nested(49)).contains("the weight 106.72 of `cat`"));
        assert!(error(&nested(5000)).contains("the weight 445.79 of `(((("));
        assert_eq!(read(&nested(48)).unwrap().pieces.len(), 1);
    }

    #[test]
    fn weights_in_use_are_fine_and_unusual_ones_are_said() {
        for text in ["(a:0)", "(a:-2)", "(a:5)", "((a)) (b: 1.3 )", "(embedding:x:0.7)"] {
            assert_eq!(read(text).unwrap().remarks, [""; 0], "{text}");
        }
        assert_eq!(
            read("a photo (16:9)").unwrap().remarks,
            [
                "the weight 9 of `16` in a prompt is far from the usual 0.5 to 1.5; plain parentheses are \\( and \\)"
            ]
        );
    }

    #[test]
    fn long_pieces_are_shortened_in_sentences() {
        assert_eq!(shown("a  b\nc"), "a b c");
        assert_eq!(shown(&"é".repeat(50)), format!("{}…", "é".repeat(40)));
    }
}
