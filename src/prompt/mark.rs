//! Marks: the frame number and colon that start an item of a schedule, in the various forms that people use.

/// A mark at a position where an item may start. `length` is its length in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Kind of the mark.
    pub kind: MarkKind,
    /// Number of bytes up to the item's text.
    pub length: usize,
    /// Whether the number is in quotation marks.
    pub quoted: bool,
}

/// Kinds of [`Mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// The number of a frame.
    Frame(i64),
    /// A number and a colon followed directly by a digit: `4:3d render`, `24:3 cats`.
    Tight(i64),
    /// A common aspect ratio, such as 16:9.
    Ratio,
    /// Looks like a frame number but is invalid; the text is the reason.
    Wrong(&'static str),
    /// Another text in quotation marks before a colon.
    Name,
}

/// Words for a frame that may precede its number.
const FRAME: [&str; 12] = [
    "keyframes",
    "keyframe",
    "key frame",
    "at frame",
    "from frame",
    "key",
    "kf",
    "frames",
    "frame",
    "f",
    "#",
    "@",
];

/// Markup for bold or italic text in Markdown.
const EMPHASIS: [char; 2] = ['*', '_'];

/// Maximum length of a number with everything that may surround it, in characters.
const LONGEST: usize = 32;

/// Aspect ratios, which are not frame numbers although they consist of a number and a colon.
const RATIOS: [&str; 24] = [
    "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21", "5:4", "4:5", "2:1", "1:2", "16:10",
    "10:16", "32:9", "17:9", "18:9", "14:9", "5:3", "3:5", "7:5", "5:7", "19:10",
];

const WHOLE: &str = "a frame is a whole number";
const FROM_ONE: &str = "frames count from 1";
const ONE: &str = "an item begins at one frame, up to the next item's";
const EXPRESSION: &str = "expressions are not supported; write the frame";
const PERCENT: &str = "percentages are not supported; write the frame";
const TIME: &str = "times are not supported; write the frame";
const LARGE: &str = "no clip has that many frames";

/// The quotation marks that may close a quotation opened by `open`; `None` if it is not a quotation mark.
pub fn closers(open: char) -> Option<&'static [char]> {
    match open {
        '"' => Some(&['"', '”', '“']),
        '“' | '”' | '„' => Some(&['”', '“', '"']),
        '\'' => Some(&['\'', '’']),
        '‘' | '’' | '‚' => Some(&['’', '‘', '\'']),
        '«' => Some(&['»']),
        '»' => Some(&['«']),
        _ => None,
    }
}

/// Whether a character is invisible, such as those that web pages and word processors leave in copied text.
pub fn invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}')
}

/// Whether a number in quotation marks, a colon and a text in quotation marks follow.
pub fn quoted_item(text: &str) -> bool {
    let value = |mark: Mark| text[mark.length..].trim_start().chars().next().and_then(closers);
    mark(text)
        .is_some_and(|mark| mark.quoted && matches!(mark.kind, MarkKind::Frame(_)) && value(mark).is_some())
}

/// The frame number of a key, or the reason why it is invalid; `None` if it does not look like one.
fn frame(key: &str) -> Option<Result<i64, &'static str>> {
    let ascii = |c: char| match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        _ => c,
    };
    let key: String = key.to_lowercase().chars().filter(|c| !invisible(*c)).map(ascii).collect();
    let key = key.trim().trim_matches(EMPHASIS);
    let bare = |open, close| key.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let key = bare('[', ']').or_else(|| bare('(', ')')).or_else(|| bare('<', '>')).unwrap_or(key).trim();
    let number = FRAME
        .iter()
        .find_map(|word| key.strip_prefix(word))
        .map_or(key, |rest| rest.trim_start_matches([' ', '#', '.', '_', '=']));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = number.strip_suffix('f').filter(|rest| digits(rest)).unwrap_or(number);
    if digits(number) {
        return Some(number.parse().map_err(|_| LARGE));
    }
    if let Some((whole, fraction)) = number.split_once('.')
        && digits(whole)
        && (fraction.is_empty() || digits(fraction))
    {
        let zeros = fraction.bytes().all(|b| b == b'0');
        return Some(if zeros { whole.parse().map_err(|_| LARGE) } else { Err(WHOLE) });
    }
    let expression = key.contains("max_f") || key == "t";
    if !number.starts_with(|c: char| c.is_ascii_digit() || "-−–.(+".contains(c)) && !expression {
        return None;
    }
    let made_of =
        |more: &str| number.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || more.contains(c));
    let range = number.replace("to", "-").replace("->", "-").replace(['~', '→', '…'], "-");
    let ranged = range.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "-−–—.,&".contains(c));
    let minus = |c: char| matches!(c, '-' | '−' | '–' | '—');
    Some(Err(if expression {
        EXPRESSION
    } else if number.starts_with(minus) && made_of("-−–.") && number.ends_with(|c: char| c.is_ascii_digit())
    {
        FROM_ONE
    } else if number.ends_with('%') && made_of(".,%") {
        PERCENT
    } else if number.ends_with('s') && made_of(".s") {
        TIME
    } else if made_of(".:") && number.contains(':') {
        // Only possible in quotation marks; elsewhere the second colon would have ended the key.
        ONE
    } else if ranged && number.ends_with(|c: char| c.is_ascii_digit()) {
        ONE
    } else if made_of("+-*/()") && number.contains(['+', '*', '/']) {
        EXPRESSION
    } else {
        return None;
    }))
}

/// The key at the start of a line, its end, and whether it is in quotation marks.
fn key(text: &str) -> Option<(&str, usize, bool)> {
    let open = text.chars().next()?;
    let reach = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let near = &text[..reach];
    match closers(open) {
        Some(closers) => {
            let start = open.len_utf8();
            let end = start + near[start..].find(closers)?;
            let close = near[end..].chars().next()?;
            Some((&text[start..end], end + close.len_utf8(), true))
        }
        None => {
            let ends = [':', '：', '=', '\n'];
            let end = near.find(ends)?;
            // `frame=1:`
            let named =
                near[end..].starts_with('=') && FRAME.contains(&near[..end].trim().to_lowercase().as_str());
            let end = if named { end + 1 + near[end + 1..].find(ends)? } else { end };
            Some((&text[..end], end, false))
        }
    }
}

/// The mark at the start of a text without leading spaces. It may follow a list bullet or a mail quote sign.
pub fn mark(text: &str) -> Option<Mark> {
    let inner = text
        .strip_prefix(['-', '*', '•', '+', '>'])
        .filter(|rest| rest.starts_with(' '))
        .map(str::trim_start);
    let inner = inner.unwrap_or(text);
    let found = plain(inner)?;
    Some(Mark { length: found.length + text.len() - inner.len(), ..found })
}

fn plain(text: &str) -> Option<Mark> {
    let (key, end, quoted) = key(text)?;
    let gap = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
    let separator = text[end + gap..].chars().next()?;
    let length = end + gap + separator.len_utf8();
    // `**24:** a photo`
    let emphasis = &key[..key.len() - key.trim_start_matches(EMPHASIS).len()];
    let length = length + if text[length..].starts_with(emphasis) { emphasis.len() } else { 0 };
    let rest = &text[length..];
    let behind = rest.chars().next().unwrap_or('\n');
    let has = |kind| Some(Mark { kind, length, quoted });
    match separator {
        ':' | '：' if behind == ':' => return None,
        ':' | '：' => {}
        // In this form the text must be in quotation marks.
        '=' if rest.trim_start().chars().next().and_then(closers).is_some() => {}
        _ => return None,
    }
    let frame = frame(key);
    if quoted {
        return has(match frame {
            Some(Ok(number)) => MarkKind::Frame(number),
            Some(Err(why)) => MarkKind::Wrong(why),
            None => MarkKind::Name,
        });
    }
    if separator != ':' || !behind.is_ascii_digit() {
        return has(match frame? {
            Ok(number) => MarkKind::Frame(number),
            Err(why) => MarkKind::Wrong(why),
        });
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = rest.split_at(digits);
    let next = rest.chars().next().unwrap_or('\n');
    let time = digits.len() == 2 && (digits.starts_with('0') || key.trim().starts_with('0'));
    match frame? {
        // Decimal ratios such as 2.39:1.
        Err(_) => None,
        Ok(_) if next == ':' || (time && !next.is_alphabetic()) => has(MarkKind::Wrong(TIME)),
        Ok(_)
            if !next.is_alphanumeric()
                && RATIOS.contains(&format!("{}:{digits}", key.trim().trim_matches(EMPHASIS)).as_str()) =>
        {
            has(MarkKind::Ratio)
        }
        Ok(number) => has(MarkKind::Tight(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::MarkKind::{Frame, Name, Ratio, Tight, Wrong};
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for text in [
            "24: a",
            "24 : a",
            "24:a",
            "24:",
            "24.0: a",
            "24.: a",
            "\"24\": \"a\"",
            "'24': a",
            "“24”: “a”",
            "„24“: a",
            "«24»: a",
            "\"24\" : a",
            "\"24.0\":a",
            "frame 24: a",
            "Frame 24: a",
            "f24: a",
            "F 24: a",
            "#24: a",
            "024: a",
            "24：a",
            "24 = \"a\"",
            "\"24\" = 'a'",
            "keyframe 24: a",
            "Key 24: a",
            "kf 24: a",
            "at frame 24: a",
            "From frame 24: a",
            "frame #24: a",
            "frames 24: a",
            "frame_24: a",
            "frame=24: a",
            "24f: a",
            "@24: a",
            "<24>: a",
            "> 24: a",
            "+ 24: a",
            "**24:** a",
            "**24**: a",
            "_24_: a",
            "24\u{200b}: a",
        ] {
            assert_eq!(mark(text).map(|mark| mark.kind), Some(Frame(24)), "{text}");
        }
        assert_eq!(mark("24 : a").map(|mark| mark.length), Some(4));
        assert_eq!(mark("- 24: a").map(|mark| mark.length), Some(5));
        assert_eq!(mark("**24:** a").map(|mark| mark.length), Some(7));
    }

    #[test]
    fn what_directly_follows_the_colon() {
        for (text, kind) in [
            ("4:3d render", Some(Tight(4))),
            ("24:3 cats", Some(Tight(24))),
            ("16:9 photo", Some(Ratio)),
            ("3:4, ink", Some(Ratio)),
            ("1:1", Some(Ratio)),
            ("1:1girl", Some(Tight(1))),
            ("16: 9 cats", Some(Frame(16))),
            ("\"16\":9", Some(Frame(16))),
            ("00:05 dawn", Some(Wrong(TIME))),
            ("00:00:05: dawn", Some(Wrong(TIME))),
            ("2.39:1 film", None),
            ("2::red", None),
        ] {
            assert_eq!(mark(text).map(|mark| mark.kind), kind, "{text}");
        }
    }

    #[test]
    fn what_is_no_frame() {
        for (text, why) in [
            ("1.5: a", WHOLE),
            ("\"1.5\": a", WHOLE),
            ("-4: a", FROM_ONE),
            ("−4: a", FROM_ONE),
            ("1-24: a", ONE),
            ("1, 24: a", ONE),
            ("1 to 24: a", ONE),
            ("1~24: a", ONE),
            ("1->24: a", ONE),
            ("1..24: a", ONE),
            ("Frames 1-24: a", ONE),
            ("+24: a", EXPRESSION),
            ("1,000: a", ONE),
            ("\"0:16\": a", ONE),
            ("50%: a", PERCENT),
            ("1.5s: a", TIME),
            ("max_f/2: a", EXPRESSION),
            ("\"max_f-1\": a", EXPRESSION),
            ("12+12: a", EXPRESSION),
            ("(24*2): a", EXPRESSION),
            ("99999999999999999999: a", LARGE),
        ] {
            assert_eq!(mark(text).map(|mark| mark.kind), Some(Wrong(why)), "{text}");
        }
        assert_eq!(mark("\"a\": b").map(|mark| mark.kind), Some(Name));
        for text in [
            "photo: a man",
            "fire: red",
            "(word:1.2)",
            "a 24: b",
            "24 a: b",
            ": a",
            "",
            "24",
            "24 = a",
            "\"",
            "f: a",
        ] {
            assert_eq!(mark(text), None, "{text}");
        }
    }
}
