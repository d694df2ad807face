//! Diffusers folders, and the folders where models are looked for.

use engine::families::{Family, Kind, identify, list_models};
use engine::weights::{TensorFile, View};

use super::{Folder, file, header, support};

/// A file of f16 zeros.
fn zeros(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let (text, data) = header(tensors);
    file(&text, data)
}

fn unet() -> Vec<u8> {
    zeros(&[
        ("conv_in.weight", &[4, 4, 1, 1]),
        ("time_embedding.linear_1.weight", &[1, 1]),
        ("conv_out.weight", &[4, 4, 1, 1]),
        ("down_blocks.0.resnets.1.norm1.weight", &[4]),
        ("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight", &[4, 768]),
    ])
}

fn checkpoint(folder: &Folder) {
    for name in ["unet", "vae", "text_encoder", "tokenizer"] {
        std::fs::create_dir_all(folder.0.path().join(name)).unwrap();
    }
    folder.write("model_index.json", b"{}");
    folder.write("unet/config.json", b"{}");
    folder.write("unet/diffusion_pytorch_model.safetensors", &unet());
    folder.write("unet/diffusion_pytorch_model.fp16.safetensors", b"not looked at");
    folder.write(
        "vae/diffusion_pytorch_model.fp16.safetensors",
        &zeros(&[
            ("quant_conv.weight", &[8, 8, 1, 1]),
            ("encoder.down_blocks.0.resnets.0.norm1.weight", &[1]),
        ]),
    );
    folder.write(
        "text_encoder/model-00001-of-00002.safetensors",
        &zeros(&[("text_model.final_layer_norm.weight", &[768])]),
    );
    folder.write(
        "text_encoder/model-00002-of-00002.safetensors",
        &zeros(&[("text_model.final_layer_norm.bias", &[768])]),
    );
    let index = r#"{"metadata":{},"weight_map":{"text_model.final_layer_norm.weight":"model-00001-of-00002.safetensors","text_model.final_layer_norm.bias":"model-00002-of-00002.safetensors"}}"#;
    folder.write("text_encoder/model.safetensors.index.json", index.as_bytes());
}

#[test]
fn a_folder_is_a_checkpoint() {
    let folder = Folder::new();
    checkpoint(&folder);
    for path in [folder.0.path().to_path_buf(), folder.0.path().join("model_index.json")] {
        let file = support::open(path);
        let identity = identify(&file);
        let kind = Kind::Checkpoint {
            family: Family::SD15,
            context_width: 768,
            latent_channels: 4,
            vae: true,
            text: true,
        };
        assert_eq!((identity.kind.clone(), identity.description.as_str()), (kind, "an SD1.5 checkpoint"));
        assert!(identity.require_checkpoint(&file).is_ok());
        assert_eq!(View::unet(file.clone()).shape("out.2.weight"), Some([4, 4, 1, 1].as_slice()));
        assert_eq!(View::vae(file.clone()).len(), 2);
        assert_eq!(
            View::text(file.clone()).names().collect::<Vec<_>>(),
            ["final_layer_norm.bias", "final_layer_norm.weight"]
        );
        assert_eq!(file.file_name(), folder.0.path().file_name().unwrap().to_string_lossy());
    }
    let single = support::open(folder.0.path().join("unet/config.json"));
    assert_eq!(identify(&single).description, "an SD1.5 UNet file without VAE and text encoder");
}

#[test]
fn broken_folders_get_a_sentence() {
    let folder = Folder::new();
    let sentence = || TensorFile::open(folder.0.path()).unwrap_err().to_string();
    assert!(sentence().contains("a folder without the files of a diffusers model"), "{}", sentence());
    checkpoint(&folder);
    let index = "text_encoder/model.safetensors.index.json";
    for (list, expected) in [
        (
            r#"{"weight_map":{"a":"../../secret.safetensors"}}"#,
            "names the shard `../../secret.safetensors` outside of its folder",
        ),
        (r#"{"weight_map":{"a":".."}}"#, "outside of its folder"),
        (r#"{"weight_map":{"a":"gone.safetensors"}}"#, "gone.safetensors: the file cannot be read"),
        (r#"{"weight_map":3}"#, "the list of shards is not readable"),
        (
            r#"{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"copy.safetensors"}}"#,
            "the tensor `text_encoder/text_model.final_layer_norm.weight` is in another shard already",
        ),
    ] {
        folder.write(
            "text_encoder/copy.safetensors",
            &zeros(&[("text_model.final_layer_norm.weight", &[768])]),
        );
        folder.write(index, list.as_bytes());
        let message = if list.contains("copy") {
            folder.write(index, list.replace("model-00001-of-00002", "copy2").as_bytes());
            folder.write(
                "text_encoder/copy2.safetensors",
                &zeros(&[("text_model.final_layer_norm.weight", &[768])]),
            );
            sentence()
        } else {
            sentence()
        };
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn lists_know_the_folders_of_other_programs() {
    let vae =
        zeros(&[("encoder.down.0.block.0.norm1.weight", &[1]), ("decoder.conv_in.weight", &[1, 4, 3, 3])]);
    for (places, hidden) in [
        (
            [
                "models/checkpoints/sdxl/a.safetensors",
                "custom_nodes/ComfyUI-AnimateDiff-Evolved/models/b.ckpt",
            ],
            "venv/lib/c.bin",
        ),
        (
            ["models/Stable-diffusion/a.safetensors", "extensions/sd-webui-animatediff/model/b.pth"],
            "repositories/c.pt",
        ),
        (["a.safetensors", "deep/er/b.SAFETENSORS"], "too/deep/for/a/list/c.safetensors"),
    ] {
        let folder = Folder::new();
        for place in places.iter().chain([&hidden]) {
            std::fs::create_dir_all(folder.0.path().join(place).parent().unwrap()).unwrap();
            folder.write(place, &vae);
        }
        folder.write("notes.txt", b"text");
        let listed = list_models(folder.0.path());
        let mut found: Vec<_> = listed
            .iter()
            .map(|model| model.path.strip_prefix(folder.0.path()).unwrap().to_path_buf())
            .collect();
        found.sort();
        let mut want = places.map(std::path::PathBuf::from).to_vec();
        want.sort();
        assert_eq!(found, want);
        assert!(
            listed.iter().all(|model| model.identity.as_ref().unwrap().kind
                == Kind::Vae { family: None, latent_channels: 4 })
        );
    }
    let folder = Folder::new();
    std::fs::create_dir(folder.0.path().join("one")).unwrap();
    let inside = Folder(tempfile::tempdir_in(folder.0.path().join("one")).unwrap());
    checkpoint(&inside);
    let listed = list_models(folder.0.path());
    assert_eq!(listed.len(), 1, "a diffusers folder is one model");
    assert_eq!(listed[0].path, inside.0.path());
    assert!(listed[0].size > 0 && listed[0].identity.is_ok());
}

#[cfg(unix)]
#[test]
fn links_are_followed_once() {
    let folder = Folder::new();
    let elsewhere = Folder::new();
    let vae =
        zeros(&[("encoder.down.0.block.0.norm1.weight", &[1]), ("decoder.conv_in.weight", &[1, 4, 3, 3])]);
    let path = elsewhere.write("vae.safetensors", &vae);
    std::os::unix::fs::symlink(&path, folder.0.path().join("linked.safetensors")).unwrap();
    std::os::unix::fs::symlink(elsewhere.0.path(), folder.0.path().join("more")).unwrap();
    std::os::unix::fs::symlink(folder.0.path(), folder.0.path().join("round")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.0.path().join("broken.ckpt")).unwrap();
    let listed = list_models(folder.0.path());
    let [broken, linked] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(linked.path, folder.0.path().join("linked.safetensors"));
    assert_eq!(linked.size, vae.len() as u64);
    let said = broken.identity.as_ref().unwrap_err().to_string();
    let path = folder.0.path().join("broken.ckpt");
    assert_eq!(said, format!("{} is a link to nowhere, which is not there", path.display()));
}
