//! The files of a request, found to fit each other.

use super::fitted::Fitted;
use super::outline::{self, Part};
use super::partner::{self, Partner, Search};
use super::{Chosen, ModelStore, Opened, embeddings};
use crate::diffusion::Prediction;
use crate::pipeline::PipelineError;
use crate::pipeline::located::Role;
use crate::pipeline::resources::{BUILT_IN, built_in};
use crate::weights::{Family, Kind, Predicts, View, identify, prediction_doubts, predicts};
use protocol::request::{Models, Motion};

impl ModelStore {
    /// Opens and checks the files of a request.
    ///
    /// # Errors
    /// A file that is missing, damaged, of another kind or of another family: one sentence that names it.
    pub fn choose(&mut self, models: &Models) -> Result<Chosen, PipelineError> {
        let mut notices = Vec::new();
        let checkpoint = match &models.checkpoint {
            Some(path) => self.open_named(path, Role::Checkpoint, None, &mut notices)?,
            None => {
                let path = built_in(BUILT_IN[0]);
                if !path.is_file() {
                    return Err(PipelineError::NoBuiltIn(path));
                }
                self.open(&path)?
            }
        };
        identify(&checkpoint.file).require_checkpoint(&checkpoint.file)?;
        let family = match checkpoint.kind {
            Kind::Checkpoint { family, .. } => family,
            _ => Family::Sd15,
        };
        let prediction = match predicts(&checkpoint.file) {
            Predicts::Velocity { zero_terminal } => (Prediction::Velocity, zero_terminal),
            Predicts::Noise | Predicts::Other(_) => (Prediction::Noise, false),
        };
        notices.extend(prediction_doubts(&checkpoint.file));
        let vae = match &models.vae {
            Some(path) => {
                let vae = self.open_named(path, Role::Vae, Some(family), &mut notices)?;
                identify(&vae.file).require_vae(&vae.file)?;
                check_latents(&checkpoint, &vae)?;
                vae
            }
            None if matches!(checkpoint.kind, Kind::Checkpoint { vae: true, .. }) => checkpoint.clone(),
            None => return Err(PipelineError::Unfit(without_vae(&checkpoint, models))),
        };
        let texts = self.texts(models, &checkpoint, family, &mut notices)?;
        let mut facts = Vec::new();
        let mut unasked = false;
        let motion = match &models.motion {
            Motion::None => None,
            Motion::File(path) => Some(self.open_named(path, Role::Motion, Some(family), &mut notices)?),
            Motion::Usual if models.checkpoint.is_none() => Some(self.open(&built_in(BUILT_IN[1]))?),
            Motion::Usual => {
                let Search { partner, broken } = Partner::of(family);
                match &partner {
                    Some(partner) => facts.push(partner.fact(family, broken.as_deref())),
                    None => notices.push(format!(
                        "no motion module was chosen and the models folder has none for {}{}; every frame is restyled on its own",
                        checkpoint.file.file_name(),
                        broken.map_or(String::new(), |why| format!(" that can be read ({why})"))
                    )),
                }
                unasked = partner.is_some();
                let opened = partner.map(|partner| self.open(&partner.path)).transpose();
                opened.map_err(|error| partner::explained(error, unasked))?
            }
        };
        let mut motion_version = None;
        if let Some(motion) = &motion {
            let fits = identify(&motion.file).require_motion_module(&motion.file, family);
            let fits = fits.map_err(PipelineError::from).and_then(|()| check_widths(&checkpoint, motion));
            fits.map_err(|error| partner::explained(error, unasked))?;
            if let Kind::MotionModule { version, .. } = motion.kind {
                motion_version = Some(version);
            }
        }
        let mut controls = Vec::new();
        for path in &models.controls {
            controls.push(self.open_named(path, Role::Control, Some(family), &mut notices)?);
        }
        for opened in &controls {
            identify(&opened.file).require_control(&opened.file, family)?;
        }
        self.check(&checkpoint, Part::Unet, &mut notices)?;
        self.check(&vae, Part::Vae, &mut notices)?;
        self.check(&texts.first, Part::Text, &mut notices)?;
        if let Some(second) = &texts.second {
            self.check(second, Part::Text2, &mut notices)?;
        }
        for opened in motion.iter().chain(&controls) {
            let unasked = unasked && motion.as_ref().is_some_and(|motion| motion.path == opened.path);
            for part in outline::parts(&opened.kind) {
                let checked = self.check(opened, part, &mut notices);
                checked.map_err(|error| partner::explained(error, unasked))?;
            }
        }
        let fitted = Fitted { checkpoint: &checkpoint, texts: &texts, motion: motion.as_ref(), family };
        let loras = self.loras(&models.loras, &fitted, prediction.0, &mut notices)?;
        notices.append(&mut self.changed);
        Ok(Chosen {
            checkpoint,
            texts,
            vae,
            motion,
            loras,
            controls,
            annotators: Vec::new(),
            embeddings: embeddings::Called::default(),
            device: self.placement.kind(),
            family,
            prediction,
            motion_version,
            unasked,
            facts,
            notices,
        })
    }
}

/// What is to be chosen with a checkpoint that brings no VAE, all of it at once.
fn without_vae(checkpoint: &Opened, models: &Models) -> String {
    let name = checkpoint.file.file_name();
    if models.text.is_empty() && matches!(checkpoint.kind, Kind::Checkpoint { text: false, .. }) {
        return format!(
            "{name} has neither VAE nor text encoder; choose files or a checkpoint with them as vae and textEncoder"
        );
    }
    format!("{name} has no VAE; choose a file or checkpoint with one as vae")
}

/// A VAE must speak of as many latent channels as the UNet.
fn check_latents(checkpoint: &Opened, vae: &Opened) -> Result<(), PipelineError> {
    let channels = |kind: &Kind| match kind {
        Kind::Checkpoint { latent_channels, .. } | Kind::Vae { latent_channels } => Some(*latent_channels),
        _ => None,
    };
    let (unet, other) = (channels(&checkpoint.kind), channels(&vae.kind));
    if unet == other {
        return Ok(());
    }
    Err(PipelineError::Unfit(format!(
        "{} has {} latent channels and {} works on {}; choose a VAE made for this checkpoint",
        vae.file.file_name(),
        other.unwrap_or(0),
        checkpoint.file.file_name(),
        unet.unwrap_or(0)
    )))
}

/// The motion module's first width must be the UNet's.
fn check_widths(checkpoint: &Opened, motion: &Opened) -> Result<(), PipelineError> {
    let unet = View::unet(checkpoint.file.clone());
    let module = View::motion(motion.file.clone());
    let width = |view: &View, name: &str| view.shape(name).and_then(|s| s.first().copied());
    let a = width(&unet, "input_blocks.0.0.weight");
    let b = width(&module, "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight");
    if b.is_none() || a == b {
        return Ok(());
    }
    Err(PipelineError::Unfit(format!(
        "{} was made for a network {} channels wide and {} is {} wide; choose a motion module made for this checkpoint",
        motion.file.file_name(),
        b.unwrap_or(0),
        checkpoint.file.file_name(),
        a.unwrap_or(0)
    )))
}
