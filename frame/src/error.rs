//! What can be wrong with a frame.

use thiserror::Error;

/// Why pixels could not be taken or given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The clip has no colour to restyle.
    #[error("the clip has only an alpha channel; restyling needs RGB or RGBA pictures")]
    NoColour,
    /// A row of bytes and a row of pixels that do not belong together.
    #[error("a row of {pixels} pixels takes {need} bytes, and there are {have}")]
    RowLength {
        /// How many pixels were asked for.
        pixels: usize,
        /// How many bytes they take.
        need: usize,
        /// How many bytes the row has.
        have: usize,
    },
    /// A picture without pixels.
    #[error("the picture is empty ({width} x {height} pixels)")]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A working picture beyond all memory.
    #[error(
        "the working picture would be {width} x {height} pixels, more than {limit} on a side; choose a smaller working size, or another fit"
    )]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The most pixels on a side.
        limit: usize,
    },
    /// A picture of another size than the one planned for.
    #[error("a picture of {have_width} x {have_height} pixels came where {width} x {height} were expected")]
    Size {
        /// The width that was expected.
        width: usize,
        /// The height that was expected.
        height: usize,
        /// The width that came.
        have_width: usize,
        /// The height that came.
        have_height: usize,
    },
    /// An option that no menu has.
    #[error("{0}")]
    UnknownName(String),
}

/// Finds a value by its stable name, or says which names there are.
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

/// Gives an enumeration with `ALL` and `as_str` the list of its names.
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
