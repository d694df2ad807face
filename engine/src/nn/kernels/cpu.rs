//! Getting at the numbers of a tensor on the processor.

use std::ops::Deref;

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};
use parking_lot::RwLockReadGuard;

/// Whether the fast way is open: f32 in main memory.
pub(super) fn is_fast(tensor: &Tensor) -> bool {
    tensor.dtype() == DType::F32 && matches!(tensor.device(), Device::Cpu)
}

/// The values of a contiguous f32 tensor in main memory, borrowed.
pub(super) struct Values<'a> {
    guard: RwLockReadGuard<'a, Storage>,
    range: (usize, usize),
}

/// Borrows the values of a tensor for which [`is_fast`] holds and which is contiguous.
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
            // `values` lets no other storage through.
            _ => &[],
        }
    }
}

/// Makes a tensor of computed values.
pub(super) fn tensor(values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Runs `f` as compiled for the widest vectors that this processor has.
///
/// The body has to be inlined into the function that is compiled for those vectors, so `f` is written as
/// `#[inline(always)] || { .. }` and heavy loops in it are `for` loops: adaptors such as `fold` are functions of their
/// own, which the compiler may leave outside.
#[inline]
pub(super) fn vectorized<R>(f: impl FnMut() -> R) -> R {
    // A closure called through FnOnce goes through a shim that is not inlined; called through FnMut it does not.
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
