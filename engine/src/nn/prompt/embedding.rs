//! The `embedding:name` syntax of prompts.

use super::super::ModelError;
use super::Piece;

/// The prefix of an embedding's name.
const MARK: &str = "embedding:";

/// Splits a part of uniform weight into words and embeddings. `embedding:` is recognised at the beginning of the part
/// and after a space or line break. The name ends at the next whitespace; trailing commas are text, everything else
/// is part of the name. The separator before `embedding:` is dropped. This matches the reference workflow.
///
/// Errors: [`ModelError::Invalid`] for an empty name.
pub fn split(part: &str) -> Result<Vec<Piece>, ModelError> {
    let mut pieces = Vec::new();
    for (number, piece) in cut(part).into_iter().enumerate() {
        // Only the first piece can start with other words.
        let Some(rest) = (if number == 0 { piece.strip_prefix(MARK) } else { Some(piece) }) else {
            pieces.push(Piece::Words(piece.to_owned()));
            continue;
        };
        let mut words = rest.split_whitespace();
        let whole = words.next().unwrap_or_default();
        let name = whole.trim_matches(',');
        if name.is_empty() {
            return Err(ModelError::Invalid(
                "`embedding:` in a prompt has no name behind it; write embedding:name with the name of a file in the \
                 models folder"
                    .into(),
            ));
        }
        pieces.push(Piece::Embedding(name.to_owned()));
        let commas = &whole[whole.trim_end_matches(',').len()..];
        let behind = words.collect::<Vec<_>>().join(" ");
        let behind = if commas.is_empty() { behind } else { format!("{commas} {behind}") };
        if !behind.is_empty() {
            pieces.push(Piece::Words(behind));
        }
    }
    pieces.retain(|piece| *piece != Piece::Words(String::new()));
    Ok(pieces)
}

/// Splits at `embedding:` after a space or line break; the separators are dropped.
fn cut(part: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    for (at, _) in part.match_indices(MARK) {
        if at > begin && matches!(part.as_bytes()[at - 1], b' ' | b'\n') {
            pieces.push(&part[begin..at - 1]);
            begin = at + MARK.len();
        }
    }
    pieces.push(&part[begin..]);
    pieces
}

/// Words of a prompt that could be file names: split at whitespace and punctuation that is rare in file names. Words
/// after a misspelt `embedding:` and in `<name>` are skipped, because other remarks already report them.
pub fn bare_words(text: &str) -> impl Iterator<Item = &str> {
    let separator = |c: char| c.is_whitespace() || ",;:|()[]{}<>\"".contains(c);
    let mut before = "";
    text.split_inclusive(separator)
        .filter(move |part| {
            let told =
                before.to_lowercase().ends_with(MARK) || (before.ends_with('<') && part.ends_with('>'));
            before = part;
            !told
        })
        .map(move |part| part.trim_end_matches(separator).trim_end_matches('.'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(part: &str) -> Vec<String> {
        let show = |piece| match piece {
            Piece::Words(words) => words,
            Piece::Embedding(name) => format!("<{name}>"),
        };
        split(part).unwrap().into_iter().map(show).collect()
    }

    #[test]
    fn names_end_at_whitespace_and_leave_commas_behind() {
        assert_eq!(pieces("embedding:bad"), ["<bad>"]);
        assert_eq!(pieces("a photo, embedding:bad, blurry"), ["a photo,", "<bad>", ", blurry"]);
        assert_eq!(pieces("embedding:a embedding:b\nembedding:sub/c.pt"), ["<a>", "<b>", "<sub/c.pt>"]);
        assert_eq!(pieces("embedding: spaced name"), ["<spaced>", "name"]);
        assert_eq!(pieces("embedding:v1.5,,"), ["<v1.5>", ",, "]);
    }

    #[test]
    fn elsewhere_it_is_text() {
        for text in ["no,embedding:x", "\tembedding:x", "Embedding:x", "an embedding of x"] {
            assert_eq!(pieces(text), [text]);
        }
    }

    #[test]
    fn a_name_is_needed() {
        for text in ["embedding:", "a embedding:  ", "embedding:, b", "embedding: embedding:x"] {
            let message = split(text).unwrap_err().to_string();
            assert!(message.starts_with("`embedding:` in a prompt has no name behind it"), "{message}");
        }
    }

    #[test]
    fn words_that_might_be_names() {
        let words: Vec<&str> =
            bare_words("(EasyNegative:1.2), bad-hands-5. v1.3t, b: <a> [Embedding:c]").collect();
        assert_eq!(words, ["EasyNegative", "1.2", "bad-hands-5", "v1.3t", "b", "Embedding"]);
    }
}
