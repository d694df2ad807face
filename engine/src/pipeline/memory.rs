//! Working within the memory that there is: how an evaluation is cut into slices, and when smaller ones are tried.
//!
//! On a card the start is chosen by what is free when a pass begins, and what turns out not to fit is tried again in
//! smaller slices, which changes the memory that it takes and not its result.

use candle_core::Device;

use crate::nn::ModelError;

/// How an evaluation of a window is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    /// Prompt and negative prompt in one batch, which reads the weights once.
    pub together: bool,
    /// Frames that the network's spatial layers work on at once; `None`: all.
    pub frames: Option<usize>,
}

impl Slices {
    /// Everything at once.
    pub const WHOLE: Self = Self { together: true, frames: None };

    /// The next smaller slices for a window of `window` frames under `branches` prompts; `None` behind a single frame.
    pub fn smaller(self, branches: usize, window: usize) -> Option<Self> {
        if self.together && branches > 1 {
            return Some(Self { together: false, ..self });
        }
        let frames = self.frames.unwrap_or(window).min(window);
        (frames > 1).then(|| Self { together: false, frames: Some(frames.div_ceil(2)) })
    }
}

impl std::fmt::Display for Slices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.frames {
            Some(1) => write!(f, "one frame at a time"),
            Some(frames) => write!(f, "{frames} frames at a time"),
            None if self.together => write!(f, "all at once"),
            None => write!(f, "one prompt at a time"),
        }
    }
}

/// The memory that may be used for what lies between layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes that no slice may go beyond, whatever the device has.
    limit: Option<u64>,
}

impl Room {
    /// At most so many bytes.
    pub fn limited(bytes: u64) -> Self {
        Self { limit: Some(bytes) }
    }

    /// Fails for what goes beyond the limit, as a device without memory would.
    ///
    /// # Errors
    /// [`ModelError::Memory`].
    pub fn claim(self, what: &str, bytes: u64) -> Result<(), ModelError> {
        match self.limit {
            Some(limit) if bytes > limit => Err(ModelError::Memory {
                what: what.to_owned(),
                needed: bytes.div_ceil(1 << 20),
                free: limit >> 20,
            }),
            _ => Ok(()),
        }
    }
}

/// Bytes that a device has free; `None` for the processor, whose system swaps, and where it cannot be told.
pub fn free(device: &Device) -> Option<u64> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(cuda) = device {
        cuda.cuda_stream().context().bind_to_thread().ok()?;
        let (free, _) = candle_core::cuda_backend::cudarc::driver::result::mem_get_info().ok()?;
        return Some(free as u64);
    }
    let _ = device;
    None
}

/// The largest slices whose estimate fits into what is free; the smallest where none does.
pub fn start(free: Option<u64>, branches: usize, window: usize, estimate: impl Fn(Slices) -> u64) -> Slices {
    let mut slices = Slices::WHOLE;
    let Some(free) = free else { return slices };
    while estimate(slices) > free {
        match slices.smaller(branches, window) {
            Some(smaller) => slices = smaller,
            None => break,
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_go_from_all_to_one_frame() {
        let mut steps = vec![Slices::WHOLE];
        while let Some(next) = steps[steps.len() - 1].smaller(2, 5) {
            steps.push(next);
        }
        let words: Vec<_> = steps.iter().map(Slices::to_string).collect();
        let want = [
            "all at once",
            "one prompt at a time",
            "3 frames at a time",
            "2 frames at a time",
            "one frame at a time",
        ];
        assert_eq!(words, want);
        assert_eq!(Slices::WHOLE.smaller(1, 1), None);
    }

    #[test]
    fn the_start_is_what_fits() {
        let estimate =
            |slices: Slices| slices.frames.unwrap_or(8) as u64 * if slices.together { 2 } else { 1 };
        assert_eq!(start(None, 2, 8, estimate), Slices::WHOLE);
        assert_eq!(start(Some(16), 2, 8, estimate), Slices::WHOLE);
        assert_eq!(start(Some(9), 2, 8, estimate), Slices { together: false, frames: None });
        assert_eq!(start(Some(3), 2, 8, estimate).frames, Some(2));
        assert_eq!(start(Some(0), 2, 8, estimate).frames, Some(1));
    }
}
