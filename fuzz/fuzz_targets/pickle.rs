//! Any pickle: in the legacy format, and inside torch's archive.
#![no_main]

mod files;

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

fuzz_target!(|input: &[u8]| {
    files::open(input);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, contents) in [("archive/data.pkl", input), ("archive/data/0", &[0; 64])] {
        archive.start_file(name, stored).expect("room in memory");
        archive.write_all(contents).expect("room in memory");
    }
    files::open(archive.finish().expect("room in memory").get_ref());
});
