//! Checks that the table in docs/parameters.md matches the effect's parameters. `cargo xtask parameters` updates it.

use std::fs;

use unsample::table;

const BEGIN: &str = "<!-- table: made by cargo xtask parameters -->\n";
const END: &str = "<!-- end of table -->";

#[test]
fn the_parameter_table_is_fresh() {
    let path = testing::root().join("docs/parameters.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("docs/parameters.md has no place for the table") + BEGIN.len();
    let end = begin + text[begin..].find(END).expect("the table has no end");
    let fresh = format!("{}\n", table::markdown());
    if std::env::var_os("UNSAMPLE_UPDATE").is_some() {
        fs::write(&path, format!("{}{fresh}{}", &text[..begin], &text[end..])).unwrap();
        return;
    }
    assert!(text[begin..end] == fresh, "docs/parameters.md is stale; run `cargo xtask parameters`");
}
