//! Files that fit only in part, and files that are something else: what is said of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::families::{Kind, identify};
use engine::pipeline::check_file;
use engine::weights::{Lora, Network, TensorFile, View};

use super::manifests::{Tensors, borrowed, layout};
use super::{Folder, assert_near, file, filled, header, hollow, numbers, sentence, values};

fn said(lora: &Arc<TensorFile>, views: &[(Network, View)]) -> Option<String> {
    let views: Vec<(Network, &View)> = views.iter().map(|(network, view)| (*network, view)).collect();
    Lora::open(lora.clone()).unwrap().fit(&views).sentence("ink")
}

#[test]
fn layers_of_a_lora_without_a_place_are_counted() {
    let folder = Folder::new();
    let base = hollow(&folder, "sd15", &borrowed(&layout("sd15_ldm_checkpoint")));
    let motion = |name: &str| View::motion(hollow(&folder, name, &borrowed(&layout(name))));
    let views = vec![(Network::Unet, View::unet(base.clone())), (Network::Text, View::text(base))];
    let kohya = layout("lora_kohya_sd15");
    // Not hollow: a LoRA of zeros changes nothing, and says so.
    let open = |tensors: &Tensors| {
        let (text, data) = header(&borrowed(tensors));
        let mut bytes = file(&text, 0);
        bytes.resize(bytes.len() + data, 0x11);
        super::support::open(folder.write("lora.safetensors", &bytes))
    };
    let renamed = |from: &str, to: &str| -> Tensors {
        kohya.iter().map(|(name, shape)| (name.replace(from, to), shape.clone())).collect()
    };
    assert_eq!(said(&open(&kohya), &views), None);
    let first = "text_model_encoder_layers_0_mlp_fc1.alpha";
    for (to, network) in [
        ("lora_txet_", "text encoder"),
        ("lora_te2_", "second text encoder"),
        ("lora_te_misspelt_", "text encoder"),
    ] {
        let want =
            format!("ink: 192 of 264 layers used; 72 for the {network} have no place here: {to}{first}");
        assert_eq!(said(&open(&renamed("lora_te_", to)), &views), Some(want));
    }
    let unet = said(&open(&renamed("attn2_to_k", "attn2_to_kk")), &views).unwrap();
    assert!(
        unet.starts_with("ink: 248 of 264 layers used; 16 for the UNet have no place here: lora_unet_"),
        "{unet}"
    );

    let mut mixed = kohya.clone();
    mixed.push(("lora_unet_mid_block_attentions_0_proj_in.hada_w1_a".into(), vec![4, 4]));
    mixed.push(("lora_unet_strange".into(), vec![4]));
    let mixed = said(&open(&mixed), &views).unwrap();
    assert!(mixed.contains("of the kind LoHa cannot be applied: lora_unet_mid_block"), "{mixed}");
    assert!(mixed.ends_with("1 tensor is of no known kind: lora_unet_strange"), "{mixed}");

    let lora = open(&layout("animatediff_v2_motion_lora"));
    assert_eq!(said(&lora, &[(Network::Motion, motion("animatediff_mm_sd_v15_v2"))]), None);
    let v3 = said(&lora, &[(Network::Motion, motion("animatediff_v3_sd15_mm"))]).unwrap();
    let start = "ink: 160 of 168 layers used; 8 for the motion module have no place here: mid_block.";
    assert!(v3.starts_with(start), "{v3}");
    let none = said(&lora, &views).unwrap();
    assert!(none.starts_with("ink: 0 of 168 layers used; 168 for the motion module have"), "{none}");
}

#[test]
fn full_differences_and_norms_are_added() {
    let folder = Folder::new();
    let unet = "model.diffusion_model.input_blocks.1.1";
    let base = filled(
        &folder,
        "base.safetensors",
        &[
            (&format!("{unet}.norm.weight"), &[4], numbers(4, 1)),
            (&format!("{unet}.norm.bias"), &[4], numbers(4, 2)),
            (&format!("{unet}.proj_in.weight"), &[4, 3, 1, 1], numbers(12, 3)),
        ],
    );
    let lora = filled(
        &folder,
        "full.safetensors",
        &[
            ("lora_unet_input_blocks_1_1_norm.w_norm", &[4], numbers(4, 5)),
            ("lora_unet_input_blocks_1_1_norm.b_norm", &[4], numbers(4, 6)),
            ("diffusion_model.input_blocks.1.1.proj_in.diff", &[4, 3, 1, 1], numbers(12, 7)),
        ],
    );
    assert_eq!(identify(&lora).kind, Kind::Lora { family: None });
    assert_eq!(said(&lora, &[(Network::Unet, View::unet(base.clone()))]), None);
    let lora = Arc::new(Lora::open(lora).unwrap());
    let view = View::unet(base).with_loras(Network::Unet, &[(lora, 0.5)]).unwrap();
    for (name, base, change) in [
        ("input_blocks.1.1.norm.weight", numbers(4, 1), numbers(4, 5)),
        ("input_blocks.1.1.norm.bias", numbers(4, 2), numbers(4, 6)),
        ("input_blocks.1.1.proj_in.weight", numbers(12, 3), numbers(12, 7)),
    ] {
        let want: Vec<f32> = base.iter().zip(change).map(|(base, change)| base + 0.5 * change).collect();
        assert_near(&values(&view, name), &want);
    }
}

#[test]
fn relatives_of_lora_that_cannot_be_applied_are_named() {
    let folder = Folder::new();
    for (end, name) in [("hada_w1_a", "a LoHa"), ("lokr_w1", "a LoKr")] {
        let found = identify(&hollow(&folder, "file", &[(&format!("lora_unet_x.{end}"), &[2, 2])]));
        assert_eq!(found.description, format!("{name}, a relative of LoRA that is not supported"));
    }
    let layer = "lora_unet_input_blocks_1_1_proj_in";
    let names = ["lora_down.weight", "lora_up.weight", "dora_scale"].map(|end| format!("{layer}.{end}"));
    let dora = names.each_ref().map(|name| (name.as_str(), [1, 1].as_slice()));
    assert_eq!(
        identify(&hollow(&folder, "file", &dora)).description,
        "a DoRA, a relative of LoRA that is not supported"
    );
}

#[test]
fn tensors_of_a_network_that_nothing_reads_are_counted() {
    let folder = Folder::new();
    let open = |name: &str, more: &[(&str, &[usize])]| {
        let tensors = layout(name);
        let mut tensors = borrowed(&tensors);
        tensors.extend(more);
        hollow(&folder, "file.safetensors", &tensors)
    };
    let harmless = [
        "sd15_ldm_checkpoint",
        "sd15_ldm_checkpoint_v_ema",
        "sd15_ldm_unet_only_v_noprefix",
        "sd15_diffusers_unet",
        "sd15_diffusers_vae",
        "sdxl_ldm_checkpoint",
        "sdxl_diffusers_text_encoder_2",
        "controlnet_sd15_ldm_v_fullpth",
        "controlnet_sdxl_union",
        "animatediff_mm_sd_v15_v2",
        "animatelcm_sd15_t2v",
        "hotshotxl_temporal_layers",
        "diffusers_motion_adapter_v15_3",
        "v3_sd15_sparsectrl_scribble",
        "sparsectrl_rgb_diffusers",
        "vae_ldm_standalone",
    ];
    // The values of these files are zeros, and that a network of zeros changes nothing is said as well.
    let said = |file| -> Vec<String> {
        let said = check_file(&file).unwrap().into_iter();
        said.filter(|sentence| !sentence.contains("changes nothing")).collect()
    };
    for name in harmless {
        assert_eq!(said(open(name, &[])), Vec::<String>::new(), "{name}");
    }
    for (name, extra, network) in [
        ("sd15_ldm_checkpoint", "model.diffusion_model.input_blocks.1.2.to_q.weight", "UNet"),
        ("sd15_diffusers_unet", "time_embedding.cond_proj.weight", "UNet"),
        ("sd15_ldm_checkpoint", "first_stage_model.decoder.mid.attn_2.q.weight", "VAE"),
        ("controlnet_sd15_diffusers", "controlnet_mid_block.extra.weight", "ControlNet"),
        (
            "animatediff_v3_sd15_mm",
            "down_blocks.0.motion_modules.0.temporal_transformer.camera.weight",
            "motion module",
        ),
    ] {
        assert_eq!(
            said(open(name, &[(extra, &[4, 4])])),
            [format!("file.safetensors: 1 tensor of the {network} not used: {extra}")],
            "{name}"
        );
    }
}

#[test]
fn a_file_is_checked_as_a_render_would_before_any_value_is_read() {
    let folder = Folder::new();
    let tensors = layout("sd15_ldm_checkpoint");
    let name = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight";
    let shape = tensors.iter().find(|(stored, _)| stored == name).unwrap().1.clone();
    let changed = |to: &str, shape: Vec<usize>| {
        let mut tensors = tensors.clone();
        *tensors.iter_mut().find(|(stored, _)| stored == name).unwrap() = (to.to_owned(), shape);
        let file = hollow(&folder, "file.safetensors", &borrowed(&tensors));
        check_file(&file).unwrap_err().to_string()
    };
    let renamed = changed(&name.replace("to_q", "to_qq"), shape);
    assert!(renamed.contains("to_q.weight` is missing"), "{renamed}");
    let permuted = changed(name, vec![160, 640]);
    assert!(permuted.contains("has the shape [160, 640]"), "{permuted}");
    // A network of integers.
    let plain = hollow(&folder, "file.safetensors", &borrowed(&tensors));
    let bytes = std::fs::read(plain.path()).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    let path = folder.write("integers.safetensors", &file(&header.replace("\"F16\"", "\"I16\""), 0));
    let data = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    data.set_len(bytes.len() as u64).unwrap();
    let integers = check_file(&super::support::open(path)).unwrap_err().to_string();
    assert!(integers.contains("holds 16-bit integers, which are not supported"), "{integers}");
}

#[test]
fn what_is_no_model_is_named() {
    let folder = Folder::new();
    let tar = [vec![b'a'; 257], b"ustar\0".to_vec(), vec![0; 300]].concat();
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("a", b"\x89PNG\r\n\x1a\nIHDR....".to_vec(), "a PNG picture"),
        ("b", b"\xff\xd8\xff\xe0....JFIF....".to_vec(), "a JPEG picture"),
        ("c", b"\0\0\0\x20ftypisom........".to_vec(), "a video or picture (MP4, MOV or HEIF)"),
        ("d", b"GGUF\x03\0\0\0........".to_vec(), "a GGUF file, which is not supported"),
        ("e", b"\x08\x07\x12\x07pytorch........".to_vec(), "an ONNX model, which is not supported"),
        ("f", b"prompt: a pencil sketch\nsteps: 20\n".to_vec(), "a text"),
        ("g", "ein Bild, gemalt wie früher: ein Aquarell".into(), "a text"),
        ("h", vec![0; 4096], "all zeros, as after a download that was never filled; fetch the file again"),
        ("i", tar, "a tar archive; unpack it and choose the file of weights in it"),
        (
            "j",
            b"  <!DOCTYPE HTML><html>".to_vec(),
            "a web page, as after a download that went wrong; fetch the file again",
        ),
        (
            "k",
            b"\x1f\x8b\x08\0\0\0\0\0....".to_vec(),
            "a compressed archive; unpack it and choose the file of weights in it",
        ),
        ("l", b"RIFF\x24\0\0\0WAVEfmt ".to_vec(), "a sound (WAV)"),
    ];
    for (name, bytes, want) in cases {
        let said = sentence(&folder.write(name, &bytes));
        let advice = if want.contains(';') { "" } else { "; choose a safetensors file or a PyTorch pickle" };
        assert!(said.ends_with(&format!(": the file is {want}{advice}")), "{said}");
    }
    let noise: Vec<u8> = (0..255).cycle().map(|i| (i * 7 + 3) as u8).take(5000).collect();
    assert!(sentence(&folder.write("m", &noise)).ends_with("not a safetensors file, nor a PyTorch pickle"));
}

#[test]
fn models_that_cannot_be_used_are_called_by_name() {
    let folder = Folder::new();
    let found = |names: &[&str]| {
        let tensors: Vec<(&str, &[usize])> = names.iter().map(|name| (*name, [4, 4].as_slice())).collect();
        identify(&hollow(&folder, "file", &tensors)).description
    };
    let mut seen = BTreeSet::new();
    for (names, want) in [
        (&["double_blocks.0.img_attn.qkv.weight", "txt_in.weight"][..], "a Flux model"),
        (&["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"], "an SD3 model"),
        (&["model.diffusion_model.clip_txt_mapper.weight"], "a Stable Cascade model"),
        (&["transformer_blocks.0.a.weight", "adaln_single.linear.weight"], "a PixArt or LTX-Video model"),
        (
            &[
                "model.diffusion_model.input_blocks.1.0.time_stack.in_layers.0.weight",
                "model.diffusion_model.time_mixer.x",
            ],
            "a Stable Video Diffusion model",
        ),
        (&["encoder.block.0.layer.0.SelfAttention.q.weight"], "a T5 text encoder"),
        (&["image_proj.norm.weight", "ip_adapter.1.to_k_ip.weight"], "an IP-Adapter"),
        (&["vision_model.encoder.layers.0.mlp.fc1.weight"], "a CLIP image encoder"),
        (
            &["input_blocks.0.0.weight", "out.2.weight", "out.2.weight.quant_state.bitsandbytes__nf4"],
            "a model quantised to 4 bits (bitsandbytes)",
        ),
        (
            &["input_blocks.0.0.weight", "out.2.weight", "out.2.SCB"],
            "a model quantised to 8-bit integers (bitsandbytes)",
        ),
    ] {
        assert_eq!(found(names), format!("{want}, which is not supported"));
        seen.insert(want);
    }
    assert_eq!(seen.len(), 10);
}

#[test]
fn alphas_in_the_metadata_of_peft_count() {
    let folder = Folder::new();
    let base = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1";
    let names = ["to_q", "to_k"].map(|layer| format!("{base}.{layer}.weight"));
    let base = filled(
        &folder,
        "base.safetensors",
        &names.each_ref().map(|name| (name.as_str(), [2, 2].as_slice(), vec![0.0; 4])),
    );
    let layer = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1";
    for (metadata, want) in [
        ("", [1.0, 1.0]),
        (r#"{"unet.r": 2, "unet.lora_alpha": 8, "text_encoder.lora_alpha": 3}"#, [4.0, 4.0]),
        (r#"{"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_k": 1}}"#, [4.0, 0.5]),
        (r#"{"unet.lora_alpha": 8, "unet.use_rslora": true}"#, [4.0 * 2f32.sqrt(), 4.0 * 2f32.sqrt()]),
    ] {
        let ones = [1f32.to_le_bytes(); 4].concat();
        let tensor =
            |shape| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &ones).unwrap();
        let pair = |name: &str| {
            ["A", "B"].map(|end| (format!("{layer}.{name}.lora_{end}.weight"), tensor(vec![2, 2])))
        };
        let tensors: Vec<_> = ["to_q", "to_k"].iter().flat_map(|name| pair(name)).collect();
        let path = folder.0.path().join("lora.safetensors");
        let metadata =
            std::collections::HashMap::from([("lora_adapter_metadata".to_owned(), metadata.to_owned())]);
        safetensors::serialize_to_file(tensors, Some(metadata), &path).unwrap();
        let lora = Arc::new(Lora::open(super::support::open(path)).unwrap());
        let view = View::unet(base.clone()).with_loras(Network::Unet, &[(lora, 1.0)]).unwrap();
        for (name, factor) in names.iter().zip(want) {
            // Every value of the product is 2.
            assert_near(
                &values(&view, name.strip_prefix("model.diffusion_model.").unwrap()),
                &[2.0 * factor; 4],
            );
        }
    }
}

#[test]
fn parts_that_were_cut_out_of_a_checkpoint_keep_its_names() {
    let folder = Folder::new();
    let cut = |name: &str, start: &str| {
        let mut tensors = layout(name);
        tensors.retain(|(name, _)| name.starts_with(start));
        identify(&hollow(&folder, "part.safetensors", &borrowed(&tensors)))
    };
    for (name, start, found) in [
        ("sd15_ldm_checkpoint", "first_stage_model.", "a VAE with 4 latent channels"),
        ("sd15_ldm_checkpoint", "cond_stage_model.", "a CLIP-L text encoder (width 768)"),
        ("sdxl_ldm_checkpoint", "conditioner.", "two text encoders (widths 768 and 1280)"),
        ("sdxl_ldm_checkpoint", "conditioner.embedders.1.", "an OpenCLIP bigG text encoder (width 1280)"),
    ] {
        assert_eq!(cut(name, start).description, found, "{name}: {start}");
    }
}
