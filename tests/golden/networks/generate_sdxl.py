#!/usr/bin/env python3
"""Golden vectors of SDXL's networks at tiny sizes, run by diffusers and transformers.

    pip install torch diffusers transformers safetensors numpy
    python generate_sdxl.py       (writes sdxl.safetensors and sdxl_text.safetensors beside this file)

Weights are computed from their names (seeded.py). The motion module is the reference of generate.py; with SDXL every group norm
takes its statistics over all frames of a video.
"""

import re

import torch
from diffusers import ControlNetModel, ControlNetUnionModel, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import generate
import seeded
from generate import HERE, noise

WIDTHS = (16, 64, 64)
POOLED = 32
VIDEOS = 2
FRAMES = generate.FRAMES
generate.WIDTHS = WIDTHS


def name(key: str) -> str:
    """A tensor's diffusers name as LDM calls it: as for SD1.5, but the deepest level has attention, too."""
    key = re.sub(r"^add_embedding\.linear_(\d)\.", lambda m: f"label_emb.0.{2 * int(m[1]) - 2}.", key)
    up = re.match(r"up_blocks\.(\d)\.upsamplers\.0\.conv\.", key)
    if up:
        return f"output_blocks.{2 * int(up[1]) + 1}.2.conv.{key[up.end():]}"
    return generate.control_name(key)


SHAPE = dict(
    in_channels=4, block_out_channels=WIDTHS, layers_per_block=1, cross_attention_dim=24, attention_head_dim=(1, 1, 1),
    transformer_layers_per_block=(1, 1, 2), use_linear_projection=True, addition_embed_type="text_time",
    addition_time_embed_dim=256, projection_class_embeddings_input_dim=POOLED + 6 * 256, norm_num_groups=4,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"))


def networks():
    unet = UNet2DConditionModel(
        out_channels=4, up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), **SHAPE)
    net = ControlNetModel(conditioning_embedding_out_channels=(4, 6, 8, 12), **SHAPE)
    shapes, control_shapes = seeded.fill(unet, name), seeded.fill(net, name)
    x = noise(VIDEOS * FRAMES, 4, 9, 7, seed=21)
    context, pooled = noise(VIDEOS, 11, 24, seed=22), noise(VIDEOS, POOLED, seed=23)
    hint = torch.rand(FRAMES, 3, 72, 56, generator=torch.Generator().manual_seed(24))
    each = context.repeat_interleave(FRAMES, 0)
    conditions = {"text_embeds": pooled.repeat_interleave(FRAMES, 0),
                  "time_ids": torch.tensor([[72, 56, 0, 0, 72, 56]] * VIDEOS * FRAMES)}
    run = lambda t, **more: unet(x, t, each, added_cond_kwargs=conditions, **more).sample
    out = {"out.t0": run(0), "out.t828": run(828)}

    down, mid = net(x, 828, each, hint.repeat(VIDEOS, 1, 1, 1), added_cond_kwargs=conditions, return_dict=False)
    out["out.control"] = run(828, down_block_additional_residuals=[y * 0.5 for y in down],
                             mid_block_additional_residual=mid * 0.5)

    # A union ControlNet with none of its types selected. What its transformer adds to a hint by type is left out, as in
    # the reference workflow in that case: its last layer is zero.
    union = ControlNetUnionModel(conditioning_embedding_out_channels=(4, 6, 8, 12), num_control_type=6,
                                 num_trans_channel=WIDTHS[0], num_trans_head=2, num_proj_channel=WIDTHS[0], **SHAPE)
    union_shapes = {key: shape for key, shape in seeded.fill(union, name).items() if key.startswith("control_add_embedding.")}
    union.task_embedding.zero_(), union.spatial_ch_projs.weight.zero_(), union.spatial_ch_projs.bias.zero_()
    down, mid = union(x, 828, each, [hint.repeat(VIDEOS, 1, 1, 1)], control_type=torch.zeros(VIDEOS * FRAMES, 6),
                      control_type_idx=[0], added_cond_kwargs=conditions, return_dict=False)
    out["out.union"] = run(828, down_block_additional_residuals=down, mid_block_additional_residual=mid)

    motion = {key: seeded.tensor(key, value.shape) for key, value in generate.motion_weights().items()
              if not key.startswith("mid_block.")}
    one = torch.ones(1)
    with generate.AcrossFrames():
        hooks = generate.animate(unet, motion, one, one, False)
        out["out.motion"] = run(828)
        [hook.remove() for hook in hooks]
    values = {"x": x, "context": context, "pooled": pooled, "hint": hint} | out
    save_file({key: value.detach().contiguous() for key, value in values.items()}, HERE / "sdxl.safetensors",
              seeded.metadata(unet=shapes, control=control_shapes, union=union_shapes,
                              motion={key: list(value.shape) for key, value in motion.items()}))


def text():
    shape = dict(num_hidden_layers=3, max_position_embeddings=77, vocab_size=49408, bos_token_id=49406, eos_token_id=49407)
    towers = {
        "l": CLIPTextModel(CLIPTextConfig(hidden_size=64, intermediate_size=96, num_attention_heads=1,
                                          hidden_act="quick_gelu", **shape)),
        "g": CLIPTextModelWithProjection(CLIPTextConfig(hidden_size=128, intermediate_size=160, num_attention_heads=2,
                                                        hidden_act="gelu", projection_dim=POOLED, **shape)),
    }
    prompt = [49406, 320, 2368, 525, 518, 5922, 49407]  # "a cat on the grass"
    weights = torch.ones(77)
    weights[2] = 1.3
    values, shapes = {}, {}
    for tower, model in towers.items():
        shapes[tower] = seeded.fill(model, lambda key: re.sub(r"^text_model\.", "", key))
        pad = 49407 if tower == "l" else 0
        ids = [part + [pad] * (77 - len(part)) for part in (prompt, [49406, 49407])]
        # The last layer's output is the input of the final norm; newer libraries list the output of the norm instead.
        last = []
        norm = getattr(model, "text_model", model).final_layer_norm
        norm.register_forward_pre_hook(lambda _, given: last.append(given[0]))
        out = model(torch.tensor(ids), output_hidden_states=True)
        values[f"{tower}.hidden.1"] = last[0][:1]
        z, empty = out.hidden_states[-2][:1], out.hidden_states[-2][1:]
        values[f"{tower}.hidden.2"] = z
        values[f"{tower}.weighted"] = (z - empty) * weights[None, :, None] + empty
        if tower == "g":
            values["pooled"] = out.text_embeds[:1]
    save_file({key: value.detach().contiguous() for key, value in values.items()}, HERE / "sdxl_text.safetensors",
              seeded.metadata(**shapes))


if __name__ == "__main__":
    with torch.no_grad():
        networks()
        text()
