//! Alphas of a LoRA that are not stored as tensors: PEFT has them in the file's metadata or in a JSON file next to
//! it, kohya's scripts in the metadata.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::beside::ADAPTER;
use super::{Layer, Network, real};

/// Metadata key of newer files, with JSON whose keys are prefixed by a component: `unet.lora_alpha`.
const KEY: &str = "lora_adapter_metadata";

/// The PEFT settings of one component.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    lora_alpha: Option<f64>,
    /// Alphas of layers whose names end with the key.
    alpha_pattern: BTreeMap<String, f64>,
    /// Whether the change is scaled with alpha / sqrt(rank) (rsLoRA).
    use_rslora: bool,
}

/// The alphas of a LoRA file that are not stored as tensors.
#[derive(Debug, Default)]
pub(super) struct Adapter {
    components: BTreeMap<String, Settings>,
    /// From kohya's scripts: the alpha of all layers, and that of convolutions larger than 1x1, if different.
    network: Option<(f64, Option<f64>)>,
    /// Where the alphas come from, if it is neither tensors nor PEFT's metadata; part of cache keys.
    source: String,
}

/// The alphas of kohya's scripts. They also write them as tensors, which conversion tools may lose.
fn network(metadata: &BTreeMap<String, String>) -> Option<(f64, Option<f64>)> {
    let alpha = metadata.get("ss_network_alpha")?.trim().parse().ok()?;
    let arguments: Option<serde_json::Value> =
        metadata.get("ss_network_args").and_then(|text| serde_json::from_str(text).ok());
    let conv = arguments.as_ref().and_then(|arguments| match arguments.get("conv_alpha")? {
        serde_json::Value::String(text) => text.trim().parse().ok(),
        number => number.as_f64(),
    });
    Some((alpha, conv))
}

impl Adapter {
    /// Reads the alphas; empty if there are none. `tensors` is whether the file has alphas as tensors.
    ///
    /// Errors: why the file next to the weights cannot be parsed.
    pub fn read(metadata: &BTreeMap<String, String>, tensors: bool) -> Result<Self, String> {
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
        let mut adapter = Self { components: settings.collect(), ..Self::default() };
        if adapter.components.is_empty()
            && let Some(beside) = metadata.get(ADAPTER)
        {
            let settings = serde_json::from_str(beside).map_err(|error| error.to_string())?;
            adapter.components.insert(String::new(), settings);
            adapter.source.clone_from(beside);
        } else if adapter.components.is_empty() && !tensors {
            adapter.network = network(metadata);
            adapter.source = adapter.network.map(|network| format!("{network:?}")).unwrap_or_default();
        }
        Ok(adapter)
    }

    /// The source of the alphas if it is neither the file's tensors nor PEFT's metadata; empty otherwise.
    pub fn into_source(self) -> String {
        self.source
    }

    /// The alpha of a layer, to be divided by the rank; `down` is the shape of its first matrix, `[rank, in...]`.
    pub fn alpha(&self, (network, path): &Layer, down: &[usize]) -> Option<f64> {
        let (rank, kernel) = (*down.first()?, down.iter().skip(2).product::<usize>());
        if let Some((alpha, conv)) = self.network {
            return Some(conv.filter(|_| kernel > 1).unwrap_or(alpha));
        }
        let component = match network {
            Network::Unet | Network::Motion => "unet",
            Network::Text => "text_encoder",
            Network::Text2 => "text_encoder_2",
        };
        let settings = self.components.get(component).or_else(|| self.components.get(""))?;
        let own = settings.alpha_pattern.iter().find(|(end, _)| path.ends_with(&end.replace('.', "_")));
        let alpha = own.map(|(_, alpha)| *alpha).or(settings.lora_alpha)?;
        Some(if settings.use_rslora { alpha * real(rank).sqrt() } else { alpha })
    }
}
