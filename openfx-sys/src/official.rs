//! Compares this crate with the official headers that `OPENFX_INCLUDE_DIR` names.

use core::ffi::{CStr, c_char, c_longlong};
use std::collections::BTreeMap;

include!(concat!(env!("OUT_DIR"), "/official.rs"));

#[repr(C)]
struct StringRow {
    name: *const c_char,
    value: *const c_char,
}

#[repr(C)]
struct NumberRow {
    name: *const c_char,
    value: c_longlong,
}

unsafe extern "C" {
    // Declared with one row; the real length is marked by a NULL name.
    static openfx_sys_official_strings: [StringRow; 1];
    static openfx_sys_official_numbers: [NumberRow; 1];
}

/// Names that the official 1.5.1 headers lack: host extensions, and spellings that 1.5.1 replaced.
const ELSEWHERE: [&str; 5] = [
    "kOfxParamPropLayoutHint",
    "kNatron",
    "kOfxImageEffectPropResolvePage",
    "kOfxImageClipPropThumbnail",
    "kOfxImageEffectPropColourManagement",
];

fn text(at: *const c_char) -> String {
    // SAFETY: the tables hold string literals.
    let text = unsafe { CStr::from_ptr(at) };
    text.to_str().expect("the constants are ASCII").into()
}

/// Reads a C table up to its closing row, whose name is NULL.
fn rows<Row, Value>(
    first: *const Row,
    name: impl Fn(&Row) -> *const c_char,
    value: impl Fn(&Row) -> Value,
) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut at = first;
    loop {
        // SAFETY: `at` starts at the table's first row and stops at the closing one.
        let row = unsafe { &*at };
        if name(row).is_null() {
            return found;
        }
        found.insert(text(name(row)), value(row));
        // SAFETY: the row was not the closing one, so another follows.
        at = unsafe { at.add(1) };
    }
}

#[test]
fn strings_agree() {
    let theirs = rows(
        &raw const openfx_sys_official_strings as *const StringRow,
        |row| row.name,
        |row| text(row.value),
    );
    let mut absent = Vec::new();
    for (name, ours) in STRINGS {
        match theirs.get(*name) {
            Some(theirs) => assert_eq!(ours.to_str().expect("the constants are ASCII"), theirs, "{name}"),
            None => absent.push(*name),
        }
    }
    eprintln!("{} strings agree, the official headers lack {}: {absent:?}", theirs.len(), absent.len());
    // Even the oldest supported headers define most of the constants.
    assert!(theirs.len() > 250);
    // Against 1.5.1, every name outside `ELSEWHERE` must be found, so that a misspelt name is not taken for a
    // newer one.
    if theirs.contains_key("kOfxImageEffectPluginPropObsolete") {
        absent.retain(|name| !ELSEWHERE.iter().any(|prefix| name.starts_with(prefix)));
        assert!(absent.is_empty(), "unknown to 1.5.1: {absent:?}");
    }
}

#[test]
fn numbers_and_layouts_agree() {
    let theirs =
        rows(&raw const openfx_sys_official_numbers as *const NumberRow, |row| row.name, |row| row.value);
    let mut absent = Vec::new();
    for (name, ours) in NUMBERS {
        match theirs.get(*name) {
            Some(theirs) => assert_eq!(ours, theirs, "{name}"),
            None => absent.push(*name),
        }
    }
    eprintln!("{} numbers agree, the official headers lack {}: {absent:?}", theirs.len(), absent.len());
    assert!(theirs.len() > 120);
}
