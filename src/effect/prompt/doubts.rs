//! What in a prompt's text may have been meant another way than it was read, a sentence each.

use super::grammar::Parts;
use super::mark::MarkKind;
use super::source::{Place, Source};

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
        let number = |line: &str| {
            let digits = line.bytes().take_while(u8::is_ascii_digit).count();
            let rest = line[digits..].trim_start();
            let separator = [". ", ") ", "= ", "- ", "– ", "=> ", "-> "].iter().any(|s| rest.starts_with(s));
            line[..digits].parse::<i64>().ok().filter(|_| separator)
        };
        let numbers: Vec<i64> = source.text.lines().filter_map(|line| number(line.trim())).collect();
        numbers.len() > 1 && numbers.is_sorted_by(|a, b| a < b)
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
        None => Vec::new(),
    }
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
            let blank = text[at + 1..].starts_with([' ', '"', '(']);
            (digits > 0 && blank && word.is_none_or(|c| !c.is_alphanumeric() && c != '.'))
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
    if !parts.head.is_empty() && more.split_last().is_some_and(|(last, all)| *last && !all.contains(&true)) {
        said.push(
                "the lines behind the last numbered one were read as part of its prompt; a line --- before them puts them behind every prompt"
                    .to_owned(),
            );
    }
    said
}
