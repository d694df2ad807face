//! UNet: diffusers names to LDM names and back.
//!
//! LDM numbers the blocks of the down path and the up path consecutively, diffusers numbers levels and blocks within
//! them. With R resnets per level of the down path, block j of level b is `input_blocks[1 + (R + 1) b + j]`, and in
//! the up path block j of level u is `output_blocks[(R + 1) u + j]`. The upsampler is the last child of its block:
//! `.2` after an attention, and `.1` if the level has none.

use std::collections::BTreeSet;

/// The properties of a UNet that its names depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Resnets per level of the down path; the up path has one more.
    resnets: usize,
    /// Levels of the up path that have attention.
    attentive: BTreeSet<usize>,
}

impl Plan {
    /// Derives the plan from LDM or diffusers names.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let (mut resnets, mut downsampler, mut blocks) = (0, None, BTreeSet::new());
        let mut attentive = BTreeSet::new();
        for name in names {
            let parts: Vec<&str> = name.splitn(5, '.').collect();
            match parts[..] {
                ["down_blocks", "0", "resnets", place, ..] => {
                    resnets = resnets.max(number(place).map_or(0, |place| place + 1));
                }
                ["up_blocks", level, "attentions", ..] => attentive.extend(number(level)),
                ["input_blocks", block, "0", "op", ..] => {
                    let block = number(block);
                    downsampler = if downsampler.is_none() { block } else { downsampler.min(block) };
                }
                ["output_blocks", block, "1", "norm" | "proj_in", ..] => blocks.extend(number(block)),
                _ => {}
            }
        }
        if let Some(first) = downsampler {
            // The first downsampler follows `conv_in` and the resnets of the first level.
            resnets = first.saturating_sub(1);
        }
        // Every published UNet has two; a UNet with a single level has no downsampler to derive it from.
        let resnets = if resnets == 0 || resnets > 64 { 2 } else { resnets };
        attentive.extend(blocks.into_iter().map(|block| block / (resnets + 1)));
        Self { resnets, attentive }
    }

    fn upsampler_child(&self, level: usize) -> usize {
        if self.attentive.contains(&level) { 2 } else { 1 }
    }
}

/// A number in a name; limited to four digits so that sums cannot overflow.
pub(super) fn number(text: &str) -> Option<usize> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain && (text.len() == 1 || !text.starts_with('0')) { text.parse().ok() } else { None }
}

/// Layers of a resnet: LDM name, diffusers name.
const RESNET: [(&str, &str); 6] = [
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
];

/// Layers outside of the blocks: LDM name, diffusers name.
const FIXED: [(&str, &str); 7] = [
    ("input_blocks.0.0", "conv_in"),
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
];

/// `path` with its beginning replaced by the first rule (from, to) that matches whole dot-separated components.
pub(super) fn replaced<'a>(
    path: &str,
    rules: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    rules.into_iter().find_map(|(from, to)| {
        let rest = path.strip_prefix(from)?;
        (rest.is_empty() || rest.starts_with('.')).then(|| format!("{to}{rest}"))
    })
}

fn swapped<'a>((ldm, diffusers): (&'a str, &'a str)) -> (&'a str, &'a str) {
    (diffusers, ldm)
}

/// The LDM name of a tensor or layer in diffusers naming; `None` if it does not belong to a UNet.
pub fn to_ldm(name: &str, plan: &Plan) -> Option<String> {
    if let Some(fixed) = replaced(name, FIXED.map(swapped)) {
        return Some(fixed);
    }
    if let Some(rest) = name.strip_prefix("class_embedding.") {
        return to_ldm(&format!("add_embedding.{rest}"), plan);
    }
    let (side, rest) = name.split_once('.')?;
    let row = plan.resnets + 1;
    if side == "mid_block" {
        let (part, rest) = rest.split_once('.')?;
        let (place, rest) = rest.split_once('.')?;
        return match (part, place) {
            ("resnets", "0") => Some(format!("middle_block.0.{}", replaced(rest, RESNET.map(swapped))?)),
            ("attentions", "0") => Some(format!("middle_block.1.{rest}")),
            ("resnets", "1") => Some(format!("middle_block.2.{}", replaced(rest, RESNET.map(swapped))?)),
            _ => None,
        };
    }
    let (level, rest) = rest.split_once('.')?;
    let (part, rest) = rest.split_once('.')?;
    let (place, rest) = rest.split_once('.')?;
    let (level, place) = (number(level)?, number(place)?);
    let (blocks, block) = match side {
        "down_blocks" if place < plan.resnets => ("input_blocks", 1 + row * level + place),
        "up_blocks" if place < row => ("output_blocks", row * level + place),
        _ => return None,
    };
    match part {
        "resnets" => Some(format!("{blocks}.{block}.0.{}", replaced(rest, RESNET.map(swapped))?)),
        "attentions" => Some(format!("{blocks}.{block}.1.{rest}")),
        "downsamplers" if place == 0 && blocks == "input_blocks" => {
            Some(format!("input_blocks.{}.0.{}", row * (level + 1), replaced(rest, [("conv", "op")])?))
        }
        "upsamplers" if place == 0 && blocks == "output_blocks" => {
            let child = plan.upsampler_child(level);
            let last = row * level + plan.resnets;
            Some(format!("output_blocks.{last}.{child}.{}", replaced(rest, [("conv", "conv")])?))
        }
        _ => None,
    }
}

/// The diffusers name of a tensor or layer in LDM naming; `None` if it does not belong to a UNet.
pub fn to_diffusers(name: &str, plan: &Plan) -> Option<String> {
    if let Some(fixed) = replaced(name, FIXED) {
        return Some(fixed);
    }
    let (side, rest) = name.split_once('.')?;
    let (block, rest) = rest.split_once('.')?;
    if side == "middle_block" {
        return match block {
            "0" => Some(format!("mid_block.resnets.0.{}", replaced(rest, RESNET)?)),
            "1" => Some(format!("mid_block.attentions.0.{rest}")),
            "2" => Some(format!("mid_block.resnets.1.{}", replaced(rest, RESNET)?)),
            _ => None,
        };
    }
    let (child, rest) = rest.split_once('.')?;
    let (block, child) = (number(block)?, number(child)?);
    let row = plan.resnets + 1;
    match side {
        "input_blocks" => {
            let block = block.checked_sub(1)?;
            let (level, place) = (block / row, block % row);
            match child {
                0 if place == plan.resnets => {
                    let rest = replaced(rest, [("op", "conv")])?;
                    Some(format!("down_blocks.{level}.downsamplers.0.{rest}"))
                }
                0 => Some(format!("down_blocks.{level}.resnets.{place}.{}", replaced(rest, RESNET)?)),
                1 => Some(format!("down_blocks.{level}.attentions.{place}.{rest}")),
                _ => None,
            }
        }
        "output_blocks" => {
            let (level, place) = (block / row, block % row);
            match child {
                0 => Some(format!("up_blocks.{level}.resnets.{place}.{}", replaced(rest, RESNET)?)),
                1 | 2 if rest == "conv" || rest.starts_with("conv.") => {
                    let fits = place == plan.resnets && child == plan.upsampler_child(level);
                    fits.then(|| format!("up_blocks.{level}.upsamplers.0.{rest}"))
                }
                1 => Some(format!("up_blocks.{level}.attentions.{place}.{rest}")),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let sd15 = ["input_blocks.3.0.op.weight", "output_blocks.3.1.norm.weight"];
        let sd15 = Plan::of(sd15.into_iter());
        let sdxl = ["down_blocks.0.resnets.1.norm1.weight", "up_blocks.0.attentions.2.norm.weight"];
        let sdxl = Plan::of(sdxl.into_iter());
        let cases = [
            (&sd15, "input_blocks.0.0.bias", "conv_in.bias"),
            (&sd15, "input_blocks.9.0.op.weight", "down_blocks.2.downsamplers.0.conv.weight"),
            (
                &sd15,
                "input_blocks.4.0.skip_connection.weight",
                "down_blocks.1.resnets.0.conv_shortcut.weight",
            ),
            (&sd15, "output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"),
            (&sd15, "output_blocks.5.2.conv.weight", "up_blocks.1.upsamplers.0.conv.weight"),
            (&sdxl, "output_blocks.2.2.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"),
            (&sdxl, "output_blocks.2.1.proj_in.weight", "up_blocks.0.attentions.2.proj_in.weight"),
            (&sdxl, "label_emb.0.2.weight", "add_embedding.linear_2.weight"),
            (&sdxl, "middle_block.2.out_layers.3", "mid_block.resnets.1.conv2"),
        ];
        for (plan, ldm, diffusers) in cases {
            assert_eq!(to_ldm(diffusers, plan).as_deref(), Some(ldm));
            assert_eq!(to_diffusers(ldm, plan).as_deref(), Some(diffusers));
        }
        for odd in
            ["down_blocks.1.attentions", "down_blocks.x.resnets.0.norm1.weight", "conv_inner.weight", ""]
        {
            assert_eq!(to_ldm(odd, &sd15), None, "{odd}");
        }
    }
}
