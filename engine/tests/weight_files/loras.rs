//! LoRAs: the change is that of the formula, and lands on the layer that the name means.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::families::{Family, Kind, identify};
use engine::weights::{Lora, Network, View};
use proptest::prelude::*;

use super::manifests::{borrowed, layout};
use super::{Folder, assert_near, filled, hollow, numbers, values};

/// rows x inner times inner x columns.
fn product(a: &[f32], b: &[f32], inner: usize) -> Vec<f32> {
    let columns = b.len() / inner;
    a.chunks(inner)
        .flat_map(|row| {
            (0..columns).map(move |column| (0..inner).map(|i| row[i] * b[i * columns + column]).sum())
        })
        .collect()
}

fn plus(base: &[f32], factor: f32, change: &[f32]) -> Vec<f32> {
    base.iter().zip(change).map(|(base, change)| base + factor * change).collect()
}

const KEY: &str = "input_blocks.1.1.transformer_blocks.0.attn1.to_k.weight";
const CONV: &str = "input_blocks.1.0.in_layers.2.weight";

fn base(folder: &Folder) -> View {
    let (key, conv) = (format!("model.diffusion_model.{KEY}"), format!("model.diffusion_model.{CONV}"));
    let bias = "model.diffusion_model.input_blocks.1.0.in_layers.2.bias";
    View::unet(filled(
        folder,
        "base.safetensors",
        &[
            (&key, &[4, 3], numbers(12, 1)),
            (&conv, &[2, 2, 3, 3], numbers(36, 2)),
            (bias, &[2], numbers(2, 3)),
        ],
    ))
}

fn open(folder: &Folder, name: &str, tensors: &[(&str, &[usize], Vec<f32>)]) -> Arc<Lora> {
    Arc::new(Lora::open(filled(folder, name, tensors)).unwrap())
}

#[test]
fn strengths_and_alphas_scale_the_change() {
    let folder = Folder::new();
    let kohya = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k";
    let peft = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k";
    let (down, up) = (numbers(6, 4), numbers(8, 5));
    let with_alpha = open(
        &folder,
        "kohya.safetensors",
        &[
            (&format!("{kohya}.lora_down.weight"), &[2, 3], down.clone()),
            (&format!("{kohya}.lora_up.weight"), &[4, 2], up.clone()),
            (&format!("{kohya}.alpha"), &[], vec![1.0]),
        ],
    );
    let without = open(
        &folder,
        "peft.safetensors",
        &[
            (&format!("{peft}.lora_A.weight"), &[2, 3], down.clone()),
            (&format!("{peft}.lora_B.weight"), &[4, 2], up.clone()),
        ],
    );
    let change = product(&up, &down, 2);
    let with = |loras: &[(Arc<Lora>, f64)]| base(&folder).with_loras(Network::Unet, loras).unwrap();
    let view = with(&[(with_alpha.clone(), 0.5)]);
    assert_near(&values(&view, KEY), &plus(&numbers(12, 1), 0.25, &change));
    assert_eq!(view.touched().collect::<Vec<_>>(), [KEY]);
    assert_eq!(values(&view, CONV), numbers(36, 2));
    let both = with(&[(with_alpha.clone(), 0.5), (without.clone(), -2.0)]);
    assert_near(&values(&both, KEY), &plus(&numbers(12, 1), 0.25 - 2.0, &change));
    let none = with(&[(with_alpha, 0.0)]);
    assert_eq!((values(&none, KEY), none.touched().count()), (numbers(12, 1), 0));
    let other = base(&folder).with_loras(Network::Text, &[(without, 1.0)]).unwrap();
    assert_eq!(other.touched().count(), 0, "a change of the UNet is none of the text encoder");
}

/// A LoRA of one layer of rank 2 with metadata, and a file beside it.
fn described(metadata: &[(&str, &str)], config: Option<&str>) -> Result<Arc<Lora>, String> {
    let folder = Folder::new();
    let layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k";
    let tensor = |values: Vec<f32>, shape: (usize, usize)| {
        candle_core::Tensor::from_vec(values, shape, &super::Device::Cpu).unwrap()
    };
    let tensors = std::collections::HashMap::from([
        (format!("base_model.model.{layer}.lora_A.weight"), tensor(numbers(6, 4), (2, 3))),
        (format!("base_model.model.{layer}.lora_B.weight"), tensor(numbers(8, 5), (4, 2))),
    ]);
    let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let path = folder.write("adapter_model.safetensors", b"");
    safetensors::serialize_to_file(&tensors, Some(metadata), &path).unwrap();
    if let Some(config) = config {
        folder.write("adapter_config.json", config.as_bytes());
    }
    let file = engine::weights::TensorFile::open(path).map_err(|error| error.to_string())?;
    Lora::open(Arc::new(file)).map(Arc::new).map_err(|error| error.to_string())
}

#[test]
fn alphas_that_are_no_tensors_scale_the_change() {
    let change = product(&numbers(8, 5), &numbers(6, 4), 2);
    let args = ("ss_network_args", r#"{"conv_alpha": "1"}"#);
    for (metadata, config, factor) in [
        (&[][..], None, 1.0),
        (&[], Some(r#"{"r": 2, "lora_alpha": 32}"#), 16.0),
        (&[], Some(r#"{"r": 2, "lora_alpha": 32, "use_rslora": true}"#), 32.0 / 2f32.sqrt()),
        (
            &[],
            Some(
                r#"{"r": 8, "lora_alpha": 32, "rank_pattern": {"to_k": 2}, "alpha_pattern": {"attn1.to_k": 6}}"#,
            ),
            3.0,
        ),
        (&[("ss_network_alpha", "1"), ("ss_network_dim", "2"), args], None, 0.5),
        (&[("lora_adapter_metadata", r#"{"lora_alpha": 4}"#)], Some(r#"{"lora_alpha": 32}"#), 2.0),
    ] {
        let lora = described(metadata, config).unwrap();
        let folder = Folder::new();
        let view = base(&folder).with_loras(Network::Unet, &[(lora.clone(), 1.0)]).unwrap();
        assert_near(&values(&view, KEY), &plus(&numbers(12, 1), factor, &change));
        // What is not in the file itself, and what an older version read otherwise, has to be in keys.
        assert_eq!(lora.alphas().is_empty(), factor == 1.0 || factor == 2.0, "{factor}");
    }
    let broken = described(&[], Some(r#"{"lora_alpha": }"#)).unwrap_err();
    assert!(broken.contains("adapter_config.json: its JSON cannot be read (expected value"), "{broken}");
}

#[test]
fn what_is_left_of_layers_that_are_used_is_named() {
    let folder = Folder::new();
    let layer = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_k";
    let [down, up, alpha] =
        ["lora_down.weight", "lora_up.weight", "alpha"].map(|end| format!("{layer}.{end}"));
    let said = |value: f32, extra: Option<(&str, usize)>| {
        let extra = extra.map(|(end, count)| (format!("{layer}.{end}"), vec![count]));
        let mut tensors: Vec<(&str, &[usize], Vec<f32>)> =
            vec![(&down, &[1, 3], numbers(3, 1)), (&up, &[4, 1], numbers(4, 1)), (&alpha, &[], vec![value])];
        if let Some((name, shape)) = &extra {
            tensors.push((name, shape, numbers(shape[0], 3)));
        }
        open(&folder, "a", &tensors).fit(&[(Network::Unet, &base(&folder))]).sentence("a")
    };
    assert_eq!(said(1.0, None), None);
    assert_eq!(
        said(1.0, Some(("diff_b", 4))),
        Some(format!(
            "a: 1 of 1 layers used; 1 tensor of layers that are used has no place here: {layer}.diff_b"
        ))
    );
    assert_eq!(
        said(1.0, Some(("dora_scale", 4))),
        Some(format!("a: 0 of 1 layers used; 1 of the kind DoRA cannot be applied: {layer}.dora_scale"))
    );
    assert_eq!(
        said(-2e4, None),
        Some(format!(
            "a: 1 of 1 layers used; 1 with an alpha of 20000 times the rank, which no training gives: {alpha}"
        ))
    );
}

#[test]
fn convolutions_with_and_without_a_middle() {
    let folder = Folder::new();
    let layer = "lora_unet_input_blocks_1_0_in_layers_2";
    let name = |part: &str| format!("{layer}.{part}");
    let (down, up) = (numbers(2 * 2 * 9, 4), numbers(2 * 2, 5));
    let plain = open(
        &folder,
        "locon.safetensors",
        &[
            (&name("lora_down.weight"), &[2, 2, 3, 3], down.clone()),
            (&name("lora_up.weight"), &[2, 2, 1, 1], up.clone()),
        ],
    );
    let view = base(&folder).with_loras(Network::Unet, &[(plain, 1.0)]).unwrap();
    assert_near(&values(&view, CONV), &plus(&numbers(36, 2), 1.0, &product(&up, &down, 2)));

    let (down, mid) = (numbers(4, 6), numbers(36, 7));
    let tucker = open(
        &folder,
        "tucker.safetensors",
        &[
            (&name("lora_down.weight"), &[2, 2, 1, 1], down.clone()),
            (&name("lora_mid.weight"), &[2, 2, 3, 3], mid.clone()),
            (&name("lora_up.weight"), &[2, 2, 1, 1], up.clone()),
            (&name("diff_b"), &[2], numbers(2, 8)),
        ],
    );
    let view = base(&folder).with_loras(Network::Unet, &[(tucker, 1.0)]).unwrap();
    let mut change = vec![0.0; 36];
    for (index, value) in change.iter_mut().enumerate() {
        let (o, i, at) = (index / 18, index / 9 % 2, index % 9);
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            *value += up[2 * o + a] * mid[(2 * a + b) * 9 + at] * down[2 * b + i];
        }
    }
    assert_near(&values(&view, CONV), &plus(&numbers(36, 2), 1.0, &change));
    let bias = "input_blocks.1.0.in_layers.2.bias";
    assert_near(&values(&view, bias), &plus(&numbers(2, 3), 1.0, &numbers(2, 8)));
}

#[test]
fn the_second_text_encoder_is_split_before_it_is_changed() {
    let folder = Folder::new();
    let file = filled(
        &folder,
        "xl.safetensors",
        &[(
            "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight",
            &[6, 2],
            numbers(12, 1),
        )],
    );
    let layer = "lora_te2_text_model_encoder_layers_0_self_attn_k_proj";
    let lora = open(
        &folder,
        "te2.safetensors",
        &[
            (&format!("{layer}.lora_down.weight"), &[1, 2], vec![1.0, 2.0]),
            (&format!("{layer}.lora_up.weight"), &[2, 1], vec![3.0, -1.0]),
        ],
    );
    assert_eq!(lora.networks().collect::<Vec<_>>(), [Network::Text2]);
    let view = View::text_2(file).with_loras(Network::Text2, &[(lora, 1.0)]).unwrap();
    let changed = plus(&numbers(12, 1)[4..8], 1.0, &[3.0, 6.0, -1.0, -2.0]);
    assert_near(&values(&view, "encoder.layers.0.self_attn.k_proj.weight"), &changed);
    assert_eq!(values(&view, "encoder.layers.0.self_attn.q_proj.weight"), numbers(12, 1)[..4]);
}

#[test]
fn a_lora_that_does_not_fit_gets_a_sentence() {
    let folder = Folder::new();
    let layer = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_k";
    let (down, up) = (format!("{layer}.lora_down.weight"), format!("{layer}.lora_up.weight"));
    let wide =
        open(&folder, "wide.safetensors", &[(&down, &[1, 5], numbers(5, 1)), (&up, &[4, 1], numbers(4, 1))]);
    let refused = base(&folder).with_loras(Network::Unet, &[(wide, 1.0)]).unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "wide.safetensors is a LoRA that changes `{KEY}` by [4, 5] values, where base.safetensors has [4, 3]; \
            choose a LoRA that was made for this family of checkpoints"
        )
    );
    let broken = |tensors: &[(&str, &[usize], Vec<f32>)]| {
        Lora::open(filled(&folder, "broken.safetensors", tensors)).unwrap_err().to_string()
    };
    assert!(broken(&[(&down, &[1, 3], numbers(3, 1))]).contains("without its counterpart"));
    let ranks = broken(&[(&down, &[1, 3], numbers(3, 1)), (&up, &[4, 2], numbers(8, 1))]);
    assert!(ranks.contains("are not of one rank"), "{ranks}");
    let mid = format!("{layer}.lora_mid.weight");
    let middle = broken(&[
        (&down, &[1, 3], numbers(3, 1)),
        (&up, &[4, 1], numbers(4, 1)),
        (&mid, &[2, 1, 3, 3], numbers(18, 1)),
    ]);
    assert!(middle.contains("is not of the rank 1"), "{middle}");
}

#[test]
fn names_of_layers_have_many_spellings() {
    let folder = Folder::new();
    let (down, up) = (numbers(6, 4), numbers(8, 5));
    let change = plus(&numbers(12, 1), 1.0, &product(&up, &down, 2));
    let dots = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k";
    let underscores = "unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k";
    for (layer, a, b) in [
        (dots.to_owned(), ".lora_A", ".lora_B"),
        (dots.to_owned(), ".lora_down", ".lora_up"),
        (format!("lycoris_{underscores}"), ".lora_down.weight", ".lora_up.weight"),
    ] {
        let (a, b) = (format!("{layer}{a}"), format!("{layer}{b}"));
        let file =
            filled(&folder, "lora.safetensors", &[(&a, &[2, 3], down.clone()), (&b, &[4, 2], up.clone())]);
        assert_eq!(identify(&file).kind, Kind::Lora { family: None }, "{a}");
        let lora = Arc::new(Lora::open(file).unwrap());
        let view = base(&folder).with_loras(Network::Unet, &[(lora, 1.0)]).unwrap();
        assert_near(&values(&view, KEY), &change);
    }
    let text = ["lycoris_te_", "lycoris_te1_", "lycoris_te2_"].map(|start| {
        let layer = format!("{start}text_model_encoder_layers_0_mlp_fc1");
        let (a, b) = (format!("{layer}.lora_down.weight"), format!("{layer}.lora_up.weight"));
        let lora =
            open(&folder, "te.safetensors", &[(&a, &[1, 2], numbers(2, 1)), (&b, &[2, 1], numbers(2, 2))]);
        lora.networks().collect::<Vec<_>>()
    });
    assert_eq!(text, [[Network::Text], [Network::Text], [Network::Text2]]);
}

#[test]
fn layers_that_no_network_has_are_counted() {
    let folder = Folder::new();
    let known = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_k";
    let strange =
        "upp_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.to_q";
    let names: Vec<String> = [known, strange]
        .iter()
        .flat_map(|layer| ["lora_down", "lora_up"].map(|part| format!("{layer}.{part}.weight")))
        .collect();
    let lora = open(
        &folder,
        "bad.safetensors",
        &[
            (&names[0], &[2, 3], numbers(6, 1)),
            (&names[1], &[4, 2], numbers(8, 2)),
            (&names[2], &[2, 3], numbers(6, 3)),
            (&names[3], &[4, 2], numbers(8, 4)),
        ],
    );
    let fit = lora.fit(&[(Network::Unet, &base(&folder))]);
    assert_eq!((fit.used, fit.total), (1, 2));
    let want = format!(
        "bad.safetensors: 1 of 2 layers used; 1 for the motion module has no place here: {}",
        names[2]
    );
    assert_eq!(fit.sentence("bad.safetensors"), Some(want));
}

#[test]
fn a_lora_that_changes_nothing_says_so() {
    let folder = Folder::new();
    let said = |up: [f32; 2], down: [f32; 2], alphas: [f32; 2]| {
        let layers = ["input_blocks_1_1_transformer_blocks_0_attn1_to_k", "input_blocks_1_0_in_layers_2"];
        let name = |layer: usize, part: &str| format!("lora_unet_{}.{part}", layers[layer]);
        let names: Vec<[String; 3]> = (0..2)
            .map(|layer| ["lora_down.weight", "lora_up.weight", "alpha"].map(|part| name(layer, part)))
            .collect();
        let shapes: [[&[usize]; 2]; 2] = [[&[1, 3], &[4, 1]], [&[1, 2, 3, 3], &[2, 1, 1, 1]]];
        let mut tensors: Vec<(&str, &[usize], Vec<f32>)> = Vec::new();
        for layer in 0..2 {
            for (part, value) in [down, up].iter().enumerate() {
                let count = shapes[layer][part].iter().product();
                tensors.push((&names[layer][part], shapes[layer][part], vec![value[layer]; count]));
            }
            tensors.push((&names[layer][2], &[], vec![alphas[layer]]));
        }
        open(&folder, "idle", &tensors).fit(&[(Network::Unet, &base(&folder))]).sentence("idle")
    };
    let none = "idle: none of its layers changes anything, since";
    assert_eq!(said([1.0; 2], [1.0; 2], [1.0; 2]), None);
    assert_eq!(said([0.0, 1.0], [1.0; 2], [1.0; 2]), None);
    assert_eq!(said([0.0; 2], [1.0; 2], [1.0; 2]), Some(format!("{none} their up matrices are zero")));
    assert_eq!(said([1.0; 2], [1.0; 2], [0.0; 2]), Some(format!("{none} their alphas are zero")));
    let mixed = said([0.0, 1.0], [1.0, 0.0], [1.0; 2]);
    assert_eq!(mixed, Some(format!("{none} a matrix or the alpha of each is zero")));
}

#[test]
fn an_alpha_that_is_no_number_is_named() {
    let folder = Folder::new();
    let layer = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_k";
    let [down, up, alpha] =
        ["lora_down.weight", "lora_up.weight", "alpha"].map(|end| format!("{layer}.{end}"));
    let lora = open(
        &folder,
        "alpha.safetensors",
        &[(&down, &[1, 3], numbers(3, 1)), (&up, &[4, 1], numbers(4, 1)), (&alpha, &[], vec![f32::NAN])],
    );
    let want = format!("alpha.safetensors is damaged: the tensor `{alpha}` holds NaN or infinite values");
    assert!(lora.check_values().unwrap_err().to_string().starts_with(&want));
    let view = base(&folder).with_loras(Network::Unet, &[(lora, 1.0)]).unwrap();
    let said = view.tensor(KEY, super::DType::F32, &super::Device::Cpu).unwrap_err().to_string();
    assert!(said.starts_with(&want), "{said}");
}

#[test]
fn relatives_of_lora_are_called_by_name() {
    let folder = Folder::new();
    let layer = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_k";
    for (end, want) in [("oft_blocks", "an OFT"), ("hada_w1_a", "a LoHa"), ("lokr_w1", "a LoKr")] {
        let file = hollow(&folder, "relative.safetensors", &[(&format!("{layer}.{end}"), &[4, 4])]);
        let want = format!("{want}, a relative of LoRA that is not supported");
        assert_eq!(identify(&file).description, want);
    }
}

#[test]
fn a_lora_of_another_family_is_refused() {
    let folder = Folder::new();
    let lora = |name: &str, width: usize| {
        let down = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight";
        hollow(&folder, name, &[(down, &[4, width])])
    };
    let (sd15, sdxl) = (lora("a.safetensors", 768), lora("b.safetensors", 2048));
    assert_eq!(identify(&sd15).kind, Kind::Lora { family: Some(Family::SD15) });
    assert!(identify(&sd15).require_lora(&sd15, Family::SD15).is_ok());
    let refused = identify(&sdxl).require_lora(&sdxl, Family::SD15).unwrap_err().to_string();
    assert_eq!(refused, "b.safetensors is a LoRA for SDXL; an SD1.5 checkpoint takes LoRAs for SD1.5");
    assert_eq!(identify(&lora("c", 1024)).description, "a LoRA for SD2, which is not supported");
}

/// Every pair of every layout of LoRA finds its weight.
#[test]
fn every_layer_of_the_layouts_finds_its_weight() {
    let folder = Folder::new();
    let sd15 = hollow(&folder, "sd15", &borrowed(&layout("sd15_ldm_checkpoint")));
    let sdxl = hollow(&folder, "sdxl", &borrowed(&layout("sdxl_ldm_checkpoint")));
    let motion = hollow(&folder, "motion", &borrowed(&layout("animatediff_mm_sd_v15_v2")));
    for (name, pairs) in [
        ("lora_kohya_sd15", 264),
        ("lora_kohya_sd15_locon", 350),
        ("lora_kohya_sd15_v_noalpha", 264),
        ("lora_kohya_sd15_v_unetonly", 192),
        ("lora_kohya_sdxl", 986),
        ("lora_diffusers_attnproc_sd15", 176),
        ("lora_diffusers_attnproc_sdxl", 736),
        ("lora_diffusers_peft_sd15", 176),
        ("lora_diffusers_peft_sdxl", 736),
        ("animatediff_v3_sd15_adapter", 128),
        ("animatediff_v2_motion_lora", 168),
    ] {
        let file = hollow(&folder, "lora.safetensors", &borrowed(&layout(name)));
        let lora = [(Arc::new(Lora::open(file).unwrap()), 1.0)];
        let checkpoint = if name.contains("sdxl") { &sdxl } else { &sd15 };
        let touched: usize = [
            View::unet(checkpoint.clone()).with_loras(Network::Unet, &lora),
            View::text(checkpoint.clone()).with_loras(Network::Text, &lora),
            View::text_2(checkpoint.clone()).with_loras(Network::Text2, &lora),
            View::motion(motion.clone()).with_loras(Network::Motion, &lora),
        ]
        .into_iter()
        .map(|view| view.unwrap().touched().count())
        .sum();
        assert_eq!(touched, pairs, "{name}");
    }
}

/// Every name that the reference accepts for a weight is understood as that weight.
#[test]
fn every_accepted_name_means_its_weight() {
    let folder = Folder::new();
    for (table, checkpoint) in
        [("lora_names_sd15", "sd15_ldm_checkpoint"), ("lora_names_sdxl", "sdxl_ldm_checkpoint")]
    {
        let table = &testing::manifests()[&format!("maps/{table}.json")];
        let file = hollow(&folder, "checkpoint", &borrowed(&layout(checkpoint)));
        let views = [
            ("diffusion_model.", Network::Unet, View::unet(file.clone())),
            ("clip_l.transformer.text_model.", Network::Text, View::text(file.clone())),
            ("clip_g.transformer.text_model.", Network::Text2, View::text_2(file.clone())),
            ("clip_g.transformer.", Network::Text2, View::text_2(file)),
        ];
        // One file for the first name of every weight, one for the second, ...
        for turn in 0.. {
            let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
            let mut wanted = [(); 4].map(|()| BTreeSet::new());
            for (target, entry) in table.as_object().unwrap() {
                let Some(name) = entry["lora_names"].as_array().unwrap().get(turn) else { continue };
                let (place, canonical) = views
                    .iter()
                    .enumerate()
                    .find_map(|(place, (prefix, ..))| Some((place, target.strip_prefix(prefix)?)))
                    .unwrap();
                let shape = views[place].2.shape(canonical).unwrap();
                let columns: usize = shape[1..].iter().product();
                tensors.push((format!("{}.lora_down.weight", name.as_str().unwrap()), vec![1, columns]));
                tensors.push((format!("{}.lora_up.weight", name.as_str().unwrap()), vec![shape[0], 1]));
                wanted[place].insert(canonical.to_owned());
            }
            if tensors.is_empty() {
                assert!(turn >= 4, "{turn} names for a weight");
                break;
            }
            let lora = [(Arc::new(Lora::open(hollow(&folder, "lora", &borrowed(&tensors))).unwrap()), 1.0)];
            wanted[2] = wanted[2].union(&wanted[3]).cloned().collect();
            for ((_, network, view), wanted) in views.iter().zip(&wanted).take(3) {
                let view = view.clone().with_loras(*network, &lora).unwrap();
                let touched: BTreeSet<String> = view.touched().map(str::to_owned).collect();
                let difference: Vec<_> = touched.symmetric_difference(wanted).take(3).collect();
                assert!(difference.is_empty(), "{network:?}, name {turn}: {difference:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_names_make_the_parser_panic(names in proptest::collection::btree_set(
        "(lora_unet_|lora_te2_|unet\\.|text_encoder\\.|module\\.)?(down_blocks[._][0-9]{1,30}[._]|motion_modules\\.|processor\\.|[a-z.0-9_]{0,6}){0,4}(to_out)?(_lora\\.down|\\.lora_up|\\.lora_mid|\\.alpha|\\.diff_b)?(\\.weight)?",
        1..8,
    )) {
        let folder = Folder::new();
        let tensors: Vec<(&str, &[usize])> = names.iter().map(|name| (name.as_str(), [1, 1].as_slice())).collect();
        let file = hollow(&folder, "names.safetensors", &tensors);
        identify(&file);
        if let Ok(lora) = Lora::open(file) {
            let lora = [(Arc::new(lora), 1.0)];
            for network in [Network::Unet, Network::Text, Network::Text2, Network::Motion] {
                let _ = base(&folder).with_loras(network, &lora);
            }
        }
    }
}
