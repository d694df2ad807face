//! Files of full size, where there are any in the models folders: how long they take to be ready, what memory that takes,
//! and that they run.
//!
//!     UNSAMPLE_MODELS=/folder cargo test --release --test weight_files full_size -- --ignored --nocapture

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use engine::families::{Family, identify, list_models};
use engine::nn::tokenizer::tokenize_padded;
use engine::nn::{ControlNet, Given, ModelError, MotionControls, Residuals, Source, Tensors, UNet};
use engine::weights::{TensorFile, View, models_dirs};

use super::networks::{Net, networks};

const CPU: &Device = &Device::Cpu;
/// Frames and sides of the latents that networks are tried with.
const FRAMES: usize = 2;
const SIDE: usize = 8;

/// A number of bytes that Linux keeps of this process; 0 elsewhere.
fn status(field: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0
}

/// A view as the pipeline gives it to a network; counts the bytes that it delivers.
fn counted(view: View, bytes: &Arc<std::sync::atomic::AtomicUsize>) -> Box<dyn Source> {
    let shapes: Vec<_> = view.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
    let bytes = bytes.clone();
    Box::new(Tensors::new(view.origin(), shapes, move |name, dtype, device| {
        let tensor = view.tensor(name, dtype, device)?;
        let size = tensor.elem_count() * dtype.size_in_bytes();
        bytes.fetch_add(size, std::sync::atomic::Ordering::Relaxed);
        Ok::<_, engine::weights::WeightsError>(tensor)
    }))
}

fn noise(shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>();
    let values: Vec<f32> = (0..count).map(|i| ((i * 7919 % 1000) as f32 / 500.0 - 1.0) * 1.5).collect();
    Tensor::from_vec(values, shape, CPU).unwrap()
}

/// Asserts that there is something in a result, and nothing that is not a number; its root mean square.
fn size(result: &Tensor) -> f32 {
    let square = result.to_dtype(DType::F32).unwrap().sqr().unwrap().mean_all().unwrap();
    let size = square.to_scalar::<f32>().unwrap().sqrt();
    assert!(size.is_finite() && size > 0.0, "a result of the size {size}");
    size
}

/// One evaluation of a UNet with what it is steered by.
fn evaluate(
    unet: &UNet,
    motion: Option<&engine::nn::MotionModule>,
    control: Option<&ControlNet>,
) -> Result<Tensor, ModelError> {
    let x = noise(&[FRAMES, unet.latent_channels(), SIDE, SIDE]);
    let context = noise(&[1, 77, unet.context_width()]);
    let vector = unet.vector_width().map(|width| noise(&[1, width]));
    let given = Given { context: &context, vector: vector.as_ref(), residuals: None, at_once: None };
    let added: Option<Residuals> = control
        .map(|net| {
            net.check_unet(unet)?;
            let (channels, side) = if net.takes_latents() { (4, SIDE) } else { (3, 8 * SIDE) };
            net.forward(&x, 500.0, given, &noise(&[FRAMES, channels, side, side]))
        })
        .transpose()?;
    let given = Given { residuals: added.as_ref(), ..given };
    let controls = MotionControls::default();
    unet.forward(&x, 500.0, given, FRAMES, motion.map(|module| (module, &controls)))
}

/// Runs a network once, alone or with the UNet; what came out.
fn run(net: &Net, unet: Option<&UNet>) -> String {
    let missing = || "no UNet of its family to run with".to_owned();
    match net {
        Net::Unet(unet) => format!("eps {:.3}", size(&evaluate(unet, None, None).unwrap())),
        Net::Motion(motion) => unet.map_or_else(missing, |unet| {
            format!("eps {:.3}", size(&evaluate(unet, Some(motion), None).unwrap()))
        }),
        Net::Control(net) => unet.map_or_else(missing, |unet| {
            format!("eps {:.3}", size(&evaluate(unet, None, Some(net)).unwrap()))
        }),
        Net::Vae(vae) => {
            let picture = noise(&[1, 3, 8 * SIDE, 8 * SIDE]);
            let latents = vae.encode(&picture).unwrap();
            format!("latents {:.3}, picture {:.3}", size(&latents), size(&vae.decode(&latents).unwrap()))
        }
        Net::Text(text) => {
            let tokens = tokenize_padded("a lighthouse in the fog", text.padding()).unwrap();
            format!("text {:.3}", size(&text.encode_hidden(&tokens, 1).unwrap().0))
        }
        Net::Detector(detector) => {
            let picture = ((noise(&[1, 3, 64, 64]) + 1.5).unwrap() / 3.0).unwrap();
            let hint: Result<Tensor, ModelError> = detector.detect(&picture, |_| Ok(()));
            let dims = hint.unwrap().dims().to_vec();
            format!("hint {dims:?}")
        }
    }
}

/// A UNet that other files run with: its family, itself, and the bytes of its tensors.
type Kept = Option<(Family, UNet, f64)>;

/// Loads and runs the networks of one file; keeps the UNet for the files that need one.
fn load_and_run(path: &Path, dtype: DType, unet: &mut Kept) {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let held = unet.as_ref().map_or(0.0, |(.., bytes)| *bytes);
    let started = Instant::now();
    let file = Arc::new(TensorFile::open(path).unwrap());
    let identity = identify(&file);
    // The pipeline takes the fingerprint of a file that it opens.
    let mut used = 0.0;
    let mut nets = Vec::new();
    for (name, load) in networks(&identity.kind) {
        let bytes = Arc::default();
        let net = load(&mut |view| counted(view, &bytes), &file, dtype).unwrap();
        let bytes = bytes.load(std::sync::atomic::Ordering::Relaxed) as f64;
        used += bytes;
        nets.push((name, net, bytes));
    }
    let ready = started.elapsed().as_secs_f64();
    let peak = status("VmHWM");
    println!(
        "{} is {} ({:.0} MB), {dtype:?}: ready in {ready:.1} s with {:.0} MB of tensors beside {:.0} MB; peak {:.0} MB, {:.2} times as much",
        file.file_name(),
        identity.description,
        file.size() as f64 / 1e6,
        used / 1e6,
        held / 1e6,
        peak / 1e6,
        peak / (used + held)
    );
    let family = identity.family();
    for (name, net, bytes) in nets {
        let started = Instant::now();
        let fitting = unet.as_ref().filter(|(known, ..)| Some(*known) == family).map(|(_, unet, _)| unet);
        let came = run(&net, fitting);
        println!("    {name}: {came} in {:.1} s", started.elapsed().as_secs_f64());
        if let (Net::Unet(net), Some(family)) = (net, family) {
            *unet = Some((family, *net, bytes));
        }
    }
}

#[test]
#[ignore = "needs files of gigabytes"]
fn full_size_files_load_and_run() {
    let mut files: Vec<_> = models_dirs().iter().flat_map(|folder| list_models(folder)).collect();
    // Checkpoints first: the others run with their UNet.
    files.sort_by_key(|found| {
        let kind = found.identity.as_ref().map(|identity| identity.kind_name()).unwrap_or_default();
        (!matches!(kind, "checkpoint" | "UNet"), found.path.clone())
    });
    assert!(!files.is_empty(), "there is no file in the models folders");
    let mut unet = None;
    for found in files {
        let identity = found.identity.unwrap();
        let checkpoint = matches!(identity.kind_name(), "checkpoint" | "UNet");
        // In f32 SDXL's networks would take 14 GB.
        let sdxl = identity.family() == Some(Family::SDXL);
        let formats: &[DType] = match (checkpoint, sdxl) {
            (true, false) => &[DType::F16, DType::F32],
            (_, true) => &[DType::F16],
            (false, false) => &[DType::F32],
        };
        for dtype in formats {
            if checkpoint {
                unet = None;
            }
            load_and_run(&found.path, *dtype, &mut unet);
        }
    }
}
