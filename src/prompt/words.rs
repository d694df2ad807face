//! The words of a schedule's parts: quotation marks, rules of dashes, and how parts are put together.

use super::mark::{closers, invisible, mark, quoted_item};
use super::source::ends_line;

/// Whether a word is three or more dashes.
pub fn dashes(word: &str) -> bool {
    word.chars().all(|c| matches!(c, '-' | '–' | '—')) && word.chars().count() >= 3
}

/// Whether a line is nothing but a rule, in the ways in which text programs have them.
fn ruled(line: &str) -> bool {
    let mut signs = line.chars().filter(|c| !c.is_whitespace());
    let first = signs.next();
    let alike = first.is_some_and(|c| "-–—*=_~".contains(c)) && signs.clone().all(|c| Some(c) == first);
    alike && (signs.count() >= 2 || line == "--")
}

/// The first rule, which is a line of its own, three or more dashes as a word, or before a word: what is before and what is
/// behind.
pub fn at_rule(text: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    let mut begins = true;
    for word in text.split_inclusive(|c: char| c.is_whitespace() || c == ';') {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || c == ';');
        let line = text[start..].split(ends_line).next().unwrap_or_default().trim_end();
        let length = if begins && ruled(line) {
            line.len()
        // What text programs make of three hyphens.
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

/// Lines as one, without separators at the ends.
pub fn joined(text: &str) -> String {
    let blank = |c: char| c.is_whitespace() || c == ';' || invisible(c);
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
    // """Python"""
    let twice = [open; 2].iter().collect::<String>();
    let text = text.strip_prefix(&twice).and_then(|rest| rest.strip_suffix(&twice)).unwrap_or(text);
    let line = text.replace(ends_line, " ");
    let plain = match open {
        // Escapes of JSON, as far as it is JSON: brackets are escaped in prompts, which JSON does not know.
        '"' => serde_json::from_str(&format!("\"{line}\"")).unwrap_or_else(|_| line.replace("\\\"", "\"")),
        _ => line,
    };
    plain.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Whether a quotation that `open` begins has a second one in it: `"a" + "b"`, `"a" "b"`.
pub fn doubled(inside: &str, open: char) -> bool {
    inside.match_indices(open).any(|(at, mark)| {
        let behind = &inside[at + mark.len()..];
        let next = behind.trim_start_matches(|c: char| c.is_whitespace() || c == '+');
        !inside[..at].ends_with('\\') && next.len() < behind.len() && next.starts_with(open)
    })
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
