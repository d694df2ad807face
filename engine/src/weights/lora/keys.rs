//! Tensor names in LoRA files: the layer that a tensor belongs to, and its role in the low-rank change.
//!
//! Programs spell the layer with dots or underscores, in LDM or diffusers naming. Underscores cannot be converted
//! back to dots, so both sides are converted to one form and compared: the layers of a network by [`of_layer`], the
//! names in a file by [`split`].

use super::super::names::{motion, unet};

/// A network that LoRAs change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// The UNet without motion modules.
    Unet,
    /// The CLIP-L text encoder.
    Text,
    /// The second text encoder of SDXL, OpenCLIP bigG.
    Text2,
    /// The motion module (AnimateDiff's motion LoRAs).
    Motion,
}

/// The role of a tensor in a layer's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Down projection, `[rank, in...]`.
    Down,
    /// Up projection, `[out, rank...]`.
    Up,
    /// `[rank, rank, kernel, kernel]`, between the two (LoCon).
    Mid,
    /// The change is scaled with this number divided by the rank.
    Alpha,
    /// The full change of the weight.
    Difference,
    /// The change of the bias.
    BiasDifference,
    /// A tensor of an unsupported kind of change, with the kind's name.
    Other(&'static str),
}

/// Suffixes of names.
const ENDS: [(&str, Role); 39] = [
    (".lora_down.weight", Role::Down),
    (".lora_up.weight", Role::Up),
    (".lora_mid.weight", Role::Mid),
    (".lora_linear_layer.down.weight", Role::Down),
    (".lora_linear_layer.up.weight", Role::Up),
    ("_lora.down.weight", Role::Down),
    ("_lora.up.weight", Role::Up),
    (".lora.down.weight", Role::Down),
    (".lora.up.weight", Role::Up),
    (".lora_A.weight", Role::Down),
    (".lora_B.weight", Role::Up),
    (".lora_down", Role::Down),
    (".lora_up", Role::Up),
    (".lora_A", Role::Down),
    (".lora_B", Role::Up),
    (".alpha", Role::Alpha),
    (".lora_alpha", Role::Alpha),
    (".diff", Role::Difference),
    (".diff_b", Role::BiasDifference),
    (".w_norm", Role::Difference),
    (".b_norm", Role::BiasDifference),
    (".hada_w1_a", Role::Other("LoHa")),
    (".hada_w1_b", Role::Other("LoHa")),
    (".hada_w2_a", Role::Other("LoHa")),
    (".hada_w2_b", Role::Other("LoHa")),
    (".hada_t1", Role::Other("LoHa")),
    (".hada_t2", Role::Other("LoHa")),
    (".lokr_w1", Role::Other("LoKr")),
    (".lokr_w1_a", Role::Other("LoKr")),
    (".lokr_w1_b", Role::Other("LoKr")),
    (".lokr_w2", Role::Other("LoKr")),
    (".lokr_w2_a", Role::Other("LoKr")),
    (".lokr_w2_b", Role::Other("LoKr")),
    (".lokr_t2", Role::Other("LoKr")),
    (".dora_scale", Role::Other("DoRA")),
    (".lora_magnitude_vector", Role::Other("DoRA")),
    (".lora_magnitude_vector.weight", Role::Other("DoRA")),
    (".oft_blocks", Role::Other("OFT")),
    (".oft_diag", Role::Other("OFT")),
];

/// Splits a name in a LoRA file into path and role. PEFT may insert an adapter's name before the last component.
fn ended(name: &str) -> Option<(&str, Role)> {
    let known = ENDS.iter().find_map(|(end, role)| Some((name.strip_suffix(end)?, *role)));
    known.or_else(|| {
        let (path, adapter) = name.strip_suffix(".weight")?.rsplit_once('.')?;
        let plain = !adapter.is_empty();
        [(".lora_A", Role::Down), (".lora_B", Role::Up)]
            .iter()
            .find_map(|(end, role)| Some((path.strip_suffix(end).filter(|_| plain)?, *role)))
    })
}

/// Whether a tensor name only occurs in LoRAs and related formats.
pub fn is_lora_name(name: &str) -> bool {
    matches!(ended(name), Some((_, role)) if role != Role::Alpha)
        || name.contains(".lora_A.")
        || name.contains(".lora_B.")
}

/// Whether a name is that of a down projection.
pub fn is_down(name: &str) -> bool {
    matches!(ended(name), Some((_, Role::Down)))
}

/// The layer, as spelt in the file, of a down projection or a full difference; `None` for other tensors.
pub fn plain_layer(name: &str) -> Option<&str> {
    ended(name).filter(|(_, role)| matches!(role, Role::Down | Role::Difference)).map(|(layer, _)| layer)
}

/// Whether a name belongs to SDXL's second text encoder.
pub fn changes_second_tower(name: &str) -> bool {
    matches!(split(name), Some(((Network::Text2, _), _)))
}

/// Prefixes of names with dots or underscores, and their network. A name without any of them belongs to the UNet.
const BEGINNINGS: [(&str, Network); 19] = [
    ("lora_unet_", Network::Unet),
    ("lycoris_unet_", Network::Unet),
    ("lycoris_te1_", Network::Text),
    ("lycoris_te2_", Network::Text2),
    ("lycoris_te_", Network::Text),
    ("lycoris_", Network::Unet),
    ("lora_te1_", Network::Text),
    ("lora_te2_", Network::Text2),
    ("lora_te_", Network::Text),
    ("lora_prior_te_", Network::Text2),
    ("unet.", Network::Unet),
    ("diffusion_model.", Network::Unet),
    ("model.diffusion_model.", Network::Unet),
    ("base_model.model.", Network::Unet),
    ("text_encoder.", Network::Text),
    ("text_encoder_2.", Network::Text2),
    ("text_encoders.clip_l.transformer.", Network::Text),
    ("text_encoders.clip_g.transformer.", Network::Text2),
    ("te_", Network::Text),
];

/// A layer in the form that is compared: its network, and its path with underscores.
pub type Layer = (Network, String);

/// Splits a tensor name in a LoRA file into layer and role; `None` if it has no known suffix.
pub fn split(name: &str) -> Option<(Layer, Role)> {
    let name = name.strip_prefix("module.").unwrap_or(name);
    let (path, role) = ended(name)?;
    let begun = BEGINNINGS.iter().find_map(|(start, network)| Some((path.strip_prefix(start)?, *network)));
    let (path, network) = begun.unwrap_or((path, guessed(path)));
    let path = path.strip_prefix("base_model.model.").unwrap_or(path);
    // In old diffusers files, the attention processor is between the attention and its layers.
    let path = path.replace(".processor.", ".");
    if path.is_empty() {
        return None;
    }
    if path.contains("motion_modules") || path.contains("temporal_attentions") {
        // A layer's path is its weight's name without `.weight`.
        let path = with_output(&path);
        let weight = motion::canonical(&format!("{path}.weight"));
        let layer = weight.first().and_then(|weight| weight.strip_suffix(".weight"));
        // If no motion module has such a layer, keep the path, so that it is reported as unmatched.
        return Some(((Network::Motion, underscores(layer.unwrap_or(&path))), role));
    }
    let path = if path.contains('.') { with_output(&path) } else { path };
    let path = underscores(&path);
    let path = match network {
        Network::Text | Network::Text2 => path.strip_prefix("text_model_").unwrap_or(&path).to_owned(),
        _ => match path.strip_prefix("class_embedding_") {
            Some(rest) => format!("add_embedding_{rest}"),
            None => path,
        },
    };
    Some(((network, path), role))
}

/// The network of a name without a known prefix: the UNet, unless the name contains a part of a text encoder.
fn guessed(path: &str) -> Network {
    let text = ["text_model", "text_encoder", "encoder_layers", "encoder.layers"];
    if text.iter().any(|part| path.contains(part)) { Network::Text } else { Network::Unet }
}

/// The output of an attention is a list of a linear layer and a dropout; some files omit the linear layer's index.
fn with_output(path: &str) -> String {
    if path.ends_with(".to_out") { format!("{path}.0") } else { path.to_owned() }
}

fn underscores(path: &str) -> String {
    path.replace('.', "_")
}

/// Every form in which files spell the layer of a canonical weight: `input_blocks.4.1.proj_in` and
/// `down_blocks.1.attentions.0.proj_in` for a UNet's, a single form for the others.
pub fn of_layer(network: Network, layer: &str, plan: &unet::Plan) -> Vec<Layer> {
    let diffusers = (network == Network::Unet).then(|| unet::to_diffusers(layer, plan)).flatten();
    [Some(layer.to_owned()), diffusers]
        .into_iter()
        .flatten()
        .map(|path| (network, underscores(&path)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_layer() {
        let plan = unet::Plan::of(["input_blocks.3.0.op.weight"].into_iter());
        let layer = "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0";
        let forms = of_layer(Network::Unet, layer, &plan);
        for (name, role) in [
            ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_out_0.lora_down.weight", Role::Down),
            ("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0.alpha", Role::Alpha),
            ("unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_A.weight", Role::Down),
            (
                "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight",
                Role::Up,
            ),
            (
                "down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.down.weight",
                Role::Down,
            ),
            (
                "diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_out.0.lora_B.default.weight",
                Role::Up,
            ),
        ] {
            let (found, part) = split(name).unwrap();
            assert!(forms.contains(&found) && part == role, "{name}: {found:?} {part:?}");
        }
    }

    #[test]
    fn text_encoders_and_motion_modules() {
        let text = (Network::Text, "encoder_layers_0_mlp_fc1".to_owned());
        for name in [
            "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight",
            "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight",
            "text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_linear_layer.up.weight",
            "text_encoder.encoder.layers.0.mlp.fc1.lora_B.weight",
        ] {
            assert_eq!(split(name), Some((text.clone(), Role::Up)), "{name}");
        }
        let module =
            "down_blocks.0.motion_modules.1.temporal_transformer.transformer_blocks.0.attention_blocks.1";
        let layer = (Network::Motion, underscores(&format!("{module}.to_out.0")));
        for name in [
            format!("{module}.processor.to_out_lora.down.weight"),
            "unet.down_blocks.0.motion_modules.1.transformer_blocks.0.attn2.to_out.0.lora.down.weight".into(),
        ] {
            assert_eq!(split(&name), Some((layer.clone(), Role::Down)), "{name}");
        }
        assert_eq!(split("conv_in.weight"), None);
        assert_eq!(split(".alpha"), None);
    }
}
