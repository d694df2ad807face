//! `unsample models pull`: downloads models from the Hugging Face hub into the models folder.
//!
//!
//! Downloads are stored in the subfolder `.pull` of the models folder first, where a later call resumes them, and get
//! their names only when their checksum has been verified. The plugin contains none of this code: inside a host
//! nothing is ever downloaded.

mod hub;
mod table;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use self::hub::{HubClient, PullError};
use self::table::{ModelTable, Remote, is_sha256};
use super::models::{folder, size};
use super::print;
use crate::cli::PullArgs;
use crate::failure::Failure;

/// Runs `unsample models pull`.
///
/// # Errors
/// There is no such model, the hub does not deliver it, the download does not match the table, or it cannot be
/// stored.
pub fn run(args: &PullArgs) -> Result<(), Failure> {
    let table = match &args.table {
        Some(path) => ModelTable::read(path)?,
        None => ModelTable::own()?,
    };
    let Some(name) = &args.name else {
        let width = table.names().map(|(name, _)| name.len()).max().unwrap_or(0);
        let lines: String = table.names().map(|(name, about)| format!("{name:width$}  {about}\n")).collect();
        print(&lines);
        return Ok(());
    };
    let files = table.find(name)?;
    let to = match &args.to {
        Some(folder) => folder.clone(),
        None => folder()?,
    };
    for file in &files {
        print(&announcement(file, &to));
    }
    let hub = HubClient::new(&args.endpoint);
    for file in files {
        let place = to.join(file.place());
        let outcome = if place.exists() { present(file, &place) } else { fetch(&hub, file, &to, &place) };
        let how = outcome.map_err(|error| Failure::Failed(error.to_string()))?;
        print(&format!("{}  {how}\n", place.display()));
    }
    Ok(())
}

/// A line that states what will be downloaded, its size and its licence.
fn announcement(file: &Remote, to: &Path) -> String {
    let bytes = file.size.map_or_else(|| "size not in the table".to_owned(), size);
    format!(
        "{}: {}\n  {bytes}, licence {}\n  from {}, {}\n  to {}\n",
        file.name(),
        file.about,
        file.licence,
        file.repository,
        file.path,
        to.join(&file.folder).display()
    )
}

/// Handles a file that exists already under the right name: accepted if its contents are right.
fn present(file: &Remote, place: &Path) -> Result<&'static str, PullError> {
    let length = fs::metadata(place).map_err(|error| PullError::disk(place, &error))?.len();
    let same = match (&file.sha256, file.size) {
        (_, Some(size)) if size != length => false,
        (Some(sum), _) => sha256(place)? == *sum,
        (None, _) => return Ok("is there; the table has no checksum of it"),
    };
    if same { Ok("is there") } else { Err(PullError::Other(place.to_owned())) }
}

/// Downloads a file, verifies it and moves it to its place.
fn fetch(hub: &HubClient, file: &Remote, to: &Path, place: &Path) -> Result<&'static str, PullError> {
    let beside = to.join(".pull").join(file.name());
    let parent = place.parent().unwrap_or(to);
    for folder in [&beside, parent] {
        fs::create_dir_all(folder).map_err(|error| PullError::disk(folder, &error))?;
    }
    let blob = hub.download(file, &beside)?;
    let found = sha256(&blob)?;
    // The hub names LFS files after their checksum.
    let stated = blob.file_name().and_then(|name| name.to_str()).filter(|name| is_sha256(name));
    let (wanted, how) = match (&file.sha256, stated) {
        (Some(sum), _) => (Some(sum.as_str()), "checksum right"),
        (None, Some(stated)) => (Some(stated), "checksum as the hub states it"),
        (None, None) => (None, "neither the table nor the hub has a checksum of it"),
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
        let error = PullError::Checksum { name: file.name().into(), found, wanted: wanted.into() };
        // A second attempt must not resume this.
        let _ = fs::remove_dir_all(&beside);
        return Err(error);
    }
    fs::rename(&blob, place).map_err(|error| PullError::disk(place, &error))?;
    let _ = fs::remove_dir_all(&beside);
    // Fails while it contains other downloads.
    let _ = fs::remove_dir(to.join(".pull"));
    Ok(how)
}

fn sha256(path: &Path) -> Result<String, PullError> {
    let fault = |error: std::io::Error| PullError::disk(path, &error);
    let mut file = File::open(path).map_err(fault)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(fault)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The finished download in a cache with the hub's layout, if there is one.
fn finished(folder: &Path) -> Option<PathBuf> {
    let repositories = fs::read_dir(folder).ok()?.flatten();
    let blobs = repositories.filter_map(|repository| fs::read_dir(repository.path().join("blobs")).ok());
    let files = blobs.flat_map(|blobs| blobs.flatten().map(|blob| blob.path()));
    files.into_iter().find(|path| path.extension().is_none() && path.is_file())
}
