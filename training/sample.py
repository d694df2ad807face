"""Evaluate the model on footage: unsample, resample in every look, write a contact sheet and print figures.

Rows: the source, the VAE round trip, the reconstruction (unsampled and resampled with the source prompt), then for
each look the model's frames and, one row below it, the look's own operator on the source.
"""

import argparse
import subprocess
from pathlib import Path

import cv2
import numpy as np
import torch

from export import load_parts
from pocket.config import load_config
from pocket.looks import LOOKS, apply_look, edges, luma
from pocket.schedule import align_your_steps, flipped, nearest_timestep, sigma_table
from pocket.tokens import CaptionTokens


def read_clip(path: Path, width: int, frames: int, skip: int) -> np.ndarray:
    """[frames, H, W, 3] uint8 through ffmpeg, scaled to `width`, the height cut to a multiple of 8."""
    size = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height",
                           "-of", "csv=p=0", path], capture_output=True, text=True, check=True).stdout
    source_width, source_height = (int(v) for v in size.strip().split(","))
    height = round(source_height * width / source_width / 8) * 8
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-vf", f"scale={width}:{height}:flags=area", "-f", "rawvideo",
                          "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)[skip : skip + frames]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a.astype(np.float64) - b) ** 2) / 255.0**2))


class Sampler:
    """Deterministic sampling on all frames of one window; latents [F, C, h, w] are VAE means times the scale factor."""

    def __init__(self, parts, motion: bool):
        self.parts, self.tokens = parts, CaptionTokens()
        self.motion = parts["motion"] if motion else None
        self.table = sigma_table("linear" if motion else "scaled_linear")

    def noise(self, x, sigma: float, prompt: str):
        step = nearest_timestep(self.table, sigma)
        context = self.parts["text"](self.tokens.encode([prompt])).expand(len(x), -1, -1)
        steps = torch.full((len(x),), step)
        return self.parts["unet"](x / (sigma**2 + 1) ** 0.5, steps, context, self.motion, len(x))

    def guided(self, x, sigma: float, prompt: str, cfg: float):
        noise = self.noise(x, sigma, prompt)
        if cfg != 1.0:
            other = self.noise(x, sigma, "")
            noise = other + cfg * (noise - other)
        return noise

    @torch.inference_mode()
    def euler(self, x, sigmas, prompt: str, cfg: float = 1.0):
        for sigma, following in zip(sigmas, sigmas[1:]):
            x = x + (following - sigma) * self.guided(x, sigma, prompt, cfg)
        return x

    @torch.inference_mode()
    def dpmpp_2m(self, x, sigmas, prompt: str, cfg: float = 1.0):
        last, last_h = None, None
        for sigma, following in zip(sigmas, sigmas[1:]):
            denoised = x - sigma * self.guided(x, sigma, prompt, cfg)
            if following == 0:
                return denoised
            ratio = following / sigma
            h = -np.log(ratio)
            mixed = denoised if last is None else denoised + (denoised - last) * h / (2 * last_h)
            x = ratio * x + (1 - ratio) * mixed
            last, last_h = denoised, h
        return x


@torch.inference_mode()
def encode(vae, pictures: np.ndarray):
    return vae.encode(torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1)


@torch.inference_mode()
def decode(vae, latents) -> np.ndarray:
    pictures = torch.cat([vae.decode(part) for part in latents.split(4)])
    return ((pictures.clamp(-1, 1) + 1) * 127.5 + 0.5).byte().permute(0, 2, 3, 1).numpy()


def edge_agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of edge maps, averaged over frames."""
    values = [np.corrcoef(edges(luma(x / np.float32(255)), 1.5).ravel(), edges(luma(y / np.float32(255)), 1.5).ravel())[0, 1]
              for x, y in zip(a, b)]
    return float(np.mean(values))


def flicker(clip: np.ndarray) -> float:
    """Mean change from frame to frame, 0..255."""
    return float(np.abs(np.diff(clip.astype(np.float32), axis=0)).mean())


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("clip", type=Path)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True, help="contact sheet, PNG")
    arguments.add_argument("--width", type=int, default=256)
    arguments.add_argument("--frames", type=int, default=16)
    arguments.add_argument("--skip", type=int, default=16, help="frames to leave out at the start")
    arguments.add_argument("--cfg", type=float, default=4.0)
    arguments.add_argument("--source-prompt", default="", help='"same" unsamples with the style prompt')
    arguments.add_argument("--no-motion", action="store_true")
    arguments.add_argument("--threads", type=int, default=2, help="one is faster on a busy machine")
    arguments.add_argument("--looks", nargs="*", default=list(LOOKS))
    arguments.add_argument("--random-noise", action="store_true", help="start from noise instead of unsampled latents")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    parts = load_parts(load_config(options.config), options.run)
    source = read_clip(options.clip, options.width, options.frames, options.skip)
    sampler, vae = Sampler(parts, not options.no_motion), parts["vae"]
    falling = align_your_steps(16)
    rising = flipped(falling)
    latents = encode(vae, source)
    round_trip = decode(vae, latents)
    print(f"latents: mean {latents.mean():.3f}, deviation {latents.std():.3f}; VAE round trip {psnr(source, round_trip):.2f} dB")
    shown = np.linspace(0, len(source) - 1, 4).round().astype(int)
    rows = [source[shown], round_trip[shown]]

    own = "" if options.source_prompt == "same" else options.source_prompt
    rough = decode(vae, sampler.euler(sampler.euler(latents, rising, own), falling, own))
    unsampled = sampler.dpmpp_2m(latents, rising, own)
    again = decode(vae, sampler.dpmpp_2m(unsampled, falling, own))
    print(f"unsampled deviation / sigma {unsampled.std() / rising[-1]:.3f}")
    print(f"reconstruction: euler {psnr(source, rough):.2f} dB, dpmpp_2m {psnr(source, again):.2f} dB")
    print(f"flicker: source {flicker(source):.2f}, round trip {flicker(round_trip):.2f}, reconstruction {flicker(again):.2f}")
    rows.append(again[shown])

    truths = {look: np.stack([apply_look(look, frame, 5) for frame in source]) for look in LOOKS}
    for look in options.looks:
        prompt = f"a {look}" if look != "photo" else "photo"
        start = unsampled
        if options.source_prompt == "same":
            start = sampler.dpmpp_2m(latents, rising, prompt)
        if options.random_noise:
            torch.manual_seed(1)
            start = torch.randn_like(latents) * rising[-1]
        styled = decode(vae, sampler.dpmpp_2m(start, falling, prompt, options.cfg))
        distances = {other: psnr(styled, truth) for other, truth in truths.items()}
        nearest = max(distances, key=distances.get)
        print(f"{look}: {distances[look]:.1f} dB to its operator, nearest {nearest} ({distances[nearest]:.1f}), "
              f"edges {edge_agreement(source, styled):.2f} (operator {edge_agreement(source, truths[look]):.2f}), "
              f"flicker {flicker(styled):.2f} (operator {flicker(truths[look]):.2f})", flush=True)
        rows += [styled[shown], truths[look][shown]]
    pairs = [np.hstack(row) for row in rows]
    if len(pairs) % 2:
        pairs.append(np.zeros_like(pairs[0]))
    half = (len(pairs) + 1) // 2
    sheet = np.hstack([np.vstack(pairs[:half]), np.vstack(pairs[half:])])
    cv2.imwrite(str(options.out), sheet[..., ::-1])


if __name__ == "__main__":
    main()
