//! `unsample cache`: shows the size of the disk cache and clears it.

use std::io::ErrorKind;
use std::path::Path;

use engine::pipeline::cache::{DiskCache, DiskUsage, default_folder};
use protocol::pasted_path;

use super::models::size;
use super::print;
use crate::cli::{CacheArgs, CacheCommand};
use crate::failure::Failure;

/// Runs `unsample cache`.
///
/// # Errors
/// The folder cannot be listed, or some entries could not be removed. A missing folder is an empty cache.
pub fn run(args: &CacheArgs) -> Result<(), Failure> {
    let folder = args.folder.as_ref().map_or_else(default_folder, |folder| pasted_path(folder).into_owned());
    // Listing and clearing do not depend on the size limit.
    let cache = DiskCache::new(folder, u64::MAX);
    let shown = cache.folder().display();
    if let Err(error) = std::fs::read_dir(cache.folder())
        && error.kind() != ErrorKind::NotFound
    {
        return Err(Failure::Failed(format!("cannot look into the cache folder {shown}: {error}")));
    }
    match args.command {
        CacheCommand::Info => {
            let usage = cache.usage();
            print(&format!("{shown}: {} entries, {}\n", usage.entries, size(usage.bytes)));
        }
        CacheCommand::Clear => {
            let gone = cache.clear();
            print(&format!("{shown}: removed {} entries, {}\n", gone.entries, size(gone.bytes)));
            if let Some(sentence) = left(cache.folder(), &cache.usage()) {
                return Err(Failure::Failed(sentence));
            }
        }
    }
    Ok(())
}

/// A sentence about files that are left after clearing.
fn left(folder: &Path, usage: &DiskUsage) -> Option<String> {
    let entries = match usage.entries {
        0 => return None,
        1 => "1 entry".to_owned(),
        several => format!("{several} entries"),
    };
    let (folder, bytes) = (folder.display(), size(usage.bytes));
    Some(format!(
        "{folder}: {entries} ({bytes}) could not be removed: the folder belongs to somebody else, or is read-only"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_removed_is_counted() {
        let said = |entries| left(Path::new("c"), &DiskUsage { entries, bytes: 3 << 20 });
        assert_eq!(said(0), None);
        assert!(said(1).unwrap().starts_with("c: 1 entry (3.1 MB) could not be removed"), "{:?}", said(1));
        assert!(said(7).unwrap().starts_with("c: 7 entries ("), "{:?}", said(7));
    }
}
