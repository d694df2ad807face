//! The operations that the networks are made of.
//!
//! Each has one meaning and up to two ways to it: a fast one for f32 on the processor (`cpu_*`: blocked, threaded,
//! vectorised for what the processor has), and candle's own operations for every other device and number format.
//! Statistics, softmax and activations are computed in f32 whatever the format of the tensors.

/// Values of a temporary that candle's operations may make at once on a device: 128 MiB in f16, 256 MiB in f32. What
/// would be larger is made in parts, so that the memory of a network is that of its activations and little more.
const WORKSPACE: usize = 64 << 20;

/// The number format of statistics, softmax and activations: f32 for formats that are narrower.
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
