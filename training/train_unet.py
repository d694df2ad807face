"""Train the image UNet and the text encoder together on cached latents of single pictures."""

import argparse
from pathlib import Path

import numpy as np
import torch

from pocket.captions import make_caption
from pocket.config import load_config, make_text, make_unet
from pocket.looks import LOOKS
from pocket.running import Average, Run
from pocket.scenes import KINDS
from pocket.schedule import sigma_table
from pocket.text import END, START, UNTAUGHT
from pocket.tokens import CaptionTokens

NAMES = list(LOOKS)
TABLES = torch.stack([sigma_table("scaled_linear"), sigma_table("linear")])


PHOTO_SHARE = 0.2  # the other looks share the rest; photos get more because every source is a photo


def draw_look(rng) -> int:
    return 0 if rng.random() < PHOTO_SHARE else int(rng.integers(1, len(NAMES)))


def take_latents(rng, latents, count: int, height: int, width: int, blank: float):
    """-> (latents [count, C, height, width] f32, captions). Crops start at even positions: looks may have a 16-pixel grid."""
    full_height, full_width = latents.shape[-2:]
    batch = np.empty((count, latents.shape[2], height, width), np.float32)
    captions = []
    for i in range(count):
        scene, look = rng.integers(len(latents)), draw_look(rng)
        y, x = 2 * rng.integers((full_height - height) // 2 + 1), 2 * rng.integers((full_width - width) // 2 + 1)
        batch[i] = latents[scene, look, :, y : y + height, x : x + width]
        captions.append(make_caption(rng, NAMES[look], KINDS[scene % len(KINDS)], blank))
    return torch.from_numpy(batch), captions


def draw_size(rng, settings) -> tuple[int, int, int]:
    """-> (pictures, height, width) of a batch: mostly small squares, sometimes wide ones with odd numbers of rows."""
    kind = rng.random()
    if kind < 0.5:
        return settings["batch"] * 3 // 2, 12, 12
    if kind < 0.87:
        return settings["batch"], 16, 16
    return settings["batch"] // 2, int(rng.integers(16, 21)), int(rng.choice([24, 32]))


def forget_words(tokens: torch.Tensor, share: float) -> torch.Tensor:
    """Replace some words by one without an embedding, so that words unknown to the captions do little harm."""
    word = (tokens != START) & (tokens != END)
    return torch.where(word & (torch.rand(tokens.shape) < share), UNTAUGHT, tokens)


def noised(latents, timesteps, sigmas, noise):
    """The network's input at those sigmas: (x0 + sigma*noise) / sqrt(sigma^2 + 1)."""
    sigmas = sigmas[:, None, None, None]
    return (latents + sigmas * noise) / (sigmas.square() + 1.0).sqrt()


def balanced_loss(prediction, noise, sigmas, limit: float = 30.0):
    """Squared error of the noise, weighted as the error of v would be (1 + sigma^2), up to `limit`.

    Salimans and Ho 2022 (arXiv 2202.00512), the weight of the v loss in terms of the noise. The plain noise error is
    tiny at high noise levels, which is where the look of an image is decided.
    """
    weight = (1.0 + sigmas.square()).clamp(max=limit)
    return (weight * (prediction - noise).square().mean(dim=(1, 2, 3))).mean()


def draw_steps(count: int):
    """Stratified random timesteps, half from each table -> (timesteps [count], sigmas [count])."""
    timesteps = ((torch.randperm(count) + torch.rand(count)) * (1000.0 / count)).long().clamp(0, 999)
    table = torch.arange(count) % 2
    return timesteps, TABLES[table, timesteps]


@torch.no_grad()
def held_out_loss(unet, text, tokens, latents) -> str:
    """Noise error with the right caption and with another look's, at four noise levels."""
    generator = torch.Generator().manual_seed(7)
    scenes = torch.from_numpy(latents[:, :, :, :16, :16].astype(np.float32)).flatten(0, 1)
    looks = [NAMES[i % len(NAMES)] for i in range(len(scenes))]
    noise = torch.randn(scenes.shape, generator=generator)
    report = []
    for timestep in (50, 250, 500, 750, 950):
        steps = torch.full((len(scenes),), timestep)
        sigmas = TABLES[0, steps]
        errors = []
        for shift in (0, 3):
            captions = [f"a {NAMES[(NAMES.index(look) + shift) % len(NAMES)]}" for look in looks]
            prediction = unet(noised(scenes, steps, sigmas, noise), steps, text(tokens.encode(captions)))
            errors.append(float((prediction - noise).square().mean()))
        report.append(f"t{timestep}: {errors[0]:.4f} (other look {errors[1]:.4f})")
    return ", ".join(report)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--threads", type=int, default=2, help="one is faster on a busy machine")
    options = arguments.parse_args()
    config = load_config(options.config)
    settings = config["unet"]
    torch.set_num_threads(options.threads)
    torch.manual_seed(config["seed"])
    latents = np.load(options.run / "stills_latents.npy")
    held_out, latents = latents[-8:], latents[: -config["data"]["held_out"]]

    tokens = CaptionTokens()
    text, unet = make_text(config), make_unet(config).to(memory_format=torch.channels_last)
    text.keep_only(tokens.used())
    groups = [{"params": list(unet.parameters())}, {"params": list(text.parameters()), "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings["learning_rate"], betas=(0.9, 0.98), weight_decay=1e-3)
    unet_average, text_average = Average(unet, settings["average"]), Average(text, settings["average"])
    run = Run(options.run, "unet", settings["minutes"], settings["learning_rate"])
    parts = {"unet": unet, "text": text, "optimizer": optimizer, "unet_average": unet_average, "text_average": text_average}
    run.resume(**parts)
    rng = np.random.default_rng([config["seed"], 5, run.step])
    torch.manual_seed(config["seed"] + run.step)
    run.log(f"{sum(p.numel() for p in unet.parameters())} parameters in the UNet, "
            f"{sum(p.numel() for p in text.parameters())} in the text encoder")
    last = []
    while run.tick(optimizer) < 1.0:
        count, height, width = draw_size(rng, settings)
        batch, captions = take_latents(rng, latents, count, height, width, settings["blank_captions"])
        timesteps, sigmas = draw_steps(count)
        noise = torch.randn_like(batch)
        x = noised(batch, timesteps, sigmas, noise).contiguous(memory_format=torch.channels_last)
        context = text(forget_words(tokens.encode(captions), 0.03))
        loss = balanced_loss(unet(x, timesteps, context), noise, sigmas)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], 1.0)
        optimizer.step()
        unet_average.update(unet)
        text_average.update(text)
        last.append(loss.item())
        if run.step % 100 == 0:
            run.log(f"loss {np.mean(last):.4f}")
            last = []
        if run.step % 500 == 0:
            run.log(held_out_loss(unet, text, tokens, held_out))
        run.save(120, **parts)
    run.save(**parts)
    unet.load_state_dict(unet_average.values)
    text.load_state_dict(text_average.values)
    run.log("done, averaged weights: " + held_out_loss(unet, text, tokens, held_out))


if __name__ == "__main__":
    main()
