//! Whether the values of a result are numbers.
//!
//! A single NaN spreads over a whole picture within a layer or two, and black looks like a result. So every stage is looked
//! at before anything else may use it.

use candle_core::{DType, Tensor};

use protocol::request::{Request, Source};

/// Whether no value is NaN or infinite: one pass where the tensor lies, and one number from there.
///
/// # Errors
/// When the device fails.
pub fn is_finite(x: &Tensor) -> Result<bool, candle_core::Error> {
    // A finite number times 0 is 0, any other NaN, and NaN stays in a sum.
    let sum = x.to_dtype(DType::F32)?.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f32>()?;
    Ok(sum == 0.0)
}

/// A network's prediction that is not finite.
#[derive(Debug, thiserror::Error)]
#[error("the network's prediction in step {} has NaN or infinite values", .step + 1)]
pub struct NotFinite {
    /// The step of the pass, from 0.
    pub step: usize,
}

/// What there is to be said of pictures that had values which are no numbers. Of frames that were seen before only the wanted
/// one is at hand.
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
