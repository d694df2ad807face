//! Motion modules: names of diffusers and Hotshot-XL to AnimateDiff's.
//!
//! diffusers has one position table for both attentions of a module, AnimateDiff one for each: the stored table gets
//! both names.

/// The canonical names of a stored tensor: two for a shared position table, none for tensors outside of temporal
/// layers (training files may also contain a whole UNet).
pub fn canonical(name: &str) -> Vec<String> {
    let name = name.strip_prefix("module.").unwrap_or(name);
    let Some((place, module)) = split(name) else { return Vec::new() };
    let at = |rest: &str| format!("{place}.temporal_transformer.{rest}");
    let module = module.strip_prefix("temporal_transformer.").unwrap_or(module);
    let Some(rest) = module.strip_prefix("transformer_blocks.") else { return vec![at(module)] };
    let Some((block, rest)) = rest.split_once('.') else { return Vec::new() };
    let at = |rest: &str| at(&format!("transformer_blocks.{block}.{rest}"));
    if let Some(leaf) = rest.strip_prefix("pos_embed.") {
        return (0..2).map(|i| at(&format!("attention_blocks.{i}.pos_encoder.{leaf}"))).collect();
    }
    const RULES: [(&str, &str); 5] = [
        ("attn1.", "attention_blocks.0."),
        ("attn2.", "attention_blocks.1."),
        ("norm1.", "norms.0."),
        ("norm2.", "norms.1."),
        ("norm3.", "ff_norm."),
    ];
    let renamed = RULES.iter().find_map(|(from, to)| Some(format!("{to}{}", rest.strip_prefix(from)?)));
    let rest = renamed.unwrap_or_else(|| rest.to_owned());
    vec![at(&rest.replace("pos_encoder.positional_encoding", "pos_encoder.pe"))]
}

/// Splits a name into `down_blocks.0.motion_modules.1` and the name inside the module.
fn split(name: &str) -> Option<(String, &str)> {
    ["motion_modules.", "temporal_attentions."].iter().find_map(|mark| {
        let at = name.find(mark)?;
        let (before, after) = (&name[..at], &name[at + mark.len()..]);
        let known =
            ["down_blocks.", "up_blocks.", "mid_block."].iter().any(|start| before.starts_with(start));
        let (module, rest) = after.split_once('.')?;
        known.then(|| (format!("{before}motion_modules.{module}"), rest))
    })
}
