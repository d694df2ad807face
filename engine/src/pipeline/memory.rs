//! Memory limits: how an evaluation is divided into slices, and when smaller ones are used.
//!
//! On a GPU the first slices are chosen by the free memory when a pass begins, and an evaluation that runs out of
//! memory is repeated with smaller slices, which changes its memory use but not its result.

use candle_core::Device;

use crate::nn::ModelError;

/// How an evaluation of a window is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    /// Whether prompt and negative prompt are evaluated in one batch, which reads the weights only once.
    pub together: bool,
    /// Number of frames that the network's spatial layers process at once; `None`: all.
    pub frames: Option<usize>,
}

impl Slices {
    /// Everything in a single evaluation.
    pub const WHOLE: Self = Self { together: true, frames: None };

    /// The next smaller slices for a window of `window` frames and `branches` prompts; `None` after a single frame.
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

/// The limit on the memory for a network's activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The size in bytes that no slice may exceed, independent of the device.
    limit: Option<u64>,
}

impl MemoryLimit {
    /// A limit of this many bytes.
    pub fn limited(bytes: u64) -> Self {
        Self { limit: Some(bytes) }
    }

    /// Fails if `bytes` exceed the limit, like a device that is out of memory.
    ///
    /// # Errors
    /// [`ModelError::Memory`] if they do.
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

/// Free memory of a device in bytes; `None` for the CPU, since the system swaps, and if it is unknown.
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

/// The largest slices whose estimated memory is free; the smallest ones if none fits.
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
