//! Who may know whom: reads the sources and says so when a wall between two parts is broken.

use std::fs;
use std::path::{Path, PathBuf};

/// A part of the house and the parts that it may name.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("ofx", &["ofx"]),
    ("effect", &["effect", "ofx", "pipeline"]),
    ("pipeline", &["pipeline", "diffusion", "model", "weights", "frame"]),
    ("diffusion", &["diffusion"]),
    ("model", &["model"]),
    ("weights", &["weights"]),
    ("frame", &["frame"]),
];

/// Parts that must not name a library, and the library.
const CLOSED: &[(&str, &[&str])] = &[
    ("openfx_sys", &["effect", "pipeline", "diffusion", "model", "weights", "frame"]),
    ("candle_core", &["ofx", "effect", "frame"]),
    ("candle_nn", &["ofx", "effect", "frame"]),
    // Nothing is downloaded inside a host: only the command line, which takes these parts as a library, knows the hub.
    ("hf_hub", &["ofx", "effect", "pipeline", "diffusion", "model", "weights", "frame"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Parts named after `crate::`, in a list of imports too.
fn named(code: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let words: Vec<&str> = match rest.strip_prefix('{') {
            // `use crate::{a::x, b}`: the first word of every item of the outer list.
            Some(list) => {
                let mut depth = 0;
                let mut start = 0;
                let mut items = Vec::new();
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            items.push(&list[start..i]);
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            items.push(&list[start..i]);
                            start = i + 1;
                        }
                        _ => {}
                    }
                }
                items
            }
            None => vec![rest],
        };
        for word in words {
            let word = word.trim_start();
            let end = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
            parts.push(word[..end].to_owned());
        }
    }
    parts
}

#[test]
fn the_reader_sees_imports() {
    assert_eq!(
        named("use crate::ofx::{A, B}; use crate::{model::X, frame::{Y, Z}};"),
        ["ofx", "model", "frame"]
    );
}

#[test]
fn no_part_names_another_that_it_must_not_know() {
    let root = testing::root().join("src");
    let parts: Vec<&str> = MAY_KNOW.iter().map(|p| p.0).collect();
    let mut broken = Vec::new();
    for (part, allowed) in MAY_KNOW {
        for file in sources(&root.join(part)) {
            let code = code(&file);
            for name in named(&code) {
                if parts.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
                    broken.push(format!("{} names crate::{name}", file.display()));
                }
            }
            for (library, closed) in CLOSED {
                if closed.contains(part) && code.contains(library) {
                    broken.push(format!("{} names {library}", file.display()));
                }
            }
        }
    }
    // The host in the command line is a foreign one: it takes nothing from the plugin's crate.
    for file in sources(&root.join("bin/unsample/host")) {
        if code(&file).contains("unsample::") {
            broken.push(format!("{} uses the plugin's crate", file.display()));
        }
    }
    assert!(broken.is_empty(), "walls are broken:\n{}", broken.join("\n"));
}

#[test]
fn unsafe_stays_where_it_belongs() {
    let root = testing::root().join("src");
    let allowed = [
        "src/ofx/",
        "src/model/kernels/",
        "src/bin/unsample/host/",
        "src/bin/unsample/commands/doctor/",
        "src/weights/part.rs",
    ];
    for file in sources(&root) {
        let shown = file.display().to_string().replace('\\', "/");
        let has_unsafe =
            code(&file).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        assert!(!has_unsafe || allowed.iter().any(|a| shown.contains(a)), "{shown} has unsafe code");
    }
}
