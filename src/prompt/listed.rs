//! Detects lists of prompts by frame in other formats than a schedule's, by how a line or item starts.

use super::mark::closers;
use super::source::ends_line;

/// Words for a frame that may precede its number.
const FRAMES: [&str; 9] =
    ["keyframes", "keyframe", "key frame", "key", "kf", "at frame", "from frame", "frames", "frame"];

/// Words that precede a number in lists by frame but also in other texts: `from 3 sides`.
const COUNTED: [&str; 23] = [
    "from", "at", "shot", "scene", "segment", "clip", "cut", "step", "seconds", "second", "sec", "minute",
    "time", "number", "no", "nr", "part", "panel", "image", "prompt", "f", "t", "k",
];

/// Words for a frame without a number.
const ENDS: [&str; 10] =
    ["start", "begin", "beginning", "first", "middle", "end", "ending", "last", "first frame", "last frame"];

/// Numbers in words.
const NUMBERS: [&str; 12] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// Separators between a number and its text, with the space that belongs to them.
const SIGNS: [&str; 17] =
    [":", "：", "=", "~", ",", ";", "|", "→", "⇒", "->", "=>", "- ", "– ", "— ", "-- ", ". ", ") "];

/// The start of a line or an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The frame number, if there is one.
    pub number: Option<i64>,
    /// Whether there is more than a number and a space, which occur in prompts as well: `3 cats`.
    pub sure: bool,
    /// Whether a single such line shows that the text is a list: `Frame 1 - a photo`, `frame: 1`, `"1"; "a
    /// photo"`.
    telling: bool,
}

/// Parses the number at the start of a text; returns the rest, too.
pub fn digits(text: &str) -> (Option<i64>, &str) {
    let (number, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    (number.parse().ok(), rest)
}

/// Parses a name for a frame and a colon at the start of a line: `end: a sketch`.
fn named(line: &str) -> Option<Start> {
    let (name, _) = line.split_once([':', '：'])?;
    let name = name.trim().to_lowercase();
    if let Some(at) = NUMBERS.iter().position(|number| *number == name) {
        return Some(Start { number: i64::try_from(at + 1).ok(), sure: true, telling: false });
    }
    ENDS.contains(&name.as_str()).then_some(Start { number: None, sure: true, telling: false })
}

/// Removes a word for a frame if a number follows.
fn without_word<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    let behind = |word: &&str| {
        let head = text.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
        let rest = text[head.len()..].trim_start_matches([' ', '#', '.', '_', '=', ':', '"', '\'']);
        rest.starts_with(|c: char| c.is_ascii_digit()).then_some(rest)
    };
    words.iter().find_map(behind)
}

/// Parses the start of a line or item; `None` if it cannot be one of a list by frame.
pub fn begun(text: &str) -> Option<Start> {
    let text = text.trim();
    let points = ["- ", "* ", "• ", "+ ", "> "];
    let line = points.iter().find_map(|point| text.strip_prefix(point)).unwrap_or(text).trim_start();
    let opened = |c: char| closers(c).is_some() || matches!(c, '(' | '[' | '<' | '{' | '|' | '*' | '_' | ' ');
    let inner = line.trim_start_matches(opened);
    let bare = inner.trim_start_matches(['#', '@', ' ']);
    let signed = bare.len() < inner.len();
    let word = without_word(bare, &FRAMES);
    let counted = if word.is_none() { without_word(bare, &COUNTED) } else { None };
    let (Some(number), rest) = digits(word.or(counted).unwrap_or(bare)) else { return named(line) };
    let closed = |c: char| closers(c).is_some() || matches!(c, ')' | ']' | '>' | '}' | '|' | '*' | '_');
    let behind = rest.trim_start_matches(closed);
    let shut = behind.len() < rest.len() && inner.len() < line.len();
    let behind = if shut { behind } else { rest };
    let words = behind.trim_start();
    let sign = SIGNS.iter().find(|sign| words.starts_with(**sign));
    let after = sign.map_or(words, |sign| &words[sign.len()..]);
    // For example `1,000 cats`, `16:9`, `2.39:1`, `2::red`.
    let tight = after.starts_with(|c: char| c.is_ascii_digit()) && !shut;
    let weighed = words.len() == behind.len() && after.starts_with(':') && !after.starts_with(": ");
    let parted = sign.is_some() || shut || (words.len() < behind.len() && counted.is_none());
    let key_alone = word.is_some() && words.is_empty();
    if (sign.is_some() && (tight || weighed)) || !(parted && after.contains(char::is_alphabetic) || key_alone)
    {
        return None;
    }
    let tab = behind.starts_with('\t');
    let sure = sign.is_some() || shut || signed || word.is_some() || tab;
    let quoted = |text: &str| text.trim_start().chars().next().and_then(closers).is_some();
    let telling = if word.is_some() {
        sign.is_some() || (key_alone && bare.contains(':'))
    } else {
        shut && sign.is_some() && quoted(line) && quoted(after)
    };
    Some(Start { number: Some(number), sure, telling })
}

/// Whether a text that is not a schedule looks like a list by frame: at least two lines, or two items in
/// brackets or quotation marks after commas or semicolons, start with ascending numbers.
pub fn is_list(text: &str) -> bool {
    let lines: Vec<&str> = text.split(ends_line).filter(|line| !line.trim().is_empty()).collect();
    let starts: Vec<Start> = lines.iter().filter_map(|line| begun(line)).collect();
    if starts.iter().any(|start| start.telling) {
        return true;
    }
    let ascending = |starts: &[Start]| {
        let numbers: Vec<i64> = starts.iter().filter_map(|start| start.number).collect();
        starts.len() > 1 && numbers.is_sorted_by(|a, b| a < b)
    };
    let sure = |starts: Vec<Start>| -> Vec<Start> { starts.into_iter().filter(|start| start.sure).collect() };
    // `1 girl` and `2 boys` on consecutive lines are a prompt; only frame numbers have gaps.
    let numbers: Vec<i64> = starts.iter().filter_map(|start| start.number).collect();
    let gap = numbers.windows(2).any(|pair| pair[1].saturating_sub(pair[0]) > 1);
    let begins = numbers.first().is_some_and(|first| *first <= 1) || numbers.len() > 2;
    if starts.len() == lines.len() && gap && begins && ascending(&starts) {
        return true;
    }
    ascending(&sure(starts)) || ascending(&sure(enclosed(text)))
}

/// Items in brackets or quotation marks at the start, or after a comma or semicolon.
fn enclosed(text: &str) -> Vec<Start> {
    // `(1: a) (4: b)` is a list without commas.
    let joints = text.match_indices(") (").chain(text.match_indices(")(")).map(|(at, _)| &text[at + 1..]);
    let pieces = text.split([',', ';']).chain(joints).map(str::trim_start);
    let begins =
        |piece: &&str| piece.starts_with(|c| closers(c).is_some() || matches!(c, '(' | '[' | '<' | '{'));
    let at = |piece: &str| piece.as_ptr() as usize - text.as_ptr() as usize;
    pieces.filter(begins).filter_map(|piece| begun(&text[at(piece)..])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_many_ways_of_writing() {
        for text in [
            "1 a photo\n24 a sketch\n48 a neon",
            "1 a photo\n24 a sketch",
            "24 a photo\n36 a sketch\n48 a neon",
            "Frame 1 - a photo",
            "\"1\"; \"a photo\"",
            "Frame 1 - a photo\nFrame 24 - a sketch",
            "frame 1\na photo\nframe 24\na sketch",
            "from 1: a\nfrom 24: b",
            "(0: a photo), (10: neon)",
            "(1, \"a photo\"), (4, \"neon\")",
            "(1) a\n(4) b",
            "[1] a photo\n[4] neon",
            "#1 a photo\n#4 neon",
            "@1 a photo\n@4 neon",
            "<1> a photo\n<4> neon",
            "1 → a\n4 → b",
            "1 :: a\n4 :: b",
            "|frame|prompt|\n|---|---|\n|1|a photo|\n|4|neon|",
            "| 1 | a photo |\n| 4 | neon |",
            "\"1\"; \"a photo\"\n\"4\"; \"neon\"",
            "\"1\"; \"a photo\"; \"4\"; \"neon\"",
            "- frame: 1\n  prompt: a photo",
            "- frame: 1\n  prompt: a photo\n- frame: 4\n  prompt: neon",
            "1) a\n4) b",
            "1 -> a\n4 -> b",
            "No. 1: a\nNo. 4: b",
            "k1: a\nk4: b",
            "one: a\nfour: b",
            "(1: a photo) (4: neon)",
        ] {
            assert!(is_list(text), "{text}");
        }
    }

    #[test]
    fn prompts_that_have_numbers() {
        for text in [
            "1 girl\n2 boys",
            "3 cats\n5 dogs",
            "1 cat\n2 dogs\n3 birds",
            "(1 girl), (2 boys)",
            "(1girl:1.2), (2boys:1.3)",
            "[1girl], [2boys]",
            "(16:9), (21:9)",
            "1::red 2::blue\n3::green",
            "{1::red|2::blue}",
            "1,000 cats\n2,000 dogs",
            "1990s photo\n2000s photo",
            "4k, 8k, 16k",
            "a photo of\n3 men and\n20 dogs",
            "24 a sketch",
            "seen from 3 sides\nfrom 3 sides\nfrom 5 sides",
            "at 5 am\nat 10 pm",
            "step: 20",
            "\"7\" on a door, \"8\"",
        ] {
            assert!(!is_list(text), "{text}");
        }
    }
}
