//! Checks LoRAs against the networks that they act on.

use super::super::located::FileRole;
use super::super::loras::{Active, strengths};
use super::texts::Texts;
use super::{Chosen, Family, Files, Network, Opened, PipelineError, Prediction};
use crate::weights::{Predicts, View, predicts};
use protocol::LoraUse;

/// The networks that LoRAs act on.
pub(super) struct Fitted<'a> {
    pub checkpoint: &'a Opened,
    pub texts: &'a Texts,
    pub motion: Option<&'a Opened>,
    pub family: Family,
}

impl Fitted<'_> {
    /// Messages about the unused parts of a LoRA.
    ///
    /// Errors: if its layers have other shapes than the networks', or none of them exists there.
    fn matched(&self, active: &Active, prediction: Prediction) -> Result<Vec<String>, PipelineError> {
        let name = active.lora.origin();
        // A motion LoRA without a motion module has no effect, but the file is not at fault.
        if self.motion.is_none() && active.lora.networks().all(|network| network == Network::Motion) {
            return Ok(vec![format!("{name} is a motion LoRA and does nothing without a motion module")]);
        }
        let (part, network) = self.family.network();
        let own = network.map(|network| (network, (part.view)(self.checkpoint.file.clone())));
        let texts = self.texts.views(self.family).filter_map(|(view, network)| Some((network?, view)));
        let mut views: Vec<(Network, View)> = own.into_iter().chain(texts).collect();
        views.extend(self.motion.map(|m| (Network::Motion, View::motion(m.file.clone()))));
        for (network, view) in &views {
            view.clone().with_loras(*network, &strengths(std::slice::from_ref(active)))?;
        }
        let fit = active.lora.fit(&views.iter().map(|(network, view)| (*network, view)).collect::<Vec<_>>());
        if fit.used == 0 {
            return Err(PipelineError::Unfit(format!(
                "{name} has no layer of {}; choose a LoRA that was made for this family of checkpoints",
                self.checkpoint.file.file_name()
            )));
        }
        let mut sentences: Vec<String> = fit.sentence(&name).into_iter().collect();
        if prediction == Prediction::Noise
            && matches!(predicts(active.lora.file()), Predicts::Velocity { .. })
        {
            sentences.push(format!(
                "{name} says that it was trained for velocity, and {} predicts noise",
                self.checkpoint.file.file_name()
            ));
        }
        Ok(sentences)
    }
}

impl Chosen {
    /// Messages about LoRAs that have no effect because `motionEffect` is 0.
    pub fn idle_loras(&self, effect: f64) -> Vec<String> {
        let motion = |active: &&Active| {
            effect == 0.0
                && self.motion.is_some()
                && active.lora.networks().all(|network| network == Network::Motion)
        };
        let idle = self.loras.iter().filter(motion);
        idle.map(|active| {
            format!("{} is a motion LoRA and does nothing while motionEffect is 0", active.lora.origin())
        })
        .collect()
    }

    /// The name of a ControlNet's file, by its index.
    pub fn control_name(&self, unit: usize) -> String {
        self.controls.get(unit).map(|opened| opened.file.file_name()).unwrap_or_default()
    }
}

impl Files {
    /// The active LoRAs, each checked to fit the family and to change something; adds messages about their unused parts.
    pub(super) fn loras(
        &mut self,
        wanted: &[LoraUse],
        networks: &Fitted<'_>,
        prediction: Prediction,
        notices: &mut Vec<String>,
    ) -> Result<Vec<Active>, PipelineError> {
        let mut loras = Vec::new();
        for LoraUse { path, weight } in wanted.iter().filter(|lora| lora.weight != 0.0) {
            let opened = self.open_named(path, FileRole::Lora, Some(networks.family), notices)?;
            opened.what.require_lora(&opened.file, networks.family)?;
            let Some(lora) = opened.lora else { continue };
            let active = Active { lora, id: opened.id, identity: opened.identity, weight: *weight };
            let id = networks.texts.with(networks.checkpoint);
            let triple = [id, networks.motion.map_or(id, |m| m.id), opened.id];
            let known = self.matched.iter().find(|(known, _)| *known == triple);
            let sentences = match known {
                Some((_, sentences)) => sentences.clone(),
                None => {
                    let sentences = networks.matched(&active, prediction)?;
                    self.matched.push((triple, sentences.clone()));
                    sentences
                }
            };
            notices.extend(sentences);
            loras.push(active);
        }
        Ok(loras)
    }
}
