//! What PEFT keeps of a LoRA in the file's metadata instead of in tensors: the alphas.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Layer, Network};

/// Where newer files have it, as JSON with a component in front of every key: `unet.lora_alpha`.
const KEY: &str = "lora_adapter_metadata";

/// The settings of one component.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    lora_alpha: Option<f64>,
    /// Alphas of layers whose names end so.
    alpha_pattern: BTreeMap<String, f64>,
    /// Whether the change is scaled with alpha over the root of the rank.
    use_rslora: bool,
}

/// The alphas of a file.
#[derive(Debug, Default)]
pub(super) struct Adapter(BTreeMap<String, Settings>);

impl Adapter {
    /// Reads them; nothing where there are none or where they are not readable.
    pub fn read(metadata: &BTreeMap<String, String>) -> Self {
        let stored: Option<serde_json::Map<_, _>> =
            metadata.get(KEY).and_then(|text| serde_json::from_str(text).ok());
        let mut components: BTreeMap<String, serde_json::Map<String, serde_json::Value>> = BTreeMap::new();
        for (key, value) in stored.unwrap_or_default() {
            let (component, name) = key.rsplit_once('.').unwrap_or(("", &key));
            components.entry(component.to_owned()).or_default().insert(name.to_owned(), value);
        }
        let settings = components
            .into_iter()
            .filter_map(|(component, values)| Some((component, serde_json::from_value(values.into()).ok()?)));
        Self(settings.collect())
    }

    /// The alpha of a layer of this rank, as the factor alpha / rank has it.
    pub fn alpha(&self, (network, path): &Layer, rank: usize) -> Option<f64> {
        let component = match network {
            Network::Unet | Network::Motion => "unet",
            Network::Text => "text_encoder",
            Network::Text2 => "text_encoder_2",
        };
        let settings = self.0.get(component).or_else(|| self.0.get(""))?;
        let own = settings.alpha_pattern.iter().find(|(end, _)| path.ends_with(&end.replace('.', "_")));
        let alpha = own.map(|(_, alpha)| *alpha).or(settings.lora_alpha)?;
        Some(if settings.use_rslora { alpha * (rank as f64).sqrt() } else { alpha })
    }
}
