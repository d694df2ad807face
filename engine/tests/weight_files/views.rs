//! Values on their way from a file to a canonical name.

use candle_core::{DType, Device};
use engine::weights::View;

use super::{Folder, assert_near, file, filled, numbers, support, values};

#[test]
fn open_clip_is_read_as_hugging_face() {
    let folder = Folder::new();
    let prefix = "conditioner.embedders.1.model.";
    let (layer, projection) =
        (format!("{prefix}transformer.resblocks.3."), format!("{prefix}text_projection"));
    let (weight, bias, fc) = (
        format!("{layer}attn.in_proj_weight"),
        format!("{layer}attn.in_proj_bias"),
        format!("{layer}mlp.c_proj.weight"),
    );
    let (scale, position) = (format!("{prefix}logit_scale"), format!("{prefix}positional_embedding"));
    let (all, biases, matrix) = (numbers(12, 1), numbers(6, 2), numbers(4, 3));
    let file = filled(
        &folder,
        "xl.safetensors",
        &[
            (&weight, &[6, 2], all.clone()),
            (&bias, &[6], biases.clone()),
            (&fc, &[2, 2], numbers(4, 4)),
            (&projection, &[2, 2], matrix.clone()),
            (&scale, &[], vec![1.0]),
            (&position, &[1, 2], vec![1.0, 2.0]),
        ],
    );
    let view = View::text_2(file);
    for (i, part) in ["q_proj", "k_proj", "v_proj"].iter().enumerate() {
        let name = format!("encoder.layers.3.self_attn.{part}");
        assert_eq!(view.shape(&format!("{name}.weight")), Some([2, 2].as_slice()));
        assert_eq!(values(&view, &format!("{name}.weight")), all[4 * i..4 * i + 4]);
        assert_eq!(values(&view, &format!("{name}.bias")), biases[2 * i..2 * i + 2]);
    }
    assert_eq!(values(&view, "text_projection.weight"), [matrix[0], matrix[2], matrix[1], matrix[3]]);
    assert_eq!(values(&view, "embeddings.position_embedding.weight"), [1.0, 2.0]);
    assert_eq!(values(&view, "encoder.layers.3.mlp.fc2.weight"), numbers(4, 4));
    assert_eq!(view.len(), 9);
    // A merged file may have the linear layer's orientation, said by its name.
    let merged =
        filled(&folder, "merged.safetensors", &[(&format!("{projection}.weight"), &[2, 2], matrix.clone())]);
    assert_eq!(values(&View::text_2(merged), "text_projection.weight"), matrix);
}

#[test]
fn rows_that_do_not_divide_stay_whole() {
    let folder = Folder::new();
    let file = filled(
        &folder,
        "odd.safetensors",
        &[("transformer.resblocks.0.attn.in_proj_weight", &[4, 1], numbers(4, 1))],
    );
    let view = View::text_2(file);
    assert_eq!(view.shape("encoder.layers.0.self_attn.k_proj.weight"), Some([4, 1].as_slice()));
    assert_eq!(values(&view, "encoder.layers.0.self_attn.k_proj.weight"), numbers(4, 1));
}

#[test]
fn a_difference_is_added_to_its_base() {
    let folder = Folder::new();
    let base = filled(
        &folder,
        "base.safetensors",
        &[
            ("model.diffusion_model.time_embed.0.weight", &[2, 2], numbers(4, 1)),
            ("model.diffusion_model.input_blocks.0.0.weight", &[1, 3], numbers(3, 2)),
        ],
    );
    let control = filled(
        &folder,
        "control.safetensors",
        &[
            ("control_model.time_embed.0.weight", &[2, 2], numbers(4, 3)),
            ("control_model.input_blocks.0.0.weight", &[1, 2], numbers(2, 4)),
            ("control_model.zero_convs.0.0.weight", &[1], vec![7.0]),
            ("difference", &[], vec![1.0]),
        ],
    );
    let view = View::control(control).added_to(View::unet(base));
    let sum: Vec<f32> = numbers(4, 1).iter().zip(numbers(4, 3)).map(|(a, b)| a + b).collect();
    assert_near(&values(&view, "time_embed.0.weight"), &sum);
    assert_eq!(values(&view, "input_blocks.0.0.weight"), numbers(2, 4), "another shape is not added");
    assert_eq!(values(&view, "zero_convs.0.0.weight"), [7.0]);
}

/// A UNet with an 8-bit weight [[1, -2.5], [448, 1/512]] and a tensor of these f32 beside it.
fn eight_bit(folder: &Folder, beside: &str, shape: &[usize], scales: &[f32]) -> View {
    let end = 4 + 4 * scales.len();
    let text = format!(
        r#"{{"model.diffusion_model.out.2.weight":{{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}},
        "model.diffusion_model.out.2.{beside}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[4,{end}]}}}}"#
    );
    let mut bytes = file(&text, 0);
    bytes.extend([0x38, 0xc2, 0x7e, 0x01]);
    bytes.extend(scales.iter().flat_map(|scale| scale.to_le_bytes()));
    View::unet(support::open(folder.write("fp8.safetensors", &bytes)))
}

#[test]
fn rows_of_eight_bit_weights_have_scales_of_their_own() {
    let folder = Folder::new();
    for name in ["weight_scale", "scale_weight", "weight_scale_inv"] {
        for shape in [&[2][..], &[2, 1]] {
            let view = eight_bit(&folder, name, shape, &[0.5, -4.0]);
            view.check("out.2.weight").unwrap();
            assert_eq!(
                values(&view, "out.2.weight"),
                [0.5, -1.25, -1792.0, -1.0 / 128.0],
                "{name} {shape:?}"
            );
            assert_eq!(view.len(), 1);
        }
        let one = eight_bit(&folder, name, &[1, 1], &[0.5]);
        assert_eq!(values(&one, "out.2.weight"), [0.5, -1.25, 224.0, 1.0 / 1024.0], "{name}");
    }
    let input = eight_bit(&folder, "input_scale", &[2], &[3.0, 3.0]);
    assert_eq!(values(&input, "out.2.weight"), [1.0, -2.5, 448.0, 1.0 / 512.0]);
}

#[test]
fn scales_that_cannot_be_applied_are_refused() {
    let folder = Folder::new();
    for (name, shape) in [
        ("weight_scale", &[1, 2][..]),
        ("weight_scale", &[2, 2]),
        ("scale_weight", &[3]),
        ("weight_scale_inv", &[1, 2]),
        ("weight.scale", &[2]),
        ("weight_zero_point", &[1]),
    ] {
        let count = shape.iter().product();
        let view = eight_bit(&folder, name, shape, &vec![0.5; count]);
        let want = format!(
            "fp8.safetensors: the 8-bit tensor `model.diffusion_model.out.2.weight` comes with the scales \
             `model.diffusion_model.out.2.{name}` {shape:?}, which cannot be applied; choose a file with one scale for a tensor \
             or for a row of it, or with 16 bits"
        );
        assert_eq!(view.check("out.2.weight").unwrap_err().to_string(), want);
        assert_eq!(view.tensor("out.2.weight", DType::F32, &Device::Cpu).unwrap_err().to_string(), want);
    }
    let nan = eight_bit(&folder, "weight_scale", &[], &[f32::NAN]);
    let said = nan.tensor("out.2.weight", DType::F32, &Device::Cpu).unwrap_err().to_string();
    assert!(said.contains("the tensor `model.diffusion_model.out.2.weight_scale` holds NaN"), "{said}");
    let nan = eight_bit(&folder, "weight_scale", &[2], &[1.0, f32::NAN]);
    let said = nan.tensor("out.2.weight", DType::F32, &Device::Cpu).unwrap_err().to_string();
    assert!(said.contains("the tensor `model.diffusion_model.out.2.weight_scale` holds NaN"), "{said}");
}

#[test]
fn eight_bit_weights_are_scaled() {
    let folder = Folder::new();
    let text = r#"{"model.diffusion_model.out.2.weight":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},
        "model.diffusion_model.out.2.bias":{"dtype":"F8_E5M2","shape":[2],"data_offsets":[4,6]},
        "model.diffusion_model.out.0.weight":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[6,7]},
        "model.diffusion_model.out.2.scale_weight":{"dtype":"F32","shape":[],"data_offsets":[7,11]},
        "scaled_fp8":{"dtype":"F8_E4M3","shape":[0],"data_offsets":[11,11]}}"#;
    let mut bytes = file(text, 0);
    bytes.extend([0x38, 0xc2, 0x7e, 0x01, 0x3c, 0xc1, 0x40]);
    bytes.extend(0.5f32.to_le_bytes());
    let view = View::unet(support::open(folder.write("fp8.safetensors", &bytes)));
    assert_eq!(values(&view, "out.2.weight"), [0.5, -1.25, 224.0, 1.0 / 1024.0]);
    assert_eq!(values(&view, "out.2.bias"), [1.0, -2.5]);
    assert_eq!(values(&view, "out.0.weight"), [2.0]);
    assert_eq!(view.len(), 3);
    let half = view.tensor("out.2.weight", DType::F16, &Device::Cpu).unwrap();
    assert_eq!(half.dtype(), DType::F16);
}
