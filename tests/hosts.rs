//! Checks that the tests that docs/hosts.md names for every point exist.

use std::collections::BTreeSet;
use std::fs;

const POINTS: usize = 40;

/// All occurrences of `file::function` in code spans.
fn named_tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|code| code.split_once(".rs::"))
}

/// Whether a source file has a function of this name with `#[test]` before it, and only attributes and
/// comments in between.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let found = lines.iter().position(|line| line.starts_with(&head));
    found.is_some_and(|at| {
        let between = |line: &&&str| line.starts_with("#[") || line.starts_with("//");
        lines[..at].iter().rev().take_while(between).any(|line| *line == "#[test]")
    })
}

#[test]
fn every_point_has_tests_and_they_exist() {
    let root = testing::root();
    let text = fs::read_to_string(root.join("docs/hosts.md")).unwrap();
    let mut points = BTreeSet::new();
    for line in text.lines() {
        for (file, name) in named_tests(line) {
            let path = root.join(format!("{file}.rs"));
            let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}.rs: {error}"));
            assert!(has_test(&source, name), "{file}.rs has no test {name}");
        }
        let number = line.strip_prefix("| ").and_then(|rest| rest.split_once(' ')?.0.parse::<usize>().ok());
        if let Some(number) = number {
            assert!(points.insert(number), "point {number} stands twice");
            assert!(named_tests(line).next().is_some(), "point {number} names no test");
        }
    }
    assert_eq!(points, (1..=POINTS).collect());
}

#[test]
fn the_reader_tells_tests_from_other_functions() {
    let source = "#[test]\n// why\n#[ignore]\nfn a_test() {}\n\nfn a_helper() {}\n";
    assert!(has_test(source, "a_test"));
    assert!(!has_test(source, "a_helper") && !has_test(source, "a_tes"));
    let line = "| 1 | `x` | `tests/a.rs::b`, `c.rs::d` |";
    assert_eq!(named_tests(line).collect::<Vec<_>>(), [("tests/a", "b"), ("c", "d")]);
}
