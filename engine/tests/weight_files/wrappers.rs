//! Every layout behind every kind of wrapper is what it is without one.

use std::sync::Arc;

use engine::families::identify;
use engine::weights::{Lora, TensorFile, View};

use super::manifests::{borrowed, every_layout, layout};
use super::{Folder, hollow};

type Reader = fn(Arc<TensorFile>) -> View;
const READERS: [Reader; 7] =
    [View::unet, View::control, View::vae, View::text, View::text_2, View::motion, View::annotator];

#[test]
fn every_layout_is_known_behind_wrappers() {
    let folder = Folder::new();
    let wrappers =
        ["state_dict.", "module.", "net.", "unet.", "animatediff.", "model.", "_orig_mod.", "x.module.y."];
    for name in every_layout() {
        let tensors = layout(name);
        let plain = hollow(&folder, "file.safetensors", &borrowed(&tensors));
        let lora = name.contains("lora") || name.ends_with("_adapter");
        for wrapper in wrappers {
            let wrapped: Vec<_> =
                tensors.iter().map(|(name, shape)| (format!("{wrapper}{name}"), shape.clone())).collect();
            let file = hollow(&folder, "file.safetensors", &borrowed(&wrapped));
            assert_eq!(identify(&file), identify(&plain), "{wrapper}{name}");
            // In a LoRA's names `unet.` is no wrapper; what counts there is the network that they speak of.
            for read in READERS.into_iter().filter(|_| !lora) {
                let list = |file: &Arc<TensorFile>| {
                    let view = read(file.clone());
                    view.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect::<Vec<_>>()
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
