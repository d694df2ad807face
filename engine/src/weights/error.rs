//! Errors of reading weight files, each one sentence for the user.

use std::path::PathBuf;

/// Why a weight file cannot be used. `Display` is one sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be opened or read (missing, no permission, not a regular file).
    #[error("{path}: the file cannot be read ({reason})", path = .path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The operating system's error.
        reason: String,
    },
    /// The path is a dangling link; contains the whole sentence.
    #[error("{0}")]
    Absent(String),
    /// The file is not a well-formed weight file, or is truncated.
    #[error("{path}: {reason}", path = .path.display(), reason = one_line(.reason))]
    Malformed {
        /// Path of the file.
        path: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
    /// A requested tensor is not in the file.
    #[error("{file}: the tensor `{tensor}` is missing")]
    Missing {
        /// Name of the file.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
    },
    /// A tensor's dtype is not supported for weights (integers, or an unknown dtype).
    #[error(
        "{file}: the tensor `{tensor}` holds {}, which are not supported; choose a file with floats of 8 to 64 bits",
        numbers(.found)
    )]
    Format {
        /// Name of the file.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
        /// The dtype as spelt in the file.
        found: String,
    },
    /// A quantised tensor has scales in an unsupported layout; its values are wrong without them.
    #[error(
        "{file}: the 8-bit tensor `{tensor}` comes with the scales `{scale}` {shape:?}, which cannot be applied; choose a \
         file with one scale for a tensor or for a row of it, or with 16 bits"
    )]
    Scale {
        /// Name of the file.
        file: String,
        /// Name in the file of the scaled tensor.
        tensor: String,
        /// Name in the file of the scales.
        scale: String,
        /// Shape of the scales.
        shape: Vec<usize>,
    },
    /// The file is valid but not of the kind that was expected.
    #[error("{file} is {found}; {wanted}")]
    WrongKind {
        /// Name of the file.
        file: String,
        /// What the file is.
        found: String,
        /// What to choose instead.
        wanted: String,
    },
    /// The data are damaged: zeros where trained weights are never zero.
    #[error("{file} is damaged: {reason}, as after a download that broke off; fetch the file again")]
    Damaged {
        /// Name of the file.
        file: String,
        /// Which part of the data is damaged.
        reason: String,
    },
    /// A tensor has NaN or infinite values, which would spread to every result.
    #[error(
        "{file} is damaged: the tensor `{tensor}` holds NaN or infinite values; fetch the file again, or choose another"
    )]
    NotFinite {
        /// Name of the file.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
    },
    /// A 64-bit tensor has values outside the range of f32.
    #[error(
        "{file}: the tensor `{tensor}` holds values that pass the range of 32-bit floats; choose a file with smaller ones"
    )]
    Range {
        /// Name of the file.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
    },
    /// Values are finite but far larger than any trained weight.
    #[error(
        "{file} cannot be used: the tensor `{tensor}` makes values of up to {largest:.0e}, where trained ones stay far below \
         1e4; fetch the file again, or choose another"
    )]
    Huge {
        /// Name of the file.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
        /// The largest magnitude found.
        largest: f64,
    },
    /// Moving a tensor to the device or converting it failed.
    #[error("{file}: the tensor `{tensor}` could not be moved to the device ({source})")]
    Device {
        /// Name of the file.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
        /// The device's error.
        source: Box<candle_core::Error>,
    },
}

/// Describes a dtype in words if possible.
fn numbers(format: &str) -> String {
    let integers = format.strip_prefix(['I', 'U']).filter(|bits| bits.parse::<u8>().is_ok());
    match (integers, format) {
        (Some(bits), _) => format!("{bits}-bit integers"),
        (None, "BOOL") => "truth values".into(),
        (None, other) => format!("numbers of the format {other}"),
    }
}

/// A text on one line: line breaks and other control characters, which names in a broken file can contain, are
/// escaped.
fn one_line(text: &str) -> String {
    let escaped = |letter: char| {
        if letter.is_control() { letter.escape_default().collect() } else { letter.to_string() }
    };
    text.chars().map(escaped).collect()
}
