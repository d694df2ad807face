"""Train the ControlNet for line hints: the UNet and the text encoder stay as they are.

Every image of a scene, in any look, is trained with the lines of the scene's photo, on random noise, so that only the
lines carry position information.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from export import load_parts
from pocket.captions import make_caption
from pocket.config import load_config, make_control
from pocket.control import line_hint
from pocket.running import Average, Run
from pocket.scenes import KINDS
from pocket.tokens import CaptionTokens
from train_unet import NAMES, balanced_loss, draw_look, draw_steps, noised


def take(rng, latents, stills, count: int, blank: float):
    """-> (latents [count, C, 16, 16], photos [count, 3, 128, 128] in 0..1, captions)."""
    batch, photos, captions = [], [], []
    for _ in range(count):
        scene, look = rng.integers(len(latents)), draw_look(rng)
        y, x = 2 * rng.integers((latents.shape[-2] - 16) // 2 + 1), 2 * rng.integers((latents.shape[-1] - 16) // 2 + 1)
        batch.append(latents[scene, look, :, y : y + 16, x : x + 16].astype(np.float32))
        photos.append(stills[scene, 0, 8 * y : 8 * y + 128, 8 * x : 8 * x + 128])
        captions.append(make_caption(rng, NAMES[look], KINDS[scene % len(KINDS)], blank))
    photos = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).float() / 255.0
    return torch.from_numpy(np.stack(batch)), photos, captions


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--threads", type=int, default=2, help="one is faster on a busy machine")
    options = arguments.parse_args()
    config = load_config(options.config)
    settings = config["control"]
    torch.set_num_threads(options.threads)
    torch.manual_seed(config["seed"])
    stills = np.load(options.data / "stills.npy", mmap_mode="r")
    latents = np.load(options.run / "stills_latents.npy")
    held_out = len(latents) - config["data"]["held_out"]
    parts = load_parts(config, options.run, log=lambda _: None)
    text, unet = parts["text"], parts["unet"].to(memory_format=torch.channels_last)
    for parameter in [*text.parameters(), *unet.parameters()]:
        parameter.requires_grad_(False)
    control = make_control(unet).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(control.parameters(), lr=settings["learning_rate"], betas=(0.9, 0.98), weight_decay=1e-3)
    average = Average(control, settings["average"])
    run = Run(options.run, "control", settings["minutes"], settings["learning_rate"])
    stored = {"control": control, "optimizer": optimizer, "control_average": average}
    run.resume(**stored)
    rng = np.random.default_rng([config["seed"], 9, run.step])
    torch.manual_seed(config["seed"] + run.step)
    run.log(f"{sum(p.numel() for p in control.parameters())} parameters")
    tokens = CaptionTokens()

    def loss_of(batch, photos, captions, guided: bool = True):
        steps, sigmas = draw_steps(len(batch))
        noise = torch.randn_like(batch)
        x = noised(batch, steps, sigmas, noise).contiguous(memory_format=torch.channels_last)
        context = text(tokens.encode(captions))
        additions = None
        if guided:
            hint = line_hint(photos, torch.arange(len(photos)) % 3).contiguous(memory_format=torch.channels_last)
            additions = control(x, hint, steps, context)
        return balanced_loss(unet(x, steps, context, control=additions), noise, sigmas)

    @torch.no_grad()
    def compare() -> str:
        """Held-out stills: the balanced loss with the hint and without it."""
        values = []
        for guided in (True, False):
            torch.manual_seed(13)
            batch = take(np.random.default_rng(13), latents[held_out:], stills[held_out:], 48, 0.0)
            values.append(float(loss_of(*batch, guided)))
        return f"held-out loss {values[0]:.4f} (without the hint {values[1]:.4f})"

    last = []
    while run.tick(optimizer) < 1.0:
        batch = take(rng, latents[:held_out], stills, settings["batch"], config["unet"]["blank_captions"])
        loss = loss_of(*batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(control.parameters(), 1.0)
        optimizer.step()
        average.update(control)
        last.append(loss.item())
        if run.step % 100 == 0:
            run.log(f"loss {np.mean(last):.4f}, {compare()}")
            torch.manual_seed(config["seed"] + run.step)
            last = []
        run.save(120, **stored)
    run.save(**stored)
    control.load_state_dict(average.values)
    run.log("done, averaged weights: " + compare())


if __name__ == "__main__":
    main()
