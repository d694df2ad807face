//! The words of a schedule's parts: quotation marks, rules of dashes, and how parts are put together.

use super::mark::{closers, mark};
use super::source::ends_line;

/// The first line of three or more dashes that stands alone, or such a word: what is before and what is behind.
pub fn at_rule(text: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    for word in text.split_inclusive(|c: char| c.is_whitespace() || c == ';') {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || c == ';');
        // What text programs make of three hyphens.
        let dashes = bare.chars().all(|c| matches!(c, '-' | '–' | '—'));
        if dashes && (bare.chars().count() >= 3 || bare == "—" || bare == "–-" || bare == "—-") {
            return Some((&text[..start], &text[start + bare.len()..]));
        }
        start += word.len();
    }
    None
}

/// Lines as one, without separators at the ends.
pub fn joined(text: &str) -> String {
    let blank = |c: char| c.is_whitespace() || c == ';' || c == '\u{feff}';
    let lines = text.trim_matches(blank).split(ends_line).map(str::trim);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Two parts of a prompt with a comma between them.
pub fn beside(a: &str, b: &str) -> String {
    match (a.trim_end(), b) {
        ("", _) => b.to_owned(),
        (_, "") => a.to_owned(),
        (a, _) if a.ends_with(',') => format!("{a} {b}"),
        (a, _) => format!("{a}, {b}"),
    }
}

/// What a text in quotation marks says.
pub fn unquoted(text: &str, open: char) -> String {
    let line = text.replace(ends_line, " ");
    let plain = match open {
        // Escapes of JSON, as far as it is JSON: brackets are escaped in prompts, which JSON does not know.
        '"' => serde_json::from_str(&format!("\"{line}\"")).unwrap_or_else(|_| line.replace("\\\"", "\"")),
        _ => line,
    };
    plain.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Where a quotation at the beginning of `text` ends, and where what follows it begins: the first closing mark behind
/// which the item can be over. The usual counterpart comes before what else might have been typed.
pub fn quotation(text: &str) -> Option<(usize, usize)> {
    let closers = closers(text.chars().next()?)?;
    closed(text, &closers[..1]).or_else(|| closed(text, closers))
}

fn closed(text: &str, closers: &[char]) -> Option<(usize, usize)> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if !escaped && closers.contains(&c) {
            let end = at + c.len_utf8();
            let rest = text[end..].trim_start_matches([' ', '\t']);
            let next = rest.chars().next().unwrap_or('\n');
            let item = || mark(rest[1..].trim_start()).is_some();
            if ends_line(next) || next == '}' || (matches!(next, ',' | ';') && (item() || over(&rest[1..]))) {
                return Some((at, end));
            }
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// Whether nothing follows on the line, or the end of an object.
fn over(rest: &str) -> bool {
    rest.trim_start_matches([' ', '\t']).chars().next().is_none_or(|c| ends_line(c) || c == '}')
}
