//! What can be wrong with a file of weights, each in one sentence for the user.

use std::path::PathBuf;

/// Why a file of weights cannot be used. `Display` is one sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be opened or mapped (missing, no permission, not a plain file).
    #[error("{path}: the file cannot be read ({reason})", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// There is a link, and what it leads to is not there; the whole sentence.
    #[error("{0}")]
    Absent(String),
    /// The file is not a well-formed safetensors file, or is cut off.
    #[error("{path}: {reason}", path = .path.display(), reason = one_line(.reason))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
    /// A tensor that was asked for is not in the file.
    #[error("{file}: the tensor `{tensor}` is missing")]
    Missing {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
    },
    /// A tensor holds numbers that cannot be weights (integers, or a format that is not supported yet).
    #[error(
        "{file}: the tensor `{tensor}` holds {}, which are not supported; choose a file with floats of 8 to 64 bits",
        numbers(.found)
    )]
    Format {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The format as the file spells it.
        found: String,
    },
    /// A tensor comes with scales that cannot be applied; without them its values are of another size.
    #[error(
        "{file}: the 8-bit tensor `{tensor}` comes with the scales `{scale}` {shape:?}, which cannot be applied; choose a \
         file with one scale for a tensor or for a row of it, or with 16 bits"
    )]
    Scale {
        /// The file's name.
        file: String,
        /// The name in the file of the tensor that is scaled.
        tensor: String,
        /// The name in the file of the scales.
        scale: String,
        /// The shape of the scales.
        shape: Vec<usize>,
    },
    /// The file is sound but holds something else than what it was chosen for.
    #[error("{file} is {found}; {wanted}")]
    WrongKind {
        /// The file's name.
        file: String,
        /// What the file is.
        found: String,
        /// What would fit in its place.
        wanted: String,
    },
    /// The data are not what was saved: zeros where trained weights never are zero.
    #[error("{file} is damaged: {reason}, as after a download that broke off; fetch the file again")]
    Damaged {
        /// The file's name.
        file: String,
        /// Which of its data are at fault.
        reason: String,
    },
    /// A tensor holds NaN or infinities, so that every result would.
    #[error(
        "{file} is damaged: the tensor `{tensor}` holds NaN or infinite values; fetch the file again, or choose another"
    )]
    NotFinite {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
    },
    /// A tensor holds 64-bit numbers that no f32 can hold.
    #[error(
        "{file}: the tensor `{tensor}` holds values that pass the range of 32-bit floats; choose a file with smaller ones"
    )]
    Range {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
    },
    /// Values that are finite and far beyond any that training gives.
    #[error(
        "{file} cannot be used: the tensor `{tensor}` makes values of up to {largest:.0e}, where trained ones stay far below \
         1e4; fetch the file again, or choose another"
    )]
    Huge {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The largest magnitude.
        largest: f64,
    },
    /// The device refused the tensor.
    #[error("{file}: the tensor `{tensor}` could not be moved to the device ({source})")]
    Device {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The device's error.
        source: Box<candle_core::Error>,
    },
}

/// What a number format is called, in words where there are some.
fn numbers(format: &str) -> String {
    let integers = format.strip_prefix(['I', 'U']).filter(|bits| bits.parse::<u8>().is_ok());
    match (integers, format) {
        (Some(bits), _) => format!("{bits}-bit integers"),
        (None, "BOOL") => "truth values".into(),
        (None, other) => format!("numbers of the format {other}"),
    }
}

/// A text on one line: line breaks and other control characters, which a broken file's names can have, as their escapes.
fn one_line(text: &str) -> String {
    let escaped = |letter: char| {
        if letter.is_control() { letter.escape_default().collect() } else { letter.to_string() }
    };
    text.chars().map(escaped).collect()
}
