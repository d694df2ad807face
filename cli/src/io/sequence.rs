//! Determines which files of a folder, a pattern or a list are the frames of a clip.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::names::{self, Pattern, file_name, natural};
use super::{MediaError, list};

/// The files of a clip, one per frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StillSequence {
    /// The files in order. A missing frame has the file of the frame before.
    pub files: Vec<PathBuf>,
    /// Notices for the user, one sentence each.
    pub notices: Vec<String>,
}

/// The sequence that an input stands for: a folder, a pattern such as `shot_%04d.png`, or names with `*` in them.
/// `None` for a single file.
///
/// # Errors
/// The folder cannot be listed, contains no supported image, or contains several sequences.
pub fn find(input: &Path) -> Result<Option<StillSequence>, MediaError> {
    if input.is_dir() {
        return folder(input).map(Some);
    }
    if input.symlink_metadata().is_ok() {
        return Ok(None);
    }
    if file_name(input).contains('*') {
        return starred(input).map(Some);
    }
    if Pattern::is_ambiguous(input) {
        return Err(MediaError::InputName { path: input.to_owned(), why: names::SEVERAL_PLACES.to_owned() });
    }
    let Some(pattern) = Pattern::parse(input) else {
        return match names::foreign(input) {
            Some(why) => Err(MediaError::InputName { path: input.to_owned(), why }),
            None => Ok(None),
        };
    };
    if !pattern.folder().is_dir() {
        return Err(MediaError::Missing(pattern.folder().to_owned()));
    }
    let number = |file: PathBuf| Some((pattern.number(&file_name(&file))?, file));
    let mut numbered: Vec<(u64, PathBuf)> =
        names::list(pattern.folder())?.into_iter().filter_map(number).collect();
    numbered.sort();
    if numbered.is_empty() {
        return Err(MediaError::Empty(input.to_owned()));
    }
    Ok(Some(in_order(input, numbered)))
}

/// Whether a file with this name, in the folder of a pattern or of names with `*`, would be part of that sequence.
pub fn takes(input: &Path, name: &str) -> bool {
    if input.symlink_metadata().is_ok() {
        return false;
    }
    let pattern = file_name(input);
    if pattern.contains('*') {
        return names::is_still(&names::extension(Path::new(name))) && matches(&pattern, name);
    }
    Pattern::parse(input).is_some_and(|pattern| pattern.number(name).is_some())
}

/// Whether the names of two images differ in numbers only.
pub fn are_one(one: &Path, other: &Path) -> bool {
    let ((words, numbers), (other_words, _)) = (split(&file_name(one)), split(&file_name(other)));
    let still = |path: &Path| names::is_still(&names::extension(path));
    still(one) && still(other) && !numbers.is_empty() && words == other_words
}

/// A sequence of one image.
pub fn single(file: &Path) -> StillSequence {
    StillSequence { files: vec![file.to_owned()], notices: Vec::new() }
}

/// All supported images in a folder, which have to be one sequence.
fn folder(folder: &Path) -> Result<StillSequence, MediaError> {
    let all = names::list(folder)?;
    let (stills, others): (Vec<PathBuf>, Vec<PathBuf>) =
        all.into_iter().partition(|file| names::is_still(&names::extension(file)));
    if stills.is_empty() {
        let kind = others.iter().find_map(|file| names::other_picture(&names::extension(file)));
        return Err(match kind {
            Some(kind) => MediaError::Picture { path: folder.to_owned(), kind },
            None => MediaError::Empty(folder.to_owned()),
        });
    }
    let unread = unread(folder, &others, &stills);
    let mut groups = groups(stills);
    let mut sequence = match groups.as_mut_slice() {
        [only] => std::mem::take(only).read(folder),
        // Names without numbers are a list in alphabetical order.
        several if several.iter().all(|group| group.files.len() == 1) && stems_differ(several) => {
            let mut files: Vec<PathBuf> = groups.into_iter().flat_map(NumberedFiles::paths).collect();
            files.sort_by(|a, b| natural(&file_name(a), &file_name(b)));
            StillSequence { files, notices: Vec::new() }
        }
        _ => {
            let found = groups.iter().map(|group| group.describe(folder)).collect::<Vec<_>>().join(", ");
            return Err(MediaError::Several { folder: folder.to_owned(), found });
        }
    };
    sequence.notices.extend(unread);
    Ok(sequence)
}

/// The notice about unsupported images beside those of the clip. A camera's raw file beside its JPEG is not reported.
fn unread(name: &Path, others: &[PathBuf], read: &[PathBuf]) -> Option<String> {
    let stems: HashSet<_> = read.iter().filter_map(|file| file.file_stem()).collect();
    let alone = |file: &&PathBuf| file.file_stem().is_none_or(|stem| !stems.contains(stem));
    let kind = |file: &PathBuf| Some((names::other_picture(&names::extension(file))?, file_name(file)));
    let (mut kinds, mut files): (Vec<_>, Vec<_>) = others.iter().filter(alone).filter_map(kind).unzip();
    files.sort_by(|a, b| natural(a, b));
    kinds.sort_unstable();
    kinds.dedup();
    let shown = match files.as_slice() {
        [] => return None,
        [one] => format!("{one} is"),
        [all @ .., last] if all.len() < 3 => format!("{} and {last} are", all.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more pictures are", rest.len()),
    };
    let (name, kinds) = (name.display(), kinds.join(", "));
    Some(format!(
        "{name}: {shown} of a kind that is not read here ({kinds}), and not in the clip: convert to PNG or TIFF first"
    ))
}

/// Whether no two images differ in their extension only, as a camera's two versions of a shot do.
fn stems_differ(groups: &[NumberedFiles]) -> bool {
    let files = groups.iter().flat_map(|group| &group.files);
    let mut stems: Vec<_> = files.map(|(_, file)| file.file_stem().unwrap_or_default()).collect();
    stems.sort();
    stems.windows(2).all(|pair| pair[0] != pair[1])
}

/// Names with `*`, as in ffmpeg's glob patterns. If they differ in one number only, it counts the frames as in a
/// folder; otherwise they are in alphabetical order.
fn starred(input: &Path) -> Result<StillSequence, MediaError> {
    let folder = names::folder_of(input);
    if !folder.is_dir() {
        return Err(MediaError::Missing(folder.to_owned()));
    }
    let pattern = file_name(input);
    let mut files = names::list(folder)?;
    files.retain(|file| matches(&pattern, &file_name(file)));
    let (mut stills, others): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|file| names::is_still(&names::extension(file)));
    if stills.is_empty() {
        return Err(MediaError::Empty(input.to_owned()));
    }
    let unread = unread(input, &others, &stills);
    stills.sort_by(|a, b| natural(&file_name(a), &file_name(b)));
    let mut sequence = match groups(stills.clone()).as_mut_slice() {
        [only] => std::mem::take(only).read(input),
        _ => StillSequence { files: stills, notices: Vec::new() },
    };
    sequence.notices.extend(unread);
    Ok(sequence)
}

/// Whether a name matches a pattern of text and `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(end)
}

/// Files whose names differ in one number only.
#[derive(Debug, Default)]
struct NumberedFiles {
    /// The part of the name before the number.
    before: String,
    after: String,
    /// The number in each name, and the file.
    files: Vec<(u64, PathBuf)>,
}

impl NumberedFiles {
    fn paths(self) -> impl Iterator<Item = PathBuf> {
        self.files.into_iter().map(|(_, file)| file)
    }

    fn read(mut self, folder: &Path) -> StillSequence {
        self.files.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| natural(&file_name(&a.1), &file_name(&b.1))));
        in_order(folder, self.files)
    }

    /// How to name the sequence on the command line, and the number of its files.
    fn describe(&self, folder: &Path) -> String {
        let Some((_, first)) = self.files.first() else { return String::new() };
        if self.files.len() == 1 {
            return first.display().to_string();
        }
        let number = |file: &Path| {
            let name = file_name(file);
            let end = name.len().saturating_sub(self.after.len());
            name.get(self.before.len()..end).unwrap_or_default().to_owned()
        };
        let numbers: Vec<String> = self.files.iter().map(|(_, file)| number(file)).collect();
        // All numbers have the same length, or some have leading zeros: padded.
        let shortest = numbers.iter().map(String::len).min().unwrap_or(1);
        let padded = numbers.iter().any(|number| number.starts_with('0'))
            || numbers.iter().all(|number| number.len() == shortest);
        // As in the first file's name, including the case of the extension.
        let name = file_name(first);
        let after = name.get(name.len().saturating_sub(self.after.len())..).unwrap_or(&self.after);
        let pattern = Pattern::new(folder, &self.before, if padded { shortest } else { 1 }, after);
        format!("{} ({} pictures)", pattern.written().display(), self.files.len())
    }
}

/// Groups names into sequences. The last number that differs between names with the same words counts the frames; the
/// ones before it, such as the number of a take, distinguish sequences.
fn groups(files: Vec<PathBuf>) -> Vec<NumberedFiles> {
    let mut by_words: BTreeMap<Vec<String>, Vec<(Vec<String>, PathBuf)>> = BTreeMap::new();
    for file in files {
        let (words, numbers) = split(&file_name(&file));
        by_words.entry(words).or_default().push((numbers, file));
    }
    let mut found: BTreeMap<(String, String), NumberedFiles> = BTreeMap::new();
    for (words, files) in by_words {
        let count = words.len() - 1;
        let differs = |place: &usize| {
            files.iter().any(|(numbers, _)| value(&numbers[*place]) != value(&files[0].0[*place]))
        };
        // If no number differs, the last one counts the frames.
        let place = (0..count).rev().find(differs).or(count.checked_sub(1));
        for (numbers, file) in files {
            let text = |range: std::ops::Range<usize>| -> String {
                range
                    .map(|i| numbers.get(i).map_or_else(|| words[i].clone(), |n| format!("{}{n}", words[i])))
                    .collect()
            };
            let (before, after, number) = match place {
                Some(place) => {
                    let before = format!("{}{}", text(0..place), words[place]);
                    (before, text(place + 1..words.len()), value(&numbers[place]))
                }
                None => (words[0].clone(), String::new(), 0),
            };
            let group = found.entry((before.clone(), after.clone())).or_default();
            (group.before, group.after) = (before, after);
            group.files.push((number, file));
        }
    }
    found.into_values().collect()
}

/// Numbers that are too large, such as dates with a time, become the largest value.
fn value(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

/// Splits a name into words and the numbers between them: one word more than numbers. The extension's case is
/// ignored.
fn split(name: &str) -> (Vec<String>, Vec<String>) {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let (mut words, mut numbers) = (Vec::new(), Vec::new());
    let mut rest = stem;
    while let Some(from) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[from..];
        let len = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        words.push(rest[..from].to_owned());
        numbers.push(number[..len].to_owned());
        rest = &number[len..];
    }
    words.push(format!("{rest}.{}", extension.to_lowercase()));
    (words, numbers)
}

/// The frames ordered by number. A frame that is missing from a run keeps its position and shows the one before, so
/// that frame numbers, times and sound stay right; numbers that are far apart, or in steps, only define an order.
fn in_order(name: &Path, numbered: Vec<(u64, PathBuf)>) -> StillSequence {
    let shown = name.display();
    let numbers: Vec<u64> = numbered.iter().map(|(number, _)| *number).collect();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    let steps: Vec<u64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let plain =
        |notices| StillSequence { files: numbered.iter().map(|(_, file)| file.clone()).collect(), notices };
    if let Some(twice) = steps.iter().position(|step| *step == 0) {
        let number = numbers[twice];
        return plain(vec![format!(
            "{shown}: number {number} is there more than once; the pictures follow by their names"
        )]);
    }
    if steps.iter().all(|step| *step == 1) {
        return plain(Vec::new());
    }
    let span = (last - first).saturating_add(1);
    if steps.len() > 1 && steps.iter().all(|step| *step == steps[0]) || span / 2 >= numbers.len() as u64 {
        return plain(vec![format!(
            "{shown}: its {0} pictures have numbers from {first} to {last}, with more gaps than a few missing pictures leave; \
             they are taken as frames 1 to {0}, one after the other",
            numbers.len()
        )]);
    }
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for ((number, file), next) in numbered.iter().zip(numbers.iter().skip(1).chain([&(last + 1)])) {
        files.push(file.clone());
        for gap in number + 1..*next {
            files.push(file.clone());
            missing.push(u32::try_from(gap).unwrap_or(u32::MAX));
        }
    }
    let (plural, verb) = if missing.len() == 1 { ("", "is") } else { ("s", "are") };
    let notices = vec![format!(
        "{shown}: picture{plural} {} {verb} missing; the one before is shown in {} place",
        list::numbers(&missing),
        if missing.len() == 1 { "its" } else { "their" }
    )];
    StillSequence { files, notices }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a folder of empty files.
    fn made(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    fn read(names: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let folder = made(names);
        match find(folder.path()) {
            Ok(found) => {
                let found = found.unwrap();
                Ok((found.files.iter().map(|file| file_name(file)).collect(), found.notices))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_missing_frame_keeps_its_place_and_is_told() {
        let (files, notices) = read(&["f_1.png", "f_2.png", "f_4.png", "f_5.png"]).unwrap();
        assert_eq!(files, ["f_1.png", "f_2.png", "f_2.png", "f_4.png", "f_5.png"]);
        assert!(
            notices[0].ends_with("picture 3 is missing; the one before is shown in its place"),
            "{notices:?}"
        );
        let (files, notices) = read(&["f_0099.png", "f_0100.png", "f_0101.png"]).unwrap();
        assert_eq!((files.len(), notices.len()), (3, 0));
    }

    #[test]
    fn numbers_far_apart_are_an_order_and_told() {
        for names in [["s9.png", "s10.png", "s101.png"], ["f10.png", "f20.png", "f30.png"]] {
            let (files, notices) = read(&names).unwrap();
            assert_eq!(files, names);
            assert!(notices[0].contains("taken as frames 1 to 3, one after the other"), "{notices:?}");
        }
        let (_, notices) = read(&["f1.png", "f01.png", "f2.png"]).unwrap();
        assert!(notices[0].contains("number 1 is there more than once"), "{notices:?}");
    }

    #[test]
    fn several_sequences_ask_which() {
        let error = read(&["a_01.png", "a_02.png", "b_01.png", "b_02.png"]).unwrap_err();
        assert!(
            error.contains("a_%02d.png (2 pictures)") && error.contains("b_%02d.png (2 pictures)"),
            "{error}"
        );
        for names in [
            ["f_1.png", "f_2.png", "f_1.jpg", "f_2.jpg"],
            ["take1_001.png", "take1_002.png", "take2_001.png", "take2_002.png"],
            ["0001_beauty.png", "0002_beauty.png", "0001_depth.png", "0002_depth.png"],
            ["f_1.png", "f_2.png", "f_3.png", "cover.png"],
            ["IMG_7.png", "IMG_7.jpg", "a.png", "b.png"],
        ] {
            let error = read(&names).unwrap_err();
            assert!(error.contains("several sequences"), "{names:?}: {error}");
        }
    }

    #[test]
    fn one_sequence_is_known_as_one() {
        for names in [
            ["f_1_v2.png", "f_2_v2.png", "f_3_v2.png", "f_4_v2.png"],
            ["IMG_1.JPG", "IMG_2.jpg", "IMG_3.JPG", "IMG_4.jpg"],
            ["shot2 (8).png", "shot2 (9).png", "shot2 (10).png", "shot2 (11).png"],
            ["ant.png", "Bee.png", "cat.jpg", "dog.png"],
        ] {
            assert_eq!(read(&names).unwrap(), (names.map(str::to_owned).to_vec(), Vec::new()));
        }
        let (files, _) =
            read(&["f1.png", "f2.png", "._f1.png", ".DS_Store", "Thumbs.db", "notes.txt"]).unwrap();
        assert_eq!(files, ["f1.png", "f2.png"]);
    }

    #[test]
    fn stars_take_what_fits() {
        let folder = made(&["a_1.png", "a_2.png", "b_1.png", "a_3.txt"]);
        let names = |pattern: &str| -> Vec<String> {
            find(&folder.path().join(pattern)).unwrap().unwrap().files.iter().map(|f| file_name(f)).collect()
        };
        assert_eq!(names("a*.png"), ["a_1.png", "a_2.png"]);
        assert_eq!(names("*"), ["a_1.png", "a_2.png", "b_1.png"]);
        let folder = made(&["s_1.jpg", "s_2.jpg", "s_4.jpg", "s_5.heic", "s_4.cr2", "s_6.txt"]);
        let found = find(&folder.path().join("s_*")).unwrap().unwrap();
        let files: Vec<String> = found.files.iter().map(|file| file_name(file)).collect();
        assert_eq!(files, ["s_1.jpg", "s_2.jpg", "s_2.jpg", "s_4.jpg"]);
        assert!(found.notices[0].ends_with("picture 3 is missing; the one before is shown in its place"));
        assert!(found.notices[1].contains(": s_5.heic is of a kind that is not read here (HEIF)"));
        assert_eq!(found.notices.len(), 2);
        assert!(matches("a*b*c", "axxbyyc") && !matches("a*b*c", "axxc") && !matches("ab*ba", "aba"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(read(&["a_1.dpx", "a_2.dpx"]).unwrap_err().contains("DPX"));
        assert!(read(&["a.txt"]).unwrap_err().starts_with("there is no picture in"));
        let names = ["f_1.jpg", "f_2.heic", "f_3.jpg", "f_4.jpg", "f_5.jpg", "f_6.heic"];
        let (files, notices) = read(&names).unwrap();
        assert_eq!(files, ["f_1.jpg", "f_1.jpg", "f_3.jpg", "f_4.jpg", "f_5.jpg"]);
        assert!(notices[1].contains(": f_2.heic and f_6.heic are of a kind"), "{notices:?}");
        let names: Vec<String> = (1..9).map(|n| format!("f_{n}.dpx")).chain(["f_9.png".into()]).collect();
        let (_, notices) = read(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert!(notices[0].contains(": f_1.dpx, f_2.dpx and 6 more pictures are of a kind"), "{notices:?}");
        let folder = made(&[]);
        for (name, why) in [("f_%4d.png", "%4d is not how"), ("%d_%d.png", "several places")] {
            let error = find(&folder.path().join(name)).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains(why), "{name}: {error}");
        }
    }
}
