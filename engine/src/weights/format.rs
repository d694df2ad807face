//! Detection of files that are not weights by their first bytes: files chosen by mistake, and failed downloads.

/// Offset, magic bytes, description; advice follows a semicolon unless it is to choose another file.
const MAGIC: [(usize, &[u8], &str); 26] = [
    (0, b"GGUF", "a GGUF file, which is not supported"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"ftyp", "a video or picture (MP4, MOV or HEIF)"),
    (0, b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
    (8, b"AVI ", "a video (AVI)"),
    (8, b"WAVE", "a sound (WAV)"),
    (0, b"ID3", "a sound (MP3)"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x7fELF", "a program or library"),
    (0, b"MZ", "a program or library"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", "an HDF5 file (a Keras model), which is not supported"),
    (0, b"version https://git-lfs", "a Git LFS pointer; fetch the file that it stands for"),
    (0, b"7z\xbc\xaf\x27\x1c", "a compressed archive; unpack it and choose the file of weights in it"),
    (0, b"Rar!", "a compressed archive; unpack it and choose the file of weights in it"),
    (0, b"\x1f\x8b", "a compressed archive; unpack it and choose the file of weights in it"),
    (0, b"BZh", "a compressed archive; unpack it and choose the file of weights in it"),
    (0, b"\xfd7zXZ", "a compressed archive; unpack it and choose the file of weights in it"),
    (257, b"ustar", "a tar archive; unpack it and choose the file of weights in it"),
];

/// What a file is if it does not hold weights, and what to do: a sentence without the file's name.
pub(super) fn foreign(bytes: &[u8]) -> Option<String> {
    let found = found(bytes)?;
    let advice = if found.contains(';') { "" } else { "; choose a safetensors file or a PyTorch pickle" };
    Some(format!("the file is {found}{advice}"))
}

fn found(bytes: &[u8]) -> Option<&'static str> {
    let has = |(at, magic, _): &&(usize, &[u8], &str)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic));
    if let Some((_, _, found)) = MAGIC.iter().find(has) {
        // Two bytes are not conclusive: they can also be the length of a safetensors header.
        let short = matches!(*found, "a BMP picture" | "a program or library") && bytes.get(8) == Some(&b'{');
        return (!short).then_some(*found);
    }
    let begins = |text: &str| {
        let start = &bytes[..bytes.len().min(512)];
        String::from_utf8_lossy(start).trim_start().to_ascii_lowercase().starts_with(text)
    };
    if ["<!doctype html", "<html", "<head"].into_iter().any(begins) {
        return Some("a web page, as after a download that went wrong; fetch the file again");
    }
    if begins("<?xml") || begins("<svg") {
        return Some("an XML text");
    }
    // ONNX is a protocol buffer: field 1 is the IR version, field 2 the producer's name.
    let onnx = bytes.len() > 4 && bytes[0] == 8 && bytes[1] < 32 && bytes[2] == 0x12;
    if onnx {
        return Some("an ONNX model, which is not supported");
    }
    if bytes[..bytes.len().min(1 << 20)].iter().all(|byte| *byte == 0) {
        return Some("all zeros, as after a download that was never filled; fetch the file again");
    }
    // A safetensors file starts with a length that is mostly zero bytes, a pickle with other control characters.
    let start = &bytes[..bytes.len().min(4096)];
    let letter = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    if start.iter().all(letter) && std::str::from_utf8(&start[..start.len().min(16)]).is_ok() {
        return Some("a text");
    }
    None
}
