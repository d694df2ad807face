//! Parsing of pasted paths: with quotation marks, as a `file://` URL, with `~`, with trailing spaces.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use url::Url;

/// Quotation marks that file managers, chats and word processors put around a path.
const QUOTES: [(char, char); 8] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('\u{201c}', '\u{201d}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{bb}', '\u{ab}'),
];

/// The path denoted by a text; empty for an empty text. If a file with exactly this name exists, it is used,
/// whatever the text looks like.
pub fn pasted(text: &str) -> PathBuf {
    read(text, &home(), |path| path.exists())
}

/// Like [`pasted`], for a path that is already one, for example from a shell. One that is not Unicode is
/// returned unchanged.
pub fn pasted_path(path: &Path) -> Cow<'_, Path> {
    match path.to_str() {
        Some(text) => Cow::Owned(pasted(text)),
        None => Cow::Borrowed(path),
    }
}

fn home() -> Option<PathBuf> {
    let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    std::env::var_os(variable).map(PathBuf::from).filter(|home| home.is_absolute())
}

fn read(text: &str, home: &Option<PathBuf>, exists: impl Fn(&Path) -> bool) -> PathBuf {
    let bare = unquoted(text);
    // An empty path would be taken for the working directory in places.
    if bare.is_empty() {
        return PathBuf::new();
    }
    for literal in [text, text.trim(), bare] {
        if exists(Path::new(literal)) {
            return literal.into();
        }
    }
    if let Some(path) = from_address(bare, &exists) {
        return path;
    }
    if let (Some(rest), Some(home)) = (bare.strip_prefix('~'), home)
        && (rest.is_empty() || rest.starts_with(std::path::is_separator))
    {
        return home.join(rest.trim_start_matches(std::path::is_separator));
    }
    // On Windows the backslash is the path separator.
    let words = if cfg!(windows) { [None, None] } else { [text, bare].map(one_word) };
    if let Some((plain, _)) = words.iter().flatten().find(|(plain, sure)| *sure || exists(Path::new(plain))) {
        return plain.into();
    }
    bare.into()
}

/// Whether a character is invisible: zero-width spaces and direction marks, which web pages, chats and
/// Windows Explorer add to copied text.
fn invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text without surrounding whitespace and invisible characters.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || invisible(c))
}

/// The text without surrounding whitespace and quotation marks, and without an opening mark that is never
/// closed.
fn unquoted(text: &str) -> &str {
    let mut text = trim(text);
    while let Some(inner) =
        QUOTES.iter().find_map(|&(open, close)| text.strip_prefix(open)?.strip_suffix(close))
    {
        text = trim(inner);
    }
    let lone = text.strip_prefix(['"', '\u{201c}', '\u{201e}']);
    lone.filter(|rest| !rest.contains(['"', '\u{201c}', '\u{201d}'])).map_or(text, trim)
}

/// The percent-decoded path of a `file:` URL. An unencoded `#` or `?` belongs to the name, unless only the
/// path before it exists; so does a `%` if that file exists.
fn from_address(text: &str, exists: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let rest = text.get(..5)?.eq_ignore_ascii_case("file:").then(|| &text[5..])?;
    let host = rest.strip_prefix("//").map(|rest| rest.strip_prefix("localhost").unwrap_or(rest));
    let literal = Path::new(host.unwrap_or(rest));
    if literal.is_absolute() && exists(literal) {
        return Some(literal.into());
    }
    let path = |text: &str| Url::parse(text).ok()?.to_file_path().ok();
    let whole = path(&text.replace('#', "%23").replace('?', "%3F"))?;
    if exists(&whole) { Some(whole) } else { path(text).filter(|cut| exists(cut)).or(Some(whole)) }
}

/// The single word that a shell would parse from a text such as `my\ clip.mp4` or `'it'\''s.mp4'`, and
/// whether the text cannot mean anything else because every backslash escapes a shell metacharacter. `None`
/// if there are several words or no backslash.
fn one_word(text: &str) -> Option<(String, bool)> {
    let mut words = shlex::split(text).filter(|words| words.len() == 1 && text.contains('\\'))?;
    let plain = words.pop()?;
    let special = |letter: char| !(letter.is_alphanumeric() || "\\/._-+,:@%".contains(letter));
    // Within single quotation marks, a backslash is kept.
    let sure = !plain.contains('\\') && text.split('\\').skip(1).all(|rest| rest.starts_with(special));
    Some((plain, sure))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parsed path of a text if only the files in `there` exist.
    fn meant(text: &str, there: &[&str]) -> PathBuf {
        read(text, &Some("/home/ann".into()), |path| there.iter().any(|known| Path::new(known) == path))
    }

    #[test]
    fn quotes_and_blanks_go() {
        for text in [
            "/m/a b.ckpt",
            " /m/a b.ckpt \n",
            "\"/m/a b.ckpt\"",
            "'/m/a b.ckpt' ",
            "\u{201c}/m/a b.ckpt\u{201d}",
            "\u{ab} /m/a b.ckpt \u{bb}",
            "\"'/m/a b.ckpt'\"",
        ] {
            assert_eq!(meant(text, &[]), Path::new("/m/a b.ckpt"), "{text}");
        }
        for text in ["", "  ", "\"\"", "' '"] {
            assert_eq!(meant(text, &[]), Path::new(""), "{text}");
        }
        // A single mark at the end belongs to the name.
        assert_eq!(meant("/m/12\".png", &[]), Path::new("/m/12\".png"));
    }

    #[cfg(unix)]
    #[test]
    fn addresses_home_and_escapes() {
        for (text, path) in [
            ("file:///m/a%20b.ckpt", "/m/a b.ckpt"),
            ("\"file:///m/a b.ckpt\"", "/m/a b.ckpt"),
            ("FILE://localhost/m/%C3%A9.ckpt", "/m/\u{e9}.ckpt"),
            ("file:/m/a.ckpt", "/m/a.ckpt"),
            ("file:///m/a#1%23?.ckpt", "/m/a#1#?.ckpt"),
            ("~/m.ckpt", "/home/ann/m.ckpt"),
            ("~", "/home/ann"),
            ("~ann/m.ckpt", "~ann/m.ckpt"),
            ("file.ckpt", "file.ckpt"),
            ("none", "none"),
        ] {
            assert_eq!(meant(text, &[]), Path::new(path), "{text}");
        }
        assert_eq!(meant(r"/m/a\ b\(1\).ckpt", &["/m/a b(1).ckpt"]), Path::new("/m/a b(1).ckpt"));
        assert_eq!(meant(r"/m/a\b.ckpt", &[]), Path::new(r"/m/a\b.ckpt"));
        assert_eq!(meant(r"/m/a\b.ckpt", &["/m/ab.ckpt"]), Path::new("/m/ab.ckpt"));
    }

    /// Output files do not exist yet.
    #[cfg(unix)]
    #[test]
    fn what_a_shell_protects_needs_no_file() {
        for (text, path) in [
            (r"'/m/it'\''s.mp4'", "/m/it's.mp4"),
            (r" /m/it\'s\ a\ \(1\).mp4 ", "/m/it's a (1).mp4"),
            (r"'/m/a\ b.mp4'", "/m/a b.mp4"),
            (r"/m/a\ b c.mp4", r"/m/a\ b c.mp4"),
            (r"/m/\n.mp4", r"/m/\n.mp4"),
        ] {
            assert_eq!(meant(text, &[]), Path::new(path), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn in_an_address_a_bare_sign_of_the_name_is_no_sign_of_the_address() {
        for (text, there, path) in [
            ("file:///m/a#1.ckpt", "/m/a#1.ckpt", "/m/a#1.ckpt"),
            ("file:///m/a%20b#1.ckpt", "/m/a b#1.ckpt", "/m/a b#1.ckpt"),
            ("file://localhost/m/100%25#1.ckpt", "/m/100%25#1.ckpt", "/m/100%25#1.ckpt"),
            // A media fragment (a time), as browsers write it.
            ("file:///m/a.mp4#t=10", "/m/a.mp4", "/m/a.mp4"),
            ("file:///m/a.mp4?x#t=10", "/m/a.mp4?x#t=10", "/m/a.mp4?x#t=10"),
        ] {
            assert_eq!(meant(text, &[there]), Path::new(path), "{text}");
        }
    }

    #[test]
    fn what_is_not_to_be_seen_and_a_mark_that_only_opens_go() {
        for text in [
            "\u{feff}/m/a b.ckpt",
            "\u{202a}/m/a b.ckpt\u{202c}",
            " \u{200b}\"/m/a b.ckpt\u{200e}\" \u{2060}",
            "\"/m/a b.ckpt",
            "\u{201c}/m/a b.ckpt",
            "\u{202a}\"/m/a b.ckpt",
        ] {
            assert_eq!(meant(text, &[]), Path::new("/m/a b.ckpt"), "{text}");
        }
        assert_eq!(meant("\"/m/a\" b", &[]), Path::new("\"/m/a\" b"));
        for name in ["\u{feff}a", "a\u{200b}", "\"a"] {
            assert_eq!(meant(name, &[name]), Path::new(name));
        }
        // Within a name they are kept.
        assert_eq!(meant("a\u{200b}b", &[]), Path::new("a\u{200b}b"));
        assert_eq!(meant("\u{feff}", &[]), Path::new(""));
    }

    #[test]
    fn a_file_of_the_very_name_is_meant() {
        for name in ["'a'", "~/m.ckpt", "file:///a", " a", r"a\ b", "a "] {
            assert_eq!(meant(name, &[name]), Path::new(name));
        }
        assert_eq!(meant(" '~' ", &["'~'"]), Path::new("'~'"));
    }
}
