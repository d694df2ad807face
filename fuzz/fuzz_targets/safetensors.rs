//! A file whose header is the input: either it is refused, or every tensor lies inside the file.
#![no_main]

mod files;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // Unchanged, and with a valid length in front and some data behind, to get past the first check.
    files::open(input);
    let mut file = (input.len() as u64).to_le_bytes().to_vec();
    file.extend(input);
    file.extend([0; 64]);
    files::open(&file);
});
