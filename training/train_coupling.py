"""Teach the looks what the noise of an unsampled photo means.

A look is reached by unsampling a photo and resampling the noise with the look's caption. A small network trained on
independently drawn images and noise has to discover which noise belongs to which image, look by look. Here the pairs
are given: photos are unsampled with the network itself (blank caption, the plugin's default), and the straight path from a
photo's noise to the same scene in another look is learnt under that look's caption, as in rectified flow (Liu et al.
2022, arXiv 2209.03003) but between two domains. The photo itself is one of the looks, half of the time without a caption:
that keeps unsampling on the trajectory that the pairs were made with, and makes it straighter, so that few steps suffice
in both directions. A share of every batch continues with random noise.

Rounds: the second one (--round 2) unsamples with the network of the first round, whose trajectories are straighter. It also
learns to return: almost all of the loss on the way up and back down occurs in the last, longest steps, between the
strongest sigmas of the schedule. So more of its pairs are at strong noise, with the full weight of the error of the
image, and some steps take a photo's noisy image one step up and ask for the same image there. The third one
(--round 3) learns to be steady: the looks of its clips are drawn from the scene without its grain, errors that change from
frame to frame weigh more, and the noise that leads to a look is made as weak as that of real footage.

Single images train the UNet and the text encoder, clips the motion module along with them.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from export import load_parts
from pocket.captions import make_caption
from pocket.config import ROUNDS, load_config
from pocket.running import Average, Run
from pocket.scenes import KINDS
from pocket.schedule import align_your_steps, flipped, nearest_timestep, sigma_table
from pocket.tokens import CaptionTokens
from sample import Sampler
from train_motion import take_clips
from train_unet import NAMES, TABLES, balanced_loss, draw_steps, forget_words, noised, take_latents

CLIP_TABLE = sigma_table("linear")
RISING = flipped(align_your_steps(16))
TOP = 4.0  # the steps of the schedule above this sigma are its longest


class Pairs:
    """Crops of scenes in all looks [N, looks, ..., C, h, w] f16 with the unsampled photo [N, ..., C, h, w]."""

    def __init__(self, latents: np.ndarray, ends: np.ndarray, kinds: list[str]):
        self.latents, self.ends, self.kinds = latents, ends, kinds
        self.weakest = 1.0

    def blurred(self, rng, noise: torch.Tensor, photo: np.ndarray) -> torch.Tensor:
        """A variation of the stored noise, as another unsampling would give it: weaker, and partly different.

        The noise that a network predicts is weaker than the real noise. So half of the photos get theirs a little stronger
        and unmixed, or unsampling would become weaker with every round.
        """
        count = len(noise)
        scale = rng.uniform(np.where(photo, max(self.weakest, 0.75), self.weakest), 1.05)
        share = rng.uniform(0.0, 0.3, count)
        pure = photo & (rng.random(count) < 0.5)
        scale[pure], share[pure] = 1.1, 0.0
        scale, share = (torch.from_numpy(v.astype(np.float32)).view(-1, *[1] * (noise.dim() - 1)) for v in (scale, share))
        return scale * noise + share * torch.randn_like(noise)

    def take(self, rng, count: int, photo_share: float):
        """-> (latents in a look, the noise that leads from them to the unsampled photo, captions)."""
        places, looks = rng.integers(len(self.ends), size=count), rng.integers(1, len(NAMES), size=count)
        looks[rng.random(count) < photo_share] = 0
        chosen = torch.from_numpy(self.latents[places, looks].astype(np.float32))
        noise = (torch.from_numpy(self.ends[places].astype(np.float32)) - chosen) / RISING[-1]
        if self.weakest < 1.0:
            noise = self.blurred(rng, noise, looks == 0)
        captions = [make_caption(rng, NAMES[k], self.kinds[n], 0.0 if k else 0.5) for n, k in zip(places, looks)]
        return chosen, noise, captions


def still_pairs(path: Path, parts, latents, rng, count: int, log) -> Pairs:
    """Unsample `count` crops of 16x16 without the motion module; kept in `path`."""
    scenes = np.arange(count) % len(latents)
    crops = np.empty((count, *latents.shape[1:3], 16, 16), np.float16)
    for i, scene in enumerate(scenes):
        y, x = 2 * rng.integers((latents.shape[-2] - 16) // 2 + 1), 2 * rng.integers((latents.shape[-1] - 16) // 2 + 1)
        crops[i] = latents[scene, :, :, y : y + 16, x : x + 16]
    if not path.exists():
        sampler, ends = Sampler(parts, motion=False), []
        for part in torch.from_numpy(crops[:, 0].astype(np.float32)).split(32):
            ends.append(sampler.dpmpp_2m(part, RISING, "").half().numpy())
        np.save(path, np.concatenate(ends))
    ends = np.load(path)
    log(f"{count} stills unsampled, deviation of the noise {ends.astype(np.float32).std() / RISING[-1]:.3f}")
    return Pairs(crops, ends, [KINDS[scene % len(KINDS)] for scene in scenes])


def clip_pairs(path: Path, parts, latents, count: int, log) -> Pairs:
    """Unsample `count` clips with the motion module; kept in `path`."""
    if not path.exists():
        sampler = Sampler(parts, motion=True)
        photos = torch.from_numpy(latents[:count, 0].astype(np.float32))
        np.save(path, np.stack([sampler.dpmpp_2m(clip, RISING, "").half().numpy() for clip in photos]))
    ends = np.load(path)
    log(f"{count} clips unsampled, deviation of the noise {ends.astype(np.float32).std() / RISING[-1]:.3f}")
    return Pairs(latents[:count], ends, [KINDS[i % len(KINDS)] for i in range(count)])


def coupled_steps(rng, count: int, table: torch.Tensor, top_share: float):
    """Timesteps of one table up to the schedule's strongest noise, `top_share` of them beyond TOP -> (timesteps, sigmas)."""
    first, end = int((table < TOP).sum()), int((table <= RISING[-1] + 0.1).sum())
    strata = (rng.permutation(count) + rng.random(count)) / count
    top = strata < top_share
    timesteps = np.where(top, first + strata / max(top_share, 1e-9) * (end - first), (strata - top_share) / (1 - top_share) * end)
    timesteps = torch.from_numpy(timesteps).long().clamp(0, end - 1)
    return timesteps, table[timesteps]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--threads", type=int, default=2, help="one is faster on a busy machine")
    arguments.add_argument("--round", type=int, choices=range(1, len(ROUNDS) + 1), default=1)
    options = arguments.parse_args()
    config, name = load_config(options.config), ROUNDS[options.round - 1]
    settings, blank = config[name], config["unet"]["blank_captions"]
    limit, top_share = settings["weight_limit"], settings["top_share"]
    torch.set_num_threads(options.threads)
    torch.manual_seed(config["seed"])
    stills = np.load(options.run / "stills_latents.npy")[: -config["data"]["held_out"]]
    clips = np.load(options.run / f"{settings['drawn']}_latents.npy")[:-6]
    parts = load_parts(config, options.run, log=lambda _: None, rounds=options.round - 1)
    text, unet, motion = parts["text"], parts["unet"].to(memory_format=torch.channels_last), parts["motion"]
    run = Run(options.run, name, settings["minutes"], settings["learning_rate"])
    rng = np.random.default_rng([config["seed"], 6 + options.round])
    pictures = still_pairs(options.run / f"stills_{name}.npy", parts, stills, rng, settings["stills"], run.log)
    moving = clip_pairs(options.run / f"clips_{name}.npy", parts, clips, settings["clips"], run.log)

    pictures.weakest = moving.weakest = settings["weakest"]
    trained = torch.nn.ModuleDict({name: parts[name].train() for name in ("unet", "text", "motion")})
    groups = [{"params": [*unet.parameters(), *motion.parameters()]}, {"params": list(text.parameters()), "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings["learning_rate"], betas=(0.9, 0.98), weight_decay=1e-3)
    average = Average(trained, settings["average"])
    stored = {"trained": trained, "optimizer": optimizer, "average": average}
    run.resume(**stored)
    run.begin()
    rng = np.random.default_rng([config["seed"], 8, run.step])
    torch.manual_seed(config["seed"] + run.step)
    tokens = CaptionTokens()

    def context_of(captions):
        return text(forget_words(tokens.encode(captions), 0.03))

    def picture_loss() -> torch.Tensor:
        coupled = int(settings["share"] * settings["batch"])
        latents, noise, captions = pictures.take(rng, coupled, settings["photo_share"])
        others, other_captions = take_latents(rng, stills, settings["batch"] - coupled, 16, 16, blank)
        half = coupled // 2
        parts = [coupled_steps(rng, half, TABLES[0], top_share), coupled_steps(rng, coupled - half, TABLES[1], top_share),
                 draw_steps(len(others))]
        steps, sigmas = (torch.cat(values) for values in zip(*parts))
        latents, noise = torch.cat([latents, others]), torch.cat([noise, torch.randn_like(others)])
        x = noised(latents, steps, sigmas, noise).contiguous(memory_format=torch.channels_last)
        prediction = unet(x, steps, context_of(captions + other_captions))
        losses = [balanced_loss(prediction[part], noise[part], sigmas[part], most) * len(prediction[part]) / len(prediction)
                  for part, most in ((slice(coupled), limit), (slice(coupled, None), 30.0))]
        return sum(losses)

    def predict(x, steps, captions, frames: int):
        context = context_of(captions).repeat_interleave(frames, 0)
        return unet(x.contiguous(memory_format=torch.channels_last), steps, context, motion, frames)

    def clip_loss() -> torch.Tensor:
        count = settings["clip_batch"]
        coupled = rng.random() < settings["share"]
        if coupled:
            latents, noise, captions = moving.take(rng, count, settings["photo_share"])
            steps, _ = coupled_steps(rng, count, CLIP_TABLE, top_share)
        else:
            latents, captions = take_clips(rng, clips, count, 16, blank)
            noise = torch.randn_like(latents)
            steps = ((torch.arange(count) + torch.rand(count)) * (1000.0 / count)).long().clamp(0, 999)
        frames, most = latents.shape[1], limit if coupled else 30.0
        steps = steps.repeat_interleave(frames)
        x = noised(latents.flatten(0, 1), steps, CLIP_TABLE[steps], noise.flatten(0, 1))
        prediction = predict(x, steps, captions, frames)
        loss = balanced_loss(prediction, noise.flatten(0, 1), CLIP_TABLE[steps], most)
        if coupled:  # an error that changes from frame to frame is visible as flicker, a constant one is not
            change = (prediction - noise.flatten(0, 1)).unflatten(0, (count, frames)).diff(dim=1)
            sigmas = CLIP_TABLE[steps].unflatten(0, (count, frames))[:, 1:]
            loss = loss + settings["steadiness"] * balanced_loss(change.flatten(0, 1), 0.0, sigmas.flatten(), most)
            # A twentieth of the latents' deviation is visible, but negligible when squared: so its absolute value counts too, in image units.
            loss = loss + settings["stillness"] * (sigmas.clamp(max=most**0.5)[..., None, None, None] * change).abs().mean()
        return loss

    def return_loss() -> torch.Tensor:
        """A photo's noisy clip is taken up one step of the schedule; there the network shall see the same noise."""
        count = settings["clip_batch"]
        latents, noise, captions = moving.take(rng, count, 1.0)
        frames = latents.shape[1]
        latents, noise = latents.flatten(0, 1), noise.flatten(0, 1)
        level = len(RISING) - 1 - int(rng.integers(4))
        low, high = RISING[level - 1], RISING[level]
        low_steps, high_steps = (torch.full((len(noise),), nearest_timestep(CLIP_TABLE, s)) for s in (low, high))
        with torch.no_grad():
            below = predict((latents + low * noise) / (low**2 + 1) ** 0.5, low_steps, captions, frames)
        x = latents + low * noise + (high - low) * below
        above = predict(x / (high**2 + 1) ** 0.5, high_steps, captions, frames)
        return balanced_loss(above, below, torch.full((len(noise),), high), limit)

    losses_of = {"pictures": picture_loss, "clips": clip_loss, "returns": return_loss}
    last = {kind: [] for kind in losses_of}
    while run.tick(optimizer) < 1.0:
        kind = settings["order"][run.step % len(settings["order"])]
        loss = losses_of[kind]()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        average.update(trained)
        last[kind].append(loss.item())
        if run.step % 100 == 0:
            run.log(", ".join(f"{kind} {np.mean(losses):.4f}" for kind, losses in last.items() if losses))
            last = {kind: [] for kind in last}
        run.save(120, **stored)
    run.save(**stored)
    run.log("done")


if __name__ == "__main__":
    main()
