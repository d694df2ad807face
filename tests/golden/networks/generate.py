#!/usr/bin/env python3
"""Golden vectors of the networks: tiny models with random weights, run by diffusers and transformers.

    pip install torch diffusers transformers safetensors numpy
    python generate.py            (writes all .safetensors beside this file)
    python generate.py control    (that one)
    python generate.py sparse     (sparse.safetensors and sparse_latents.safetensors)

Weights are rounded to f16 before anything is computed, then used in f32, and stored in f16 under the names of the LDM
single file and of AnimateDiff. Group norms take min(32, channels / 4) groups, which is 32 at every published width.

The motion module is an implementation of its own, because diffusers' normalises over all frames in every version: group
norm, projection, twice (layer norm, plus position, attention over the frames of each pixel, added), gated feed-forward
(added), projection, added. It runs after the attention of a block, or after its first residual block if it has none. "v1" makes
every group norm of the UNet take its statistics over all frames of a video.
"""

import math
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, ControlNetModel, SparseControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

HERE = Path(__file__).parent


def randomise(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights that keep activations near 1, gains near 1, and no bias at zero; all representable in f16."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.ndim >= 2:
                noise *= 0.8 / math.sqrt(value[0].numel()) if "embedding" not in name else 0.3
            else:
                noise = noise * 0.2 + (1.0 if name.endswith("weight") else 0.0)
            value.copy_(noise.half().float())
    for module in model.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.num_groups = min(32, module.num_channels // 4)
    return model.eval()


def save(name: str, weights: dict, values: dict):
    tensors = {f"weights.{key}": value.half() for key, value in weights.items()} | values
    tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    save_file(tensors, HERE / f"{name}.safetensors")
    print(name, (HERE / f"{name}.safetensors").stat().st_size, "bytes")


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- text

def clip():
    config = CLIPTextConfig(hidden_size=128, intermediate_size=192, num_hidden_layers=3, num_attention_heads=2,
                            max_position_embeddings=77, vocab_size=49408, hidden_act="quick_gelu",
                            bos_token_id=49406, eos_token_id=49407)
    model = randomise(CLIPTextModel(config), 1)
    prompt = [49406, 320, 2368, 525, 518, 3267] + [49407] * 71
    empty = [49406] + [49407] * 76
    weights = torch.ones(77)
    weights[2], weights[3] = 1.3, 0.7
    out = model(torch.tensor([prompt, empty]), output_hidden_states=True)
    body = getattr(model, "text_model", model)
    norm = body.final_layer_norm
    last, skipped = out.last_hidden_state, norm(out.hidden_states[-2])
    mixed = (last[:1] - last[1:]) * weights[None, :, None] + last[1:]
    state = {re.sub(r"^text_model\.", "", key): value for key, value in model.state_dict().items()}
    table = state.pop("embeddings.token_embedding.weight")
    state = {key: value for key, value in state.items() if "position_ids" not in key}
    used = sorted(set(prompt))
    save("clip", state, {
        "tokens": torch.tensor(used, dtype=torch.int64), "token_rows": table[used], "prompt": torch.tensor(prompt),
        "out.last": last[:1], "out.skip2": skipped[:1], "out.weighted": mixed, "out.empty": last[1:],
    })


# ---------------------------------------------------------------- autoencoder

def vae_name(name: str, levels: int) -> str:
    """A tensor's diffusers name as LDM calls it."""
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets\.(\d+)", r"encoder.down.\1.block.\2", name)
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0", r"encoder.down.\1.downsample", name)
    up = lambda found: f"decoder.up.{levels - 1 - int(found[1])}."
    name = re.sub(r"decoder\.up_blocks\.(\d+)\.", up, name)
    name = name.replace("resnets.", "block.").replace("upsamplers.0", "upsample")
    name = name.replace("mid_block.block.0", "mid.block_1").replace("mid_block.block.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm")
    for ours, theirs in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")):
        name = name.replace(f"mid_block.attentions.0.{theirs}.", f"mid.attn_1.{ours}.")
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def vae():
    widths = (12, 16, 24)
    model = AutoencoderKL(in_channels=3, out_channels=3, block_out_channels=widths, layers_per_block=1, latent_channels=3,
                          norm_num_groups=4, down_block_types=("DownEncoderBlock2D",) * 3,
                          up_block_types=("UpDecoderBlock2D",) * 3)
    randomise(model, 2)
    pictures = noise(2, 3, 24, 36, seed=3)
    latents = model.encode(pictures).latent_dist.mean
    state = {}
    for name, value in model.state_dict().items():
        name = vae_name(name, len(widths))
        state[name] = value[:, :, None, None] if value.ndim == 2 else value
    save("vae", state, {"pictures": pictures, "out.latents": latents, "out.pictures": model.decode(latents).sample})


# ---------------------------------------------------------------- UNet

BLOCKS = 1  # residual blocks of a level


def unet_name(name: str) -> str:
    """A tensor's diffusers name as LDM calls it."""
    for theirs, ours in (("conv_in.", "input_blocks.0.0."), ("time_embedding.linear_1.", "time_embed.0."),
                         ("time_embedding.linear_2.", "time_embed.2."), ("conv_norm_out.", "out.0."), ("conv_out.", "out.2.")):
        if name.startswith(theirs):
            return ours + name[len(theirs):]
    down = lambda level, block: 1 + (BLOCKS + 1) * level + block
    rules = [
        (r"down_blocks\.(\d)\.resnets\.(\d)\.", lambda m: f"input_blocks.{down(int(m[1]), int(m[2]))}.0."),
        (r"down_blocks\.(\d)\.attentions\.(\d)\.", lambda m: f"input_blocks.{down(int(m[1]), int(m[2]))}.1."),
        (r"down_blocks\.(\d)\.downsamplers\.0\.conv\.", lambda m: f"input_blocks.{down(int(m[1]), BLOCKS)}.0.op."),
        (r"mid_block\.resnets\.(\d)\.", lambda m: f"middle_block.{2 * int(m[1])}."),
        (r"mid_block\.attentions\.0\.", lambda m: "middle_block.1."),
        (r"up_blocks\.(\d)\.resnets\.(\d)\.", lambda m: f"output_blocks.{(BLOCKS + 1) * int(m[1]) + int(m[2])}.0."),
        (r"up_blocks\.(\d)\.attentions\.(\d)\.", lambda m: f"output_blocks.{(BLOCKS + 1) * int(m[1]) + int(m[2])}.1."),
        # The deepest level has no attention, so there the upsampler is the second child.
        (r"up_blocks\.(\d)\.upsamplers\.0\.conv\.",
         lambda m: f"output_blocks.{(BLOCKS + 1) * int(m[1]) + BLOCKS}.{1 if m[1] == '0' else 2}.conv."),
    ]
    for pattern, ours in rules:
        found = re.match(pattern, name)
        if found:
            name = ours(found) + name[found.end():]
            break
    for theirs, ours in (("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"),
                         ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection")):
        if "transformer_blocks" not in name:
            name = name.replace(f".{theirs}.", f".{ours}.")
    return name


def make_unet() -> UNet2DConditionModel:
    return randomise(UNet2DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=WIDTHS, layers_per_block=BLOCKS, cross_attention_dim=24,
        attention_head_dim=8, norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D")), 4)


WIDTHS = (16, 32, 32)
VIDEOS, FRAMES = 2, 5


# ---------------------------------------------------------------- motion module

def motion_places() -> dict[str, int]:
    places = {f"down_blocks.{level}.motion_modules.0": width for level, width in enumerate(WIDTHS)}
    places["mid_block.motion_modules.0"] = WIDTHS[-1]
    for level, width in enumerate(reversed(WIDTHS)):
        places |= {f"up_blocks.{level}.motion_modules.{block}": width for block in range(BLOCKS + 1)}
    return places


def motion_weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    weights = {}

    def put(name, *shape):
        value = torch.randn(*shape, generator=generator)
        if len(shape) == 2:
            value *= 0.8 / math.sqrt(shape[1])
        else:
            value = value * 0.2 + (1.0 if name.endswith("weight") else 0.0)
        weights[name] = value.half().float()

    for place, c in motion_places().items():
        top = f"{place}.temporal_transformer"
        block = f"{top}.transformer_blocks.0"
        for norm in (f"{top}.norm", f"{block}.norms.0", f"{block}.norms.1", f"{block}.ff_norm"):
            put(f"{norm}.weight", c), put(f"{norm}.bias", c)
        for index in range(2):
            for part in "qkv":
                put(f"{block}.attention_blocks.{index}.to_{part}.weight", c, c)
            put(f"{block}.attention_blocks.{index}.to_out.0.weight", c, c)
            put(f"{block}.attention_blocks.{index}.to_out.0.bias", c)
        for layer, rows, columns in ((f"{top}.proj_in", c, c), (f"{top}.proj_out", c, c),
                                     (f"{block}.ff.net.0.proj", 8 * c, c), (f"{block}.ff.net.2", c, 4 * c)):
            put(f"{layer}.weight", rows, columns), put(f"{layer}.bias", rows)
    return weights


def positions(length: int, c: int) -> torch.Tensor:
    rate = torch.exp(torch.arange(0, c, 2) * (-math.log(10000.0) / c))
    angle = torch.arange(length)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).reshape(length, c)


def run_motion(weights, place, x, frames, scale, effect):
    top = f"{place}.temporal_transformer"
    block = f"{top}.transformer_blocks.0"
    get = lambda name: weights[name]
    n, c, h, w = x.shape
    norm = torch.nn.GroupNorm(min(32, c // 4), c, eps=1e-6)
    norm.weight.data, norm.bias.data = get(f"{top}.norm.weight"), get(f"{top}.norm.bias")
    tokens = norm(x).permute(0, 2, 3, 1).reshape(n, h * w, c)
    tokens = F.linear(tokens, get(f"{top}.proj_in.weight"), get(f"{top}.proj_in.bias"))
    # [videos * pixels, frames, channels]
    tokens = tokens.reshape(n // frames, frames, h * w, c).transpose(1, 2).reshape(-1, frames, c)
    for index in range(2):
        at = f"{block}.attention_blocks.{index}"
        normed = F.layer_norm(tokens, (c,), get(f"{block}.norms.{index}.weight"), get(f"{block}.norms.{index}.bias"))
        normed = normed + positions(frames, c)
        split = lambda y: y.reshape(-1, frames, 8, c // 8).transpose(1, 2)
        q, k, v = (F.linear(normed, get(f"{at}.to_{part}.weight")) for part in "qkv")
        k = k * scale.reshape(1, -1, 1)
        scores = split(q) @ split(k).transpose(-1, -2) / math.sqrt(c // 8)
        mixed = (scores.softmax(-1) @ split(v)).transpose(1, 2).reshape(-1, frames, c)
        tokens = tokens + F.linear(mixed, get(f"{at}.to_out.0.weight"), get(f"{at}.to_out.0.bias"))
    normed = F.layer_norm(tokens, (c,), get(f"{block}.ff_norm.weight"), get(f"{block}.ff_norm.bias"))
    value, gate = F.linear(normed, get(f"{block}.ff.net.0.proj.weight"), get(f"{block}.ff.net.0.proj.bias")).chunk(2, -1)
    tokens = tokens + F.linear(value * F.gelu(gate), get(f"{block}.ff.net.2.weight"), get(f"{block}.ff.net.2.bias"))
    tokens = tokens.reshape(n // frames, h * w, frames, c).transpose(1, 2).reshape(n, h * w, c)
    tokens = F.linear(tokens, get(f"{top}.proj_out.weight"), get(f"{top}.proj_out.bias"))
    moved = x + tokens.reshape(n, h, w, c).permute(0, 3, 1, 2)
    effect = effect.repeat(n // len(effect)).reshape(-1, 1, 1, 1)
    return x * (1 - effect) + moved * effect


def animate(model, weights, scale, effect, middle: bool):
    """Inserts the motion module into a diffusers UNet."""
    def attach(module, place):
        def hook(_, __, output):
            x = output[0] if isinstance(output, tuple) else getattr(output, "sample", output)
            y = run_motion(weights, place, x, FRAMES, scale, effect)
            return (y, *output[1:]) if isinstance(output, tuple) else y
        return module.register_forward_hook(hook)

    hooks = []
    for side, blocks in (("down", model.down_blocks), ("up", model.up_blocks)):
        for level, block in enumerate(blocks):
            parts = getattr(block, "attentions", None) or block.resnets
            hooks += [attach(part, f"{side}_blocks.{level}.motion_modules.{i}") for i, part in enumerate(parts)]
    if middle:
        hooks.append(attach(model.mid_block.attentions[0], "mid_block.motion_modules.0"))
    return hooks


class AcrossFrames:
    """While active, group norms take their statistics over all frames of a video."""

    def __enter__(self):
        self.original = torch.nn.GroupNorm.forward

        def forward(norm, x):
            n, c = x.shape[:2]
            y = x.reshape(n // FRAMES, FRAMES, c, -1).transpose(1, 2)
            y = F.group_norm(y, norm.num_groups, norm.weight, norm.bias, norm.eps)
            return y.transpose(1, 2).reshape(x.shape)

        torch.nn.GroupNorm.forward = forward

    def __exit__(self, *_):
        torch.nn.GroupNorm.forward = self.original


def unet_and_motion():
    model = make_unet()
    # Odd sizes: 9 x 7, 5 x 4, 3 x 2.
    x = noise(VIDEOS * FRAMES, 4, 9, 7, seed=6)
    context = noise(VIDEOS, 11, 24, seed=7)
    each = context.repeat_interleave(FRAMES, 0)
    run = lambda t: model(x, t, each).sample
    state = {unet_name(name): value for name, value in model.state_dict().items()}
    values = {"x": x, "context": context, "out.t0": run(0), "out.t587": run(587), "out.t999": run(999)}
    save("unet", state, values)

    weights = motion_weights()
    one = torch.ones(1)
    scale = torch.tensor([0.6, 0.8, 1.0, 1.3, 1.7])
    effect = torch.tensor([1.0, 0.75, 0.5, 0.25, 0.0])
    out = {}
    for name, middle, scales, effects in (("v2", True, one, one), ("v3", False, one, one),
                                          ("v2.scale", True, scale, one), ("v2.effect", True, one, effect)):
        hooks = animate(model, weights, scales, effects, middle)
        out[f"out.{name}"] = run(587)
        [hook.remove() for hook in hooks]
    with AcrossFrames():
        hooks = animate(model, weights, one, one, False)
        out["out.v1"] = run(587)
        [hook.remove() for hook in hooks]
    save("motion", weights, {"scale": scale, "effect": effect, **out})


# ---------------------------------------------------------------- ControlNet

def control_name(name: str) -> str:
    """A tensor's diffusers name as LDM calls it."""
    name = name.replace("controlnet_cond_embedding.conv_in.", "input_hint_block.0.")
    name = name.replace("controlnet_cond_embedding.conv_out.", "input_hint_block.14.")
    name = re.sub(r"controlnet_cond_embedding\.blocks\.(\d)\.", lambda m: f"input_hint_block.{2 + 2 * int(m[1])}.", name)
    name = re.sub(r"controlnet_down_blocks\.(\d)\.", r"zero_convs.\1.0.", name)
    return unet_name(name.replace("controlnet_mid_block.", "middle_block_out.0."))


def control():
    """A UNet, the one of unet.safetensors, with one ControlNet at weights that differ by frame, and with it twice."""
    net = randomise(ControlNetModel(
        in_channels=4, block_out_channels=WIDTHS, layers_per_block=BLOCKS, cross_attention_dim=24, attention_head_dim=8,
        norm_num_groups=4, conditioning_embedding_out_channels=(4, 6, 8, 12),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D")), 11)
    unet = make_unet()
    x = noise(VIDEOS * FRAMES, 4, 9, 7, seed=6)
    context = noise(VIDEOS, 11, 24, seed=7).repeat_interleave(FRAMES, 0)
    hint = torch.rand(FRAMES, 3, 72, 56, generator=torch.Generator().manual_seed(12)).half().float()
    weights = torch.tensor([0.0, 0.5, 1.0, 1.5, 0.25])
    down, mid = net(x, 369, context, hint.repeat(VIDEOS, 1, 1, 1), return_dict=False)

    def steered(strength):
        strength = strength.repeat(VIDEOS * FRAMES // len(strength)).reshape(-1, 1, 1, 1)
        return unet(x, 369, context, down_block_additional_residuals=[y * strength for y in down],
                    mid_block_additional_residual=mid * strength).sample

    save("control", {control_name(name): value for name, value in net.state_dict().items()}, {
        "hint": hint.half(), "weights_by_frame": weights, "out.frames": steered(weights),
        "out.twice": steered(torch.tensor([0.5 + 0.7])), "out.without": unet(x, 369, context).sample,
    })


# ---------------------------------------------------------------- SparseCtrl

class ByFrame(torch.nn.Module):
    """A temporal layer's group norm by frame, as SparseCtrl was trained; diffusers' takes all frames together."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):  # [videos, channels, frames, h, w]
        n, c, f, h, w = x.shape
        y = self.norm(x.transpose(1, 2).reshape(n * f, c, h, w))
        return y.reshape(n, f, c, h, w).transpose(1, 2)


def sparse_name(name: str) -> str:
    """A tensor's diffusers name as the original files have it; temporal layers as AnimateDiff."""
    name = name.replace("norm.norm.", "norm.")
    if "motion_modules" not in name:
        return control_name(re.sub(r"controlnet_cond_embedding\.(weight|bias)", r"input_hint_block.0.\1", name))
    for theirs, ours in (("attn1", "attention_blocks.0"), ("norm1", "norms.0"), ("norm3", "ff_norm"),
                         ("pos_embed", "attention_blocks.0.pos_encoder")):
        name = name.replace(f".{theirs}.", f".{ours}.")
    return re.sub(r"(motion_modules\.\d)\.", r"\1.temporal_transformer.", name)


def sparse():
    """SparseCtrl for pictures that are drawn and, with a single layer in place of the hint's network, for latents."""
    for name, single, seed in (("sparse", False, 13), ("sparse_latents", True, 14)):
        channels = 4 if single else 3
        net = randomise(SparseControlNetModel(
            in_channels=4, conditioning_channels=channels, block_out_channels=WIDTHS, layers_per_block=BLOCKS,
            cross_attention_dim=24, attention_head_dim=8, norm_num_groups=4, motion_max_seq_length=32,
            conditioning_embedding_out_channels=(4, 6, 8, 12), use_simplified_condition_embedding=single,
            down_block_types=("CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion", "DownBlockMotion")), seed)
        for block in net.down_blocks:
            for module in block.motion_modules:
                module.norm = ByFrame(module.norm)
        for table in net.buffers():
            table.copy_(table.half().float())
        x = noise(VIDEOS, 4, FRAMES, 9, 7, seed=6)
        context = noise(VIDEOS, 11, 24, seed=7).repeat_interleave(FRAMES, 0)
        size = (9, 7) if single else (72, 56)
        hint = torch.rand(FRAMES, channels, *size, generator=torch.Generator().manual_seed(seed)).half().float()
        shown = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0])
        cond = (hint * shown[:, None, None, None]).transpose(0, 1)[None].repeat(VIDEOS, 1, 1, 1, 1)
        mask = shown.reshape(1, 1, FRAMES, 1, 1).expand(VIDEOS, 1, FRAMES, *size)
        down, mid = net(x, 369, context, cond, conditioning_mask=mask, return_dict=False)
        unet = make_unet()
        frames = x.transpose(1, 2).reshape(VIDEOS * FRAMES, 4, 9, 7)
        eps = unet(frames, 369, context, down_block_additional_residuals=down, mid_block_additional_residual=mid).sample
        state = {sparse_name(key): value for key, value in net.state_dict().items()}
        save(name, state, {"x": frames, "context": context, "hint": hint.half(), "out.eps": eps,
                           "out.without": unet(frames, 369, context).sample})


if __name__ == "__main__":
    parts = {"clip": clip, "vae": vae, "unet": unet_and_motion, "control": control, "sparse": sparse}
    with torch.no_grad():
        for part in sys.argv[1:] or parts:
            parts[part]()
