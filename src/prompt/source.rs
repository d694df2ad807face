//! A prompt's text, with the positions at which an item of a schedule may start.

use std::fmt;

use super::mark::{Mark, MarkKind, closers, invisible, mark, quoted_item};
use super::words::dashes;

/// Why a schedule cannot be parsed, with the line number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    place: String,
    why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

/// What precedes a position at which an item may start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Preceding {
    Line,
    Semicolon,
    Comma,
    Bar,
}

/// A text, with the positions at which items may start.
pub struct MarkedText<'a> {
    /// The whole text.
    pub text: &'a str,
    /// Byte offset, preceding text and mark of each position, in ascending order.
    pub marks: Vec<(usize, Preceding, Mark)>,
    /// Offset of the opening brace of an object, if there is one.
    pub brace: Option<usize>,
}

/// Characters that end a line of a schedule.
pub fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{2028}' | '\u{2029}')
}

impl<'a> MarkedText<'a> {
    pub fn new(text: &'a str) -> Self {
        let mut source = Self { text, marks: Vec::new(), brace: None };
        let mut place = Some(Preceding::Line);
        // The last visible character.
        let mut last = ' ';
        for (at, c) in text.char_indices() {
            let blank = c.is_whitespace() || invisible(c);
            if blank
                && !ends_line(c)
                && last == '-'
                && text[..at].rsplit(char::is_whitespace).next().is_some_and(dashes)
            {
                place = Some(Preceding::Line);
            }
            // A missing comma between two texts.
            if place.is_none() && closers(last).is_some() && closers(c).is_some() && quoted_item(&text[at..])
            {
                place = Some(Preceding::Comma);
            }
            // `prompts = {"1": "a photo"}`
            if c == '{'
                && source.brace.is_none()
                && !source.marks.iter().any(|(.., mark)| matches!(mark.kind, MarkKind::Frame(_)))
                && (quoted_item(text[at + 1..].trim_start()) || (last == '=' && mark_behind(&text[at + 1..])))
            {
                source.brace = Some(at);
                (place, last) = (Some(Preceding::Line), c);
                continue;
            }
            if let Some(here) = place
                && !blank
            {
                if let Some(mark) = mark(&text[at..]) {
                    source.marks.push((at, here, mark));
                } else if c == '{' && here == Preceding::Line && source.brace.is_none() {
                    // `{2::red|blue}` and `{a|b}` are not objects.
                    if mark_behind(&text[at + 1..]) {
                        source.brace = Some(at);
                        last = c;
                        continue;
                    }
                }
                place = None;
            }
            if !blank {
                last = c;
            }
            place = match c {
                _ if ends_line(c) => Some(Preceding::Line),
                ';' => Some(Preceding::Semicolon),
                ',' => Some(Preceding::Comma),
                '|' => Some(Preceding::Bar),
                _ => place,
            };
        }
        source
    }

    /// Number of marks of certain kinds at certain places.
    fn count(&self, at: impl Fn(Preceding) -> bool, of: impl Fn(MarkKind) -> bool) -> usize {
        self.marks.iter().filter(|(_, place, mark)| at(*place) && of(mark.kind)).count()
    }

    /// Number of lines that start with a frame number.
    pub fn lines(&self) -> usize {
        self.count(|place| place == Preceding::Line, |kind| matches!(kind, MarkKind::Frame(_)))
    }

    pub fn is_schedule(&self) -> bool {
        let line = |place| place == Preceding::Line;
        let frame = |kind| matches!(kind, MarkKind::Frame(_));
        let wrong = |kind| matches!(kind, MarkKind::Wrong(_));
        let tight: Vec<i64> = (self.marks.iter())
            .filter_map(|(_, place, mark)| match mark.kind {
                MarkKind::Tight(number) if *place == Preceding::Line => Some(number),
                _ => None,
            })
            .collect();
        self.brace.is_some()
            || self.lines() > 0
            || self.count(|place| line(place) || place == Preceding::Semicolon, frame) > 1
            || self.first_behind_comma(0).is_some()
            || (tight.len() > 1 && tight.is_sorted_by(|a, b| a < b))
            || self.count(line, wrong) > 1
            || self.marks.iter().any(|(_, place, mark)| line(*place) && mark.quoted && wrong(mark.kind))
    }

    /// The line number of an offset, from 1.
    pub fn line(&self, at: usize) -> usize {
        let before = self.text[..at].replace("\r\n", "\n");
        before.chars().filter(|c| ends_line(*c)).count() + 1
    }

    /// Line number and start of the line of an offset, for a message.
    pub fn place(&self, at: usize) -> String {
        let rest = self.text[at..].split(ends_line).next().unwrap_or_default().trim();
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let mut shown: String = rest.chars().take(40).map(plain).collect();
        if rest.chars().count() > 40 {
            shown.push('…');
        }
        format!("line {} `{shown}`", self.line(at))
    }

    pub fn error(&self, at: usize, why: impl Into<String>) -> Unreadable {
        Unreadable { place: self.place(at), why: why.into() }
    }

    /// The next item from an offset on, given the frame number of the previous one.
    pub fn next(&self, from: usize, before: Option<i64>) -> Option<(usize, Mark)> {
        let begins = |place: Preceding, mark: Mark| match (place, mark.kind) {
            (Preceding::Bar, _) | (_, MarkKind::Ratio) => false,
            (Preceding::Comma, MarkKind::Frame(number)) => {
                mark.quoted || before.is_some_and(|before| number > before)
            }
            (Preceding::Comma, MarkKind::Wrong(_)) => mark.quoted,
            (Preceding::Comma, _) => false,
            (_, MarkKind::Name) => self.brace.is_some(),
            _ => true,
        };
        let found = self.marks.iter().find(|(at, place, mark)| *at >= from && begins(*place, *mark))?;
        let first = if before.is_none() { self.first_behind_comma(from) } else { None };
        let found = first.filter(|first| first.0 < found.0).unwrap_or(found);
        Some((found.0, found.2))
    }

    /// The first item, if it follows the head and a comma on the same line: `masterpiece, 1: a photo`. It
    /// counts as an item if the items that follow on their own lines or after semicolons continue its number
    /// in ascending order.
    fn first_behind_comma(&self, from: usize) -> Option<&(usize, Preceding, Mark)> {
        let number = |mark: &Mark| match mark.kind {
            MarkKind::Frame(number) => Some(number),
            _ => None,
        };
        let of = |place: Preceding| matches!(place, Preceding::Line | Preceding::Semicolon);
        let begins = |(_, place, mark): &&(usize, Preceding, Mark)| of(*place) && number(mark).is_some();
        let first = self.marks.iter().find(begins)?;
        let others: Vec<i64> =
            self.marks.iter().filter(begins).filter_map(|(.., mark)| number(mark)).collect();
        let goes_on = |mark: &Mark| {
            number(mark).is_some_and(|number| others.first().is_some_and(|next| number < *next))
        };
        if self.brace.is_some() || !others.is_sorted_by(|a, b| a < b) {
            return None;
        }
        self.marks
            .iter()
            .filter(|(at, place, _)| (from..first.0).contains(at) && *place == Preceding::Comma)
            .find(|(.., mark)| goes_on(mark))
    }
}

/// Whether a key and a colon follow, as in an object.
fn mark_behind(text: &str) -> bool {
    mark(text.trim_start()).is_some_and(|mark| mark.quoted || matches!(mark.kind, MarkKind::Frame(_)))
}
