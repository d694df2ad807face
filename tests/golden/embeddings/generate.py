#!/usr/bin/env python3
"""Golden files of textual inversion embeddings: prompts that name them, encoded by the reference workflow's own code.

    pip install torch transformers safetensors numpy
    python generate.py COMFYUI      (a checkout of ComfyUI; rewrites the files beside this one)

The embedding files hold random vectors in the layouts in common use, written by torch and
safetensors. The text encoders are tiny and have weights computed from their names (../networks/seeded.py). Every fourth
token of each result is kept. Made with torch 2.15 and ComfyUI of January 2026.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "networks"), sys.argv.pop(1)]

import seeded
from comfy import sd1_clip, sdxl_clip

L = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=1, hidden_act="quick_gelu",
         max_position_embeddings=77, eos_token_id=49407, vocab_size=49408)
G = dict(L, hidden_size=128, intermediate_size=160, num_attention_heads=2, hidden_act="gelu")
LONG = "a red cat and a blue dog on the old green hill " * 6  # 72 tokens
PROMPTS = {
    "plain": "a photo, embedding:webui, blurry",
    "weighted": "(embedding:webui:1.3) a cat, (bad embedding:sub/params.safetensors:0.6)",
    "moved": f"{LONG}(embedding:webui:0.8)",
    "torn": f"{LONG}embedding:many, (sharp:1.2)",
    "twice": "embedding:diffusers embedding:webui.pt\nembedding:diffusers, end",
}
PROMPTS_XL = {
    "both": "a photo, embedding:sdxl, (blurry:1.2)",
    "both.moved": f"{LONG}(embedding:sdxl:-0.5) and more",
}


def vectors(count: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed)) * 0.4


def write_embeddings():
    """Writes one file per layout."""
    (HERE / "sub").mkdir(exist_ok=True)
    web = {"string_to_token": {"*": 265}, "string_to_param": {"*": vectors(3, 64, 1)}, "name": "webui", "step": 500,
           "sd_checkpoint": None, "sd_checkpoint_name": None}
    torch.save(web, HERE / "webui.pt")
    # The training code of the paper keeps its vectors in a module. The reference accepts such a file only if its vectors
    # are 768 wide, so no prompt below uses it.
    torch.save({"string_to_token": {"*": torch.tensor(265)},
                "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors(2, 64, 2))})},
               HERE / "parameters.pt")
    torch.save({"<grid>": vectors(1, 64, 3)[0]}, HERE / "diffusers.bin")
    save_file({"emb_params": vectors(4, 64, 4).half()}, HERE / "sub" / "params.safetensors")
    save_file({"emb_params": vectors(10, 64, 5)}, HERE / "many.safetensors")
    save_file({"clip_l": vectors(2, 64, 6), "clip_g": vectors(2, 128, 7)}, HERE / "sdxl.safetensors")


def filled(model):
    """A text encoder with weights computed from their names, and the names with their shapes."""
    shapes = seeded.fill(model.transformer, lambda name: name.removeprefix("text_model."))
    return model, shapes


def main():
    write_embeddings()
    directory = [str(HERE)]
    values = {}

    def keep(name, result):
        values[name] = result[:, ::4].contiguous()

    first, l = filled(sd1_clip.SDClipModel(textmodel_json_config=L, return_projected_pooled=False))
    tokens = sd1_clip.SDTokenizer(embedding_directory=directory, embedding_size=64, embedding_key="clip_l")
    for name, prompt in PROMPTS.items():
        keep(name, first.encode_token_weights(tokens.tokenize_with_weights(prompt))[0])
    first.set_clip_options({"layer": -2})
    keep("plain.skip2", first.encode_token_weights(tokens.tokenize_with_weights(PROMPTS["plain"]))[0])

    left, _ = filled(sd1_clip.SDClipModel(layer="hidden", layer_idx=-2, layer_norm_hidden_state=False,
                                          textmodel_json_config=L))
    right, g = filled(sdxl_clip.SDXLClipG(textmodel_json_config=G))
    tokens_g = sd1_clip.SDTokenizer(pad_with_end=False, embedding_directory=directory, embedding_size=128,
                                    embedding_key="clip_g")
    for name, prompt in PROMPTS_XL.items():
        one, _ = left.encode_token_weights(tokens.tokenize_with_weights(prompt))
        two, pooled = right.encode_token_weights(tokens_g.tokenize_with_weights(prompt))
        keep(name, torch.cat([one, two], dim=-1))
        values[f"{name}.pooled"] = pooled
    prompts = {name: PROMPTS.get(name.removesuffix(".skip2"), PROMPTS_XL.get(name)) for name in values}
    save_file({name: value.detach().contiguous() for name, value in values.items()}, HERE / "encoded.safetensors",
              seeded.metadata(l=l, g=g, prompts={name: text for name, text in prompts.items() if text}))


if __name__ == "__main__":
    with torch.no_grad():
        main()
