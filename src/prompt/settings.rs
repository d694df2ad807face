//! Settings of other programs that contain a schedule: `{"prompt_map": {"1": "a photo"}, "head_prompt":
//! "best"}`.

use serde_json::{Map, Value};

use super::source::{MarkedText, Unreadable, ends_line};

/// Names of the object with frames and prompts in other programs.
const MAPS: [&str; 3] = ["prompt_map", "animation_prompts", "prompts"];
const HEAD: &str = "head_prompt";
const TAIL: &str = "tail_prompt";

/// The schedule in another program's settings.
pub struct ForeignSettings {
    /// The object, with everything around it replaced by spaces.
    pub text: String,
    /// Text to put before every prompt.
    pub head: String,
    /// Text to put after every prompt.
    pub tail: String,
    /// A message about settings that are ignored.
    pub remark: Option<String>,
}

impl ForeignSettings {
    /// Parses settings; `None` if the text is not in this format.
    ///
    /// # Errors
    /// The text contains an object with prompts but is not valid JSON.
    pub fn of(text: &str) -> Result<Option<Self>, Unreadable> {
        let found = MAPS.iter().find_map(|name| Some((*name, object(text, name)?)));
        let Some((name, (from, to))) = found else { return Ok(None) };
        let bare = text.trim().trim_end_matches(',');
        // A pasted fragment of an object has no braces.
        let whole = if bare.starts_with('{') { bare.to_owned() } else { format!("{{{bare}}}") };
        let mut values: Map<String, Value> = serde_json::from_str(&whole).map_err(|_| {
            MarkedText::new(text).error(
                from,
                format!("the text around {name} is not valid JSON; write only its frames and texts"),
            )
        })?;
        values.remove(name);
        let mut words = |key: &str| match values.remove(key) {
            Some(Value::String(words)) => words,
            Some(other) => {
                values.insert(key.to_owned(), other);
                String::new()
            }
            None => String::new(),
        };
        let (head, tail) = (words(HEAD), words(TAIL));
        let unused: Vec<&str> = values.keys().map(String::as_str).collect();
        let more = if unused.len() > 4 { format!(" and {} more", unused.len() - 4) } else { String::new() };
        let remark = (!unused.is_empty()).then(|| {
            let shown = unused.iter().take(4).copied().collect::<Vec<_>>().join(", ");
            format!("of the settings in this text only {name}, {HEAD} and {TAIL} are used, not {shown}{more}")
        });
        let blank = |part: &str| -> String {
            part.chars().flat_map(|c| if ends_line(c) { vec![c] } else { vec![' '; c.len_utf8()] }).collect()
        };
        let text = format!("{}{}{}", blank(&text[..from]), &text[from..to], blank(&text[to..]));
        Ok(Some(Self { text, head, tail, remark }))
    }
}

/// Offsets of the object that follows a name.
fn object(text: &str, name: &str) -> Option<(usize, usize)> {
    let name = format!("\"{name}\"");
    let behind = &text[text.find(&name)? + name.len()..];
    let inner = behind.trim_start().strip_prefix(':')?.trim_start();
    let from = text.len() - inner.strip_prefix('{').map(|_| inner.len())?;
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, c) in inner.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if depth == 0 {
            return Some((from, from + at + 1));
        }
    }
    Some((from, text.len()))
}
