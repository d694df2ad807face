//! `unsample cache`: how much is remembered on disk, and away with it.

use engine::pipeline::cache::{DiskCache, default_folder};
use protocol::pasted_path;

use super::models::size;
use super::print;
use crate::cli::{CacheArgs, CacheCommand};
use crate::failure::Failure;

/// Runs the command.
///
/// # Errors
/// None so far; a folder that is not there is an empty cache.
pub fn run(args: &CacheArgs) -> Result<(), Failure> {
    let folder = args.folder.as_ref().map_or_else(default_folder, |folder| pasted_path(folder).into_owned());
    // Looking and clearing need no bound.
    let cache = DiskCache::new(folder, u64::MAX);
    let shown = cache.folder().display();
    match args.command {
        CacheCommand::Info => {
            let usage = cache.usage();
            print(&format!("{shown}: {} entries, {}\n", usage.entries, size(usage.bytes)));
        }
        CacheCommand::Clear => {
            let gone = cache.clear();
            print(&format!("{shown}: removed {} entries, {}\n", gone.entries, size(gone.bytes)));
        }
    }
    Ok(())
}
