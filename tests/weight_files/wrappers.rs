//! Every layout behind every kind of wrapper is what it is without one.

use std::sync::Arc;

use unsample::weights::{Lora, TensorFile, View, identify};

use super::manifests::{borrowed, every_layout, layout, manifests};
use super::{Folder, hollow};

type Reader = fn(Arc<TensorFile>) -> View;
const READERS: [Reader; 7] =
    [View::unet, View::control, View::vae, View::text, View::text_2, View::motion, View::annotator];

/// Whether a tensor is one of a noise schedule's, which no network has and nothing here reads.
fn is_of_the_schedule(name: &str) -> bool {
    ["betas", "alphas_cumprod", "posterior_", "logvar", "denoiser.sigmas"]
        .iter()
        .any(|part| name.contains(part))
}

#[test]
#[ignore = "fails for `unet.` before LoRAs of attention processors, which is not seen through yet: docs/limits.md"]
fn every_layout_is_known_behind_wrappers() {
    let Some(manifests) = manifests() else { return };
    let folder = Folder::new();
    let wrappers =
        ["state_dict.", "module.", "net.", "unet.", "animatediff.", "model.", "_orig_mod.", "x.module.y."];
    for (number, name) in every_layout().enumerate() {
        let tensors = layout(&manifests, name);
        let plain = hollow(&folder, "file.safetensors", &borrowed(&tensors));
        let lora = name.contains("lora") || name.ends_with("_adapter");
        // Three of them a layout, so that every wrapper meets every kind of file.
        for turn in 0..3 {
            let wrapper = wrappers[(number + 3 * turn) % wrappers.len()];
            // `model.model.` is how the names of the line art network for anime begin, so that of a checkpoint stays as it is.
            if wrapper == "model." && tensors.iter().any(|(name, _)| name.starts_with("model.")) {
                continue;
            }
            let wrapped: Vec<_> =
                tensors.iter().map(|(name, shape)| (format!("{wrapper}{name}"), shape.clone())).collect();
            let file = hollow(&folder, "file.safetensors", &borrowed(&wrapped));
            assert_eq!(identify(&file), identify(&plain), "{wrapper}{name}");
            // In a LoRA's names `unet.` is no wrapper; what counts there is the network that they speak of.
            for read in READERS.into_iter().filter(|_| !lora) {
                let list = |file: &Arc<TensorFile>| {
                    let view = read(file.clone());
                    let tensors = view.shapes().filter(|(name, _)| !is_of_the_schedule(name));
                    tensors.map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect::<Vec<_>>()
                };
                assert!(list(&file) == list(&plain), "{wrapper}{name} is read as something else");
            }
            if lora {
                let networks =
                    |file: &Arc<TensorFile>| Lora::open(file.clone()).unwrap().networks().collect::<Vec<_>>();
                assert_eq!(networks(&file), networks(&plain), "{wrapper}{name}");
            }
        }
    }
}
