//! Files whose data are not what was saved: zeros where trained weights never are zero, and values that are no numbers.

use super::*;
use engine::families::Identity;

fn built_in(name: &str) -> PathBuf {
    testing::root().join("bundle/models").join(name)
}

/// A copy of a file of the built-in model with its data changed; `change` gets the data and where each tensor lies in them.
fn changed(
    folder: &Folder,
    name: &str,
    change: impl Fn(&mut [u8], &dyn Fn(&str) -> std::ops::Range<usize>),
) -> Arc<TensorFile> {
    let mut bytes = std::fs::read(built_in(name)).unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let place = |tensor: &str| {
        let ends = &header[tensor]["data_offsets"];
        let end = |i: usize| ends[i].as_u64().unwrap_or_else(|| panic!("no tensor {tensor}")) as usize;
        end(0)..end(1)
    };
    change(&mut bytes[8 + length..], &place);
    support::open(folder.write(name, &bytes))
}

fn verdict(file: &Arc<TensorFile>) -> Result<(), String> {
    let identity: Identity = identify(file);
    identity.require_sound(file).map_err(|error| error.to_string())
}

const CHECKPOINT: &str = "pocket.safetensors";
const UNET: &str = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight";

#[test]
fn the_built_in_model_is_sound() {
    for name in [CHECKPOINT, "pocket_motion.safetensors", "pocket_lines.safetensors"] {
        assert_eq!(verdict(&support::open(built_in(name))), Ok(()));
    }
}

#[test]
fn a_weight_or_gain_of_zeros_is_named() {
    let folder = Folder::new();
    for tensor in [
        UNET,
        "model.diffusion_model.input_blocks.1.0.in_layers.0.weight",
        "first_stage_model.decoder.conv_in.weight",
        "cond_stage_model.transformer.text_model.final_layer_norm.weight",
    ] {
        let file = changed(&folder, CHECKPOINT, |data, place| data[place(tensor)].fill(0));
        let found = verdict(&file).unwrap_err();
        let wanted = format!("{CHECKPOINT} is damaged: the tensor `{tensor}` holds nothing but zeros");
        assert!(found.starts_with(&wanted), "{found}");
    }
}

#[test]
fn what_may_be_zero_is_no_damage() {
    let folder = Folder::new();
    let zeroed = |name: &str, tensors: &[&str]| {
        verdict(&changed(&folder, name, |data, place| tensors.iter().for_each(|t| data[place(t)].fill(0))))
    };
    let bias = "model.diffusion_model.input_blocks.1.0.in_layers.0.bias";
    assert_eq!(zeroed(CHECKPOINT, &[bias]), Ok(()));
    let module = "down_blocks.0.motion_modules.0.temporal_transformer.proj_out.weight";
    assert_eq!(zeroed("pocket_motion.safetensors", &[module]), Ok(()));
    let lines = support::open(built_in("pocket_lines.safetensors"));
    let zero: Vec<&str> = lines.names().filter(|name| name.contains("zero_convs")).collect();
    assert!(!zero.is_empty());
    assert_eq!(zeroed("pocket_lines.safetensors", &zero), Ok(()));
}

#[test]
fn a_download_that_broke_off_is_damage() {
    let folder = Folder::new();
    for name in [CHECKPOINT, "pocket_motion.safetensors", "pocket_lines.safetensors"] {
        let empty = changed(&folder, name, |data, _| data.fill(0));
        assert!(verdict(&empty).unwrap_err().contains("is damaged: the tensor `"), "{name}");
        let half = changed(&folder, name, |data, _| {
            let middle = data.len() / 2;
            data[middle..].fill(0);
        });
        assert!(verdict(&half).unwrap_err().contains("others hold nothing but zeros"), "{name}");
    }
}

/// The built-in checkpoint without the tensors that `part` does not take, those of its autoencoder last.
fn autoencoder_last(folder: &Folder, part: impl Fn(&str) -> bool) -> (PathBuf, Arc<TensorFile>) {
    let bytes = std::fs::read(built_in(CHECKPOINT)).unwrap();
    let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut names: Vec<String> =
        all.names().into_iter().filter(|name| part(name)).map(str::to_owned).collect();
    names.sort_by_key(|name| (name.starts_with("first_stage_model."), name.clone()));
    let (mut header, mut data) = (Vec::new(), Vec::<u8>::new());
    for name in names {
        let tensor = all.tensor(&name).unwrap();
        let start = data.len();
        data.extend(tensor.data());
        header.push(format!(
            r#""{name}":{{"dtype":"{}","shape":{:?},"data_offsets":[{start},{}]}}"#,
            tensor.dtype(),
            tensor.shape(),
            data.len()
        ));
    }
    let mut file = file(&format!("{{{}}}", header.join(",")), 0);
    file.extend(data);
    let path = folder.write("last.safetensors", &file);
    (path.clone(), support::open(path))
}

#[test]
fn zeros_that_an_autoencoder_has_by_design_are_no_damage_wherever_they_stand() {
    let folder = Folder::new();
    for lacks in ["nothing", "cond_stage_model."] {
        let (path, file) = autoencoder_last(&folder, |name| !name.starts_with(lacks));
        assert_eq!(verdict(&file), Ok(()), "without {lacks}");
        // A download that broke off is found all the same, within the autoencoder and before it.
        let mut bytes = std::fs::read(path).unwrap();
        for end in [1_000_000, 10_000_000] {
            let from = bytes.len() - end;
            bytes[from..].fill(0);
            let broken = support::open(folder.write("broken.safetensors", &bytes));
            assert!(verdict(&broken).unwrap_err().contains("nothing but zeros"), "the last {end} bytes");
        }
    }
}

#[test]
fn a_lora_may_have_layers_of_zeros_but_no_end_of_zeros() {
    let folder = Folder::new();
    let layer = |block: usize, role: &str| {
        format!("lora_unet_input_blocks_{block}_1_transformer_blocks_0_attn1_to_q.lora_{role}.weight")
    };
    let lora = |name: &str, fill: &dyn Fn(usize, &mut Vec<f32>)| {
        let names: Vec<String> =
            [1, 2, 4].iter().flat_map(|block| ["down", "up"].map(|role| layer(*block, role))).collect();
        let tensors: Vec<(&str, &[usize], Vec<f32>)> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let mut values: Vec<f32> = (0..256).map(|v| 0.5 + v as f32).collect();
                fill(i, &mut values);
                let shape: &[usize] = if name.contains("down") { &[4, 64] } else { &[64, 4] };
                (name.as_str(), shape, values)
            })
            .collect();
        verdict(&filled(&folder, name, &tensors))
    };
    assert_eq!(lora("whole", &|_, _| ()), Ok(()));
    let untrained = |i: usize, values: &mut Vec<f32>| values.fill(if i % 2 == 1 { 0.0 } else { 1.0 });
    assert_eq!(lora("untrained", &untrained), Ok(()));
    // Blocks that a merge has switched off: whole layers.
    let off = |i: usize, values: &mut Vec<f32>| values.fill(if i >= 2 { 0.0 } else { 1.0 });
    assert_eq!(lora("off", &off), Ok(()));
    let broken = |i: usize, values: &mut Vec<f32>| {
        values[if i < 2 {
            256
        } else if i == 2 {
            100
        } else {
            0
        }..]
            .fill(0.0)
    };
    let found = lora("broken", &broken).unwrap_err();
    assert!(found.contains(&format!("from the middle of the tensor `{}`", layer(2, "down"))), "{found}");
    assert!(lora("empty", &|_, values| values.fill(0.0)).unwrap_err().contains("nothing but zeros"));
}

#[test]
fn doubles_that_no_float_holds_are_told_from_what_is_no_number() {
    let folder = Folder::new();
    let read = |value: f64| {
        let mut bytes = super::file(r#"{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}"#, 0);
        bytes.extend([1.0, value].map(f64::to_le_bytes).concat());
        let file = TensorFile::open(folder.write("wide.safetensors", &bytes)).unwrap();
        file.tensor("a", super::DType::F32, &super::Device::Cpu).unwrap_err().to_string()
    };
    assert_eq!(
        read(1e300),
        "wide.safetensors: the tensor `a` holds values that pass the range of 32-bit floats; choose a file with smaller ones"
    );
    assert!(read(f64::NAN).contains("NaN or infinite values"));
    assert!(read(f64::INFINITY).contains("NaN or infinite values"));
}

#[test]
fn a_value_that_is_no_number_is_refused_with_its_tensor() {
    let folder = Folder::new();
    for strange in [f32::NAN, f32::INFINITY] {
        let file = changed(&folder, CHECKPOINT, |data, place| {
            let place = place(UNET);
            let bytes = half::f16::from_f32(strange).to_le_bytes();
            data[place.end - 2..place.end].copy_from_slice(&bytes);
        });
        let name = UNET.strip_prefix("model.diffusion_model.").unwrap();
        for dtype in [DType::F32, DType::F16] {
            let error = View::unet(file.clone()).tensor(name, dtype, &Device::Cpu).unwrap_err().to_string();
            let wanted = format!("{CHECKPOINT} is damaged: the tensor `{UNET}` holds NaN or infinite values");
            assert!(error.starts_with(&wanted), "{error}");
        }
    }
}
