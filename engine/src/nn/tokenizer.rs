//! Tokenizes a prompt into weighted CLIP tokens in chunks of 77.
//!
//! Matches the reference workflow: `(x)` and `(x:1.3)` weights; long prompts are split into chunks that are encoded
//! separately; every chunk is padded, with the end token for CLIP-L and with token 0 for OpenCLIP. Each vector of a
//! textual inversion embedding takes the position of one token.

use std::sync::OnceLock;

use candle_core::Tensor;
use unicode_normalization_alignments::UnicodeNormalization;

use super::ModelError;
use super::prompt::{self, Piece};

/// Number of tokens in a chunk, including the start and end tokens.
pub const CHUNK: usize = 77;
/// The token that begins every chunk (`<|startoftext|>`).
pub const START: u32 = 49406;
/// The token that ends every chunk (`<|endoftext|>`), and the padding of CLIP-L.
pub const END: u32 = 49407;
/// Groups of at least this many tokens may be split across chunks; a shorter group moves to the next chunk as a
/// whole.
const LARGE_GROUP: usize = 8;

/// Token ids from here on are not in the vocabulary: id - FIRST_VECTOR is a row of [`Tokens::vectors`].
pub const FIRST_VECTOR: u32 = 1 << 20;

/// A tokenized prompt, the input of a text encoder: one or more chunks of [`CHUNK`] tokens, each token with its
/// weight.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// (token id, weight) of each chunk; never empty.
    pub chunks: Vec<Vec<(u32, f32)>>,
    /// Vectors of the prompt's embeddings, `[count, width]`; token id [`FIRST_VECTOR`] is row 0.
    pub vectors: Option<Tensor>,
}

impl Tokens {
    /// Whether any token has a weight other than 1.
    pub fn weighted(&self) -> bool {
        self.chunks.iter().flatten().any(|(_, weight)| *weight != 1.0)
    }
}

/// Tokenizes a prompt with weights and without embeddings, padded for CLIP-L.
///
/// Errors: as for [`tokenize_with`].
pub fn tokenize(text: &str) -> Result<Tokens, ModelError> {
    tokenize_padded(text, END)
}

/// Tokenizes a prompt with weights and without embeddings; every chunk ends with the end token and is padded with
/// `padding`.
///
/// Errors: as for [`tokenize_with`].
pub fn tokenize_padded(text: &str, padding: u32) -> Result<Tokens, ModelError> {
    tokenize_with(text, padding, &|_| None)
}

/// Tokenizes a prompt with weights; `vectors` looks up an embedding by name and returns its `[count, width]`.
///
/// Errors: [`ModelError::Invalid`] for a weight that is out of range and for an unknown embedding.
pub fn tokenize_with(
    text: &str,
    padding: u32,
    vectors: &dyn Fn(&str) -> Option<Tensor>,
) -> Result<Tokens, ModelError> {
    let mut groups = Vec::new();
    let mut rows: Vec<Tensor> = Vec::new();
    let mut row = FIRST_VECTOR;
    for (piece, weight) in prompt::read(text)?.pieces {
        let ids = match piece {
            Piece::Words(words) => encode(&words),
            Piece::Embedding(name) => {
                let Some(tensor) = vectors(&name) else {
                    return Err(ModelError::Invalid(format!("there is no embedding called `{name}`")));
                };
                let count = u32::try_from(tensor.dim(0)?).unwrap_or(0);
                rows.push(tensor);
                row += count;
                (row - count..row).collect()
            }
        };
        groups.push((ids, weight));
    }
    let vectors = if rows.is_empty() { None } else { Some(Tensor::cat(&rows, 0)?) };
    Ok(Tokens { chunks: chunks(groups, padding), vectors })
}

/// Distributes groups of tokens, each with one weight, over chunks.
fn chunks(groups: Vec<(Vec<u32>, f32)>, padding: u32) -> Vec<Vec<(u32, f32)>> {
    let mut chunks = Vec::new();
    let mut chunk = vec![(START, 1.0)];
    // The last position of a chunk is reserved for the end token.
    let finish = |chunk: &mut Vec<(u32, f32)>| {
        let mut full = std::mem::replace(chunk, vec![(START, 1.0)]);
        full.push((END, 1.0));
        full.resize(CHUNK, (padding, 1.0));
        full
    };
    for (ids, weight) in groups {
        let torn = ids.len() >= LARGE_GROUP;
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let room = CHUNK - 1 - chunk.len();
            let taken = if rest.len() <= room {
                rest.len()
            } else if torn {
                room
            } else {
                0
            };
            let (now, later) = rest.split_at(taken);
            chunk.extend(now.iter().map(|id| (*id, weight)));
            rest = later;
            if !rest.is_empty() {
                chunks.push(finish(&mut chunk));
            }
        }
    }
    chunks.push(finish(&mut chunk));
    chunks
}

/// Byte-pair token ids of a text without weights, without start and end tokens.
fn encode(text: &str) -> Vec<u32> {
    static TOKENIZER: OnceLock<instant_clip_tokenizer::Tokenizer> = OnceLock::new();
    let tokenizer = TOKENIZER.get_or_init(instant_clip_tokenizer::Tokenizer::new);
    // Compose to NFC: macOS hosts pass `e` + combining accent, which CLIP tokenizes differently from `é`.
    let text: String = text.nfc().map(|(letter, _)| letter).collect();
    let mut ids = Vec::new();
    for (index, part) in split_markers(&text).into_iter().enumerate() {
        if index % 2 == 1 {
            ids.push(if part == START_MARKER { START } else { END });
            continue;
        }
        // The crate spells these markers differently; CLIP reads the crate's spelling as plain text.
        for plain in split_foreign_markers(part) {
            let mut tokens = Vec::new();
            tokenizer.encode(plain, &mut tokens);
            ids.extend(tokens.into_iter().map(|token| u32::from(token.to_u16())));
        }
    }
    ids
}

const START_MARKER: &str = "<|startoftext|>";
const END_MARKER: &str = "<|endoftext|>";

/// Alternating text and markers, starting with text: CLIP's tokenizer parses literal markers in a prompt.
fn split_markers(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let next = [START_MARKER, END_MARKER]
            .into_iter()
            .filter_map(|marker| Some((rest.find(marker)?, marker.len())))
            .min();
        let Some((at, length)) = next else { break };
        parts.push(&rest[..at]);
        parts.push(&rest[at..at + length]);
        rest = &rest[at + length..];
    }
    parts.push(rest);
    parts
}

/// Splits `<start_of_text>` and `<end_of_text>` after the `<`, where the tokenizer splits words anyway.
fn split_foreign_markers(text: &str) -> Vec<&str> {
    let lower = text.to_ascii_lowercase();
    let mut cuts = vec![0];
    for marker in ["<start_of_text>", "<end_of_text>"] {
        cuts.extend(lower.match_indices(marker).map(|(at, _)| at + 1));
    }
    cuts.push(text.len());
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<u32> {
        tokenize(text).unwrap().chunks[0]
            .iter()
            .map(|(id, _)| *id)
            .skip(1)
            .take_while(|id| *id != END)
            .collect()
    }

    #[test]
    fn an_empty_prompt_is_one_chunk_of_end_tokens() {
        let tokens = tokenize("").unwrap();
        assert_eq!(tokens.chunks.len(), 1);
        assert_eq!(tokens.chunks[0][0], (START, 1.0));
        assert!(tokens.chunks[0][1..].iter().all(|token| *token == (END, 1.0)));
        assert!(!tokens.weighted());
    }

    #[test]
    fn composed_and_decomposed_accents_are_the_same_word() {
        assert_eq!(ids("e\u{301}cole"), ids("école"));
        assert_eq!(ids("É"), ids("é"));
    }

    #[test]
    fn whitespace_and_case_do_not_matter() {
        assert_eq!(ids("Hello\n  WORLD\t"), ids("hello world"));
    }

    #[test]
    fn markers_in_the_crates_spelling_are_plain_text() {
        assert!(!ids("a <end_of_text> b").is_empty());
        assert!(ids("<start_of_text>").iter().all(|id| *id < START));
    }

    #[test]
    fn vectors_take_places_and_stay_together_where_they_are_few() {
        let vectors = |name: &str| {
            let count: usize = name.parse().ok()?;
            Tensor::zeros((count, 4), candle_core::DType::F32, &candle_core::Device::Cpu).ok()
        };
        let tokens = |text: &str| tokenize_with(text, END, &vectors).unwrap();
        let one = tokens("a embedding:3, (embedding:2:0.5)");
        let ids: Vec<u32> = one.chunks[0].iter().map(|(id, _)| *id).collect();
        let v = FIRST_VECTOR;
        assert_eq!(ids[..9], [START, 320, v, v + 1, v + 2, 267, v + 3, v + 4, END]);
        assert_eq!(one.chunks[0][6].1, 0.5);
        assert_eq!(one.vectors.unwrap().dims(), [5, 4]);
        // 74 positions are used: seven vectors move to the next chunk together, eight are split.
        let words = "a ".repeat(74);
        assert_eq!(tokens(&format!("{words}embedding:7")).chunks[1][1].0, v);
        assert_eq!(tokens(&format!("{words}embedding:8")).chunks[0][75].0, v);
        assert_eq!(tokens("embedding:80").chunks.len(), 2);
        let message = tokenize_with("embedding:x", END, &vectors).unwrap_err().to_string();
        assert_eq!(message, "there is no embedding called `x`");
    }
}
