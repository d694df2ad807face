"""Train the motion module on cached latents of moving scenes; the image UNet and the text encoder stay as they are."""

import argparse
from pathlib import Path

import numpy as np
import torch

from export import load_parts
from pocket.captions import make_caption
from pocket.config import load_config
from pocket.running import Average, Run
from pocket.scenes import KINDS
from pocket.schedule import sigma_table
from pocket.tokens import CaptionTokens
from train_unet import NAMES, balanced_loss, draw_look, noised

TABLE = sigma_table("linear")


def take_clips(rng, latents, count: int, size: int, blank: float):
    """-> ([count, frames, C, size, size] f32, captions), a quarter of them backwards."""
    batch, captions = [], []
    for _ in range(count):
        clip, k = rng.integers(len(latents)), draw_look(rng)
        y, x = 2 * rng.integers(0, (latents.shape[-2] - size) // 2 + 1, 2)
        frames = latents[clip, k, :, :, y : y + size, x : x + size].astype(np.float32)
        batch.append(frames[::-1].copy() if rng.random() < 0.25 else frames)
        captions.append(make_caption(rng, NAMES[k], KINDS[clip % len(KINDS)], blank))
    return torch.from_numpy(np.stack(batch)), captions


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--threads", type=int, default=2, help="one is faster on a busy machine")
    options = arguments.parse_args()
    config = load_config(options.config)
    settings = config["motion"]
    torch.set_num_threads(options.threads)
    latents = np.load(options.run / "clips_latents.npy")
    held_out, latents = latents[-6:], latents[:-6]
    frames = latents.shape[2]

    tokens = CaptionTokens()
    parts = load_parts(config, options.run, log=lambda _: None, rounds=0)
    text, unet, motion = parts["text"], parts["unet"].to(memory_format=torch.channels_last), parts["motion"].train()
    for parameter in [*text.parameters(), *unet.parameters()]:
        parameter.requires_grad_(False)
    torch.manual_seed(config["seed"])
    optimizer = torch.optim.AdamW(motion.parameters(), lr=settings["learning_rate"], betas=(0.9, 0.98), weight_decay=1e-3)
    average = Average(motion, settings["average"])
    run = Run(options.run, "motion", settings["minutes"], settings["learning_rate"])
    stored = {"motion": motion, "optimizer": optimizer, "motion_average": average}
    run.resume(**stored)
    rng = np.random.default_rng([config["seed"], 6, run.step])
    torch.manual_seed(config["seed"] + run.step)
    run.log(f"{sum(p.numel() for p in motion.parameters())} parameters")

    def prediction_error(clips, captions, timesteps, noise, module):
        """Squared error of the predicted noise; one timestep a clip, independent noise for every frame."""
        steps = timesteps.repeat_interleave(frames)
        x = noised(clips.flatten(0, 1), steps, TABLE[steps], noise.flatten(0, 1))
        x = x.contiguous(memory_format=torch.channels_last)
        context = text(tokens.encode(captions)).repeat_interleave(frames, 0)
        return (unet(x, steps, context, module, frames) - noise.flatten(0, 1)).square().mean()

    @torch.no_grad()
    def compare() -> str:
        """Held-out photos and looks: error with the motion module and without it."""
        generator = torch.Generator().manual_seed(11)
        report = []
        for timestep in (100, 400, 700):
            errors = []
            for module in (motion, None):
                generator.manual_seed(11)
                for index, clip in enumerate(held_out):
                    k = index % latents.shape[1]
                    batch = torch.from_numpy(clip[k : k + 1].astype(np.float32))
                    name = NAMES[k]
                    noise = torch.randn(batch.shape, generator=generator)
                    errors.append(prediction_error(batch, [f"a {name}"], torch.tensor([timestep]), noise, module))
            half = len(held_out)
            report.append(f"t{timestep}: {torch.stack(errors[:half]).mean():.4f} (without {torch.stack(errors[half:]).mean():.4f})")
        return ", ".join(report)

    last = []
    while run.tick(optimizer) < 1.0:
        small = run.step % 4 != 0
        size, count = (12, settings["batch"] + 1) if small else (16, settings["batch"])
        clips, captions = take_clips(rng, latents, count, size, config["unet"]["blank_captions"])
        timesteps = ((torch.arange(count) + torch.rand(count)) * (1000.0 / count)).long().clamp(0, 999)
        loss = prediction_error(clips, captions, timesteps, torch.randn_like(clips), motion)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(motion.parameters(), 1.0)
        optimizer.step()
        average.update(motion)
        last.append(loss.item())
        if run.step % 50 == 0:
            run.log(f"loss {np.mean(last):.4f}")
            last = []
        if run.step % 200 == 0:
            run.log(compare())
        run.save(120, **stored)
    run.save(**stored)
    motion.load_state_dict(average.values)
    run.log("done, averaged weights: " + compare())


if __name__ == "__main__":
    main()
