//! Tasks of a contributor that are not cargo itself.
fn main() {}
