"""Write pocket.safetensors (LDM single file), pocket_motion.safetensors (AnimateDiff) and pocket_lines.safetensors
(ControlNet, LDM) in f16.

Uses the checkpoints that exist: a part without one is written with its initial values, so that the files can
be loaded by other programs before training is finished.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from pocket.config import ROUNDS, load_config, make_motion, make_text, make_unet, make_vae
from pocket.tokens import CaptionTokens

NOTE = {"title": "pocket", "licence": "MIT OR Apache-2.0", "training": "from nothing, on drawn data; see training/README.md"}


def load_parts(config, folder: Path, log=print, rounds: int = len(ROUNDS)) -> dict[str, torch.nn.Module]:
    """-> vae, text, unet, motion in evaluation mode, with averaged weights if they exist.

    The weights are those after `rounds` rounds of train_coupling.py, or as many as exist.
    """
    torch.manual_seed(config["seed"])
    parts = {"vae": make_vae(config), "text": make_text(config), "unet": make_unet(config), "motion": make_motion(config)}
    parts["text"].keep_only(CaptionTokens().used())
    for name, key in (("vae", "vae"), ("unet", "unet_average"), ("text", "text_average"), ("motion", "motion_average")):
        path = folder / ("unet.pt" if name == "text" else f"{name}.pt")
        if not path.exists():
            log(f"{name}: no checkpoint, starting values")
            continue
        state = torch.load(path, weights_only=True)[key]
        parts[name].load_state_dict(state.get("values", state))
    finished = [path for path in (folder / f"{name}.pt" for name in ROUNDS[:rounds]) if path.exists()]
    if finished:
        state = torch.load(finished[-1], weights_only=True)["average"]["values"]
        for name in ("text", "unet", "motion"):
            parts[name].load_state_dict({k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")})
    return {name: part.eval() for name, part in parts.items()}


LARGE = 4096  # values of a tensor worth storing in 8 bits where that loses nothing


def half(state, prefix: str = "") -> dict[str, torch.Tensor]:
    """The tensors in f16; large tensors of zeros, as in the residual branches of the encoder, in 8 bits."""
    tensors = {prefix + name: value.detach().to(torch.float16).contiguous() for name, value in state.items()}
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} does not fit into f16")
        if value.numel() >= LARGE and not value.any():
            tensors[name] = value.to(torch.float8_e4m3fn)
    return tensors


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    parts = load_parts(load_config(options.config), options.run)
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = {
        **half(parts["unet"].state_dict(), "model.diffusion_model."),
        **half(parts["vae"].baked_state(), "first_stage_model."),
        **half(parts["text"].state_dict(), "cond_stage_model.transformer.text_model."),
    }
    files = {"pocket": checkpoint, "pocket_motion": half(parts["motion"].state_dict())}
    path = options.run / "control.pt"
    if path.exists():
        state = torch.load(path, weights_only=True)["control_average"]["values"]
        files["pocket_lines"] = half(state, "control_model.")
    for name, tensors in files.items():
        beside = options.out / f"{name}.part"
        save_file(tensors, beside, metadata=NOTE)
        beside.replace(options.out / f"{name}.safetensors")
        values = sum(t.numel() for t in tensors.values())
        print(f"{name}.safetensors: {len(tensors)} tensors, {values} values")


if __name__ == "__main__":
    main()
