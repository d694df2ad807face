//! Access to the values of CPU tensors, and SIMD dispatch.

use std::ops::Deref;

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};
use parking_lot::RwLockReadGuard;

/// Whether the fast kernels can be used: f32 on the CPU.
pub(super) fn is_fast(tensor: &Tensor) -> bool {
    tensor.dtype() == DType::F32 && matches!(tensor.device(), Device::Cpu)
}

/// The values of a contiguous f32 CPU tensor, borrowed.
pub(super) struct Values<'a> {
    guard: RwLockReadGuard<'a, Storage>,
    range: (usize, usize),
}

/// Borrows the values of a contiguous tensor for which [`is_fast`] holds.
pub(super) fn values(tensor: &Tensor) -> Result<Values<'_>> {
    let (guard, layout) = tensor.storage_and_layout();
    let Some(range) = layout.contiguous_offsets() else {
        candle_core::bail!("a kernel was given a tensor that is not contiguous");
    };
    match &*guard {
        Storage::Cpu(CpuStorage::F32(_)) => Ok(Values { guard, range }),
        _ => candle_core::bail!("a kernel for f32 in main memory was given another tensor"),
    }
}

impl Deref for Values<'_> {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match &*self.guard {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.0..self.range.1],
            // `values` rejects every other storage.
            _ => &[],
        }
    }
}

/// Makes a CPU tensor from computed values.
pub(super) fn tensor(values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Runs `f` compiled for the widest SIMD instruction set of this CPU.
///
/// The body must be inlined into the function that is compiled for that instruction set, so `f` is written as
/// `#[inline(always)] || { .. }` and hot loops in it are `for` loops: adaptors such as `fold` are separate functions,
/// which the compiler may not inline.
#[inline]
pub(super) fn vectorized<R>(f: impl FnMut() -> R) -> R {
    // Calling a closure through FnOnce uses a shim that is not inlined; FnMut does not.
    struct Body<F>(F);
    impl<R, F: FnMut() -> R> pulp::WithSimd for Body<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(mut self, _: S) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Body(f))
}
