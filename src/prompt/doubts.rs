//! What in a prompt's text may have been meant another way than it was read, a sentence each.

use super::grammar::Parts;
use super::mark::MarkKind;
use super::source::{Place, Source, ends_line};

/// What in an ordinary prompt looks like a schedule.
pub fn lookalike(source: &Source<'_>) -> Vec<String> {
    let odd = source.marks.iter().find(|(at, place, mark)| match mark.kind {
        MarkKind::Frame(_) => true,
        // 1:8 scale model
        MarkKind::Tight(_) => {
            let behind = source.text[at + mark.length..].trim_start_matches(|c: char| c.is_ascii_digit());
            *place == Place::Line && behind.starts_with(char::is_alphabetic)
        }
        MarkKind::Wrong(_) => *place == Place::Line,
        MarkKind::Ratio | MarkKind::Name => false,
    });
    let listed = || {
        let starts: Vec<Option<i64>> = source.text.lines().filter_map(listed).collect();
        let numbers: Vec<i64> = starts.iter().filter_map(|number| *number).collect();
        starts.len() > 1 && numbers.is_sorted_by(|a, b| a < b) || in_parentheses(source.text)
    };
    match odd {
        Some((at, ..)) => vec![format!(
            "{} looks like a part of a schedule, but the text was read as one prompt; an item of a schedule is a line such as `24: a photo`",
            source.place(*at)
        )],
        None if listed() => vec![
            "the text looks like a list by frames, but was read as one prompt; an item of a schedule is a line such as `24: a photo`"
                .to_owned(),
        ],
        None => ratios(source).into_iter().collect(),
    }
}

/// Lines that begin with ascending ratios may be items: `1:3 girls`, `4:3 boys`.
fn ratios(source: &Source<'_>) -> Option<String> {
    let tight = |kind| matches!(kind, MarkKind::Ratio | MarkKind::Tight(_));
    let lines = || source.marks.iter().filter(|(_, place, mark)| *place == Place::Line && tight(mark.kind));
    let numbers: Vec<i64> = lines().filter_map(|(at, ..)| digits(&source.text[*at..]).0).collect();
    (numbers.len() > 1 && numbers.is_sorted_by(|a, b| a < b)).then(|| {
        format!(
            "{} was read as a ratio, and the text as one prompt; a blank behind each colon makes a schedule of it",
            source.place(lines().next().map_or(0, |(at, ..)| *at))
        )
    })
}

/// The number that a text begins with, and what follows it.
fn digits(text: &str) -> (Option<i64>, &str) {
    let (number, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    (number.parse().ok(), rest)
}

/// Whether a line begins with a name for a frame and a colon: `Shot 4: a sketch`, `end: a sketch`; with its number, if
/// it has one.
fn named(line: &str) -> Option<Option<i64>> {
    const COUNTED: [&str; 11] =
        ["shot", "scene", "segment", "clip", "cut", "seconds", "second", "sec", "minute", "time", "t"];
    const ENDS: [&str; 10] = [
        "start",
        "begin",
        "beginning",
        "first",
        "middle",
        "end",
        "ending",
        "last",
        "first frame",
        "last frame",
    ];
    let (name, _) = line.split_once([':', '：'])?;
    let name = name.trim().to_lowercase();
    if ENDS.contains(&name.as_str()) {
        return Some(None);
    }
    let number =
        COUNTED.iter().find_map(|word| name.strip_prefix(word))?.trim_start_matches([' ', '#', '_', '=']);
    number.parse().ok().map(Some)
}

/// Whether a line is one of a list by frames, in another way of writing than that of an item; with its number, if it has
/// one.
fn listed(line: &str) -> Option<Option<i64>> {
    let line = line.trim();
    let bare = line.trim_start_matches(['"', '“', '„', '\'']);
    let (number, rest) = digits(bare);
    let words = rest.trim_start();
    // `1,000 cats`
    let joined =
        words.starts_with([',', ';', '|', '=', '~']) && !words[1..].starts_with(|c: char| c.is_ascii_digit());
    let apart = [". ", ") ", "- ", "– ", "=> ", "-> "].iter().any(|sign| words.starts_with(sign));
    // The whole line in quotation marks.
    let quoted = bare.len() < line.len() && words.starts_with(": ");
    match number {
        Some(_) if joined || apart || quoted || rest.starts_with('\t') => Some(number),
        Some(_) => None,
        None => named(line),
    }
}

/// Whether a text begins as `(0:(a photo)),`.
fn in_parentheses(text: &str) -> bool {
    let Some((Some(_), rest)) = text.trim_start().strip_prefix('(').map(digits) else { return false };
    rest.trim_start().strip_prefix(':').is_some_and(|words| words.trim_start().starts_with('('))
}

/// Lines behind the first item that begin with a number, or a name for a frame, and are none.
fn swallowed(source: &Source<'_>) -> Option<String> {
    let mut before = None;
    let mut places = Vec::new();
    let mut at = 0;
    for line in source.text.split_inclusive(ends_line) {
        let bare = line.trim();
        let start = at + line.find(bare).unwrap_or(0);
        at += line.len();
        if let Some((.., mark)) =
            source.marks.iter().find(|(at, place, _)| *at == start && *place == Place::Line)
        {
            if let MarkKind::Frame(number) | MarkKind::Tight(number) = mark.kind {
                before = Some(number);
            }
            continue;
        }
        let Some(before) = before else { continue };
        let (number, rest) = digits(bare);
        let words = rest.trim_start();
        let parted = words.len() < rest.len() || words.starts_with([';', ',', '=', '|', ')']);
        let numbered = number.is_some_and(|number| number > before) && parted && !words.is_empty();
        if numbered || listed(bare).is_some() {
            places.push(start);
        }
    }
    let more = match places.len() {
        0 | 1 => String::new(),
        all => format!(" (and {} more)", all - 1),
    };
    Some(format!(
        "{} was read as words of the prompt before it; an item begins with the number of a frame and a colon, as in \
         `24: a photo`{more}",
        source.place(*places.first()?)
    ))
}

/// What of a schedule may have been meant another way. `more` says of every item whether it has further lines.
pub fn doubts(source: &Source<'_>, parts: &Parts, more: &[bool]) -> Vec<String> {
    let mut said = Vec::new();
    if let Some((_, prompt, line)) = parts.items.iter().find(|item| item.0 == 0) {
        said.push(format!(
                "line {line} `0: {}` lies one frame before the clip, whose frames count from 1; if the schedule counts from 0, add 1 to its numbers",
                prompt.chars().take(20).collect::<String>()
            ));
    }
    for (at, place, mark) in &source.marks {
        if mark.kind == MarkKind::Ratio && *place == Place::Line {
            let place = source.place(*at);
            said.push(format!(
                "{place} was read as a ratio, not as a frame; a blank behind the colon makes it one"
            ));
        }
    }
    let inside = |text: &str| {
        let numbers = |(at, _): (usize, &str)| {
            let before = text[..at].trim_end_matches([' ', '"', '”', '\'']);
            let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let word = before[..before.len() - digits].chars().next_back();
            let begins = |c: char| c.is_whitespace() || c.is_alphabetic() || "\"'“„([".contains(c);
            (digits > 0
                && text[at + 1..].starts_with(begins)
                && word.is_none_or(|c| !c.is_alphanumeric() && !".:".contains(c)))
            .then(|| before[before.len() - digits..].to_owned())
        };
        text.match_indices(':').find_map(numbers)
    };
    for (frame, prompt, line) in &parts.items {
        if let Some(number) = inside(prompt) {
            said.push(format!(
                    "`{number}:` in the prompt of line {line} was read as words of the prompt at frame {frame}; the next item begins on a new line or behind a semicolon"
                ));
        }
    }
    if let Some(number) = inside(&parts.tail) {
        said.push(format!(
            "`{number}:` behind --- was read as words for the end of every prompt; items stand before ---"
        ));
    }
    if let Some((.., line)) = parts.items.iter().find(|(_, prompt, _)| prompt.contains("---")) {
        said.push(format!(
            "a --- in the prompt of line {line} was read as words; where it parts the end of every prompt from the items, it stands on a line of its own"
        ));
    }
    let lost = swallowed(source);
    if lost.is_none()
        && !parts.head.is_empty()
        && more.split_last().is_some_and(|(last, all)| *last && !all.contains(&true))
    {
        said.push(
                "the lines behind the last numbered one were read as part of its prompt; a line --- before them puts them behind every prompt"
                    .to_owned(),
            );
    }
    said.extend(lost);
    said
}
