//! Files of weights that are not what they should be: one sentence, no panic, no memory.

#[path = "support/networks.rs"]
mod support;

use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use proptest::prelude::*;
use unsample::weights::{Kind, MotionVersion, TensorFile, View, WeightsError, identify, list_models};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// A safetensors file from a header and as many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// A header of f16 tensors one after the other, and the length of their data.
fn header(tensors: &[(&str, &[usize])]) -> (String, usize) {
    let mut entries = Vec::new();
    let mut at = 0;
    for (name, shape) in tensors {
        let bytes = 2 * shape.iter().product::<usize>();
        entries.push(format!(
            r#""{name}":{{"dtype":"F16","shape":{shape:?},"data_offsets":[{at},{}]}}"#,
            at + bytes
        ));
        at += bytes;
    }
    (format!("{{{}}}", entries.join(",")), at)
}

fn sentence(path: &Path) -> String {
    let message = TensorFile::open(path).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn broken_files_get_a_sentence() {
    let folder = Folder::new();
    let one = r#"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("empty", vec![], "too short"),
        ("short", vec![1, 2, 3], "too short"),
        ("huge", u64::MAX.to_le_bytes().to_vec(), "not a safetensors file"),
        ("noise", (0..255).cycle().map(|i| (i * 7 + 3) as u8).take(5000).collect(), "not a safetensors file"),
        ("cut-header", file(one, 16)[..30].to_vec(), "cut off inside its header"),
        ("cut-data", file(one, 12), "cut off: the tensor `a` ends at byte"),
        ("no-json", file("{nonsense", 16), "header is not readable"),
        ("no-table", file("[1,2]", 16), "header is not readable"),
        ("pickle", b"PK\x03\x04rest of an archive".to_vec(), "a PyTorch pickle archive"),
        ("page", b"<!DOCTYPE html><html></html>".to_vec(), "a web page"),
        (
            "wrong-size",
            file(r#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}}"#, 16),
            "expected 24 bytes",
        ),
        (
            "backwards",
            file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[16,8]}}"#, 16),
            "lies at bytes 16 to 8",
        ),
        (
            "overlap",
            file(
                r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[4,12]}}"#,
                16,
            ),
            "`a` and `b` overlap",
        ),
        (
            "impossible",
            file(r#"{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#, 8),
            "impossible shape",
        ),
    ];
    for (name, bytes, expected) in cases {
        let message = sentence(&folder.write(name, &bytes));
        assert!(message.contains(name) && message.contains(expected), "{name}: {message}");
    }
    assert!(matches!(TensorFile::open("no/such/file"), Err(WeightsError::Unreadable { .. })));
    assert!(matches!(TensorFile::open(folder.0.path()), Err(WeightsError::Unreadable { .. })), "a folder");
}

#[test]
fn the_same_tensor_twice_is_refused() {
    let folder = Folder::new();
    let twice = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
    assert!(sentence(&folder.write("twice", &file(twice, 2))).contains("occurs twice"));
}

#[test]
fn values_are_read_in_every_format_and_at_odd_offsets() {
    let folder = Folder::new();
    let text = r#"{"pad":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
        "f32":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},
        "bf16":{"dtype":"BF16","shape":[2],"data_offsets":[9,13]},
        "f16":{"dtype":"F16","shape":[1,2],"data_offsets":[13,17]},
        "f64":{"dtype":"F64","shape":[],"data_offsets":[17,25]},
        "__metadata__":{"title":"odd","number":3}}"#;
    let mut bytes = file(text, 0);
    bytes.push(9);
    bytes.extend([1.5f32, -0.25].map(f32::to_le_bytes).concat());
    bytes.extend(
        [half::bf16::from_f32(3.0), half::bf16::from_f32(-2.0)].map(half::bf16::to_le_bytes).concat(),
    );
    bytes.extend([half::f16::from_f32(0.5), half::f16::from_f32(4.0)].map(half::f16::to_le_bytes).concat());
    bytes.extend(7.0f64.to_le_bytes());
    let file = TensorFile::open(folder.write("odd", &bytes)).unwrap();
    let read = |name: &str| file.tensor(name, DType::F32, &Device::Cpu);
    assert_eq!(read("f32").unwrap().to_vec1::<f32>().unwrap(), [1.5, -0.25]);
    assert_eq!(read("bf16").unwrap().to_vec1::<f32>().unwrap(), [3.0, -2.0]);
    assert_eq!(read("f16").unwrap().to_vec2::<f32>().unwrap(), [[0.5, 4.0]]);
    assert_eq!(read("f64").unwrap().to_scalar::<f32>().unwrap(), 7.0);
    assert_eq!(file.metadata()["title"], "odd");
    assert!(matches!(read("pad"), Err(WeightsError::Format { .. })));
    assert!(matches!(read("none"), Err(WeightsError::Missing { .. })));
}

#[test]
fn files_are_told_apart_by_their_tensors() {
    let folder = Folder::new();
    let module = "temporal_transformer.transformer_blocks.0.attention_blocks.0.pos_encoder.pe";
    let down = |level: usize| format!("down_blocks.{level}.motion_modules.0.{module}");
    let norm = "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight";
    let (first, third, last) = (down(0), down(2), down(3));
    let prefixed = format!("module.{last}");
    let mid = format!("mid_block.motion_modules.0.{module}");
    let unet = "model.diffusion_model.";
    let (conv_in, conv_out) = (format!("{unet}input_blocks.0.0.weight"), format!("{unet}out.2.weight"));
    let key = format!("{unet}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight");
    let pooled = format!("{unet}label_emb.0.0.weight");
    let text = "cond_stage_model.transformer.text_model.final_layer_norm.weight";
    let vae = "first_stage_model.quant_conv.weight";
    let sd: &[(&str, &[usize])] = &[
        (&conv_in, &[320, 4, 3, 3]),
        (&conv_out, &[4, 320, 3, 3]),
        (&key, &[320, 768]),
        (text, &[768]),
        (vae, &[8, 8, 1, 1]),
    ];
    let with = |more: &[(&'static str, &'static [usize])]| [sd, more].concat();
    let checkpoint = |context_width, latent_channels, vae, text| Kind::Sd15Checkpoint {
        context_width,
        latent_channels,
        vae,
        text,
    };
    let motion = |version, max_len| Kind::MotionModule { version, max_len };
    #[rustfmt::skip]
    let cases = vec![
        ("sd15", sd.to_vec(), checkpoint(768, 4, true, true), "an SD1.5 checkpoint"),
        ("no-vae", sd[..4].to_vec(), checkpoint(768, 4, false, true), "an SD1.5 checkpoint without a VAE"),
        ("pocket", vec![(&conv_in, &[32, 8, 3, 3]), (&conv_out, &[8, 32, 3, 3]), (&key, &[32, 64]), (text, &[64]), (vae, &[16, 16, 1, 1])],
            checkpoint(64, 8, true, true), "a small (text width 64) checkpoint"),
        ("inpaint", vec![(&conv_in, &[320, 9, 3, 3]), (&conv_out, &[4, 320, 3, 3]), (&key, &[320, 768])],
            Kind::Unsupported, "an SD1.5 inpainting checkpoint with 9 input channels"),
        ("sd2", vec![(&conv_in, &[320, 4, 3, 3]), (&conv_out, &[4, 320, 3, 3]), (&key, &[320, 1024])], Kind::Unsupported, "an SD2 checkpoint"),
        ("sdxl", [sd, &[(pooled.as_str(), [1280, 2816].as_slice())]].concat(), Kind::Unsupported, "an SDXL checkpoint"),
        ("lora", vec![("lora_unet_x.lora_down.weight", &[4, 4])], Kind::Unsupported, "a LoRA"),
        ("control", with(&[("control_model.zero_convs.0.0.weight", &[320, 320, 1, 1])]), Kind::Unsupported, "a ControlNet"),
        ("v1", vec![(norm, &[320]), (&first, &[1, 24, 320]), (&last, &[1, 24, 1280])], motion(MotionVersion::V1, Some(24)),
            "an AnimateDiff v1 motion module for SD1.5 (24 frames)"),
        ("v2", vec![(norm, &[320]), (&last, &[1, 32, 1280]), (&mid, &[1, 32, 1280])], motion(MotionVersion::V2, Some(32)),
            "an AnimateDiff v2 motion module for SD1.5 (32 frames)"),
        ("v3", vec![(norm, &[320]), (&prefixed, &[1, 32, 1280])], motion(MotionVersion::V3, Some(32)),
            "an AnimateDiff v3 motion module for SD1.5 (32 frames)"),
        ("xl", vec![(norm, &[320]), (&third, &[1, 32, 1280])], motion(MotionVersion::SdxlBeta, Some(32)),
            "an AnimateDiff-SDXL motion module for SDXL (32 frames)"),
        ("vae", vec![("encoder.down.0.block.0.norm1.weight", &[128]), ("decoder.conv_in.weight", &[512, 4, 3, 3])],
            Kind::Vae { latent_channels: 4 }, "a VAE with 4 latent channels"),
        ("other", vec![("something.weight", &[1])], Kind::Unknown, "not a model that Unsample knows (its first tensor is `something.weight`)"),
    ];
    for (name, tensors, kind, description) in cases {
        let (text, data) = header(&tensors);
        let file =
            TensorFile::open(folder.write(&format!("{name}.safetensors"), &file(&text, data))).unwrap();
        let identity = identify(&file);
        assert_eq!((identity.kind.clone(), identity.description.as_str()), (kind, description), "{name}");
        let refused = identity.require_checkpoint(&file, false).err().map(|error| error.to_string());
        match name {
            "sd15" | "pocket" => assert_eq!(refused, None),
            _ => assert_eq!(
                refused.unwrap(),
                format!(
                    "{name}.safetensors is {description}; a checkpoint has to be an SD1.5 single file (.safetensors) \
                     with its text encoder and VAE"
                )
            ),
        }
        assert_eq!(
            identity.require_motion_module(&file).is_ok(),
            ["v1", "v2", "v3"].contains(&name),
            "{name}"
        );
    }
    let listed = list_models(folder.0.path());
    assert_eq!(listed.len(), 14);
    assert!(listed.iter().all(|model| model.identity.is_ok() && model.size > 0));
}

#[test]
fn text_towers_come_with_and_without_text_model() {
    let folder = Folder::new();
    for part in ["text_model.", ""] {
        let norm = format!("cond_stage_model.transformer.{part}final_layer_norm.weight");
        let ids = format!("cond_stage_model.transformer.{part}embeddings.position_ids");
        let (text, data) = header(&[(&norm, &[64]), (&ids, &[1, 77])]);
        let path = folder.write("text.safetensors", &file(&text, data));
        let view = View::text(support::open(path));
        assert_eq!(view.names().collect::<Vec<_>>(), ["final_layer_norm.weight"]);
    }
}

/// The layouts that are found on people's disks, where the manifests are at hand: names and shapes become a file whose
/// data is a hole.
#[test]
fn every_known_layout_is_named() {
    let Some(manifests) = support::shared("manifests") else {
        println!("skipped: the manifests are not on this machine");
        return;
    };
    let folder = Folder::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(manifests).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Ok(manifest) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        let Some(tensors) = manifest["tensors"].as_object() else { continue };
        let tensors: Vec<(&str, Vec<usize>)> = tensors
            .iter()
            .map(|(name, shape)| (name.as_str(), serde_json::from_value(shape.clone()).unwrap()))
            .collect();
        let borrowed: Vec<(&str, &[usize])> =
            tensors.iter().map(|(name, shape)| (*name, shape.as_slice())).collect();
        let (text, data) = header(&borrowed);
        let path = folder.write("layout.safetensors", &file(&text, 0));
        let size = 8 + text.len() as u64 + data as u64;
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(size).unwrap();
        let opened = TensorFile::open(&path).unwrap();
        let identity = identify(&opened);
        println!("{name:44} {}", identity.description);
        seen += 1;
        let usable = name.starts_with("sd15_ldm_checkpoint");
        assert_eq!(
            identity.require_checkpoint(&opened, false).is_ok(),
            usable,
            "{name}: {}",
            identity.description
        );
        let motion = ["animatediff_mm_sd_v15", "animatediff_mm_sd_v15_v2", "animatediff_mm_v2_ddp_prefix"];
        let motion = motion.contains(&name.as_str())
            || ["animatediff_v3_sd15_mm", "animatelcm_sd15_t2v"].contains(&name.as_str());
        assert_eq!(
            identity.require_motion_module(&opened).is_ok(),
            motion,
            "{name}: {}",
            identity.description
        );
        let vae = usable || name == "vae_ldm_standalone";
        assert_eq!(identity.require_vae(&opened).is_ok(), vae, "{name}: {}", identity.description);
        assert_ne!(identity.kind, Kind::Unknown, "{name}");
    }
    assert!(seen > 50, "{seen} manifests");
}

/// The small containers beside the manifests: pickles are refused by name, the safetensors one is read.
#[test]
fn sample_containers() {
    let Some(samples) = support::shared("manifests/samples") else {
        println!("skipped: the samples are not on this machine");
        return;
    };
    for entry in std::fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("safetensors") => {
                let file = TensorFile::open(&path).unwrap();
                for (name, info) in file.tensors() {
                    let read = file.tensor(name, DType::F32, &Device::Cpu);
                    let float = ["F16", "BF16", "F32", "F64"].contains(&info.dtype.as_str());
                    assert_eq!(read.is_ok(), float, "{name} {}", info.dtype);
                }
            }
            Some("json") => assert!(sentence(&path).contains("not a safetensors file")),
            _ => assert!(sentence(&path).contains("ickle"), "{}", sentence(&path)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = Folder::new();
        let _ = TensorFile::open(folder.write("noise", &bytes)).map(|file| identify(&file));
    }

    #[test]
    fn no_damage_makes_the_reader_panic(at in 0usize..400, with in any::<u8>(), cut in 0usize..500) {
        let folder = Folder::new();
        let (text, data) = header(&[("a.weight", &[3, 4]), ("b.weight", &[5])]);
        let mut bytes = file(&text, data);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = with;
        }
        bytes.truncate(cut.max(1));
        if let Ok(file) = TensorFile::open(folder.write("damaged", &bytes)) {
            identify(&file);
            let names: Vec<_> = file.names().map(str::to_owned).collect();
            for name in names {
                let _ = file.tensor(&name, DType::F32, &Device::Cpu);
            }
        }
    }
}
