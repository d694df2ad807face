//! Opens the files of a request and checks that they fit each other.

use super::fitted::Fitted;
use super::partner::{self, Partner, Search};
use super::{Chosen, Files, Opened, embeddings};
use crate::families::Kind;
use crate::pipeline::PipelineError;
use crate::pipeline::located::FileRole;
use crate::pipeline::resources::{BUILT_IN, built_in};
use crate::weights::prediction_doubts;
use protocol::request::{Models, Motion};

impl Files {
    /// Opens and checks the files of a request, for networks that run on `device`.
    ///
    /// # Errors
    /// If a file is missing, damaged, or of another kind or family: a message that names it.
    pub fn choose(&mut self, models: &Models, device: &'static str) -> Result<Chosen, PipelineError> {
        let mut notices = Vec::new();
        let checkpoint = match &models.checkpoint {
            Some(path) => self.open_named(path, FileRole::Checkpoint, None, &mut notices)?,
            None => {
                let path = built_in(BUILT_IN[0]);
                if !path.is_file() {
                    return Err(PipelineError::NoBuiltIn(path));
                }
                self.open(&path)?
            }
        };
        checkpoint.what.require_checkpoint(&checkpoint.file)?;
        let Kind::Checkpoint { family, .. } = checkpoint.what.kind else {
            return Err(PipelineError::Internal("a checkpoint of another kind".to_owned()));
        };
        let prediction = family.prediction(&checkpoint.file);
        notices.extend(prediction_doubts(&checkpoint.file));
        let vae = match &models.vae {
            Some(path) => {
                let vae = self.open_named(path, FileRole::Vae, Some(family), &mut notices)?;
                vae.what.require_vae(&vae.file)?;
                check_latents(&checkpoint, &vae)?;
                vae
            }
            None if matches!(checkpoint.what.kind, Kind::Checkpoint { vae: true, .. }) => checkpoint.clone(),
            None => return Err(PipelineError::Unfit(without_vae(&checkpoint, models))),
        };
        let texts = self.texts(models, &checkpoint, family, &mut notices)?;
        let mut facts = Vec::new();
        let mut unasked = false;
        let motion = match &models.motion {
            Motion::None => None,
            Motion::File(path) => {
                Some(self.open_named(path, FileRole::Motion, Some(family), &mut notices)?)
            }
            Motion::Usual if models.checkpoint.is_none() => Some(self.open(&built_in(BUILT_IN[1]))?),
            Motion::Usual if family.is_temporal() => None,
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
            let fits = motion.what.require_motion_module(&motion.file, family).map_err(PipelineError::from);
            let fits = fits.and_then(|()| match family.motion_misfit(&checkpoint.file, &motion.file) {
                Some(misfit) => Err(PipelineError::Unfit(misfit)),
                None => Ok(()),
            });
            fits.map_err(|error| partner::explained(error, unasked))?;
            if let Kind::MotionModule { version, .. } = motion.what.kind {
                motion_version = Some(version);
            }
        }
        let mut controls = Vec::new();
        for path in &models.controls {
            controls.push(self.open_named(path, FileRole::Control, Some(family), &mut notices)?);
        }
        for opened in &controls {
            opened.what.require_control(&opened.file, family)?;
        }
        self.check(&checkpoint, family.network().0, &mut notices)?;
        self.check(&vae, family.codec(), &mut notices)?;
        for (encoder, opened) in family.text_encoders().iter().zip(texts.opened()) {
            self.check(opened, encoder.part, &mut notices)?;
        }
        for opened in motion.iter().chain(&controls) {
            let unasked = unasked && motion.as_ref().is_some_and(|motion| motion.path == opened.path);
            for part in opened.what.parts(&opened.file) {
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
            embeddings: embeddings::PromptEmbeddings::default(),
            device,
            family,
            prediction,
            motion_version,
            unasked,
            facts,
            notices,
        })
    }
}

/// The message about a checkpoint without a VAE, which also mentions a missing text encoder.
fn without_vae(checkpoint: &Opened, models: &Models) -> String {
    let name = checkpoint.file.file_name();
    if models.text.is_empty() && matches!(checkpoint.what.kind, Kind::Checkpoint { text: false, .. }) {
        return format!(
            "{name} has neither VAE nor text encoder; choose files or a checkpoint with them as vae and textEncoder"
        );
    }
    format!("{name} has no VAE; choose a file or checkpoint with one as vae")
}

/// Checks that a VAE has as many latent channels as the network, and the same compression in space and time.
fn check_latents(checkpoint: &Opened, vae: &Opened) -> Result<(), PipelineError> {
    let channels = |kind: &Kind| match kind {
        Kind::Checkpoint { latent_channels, .. } | Kind::Vae { latent_channels, .. } => {
            Some(*latent_channels)
        }
        _ => None,
    };
    let factors = |opened: &Opened| {
        let grid = opened.what.family()?.grid(&opened.what.kind);
        Some([grid.space, grid.time])
    };
    if let (Some(own), Some(other)) = (factors(checkpoint), factors(vae))
        && own != other
    {
        let wanted = "choose a VAE made for this checkpoint";
        return Err(vae.what.wrong(&vae.file, "vae", wanted).into());
    }
    let (unet, other) = (channels(&checkpoint.what.kind), channels(&vae.what.kind));
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
