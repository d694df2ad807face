//! Parser of schedules: a head, items that start with a frame number, and a tail. docs/prompts.md describes
//! the grammar.
//!
//! It first decides whether a text is a schedule at all, because an ordinary prompt must not change. A
//! schedule is then parsed sequentially; anything invalid is an error with its line number.

use super::comments::Uncommented;
use super::doubts::{doubts, lookalike};
use super::mark::{Mark, MarkKind, closers, mark};
use super::settings::ForeignSettings;
use super::source::{MarkedText, Preceding, Unreadable, ends_line};
use super::words::{at_rule, doubled, joined, quotation, unquoted};

/// The parts of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Text to put before every prompt.
    pub head: String,
    /// Frame, prompt and line number of every item, in their order in the text.
    pub items: Vec<(i64, String, usize)>,
    /// Text to put after every prompt.
    pub tail: String,
    /// Messages about what may have been meant differently.
    pub remarks: Vec<String>,
}

/// A parsed prompt parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// A schedule with frame numbers.
    Schedule(Parts),
    /// A single prompt, with messages about what may have been meant differently.
    Prompt(Vec<String>),
}

const UNCLOSED: &str = "the quotation mark is not closed";
const BEHIND_RULE: &str = "it stands behind ---, where the end of every prompt is expected";
const NOT_IN_BRACES: &str = "within braces only numbers and their texts are expected";

/// Parses a prompt parameter's text.
///
/// # Errors
/// The text looks like a schedule but is invalid.
pub fn parse(text: &str) -> Result<Text, Unreadable> {
    if let Some(settings) = ForeignSettings::of(text)? {
        // The text extracted from the settings contains no further settings.
        let Text::Schedule(mut parts) = numbered(&settings.text)? else {
            return Err(MarkedText::new(text).error(0, "its object of prompts has no item"));
        };
        parts.head = joined(&settings.head);
        parts.tail = joined(&settings.tail);
        parts.remarks.extend(settings.remark);
        return Ok(Text::Schedule(parts));
    }
    numbered(text)
}

fn numbered(text: &str) -> Result<Text, Unreadable> {
    // In a shell, and in hosts with a single input line, a line break is often written as `\n`.
    let lines = text.replace("\\r\\n", "\n").replace("\\n", "\n");
    let (as_is, broken) = (Uncommented::new(text), Uncommented::new(&lines));
    let mut source = MarkedText::new(&as_is.text);
    let mut remark = as_is.remark(text);
    if source.brace.is_none() && !text.trim().contains(ends_line) {
        let other = MarkedText::new(&broken.text);
        if other.is_schedule() && other.lines() > source.lines() {
            source = other;
            remark = broken.remark(&lines);
        }
    }
    if listed(text) {
        return Err(
            source.error(0, "a list cannot be a schedule; write {\"1\": \"a photo\", \"24\": \"a sketch\"}")
        );
    }
    if !source.is_schedule() {
        return Ok(Text::Prompt(lookalike(&source)));
    }
    let mut parts = Parser { source: &source, parts: Parts::default(), commas: false }.read()?;
    parts.remarks.extend(remark);
    Ok(Text::Schedule(parts))
}

/// Whether a text is a JSON list whose first element has a frame number: `[{"frame": 1`, `[[1, "a photo"]`.
fn listed(text: &str) -> bool {
    let Some(inner) = text.trim_start().strip_prefix('[') else { return false };
    let inner = inner.trim_start();
    let member = inner.get(1..).unwrap_or_default().trim_start();
    let behind = member.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '"' | '\'' | ' '));
    match inner.chars().next() {
        Some('{') => member.starts_with(['"', '\'']),
        Some('[' | '(') => member.len() > behind.len() && behind.starts_with(','),
        _ => false,
    }
}

/// Removes the name that an object is assigned to: `prompts = {`, `"animation_prompts": {`.
fn unassigned(head: &str) -> &str {
    let bare = head.trim_end();
    let Some(named) = bare.strip_suffix(['=', ':']).map(str::trim_end) else { return head };
    let rest = named.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '\''));
    let name = named[rest.len()..].to_lowercase();
    if !name.is_empty() && (bare.ends_with('=') || name.contains("prompt")) { rest } else { head }
}

/// Parses a schedule sequentially.
struct Parser<'a> {
    source: &'a MarkedText<'a>,
    parts: Parts,
    /// Whether items are separated by commas.
    commas: bool,
}

impl Parser<'_> {
    fn read(mut self) -> Result<Parts, Unreadable> {
        let source = self.source;
        let text = source.text;
        let from = source.brace.map_or(0, |brace| brace + 1);
        let (mut at, mut mark) = source.next(from, None).ok_or_else(|| source.error(0, "it has no item"))?;
        let head = source.brace.map_or(&text[..at], |brace| unassigned(&text[..brace]));
        // A rule may also separate the head from the items.
        let head = at_rule(head).map_or(head.to_owned(), |(a, b)| format!("{a}\n{b}"));
        self.parts.head = joined(&head);
        let mut pending = Vec::new();
        let end = loop {
            let (number, end, more) = self.item(at, mark)?;
            if let Some(first) = self.parts.items.iter().rev().skip(1).find(|item| item.0 == number) {
                return Err(source.error(at, format!("frame {number} is in line {} already", first.2)));
            }
            pending.push(more);
            match source.next(end, Some(number)) {
                Some((next, kind)) if self.gap(end, next)? => (at, mark) = (next, kind),
                _ => break end,
            }
        };
        self.rest(end)?;
        self.parts.remarks = doubts(source, &self.parts, &pending);
        Ok(self.parts)
    }

    /// Parses an item: returns its number, its end, and whether it has continuation lines.
    fn item(&mut self, at: usize, mark: Mark) -> Result<(i64, usize, bool), Unreadable> {
        let source = self.source;
        let number = match mark.kind {
            MarkKind::Frame(number) | MarkKind::Tight(number) => number,
            MarkKind::Wrong(why) => return Err(source.error(at, why)),
            MarkKind::Ratio | MarkKind::Name => {
                return Err(source.error(at, "before the colon the number of a frame is expected"));
            }
        };
        let start = at + mark.length;
        let limit = source.next(start, Some(number)).map_or(source.text.len(), |(next, _)| next);
        let (prompt, end, more) = match self.quoted(at, mark, limit)? {
            Some((prompt, end)) => (prompt, end, false),
            None => self.unquoted(at, mark, limit)?,
        };
        if prompt.matches('`').count() > 1 {
            return Err(source.error(at, "expressions are not supported; write the words as they are to be"));
        }
        if prompt.split_whitespace().any(|word| word == "--neg") {
            return Err(source.error(at, "--neg is not supported; negativePrompt takes a schedule, too"));
        }
        self.parts.items.push((number, prompt, source.line(at)));
        Ok((number, end, more))
    }

    /// Offset at which an item's text starts. As in JSON, it may be on a later line.
    fn begin(&self, at: usize, mark: Mark, limit: usize) -> usize {
        let start = at + mark.length;
        let region = &self.source.text[start..limit];
        let rest = match mark.quoted || self.source.brace.is_some() {
            true => region.trim_start(),
            false => region.trim_start_matches([' ', '\t']),
        };
        limit - rest.len()
    }

    /// The text of an item that is completely in quotation marks, and its end.
    fn quoted(&self, at: usize, mark: Mark, limit: usize) -> Result<Option<(String, usize)>, Unreadable> {
        let source = self.source;
        let start = self.begin(at, mark, limit);
        let value = if start == limit { "" } else { &source.text[start..] };
        let (Some(open), Some((close, end))) = (value.chars().next(), quotation(value)) else {
            return Ok(None);
        };
        let inside = &value[open.len_utf8()..close];
        if mark.quoted || source.brace.is_some() {
            let quote = start..start + close;
            let swallowed = |(at, _, mark): &(usize, Preceding, Mark)| {
                quote.contains(at) && mark.quoted && mark.kind != MarkKind::Name
            };
            if source.marks.iter().any(swallowed) {
                return Err(source.error(at, UNCLOSED));
            }
            if doubled(inside, open) {
                return Err(source.error(
                    at,
                    "behind its colon there are several texts; write them in one pair of quotation marks",
                ));
            }
        } else if inside.contains(|c| ends_line(c) || c == open) {
            return Ok(None);
        }
        Ok(Some((unquoted(inside, open), start + end)))
    }

    /// The text of an item without quotation marks, its end, and whether it has continuation lines.
    fn unquoted(&mut self, at: usize, mark: Mark, limit: usize) -> Result<(String, usize, bool), Unreadable> {
        let source = self.source;
        let start = self.begin(at, mark, limit);
        let mut value = &source.text[start..limit];
        let strict = mark.quoted || source.brace.is_some();
        if let Some(open) = value.chars().next()
            && let Some(closers) = closers(open)
        {
            // An apostrophe does not open a quotation.
            let quotation = strict || !matches!(open, '\'' | '’' | '‘');
            if quotation && !value[open.len_utf8()..].contains(closers) {
                return Err(source.error(at, UNCLOSED));
            }
        }
        if source.brace.is_some() {
            if mark.quoted || value.starts_with(['{', '[']) {
                return Err(source.error(at, "a text in quotation marks is expected behind the colon"));
            }
            value = value.split('}').next().unwrap_or_default();
        }
        let value = at_rule(value).map_or(value, |(before, _)| before);
        // A comma before the next number is a separator. If items are separated by commas, so is one after
        // the last item.
        let parted = |here: usize| here == limit || here == at;
        let comma = source.marks.iter().any(|(here, place, _)| parted(*here) && *place == Preceding::Comma);
        let mut prompt = joined(value);
        // A comma at the end of a line before the next item is a separator, too, and so is one after the last
        // item if others have one.
        let ends = prompt.ends_with(',') && (limit < source.text.len() || self.commas);
        self.commas |= ends;
        if strict || comma || ends {
            prompt.truncate(prompt.trim_end_matches(',').len());
        }
        Ok((prompt, start + value.len(), value.trim().contains(ends_line)))
    }

    /// Handles the text between a quotation and the next item; `false` if there are no more items.
    fn gap(&mut self, from: usize, to: usize) -> Result<bool, Unreadable> {
        let source = self.source;
        let between = &source.text[from..to];
        if source.brace.is_some() && between.contains('}') {
            return Err(source.error(to, "it stands behind the closing brace"));
        }
        match at_rule(between) {
            Some(_) => Err(source.error(to, BEHIND_RULE)),
            None => {
                self.append(from, between)?;
                Ok(true)
            }
        }
    }

    /// Appends lines without a number to the previous item.
    fn append(&mut self, at: usize, lines: &str) -> Result<(), Unreadable> {
        let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
        let words = lines.trim_matches(separator);
        if words.is_empty() {
            return Ok(());
        }
        let place = at + lines.len() - lines.trim_start_matches(separator).len();
        if self.source.brace.is_some() {
            return Err(self.source.error(place, NOT_IN_BRACES));
        }
        if words.starts_with('}') {
            return Err(self.source.error(place, "it closes a brace that was not opened"));
        }
        if let Some((_, prompt, _)) = self.parts.items.last_mut() {
            *prompt = format!("{prompt} {}", joined(words)).trim().to_owned();
        }
        Ok(())
    }

    /// Handles the text after the last item.
    fn rest(&mut self, from: usize) -> Result<(), Unreadable> {
        let source = self.source;
        let mut rest = &source.text[from..];
        let mut at = from;
        if let Some(brace) = source.brace {
            let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
            let inner = rest.trim_start_matches(separator);
            let Some(behind) = inner.strip_prefix('}') else {
                return Err(match inner {
                    "" => source.error(brace, "the brace is not closed"),
                    _ => source.error(source.text.len() - inner.len(), NOT_IN_BRACES),
                });
            };
            (rest, at) = (behind, source.text.len() - behind.len());
            let words = behind.trim_start_matches(separator);
            if !words.is_empty() && at_rule(words).is_none_or(|(before, _)| !before.is_empty()) {
                return Err(source.error(
                    source.text.len() - words.len(),
                    "it stands behind the closing brace; what belongs to the end of every prompt comes after a line ---",
                ));
            }
        }
        let Some((before, tail)) = at_rule(rest) else {
            return if source.brace.is_some() { Ok(()) } else { self.append(at, rest) };
        };
        if source.brace.is_none() {
            self.append(at, before)?;
        }
        let begin = source.text.len() - tail.len();
        if let Some((words, _)) = at_rule(tail) {
            let first = source.line(at + before.len());
            return Err(source.error(
                begin + words.len(),
                format!("there is a --- in line {first} already, and only one may follow the items"),
            ));
        }
        let words = tail.trim_start();
        if mark(words).is_some_and(|mark| matches!(mark.kind, MarkKind::Frame(_))) {
            return Err(source.error(source.text.len() - words.len(), BEHIND_RULE));
        }
        self.parts.tail = joined(tail);
        Ok(())
    }
}
