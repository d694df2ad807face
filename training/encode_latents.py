"""Encode the drawn data once with the trained VAE: stills_latents.npy and clips_latents.npy (f16) in --run.

[scenes, looks, C, h, w] and [clips, looks_per_clip, frames, C, h, w], normalised (what the sampler works on).
"""

import argparse
import multiprocessing
import time
from pathlib import Path

import numpy as np
import torch

from pocket.config import load_config
from export import load_parts


def start(config, run: Path):
    """A worker: one thread each, so that workers never wait for each other."""
    global VAE
    torch.set_num_threads(1)
    VAE = load_parts(config, run, log=lambda _: None)["vae"]


@torch.inference_mode()
def encode(pictures: np.ndarray) -> np.ndarray:
    """[..., H, W, 3] uint8 -> [..., C, H/8, W/8] f16, two pictures at a time."""
    flat = torch.from_numpy(pictures.reshape(-1, *pictures.shape[-3:])).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    with torch.autocast("cpu", torch.bfloat16):
        latents = torch.cat([VAE.encode(pair.contiguous()).float() for pair in flat.split(2)])
    return latents.half().numpy().reshape(*pictures.shape[:-3], *latents.shape[1:])


def scenes(path: Path, share: float):
    pictures = np.load(path, mmap_mode="r")
    for scene in pictures[: round(share * len(pictures))]:
        yield np.array(scene)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--only", choices=["stills", "clips"])
    arguments.add_argument("--share", type=float, default=1.0, help="encode only this part of the scenes")
    arguments.add_argument("--processes", type=int, default=2)
    options = arguments.parse_args()
    began = time.monotonic()
    pool = multiprocessing.get_context("spawn").Pool(options.processes, start, (load_config(options.config), options.run))
    for name in [options.only] if options.only else ["stills", "clips"]:
        latents = []
        for scene in pool.imap(encode, scenes(options.data / f"{name}.npy", options.share)):
            latents.append(scene)
            if len(latents) % 50 == 0:
                print(f"{name}: {len(latents)}", flush=True)
        latents = np.stack(latents)
        np.save(options.run / f"{name}_latents.npy", latents)
        sample = latents.reshape(-1, *latents.shape[-3:])[::7].astype(np.float32)
        print(f"{name}: {latents.shape}, channel means {sample.mean((0, 2, 3)).round(2)}, "
              f"deviations {sample.std((0, 2, 3)).round(2)}, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
