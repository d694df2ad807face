//! Networks that predict velocity: equivalence with noise prediction, their noise levels, and all the ways in which
//! files declare it.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests convert small numbers"
)]

use testing as support;
use testing::request;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use engine::diffusion::latents::from_frames;
use engine::diffusion::{
    Betas, Call, Denoiser, DiffusionError, DiffusionModel, Guided, NoiseSchedule, Prediction,
};
use engine::families::identify;
use engine::pipeline::{Engine, Origin, PipelineError};
use engine::weights::{Predicts, TensorFile, prediction_doubts, predicts};
use request::run;
use support::assert_close;

fn list(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn latents(frames: usize) -> Tensor {
    let values: Vec<f32> = (0..frames * 8).map(|k| 3.0 * (k as f32 * 0.37).cos()).collect();
    from_frames(&Tensor::from_vec(values, (frames, 2, 2, 2), &Device::Cpu).unwrap()).unwrap()
}

/// The optimal prediction for data with variance 1/4 and mean 0.3: its denoised latents are known in closed form.
struct GaussianNetwork(Prediction);

impl GaussianNetwork {
    fn denoised(x: f64, sigma: f64) -> f64 {
        0.3 + (x - 0.3) * 0.25 / (0.25 + sigma * sigma)
    }
}

impl DiffusionModel for GaussianNetwork {
    fn prediction(&self) -> Prediction {
        self.0
    }

    fn predict(&mut self, call: &Call) -> Result<Vec<Tensor>, DiffusionError> {
        let sigma = f64::from(call.sigma);
        let output = |x: f32| {
            let clean = Self::denoised(f64::from(x), sigma);
            let eps = (f64::from(x) - clean) / sigma;
            let abar = 1.0 / (sigma * sigma + 1.0);
            match self.0 {
                Prediction::Noise => eps as f32,
                Prediction::Velocity => (abar.sqrt() * eps - (1.0 - abar).sqrt() * clean) as f32,
                Prediction::Flow => panic!("its noise levels are others"),
            }
        };
        let values: Vec<f32> = list(call.x).into_iter().map(output).collect();
        let output = Tensor::from_vec(values, call.x.dims(), &Device::Cpu)?;
        Ok(vec![output; call.branches.len()])
    }
}

#[test]
fn one_function_told_as_noise_and_as_velocity_is_one_denoiser() {
    let schedule = NoiseSchedule::new(Betas::Linear);
    for sigma in [1e-4f32, 0.03, 0.7, 3.0, 14.6, 4518.76] {
        let x = latents(3);
        let [noise, velocity] = [Prediction::Noise, Prediction::Velocity].map(|prediction| {
            let mut network = GaussianNetwork(prediction);
            let mut guided =
                Guided { network: &mut network, schedule: &schedule, cfg: vec![2.0], context: None };
            list(&guided.denoised(&x, sigma, 0).unwrap())
        });
        let want: Vec<f64> =
            list(&x).iter().map(|x| GaussianNetwork::denoised(f64::from(*x), f64::from(sigma))).collect();
        assert_close("velocity", &velocity, &want, 2e-6, 2e-6);
        // With noise prediction the denoised latents are a difference, which loses the last digits at high noise levels.
        assert_close("noise", &noise, &want, 2e-6, 4e-7 * f64::from(sigma).max(5.0));
    }
}

#[test]
fn velocity_is_that_of_the_formula() {
    let x = Tensor::new(&[1.5f32, -0.25], &Device::Cpu).unwrap();
    let v = Tensor::new(&[0.5f32, 2.0], &Device::Cpu).unwrap();
    // x / (s^2 + 1) - v s / sqrt(s^2 + 1), computed by hand for s = 3/4, for which the root is 5/4.
    let got = Prediction::Velocity.denoised(&x, &v, 0.75).unwrap();
    assert_close("velocity", &list(&got), &[1.5 / 1.5625 - 0.3, -0.25 / 1.5625 - 1.2], 1e-6, 0.0);
    let got = Prediction::Noise.denoised(&x, &v, 0.75).unwrap();
    assert_close("noise", &list(&got), &[1.125, -1.75], 1e-6, 0.0);
}

#[test]
fn the_last_level_is_noise_alone_where_a_network_was_trained_so() {
    let schedule = NoiseSchedule::with_zero_terminal(Betas::Linear);
    let at = [0, 250, 500, 900, 998, 999].map(|index| schedule.table()[index]);
    // Computed by a short Python script that follows the paper's listing.
    let want = [0.029_167_158, 0.729_841_09, 1.774_557_47, 18.351_919_3, 2_254.237_98, 4_518.763_70];
    assert_close("sigmas", &at, &want, 1e-6, 0.0);
    assert!(schedule.table().windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(schedule.timestep(14.614_641), 880.0);
}

/// A copy of the built-in checkpoint with tensors and metadata added.
fn copy(to: &Path, tensors: &[&str], metadata: &[(&str, &str)]) {
    let built_in = testing::root().join("bundle/models/pocket.safetensors");
    let mut all = candle_core::safetensors::load(built_in, &Device::Cpu).unwrap();
    for name in tensors {
        all.insert((*name).into(), Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu).unwrap());
    }
    let metadata: HashMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    safetensors::serialize_to_file(&all, Some(metadata), to).unwrap();
}

fn said(path: &Path) -> Predicts {
    predicts(&TensorFile::open(path).unwrap())
}

#[test]
fn files_say_what_they_predict_in_many_ways() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let velocity = |zero_terminal| Predicts::Velocity { zero_terminal };
    copy(&path, &[], &[]);
    assert_eq!(said(&path), Predicts::Noise);
    copy(&path, &["v_pred"], &[("modelspec.prediction_type", "epsilon")]);
    assert_eq!(said(&path), velocity(false));
    copy(&path, &["v_pred", "ztsnr"], &[]);
    assert_eq!(said(&path), velocity(true));
    for (kind, want) in [
        ("v", velocity(false)),
        ("v_prediction", velocity(false)),
        ("V-Prediction", velocity(false)),
        ("epsilon", Predicts::Noise),
        ("", Predicts::Noise),
        ("sample", Predicts::Other("the denoised picture".into())),
        ("rectified flow", Predicts::Other("`rectified flow`".into())),
    ] {
        copy(&path, &[], &[("modelspec.prediction_type", kind)]);
        assert_eq!(said(&path), want, "{kind}");
    }
    let file = Arc::new(TensorFile::open(&path).unwrap());
    let refused = identify(&file).require_checkpoint(&file).unwrap_err().to_string();
    assert!(refused.contains("that predicts `rectified flow`, which is not supported"), "{refused}");
    assert!(refused.ends_with("; choose a checkpoint that predicts noise or velocity"), "{refused}");
    for (key, value) in [
        ("modelspec.predict_key", "v"),
        ("prediction_type", "v_prediction"),
        ("ss_v_parameterization", "True"),
        ("ss_v_parameterization", "true"),
        ("parameterization", "v"),
        ("config", r#"{"model": {"prediction_type": "v_prediction"}}"#),
    ] {
        copy(&path, &[], &[(key, value)]);
        assert_eq!(said(&path), velocity(false), "{key} {value}");
    }
    copy(&path, &["edm_vpred.sigma_max"], &[]);
    assert_eq!(said(&path), Predicts::Other("velocity on EDM noise levels".into()));

    copy(&path, &[], &[]);
    for name in ["model.yaml", "model.yml", "model.safetensors.yaml", "model.safetensors.yml"] {
        let beside = folder.path().join(name);
        std::fs::write(&beside, b"# caf\xe9\nmodel: {params: {parameterization : 'v'}}\n").unwrap();
        assert_eq!(said(&path), velocity(false), "{name}");
        std::fs::remove_file(beside).unwrap();
    }
    assert_eq!(said(&path), Predicts::Noise);
    // Next to the only file in a folder the configuration refers to that file; next to several it is ambiguous.
    std::fs::write(folder.path().join("scheduler_config.json"), r#"{"prediction_type": "v_prediction"}"#)
        .unwrap();
    assert_eq!(said(&path), velocity(false));
    std::fs::write(folder.path().join("other.safetensors"), "").unwrap();
    assert_eq!(said(&path), Predicts::Noise);

    let root = folder.path().join("diffusers");
    for network in ["unet", "scheduler"] {
        std::fs::create_dir_all(root.join(network)).unwrap();
    }
    copy(&root.join("unet/diffusion_pytorch_model.safetensors"), &[], &[]);
    let config = |text: &str| std::fs::write(root.join("scheduler/scheduler_config.json"), text).unwrap();
    config(
        r#"{"_class_name": "DDIMScheduler", "prediction_type": "v_prediction", "rescale_betas_zero_snr": true}"#,
    );
    for path in ["", "unet", "unet/diffusion_pytorch_model.safetensors"] {
        assert_eq!(said(&root.join(path)), velocity(true), "{path}");
    }
    config("\u{feff}{\"prediction_type\": \"v_prediction\"}");
    assert_eq!(said(&root), velocity(false), "with a mark of its encoding");
    config(r#"{"prediction_type": "v_prediction", "rescale_betas_zero_snr": true,}"#);
    assert_eq!(said(&root), velocity(true), "with a comma too many");
    config("<html>");
    assert_eq!(said(&root), Predicts::Noise);
    let doubts = |path: &Path| prediction_doubts(&TensorFile::open(path).unwrap());
    let [unread] = &doubts(&root)[..] else { panic!() };
    let file = root.join("scheduler/scheduler_config.json");
    assert!(unread.starts_with(&format!("{} could not be read (", file.display())), "{unread}");
    assert!(unread.ends_with("so that what it says of the prediction of diffusers was not used"), "{unread}");
    config(r#"{"_class_name": "EulerDiscreteScheduler", "prediction_type": "epsilon"}"#);
    assert_eq!(doubts(&root), [""; 0]);
    assert_eq!(said(&root), Predicts::Noise);
    config(r#"{"prediction_type": nonsense"#);
    let [unread] = &doubts(&root)[..] else { panic!() };
    assert!(
        unread.contains("scheduler_config.json could not be read (its JSON is broken: expected"),
        "{unread}"
    );
    assert_eq!(said(&root), Predicts::Noise);
    config(r#"{"_class_name": "FlowMatchEulerDiscreteScheduler"}"#);
    assert_eq!(said(&root), Predicts::Other("a flow".into()));
}

#[test]
fn a_single_file_at_the_root_of_a_repository_has_its_scheduler() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model-v1.safetensors");
    copy(&path, &[], &[]);
    std::fs::create_dir(folder.path().join("scheduler")).unwrap();
    std::fs::write(
        folder.path().join("scheduler/scheduler_config.json"),
        r#"{"prediction_type": "v_prediction"}"#,
    )
    .unwrap();
    assert_eq!(said(&path), Predicts::Velocity { zero_terminal: false });
}

#[test]
fn a_name_alone_that_speaks_of_velocity_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, tensors: &[&str], metadata: &[(&str, &str)]| {
        let path = folder.path().join(name);
        copy(&path, tensors, metadata);
        let file = TensorFile::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        prediction_doubts(&file)
    };
    for name in ["noobaiXL_vPred10", "my-v-prediction", "a_v_prediction", "a-v-pred", "a.vpred.fp16"] {
        let [doubt] = &told(&format!("{name}.safetensors"), &[], &[])[..] else { panic!("{name}") };
        let want = format!(
            "{name}.safetensors runs as a model that predicts noise, since nothing but its name says that it predicts \
             velocity; if it does, put a file {name}.yaml with the line `parameterization: v` beside it"
        );
        assert_eq!(*doubt, want);
    }
    assert_eq!(told("model.safetensors", &[], &[]), [""; 0]);
    assert_eq!(told("a-vpred.safetensors", &["v_pred"], &[]), [""; 0]);
    assert_eq!(told("a-vpred.safetensors", &[], &[("modelspec.prediction_type", "epsilon")]), [""; 0]);
}

#[test]
fn a_last_level_of_noise_alone_is_read_wherever_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let both = r#"{"prediction_type": "v_prediction", "rescale_betas_zero_snr": true}"#;
    for metadata in [
        &[("ss_v_parameterization", "True"), ("ss_zero_terminal_snr", "True")][..],
        &[("config", both)],
        &[("scheduler_config", both)],
        &[("Modelspec.Prediction_Type", "v"), ("SS_zero_terminal_snr", "1")],
        &[("v_pred", "true"), ("config", r#"{"scheduler": {"rescale_betas_zero_snr": true}}"#)],
    ] {
        copy(&path, &[], metadata);
        assert_eq!(said(&path), Predicts::Velocity { zero_terminal: true }, "{metadata:?}");
    }
    copy(&path, &[], &[("scheduler_config", r#"{"prediction_type": "v_prediction"}"#)]);
    assert_eq!(said(&path), Predicts::Velocity { zero_terminal: false });
}

#[test]
fn a_checkpoint_that_contradicts_itself_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let doubts = |tensors: &[&str], metadata: &[(&str, &str)]| {
        copy(&path, tensors, metadata);
        prediction_doubts(&TensorFile::open(&path).unwrap())
    };
    let (spec, kohya) = (("modelspec.prediction_type", "epsilon"), ("ss_v_parameterization", "True"));
    assert_eq!(
        doubts(&[], &[spec, kohya]),
        [
            "model.safetensors says in two places what it predicts, and they differ: ss_v_parameterization was taken and \
          modelspec.prediction_type was not"
        ]
    );
    assert_eq!(said(&path), Predicts::Velocity { zero_terminal: false });
    assert_eq!(doubts(&["v_pred"], &[spec]).len(), 1);
    assert_eq!(doubts(&["v_pred"], &[kohya, ("prediction_type", "v")]), [""; 0]);
    let [title] = &doubts(&[], &[("modelspec.title", "Foo v-pred 1.0")])[..] else { panic!() };
    assert!(title.contains("nothing but its title says that it predicts velocity"), "{title}");
}

#[test]
fn what_a_checkpoint_predicts_is_part_of_its_results() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let render = |metadata: &[(&str, &str)]| {
        let path = folder.path().join("model.safetensors");
        copy(&path, &[], metadata);
        let mut request = request::request("a pencil sketch", &folder.path().join("cache"));
        request.models.checkpoint = Some(path);
        request.models.motion = engine::pipeline::Motion::None;
        run(&engine, request)
    };
    let noise = render(&[]).unwrap();
    let velocity = render(&[("modelspec.prediction_type", "v")]).unwrap();
    let unsampled =
        |report: &engine::pipeline::Report| report.stages().iter().find(|s| s.0 == "unsampled").unwrap().1;
    assert!(matches!(unsampled(&velocity.report), Origin::Computed(_)));
    assert!(noise.picture.unwrap().data != velocity.picture.unwrap().data);
    let refused = render(&[("modelspec.prediction_type", "x0")]).err().unwrap();
    assert!(matches!(refused, PipelineError::Weights(_)), "{refused}");
    assert!(
        refused.to_string().contains("predicts the denoised picture, which is not supported"),
        "{refused}"
    );
}
