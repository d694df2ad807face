//! Where a request's networks run and in which number format.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_core::{DType, Device, Tensor};
use once_cell::sync::OnceCell;
use parking_lot::RwLock;

use protocol::{DeviceChoice, Precision};

use super::PipelineError;

/// What a request runs on.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Where the networks are.
    pub device: Device,
    /// The number format of UNet, motion module and ControlNets. Text encoders, VAE and preprocessors are in f32
    /// everywhere: the VAE's activations overflow f16, and the others run once.
    pub dtype: DType,
    /// Why a card that the user could expect to be used is not.
    fallback: Option<String>,
}

impl Placement {
    /// The processor, in f32.
    pub fn processor() -> Self {
        Self { device: Device::Cpu, dtype: DType::F32, fallback: None }
    }

    /// The device's name for keys: results of different devices differ by rounding.
    pub fn kind(&self) -> &'static str {
        if self.device.is_cuda() { "cuda" } else { "cpu" }
    }

    /// This one with the number format to try where numbers pass the largest of the present one; `None` where there is none
    /// with a wider range. On a card bf16 comes first: it has the range of f32 and takes no more memory than f16.
    pub fn wider(&self) -> Option<Self> {
        let dtype = match (self.dtype, self.device.is_cuda()) {
            (DType::F16, true) => DType::BF16,
            (DType::F16, false) | (DType::BF16, _) => DType::F32,
            _ => return None,
        };
        Some(Self { dtype, ..self.clone() })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = if self.device.is_cuda() { "the graphics card" } else { "the processor" };
        write!(f, "on {device} in {}", self.dtype.as_str())?;
        match &self.fallback {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// Why the CUDA build beside this one was not taken, as a clause; `None` where there is no such build.
static NOT_TAKEN: RwLock<Option<String>> = RwLock::new(None);

/// Says why the CUDA build that lies beside this one was not taken.
pub fn set_cuda_not_taken(reason: String) {
    *NOT_TAKEN.write() = Some(reason);
}

/// The card, or why there is none. Found once: a card that was not there is not looked for at every frame.
fn card() -> Result<Device, String> {
    static CARD: OnceCell<Result<Device, String>> = OnceCell::new();
    if !cfg!(feature = "cuda") {
        return Err(match NOT_TAKEN.read().as_ref() {
            Some(reason) => format!("the CUDA build was not taken: {reason}"),
            None => "this bundle has no CUDA build".to_owned(),
        });
    }
    CARD.get_or_init(|| {
        // A library of the driver's may be there and be broken in ways that its binding does not expect.
        let found = catch_unwind(AssertUnwindSafe(|| {
            let device = Device::new_cuda(0)?;
            // Kernels are compiled for a card's generation; one that is too old shows here and not in a render.
            let sum = Tensor::ones(8, DType::F32, &device)?.affine(2.0, 1.0)?.sum_all()?;
            sum.to_device(&Device::Cpu)?;
            Ok::<_, candle_core::Error>(device)
        }));
        let found = match found {
            Ok(found) => found.map_err(|error| first_line(&error.to_string())),
            Err(_) => Err("the driver's library is broken".to_owned()),
        };
        found.map_err(|reason| format!("no usable NVIDIA card was found: {reason}"))
    })
    .clone()
}

/// What networks can run on here, a line each.
pub fn describe_devices() -> String {
    let processor = format!("the processor can be used, with {} threads", rayon::current_num_threads());
    match card() {
        _ if !cfg!(feature = "cuda") => processor,
        Ok(_) => format!("{processor}\nan NVIDIA card can be used"),
        Err(reason) => format!("{processor}\n{reason}"),
    }
}

/// An error without the backtrace that may follow it.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Chooses a device and a number format.
///
/// # Errors
/// [`PipelineError::Device`] when a card or a number format was asked for by name and cannot be had.
pub fn place(choice: DeviceChoice, precision: Precision) -> Result<Placement, PipelineError> {
    let (device, fallback) = match choice {
        DeviceChoice::Cpu => (Device::Cpu, None),
        DeviceChoice::Cuda => match card() {
            Ok(device) => (device, None),
            Err(reason) => {
                let sentence = format!("{reason}; set device to auto or cpu to work on the processor");
                return Err(PipelineError::Device(sentence));
            }
        },
        DeviceChoice::Auto => match card() {
            Ok(device) => (device, None),
            // Without an engine for cards there is nothing to explain.
            Err(reason) => {
                let expected = cfg!(feature = "cuda") || NOT_TAKEN.read().is_some();
                (Device::Cpu, expected.then_some(reason))
            }
        },
    };
    let dtype = match (precision, device.is_cuda()) {
        (Precision::F32, _) | (Precision::Auto, false) => DType::F32,
        (Precision::F16, _) | (Precision::Auto, true) => DType::F16,
        (Precision::Bf16, true) => DType::BF16,
        (Precision::Bf16, false) => {
            let why = fallback.map(|reason| format!(" ({reason})")).unwrap_or_default();
            return Err(PipelineError::Device(format!(
                "the processor does not compute in bf16{why}; set precision to auto, f32 or f16"
            )));
        }
    };
    Ok(Placement { device, dtype, fallback })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_takes_f32_and_f16_and_refuses_bf16() {
        let cpu = |precision| place(DeviceChoice::Cpu, precision).map(|p| (p.dtype, p.kind(), p.to_string()));
        let f32 = (DType::F32, "cpu", "on the processor in f32".to_owned());
        assert_eq!(cpu(Precision::Auto).unwrap(), f32);
        assert_eq!(cpu(Precision::F32).unwrap(), f32);
        assert_eq!(cpu(Precision::F16).unwrap().0, DType::F16);
        let refused = cpu(Precision::Bf16).unwrap_err().to_string();
        assert!(refused.contains("bf16") && refused.contains("set precision"), "{refused}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_card_that_cannot_be_had_is_a_sentence_if_named_and_a_remark_if_expected() {
        let auto = || place(DeviceChoice::Auto, Precision::Auto).unwrap().to_string();
        let named = || place(DeviceChoice::Cuda, Precision::Auto).unwrap_err().to_string();
        assert_eq!(auto(), "on the processor in f32");
        assert!(named().contains("has no CUDA build; set device to auto or cpu"), "{}", named());
        set_cuda_not_taken("there is no driver".to_owned());
        assert!(auto().contains("(the CUDA build was not taken: there is no driver)"), "{}", auto());
        assert!(named().contains("there is no driver"), "{}", named());
        *NOT_TAKEN.write() = None;
    }
}
