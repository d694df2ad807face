//! The names of the libraries that a Linux library needs, from its dynamic section (ELF, 64 bits, little endian).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const DYNAMIC_SECTION: u64 = 6;
const NEEDED: u64 = 1;
/// More than any library has.
const MOST: u64 = 1 << 20;

/// The names; `None` for a file of another kind, or a damaged one.
pub fn needed(path: &Path) -> Option<Vec<String>> {
    // By parts: some of these files are half a gigabyte.
    let file = File::open(path).ok()?;
    let read = |at: u64, length: u64| -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok().filter(|_| length <= MOST)?];
        file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    };
    let header = read(0, 64)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (size, count) = (number::<2>(&header, 0x3a)?, number::<2>(&header, 0x3c)?);
    let table = read(number::<8>(&header, 0x28)?, size.checked_mul(count)?)?;
    let sections: Vec<&[u8]> =
        table.chunks_exact(usize::try_from(size).ok().filter(|size| *size >= 64)?).collect();
    let content = |section: &[u8]| read(number::<8>(section, 0x18)?, number::<8>(section, 0x20)?);
    let dynamic = sections.iter().find(|section| number::<4>(section, 4) == Some(DYNAMIC_SECTION))?;
    let names = content(sections.get(usize::try_from(number::<4>(dynamic, 0x28)?).ok()?)?)?;
    let mut found = Vec::new();
    for entry in content(dynamic)?.chunks_exact(16) {
        if number::<8>(entry, 0)? == NEEDED {
            let start = usize::try_from(number::<8>(entry, 8)?).ok()?;
            let name = names.get(start..)?.split(|byte| *byte == 0).next()?;
            found.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Some(found)
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let slice = bytes.get(at..at.checked_add(N)?)?;
    Some(slice.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_needs_the_c_library_and_a_text_needs_nothing() {
        let own = needed(&std::env::current_exe().unwrap()).unwrap();
        assert!(own.iter().any(|name| name.starts_with("libc.")), "{own:?}");
        assert_eq!(needed(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))), None);
        let folder = tempfile::tempdir().unwrap();
        let cut = folder.path().join("cut");
        std::fs::write(&cut, b"\x7fELF\x02\x01 and no more than that").unwrap();
        assert_eq!(needed(&cut), None);
    }
}
