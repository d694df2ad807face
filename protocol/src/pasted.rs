//! Paths as people paste them: with quotation marks, as a `file://` address, with `~`, with a blank at the end.

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

/// The path that a text means; empty for a text without one. What exists under the very name that is written is meant,
/// whatever it looks like.
pub fn pasted(text: &str) -> PathBuf {
    read(text, &home(), |path| path.exists())
}

/// As [`pasted`], for a path that came as one, from a shell for instance. One that is no Unicode is left as it is.
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
    // An empty path would be the working directory to some.
    if bare.is_empty() {
        return PathBuf::new();
    }
    for literal in [text, text.trim(), bare] {
        if exists(Path::new(literal)) {
            return literal.into();
        }
    }
    if let Some(path) = from_address(bare) {
        return path;
    }
    if let (Some(rest), Some(home)) = (bare.strip_prefix('~'), home)
        && (rest.is_empty() || rest.starts_with(std::path::is_separator))
    {
        return home.join(rest.trim_start_matches(std::path::is_separator));
    }
    // On Windows a backslash parts folders.
    let words = if cfg!(windows) { [None, None] } else { [text, bare].map(one_word) };
    if let Some((plain, _)) = words.iter().flatten().find(|(plain, sure)| *sure || exists(Path::new(plain))) {
        return plain.into();
    }
    bare.into()
}

/// The text without blanks and quotation marks around it.
fn unquoted(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) =
        QUOTES.iter().find_map(|&(open, close)| text.strip_prefix(open)?.strip_suffix(close))
    {
        text = inner.trim();
    }
    text
}

/// The path of a `file:` address, its percent signs decoded.
fn from_address(text: &str) -> Option<PathBuf> {
    let scheme = text.get(..5)?;
    let address = scheme.eq_ignore_ascii_case("file:").then(|| Url::parse(text).ok()).flatten()?;
    address.to_file_path().ok()
}

/// The path that a shell would see in a text such as `my\ clip.mp4` or `'it'\''s.mp4'`, and whether the text cannot be
/// meant otherwise: every backslash protects a character that means something to a shell. `None` for several words and
/// for a text without a backslash.
fn one_word(text: &str) -> Option<(String, bool)> {
    let mut words = shlex::split(text).filter(|words| words.len() == 1 && text.contains('\\'))?;
    let plain = words.pop()?;
    let special = |letter: char| !(letter.is_alphanumeric() || "\\/._-+,:@%".contains(letter));
    // Between single quotation marks a backslash stays.
    let sure = !plain.contains('\\') && text.split('\\').skip(1).all(|rest| rest.starts_with(special));
    Some((plain, sure))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text means where only some files exist.
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
        // One mark alone belongs to the name.
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

    /// Outputs are not there yet.
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

    #[test]
    fn a_file_of_the_very_name_is_meant() {
        for name in ["'a'", "~/m.ckpt", "file:///a", " a", r"a\ b", "a "] {
            assert_eq!(meant(name, &[name]), Path::new(name));
        }
        assert_eq!(meant(" '~' ", &["'~'"]), Path::new("'~'"));
    }
}
