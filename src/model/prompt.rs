//! The weight grammar of prompts: which words count how much.
//!
//! `(words)` multiplies the weight around it by 1.1, `(words:1.3)` sets it to 1.3 whatever stands around, both nest,
//! `\(` and `\)` are plain parentheses. What is not well-formed stays text: an unclosed `(`, a stray `)`, a colon that
//! no number follows or that nothing precedes.

/// What a pair of parentheses without a number multiplies the weight by.
const EMPHASIS: f64 = 1.1;

/// The parts of a prompt in order, each with its weight. Escaped parentheses come out plain.
pub(super) fn weighted_parts(text: &str) -> Vec<(String, f32)> {
    // Escaped parentheses hide in private letters while the plain ones are counted.
    const OPEN: char = '\u{F0000}';
    const CLOSE: char = '\u{F0001}';
    let hidden = text.replace("\\(", &OPEN.to_string()).replace("\\)", &CLOSE.to_string());
    let mut parts = Vec::new();
    collect(&hidden, 1.0, 0, &mut parts);
    parts
        .into_iter()
        .map(|(part, weight)| {
            // `(word:1e300)` is a number, but none of f32's.
            let weight = (weight as f32).clamp(f32::MIN, f32::MAX);
            (part.replace(OPEN, "(").replace(CLOSE, ")"), weight)
        })
        .collect()
}

/// Deeper nesting than this is taken as text, so that a prompt of nothing but parentheses cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

fn collect(text: &str, weight: f64, depth: usize, parts: &mut Vec<(String, f64)>) {
    for item in items(text) {
        let inner = item.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        match inner {
            Some(inner) if depth < MAX_DEPTH => {
                let (inner, weight) = match explicit_weight(inner) {
                    Some((words, weight)) => (words, weight),
                    None => (inner, weight * EMPHASIS),
                };
                collect(inner, weight, depth + 1, parts);
            }
            _ => parts.push((item.to_owned(), weight)),
        }
    }
}

/// `words:1.3` as words and number. The last colon counts, and not as the first letter.
fn explicit_weight(inner: &str) -> Option<(&str, f64)> {
    let (words, number) = inner.rsplit_once(':')?;
    let weight: f64 = number.trim().parse().ok()?;
    (!words.is_empty() && weight.is_finite()).then_some((words, weight))
}

/// Cuts a text before every outermost `(` and after its `)`. The level may fall below zero at a stray `)`; the
/// reference workflow then takes the next `(` as text, and so does this.
fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut begin = 0;
    let mut level = 0i64;
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
                }
            }
            _ => {}
        }
    }
    items.push(&text[begin..]);
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::weighted_parts;

    fn parts(text: &str) -> Vec<(String, f32)> {
        weighted_parts(text)
    }

    #[test]
    fn nesting_multiplies_and_numbers_set() {
        assert_eq!(parts("a ((b)) c"), [("a ".into(), 1.0), ("b".into(), 1.21), (" c".into(), 1.0)]);
        assert_eq!(parts("((b:0.5) c)"), [("b".into(), 0.5), (" c".into(), 1.1)]);
        assert_eq!(parts("((b):2)"), [("b".into(), 2.2)]);
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
    fn weights_stay_finite() {
        assert_eq!(parts("(a:1e300)"), [("a".into(), f32::MAX)]);
        assert!(parts("((((a)))):3e38)").iter().all(|(_, weight)| weight.is_finite()));
    }

    #[test]
    fn a_thousand_parentheses_are_harmless() {
        let deep = format!("{}x{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(parts(&deep).len(), 1);
    }
}
