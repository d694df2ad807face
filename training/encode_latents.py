"""Fit the encoder's linear code to the drawn stills and encode everything with it.

Writes to --run code.npz and, in f16, stills_latents.npy [scenes, looks, C, h, w], clips_latents.npy and
steady_clips_latents.npy [clips, looks, frames, C, h, w]. Latents have a standard deviation of 1: they are what the sampler works on.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from pocket.config import load_config
from pocket.linear_code import LinearCode

PHOTO_SHARE = 0.5  # of the code's fit; the other looks share the rest


def fit(stills: np.ndarray, latent_channels: int) -> LinearCode:
    looks = stills.shape[1]
    scenes = stills[:: max(1, len(stills) // 48)]
    weights = np.full(looks, (1 - PHOTO_SHARE) / (looks - 1))
    weights[0] = PHOTO_SHARE
    return LinearCode.fit(scenes.reshape(-1, *scenes.shape[2:]), np.tile(weights, len(scenes)), latent_channels)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--run", type=Path, required=True)
    options = arguments.parse_args()
    config = load_config(options.config)
    options.run.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    stills = np.load(options.data / "stills.npy", mmap_mode="r")
    code = fit(stills, config["model"]["latent_channels"])
    np.savez(options.run / "code.npz", **vars(code))
    for name in ("stills", "clips", "steady_clips"):
        pictures, latents = np.load(options.data / f"{name}.npy", mmap_mode="r"), []
        for scene in pictures:
            flat = scene.reshape(-1, *scene.shape[-3:])
            encoded = code.encode(flat).astype(np.float16)
            latents.append(encoded.reshape(*scene.shape[:-3], *encoded.shape[1:]))
        latents = np.stack(latents)
        np.save(options.run / f"{name}_latents.npy", latents)
        sample = latents.reshape(-1, *latents.shape[-3:])[::7].astype(np.float32)
        print(f"{name}: {latents.shape}, channel means {sample.mean((0, 2, 3)).round(2)}, "
              f"deviations {sample.std((0, 2, 3)).round(2)}, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
