//! Text of schedule parts: quotation marks, rules of dashes, and joining of parts.

use super::mark::{closers, invisible, mark, quoted_item};
use super::source::ends_line;

/// Whether a word consists of three or more dashes.
pub fn dashes(word: &str) -> bool {
    word.chars().all(|c| matches!(c, '-' | '–' | '—')) && word.chars().count() >= 3
}

/// Whether a line is only a rule, in one of the forms that word processors produce.
fn ruled(line: &str) -> bool {
    let mut signs = line.chars().filter(|c| !c.is_whitespace());
    let first = signs.next();
    let alike = first.is_some_and(|c| "-–—*=_~".contains(c)) && signs.clone().all(|c| Some(c) == first);
    alike && (signs.count() >= 2 || line == "--")
}

/// Splits a text at the first rule: a line of its own, or three or more dashes as a word or before one.
pub fn at_rule(text: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    let mut begins = true;
    for word in text.split_inclusive(|c: char| c.is_whitespace() || c == ';') {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || c == ';');
        let line = text[start..].split(ends_line).next().unwrap_or_default().trim_end();
        let length = if begins && ruled(line) {
            line.len()
        // Word processors convert three hyphens to these.
        } else if dashes(bare) || matches!(bare, "—" | "–-" | "—-") {
            bare.len()
        } else if bare.starts_with("---") {
            bare.len() - bare.trim_start_matches('-').len()
        } else {
            if !bare.is_empty() {
                begins = false;
            }
            begins |= word.ends_with(ends_line);
            start += word.len();
            continue;
        };
        return Some((&text[..start], &text[start + length..]));
    }
    None
}

/// Joins lines to one, without separators at the ends.
pub fn joined(text: &str) -> String {
    let blank = |c: char| c.is_whitespace() || c == ';' || invisible(c);
    let lines = text.trim_matches(blank).split(ends_line).map(str::trim);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Joins two parts of a prompt with a comma.
pub fn beside(a: &str, b: &str) -> String {
    match (a.trim_end(), b) {
        ("", _) => b.to_owned(),
        (_, "") => a.to_owned(),
        (a, _) if a.ends_with(',') => format!("{a} {b}"),
        (a, _) => format!("{a}, {b}"),
    }
}

/// The content of a text in quotation marks.
pub fn unquoted(text: &str, open: char) -> String {
    // Python's triple quotes.
    let twice = [open; 2].iter().collect::<String>();
    let text = text.strip_prefix(&twice).and_then(|rest| rest.strip_suffix(&twice)).unwrap_or(text);
    let line = text.replace(ends_line, " ");
    let plain = match open {
        // JSON escapes if it is valid JSON. Prompts may contain escaped brackets, which JSON does not allow.
        '"' => serde_json::from_str(&format!("\"{line}\"")).unwrap_or_else(|_| line.replace("\\\"", "\"")),
        _ => line,
    };
    plain.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Whether the content of a quotation opened by `open` contains a second one: `"a" + "b"`, `"a" "b"`.
pub fn doubled(inside: &str, open: char) -> bool {
    inside.match_indices(open).any(|(at, mark)| {
        let behind = &inside[at + mark.len()..];
        let next = behind.trim_start_matches(|c: char| c.is_whitespace() || c == '+');
        !inside[..at].ends_with('\\') && next.len() < behind.len() && next.starts_with(open)
    })
}

/// Offsets of the closing quotation mark of the quotation at the start of `text` and of the text after it:
/// the first closing mark that can end the item. The matching mark is tried before other closing marks.
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
            let more = rest.trim_start_matches([',', ';', ' ', '\t']);
            let separated = || matches!(next, ',' | ';') && (mark(more.trim_start()).is_some() || over(more));
            let rule = || at_rule(rest).is_some_and(|(before, _)| before.is_empty());
            if ends_line(next) || next == '}' || separated() || rule() || quoted_item(rest) {
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
