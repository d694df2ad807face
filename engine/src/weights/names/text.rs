//! Text encoders: names of CLIP towers to Hugging Face names without `text_model.`.
//!
//! OpenCLIP stores query, key and value of a layer in one matrix, as rows in that order, and its projection as a
//! matrix for multiplication from the right: the transpose of a linear layer's weight.

use super::Op;
use super::unet::replaced;

/// The canonical names of a stored tensor and their conversions, usually one; none for position ids (0, 1, 2, ...),
/// the logit scale and tensors that do not belong to a text encoder.
pub fn canonical(name: &str) -> Vec<(String, Op)> {
    if name.ends_with("position_ids") {
        return Vec::new();
    }
    match open_clip(name) {
        Some(names) => names,
        None => hugging_face(name).map(|name| (name, Op::Copy)).into_iter().collect(),
    }
}

fn hugging_face(name: &str) -> Option<String> {
    let name = name.strip_prefix("text_model.").unwrap_or(name);
    let starts = ["embeddings.", "encoder.layers.", "final_layer_norm.", "text_projection.weight"];
    starts.iter().any(|start| name.starts_with(start)).then(|| name.to_owned())
}

fn open_clip(name: &str) -> Option<Vec<(String, Op)>> {
    let copy = |name: String| Some(vec![(name, Op::Copy)]);
    match name {
        "positional_embedding" => return copy("embeddings.position_embedding.weight".into()),
        "token_embedding.weight" => return copy("embeddings.token_embedding.weight".into()),
        "text_projection" => return Some(vec![("text_projection.weight".into(), Op::Transpose)]),
        _ => {}
    }
    if let Some(name) = replaced(name, [("ln_final", "final_layer_norm")]) {
        return copy(name);
    }
    let (layer, rest) = name.strip_prefix("transformer.resblocks.")?.split_once('.')?;
    let layer = format!("encoder.layers.{layer}");
    if let Some(leaf @ ("weight" | "bias")) = rest.strip_prefix("attn.in_proj_") {
        let third = |(index, part)| (format!("{layer}.self_attn.{part}.{leaf}"), Op::Rows { index, of: 3 });
        return Some(["q_proj", "k_proj", "v_proj"].into_iter().enumerate().map(third).collect());
    }
    let rules = [
        ("ln_1", "layer_norm1"),
        ("ln_2", "layer_norm2"),
        ("attn.out_proj", "self_attn.out_proj"),
        ("mlp.c_fc", "mlp.fc1"),
        ("mlp.c_proj", "mlp.fc2"),
    ];
    copy(format!("{layer}.{}", replaced(rest, rules)?))
}
