//! Dtypes of stored tensors: from bytes to values.

use candle_core::{Device, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;

use super::tensor_file::Place;

/// The bytes of a tensor in row-major, little-endian order, from its bytes in the file.
pub(super) fn row_major(bytes: Vec<u8>, place: &Place, width: usize, shape: &[usize]) -> Vec<u8> {
    let mut bytes = match &place.strides {
        None => bytes,
        Some(strides) => gathered(&bytes, width, shape, strides),
    };
    if place.big_endian && width > 1 {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    bytes
}

/// Gathers elements of `width` bytes from `data` by strides in elements.
fn gathered(data: &[u8], width: usize, shape: &[usize], strides: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let mut bytes = Vec::with_capacity(count * width);
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    for _ in 0..count {
        bytes.extend_from_slice(&data[at * width..(at + 1) * width]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    bytes
}

/// Whether [`tensor`] supports the dtype.
pub(super) fn is_weight(dtype: Dtype) -> bool {
    use Dtype::{BF16, F8_E4M3, F8_E5M2, F16, F32, F64};
    matches!(dtype, F32 | F16 | BF16 | F64 | F8_E4M3 | F8_E5M2)
}

/// A tensor on the CPU in the nearest dtype that candle computes in; 8-bit floats become f16, which represents all of
/// their values exactly. `None` for integers and other dtypes that cannot be weights.
pub(super) fn tensor(bytes: &[u8], dtype: Dtype, shape: &[usize]) -> Option<candle_core::Result<Tensor>> {
    // Offsets need not be aligned to the element size, so values are assembled from bytes; the compiler turns these
    // loops into plain copies.
    let cpu = &Device::Cpu;
    Some(match dtype {
        Dtype::F32 => Tensor::from_vec(values(bytes, f32::from_le_bytes), shape, cpu),
        Dtype::F16 => Tensor::from_vec(values(bytes, f16::from_le_bytes), shape, cpu),
        Dtype::BF16 => Tensor::from_vec(values(bytes, bf16::from_le_bytes), shape, cpu),
        Dtype::F64 => Tensor::from_vec(values(bytes, f64::from_le_bytes), shape, cpu),
        Dtype::F8_E4M3 => {
            let table: Vec<f16> = (0..=u8::MAX).map(e4m3fn).collect();
            Tensor::from_vec(bytes.iter().map(|byte| table[usize::from(*byte)]).collect(), shape, cpu)
        }
        // E5M2 is the upper byte of an f16.
        Dtype::F8_E5M2 => {
            let wide = |byte: &u8| f16::from_bits(u16::from(*byte) << 8);
            Tensor::from_vec(bytes.iter().map(wide).collect(), shape, cpu)
        }
        _ => return None,
    })
}

/// Converts f16 and bf16 directly from bytes to f32, in parallel and with SIMD conversions: the most common case by
/// far when running on the CPU. `None` for other dtypes.
pub(super) fn widened(bytes: &[u8], dtype: Dtype, shape: &[usize]) -> Option<candle_core::Result<Tensor>> {
    // Small enough to stay in a core's cache between the two steps.
    const BLOCK: usize = 1 << 14;
    if !matches!(dtype, Dtype::F16 | Dtype::BF16) {
        return None;
    }
    let mut wide = vec![0f32; bytes.len() / 2];
    let blocks = wide.par_chunks_mut(BLOCK).zip(bytes.par_chunks(2 * BLOCK));
    blocks.for_each(|(wide, bytes)| match dtype {
        Dtype::F16 => values(bytes, f16::from_le_bytes).convert_to_f32_slice(wide),
        _ => values(bytes, bf16::from_le_bytes).convert_to_f32_slice(wide),
    });
    Some(Tensor::from_vec(wide, shape, &Device::Cpu))
}

/// Whether all values are finite, by their bits; integers always are. A parallel pass over the bytes.
pub(super) fn finite(bytes: &[u8], dtype: Dtype) -> bool {
    const BLOCK: usize = 1 << 17;
    fn sound<const N: usize>(bytes: &[u8], strange: impl Fn([u8; N]) -> bool + Sync) -> bool {
        // Without an early exit inside of a block, so that the compiler vectorises the loop.
        let block = |block: &[u8]| {
            !block.as_chunks::<N>().0.iter().fold(false, |found, value| found | strange(*value))
        };
        if bytes.len() <= BLOCK { block(bytes) } else { bytes.par_chunks(BLOCK).all(block) }
    }
    const F16: u16 = 0x7c00;
    const BF16: u16 = 0x7f80;
    const F32: u32 = 0x7f80_0000;
    match dtype {
        Dtype::F16 => sound(bytes, |value| u16::from_le_bytes(value) & F16 == F16),
        Dtype::BF16 => sound(bytes, |value| u16::from_le_bytes(value) & BF16 == BF16),
        Dtype::F32 => sound(bytes, |value| u32::from_le_bytes(value) & F32 == F32),
        // An f64 outside the range of f32 becomes infinite when converted.
        #[expect(clippy::cast_possible_truncation, reason = "looks whether it is infinite then")]
        Dtype::F64 => sound(bytes, |value| (f64::from_le_bytes(value) as f32).to_bits() & F32 == F32),
        Dtype::F8_E4M3 => sound(bytes, |[value]| value & 0x7f == 0x7f),
        Dtype::F8_E5M2 => sound(bytes, |[value]| value & 0x7c == 0x7c),
        _ => true,
    }
}

/// Whether all 64-bit values are finite, even if outside the range of f32.
pub(super) fn finite_doubles(bytes: &[u8]) -> bool {
    bytes.as_chunks::<8>().0.iter().all(|value| f64::from_le_bytes(*value).is_finite())
}

/// Whether all bytes are zero; stops at the first that is not.
pub(super) fn zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

/// A single number of a common dtype; `None` for others (8-bit floats, I8, U16 to U64, complex).
pub(super) fn scalar(bytes: &[u8], dtype: Dtype) -> Option<f64> {
    fn one<T, const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Option<T> {
        bytes.first_chunk::<N>().filter(|_| bytes.len() == N).map(|bytes| read(*bytes))
    }
    Some(match dtype {
        Dtype::F32 => one(bytes, f32::from_le_bytes)?.into(),
        Dtype::F64 => one(bytes, f64::from_le_bytes)?,
        Dtype::F16 => one(bytes, f16::from_le_bytes)?.into(),
        Dtype::BF16 => one(bytes, bf16::from_le_bytes)?.into(),
        #[expect(clippy::cast_precision_loss, reason = "a rank or an alpha is far below 2^53")]
        Dtype::I64 => one(bytes, i64::from_le_bytes)? as f64,
        Dtype::I32 => one(bytes, i32::from_le_bytes)?.into(),
        Dtype::I16 => one(bytes, i16::from_le_bytes)?.into(),
        Dtype::U8 | Dtype::BOOL => one(bytes, u8::from_le_bytes)?.into(),
        _ => return None,
    })
}

/// Float8 E4M3 in the variant without infinities (Micikevicius et al. 2022, "FP8 formats for deep learning"): bias 7;
/// the exponent of all ones is used for numbers, and only its largest mantissa is NaN.
fn e4m3fn(byte: u8) -> f16 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let size = match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa / 8.0 * 2f32.powi(-6),
        _ => (1.0 + mantissa / 8.0) * 2f32.powi(exponent - 7),
    };
    f16::from_f32(if byte & 0x80 == 0 { size } else { -size })
}

fn values<T, const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4m3fn_has_the_values_of_its_definition() {
        let cases = [
            (0x38, 1.0),
            (0xc2, -2.5),
            (0x7e, 448.0),
            (0x01, 1.0 / 512.0),
            (0x07, 7.0 / 512.0),
            (0x08, 1.0 / 64.0),
        ];
        for (byte, value) in cases {
            assert_eq!(e4m3fn(byte).to_f32(), value, "{byte:#x}");
        }
        assert!(e4m3fn(0x7f).is_nan() && e4m3fn(0xff).is_nan());
        assert_eq!(e4m3fn(0x80).to_bits(), 0x8000);
    }

    #[test]
    fn every_format_tells_a_number_from_none() {
        type Case<'a> = (Dtype, &'a [u8], &'a [&'a [u8]]);
        let cases: [Case<'_>; 6] = [
            (Dtype::F16, &0x7bffu16.to_le_bytes(), &[&0x7c00u16.to_le_bytes(), &0xfe01u16.to_le_bytes()]),
            (Dtype::BF16, &0x7f7fu16.to_le_bytes(), &[&0x7f80u16.to_le_bytes(), &0xffc0u16.to_le_bytes()]),
            (Dtype::F32, &f32::MAX.to_le_bytes(), &[&f32::NAN.to_le_bytes(), &f32::INFINITY.to_le_bytes()]),
            (
                Dtype::F64,
                &f64::from(f32::MIN).to_le_bytes(),
                &[&f64::NAN.to_le_bytes(), &f64::INFINITY.to_le_bytes(), &1e39f64.to_le_bytes()],
            ),
            (Dtype::F8_E4M3, &[0x7e], &[&[0x7f], &[0xff]]),
            (Dtype::F8_E5M2, &[0x7b], &[&[0x7c], &[0xfd]]),
        ];
        for (dtype, largest, strange) in cases {
            // More than one block, with the non-finite value at the end.
            let mut bytes = largest.repeat(300_000);
            assert!(finite(&bytes, dtype), "{dtype}");
            for strange in strange {
                let end = bytes.len() - strange.len();
                bytes[end..].copy_from_slice(strange);
                assert!(!finite(&bytes, dtype), "{dtype} {strange:x?}");
            }
        }
        assert!(finite(&[0xff; 16], Dtype::I64));
        assert!(zero(&[0; 33]) && zero(&[]));
        for at in [0, 16, 32] {
            let mut bytes = [0; 33];
            bytes[at] = 1;
            assert!(!zero(&bytes), "{at}");
        }
    }

    #[test]
    fn halves_widen_to_themselves() {
        let count = 40_000;
        let bytes: Vec<u8> = (0..count).flat_map(|i| (i as u16).to_le_bytes()).collect();
        for dtype in [Dtype::F16, Dtype::BF16] {
            let wide = widened(&bytes, dtype, &[count]).unwrap().unwrap().to_vec1::<f32>().unwrap();
            for (i, wide) in wide.into_iter().enumerate() {
                let bits = i as u16;
                let want = if dtype == Dtype::F16 {
                    f16::from_bits(bits).to_f32()
                } else {
                    bf16::from_bits(bits).to_f32()
                };
                assert!(wide == want || wide.is_nan() && want.is_nan(), "{dtype} {bits:#x}: {wide} {want}");
            }
        }
        assert!(widened(&bytes, Dtype::F32, &[count / 2]).is_none());
    }

    #[test]
    fn strides_are_followed() {
        let data: Vec<u8> = (0..12).collect();
        assert_eq!(gathered(&data, 1, &[3, 4], &[1, 3]), [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
        assert_eq!(gathered(&data, 2, &[2, 2], &[0, 1]), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(gathered(&data, 4, &[], &[]), [0, 1, 2, 3]);
    }
}
