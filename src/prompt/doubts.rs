//! Messages about prompt texts that may have been meant differently from how they were parsed.

use super::grammar::Parts;
use super::listed::{begun, digits, is_list};
use super::mark::MarkKind;
use super::source::{MarkedText, Preceding, ends_line};

/// Words that follow a proportion: `1:8 scale model`.
const PROPORTION: [&str; 7] = ["scale", "scaled", "ratio", "aspect", "aspect-ratio", "format", "size"];

/// Messages about a prompt without schedule that resembles one.
pub fn lookalike(source: &MarkedText<'_>) -> Vec<String> {
    let odd = source.marks.iter().find(|(at, place, mark)| match mark.kind {
        MarkKind::Frame(_) => true,
        MarkKind::Tight(_) => {
            let behind = source.text[at + mark.length..].trim_start_matches(|c: char| c.is_ascii_digit());
            let word = behind.split_whitespace().next().unwrap_or_default();
            let proportion = PROPORTION.iter().any(|named| word.eq_ignore_ascii_case(named));
            *place == Preceding::Line && behind.trim_start().starts_with(char::is_alphabetic) && !proportion
        }
        MarkKind::Wrong(_) => *place == Preceding::Line,
        MarkKind::Ratio | MarkKind::Name => false,
    });
    // If all such lines are ratios or numbers without a space after the colon, a more specific message is
    // possible.
    let ratios = ratios(source);
    let odd = odd.filter(|(.., mark)| ratios.is_none() || !matches!(mark.kind, MarkKind::Tight(_)));
    match odd {
        Some((at, ..)) => vec![format!(
            "{} looks like a part of a schedule, but the text was read as one prompt; an item of a schedule is a line such as `24: a photo`",
            source.place(*at)
        )],
        None if is_list(source.text) => vec![
            "the text looks like a list by frames, but was read as one prompt; an item of a schedule is a line such as `24: a photo`"
                .to_owned(),
        ],
        None => ratios.into_iter().collect(),
    }
}

/// Lines that start with ascending ratios may be items: `1:3 girls`, `4:3 boys`.
fn ratios(source: &MarkedText<'_>) -> Option<String> {
    let tight = |kind| matches!(kind, MarkKind::Ratio | MarkKind::Tight(_));
    let lines =
        || source.marks.iter().filter(|(_, place, mark)| *place == Preceding::Line && tight(mark.kind));
    let numbers: Vec<i64> = lines().filter_map(|(at, ..)| digits(&source.text[*at..]).0).collect();
    (numbers.len() > 1 && numbers.is_sorted_by(|a, b| a < b)).then(|| {
        format!(
            "{} was read as a ratio, and the text as one prompt; a blank behind each colon makes a schedule of it",
            source.place(lines().next().map_or(0, |(at, ..)| *at))
        )
    })
}

/// Lines after the first item that start with a number or a name for a frame and are not items.
fn swallowed(source: &MarkedText<'_>) -> Option<String> {
    let mut before = None;
    let mut places = Vec::new();
    let mut at = 0;
    for line in source.text.split_inclusive(ends_line) {
        let bare = line.trim();
        let start = at + line.find(bare).unwrap_or(0);
        at += line.len();
        if let Some((.., mark)) =
            source.marks.iter().find(|(at, place, _)| *at == start && *place == Preceding::Line)
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
        let alone = words.is_empty();
        let numbered = number.is_some_and(|number| number > before) && (alone || parted);
        if numbered || begun(bare).is_some_and(|start| start.sure) {
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

/// The first line with this number before a colon.
fn line_of(source: &MarkedText<'_>, number: &str) -> usize {
    let colon = |rest: &str| rest.trim_start_matches([' ', '"', '”', '\'']).starts_with([':', '：']);
    let mut places = source.text.match_indices(number);
    places.find(|(at, _)| colon(&source.text[at + number.len()..])).map_or(1, |(at, _)| source.line(at))
}

/// The frame number of the item that contains an offset; `None` before the first item.
fn number_before(source: &MarkedText<'_>, at: usize) -> Option<i64> {
    let before = source.marks.iter().rev().filter(|(from, place, _)| *from < at && *place != Preceding::Bar);
    before.into_iter().find_map(|(.., mark)| match mark.kind {
        MarkKind::Frame(number) | MarkKind::Tight(number) => Some(number),
        _ => None,
    })
}

/// Text after a comma in a prompt that starts with a number between the item's frame and the next one's:
/// `neon, 8 night`.
fn without_colon(prompt: &str, frame: i64, next: Option<i64>) -> Option<String> {
    const UNITS: [&str; 10] = ["mm", "cm", "m", "k", "fps", "px", "years", "year", "people", "percent"];
    prompt.match_indices([',', ';']).find_map(|(at, _)| {
        let (number, rest) = digits(prompt[at + 1..].trim_start());
        let words = rest.trim_start();
        let word = words.split([' ', ',']).next().unwrap_or_default();
        let fits = number.is_some_and(|number| number > frame && next.is_none_or(|next| number < next));
        let named = words.len() < rest.len() && words.starts_with(char::is_alphabetic);
        (fits && named && !UNITS.contains(&word.to_lowercase().as_str()))
            .then(|| format!("{} {word}", number.unwrap_or_default()))
    })
}

/// Messages about a schedule. `more` tells for every item whether it has continuation lines.
pub fn doubts(source: &MarkedText<'_>, parts: &Parts, more: &[bool]) -> Vec<String> {
    let mut said = Vec::new();
    if let Some((_, prompt, line)) = parts.items.iter().find(|item| item.0 == 0) {
        said.push(format!(
                "line {line} `0: {}` lies one frame before the clip, whose frames count from 1; if the schedule counts from 0, add 1 to its numbers",
                prompt.chars().take(20).collect::<String>()
            ));
    }
    for (at, place, mark) in &source.marks {
        let larger = || digits(&source.text[*at..]).0 > number_before(source, *at);
        if mark.kind == MarkKind::Ratio
            && (*place == Preceding::Line || (*place != Preceding::Bar && larger()))
        {
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
    if let Some(number) = inside(&parts.head) {
        said.push(format!(
            "`{number}:` in line {} was read as words of the head, which is put before every prompt; an item begins on a new \
             line",
            line_of(source, &number)
        ));
    }
    let empty = |text: &str| text.trim_matches([',', ' ']).is_empty();
    let alone = empty(&parts.head) && empty(&parts.tail);
    for (frame, prompt, line) in &parts.items {
        if alone && empty(prompt) {
            said.push(format!("the prompt at frame {frame} in line {line} is empty"));
        }
        let next = parts.items.iter().map(|item| item.0).filter(|number| number > frame).min();
        if let Some(words) = without_colon(prompt, *frame, next) {
            said.push(format!(
                "`{words}` in the prompt of line {line} was read as words of the prompt at frame {frame}; an item has a colon \
                 behind its number and begins on a new line, as in `24: a photo`"
            ));
        }
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
    if let Some(line) = source.text.split(ends_line).map(str::trim).find(|line| line.starts_with("-- ")) {
        said.push(format!(
            "`{}` was read as words of a prompt; what is put behind every prompt stands behind a line ---",
            line.chars().take(40).collect::<String>()
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
