//! Checks that the README's parameter table matches the effect's table. `cargo xtask readme` updates it.

use std::fs;

use unsample::table;

const BEGIN: &str = "<!-- parameters: made by cargo xtask readme -->\n";
const END: &str = "<!-- end of parameters -->";

#[test]
fn the_parameter_table_is_fresh() {
    let path = testing::root().join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("the README has no place for the table") + BEGIN.len();
    let end = begin + text[begin..].find(END).expect("the README's table has no end");
    let fresh = format!("{}\n", table::markdown());
    if std::env::var_os("UNSAMPLE_UPDATE").is_some() {
        fs::write(&path, format!("{}{fresh}{}", &text[..begin], &text[end..])).unwrap();
        return;
    }
    assert!(text[begin..end] == fresh, "the README's parameter table is stale; run `cargo xtask readme`");
}
