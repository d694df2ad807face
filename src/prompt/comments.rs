//! Comments and code fences, which are not part of a schedule.

use super::mark::{MarkKind, closers, invisible, mark};
use super::source::{MarkedText, ends_line};

/// A text whose comments are replaced by spaces, so that offsets do not change.
pub struct Uncommented {
    pub text: String,
    /// Offsets at which comments start.
    places: Vec<usize>,
}

impl Uncommented {
    pub fn new(text: &str) -> Self {
        let numbered = |line: &str| mark(line).is_some_and(|mark| matches!(mark.kind, MarkKind::Frame(_)));
        let trimmed = |line: &str| line.trim_matches(|c: char| c.is_whitespace() || invisible(c)).to_owned();
        // `# 24: a photo` is an item if all items are written like this.
        let items = text.split(ends_line).map(trimmed).any(|line| !hashed(&line) && numbered(&line));
        let mut rest = Self { text: String::with_capacity(text.len()), places: Vec::new() };
        for line in text.split_inclusive(ends_line) {
            let bare = trimmed(line);
            let from = if fence(&bare) {
                Some(0)
            } else if bare.starts_with("//") || (hashed(&bare) && (items || !numbered(&bare))) {
                rest.places.push(rest.text.len() + line.find(&bare).unwrap_or(0));
                Some(0)
            } else {
                let at = behind_text(line);
                rest.places.extend(at.map(|at| rest.text.len() + at));
                at
            };
            let (kept, left) = line.split_at(from.unwrap_or(line.len()));
            rest.text.push_str(kept);
            for c in left.chars() {
                if ends_line(c) { rest.text.push(c) } else { rest.text.extend([' '].repeat(c.len_utf8())) }
            }
        }
        rest
    }

    /// A message about the removed comments; `text` is the original text.
    pub fn remark(&self, text: &str) -> Option<String> {
        let place = MarkedText::new(text).place(*self.places.first()?);
        let more = match self.places.len() {
            1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        Some(format!("{place} was left out as a comment{more}"))
    }
}

/// Whether a line starts with number signs and a space.
fn hashed(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    rest.len() < line.len() && (rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// Whether a line is a code fence, with or without a language.
fn fence(line: &str) -> bool {
    line.strip_prefix("```").is_some_and(|name| name.chars().all(char::is_alphanumeric))
}

/// Offset of a comment that follows a text in quotation marks.
fn behind_text(line: &str) -> Option<usize> {
    let open = line.trim_start_matches(|c: char| c.is_whitespace() || c == '{').chars().next()?;
    closers(open)?;
    let comment = |at: usize| {
        let before = line[..at].trim_end();
        let text = before.trim_end_matches([',', ';', ' ']);
        before.len() < at && text.ends_with(open) && text.matches(open).count() % 2 == 0
    };
    let mut places: Vec<usize> =
        ["//", "# "].iter().flat_map(|sign| line.match_indices(sign)).map(|(at, _)| at).collect();
    places.sort_unstable();
    places.into_iter().find(|at| comment(*at))
}
