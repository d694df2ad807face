//! Small files that show one layout each.

use engine::families::{Family, Kind, MotionVersion, identify, list_models};
use engine::weights::View;

use super::{Folder, file, header, hollow, support};

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
    let checkpoint = |context_width, latent_channels, vae, text| Kind::Checkpoint {
        family: if context_width == 768 { Family::SD15 } else { Family::SMALL },
        context_width,
        latent_channels,
        vae,
        text,
    };
    let motion = |version, max_len| Kind::MotionModule { family: Family::SD15, version, max_len };
    let control = Kind::ControlNet { family: Family::SD15, union: false, difference: false };
    let blocks: Vec<(String, &[usize])> = [(4, 2), (5, 2), (7, 10), (8, 10)]
        .into_iter()
        .flat_map(|(block, depth)| (0..depth).map(move |depth| (block, depth)))
        .map(|(block, depth)| {
            format!("{unet}input_blocks.{block}.1.transformer_blocks.{depth}.attn2.to_k.weight")
        })
        .map(|name| (name, [640, 2048].as_slice()))
        .collect();
    let towers = [
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight",
        "conditioner.embedders.1.model.ln_final.weight",
    ];
    let sdxl: Vec<(&str, &[usize])> = blocks
        .iter()
        .map(|(name, shape)| (name.as_str(), *shape))
        .chain([
            (conv_in.as_str(), [320, 4, 3, 3].as_slice()),
            (&conv_out, &[4, 320, 3, 3]),
            (&pooled, &[1280, 2816]),
            (vae, &[8, 8, 1, 1]),
        ])
        .chain(towers.map(|name| (name, [768].as_slice())))
        .collect();
    #[rustfmt::skip]
    let cases = vec![
        ("sd15", sd.to_vec(), checkpoint(768, 4, true, true), "an SD1.5 checkpoint"),
        ("no-vae", sd[..4].to_vec(), checkpoint(768, 4, false, true), "an SD1.5 checkpoint without a VAE"),
        ("pocket", vec![(&conv_in, &[32, 8, 3, 3]), (&conv_out, &[8, 32, 3, 3]), (&key, &[32, 64]), (text, &[64]), (vae, &[16, 16, 1, 1])],
            checkpoint(64, 8, true, true), "a small (text width 64) checkpoint"),
        ("inpaint", vec![(&conv_in, &[320, 9, 3, 3]), (&conv_out, &[4, 320, 3, 3]), (&key, &[320, 768])],
            Kind::Unsupported, "an SD1.5 inpainting checkpoint with 9 input channels, which is not supported"),
        ("sd2", vec![(&conv_in, &[320, 4, 3, 3]), (&conv_out, &[4, 320, 3, 3]), (&key, &[320, 1024])], Kind::Unsupported, "an SD2 checkpoint, which is not supported"),
        ("sdxl", sdxl.clone(), Kind::Checkpoint { family: Family::SDXL, context_width: 2048, latent_channels: 4, vae: true, text: true }, "an SDXL checkpoint"),
        ("sdxl-no-text", sdxl[..sdxl.len() - 1].to_vec(), Kind::Checkpoint { family: Family::SDXL, context_width: 2048, latent_channels: 4, vae: true, text: false },
            "an SDXL checkpoint without text encoders"),
        ("ssd", [&sdxl[..23], &sdxl[24..]].concat(), Kind::Unsupported, "an SDXL variant of another depth (SSD-1B, Vega or KOALA) checkpoint, which is not supported"),
        ("refiner", vec![(&conv_in, &[384, 4, 3, 3]), (&conv_out, &[4, 384, 3, 3]), (&pooled, &[1536, 2560])], Kind::Unsupported, "an SDXL refiner checkpoint, which is not supported"),
        ("lora", vec![("lora_unet_x.lora_down.weight", &[4, 4])], Kind::Lora { family: None }, "a LoRA"),
        ("control", with(&[("control_model.zero_convs.0.0.weight", &[320, 320, 1, 1]), ("control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", &[320, 768])]),
            control, "a ControlNet for SD1.5"),
        ("v1", vec![(norm, &[320]), (&first, &[1, 24, 320]), (&last, &[1, 24, 1280])], motion(MotionVersion::V1, Some(24)),
            "an AnimateDiff v1 motion module for SD1.5 (24 frames)"),
        ("v2", vec![(norm, &[320]), (&last, &[1, 32, 1280]), (&mid, &[1, 32, 1280])], motion(MotionVersion::V2, Some(32)),
            "an AnimateDiff v2 motion module for SD1.5 (32 frames)"),
        ("v3", vec![(norm, &[320]), (&prefixed, &[1, 32, 1280])], motion(MotionVersion::V3, Some(32)),
            "an AnimateDiff v3 motion module for SD1.5 (32 frames)"),
        ("xl", vec![(norm, &[320]), (&third, &[1, 32, 1280])], Kind::MotionModule { family: Family::SDXL, version: MotionVersion::SdxlBeta, max_len: Some(32) },
            "an AnimateDiff-SDXL motion module for SDXL (32 frames)"),
        ("vae", vec![("encoder.down.0.block.0.norm1.weight", &[128]), ("decoder.conv_in.weight", &[512, 4, 3, 3])],
            Kind::Vae { family: None, latent_channels: 4 }, "a VAE with 4 latent channels"),
        ("other", vec![("something.weight", &[1])], Kind::Unknown, "not a model that Unsample knows (its first tensor is `something.weight`)"),
    ];
    for (name, tensors, kind, description) in cases {
        let file = hollow(&folder, &format!("{name}.safetensors"), &tensors);
        let identity = identify(&file);
        assert_eq!((identity.kind.clone(), identity.description.as_str()), (kind, description), "{name}");
        let place = match identity.kind {
            Kind::Lora { .. } => ", which goes into lora1File",
            Kind::ControlNet { .. } => ", which goes into controlNet1Model",
            Kind::MotionModule { .. } => ", which goes into motionModule",
            Kind::Vae { .. } => ", which goes into vae",
            _ => "",
        };
        let refused = identity.require_checkpoint(&file).err().map(|error| error.to_string());
        match name {
            "sd15" | "pocket" | "sdxl" | "no-vae" | "sdxl-no-text" => assert_eq!(refused, None),
            _ => assert_eq!(
                refused.unwrap(),
                format!(
                    "{name}.safetensors is {description}{place}; a checkpoint has to be an SD1.5 or SDXL single file, or the \
                     model_index.json of a diffusers folder"
                )
            ),
        }
        assert_eq!(
            identity.require_motion_module(&file, Family::SD15).is_ok(),
            ["v1", "v2", "v3"].contains(&name),
            "{name}"
        );
    }
    let listed = list_models(folder.0.path());
    assert_eq!(listed.len(), 17);
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
