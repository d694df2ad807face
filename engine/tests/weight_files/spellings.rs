//! Networks whose names are put together for every spelling at once, place by place, so that a reader of one spelling
//! can be checked against the other. Shapes carry the number of the tensor, so that a name is followed, not only counted.

use engine::weights::View;

use super::{Folder, hollow};

/// The same tensor in several spellings.
type Names = Vec<[String; 2]>;

fn pair(names: &mut Names, ldm: impl Into<String>, diffusers: impl Into<String>) {
    let (ldm, diffusers) = (ldm.into(), diffusers.into());
    for leaf in ["weight", "bias"] {
        names.push([format!("{ldm}.{leaf}"), format!("{diffusers}.{leaf}")]);
    }
}

fn resnet(names: &mut Names, ldm: &str, diffusers: &str) {
    for (a, b) in [
        ("in_layers.0", "norm1"),
        ("in_layers.2", "conv1"),
        ("emb_layers.1", "time_emb_proj"),
        ("out_layers.0", "norm2"),
        ("out_layers.3", "conv2"),
        ("skip_connection", "conv_shortcut"),
    ] {
        pair(names, format!("{ldm}.{a}"), format!("{diffusers}.{b}"));
    }
}

fn attention(names: &mut Names, ldm: &str, diffusers: &str) {
    for part in [
        "norm",
        "proj_in",
        "transformer_blocks.0.attn1.to_out.0",
        "transformer_blocks.1.ff.net.0.proj",
        "proj_out",
    ] {
        pair(names, format!("{ldm}.{part}"), format!("{diffusers}.{part}"));
    }
}

/// The way down, with attention on some of the levels.
fn encoder(attentive: &[bool]) -> Names {
    let mut names = Vec::new();
    pair(&mut names, "input_blocks.0.0", "conv_in");
    pair(&mut names, "time_embed.0", "time_embedding.linear_1");
    pair(&mut names, "time_embed.2", "time_embedding.linear_2");
    pair(&mut names, "label_emb.0.0", "add_embedding.linear_1");
    pair(&mut names, "label_emb.0.2", "add_embedding.linear_2");
    let mut block = 1;
    for (level, attentive_level) in attentive.iter().enumerate() {
        for place in 0..2 {
            let down = format!("down_blocks.{level}");
            resnet(&mut names, &format!("input_blocks.{block}.0"), &format!("{down}.resnets.{place}"));
            if *attentive_level {
                attention(
                    &mut names,
                    &format!("input_blocks.{block}.1"),
                    &format!("{down}.attentions.{place}"),
                );
            }
            block += 1;
        }
        if level + 1 < attentive.len() {
            pair(
                &mut names,
                format!("input_blocks.{block}.0.op"),
                format!("down_blocks.{level}.downsamplers.0.conv"),
            );
            block += 1;
        }
    }
    resnet(&mut names, "middle_block.0", "mid_block.resnets.0");
    attention(&mut names, "middle_block.1", "mid_block.attentions.0");
    resnet(&mut names, "middle_block.2", "mid_block.resnets.1");
    names
}

fn unet(attentive: &[bool]) -> Names {
    let mut names = encoder(attentive);
    let mut block = 0;
    for (level, attentive_level) in attentive.iter().rev().enumerate() {
        for place in 0..3 {
            let up = format!("up_blocks.{level}");
            let mut child = 1;
            resnet(&mut names, &format!("output_blocks.{block}.0"), &format!("{up}.resnets.{place}"));
            if *attentive_level {
                attention(
                    &mut names,
                    &format!("output_blocks.{block}.1"),
                    &format!("{up}.attentions.{place}"),
                );
                child = 2;
            }
            if place == 2 && level + 1 < attentive.len() {
                pair(
                    &mut names,
                    format!("output_blocks.{block}.{child}.conv"),
                    format!("{up}.upsamplers.0.conv"),
                );
            }
            block += 1;
        }
    }
    pair(&mut names, "out.0", "conv_norm_out");
    pair(&mut names, "out.2", "conv_out");
    names
}

fn control(attentive: &[bool]) -> Names {
    let mut names = encoder(attentive);
    for block in 0..3 * attentive.len() {
        pair(&mut names, format!("zero_convs.{block}.0"), format!("controlnet_down_blocks.{block}"));
    }
    pair(&mut names, "middle_block_out.0", "controlnet_mid_block");
    pair(&mut names, "input_hint_block.0", "controlnet_cond_embedding.conv_in");
    for block in 0..6 {
        pair(
            &mut names,
            format!("input_hint_block.{}", 2 * block + 2),
            format!("controlnet_cond_embedding.blocks.{block}"),
        );
    }
    pair(&mut names, "input_hint_block.14", "controlnet_cond_embedding.conv_out");
    pair(&mut names, "transformer_layes.0.ln_1", "transformer_layes.0.ln_1");
    names
}

/// `old` is the spelling of attention before diffusers 0.17.
fn vae(levels: usize, old: bool) -> Names {
    let mut names = Vec::new();
    let resnet = |names: &mut Names, ldm: String, diffusers: String| {
        for (a, b) in [
            ("norm1", "norm1"),
            ("conv1", "conv1"),
            ("norm2", "norm2"),
            ("conv2", "conv2"),
            ("nin_shortcut", "conv_shortcut"),
        ] {
            pair(names, format!("{ldm}.{a}"), format!("{diffusers}.{b}"));
        }
    };
    pair(&mut names, "quant_conv", "quant_conv");
    pair(&mut names, "post_quant_conv", "post_quant_conv");
    for side in ["encoder", "decoder"] {
        for (a, b) in [("conv_in", "conv_in"), ("norm_out", "conv_norm_out"), ("conv_out", "conv_out")] {
            pair(&mut names, format!("{side}.{a}"), format!("{side}.{b}"));
        }
        for place in 0..2 {
            resnet(
                &mut names,
                format!("{side}.mid.block_{}", place + 1),
                format!("{side}.mid_block.resnets.{place}"),
            );
        }
        let spelt =
            if old { ["query", "key", "value", "proj_attn"] } else { ["to_q", "to_k", "to_v", "to_out.0"] };
        let layers =
            ["q", "k", "v", "proj_out", "norm"].into_iter().zip(spelt.into_iter().chain(["group_norm"]));
        for (a, b) in layers {
            pair(&mut names, format!("{side}.mid.attn_1.{a}"), format!("{side}.mid_block.attentions.0.{b}"));
        }
    }
    for level in 0..levels {
        for place in 0..2 {
            resnet(
                &mut names,
                format!("encoder.down.{level}.block.{place}"),
                format!("encoder.down_blocks.{level}.resnets.{place}"),
            );
        }
        pair(
            &mut names,
            format!("encoder.down.{level}.downsample.conv"),
            format!("encoder.down_blocks.{level}.downsamplers.0.conv"),
        );
        let up = levels - 1 - level;
        for place in 0..3 {
            resnet(
                &mut names,
                format!("decoder.up.{level}.block.{place}"),
                format!("decoder.up_blocks.{up}.resnets.{place}"),
            );
        }
        pair(
            &mut names,
            format!("decoder.up.{level}.upsample.conv"),
            format!("decoder.up_blocks.{up}.upsamplers.0.conv"),
        );
    }
    names
}

/// A file in the spelling `index`, each shape the number of its tensor, below `prefix`.
fn view(
    folder: &Folder,
    names: &Names,
    index: usize,
    prefix: &str,
    read: fn(std::sync::Arc<engine::weights::TensorFile>) -> View,
) -> View {
    let names: Vec<(String, [usize; 2])> = names
        .iter()
        .enumerate()
        .map(|(number, spelt)| (format!("{prefix}{}", spelt[index]), [1, number + 1]))
        .collect();
    let borrowed: Vec<(&str, &[usize])> =
        names.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    read(hollow(folder, "spelt.safetensors", &borrowed))
}

#[track_caller]
fn assert_same(names: &Names, view: &View) {
    assert_eq!(view.len(), names.len());
    for (number, [ldm, spelt]) in names.iter().enumerate() {
        assert_eq!(view.shape(ldm), Some([1, number + 1].as_slice()), "{spelt} is {ldm}");
    }
}

#[test]
fn diffusers_names_are_followed_to_their_place() {
    let folder = Folder::new();
    let (sd15, sdxl) = ([true, true, true, false], [false, true, true]);
    for plan in [sd15.as_slice(), &sdxl, &[true]] {
        let (unet, control) = (unet(plan), control(plan));
        assert_same(&unet, &view(&folder, &unet, 1, "", View::unet));
        assert_same(&unet, &view(&folder, &unet, 0, "model.diffusion_model.", View::unet));
        assert_same(&control, &view(&folder, &control, 1, "", View::control));
        assert_same(&control, &view(&folder, &control, 0, "control_model.", View::control));
    }
    for (levels, old) in [(4, false), (4, true), (2, false)] {
        let names = vae(levels, old);
        assert_same(&names, &view(&folder, &names, 1, "", View::vae));
        assert_same(&names, &view(&folder, &names, 0, "first_stage_model.", View::vae));
    }
}

#[test]
fn motion_modules_have_three_spellings() {
    let folder = Folder::new();
    let parts = [
        ("norm.weight", "norm.weight", "norm.weight"),
        ("proj_in.bias", "proj_in.bias", "proj_in.bias"),
        (
            "transformer_blocks.0.attention_blocks.0.to_q.weight",
            "transformer_blocks.0.attn1.to_q.weight",
            "transformer_blocks.0.attention_blocks.0.to_q.weight",
        ),
        (
            "transformer_blocks.0.attention_blocks.1.to_q.weight",
            "transformer_blocks.0.attn2.to_q.weight",
            "transformer_blocks.0.attention_blocks.1.to_q.weight",
        ),
        (
            "transformer_blocks.0.norms.1.weight",
            "transformer_blocks.0.norm2.weight",
            "transformer_blocks.0.norms.1.weight",
        ),
        (
            "transformer_blocks.0.ff_norm.weight",
            "transformer_blocks.0.norm3.weight",
            "transformer_blocks.0.ff_norm.weight",
        ),
        (
            "transformer_blocks.0.ff.net.0.proj.weight",
            "transformer_blocks.0.ff.net.0.proj.weight",
            "transformer_blocks.0.ff.net.0.proj.weight",
        ),
        (
            "transformer_blocks.0.attention_blocks.0.pos_encoder.pe",
            "transformer_blocks.0.pos_embed.pe",
            "transformer_blocks.0.attention_blocks.0.pos_encoder.positional_encoding",
        ),
    ];
    let places = ["down_blocks.0", "up_blocks.3", "mid_block"];
    let spelt = |spelling: usize| -> Vec<(String, [usize; 2])> {
        let mut names = Vec::new();
        for (number, (part, place)) in
            parts.iter().flat_map(|part| places.map(|place| (part, place))).enumerate()
        {
            let name = match spelling {
                0 => format!("{place}.motion_modules.1.temporal_transformer.{}", part.0),
                1 => format!("{place}.motion_modules.1.{}", part.1),
                2 => format!("{place}.temporal_attentions.1.{}", part.2),
                _ => format!("module.{place}.motion_modules.1.temporal_transformer.{}", part.0),
            };
            names.push((name, [1, number + 1]));
        }
        names.push(("conv_in.weight".into(), [1, 1]));
        names
    };
    for spelling in 0..4 {
        let names = spelt(spelling);
        let borrowed: Vec<(&str, &[usize])> =
            names.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
        let view = View::motion(hollow(&folder, "motion.safetensors", &borrowed));
        for (name, shape) in &spelt(0)[..24] {
            assert_eq!(view.shape(name), Some(shape.as_slice()), "{spelling}: {name}");
        }
        let second = "down_blocks.0.motion_modules.1.temporal_transformer.transformer_blocks.0.attention_blocks.1.pos_encoder.pe";
        assert_eq!(view.shape(second).is_some(), spelling == 1, "one table stands for both attentions");
    }
}
