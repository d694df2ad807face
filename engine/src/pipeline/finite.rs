//! Checks results for NaN and infinity.
//!
//! A single NaN spreads over a whole picture within a layer or two, and a black frame looks like a valid result. So the
//! result of every stage is checked before it is used.

use candle_core::{DType, Tensor};

use protocol::request::{Request, Source};

/// Whether no value is NaN or infinite: one pass on the tensor's device, and one scalar copied from there.
///
/// # Errors
/// If the device fails.
pub fn is_finite(x: &Tensor) -> Result<bool, candle_core::Error> {
    // A finite number times 0 is 0, NaN and infinity give NaN, and a sum with NaN is NaN.
    let sum = x.to_dtype(DType::F32)?.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f32>()?;
    Ok(sum == 0.0)
}

/// The error that a network's prediction has NaN or infinite values.
#[derive(Debug, thiserror::Error)]
#[error("the network's prediction in step {} has NaN or infinite values", .step + 1)]
pub struct NotFinite {
    /// The index of the step in its pass, from 0.
    pub step: usize,
}

/// Messages about frames of the clips in which NaN or infinite values were replaced. Of the frames that were sent with
/// earlier requests, only the wanted one is included.
pub fn mended(request: &Request) -> Vec<String> {
    let one = |name: &str, source: &Source| {
        let segment = request.segment;
        let frames: Vec<String> = source.mended.iter().map(|&i| segment.frame(i).to_string()).collect();
        let list = match &frames[..] {
            [] => return None,
            [only] => format!("frame {only} of the {name} has"),
            [first, .., last] => format!("{} frames of the {name}, {first} to {last}, have", frames.len()),
        };
        Some(format!(
            "{list} NaN or infinite values; NaN was taken as black, infinity as the brightest value"
        ))
    };
    let hint = request.hint_clip.as_ref().and_then(|hint| one("hint clip", hint));
    one("source", &request.source).into_iter().chain(hint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn one_value_is_enough() {
        for strange in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = vec![-f32::MAX; 1000];
            let look = |values: &[f32]| is_finite(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap();
            assert!(look(&values));
            values[999] = strange;
            assert!(!look(&values));
        }
        assert!(is_finite(&Tensor::zeros((2, 0), DType::F32, &Device::Cpu).unwrap()).unwrap());
    }
}
