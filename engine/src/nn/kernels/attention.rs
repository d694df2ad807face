//! Attention whose workspace does not grow with the square of the number of tokens.

#![expect(
    clippy::cast_precision_loss,
    reason = "kernel: widths are small, and sums are rounded to f32 as the operation defines"
)]

use candle_core::{D, DType, Device, Result, Tensor};

use super::{cpu, cpu_attention, cpu_temporal};

/// Maximum number of scores held at once on devices. Softmax needs four f32 temporaries of this size: 512 MiB in all.
const SCORES: usize = 32 << 20;

/// Softmax attention. `q` is `[n, tokens, channels]`, `k` and `v` are `[m, keys, channels]`, where m divides n: each
/// of the m sets of keys is used by n / m consecutive sets of queries. Heads are consecutive slices of the channels;
/// scores are scaled by 1 / sqrt(channels / heads). With `causal`, a token does not attend to keys after its own
/// position.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, causal: bool) -> Result<Tensor> {
    let (n, tokens, channels) = q.dims3()?;
    let (m, keys, _) = k.dims3()?;
    let fits = k.dims3()? == (m, keys, channels) && v.dims3()? == (m, keys, channels);
    if !fits || heads == 0 || channels % heads != 0 || m == 0 || n % m != 0 {
        candle_core::bail!(
            "attention of {:?} to {:?} and {:?} with {heads} heads",
            q.dims(),
            k.dims(),
            v.dims()
        );
    }
    let (q, k, v) = (q.contiguous()?, k.contiguous()?, v.contiguous()?);
    if cpu::is_fast(&q) && cpu::is_fast(&k) && cpu::is_fast(&v) {
        let sizes = cpu_attention::Sizes { n, m, tokens, keys, channels, heads, causal };
        let out = cpu_attention::attention(&cpu::values(&q)?, &cpu::values(&k)?, &cpu::values(&v)?, &sizes);
        return cpu::tensor(out, q.dims());
    }
    attention_in_blocks(&q, &k, &v, heads, causal, SCORES)
}

/// Attention with candle's operations, in blocks of queries so that at most `scores` scores are held.
fn attention_in_blocks(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: usize,
    causal: bool,
    scores: usize,
) -> Result<Tensor> {
    let (n, tokens, channels) = q.dims3()?;
    let (m, keys, _) = k.dims3()?;
    let width = channels / heads;
    let scale = 1.0 / (width as f64).sqrt();
    let split = |x: &Tensor, count: usize, length: usize| {
        x.reshape((count, length, heads, width))?.transpose(1, 2)?.contiguous()
    };
    // Scaled before the product, which could otherwise overflow f16.
    let q = split(&(q * scale)?, n, tokens)?;
    let shared = |x: Tensor| -> Result<Tensor> {
        if m == n {
            return Ok(x);
        }
        let x = x.reshape((m, 1, heads, keys, width))?.broadcast_as((m, n / m, heads, keys, width))?;
        x.reshape((n, heads, keys, width))?.contiguous()
    };
    let (k, v) = (shared(split(k, m, keys)?)?, shared(split(v, m, keys)?)?);
    let k = k.transpose(2, 3)?.contiguous()?;
    let mask = if causal { Some(causal_mask(tokens, keys, q.device())?) } else { None };
    let block = (scores / (n * heads * keys).max(1)).clamp(1, tokens.max(1));
    let mut parts = Vec::new();
    for first in (0..tokens).step_by(block) {
        let count = block.min(tokens - first);
        let scores = q.narrow(2, first, count)?.contiguous()?.matmul(&k)?.to_dtype(DType::F32)?;
        let scores = match &mask {
            Some(mask) => scores.broadcast_add(&mask.narrow(0, first, count)?)?,
            None => scores,
        };
        parts.push(softmax(&scores)?.to_dtype(v.dtype())?.matmul(&v)?);
    }
    Tensor::cat(&parts, 2)?.transpose(1, 2)?.reshape((n, tokens, channels))
}

fn softmax(scores: &Tensor) -> Result<Tensor> {
    let shifted = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    shifted.broadcast_div(&shifted.sum_keepdim(D::Minus1)?)
}

fn causal_mask(tokens: usize, keys: usize, device: &Device) -> Result<Tensor> {
    let values: Vec<f32> = (0..tokens * keys)
        .map(|index| if index % keys > index / keys { f32::NEG_INFINITY } else { 0.0 })
        .collect();
    Tensor::from_vec(values, (tokens, keys), device)
}

/// Temporal attention: across the frames of a video, separately for every pixel. Input and output are
/// `[videos * frames, pixels, channels]`. `key_scale` multiplies the keys of each frame (1 or `frames` values).
pub fn temporal_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    frames: usize,
    heads: usize,
    key_scale: &[f32],
) -> Result<Tensor> {
    let (n, pixels, channels) = q.dims3()?;
    let same = k.dims() == q.dims() && v.dims() == q.dims();
    if !same || frames == 0 || n % frames != 0 || heads == 0 || channels % heads != 0 {
        candle_core::bail!("temporal attention of {:?} with {frames} frames and {heads} heads", q.dims());
    }
    if key_scale.len() != 1 && key_scale.len() != frames {
        candle_core::bail!("{} key scales for {frames} frames", key_scale.len());
    }
    let (q, k, v) = (q.contiguous()?, k.contiguous()?, v.contiguous()?);
    if cpu::is_fast(&q) && cpu::is_fast(&k) && cpu::is_fast(&v) {
        let out = cpu_temporal::attention(
            [&cpu::values(&q)?, &cpu::values(&k)?, &cpu::values(&v)?],
            [n / frames, frames, pixels, channels],
            heads,
            key_scale,
        );
        return cpu::tensor(out, q.dims());
    }
    let k = if key_scale.iter().all(|scale| *scale == 1.0) {
        k
    } else {
        let scale: Vec<f32> = (0..n).map(|index| key_scale[index % frames % key_scale.len()]).collect();
        let scale = Tensor::from_vec(scale, (n, 1, 1), k.device())?.to_dtype(k.dtype())?;
        k.broadcast_mul(&scale)?
    };
    let by_pixel = |x: &Tensor| -> Result<Tensor> {
        let x = x.reshape((n / frames, frames, pixels, channels))?.transpose(1, 2)?;
        x.reshape((n / frames * pixels, frames, channels))?.contiguous()
    };
    let out = attention(&by_pixel(&q)?, &by_pixel(&k)?, &by_pixel(&v)?, heads, false)?;
    let out = out.reshape((n / frames, pixels, frames, channels))?.transpose(1, 2)?;
    out.reshape((n, pixels, channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_queries_are_the_whole() {
        let random = |shape: &[usize]| Tensor::randn(0f64, 1.0, shape, &Device::Cpu).unwrap();
        let (q, k, v) = (random(&[4, 9, 12]), random(&[2, 7, 12]), random(&[2, 7, 12]));
        for causal in [false, true] {
            let make = |scores| attention_in_blocks(&q, &k, &v, 3, causal, scores).unwrap();
            let whole = make(usize::MAX);
            for scores in [400, 200, 1] {
                let off = (make(scores) - &whole).unwrap().abs().unwrap().max_all().unwrap();
                assert!(off.to_scalar::<f64>().unwrap() < 1e-6, "{scores}: {off}");
            }
        }
    }

    #[test]
    fn large_queries_stay_within_the_range_of_f16() {
        // 64 products of 40 times 40 exceed 65504; divided by 8, they do not.
        let q = Tensor::full(40f32, (1, 2, 64), &Device::Cpu).unwrap();
        let v = Tensor::randn(0f32, 1.0, (1, 3, 64), &Device::Cpu).unwrap();
        let k = Tensor::full(40f32, (1, 3, 64), &Device::Cpu).unwrap();
        let half = |x: &Tensor| x.to_dtype(DType::F16).unwrap();
        let out = attention(&half(&q), &half(&k), &half(&v), 1, false).unwrap();
        let want = v.mean_keepdim(1).unwrap().broadcast_as((1, 2, 64)).unwrap();
        let off = (out.to_dtype(DType::F32).unwrap() - want).unwrap().abs().unwrap().max_all().unwrap();
        assert!(off.to_scalar::<f32>().unwrap() < 2e-3, "{off}");
    }
}
