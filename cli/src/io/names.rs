//! Interprets file names given on the command line.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use super::MediaError;

/// Extensions of the still formats that can be read.
const STILLS: &[&str] =
    &["png", "jpg", "jpeg", "jpe", "tif", "tiff", "bmp", "webp", "ppm", "pgm", "pnm", "pam", "exr"];

/// Other image formats in common use; ffmpeg would read some of them as a video of one frame.
const OTHER_PICTURES: &[(&str, &str)] = &[
    ("dpx", "DPX"),
    ("cin", "Cineon"),
    ("hdr", "Radiance HDR"),
    ("pic", "Radiance HDR"),
    ("dng", "raw"),
    ("cr2", "raw"),
    ("cr3", "raw"),
    ("nef", "raw"),
    ("arw", "raw"),
    ("raf", "raw"),
    ("orf", "raw"),
    ("rw2", "raw"),
    ("heic", "HEIF"),
    ("heif", "HEIF"),
    ("avif", "AVIF"),
    ("jxl", "JPEG XL"),
    ("jp2", "JPEG 2000"),
    ("j2k", "JPEG 2000"),
    ("psd", "Photoshop"),
    ("tga", "Targa"),
    ("svg", "SVG"),
];

/// A file name with a `%04d` or a `####`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    folder: PathBuf,
    before: String,
    digits: usize,
    after: String,
}

impl Pattern {
    /// Parses the pattern in a path's last component: `%d` or `%0Nd`, or two or more `#`, exactly once. Beside it
    /// `%%` is a percent sign, as in printf, and so is a `%` that begins no number.
    pub fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let mut found = Self::places(name);
        let (from, to, digits) = found.pop()?;
        if !found.is_empty() {
            return None;
        }
        Some(Self {
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            before: name[..from].replace("%%", "%"),
            digits,
            after: name[to..].replace("%%", "%"),
        })
    }

    /// Whether a path's last component has several places for a number.
    pub fn is_ambiguous(path: &Path) -> bool {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| Self::places(name).len() > 1)
    }

    /// The places for numbers: start, end, number of digits.
    fn places(name: &str) -> Vec<(usize, usize, usize)> {
        let bytes = name.as_bytes();
        let run = |from: usize, is: fn(&u8) -> bool| bytes[from..].iter().take_while(|byte| is(byte)).count();
        let mut found = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let hashes = run(at, |byte| *byte == b'#');
            if hashes > 1 {
                found.push((at, at + hashes, hashes));
            }
            let width = if bytes[at] == b'%' { run(at + 1, u8::is_ascii_digit) } else { 0 };
            let end = at + 1 + width;
            let digits = match name.get(at + 1..end).unwrap_or_default() {
                _ if bytes[at] != b'%' || bytes.get(end) != Some(&b'd') => None,
                // A word may follow a percent sign, as in "50%dark".
                "" if bytes.get(end + 1).is_some_and(u8::is_ascii_alphabetic) => None,
                width => Self::width(width),
            };
            if let Some(digits) = digits {
                found.push((at, end + 1, digits));
                at = end + 1;
            } else if bytes[at..].starts_with(b"%%") {
                at += 2;
            } else {
                at += hashes.max(1);
            }
        }
        found
    }

    /// The number of digits stated between `%` and `d`.
    fn width(text: &str) -> Option<usize> {
        let digits = if text.is_empty() { Some(1) } else { text.strip_prefix('0')?.parse().ok() };
        digits.filter(|digits| (1..=18).contains(digits))
    }

    /// Builds a pattern from its parts.
    pub fn new(folder: &Path, before: &str, digits: usize, after: &str) -> Self {
        Self { folder: folder.to_owned(), before: before.to_owned(), digits, after: after.to_owned() }
    }

    /// The pattern as it is written on the command line.
    pub fn written(&self) -> PathBuf {
        let number = if self.digits == 1 { "%d".to_owned() } else { format!("%0{}d", self.digits) };
        self.folder.join(format!(
            "{}{number}{}",
            self.before.replace('%', "%%"),
            self.after.replace('%', "%%")
        ))
    }

    /// The file of frame `number`.
    pub fn file(&self, number: u32) -> PathBuf {
        let digits = self.digits;
        self.folder.join(format!("{}{number:0digits$}{}", self.before, self.after))
    }

    /// The folder of the files.
    pub fn folder(&self) -> &Path {
        if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder }
    }

    /// The number in a file name, if the name matches the pattern.
    pub fn number(&self, name: &str) -> Option<u64> {
        let middle = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let plain = !middle.is_empty() && middle.bytes().all(|b| b.is_ascii_digit());
        let fits = middle.len() == self.digits || (middle.len() > self.digits && !middle.starts_with('0'));
        if plain && fits { middle.parse().ok() } else { None }
    }
}

/// The reason for refusing a pattern with more than one place.
pub const SEVERAL_PLACES: &str = "its name has several places for a frame's number";

/// A hint about a name with a number placeholder of other programs: `%4d`, `%i`, `$F4`, `@@@@`.
pub fn foreign(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = name.replace("%%", "  ");
    let place = foreign_place(&name)?;
    Some(format!("{place} is not how a frame's number is written here: write %04d, or #### in its place"))
}

fn foreign_place(name: &str) -> Option<&str> {
    let run = |from: usize, is: fn(char) -> bool| {
        let rest = &name[from..];
        from + rest.find(|letter| !is(letter)).unwrap_or(rest.len())
    };
    let follows = |at: usize, is: fn(char) -> bool| name[at..].starts_with(is);
    let digit = |letter: char| letter.is_ascii_digit();
    name.char_indices().find_map(|(at, letter)| {
        let end = match letter {
            '%' => {
                let end = run(at + 1, digit);
                let (width, kind) = (&name[at + 1..end], name[end..].chars().next()?);
                let ours = kind == 'd' && Pattern::width(width).is_some();
                // A word may follow a percent sign.
                let number = matches!(kind, 'd' | 'i' | 'u') && !follows(end + 1, char::is_alphabetic);
                (number && !ours).then_some(end + 1)?
            }
            '$' if name[at + 1..].starts_with('F') => {
                let end = run(at + 2, digit);
                (!follows(end, |letter| letter.is_alphanumeric() || letter == '_')).then_some(end)?
            }
            '@' => Some(run(at, |letter| letter == '@')).filter(|end| *end > at + 1)?,
            _ => return None,
        };
        Some(&name[at..end])
    })
}

/// The regular files in a folder, without hidden ones.
///
/// # Errors
/// The folder cannot be listed.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, MediaError> {
    let entries = fs::read_dir(folder).map_err(|error| MediaError::read(folder, error))?;
    Ok(entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file() && !is_hidden(path))
        .collect())
}

/// The folder that contains a file.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path's last component.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Names such as `.DS_Store`, and `._shot.png`, which holds metadata of `shot.png` from another system.
fn is_hidden(path: &Path) -> bool {
    file_name(path).starts_with('.')
}

/// Checks that a name refers to a file, not to a URL or a stream.
///
/// # Errors
/// It does not.
pub fn check_is_file(path: &Path) -> Result<(), MediaError> {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let address = scheme.is_some_and(|scheme| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    let stream = ["pipe:", "fd:"].iter().filter_map(|name| text.strip_prefix(name));
    let stream = stream.into_iter().any(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if text == "-" || text.is_empty() || ((address || stream) && !path.exists()) {
        return Err(MediaError::NoFile(path.to_owned()));
    }
    Ok(())
}

/// The name of an image format that is not supported, by its extension.
pub fn other_picture(extension: &str) -> Option<&'static str> {
    OTHER_PICTURES.iter().find(|(known, _)| *known == extension).map(|(_, name)| *name)
}

/// The extension in lower case, empty if there is none.
pub fn extension(path: &Path) -> String {
    path.extension().map(|ext| ext.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether an extension is that of a still format that can be read.
pub fn is_still(extension: &str) -> bool {
    STILLS.contains(&extension)
}

/// Natural order of names: runs of digits by their value, the rest character by character.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        match (left.chars().next(), right.chars().next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (one, two) = (digits(&mut left), digits(&mut right));
                let order = one.len().cmp(&two.len()).then_with(|| one.cmp(two));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (Some(x), Some(y)) => {
                let order = x.to_lowercase().cmp(y.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
                left = &left[x.len_utf8()..];
                right = &right[y.len_utf8()..];
            }
        }
    }
}

/// Removes the digits at the start of `text` and returns them without leading zeros.
fn digits<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    run.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_number_them() {
        let mut names = vec!["f10.png", "f9.png", "F1.png", "f010a.png", "a.png", "f2.png", "f002.png"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a.png", "F1.png", "f002.png", "f2.png", "f9.png", "f10.png", "f010a.png"]);
    }

    #[test]
    fn patterns_name_files_and_know_them_again() {
        let pattern = Pattern::parse(Path::new("out/shot_%04d_v2.png")).unwrap();
        assert_eq!(pattern.file(7), Path::new("out/shot_0007_v2.png"));
        assert_eq!(pattern.number("shot_0007_v2.png"), Some(7));
        assert_eq!(pattern.number("shot_12345_v2.png"), Some(12345));
        assert_eq!(pattern.number("shot_007_v2.png"), None);
        assert_eq!(pattern.number("shot_00x7_v2.png"), None);
        assert!(Pattern::parse(Path::new("100%.png")).is_none());
        assert!(Pattern::parse(Path::new("%04x.png")).is_none());
    }

    #[test]
    fn percent_signs_are_signs() {
        let file = |name: &str| Pattern::parse(Path::new(name)).map(|pattern| pattern.file(7));
        let is = |name: &str| Some(PathBuf::from(name));
        assert_eq!(file("out/50%_%04d.png"), is("out/50%_0007.png"));
        assert_eq!(file("50%%_%04d_100%.png"), is("50%_0007_100%.png"));
        assert_eq!(file("50% done %d.png"), is("50% done 7.png"));
        assert_eq!(file("100%%d.png"), None);
        assert_eq!(file("50%dark.png"), None);
        assert_eq!(file("shot.####.png"), is("shot.0007.png"));
        assert_eq!(file("take #1.png"), None);
        assert_eq!(file("%d_%04d.png"), None);
        assert!(Pattern::is_ambiguous(Path::new("%d_%04d.png")));
        let pattern = Pattern::parse(Path::new("a%%%03d.png")).unwrap();
        assert_eq!(pattern.file(1), Path::new("a%001.png"));
        assert_eq!(pattern.written(), Path::new("a%%%03d.png"));
    }

    #[test]
    fn addresses_and_streams_are_no_files() {
        for name in ["-", "", "https://example.org/a.mp4", "rtsp://camera", "pipe:", "pipe:1", "fd:12"] {
            assert!(check_is_file(Path::new(name)).is_err(), "{name}");
        }
        for name in ["a.mp4", "-x.mp4", "a:b.mp4", "C://x.mp4", "pipe:1.mp4", "fd:a", "pipes"] {
            assert!(check_is_file(Path::new(name)).is_ok(), "{name}");
        }
    }
}
