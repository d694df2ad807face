//! Which files a name on the command line means.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use super::MediaError;

/// The stills that can be read.
const STILLS: &[&str] =
    &["png", "jpg", "jpeg", "jpe", "tif", "tiff", "bmp", "webp", "ppm", "pgm", "pnm", "pam"];

/// The stills that can be written.
const WRITABLE: &[&str] = &["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "ppm"];

/// The containers that ffmpeg is asked to write.
const VIDEOS: &[&str] = &["mp4", "m4v", "mov", "mkv", "webm", "avi"];

/// A `%04d` in a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    folder: PathBuf,
    before: String,
    digits: usize,
    after: String,
}

impl Pattern {
    /// The pattern in a path's last part: `%d` or `%0Nd`, once.
    pub fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (before, rest) = name.split_once('%')?;
        let end = rest.find('d')?;
        let (width, after) = (&rest[..end], &rest[end + 1..]);
        let digits = if width.is_empty() { 1 } else { width.strip_prefix('0')?.parse::<usize>().ok()? };
        if digits == 0 || digits > 18 || after.contains('%') {
            return None;
        }
        Some(Self {
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            before: before.to_owned(),
            digits,
            after: after.to_owned(),
        })
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
    fn number(&self, name: &str) -> Option<u64> {
        let middle = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let plain = !middle.is_empty() && middle.bytes().all(|b| b.is_ascii_digit());
        let fits = middle.len() == self.digits || (middle.len() > self.digits && !middle.starts_with('0'));
        if plain && fits { middle.parse().ok() } else { None }
    }
}

/// The files of a sequence, in order, if the name means one: a folder or a pattern.
///
/// # Errors
/// The folder cannot be listed or holds no picture.
pub fn sequence(input: &Path) -> Result<Option<Vec<PathBuf>>, MediaError> {
    if input.is_dir() {
        let mut files: Vec<PathBuf> =
            list(input)?.into_iter().filter(|file| is_still(&extension(file)) && !is_hidden(file)).collect();
        files.sort_by(|a, b| natural(&file_name(a), &file_name(b)));
        return non_empty(input, files).map(Some);
    }
    if input.exists() {
        return Ok(None);
    }
    let Some(pattern) = Pattern::parse(input) else {
        return Ok(None);
    };
    if !pattern.folder().is_dir() {
        return Err(MediaError::Missing(pattern.folder().to_owned()));
    }
    let mut numbered: Vec<(u64, PathBuf)> = list(pattern.folder())?
        .into_iter()
        .filter_map(|file| Some((pattern.number(&file_name(&file))?, file)))
        .collect();
    numbered.sort();
    non_empty(input, numbered.into_iter().map(|(_, file)| file).collect()).map(Some)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, MediaError> {
    let entries = fs::read_dir(folder).map_err(|error| MediaError::read(folder, error))?;
    Ok(entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect())
}

fn non_empty(input: &Path, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, MediaError> {
    if files.is_empty() { Err(MediaError::Empty(input.to_owned())) } else { Ok(files) }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_hidden(path: &Path) -> bool {
    file_name(path).starts_with('.')
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

/// The kind of output that a name and a number of frames ask for.
///
/// # Errors
/// The extension is unknown, or it is that of a single picture and there are several frames.
pub fn output_kind(output: &Path, frames: u32) -> Result<OutputKind, MediaError> {
    let ext = extension(output);
    let unknown = || MediaError::UnknownOutput(output.to_owned());
    if !output.is_dir() {
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
                    Err(MediaError::Unwritable {
                        path: output.to_owned(),
                        why: format!(
                            "it is one picture, and there are {frames} frames: name a folder or a pattern such as frame%04d.{ext}"
                        ),
                    })
                };
            }
            "" => {}
            _ => return Err(unknown()),
        }
    }
    Pattern::parse(&output.join("%04d.png")).map(OutputKind::Pattern).ok_or_else(unknown)
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
}
