//! What programs keep of a LoRA elsewhere than in its tensors: the alphas. PEFT has them in the file's metadata or in a file
//! beside it, kohya's scripts in the metadata.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::beside::ADAPTER;
use super::{Layer, Network, real};

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
pub(super) struct Adapter {
    components: BTreeMap<String, Settings>,
    /// Of kohya's scripts: for all layers, and for convolutions that are larger than a point.
    network: Option<(f64, Option<f64>)>,
    /// What of it is not in the weights' own names and metadata of PEFT, for keys.
    source: String,
}

/// The alphas of kohya's scripts. They write them in tensors, too; tools that convert files lose these.
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
    /// Reads them; nothing where there are none. `tensors` says whether the file has alphas in tensors.
    ///
    /// Errors: why the file beside the weights cannot be read.
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

    /// What says the alphas beside the file's tensors and PEFT's metadata; empty where nothing does.
    pub fn into_source(self) -> String {
        self.source
    }

    /// The alpha of a layer, as the factor alpha / rank has it; `down` is the shape of its first matrix, `[rank, in...]`.
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
