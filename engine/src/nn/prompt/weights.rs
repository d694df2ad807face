//! The weight syntax of prompts.
//!
//! `(words)` multiplies the surrounding weight by 1.1, `(words:1.3)` sets the weight to 1.3 regardless of the
//! surrounding one, both nest, `\(` and `\)` are literal parentheses. Malformed syntax stays text: an unclosed `(`, a
//! stray `)`, a colon without a number after it or without words before it.

/// Factor of a pair of parentheses without a number.
const EMPHASIS: f64 = 1.1;
/// Parentheses nested deeper than this are text, so that a prompt of nothing but parentheses cannot overflow the
/// stack.
const MAX_DEPTH: usize = 64;
/// Escaped parentheses are replaced by private-use characters while the unescaped ones are matched.
const HIDDEN: [(&str, char); 2] = [("\\(", '\u{F0000}'), ("\\)", '\u{F0001}')];

/// A prompt split by weight.
#[derive(Debug, Default, PartialEq)]
pub struct Weighted {
    /// The parts in order, each with its weight; escaped parentheses are unescaped.
    pub parts: Vec<(String, f64)>,
    /// What looks like weight syntax but is malformed.
    pub flaws: Vec<Flaw>,
}

/// Something that was probably intended as a weight but is read as words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// `(word:1,2)`: the content of the parentheses, and the text after the colon.
    NoNumber { inside: String, number: String },
    /// `(word;1.2)`, `(word 1.2)`: the content of the parentheses, the words and the number.
    NoColon { inside: String, words: String, number: String },
    /// `(word`: the text from the parenthesis on.
    Unclosed(String),
    /// `word)`: the text up to the parenthesis.
    Stray(String),
    /// Parentheses nested deeper than supported.
    Deep,
}

/// Parses the weights of a prompt.
pub fn read(text: &str) -> Weighted {
    let mut weighted = Weighted::default();
    collect(&hidden(text), 1.0, 0, &mut weighted);
    weighted
}

/// Replaces escaped parentheses by private-use characters.
pub fn hidden(text: &str) -> String {
    HIDDEN
        .iter()
        .fold(text.to_owned(), |text, (escape, letter)| text.replace(escape, letter.encode_utf8(&mut [0; 4])))
}

/// The inverse of [`hidden`], without the backslashes.
pub fn plain(text: &str) -> String {
    HIDDEN.iter().fold(text.to_owned(), |text, (escape, letter)| text.replace(*letter, &escape[1..]))
}

fn collect(text: &str, weight: f64, depth: usize, into: &mut Weighted) {
    for item in items(text, &mut into.flaws) {
        let inner = item.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        match inner {
            Some(inner) if depth < MAX_DEPTH => {
                let (inner, weight) = match explicit_weight(inner) {
                    Some((words, weight)) => (words, weight),
                    None => {
                        into.flaws.extend(failed_weight(inner));
                        (inner, weight * EMPHASIS)
                    }
                };
                collect(inner, weight, depth + 1, into);
            }
            other => {
                if other.is_some() {
                    into.flaws.push(Flaw::Deep);
                }
                into.parts.push((plain(item), weight));
            }
        }
    }
}

/// Splits `words:1.3` into words and number at the last colon, which must not be the first character.
fn explicit_weight(inner: &str) -> Option<(&str, f64)> {
    let (words, number) = inner.rsplit_once(':')?;
    let weight: f64 = number.trim().parse().ok()?;
    (!words.is_empty() && !weight.is_nan() && number.contains(|c: char| c.is_ascii_digit()))
        .then_some((words, weight))
}

/// Detects a malformed weight: after the last colon nothing, or something that starts like a number; without a colon,
/// a number at the end.
fn failed_weight(inner: &str) -> Option<Flaw> {
    let Some((_, number)) = inner.rsplit_once(':') else { return uncoloned_weight(inner) };
    // The colon of `((a:1.2))` belongs to the inner parentheses.
    if number.contains(['(', ')']) {
        return None;
    }
    let number = number.trim();
    let unsigned = number.trim_start_matches(['+', '-', '.', ',', '=']);
    let meant = unsigned.is_empty()
        || unsigned.starts_with(|c: char| c.is_ascii_digit()) && !unsigned.contains(char::is_whitespace)
        || ["inf", "infinity", "nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    meant.then(|| Flaw::NoNumber { inside: plain(inner), number: plain(number) })
}

/// `word;1.2`, `word=1.2`, `word|1.2`; after a space or comma only a decimal in the usual range of weights, because
/// other numbers are common there in ordinary prompts.
fn uncoloned_weight(inner: &str) -> Option<Flaw> {
    let separators = [';', '=', '|', ',', ' '];
    let (before, number) = inner.trim_end().rsplit_once(separators)?;
    let words = before.trim_end_matches(separators);
    let weight: f64 =
        number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))?;
    let between = &inner[words.len()..inner.trim_end().len() - number.len()];
    // `(85mm 1.4)` and `(f 1.4)` are lenses.
    let last = words.rsplit(' ').next().unwrap_or_default();
    let usual = number.contains('.')
        && weight <= 2.0
        && last.len() > 1
        && !last.contains(|c: char| c.is_ascii_digit());
    let meant = !words.trim().is_empty() && (usual || between.contains([';', '=', '|']));
    meant.then(|| Flaw::NoColon { inside: plain(inner), words: plain(words), number: number.to_owned() })
}

/// Splits a text before every outermost `(` and after its `)`. The level may fall below zero at a stray `)`; as in
/// the reference workflow, the next `(` is then text.
fn items<'a>(text: &'a str, flaws: &mut Vec<Flaw>) -> Vec<&'a str> {
    let mut items = Vec::new();
    let mut begin = 0;
    let mut level = 0i64;
    let mut stray = None;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => {
                if level == 0 {
                    items.push(&text[begin..at]);
                    begin = at;
                }
                level += 1;
            }
            ')' => {
                level -= 1;
                if level == 0 {
                    items.push(&text[begin..=at]);
                    begin = at + 1;
                } else if level < 0 && stray.is_none() {
                    stray = Some(&text[begin..=at]);
                }
            }
            _ => {}
        }
    }
    items.push(&text[begin..]);
    items.retain(|item| !item.is_empty());
    flaws.extend(stray.map(|text| Flaw::Stray(plain(text))));
    if level > 0 {
        flaws.push(Flaw::Unclosed(plain(&text[begin..])));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(String, f64)> {
        let mut parts = read(text).parts;
        parts.iter_mut().for_each(|(_, weight)| *weight = (*weight * 1e9).round() / 1e9);
        parts
    }

    #[test]
    fn nesting_multiplies_and_numbers_set() {
        assert_eq!(parts("a ((b)) c"), [("a ".into(), 1.0), ("b".into(), 1.21), (" c".into(), 1.0)]);
        assert_eq!(parts("((b:0.5) c)"), [("b".into(), 0.5), (" c".into(), 1.1)]);
        assert_eq!(parts("((b):2)"), [("b".into(), 2.2)]);
        assert_eq!(read("a (b) (c:1e1) ((d): 2 )").flaws, []);
    }

    #[test]
    fn what_is_not_well_formed_is_text() {
        assert_eq!(parts("(open"), [("(open".into(), 1.0)]);
        assert_eq!(parts("a) (b"), [("a) (b".into(), 1.0)]);
        assert_eq!(parts("(a:b)"), [("a:b".into(), 1.1)]);
        assert_eq!(parts("(a:inf)"), [("a:inf".into(), 1.1)]);
        assert_eq!(parts("()"), []);
        assert_eq!(parts("\\(x\\)"), [("(x)".into(), 1.0)]);
    }

    #[test]
    fn what_was_meant_as_a_weight_is_noticed() {
        let no_number = |inside: &str, number: &str| {
            vec![Flaw::NoNumber { inside: inside.into(), number: number.into() }]
        };
        assert_eq!(read("(a:1.2.3)").flaws, no_number("a:1.2.3", "1.2.3"));
        assert_eq!(read("(a: 1,2)").flaws, no_number("a: 1,2", "1,2"));
        assert_eq!(read("(a:)").flaws, no_number("a:", ""));
        assert_eq!(read("(a:120%)").flaws, no_number("a:120%", "120%"));
        assert_eq!(read("(a:NaN)").flaws, no_number("a:NaN", "NaN"));
        assert_eq!(read("(:1.2)").flaws, no_number(":1.2", "1.2"));
        assert_eq!(read("(a:=1.2)").flaws, no_number("a:=1.2", "=1.2"));
        for inside in ["a cat;1.2", "a cat=1.2", "a cat|2", "a cat 1.2", "a cat, 1.2", "a cat = 1.2"] {
            let words = "a cat".to_owned();
            let number = inside.rsplit([';', '=', '|', ' ']).next().unwrap().to_owned();
            let flaw = Flaw::NoColon { inside: inside.into(), words, number };
            assert_eq!(read(&format!("({inside})")).flaws, [flaw], "{inside}");
        }
        assert_eq!(read("b (a:1.2").flaws, [Flaw::Unclosed("(a:1.2".into())]);
        assert_eq!(read("((a) b").flaws, [Flaw::Unclosed("((a) b".into())]);
        assert_eq!(read("a b) (c)").flaws, [Flaw::Stray("a b)".into())]);
        for plain in [
            "(a photo: a cat)",
            "(a:b)",
            "\\(a\\)",
            "(at the corner: 12 men)",
            "((a:1.2))",
            "(a, (b:1.3))",
            "((a b, (c:1.2)))",
            "((a:1.2), (b:1.3))",
            "(x ((a:1.2) b) y)",
            "(half-life 2)",
            "(85mm 1.4)",
            "(f 1.4, 1 girl)",
            "(3.5)",
            "(a, b 24.5)",
        ] {
            assert_eq!(read(plain).flaws, [], "{plain}");
        }
    }

    #[test]
    fn a_thousand_parentheses_are_harmless() {
        let deep = read(&format!("{}x{}", "(".repeat(5000), ")".repeat(5000)));
        assert_eq!((deep.parts.len(), deep.flaws), (1, vec![Flaw::Deep]));
    }
}
