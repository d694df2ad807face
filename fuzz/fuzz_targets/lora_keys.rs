//! Tensor names of a LoRA: every line of the input is a name, in a well-formed file of small tensors whose shapes fit
//! their names. The file is opened as a LoRA and added to networks whose layers are small, too.
#![no_main]

mod files;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use candle_core::{DType, Device};
use libfuzzer_sys::fuzz_target;
use engine::weights::{Lora, Network, TensorFile, View};

/// Width of every layer, and the rank of every change.
const WIDTH: usize = 4;
const RANK: usize = 2;

/// Builds a file of f16 tensors with these names and shapes.
fn file<N: AsRef<str>>(tensors: impl IntoIterator<Item = (N, Vec<usize>)>) -> Vec<u8> {
    let mut header = String::from("{");
    let mut at = 0;
    for (name, shape) in tensors {
        let escaped: String = (name.as_ref().chars())
            .flat_map(|letter| match letter {
                '"' | '\\' => vec!['\\', letter],
                letter if letter.is_control() => vec![],
                letter => vec![letter],
            })
            .collect();
        let comma = if at == 0 { "" } else { "," };
        let end = at + 2 * shape.iter().product::<usize>();
        header.push_str(&format!(
            "{comma}\"{escaped}\":{{\"dtype\":\"F16\",\"shape\":{shape:?},\"data_offsets\":[{at},{end}]}}"
        ));
        at = end;
    }
    header.push('}');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(file.len() + at, 0);
    file
}

/// The networks to change: all layers of the built-in model, but small.
fn networks() -> &'static [(Network, View); 3] {
    static NETWORKS: OnceLock<[(Network, View); 3]> = OnceLock::new();
    NETWORKS.get_or_init(|| {
        let small = |name: &str| {
            let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle/models");
            let model = TensorFile::open(models.join(name)).expect("the built-in model");
            let tensors =
                model.tensors().map(|(name, info)| (name.to_owned(), vec![WIDTH; info.shape.len().min(2)]));
            files::open(&file(tensors)).expect("a sound file")
        };
        let (checkpoint, motion) = (small("pocket.safetensors"), small("pocket_motion.safetensors"));
        [
            (Network::Unet, View::unet(checkpoint.clone())),
            (Network::Text, View::text(checkpoint)),
            (Network::Motion, View::motion(motion)),
        ]
    })
}

fuzz_target!(|input: &str| {
    let names: std::collections::BTreeSet<&str> = input.lines().take(64).collect();
    let has = |name: &str, marks: &[&str]| marks.iter().any(|mark| name.contains(mark));
    let tensors = names.into_iter().map(|name| {
        let shape = match name {
            _ if has(name, &["alpha", "scale"]) => vec![],
            _ if has(name, &["down", "lora_A"]) => vec![RANK, WIDTH],
            _ if has(name, &["up", "lora_B"]) => vec![WIDTH, RANK],
            _ if has(name, &["mid"]) => vec![RANK, RANK, 1, 1],
            _ => vec![WIDTH, WIDTH],
        };
        (name, shape)
    });
    let Some(opened) = files::open(&file(tensors)) else { return };
    let Ok(lora) = Lora::open(opened) else { return };
    let loras = [(Arc::new(lora), 0.5)];
    for (network, view) in networks() {
        match view.clone().with_loras(*network, &loras) {
            Ok(changed) => {
                for name in changed.touched() {
                    if let Err(error) = changed.tensor(name, DType::F32, &Device::Cpu) {
                        files::sentence(&error);
                    }
                }
            }
            Err(error) => files::sentence(&error),
        }
    }
});
