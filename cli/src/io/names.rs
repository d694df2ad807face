//! Which files a name on the command line means.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use super::MediaError;

/// The stills that can be read.
const STILLS: &[&str] =
    &["png", "jpg", "jpeg", "jpe", "tif", "tiff", "bmp", "webp", "ppm", "pgm", "pnm", "pam", "exr"];

/// The stills that can be written.
const WRITABLE: &[&str] = &["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "ppm", "exr"];

/// The containers that ffmpeg is asked to write.
const VIDEOS: &[&str] = &["mp4", "m4v", "mov", "mkv", "webm", "avi"];

/// Pictures of other kinds that people have; ffmpeg would take some of them for a video of one frame.
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

/// A `%04d` or a `####` in a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    folder: PathBuf,
    before: String,
    digits: usize,
    after: String,
}

impl Pattern {
    /// The pattern in a path's last part: `%d` or `%0Nd`, or two or more `#`, once. `%%` beside it is a percent sign,
    /// as programs that print numbers have it, and so is a `%` that begins no number.
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

    /// Whether a path's last part has several places for a number.
    pub fn is_ambiguous(path: &Path) -> bool {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| Self::places(name).len() > 1)
    }

    /// Where numbers go: from, to, how many digits.
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

    /// The digits that a number between `%` and `d` asks for.
    fn width(text: &str) -> Option<usize> {
        let digits = if text.is_empty() { Some(1) } else { text.strip_prefix('0')?.parse().ok() };
        digits.filter(|digits| (1..=18).contains(digits))
    }

    /// A pattern from its parts.
    pub fn new(folder: &Path, before: &str, digits: usize, after: &str) -> Self {
        Self { folder: folder.to_owned(), before: before.to_owned(), digits, after: after.to_owned() }
    }

    /// As one writes it.
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

    /// The folder that the files are in.
    pub fn folder(&self) -> &Path {
        if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder }
    }

    /// The number in a file name, if the pattern could have made the name.
    pub fn number(&self, name: &str) -> Option<u64> {
        let middle = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let plain = !middle.is_empty() && middle.bytes().all(|b| b.is_ascii_digit());
        let fits = middle.len() == self.digits || (middle.len() > self.digits && !middle.starts_with('0'));
        if plain && fits { middle.parse().ok() } else { None }
    }
}

/// Why a name is no place for a number.
pub const SEVERAL_PLACES: &str = "its name has several places for a frame's number";

/// What to say of a name with a place for a number as other programs write it: `%4d`, `%i`, `$F4`, `@@@@`.
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

/// Whether a name is nothing but the ending of an output.
fn is_only_ending(name: &str) -> bool {
    let ending = name.strip_prefix('.').unwrap_or_default().to_lowercase();
    let ending = ending.as_str();
    VIDEOS.contains(&ending) || WRITABLE.contains(&ending) || matches!(ending, "gif" | "apng")
}

/// The ordinary files in a folder.
///
/// # Errors
/// It cannot be listed.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, MediaError> {
    let entries = fs::read_dir(folder).map_err(|error| MediaError::read(folder, error))?;
    Ok(entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file() && !is_hidden(path))
        .collect())
}

/// The folder that a file is in.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path's last part.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Such as `.DS_Store`, and `._shot.png`, which holds what another system knows of `shot.png`.
fn is_hidden(path: &Path) -> bool {
    file_name(path).starts_with('.')
}

/// Whether a name is that of a file here: no address of the net, and no stream.
///
/// # Errors
/// It is one.
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

/// Whether a name is one that somebody would give to a file that is to be made here: what is meant for another system,
/// or is a slip of pasting, makes a file that nobody finds. What is there already may be called as it likes.
///
/// # Errors
/// It is none.
pub fn check_is_output(path: &Path) -> Result<(), MediaError> {
    check_is_file(path)?;
    let wrong = |why: String| Err(MediaError::OutputName { path: path.to_owned(), why });
    let text = path.to_string_lossy();
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let quote = |letter: Option<char>| {
        letter.filter(|letter| "\"'`\u{201c}\u{201d}\u{201e}\u{2018}\u{2019}".contains(*letter))
    };
    if let Some(quote) = quote(text.chars().next()).or_else(|| quote(text.chars().next_back())) {
        return wrong(format!(
            "there is a quotation mark ({quote}) at one end: leave it out, or write ./ before the name and an ending \
             after it"
        ));
    }
    if cfg!(windows) {
        return Ok(());
    }
    // The first folder that is not there, or the file.
    let made = path.ancestors().take_while(|part| part.symlink_metadata().is_err()).last();
    let made = made.and_then(|part| path.strip_prefix(part.parent()?).ok()).unwrap_or(path).to_string_lossy();
    let drive = matches!(made.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    if drive || made.contains('\\') {
        let parts = made.split(['/', '\\']).collect::<Vec<_>>().join("/");
        return wrong(format!("it is written as on Windows, and here folders are parted by /: {parts}"));
    }
    Ok(())
}

/// The name of a kind of picture that cannot be read.
pub fn other_picture(extension: &str) -> Option<&'static str> {
    OTHER_PICTURES.iter().find(|(known, _)| *known == extension).map(|(_, name)| *name)
}

/// The extension in small letters, empty if there is none.
pub fn extension(path: &Path) -> String {
    path.extension().map(|ext| ext.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether an extension is that of a still picture that can be read.
pub fn is_still(extension: &str) -> bool {
    STILLS.contains(&extension)
}

/// What an output's name asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A video through ffmpeg.
    Video,
    /// An animated GIF.
    Gif,
    /// An animated PNG.
    AnimatedPng,
    /// One file a frame.
    Pattern(Pattern),
    /// A single picture of this extension.
    Still(String),
}

impl OutputKind {
    /// The extension of the files, in small letters.
    pub fn extension(&self, output: &Path) -> String {
        match self {
            Self::Pattern(pattern) => extension(&pattern.file(1)),
            _ => extension(output),
        }
    }
}

/// The kind of output that a name and a number of frames ask for.
///
/// # Errors
/// The extension is unknown, or it is that of a single picture and there are several frames.
pub fn output_kind(output: &Path, frames: u32) -> Result<OutputKind, MediaError> {
    let ext = extension(output);
    let unknown = || MediaError::UnknownOutput(output.to_owned());
    let wrong = |why| MediaError::OutputName { path: output.to_owned(), why };
    if !output.is_dir() {
        if Pattern::is_ambiguous(output) {
            return Err(wrong(SEVERAL_PLACES.to_owned()));
        }
        if WRITABLE.contains(&ext.as_str())
            && let Some(why) = foreign(output)
        {
            return Err(wrong(why));
        }
        if let Some(pattern) = Pattern::parse(output) {
            let known = WRITABLE.contains(&ext.as_str());
            return if known { Ok(OutputKind::Pattern(pattern)) } else { Err(unknown()) };
        }
        match ext.as_str() {
            "gif" => return Ok(OutputKind::Gif),
            "apng" => return Ok(OutputKind::AnimatedPng),
            "png" if frames > 1 => return Ok(OutputKind::AnimatedPng),
            ext if VIDEOS.contains(&ext) => return Ok(OutputKind::Video),
            ext if WRITABLE.contains(&ext) => {
                return if frames == 1 {
                    Ok(OutputKind::Still(ext.to_owned()))
                } else {
                    Err(wrong(format!(
                        "it is one picture, and there are {frames} frames: name a folder or a pattern such as \
                         frame%04d.{ext}"
                    )))
                };
            }
            "" if output.is_file() => {
                return Err(wrong(
                    "there is a file of that name, which has no ending such as .mp4 that says what to write"
                        .into(),
                ));
            }
            "" if output.exists() => return Err(wrong("it is not an ordinary file".into())),
            "" if is_only_ending(&file_name(output)) => {
                return Err(wrong(format!(
                    "it is an ending without a name: write for instance out{}",
                    file_name(output)
                )));
            }
            "" if file_name(output).ends_with('.') => {
                return Err(wrong(
                    "after its last dot there is no ending such as mp4 that says what to write".into(),
                ));
            }
            "" => {}
            _ => return Err(unknown()),
        }
    }
    Ok(OutputKind::Pattern(Pattern::new(output, "", 4, ".png")))
}

/// Orders names as people number them: runs of digits by their value, the rest letter by letter.
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

/// Takes the digits at the front, without leading zeros.
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

    #[test]
    fn slips_of_pasting_are_no_names_for_new_files() {
        let why = |name: &str| check_is_output(Path::new(name)).map_err(|error| error.to_string());
        for name in ["'a.mp4", "a.mp4\"", "a.mp4'", "\u{201c}a.mp4", "`a", "out\u{201d}"] {
            let why = why(name).unwrap_err();
            assert!(why.contains("there is a quotation mark"), "{name}: {why}");
        }
        for name in ["./'90s.mp4", "it's.mp4", "12\".mp4", "a b.mp4", "no/such/folder", "/no/such/a.mp4"] {
            assert_eq!(why(name), Ok(()), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_of_another_system_are_no_names_for_new_files() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join(r"odd\name");
        fs::create_dir(&there).unwrap();
        let why = |name: &Path| check_is_output(name).map_err(|error| error.to_string());
        for (name, parts) in [
            (r"C:\Users\me\o.mp4", "C:/Users/me/o.mp4"),
            (r"sub\o.mp4", "sub/o.mp4"),
            (r"no/sub\o.mp4", "no/sub/o.mp4"),
            ("C:/o.mp4", "C:/o.mp4"),
        ] {
            let want = format!(
                "cannot write {name}: it is written as on Windows, and here folders are parted by /: {parts}"
            );
            assert_eq!(why(Path::new(name)), Err(want));
        }
        for name in [&there, &there.join("o.mp4"), Path::new("a:b.mp4")] {
            assert_eq!(why(name), Ok(()), "{}", name.display());
        }
    }

    #[test]
    fn a_name_tells_the_kind() {
        let kind = |name: &str, frames| output_kind(Path::new(name), frames);
        assert_eq!(kind("a.MP4", 2).unwrap(), OutputKind::Video);
        assert_eq!(kind("a.gif", 2).unwrap(), OutputKind::Gif);
        assert_eq!(kind("a.png", 2).unwrap(), OutputKind::AnimatedPng);
        assert_eq!(kind("a.png", 1).unwrap(), OutputKind::Still("png".into()));
        assert!(matches!(kind("some/folder", 2).unwrap(), OutputKind::Pattern(_)));
        assert!(kind("a.jpg", 2).unwrap_err().to_string().contains("frame%04d.jpg"));
        assert!(matches!(kind("a.xyz", 2), Err(MediaError::UnknownOutput(_))));
        assert!(matches!(kind("%04d.mp4", 2), Err(MediaError::UnknownOutput(_))));
    }

    #[test]
    fn numbers_as_other_programs_write_them_are_told() {
        let said = |name: &str| output_kind(Path::new(name), 2).err().map(|error| error.to_string());
        for (name, place) in [
            ("o_%4d.png", "%4d"),
            ("o_%i.png", "%i"),
            ("o_%03u.tif", "%03u"),
            ("o_%99d.png", "%99d"),
            ("o_%0d.png", "%0d"),
            ("%%_%2d.png", "%2d"),
            ("o_$F4.png", "$F4"),
            ("o.$F.exr", "$F"),
            ("o.@@@@.png", "@@@@"),
        ] {
            let said = said(name).unwrap_or_default();
            assert!(said.contains(&format!("{name}: {place} is not how")), "{name}: {said}");
        }
        for name in
            ["50%in.png", "50%4dark.png", "100%%i.png", "$FILM.png", "a@b.png", "o_%d.png", "o_%018d.png"]
        {
            assert_eq!(said(name), None, "{name}");
        }
    }

    #[test]
    fn an_ending_alone_is_no_name() {
        for name in [".mp4", "some/.PNG", ".gif", "o.", "no/o."] {
            let error = output_kind(Path::new(name), 2).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains("ending"), "{name}: {error}");
        }
        assert!(output_kind(Path::new(".frames"), 2).is_ok());
        for name in ["a.jpg", "%d_%03d.png"] {
            assert!(output_kind(Path::new(name), 2).unwrap_err().is_usage(), "{name}");
        }
    }
}
