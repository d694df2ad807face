//! The exported symbols of a Linux shared library, read from its dynamic symbol table (64-bit little-endian ELF,
//! which every plugin host on Linux loads).

use std::path::Path;

/// The names; `None` for another kind of file.
pub fn exported(path: &Path) -> Option<Vec<String>> {
    names(&std::fs::read(path).ok()?)
}

const SECTION_IS_DYNAMIC_SYMBOLS: usize = 11;

fn names(file: &[u8]) -> Option<Vec<String>> {
    // Magic number, 64 bits, little-endian.
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = number::<8>(file, 0x28)?;
    let (size, count) = (number::<2>(file, 0x3a)?, number::<2>(file, 0x3c)?);
    let section = |index: usize| file.get(table.checked_add(index.checked_mul(size)?)?..);
    let symbols = (0..count)
        .filter_map(section)
        .find(|header| number::<4>(header, 4) == Some(SECTION_IS_DYNAMIC_SYMBOLS))?;
    let strings = content(file, section(number::<4>(symbols, 0x28)?)?)?;
    let mut names = Vec::new();
    for symbol in content(file, symbols)?.chunks_exact(24) {
        let (info, visibility, home) = (symbol[4], symbol[5] & 3, number::<2>(symbol, 6)?);
        // Global, weak or unique; default or protected visibility; defined here.
        let global = matches!(info >> 4, 1 | 2 | 10);
        if global && matches!(visibility, 0 | 3) && home != 0 {
            let start = number::<4>(symbol, 0)?;
            let bytes = strings.get(start..)?.split(|&byte| byte == 0).next()?;
            names.push(String::from_utf8_lossy(bytes).into_owned());
        }
    }
    names.sort();
    Some(names)
}

/// The contents of a section, given its header.
fn content<'a>(file: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let start = number::<8>(header, 0x18)?;
    let len = number::<8>(header, 0x20)?;
    file.get(start..start.checked_add(len)?)
}

/// Reads a little-endian number of `N` bytes, at most 8; `None` if there are fewer, or memory has no such place.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let slice = bytes.get(at..at + N)?;
    let number = slice.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_told_apart() {
        assert_eq!(names(b"MZ not an ELF"), None);
        assert_eq!(names(b"\x7fELF\x02\x01 cut off"), None);
        assert_eq!(number::<2>(&[0, 0x34, 0x12], 1), Some(0x1234));
    }
}
