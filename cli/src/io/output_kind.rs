//! Determines the kind of output from its name.

use std::path::Path;

use super::MediaError;
use super::names::{Pattern, SEVERAL_PLACES, check_is_file, extension, file_name, foreign};

/// The still formats that can be written.
const WRITABLE: &[&str] = &["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "ppm", "exr"];

/// The video containers that are written through ffmpeg.
const VIDEOS: &[&str] = &["mp4", "m4v", "mov", "mkv", "webm", "avi"];

/// Refuses names that are probably mistakes: a pattern for another program, or a slip when pasting, would create a
/// file that the user does not find. Existing files may have any name.
///
/// # Errors
/// The name is one of these.
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
    // The outermost folder that does not exist, or the file.
    let made = path.ancestors().take_while(|part| part.symlink_metadata().is_err()).last();
    let made = made.and_then(|part| path.strip_prefix(part.parent()?).ok()).unwrap_or(path).to_string_lossy();
    let drive = matches!(made.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    if drive || made.contains('\\') {
        let parts = made.split(['/', '\\']).collect::<Vec<_>>().join("/");
        return wrong(format!("it is a Windows path, and here folders are separated by /: {parts}"));
    }
    Ok(())
}

/// The kind of output that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A video, written through ffmpeg.
    Video,
    /// An animated GIF.
    Gif,
    /// An animated PNG.
    AnimatedPng,
    /// One file per frame.
    Pattern(Pattern),
    /// A single image with this extension.
    Still(String),
}

impl OutputKind {
    /// The extension of the files, in lower case.
    pub fn extension(&self, output: &Path) -> String {
        match self {
            Self::Pattern(pattern) => extension(&pattern.file(1)),
            _ => extension(output),
        }
    }
}

/// The kind of output for a name and a number of frames.
///
/// # Errors
/// The extension is unknown, or it is that of a single image and there are several frames.
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

/// Whether a name consists of nothing but an output's extension.
fn is_only_ending(name: &str) -> bool {
    let ending = name.strip_prefix('.').unwrap_or_default().to_lowercase();
    let ending = ending.as_str();
    VIDEOS.contains(&ending) || WRITABLE.contains(&ending) || matches!(ending, "gif" | "apng")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
                "cannot write {name}: it is a Windows path, and here folders are separated by /: {parts}"
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
