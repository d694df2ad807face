//! Syntax of other programs that prompts contain and this program does not support, and the remarks about it.

use std::sync::LazyLock;

use regex::Regex;

use super::weights::{Flaw, hidden, plain};
use super::{Piece, shown};

/// A regular expression and its remark; `{}` is replaced by the first match, or by its group `shown`; `{inner}` by
/// its group `inner`.
type Habit = (&'static str, &'static str);

/// Patterns for whole prompts. A match is blanked out for the patterns after it.
const IN_TEXT: [Habit; 22] = [
    (r"\\[\[\]{}<>|:,]", "the backslash of `{}` in a prompt is read, too; only \\( and \\) are escapes"),
    (
        r"(?im)\b(steps\s*:\s*\d+\s*,\s*[a-z][\w ]*|(sampler|cfg scale|seed|size|clip skip|model hash)\s*:[^,\n]+,\s*(steps|sampler|cfg scale|seed|size|clip skip|model hash|model)\s*):.*$",
        "`{}` in a prompt is read as plain words; set these values with the parameters and delete them from the prompt",
    ),
    // `(negative:1.2)` is a weight and must not match.
    (
        r"(?im)\b(?<shown>(negative|neg)([ _-]?prompts?\s*[:：=]|\s*[:：]))([^\d\s.+-]|\s+\S|\s*$).*$",
        "what stands behind `{}` in a prompt is read like other words, so that the picture steers towards it; put it \
         into negativePrompt, without these words",
    ),
    (
        r"(?i)(^|\s)(?<shown>-(neg|negative))\b",
        "what stands behind `{}` in a prompt is read like other words, so that the picture steers towards it; put it \
         into negativePrompt",
    ),
    // `https://` and `#1` must not match.
    (
        r"(?m)(^[ \t]*(# |//)|[ \t](//|#[ \t])).*$",
        "`{}` in a prompt is read as words like the rest of it; there are no comments within a prompt",
    ),
    (r"(?s)/\*.*?\*/", "`{}` in a prompt is read as plain words; there are no comments"),
    (
        r"(?i)(\b|[<\[(])(lora|lyco|lycoris|locon|hypernet):[^\s,<>()\[\]]+[>\])]?",
        "`{}` in a prompt is read as plain words and loads nothing; choose the file in lora1File",
    ),
    (r"(?i)[\[{<]+\s*embedding:[^\[\]{}<>]*[\]}>]+", EMBEDDING),
    (
        r"(?i)\B%[a-z_]\w*(:[^%\s]*)?%|\$\{[^{}]*\}|\{+\s*((prompt|subject|style|input|text|name)s?\s*)?\}+|\[(filewords|name)\]",
        "`{}` in a prompt is read as it stands, nothing is filled in; write the words themselves",
    ),
    (
        r"\[(?<inner>[^\[\]:|]+:\s*\d+\.\d+)\s*\]",
        "`{}` in a prompt is read as plain words; a weight is written ({inner}), and prompts do not change between steps",
    ),
    (
        r"\[[^\[\]]*:\s*(\d+\.?\d*|\.\d+)%?\s*\]",
        "`{}` in a prompt is read as plain words, it does not change the prompt between steps; write the one or the \
         other",
    ),
    (
        r"\[[^\[\]]*\|[^\[\]]*\]",
        "`{}` in a prompt is read as plain words, it does not alternate between steps; to blend two prompts use promptB \
         and promptMix",
    ),
    (r"\[[^\[\]]*\]", "`{}` in a prompt is read as plain words; to count words less write (words:0.9)"),
    (
        r"\{[^{}]*\|[^{}]*\}",
        "`{}` in a prompt is read as plain words, none of them is chosen; write the one that you want",
    ),
    (r"\{[^{}]*\}", "`{}` in a prompt is read as plain words; to count words more write (words:1.1)"),
    (
        r#"[)"]\s*\.(blend|and|swap)\([^()]*\)"#,
        "`{}` in a prompt is read as plain words; to blend two prompts use promptB and promptMix",
    ),
    (r"__[\w/*-]+__", "`{}` in a prompt is read as a plain word; wildcards are not filled in"),
    (
        r"\b(BREAK|ADDBASE|ADDCOMM|ADDROW|ADDCOL)\b",
        "`{}` in a prompt is read as a plain word; long prompts are cut into chunks of 75 tokens by themselves, and there \
         are no regions",
    ),
    (
        r"\b(MASK|IMASK|SHIFT|FEATHER|STYLE|AREA|COUPLE|FILL|NOISE|CUT|DEF|SET|SDXL|ATTN|TIMES)\s*\([^()]*\)",
        COMMAND,
    ),
    (r"(^|\s)--[A-Za-z]{1,12}\b", "`{}` in a prompt is read as plain words; settings are parameters here"),
    (
        r"`+(?<shown>[^`]+)`+",
        "the backquotes around `{}` in a prompt are read, too; expressions are not supported, write the words as they are \
         to be",
    ),
    (r"[（）]", "`{}` in a prompt is a letter like others; weights need plain parentheses, ( and )"),
];

const EMBEDDING: &str = "`{}` in a prompt is read as plain words; for an embedding write embedding:name in small letters \
                         behind a blank, or (embedding:name:1.1)";

/// Only applied to prompts that are not entirely in capitals.
const IN_CAPITALS: [Habit; 2] = [
    (r"\b(ATTN|TIMES)\b", COMMAND),
    (
        r"\bAND(_[A-Z]+)?\b",
        "`{}` in a prompt is read as a plain word; to blend two prompts use promptB and promptMix",
    ),
];

const COMMAND: &str = "`{}` in a prompt is read as plain words; it is a command of another program";

/// Patterns for words of uniform weight, after the weight syntax has been parsed.
const IN_WORDS: [Habit; 6] = [
    (r"(?i)\S*embeddings?:\s*\S*", EMBEDDING),
    (
        r"[^\s,]*[\pL_-] ?::?-?(\d+(\.\d+)?|\.\d+)([\s,;]|\.?$)",
        "`{}` in a prompt is read as plain words; a weight needs parentheses, as in (word:1.2)",
    ),
    (
        r"-?\d+(\.\d+)?::[^:]+(::|$)",
        "`{}` in a prompt is read as plain words; a weight needs parentheses, as in (word:1.2)",
    ),
    (
        r"[^\s,，]*[：∶]\s*(\d+(\.\d+)?|\.\d+)\s*$",
        "`{}` in a prompt is read as plain words; a weight needs a plain colon, as in (word:1.2)",
    ),
    (
        r"[\pL\d-]*\pL(\+\++|--+([\s,;]|$)|[\^*]\d+\.\d+([\s,;]|\.?$))",
        "`{}` in a prompt is read as plain words; to weigh a word write (word:1.2)",
    ),
    (
        r"<[A-Za-z_][^<>]*>",
        "`{}` in a prompt is read as plain words; an embedding is written as embedding:name",
    ),
];

/// Pattern for text directly after the closing parenthesis of a weight.
const BEHIND: &str = r"^([+-]+|[\^*]?\d+(\.\d+)?)([\s,;]|\.?$)";

/// Compiles a pattern of this module; a test checks that all of them compile.
pub(super) fn compiled(pattern: &str) -> Option<Regex> {
    let regex = Regex::new(pattern);
    debug_assert!(regex.is_ok(), "{pattern}");
    regex.ok()
}

static TEXT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| all(&IN_TEXT));
static CONJUNCTION: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| all(&IN_CAPITALS));
static WORDS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| all(&IN_WORDS));
static CLOSED: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(BEHIND));

fn all(habits: &[Habit]) -> Vec<(Regex, &'static str)> {
    habits.iter().filter_map(|(pattern, sentence)| Some((compiled(pattern)?, *sentence))).collect()
}

/// Remarks on malformed weights, one for each kind of flaw.
pub fn flaws(flaws: &[Flaw]) -> Vec<String> {
    let mut said: Vec<(std::mem::Discriminant<Flaw>, String, usize)> = Vec::new();
    for flaw in flaws {
        let kind = std::mem::discriminant(flaw);
        if let Some(known) = said.iter_mut().find(|known| known.0 == kind) {
            known.2 += 1;
            continue;
        }
        let sentence = match flaw {
            Flaw::NoNumber { inside, number } if inside.trim_start().starts_with(':') => format!(
                "`({})` in a prompt has no words before its weight and is read as plain words; write (word:{number})",
                shown(inside)
            ),
            Flaw::NoNumber { inside, number } if number.is_empty() => format!(
                "`({})` in a prompt has no number behind its colon, so that it has weight 1.1; write (word:1.2)",
                shown(inside)
            ),
            Flaw::NoNumber { inside, number } => format!(
                "`{}` of `({})` in a prompt is no number, so that all of it is read as words of weight 1.1; write (word:1.2)",
                shown(number),
                shown(inside)
            ),
            Flaw::NoColon { inside, words, number } => format!(
                "`({})` in a prompt has no colon before its number, so that all of it is read as words of weight 1.1; write \
                 ({}:{number})",
                shown(inside),
                shown(words)
            ),
            Flaw::Unclosed(text) => format!(
                "`{}` in a prompt has a ( without its ) and is read as plain words; close it, or write \\( for a plain one",
                shown(text)
            ),
            Flaw::Stray(text) => format!(
                "`{}` in a prompt has a ) without its (, so that weights behind it may be read as plain words; write \\) \
                 for a plain one",
                end_shown(text)
            ),
            Flaw::Deep => "a prompt has more parentheses in each other than are counted".into(),
        };
        said.push((kind, sentence, 0));
    }
    said.into_iter().map(|(_, sentence, more)| counted(sentence, more)).collect()
}

/// The last word of a text, at most 30 characters, to quote a flaw at the end.
fn end_shown(text: &str) -> String {
    let last = text.split_whitespace().next_back().unwrap_or_default();
    let skipped = last.chars().count().saturating_sub(30);
    last.chars().skip(skipped).collect()
}

fn counted(sentence: String, more: usize) -> String {
    match more {
        0 => sentence,
        1 => format!("{sentence} (and one more)"),
        more => format!("{sentence} (and {more} more)"),
    }
}

/// Remarks on other programs' syntax: in a prompt without tags, and in its words after weights and embeddings have
/// been parsed.
pub fn remarks(text: &str, pieces: &[(Piece, f32)], flaws: &[Flaw]) -> Vec<String> {
    let mut rest = hidden(text);
    let mut remarks = found(&TEXT, &mut [&mut rest]);
    if text.chars().any(char::is_lowercase) {
        remarks.extend(found(&CONJUNCTION, &mut [&mut rest]));
    }
    let failed = |words: &String| {
        let is_it = |flaw: &Flaw| match flaw {
            Flaw::NoNumber { inside: text, .. }
            | Flaw::NoColon { inside: text, .. }
            | Flaw::Unclosed(text) => text == words,
            Flaw::Stray(_) | Flaw::Deep => false,
        };
        flaws.iter().any(is_it)
    };
    let mut words: Vec<String> = pieces
        .iter()
        .filter_map(|(piece, _)| match piece {
            Piece::Words(words) if !failed(words) => Some(words.clone()),
            _ => None,
        })
        .collect();
    // Do not report a match in the text again for its words.
    for (regex, _) in TEXT.iter() {
        for words in &mut words {
            *words = regex.replace_all(words, " ").into_owned();
        }
    }
    remarks.extend(found(&WORDS, &mut words.iter_mut().collect::<Vec<_>>()));
    remarks.extend(behind_weights(&rest));
    remarks
}

/// Searches all texts for every pattern and blanks out the matches.
fn found(habits: &[(Regex, &str)], texts: &mut [&mut String]) -> Vec<String> {
    let mut remarks = Vec::new();
    for (regex, sentence) in habits {
        let mut first = None;
        let mut count = 0usize;
        for text in texts.iter_mut() {
            let places: Vec<(String, String)> = regex
                .captures_iter(text)
                .filter_map(|place| {
                    let inner = place.name("inner").map_or("", |inner| inner.as_str());
                    Some((
                        plain(place.name("shown").or_else(|| place.get(0))?.as_str()),
                        shown(&plain(inner)),
                    ))
                })
                .collect();
            count += places.len();
            first = first.or_else(|| places.into_iter().next());
            **text = regex.replace_all(text, " ").into_owned();
        }
        if let Some((first, inner)) = first {
            let first = shown(first.trim_matches([' ', '\t', '\n', ',', ';']));
            let sentence = sentence.replace("{inner}", &inner).replace("{}", &first);
            remarks.push(counted(sentence, count - 1));
        }
    }
    remarks
}

/// `(words)1.2` and `(words)++`, the weight syntax of some other programs.
fn behind_weights(text: &str) -> Option<String> {
    let closed = CLOSED.as_ref()?;
    let mut places = text.match_indices(')').filter_map(|(at, _)| {
        let sign = closed.captures(&text[at + 1..])?.get(1)?.as_str().to_owned();
        let open = text[..at].rfind('(')?;
        Some(plain(&format!("{}{sign}", &text[open..=at])))
    });
    let first = shown(&places.next()?);
    let sentence = format!(
        "what stands behind the parentheses of `{first}` in a prompt is read as plain words; write the weight inside, as in \
         (word:1.2)"
    );
    Some(counted(sentence, places.count()))
}

#[cfg(test)]
mod tests;
