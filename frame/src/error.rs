//! Errors in the conversion of frames.

use thiserror::Error;

/// A frame could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The clip has only alpha, and no colour to restyle.
    #[error("the clip has only an alpha channel; restyling needs RGB or RGBA pictures")]
    NoColour,
    /// A row of bytes is too short for its pixels.
    #[error("a row of {pixels} pixels takes {need} bytes, and there are {have}")]
    RowLength {
        /// Number of pixels requested.
        pixels: usize,
        /// Number of bytes that they need.
        need: usize,
        /// Number of bytes in the row.
        have: usize,
    },
    /// A picture has no pixels, or not as many values as its size requires.
    #[error("the picture is empty ({width} x {height} pixels)")]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The working picture would be too large.
    #[error(
        "the working picture would be {width} x {height} pixels, more than {limit} on a side; choose a smaller working size, or another fit"
    )]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Maximum number of pixels on a side.
        limit: usize,
    },
    /// A picture does not have the expected size.
    #[error("a picture of {have_width} x {have_height} pixels came where {width} x {height} were expected")]
    Size {
        /// Expected width in pixels.
        width: usize,
        /// Expected height in pixels.
        height: usize,
        /// Actual width in pixels.
        have_width: usize,
        /// Actual height in pixels.
        have_height: usize,
    },
    /// No option has this name.
    #[error("{0}")]
    UnknownName(String),
}

/// Finds a value by its stable name; the error lists the valid names.
pub(super) fn by_name<T: Copy>(
    what: &str,
    all: &[T],
    name: &str,
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, FrameError> {
    all.iter().copied().find(|&value| as_str(value) == name).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|&value| as_str(value)).collect();
        FrameError::UnknownName(format!(
            "there is no {what} named {name:?}; the names are {}",
            known.join(", ")
        ))
    })
}

/// Defines the list of names of an enumeration with `ALL` and `as_str`.
macro_rules! names {
    ($type:ident) => {
        impl $type {
            /// The names of [`ALL`](Self::ALL).
            pub const NAMES: &'static [&'static str] = &{
                let mut names = [""; Self::ALL.len()];
                let mut i = 0;
                while i < names.len() {
                    names[i] = Self::ALL[i].as_str();
                    i += 1;
                }
                names
            };
        }
    };
}

pub(super) use names;
