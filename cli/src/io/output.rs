//! Checks before a render starts: whether the output can be written, and what of the clip it cannot hold.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use frame::{Colour, Primaries, Transfer};

use super::animated::GIF_SHORTEST;
use super::fresh::{self, FreshFile};
use super::light::{self, Conversion};
use super::names::{self, Pattern};
use super::output_kind::{OutputKind, check_is_output, output_kind};
use super::{Info, MediaError, Profile, ffmpeg, list, sequence, stills};

/// An output that the user asked for.
#[derive(Clone, Copy, Debug)]
pub struct OutputRequest<'a> {
    /// The path as given by the user.
    pub output: &'a Path,
    /// The first and the last frame, counted from 1.
    pub frames: (u32, u32),
    /// The number of frames of the whole clip.
    pub whole: u32,
    /// Whether existing files may be replaced.
    pub overwrite: bool,
    /// The inputs of all clips, as given by the user.
    pub inputs: &'a [&'a Path],
    /// The files that these inputs consist of.
    pub files: &'a [&'a Path],
}

/// Checks whether an output can be made. Returns notices for the user, one sentence each; `info` describes the frames
/// that are written, with their times and tracks.
///
/// # Errors
/// As for [`super::create`], as far as they can be known beforehand; also if the output is an input, or exists and
/// may not be replaced.
pub fn check(request: &OutputRequest, info: &Info) -> Result<Vec<String>, MediaError> {
    let output = request.output;
    check_is_output(output)?;
    let (first, last) = request.frames;
    let count = last.saturating_sub(first).saturating_add(1);
    let kind = output_kind(output, count)?;
    if kind == OutputKind::Video {
        ffmpeg::require(output)?;
    }
    let mut notices = Vec::new();
    if let OutputKind::Pattern(pattern) = &kind {
        check_folder(pattern, request)?;
        check_files((first..=last).map(|number| pattern.file(number)), request)?;
        notices.extend(strangers(pattern, request));
    } else {
        check_files(std::iter::once(output.to_owned()), request)?;
        // The file is removed again at once: a problem with its folder should be reported now, not after the first
        // frame.
        FreshFile::new(output, request.overwrite)?;
        notices.extend(neighbour(output, request));
    }
    notices.extend(left_out(&kind, output, info));
    Ok(notices)
}

fn check_files(files: impl Iterator<Item = PathBuf>, request: &OutputRequest) -> Result<(), MediaError> {
    let inputs: HashSet<FileIdentity> =
        request.files.iter().filter_map(|file| FileIdentity::of(file)).collect();
    let mut existing = None;
    let mut more = 0;
    for file in files {
        let Some(identity) = FileIdentity::of(&file) else { continue };
        if inputs.contains(&identity) {
            return Err(MediaError::Input(file));
        }
        match existing {
            None => existing = Some(file),
            Some(_) => more += 1,
        }
    }
    match existing {
        Some(path) if !request.overwrite && path.is_file() => Err(MediaError::Exists { path, more }),
        _ => Ok(()),
    }
}

/// Checks the folder of a sequence: it must be writable, and a clip must not be read from it as a whole.
fn check_folder(pattern: &Pattern, request: &OutputRequest) -> Result<(), MediaError> {
    let folder = pattern.folder();
    let identity = FileIdentity::of(folder);
    let (first, last) = request.frames;
    let files = || (first..=last).map(|number| names::file_name(&pattern.file(number)));
    let becomes_part = |input: &Path| match input.is_dir() {
        true => FileIdentity::of(input) == identity,
        false => {
            FileIdentity::of(names::folder_of(input)) == identity
                && files().any(|name| sequence::takes(input, &name))
        }
    };
    if identity.is_some() && request.inputs.iter().any(|input| becomes_part(input)) {
        return Err(MediaError::InputFolder(folder.to_owned()));
    }
    // The first ancestor that exists: the rest will be created.
    let there = folder.ancestors().find(|folder| folder.exists()).filter(|path| !path.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    if !there.is_dir() {
        let why = format!("{} is not a folder", there.display());
        return Err(MediaError::OutputName { path: folder.to_owned(), why });
    }
    // A name that is not in use.
    let probe = there.join(format!(".unsample-{}", std::process::id()));
    FreshFile::new(&probe, true).map(drop).map_err(|error| match error {
        MediaError::Unwritable { why, .. } => MediaError::Unwritable { path: folder.to_owned(), why },
        other => other,
    })
}

/// The notice if an image is written beside the one that it is made from and replaces another one of its sequence.
fn neighbour(output: &Path, request: &OutputRequest) -> Option<String> {
    let exists = output.is_file();
    let folder = FileIdentity::of(names::folder_of(output));
    let of_one = |input: &&&Path| {
        input.is_file()
            && FileIdentity::of(names::folder_of(input)) == folder
            && sequence::are_one(input, output)
    };
    let input = request.inputs.iter().find(of_one).filter(|_| exists)?;
    let (output, input) = (output.display(), input.display());
    Some(format!("{output} belongs to the same sequence as {input}, and is replaced"))
}

/// The notice about images of an earlier render that will not be replaced and would look like part of this one. A
/// render of a part of the clip expects the clip's other frames to be there.
fn strangers(pattern: &Pattern, request: &OutputRequest) -> Option<String> {
    let files = names::list(pattern.folder()).ok()?;
    let number = |file: &PathBuf| u32::try_from(pattern.number(&names::file_name(file))?).ok();
    let own = |number: &u32| match request.overwrite {
        true => (1..=request.whole).contains(number),
        false => (request.frames.0..=request.frames.1).contains(number),
    };
    let mut others: Vec<u32> = files.iter().filter_map(number).filter(|number| !own(number)).collect();
    others.sort_unstable();
    let (plural, stay) = if others.len() == 1 { ("", "stays as it is") } else { ("s", "stay as they are") };
    (!others.is_empty()).then(|| {
        format!(
            "{} has picture{plural} {} already, which {stay}",
            pattern.folder().display(),
            list::numbers(&others)
        )
    })
}

/// Notices about everything that the output cannot hold.
fn left_out(kind: &OutputKind, output: &Path, info: &Info) -> Vec<String> {
    let extension = kind.extension(output);
    let shown = output.display();
    let mut notices = Vec::new();
    let holds_alpha = match kind {
        OutputKind::Video => super::encoder::holds_alpha(&extension, info),
        OutputKind::Gif | OutputKind::AnimatedPng => true,
        OutputKind::Pattern(_) | OutputKind::Still(_) => stills::holds_alpha(&extension),
    };
    if info.alpha && !holds_alpha {
        notices.push(format!(
            "{shown} will have no alpha, which the clip has: .mov, .webm (with even sides), .png, .tif and .exr hold it"
        ));
    }
    let still = matches!(kind, OutputKind::Pattern(_) | OutputKind::Still(_));
    let holders = info.profile.as_ref().map_or(&[][..], Profile::holders);
    if let Some(profile) = info.profile.as_ref().filter(|_| !holders.is_empty())
        && !(still && holders.contains(&extension.as_str()))
    {
        let holders: Vec<String> = holders.iter().map(|ending| format!(".{ending}")).collect();
        notices.push(format!(
            "{shown} will not have {} of the clip: single pictures in {} hold that",
            profile.words(),
            holders.join(" ")
        ));
    }
    match (kind, &info.tracks) {
        (OutputKind::Video, Some(tracks)) => {
            let (_, missing) = tracks.arguments(&extension);
            if !missing.is_empty() {
                notices.push(format!("{shown} will not have the clip's {}", missing.join(", ")));
            }
        }
        (_, Some(tracks)) if tracks.has_sound() => {
            notices.push(format!("{shown} will have no sound, which the clip has: a video holds it"));
        }
        _ => {}
    }
    let hurried = |frame: usize| (info.times.seconds(frame + 1) - info.times.seconds(frame)) * 100.0;
    if *kind == OutputKind::Gif && (0..info.frames as usize).any(|frame| hurried(frame) < GIF_SHORTEST - 0.01)
    {
        notices.push(format!("{shown} will be slower than the clip: a GIF has at most 50 frames a second"));
    }
    notices.extend(colours(kind, &extension, &shown.to_string(), info));
    if info.tracks.is_some() && *kind == OutputKind::Video {
        let bits = super::encoder::bits(&extension, info);
        if bits < info.bits {
            notices.push(format!(
                "{shown} will have {bits} bits a colour, and the clip has {}: .png and .tif hold 16",
                info.bits
            ));
        }
    }
    if extension == "avi" && !info.times.is_even() {
        notices.push(format!(
            "{shown} will have an even rate of {:.3} frames a second, which the clip has not: .mp4, .mov, .mkv and \
             .webm hold uneven times",
            info.fps
        ));
    }
    if extension == "avi" && info.times.late() > 0.0 {
        let length = 1.0 / info.fps;
        let off = info.times.late() - (info.times.late() / length).round() * length;
        if off.abs() > 1e-3 {
            let (begins, by) = (if off > 0.0 { "early" } else { "late" }, off.abs());
            notices.push(format!(
                "{shown} will begin with its picture {by:.3} s too {begins} for the sound, since it has whole frames only"
            ));
        }
    }
    notices
}

/// The notice about colours that the output cannot describe.
fn colours(kind: &OutputKind, extension: &str, shown: &str, info: &Info) -> Option<String> {
    let meaning = info.colour.meaning();
    let plain = meaning.primaries == Primaries::Rec709;
    let name = info.colour.name();
    match light::conversion(kind, extension, info) {
        // Linear light with sRGB primaries is the usual encoding of OpenEXR.
        Some(Conversion::ToDisplay(Colour { transfer: Transfer::Linear, .. })) if plain => None,
        Some(Conversion::ToDisplay(_)) => Some(format!(
            "{shown} will be sRGB: the clip's colours ({name}) are converted, without what is brighter than white or \
             more colourful than sRGB holds"
        )),
        Some(Conversion::ToLight) if meaning != Colour::DISPLAY => Some(format!(
            "{shown} will not be linear light as programs expect it: the clip's colours ({name}) are taken for those of \
             sRGB"
        )),
        None if extension == "exr" && !plain => {
            Some(format!("{shown} will not say that its colours are those of {name}, which they stay"))
        }
        _ => None,
    }
}

/// What identifies a file or folder, whatever its name.
#[derive(Debug, PartialEq, Eq, Hash)]
enum FileIdentity {
    #[cfg(unix)]
    Node(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl FileIdentity {
    /// `None` if the path does not exist.
    fn of(path: &Path) -> Option<Self> {
        let path = fresh::follow(path);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let metadata = fs::metadata(path).ok()?;
            Some(Self::Node(metadata.dev(), metadata.ino()))
        }
        #[cfg(not(unix))]
        Some(Self::Path(fs::canonicalize(path).ok()?))
    }
}
