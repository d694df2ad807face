//! The operations that the networks use.
//!
//! Each has up to two implementations: a fast one for f32 on the CPU (`cpu_*`: blocked, multithreaded, vectorised for
//! the CPU's instruction set), and one with candle's operations for every other device and dtype. Statistics, softmax
//! and activations are computed in f32 whatever the dtype of the tensors.

/// Maximum number of values of a temporary of candle's operations on a device: 128 MiB in f16, 256 MiB in f32. Larger
/// ones are computed in parts, so that a network needs little more memory than its activations.
const WORKSPACE: usize = 64 << 20;

/// Dtype of statistics, softmax and activations: f32 for narrower dtypes.
fn wide(dtype: candle_core::DType) -> candle_core::DType {
    use candle_core::DType;
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}

mod attention;
mod conv;
mod conv_transpose;
mod cpu;
mod cpu_attention;
mod cpu_conv;
mod cpu_conv3;
mod cpu_math;
mod cpu_norm;
mod cpu_small_heads;
mod cpu_temporal;
mod cpu_tokens;
mod feed_forward;
mod gemm;
mod linear;
mod norm;
mod pointwise;

pub use attention::{attention, temporal_attention};
pub use conv::{Padding, conv2d, upsample_nearest};
pub use conv_transpose::conv_transpose2d;
pub use feed_forward::feed_forward;
pub use linear::{add_tokens, linear, to_tokens};
pub use norm::{Statistics, group_norm, layer_norm};
pub use pointwise::{add, geglu, gelu, quick_gelu, relu, silu};
