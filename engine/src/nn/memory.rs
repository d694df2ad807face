//! Device memory: out-of-memory detection, and running a layer on a few frames at a time.

use candle_core::{DType, Error, Result, Tensor};

use super::ModelError;

/// Whether an error means that the device is out of memory. CUDA's libraries report it by the names of their error
/// codes, which candle passes on as text.
pub fn is_out_of_memory(error: &candle_core::Error) -> bool {
    let text = error.to_string();
    ["OUT_OF_MEMORY", "out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED"]
        .iter()
        .any(|sign| text.contains(sign))
}

impl ModelError {
    /// Whether the device ran out of memory, so that a retry with less work at once could succeed.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Memory { .. } => true,
            Self::Candle(error) => is_out_of_memory(error),
            Self::Read(error) => error.downcast_ref::<candle_core::Error>().is_some_and(is_out_of_memory),
            _ => false,
        }
    }
}

/// Runs `f` on `at_once` frames at a time (`None`: all) and concatenates the results. `f`'s second argument is the
/// index of its first frame.
pub(super) fn in_slices(
    x: &Tensor,
    at_once: Option<usize>,
    f: impl Fn(&Tensor, usize) -> Result<Tensor>,
) -> Result<Tensor> {
    let n = x.dim(0)?;
    let at_once = at_once.unwrap_or(n).max(1);
    if at_once >= n {
        return f(x, 0);
    }
    let parts = (0..n)
        .step_by(at_once)
        .map(|first| f(&x.narrow(0, first, at_once.min(n - first))?.contiguous()?, first))
        .collect::<Result<Vec<_>>>()?;
    Tensor::cat(&parts, 0)
}

/// The rows of `shared` `[m, ..]` for the `count` frames from `first` on, where each row is used by n / m consecutive
/// frames of all `n`.
pub(super) fn share(shared: &Tensor, n: usize, first: usize, count: usize) -> Result<Tensor> {
    let m = shared.dim(0)?;
    if m <= 1 || count == n {
        return Ok(shared.clone());
    }
    let each = (n / m).max(1);
    let index = (first..first + count).map(|frame| u32::try_from(frame / each).map_err(Error::wrap));
    shared.index_select(&Tensor::new(index.collect::<Result<Vec<u32>>>()?, shared.device())?, 0)
}

/// Size of one value in bytes.
pub(super) fn bytes(dtype: DType) -> u64 {
    dtype.size_in_bytes() as u64
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_words_of_cuda_are_known() {
        let says = |text: &str| is_out_of_memory(&candle_core::Error::Msg(text.to_owned()));
        assert!(says("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")"));
        assert!(says("CublasError(CUBLAS_STATUS_ALLOC_FAILED)"));
        assert!(!says(
            "DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access was encountered\")"
        ));
    }

    #[test]
    fn slices_get_what_serves_them() {
        let x = Tensor::arange(0f32, 6.0, &Device::Cpu).unwrap();
        let shared = Tensor::new(&[10f32, 20.0], &Device::Cpu).unwrap();
        for at_once in [None, Some(1), Some(2), Some(4), Some(9)] {
            let sum = in_slices(&x, at_once, |x, first| {
                let count = x.dim(0)?;
                let shared = share(&shared, 6, first, count)?;
                if count == 6 {
                    x + shared.repeat(3)?.reshape((3, 2))?.t()?.flatten_all()?
                } else {
                    x + shared
                }
            });
            assert_eq!(sum.unwrap().to_vec1::<f32>().unwrap(), [10., 11., 12., 23., 24., 25.], "{at_once:?}");
        }
    }
}
