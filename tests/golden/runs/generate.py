#!/usr/bin/env python3
"""Whole runs of the workflow at tiny sizes, by a second implementation of it: diffusers' and transformers' networks, and
below in PyTorch the schedules, solvers, guidance, windows, ControlNets and motion module as in the reference workflow
(ComfyUI with AnimateDiff-Evolved and Advanced-ControlNet).

    pip install torch diffusers transformers safetensors numpy
    python generate.py            (writes the .safetensors files beside this file)
    python generate.py static     (that one)

Every file holds the clip, hints, texts, latents and frames of a run, and in its metadata the arguments of
the corresponding `unsample render`. weights.json has names and shapes of the weights, whose values are computed from the names
(../networks/seeded.py). Windows come from ../windows/lists.txt and tokens from ../tokens/tokens.json, which the reference
workflow's own code made.
"""

import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "networks"))
import generate as parts  # noqa: E402
import seeded  # noqa: E402

torch.set_num_threads(1)  # tensors this small are slower with more
SCALE = 0.18215
TEXT = 64
WIDTHS = parts.WIDTHS

# ---------------------------------------------------------------- noise schedules


class Noise:
    """Table of noise levels, f32; the names of the betas are those of the effect."""

    def __init__(self, betas: str):
        ends = {"linear": (0.00085, 0.012), "sqrt_linear": (0.00085, 0.012), "linear_sdxl": (0.00085, 0.020)}[betas]
        if betas == "sqrt_linear":
            beta = np.linspace(*ends, 1000)
        else:
            beta = np.linspace(ends[0] ** 0.5, ends[1] ** 0.5, 1000) ** 2
        kept = np.cumprod(1 - beta)
        sigmas = ((1 - kept) / kept) ** 0.5
        self.sigmas, self.logs = torch.tensor(sigmas).float(), torch.tensor(np.log(sigmas)).float()

    def timestep(self, sigma: float) -> int:
        return int((torch.tensor(sigma).log() - self.logs).abs().argmin())

    def sigma(self, t: float) -> float:
        t = torch.tensor(t).float().clamp(0, 999)
        low, high, w = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - w) * self.logs[low] + w * self.logs[high]).exp().item()

    def percent(self, p: float) -> float:
        return 999999999.9 if p <= 0 else 0.0 if p >= 1 else self.sigma((1 - p) * 999)


AYS = [14.6146412293, 6.4745760956, 3.8636745985, 2.6946151520, 1.8841921177, 1.3943805092, 0.9642583904, 0.6523686016,
       0.3977456272, 0.1515232662, 0.0291671582]


def schedule(name: str, noise: Noise, steps: int, denoise: float) -> list[float]:
    if name == "ays":
        logs = np.log(AYS[::-1])
        sigmas = np.exp(np.interp(np.linspace(0, 1, steps + 1), np.linspace(0, 1, 11), logs))[::-1]
        total = steps if denoise >= 1 else round(steps * denoise)
        sigmas = sigmas[-(total + 1):].copy()
        sigmas[-1] = 0
        return torch.tensor(sigmas).float().tolist()
    total = steps if denoise >= 1 else int(steps / denoise)
    low, high = noise.sigmas[0].item(), noise.sigmas[-1].item()
    ramp = torch.linspace(0, 1, total)
    if name == "normal":
        sigmas = [noise.sigma(t) for t in torch.linspace(999, 0, total).tolist()]
    elif name == "sgm_uniform":
        sigmas = [noise.sigma(t) for t in torch.linspace(999, 0, total + 1)[:-1].tolist()]
    elif name == "simple":
        sigmas = [noise.sigmas[-(1 + int(x * 1000 / total))].item() for x in range(total)]
    elif name == "ddim_uniform":
        sigmas = [noise.sigmas[x].item() for x in range(1, 1000, max(1000 // total, 1))][::-1]
    elif name == "karras":
        sigmas = ((high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7).tolist()
    elif name == "exponential":
        sigmas = torch.linspace(math.log(high), math.log(low), total).exp().tolist()
    elif name == "kl_optimal":
        sigmas = ((ramp * math.atan(low) + (1 - ramp) * math.atan(high)).tan()).tolist()
    else:
        raise SystemExit(name)
    sigmas = sigmas + [0.0]
    return sigmas[-(steps + 1):]


def flipped(sigmas: list[float]) -> list[float]:
    up = sigmas[::-1]
    return [0.0001 if up[0] == 0 else up[0], *up[1:]]


# ---------------------------------------------------------------- solvers


def sample(solver: str, model, x: torch.Tensor, sigmas: list[float]) -> torch.Tensor:
    """model(x, sigma, finished steps) -> denoised."""
    sigmas = torch.tensor(sigmas)
    before = None
    for i, (s, n) in enumerate(zip(sigmas[:-1], sigmas[1:])):
        denoised = model(x, s.item(), i)
        slope = (x - denoised) / s
        if solver == "dpmpp_2m":
            t, t_next = -s.log(), -n.log()
            h = t_next - t
            target = denoised
            if before is not None and n > 0:
                r = (t - before[1]) / h
                target = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * before[0]
            x = (n / s) * x - (-h).expm1() * target
            before = (denoised, t)
        elif solver == "euler" or n == 0:
            x = x + slope * (n - s)
        else:
            guess = x + slope * (n - s)
            # The step counts as finished before its second evaluation.
            other = (guess - model(guess, n.item(), i + 1)) / n
            x = x + (slope + other) / 2 * (n - s)
    return x


# ---------------------------------------------------------------- windows


def windows(context: dict, frames: int) -> list[list[list[int]]]:
    """The windows of each of 16 steps."""
    kind = [context["schedule"], "closed" if context["closed"] else "open", frames, context["length"], context["overlap"],
            context["stride"]]
    found = {}
    for line in (HERE.parent / "windows" / "lists.txt").read_text().splitlines():
        key, _, runs = line.partition(" : ")
        if key.split()[:6] != [str(part) for part in kind]:
            continue
        expand = lambda run: list(range(int(run.split("-")[0]), int(run.split("-")[-1]) + 1))
        found[key.split()[6]] = [sum((expand(run) for run in window.split(",")), []) for window in runs.split()]
    return [found.get("all") or found[str(step)] for step in range(16)]


def fuse_weights(fuse: str, window: list[int], frames: int, overlap: int) -> list[float]:
    n = len(window)
    if fuse == "pyramid":
        half = list(range(1, n // 2 + 1))
        return half + half[::-1] if n % 2 == 0 else half + [n // 2 + 1] + half[::-1]
    weights = [1.0] * n
    if fuse == "overlap-linear":
        ramp = torch.linspace(1e-37, 1, overlap).tolist()
        if min(window) > 0:
            weights[:overlap] = ramp
        if max(window) < frames - 1:
            weights[-overlap:] = ramp[::-1]
    return weights


def merge(predict, x: torch.Tensor, context: dict | None, step: int) -> torch.Tensor:
    """predict(window) -> denoised frames of it."""
    frames = len(x)
    if context is None or frames <= context["length"]:
        return predict(list(range(frames)))
    total, count = torch.zeros_like(x), torch.zeros(frames, 1, 1, 1)
    for window in windows(context, frames)[step]:
        denoised = predict(window)
        if context["fuse"] == "relative":
            first, last = window[0], window[-1]
            for at, value in zip(window, denoised):
                bias = max(0.01, 1 - abs(at - (first + last) / 2) / ((last - first + 0.01) / 2))
                old = count[at].item()
                total[at] = total[at] * (old / (old + bias)) + value * (bias / (old + bias))
                count[at] += bias
            continue
        weights = torch.tensor(fuse_weights(context["fuse"], window, frames, context["overlap"])).reshape(-1, 1, 1, 1)
        total[window] += denoised * weights
        count[window] += weights
    return total if context["fuse"] == "relative" else total / count


# ---------------------------------------------------------------- networks


def make_networks():
    shape = dict(in_channels=4, block_out_channels=WIDTHS, layers_per_block=1, cross_attention_dim=TEXT,
                 attention_head_dim=8, norm_num_groups=4,
                 down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"))
    unet = UNet2DConditionModel(out_channels=4, up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                                **shape)
    nets = [ControlNetModel(conditioning_embedding_out_channels=(4, 6, 8, 12), **shape) for _ in range(2)]
    vae = AutoencoderKL(in_channels=3, out_channels=3, block_out_channels=(8, 8, 12, 12), layers_per_block=1,
                        latent_channels=4, norm_num_groups=4, down_block_types=("DownEncoderBlock2D",) * 4,
                        up_block_types=("UpDecoderBlock2D",) * 4)
    clip = CLIPTextModel(CLIPTextConfig(hidden_size=TEXT, intermediate_size=96, num_hidden_layers=2, num_attention_heads=1,
                                        max_position_embeddings=77, vocab_size=49408, hidden_act="quick_gelu",
                                        bos_token_id=49406, eos_token_id=49407))
    tower = lambda key: "cond_stage_model.transformer.text_model." + re.sub(r"^text_model\.", "", key)
    shapes = {
        "checkpoint": seeded.fill(unet, lambda key: "model.diffusion_model." + parts.unet_name(key))
        | seeded.fill(vae, lambda key: "first_stage_model." + parts.vae_name(key, 4)) | seeded.fill(clip, tower),
        "control1": seeded.fill(nets[0], lambda key: "control_model." + parts.control_name(key)),
        # The same layout under other names has different values.
        "control2": seeded.fill(nets[1], lambda key: "second." + parts.control_name(key)),
    }
    # LDM stores the attention of the VAE as convolutions.
    for key, value in shapes["checkpoint"].items():
        if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", key):
            value.extend([1, 1])
    return unet, nets, vae, clip, shapes


UNET, NETS, VAE, CLIP, SHAPES = make_networks()
TOKENS = json.loads((HERE.parent / "tokens" / "tokens.json").read_text())


def motion_weights(version: str) -> dict[str, torch.Tensor]:
    keep = lambda key: version == "v2" or not key.startswith("mid_block.")
    return {key: seeded.tensor(key, value.shape) for key, value in parts.motion_weights().items() if keep(key)}


def encode(prompt: str, clip_skip: int) -> torch.Tensor:
    chunks = [chunk + [[49407, 1.0]] * (77 - len(chunk)) for chunk in TOKENS[prompt]]
    ids = [[token for token, _ in chunk] for chunk in chunks] + [[49406] + [49407] * 76]
    body = getattr(CLIP, "text_model", CLIP)
    layers = []
    hooks = [layer.register_forward_hook(lambda _, __, out: layers.append(out[0] if isinstance(out, tuple) else out))
             for layer in body.encoder.layers]
    CLIP(torch.tensor(ids))
    [hook.remove() for hook in hooks]
    z = body.final_layer_norm(layers[-max(clip_skip, 1)])
    weights = torch.tensor([[weight for _, weight in chunk] for chunk in chunks])[..., None]
    if (weights != 1).any():
        z = torch.cat([(z[:-1] - z[-1:]) * weights + z[-1:], z[-1:]])
    return z[:-1].reshape(1, -1, TEXT)


def eps(x, timestep, context, run, window, controls):
    """One branch of one window; controls are (network, hint, weights) that act at this noise level."""
    each = context if len(context) > 1 else context.expand(len(x), -1, -1)
    residuals = None
    for net, hint, weight in controls:
        down, mid = net(x, timestep, each, hint[window], return_dict=False)
        w = (weight[window] if len(weight) > 1 else weight).reshape(-1, 1, 1, 1)
        found = [y * w for y in (*down, mid)]
        residuals = found if residuals is None else [a + b for a, b in zip(residuals, found)]
    more = {}
    if residuals:
        more = dict(down_block_additional_residuals=residuals[:-1], mid_block_additional_residual=residuals[-1])
    if run["motion"] is None:
        return UNET(x, timestep, each, **more).sample
    scale = run["motion_scale"][window] if len(run["motion_scale"]) > 1 else run["motion_scale"].expand(len(window))
    parts.FRAMES = len(window)
    hooks = parts.animate(UNET, run["motion"], scale, torch.tensor([run["motion_effect"]]), run["version"] == "v2")
    if run["version"] == "v1":
        # The norms of a ControlNet, which ran above, are by frame.
        with parts.AcrossFrames():
            out = UNET(x, timestep, each, **more).sample
    else:
        out = UNET(x, timestep, each, **more).sample
    [hook.remove() for hook in hooks]
    return out


def walk(run, which, x, sigmas, texts):
    settings, noise = run[which], run["noise"]
    cfg = torch.tensor(settings["cfg"]).reshape(-1, 1, 1, 1)
    acting = [c for c in run["controls"] if c["apply"] in (which, "both")]

    def denoised(x, sigma, step):
        timestep = noise.timestep(sigma)
        controls = [(c["net"], run["hint"], torch.tensor(c["weight"])) for c in acting
                    if noise.percent(c["start"]) >= sigma >= noise.percent(c["end"])]

        def branch(text):
            def predict(window):
                part = x[window]
                context = text[window] if len(text) > 1 else text
                out = eps(part / torch.tensor(sigma * sigma + 1).sqrt(), timestep, context, run, window, controls)
                return part - out * sigma
            return merge(predict, x, run["context"], step)

        cond = branch(texts[0])
        if (cfg == 1).all():
            return cond
        uncond = branch(texts[1])
        return uncond + (cond - uncond) * cfg

    return sample(settings["sampler"], denoised, x, sigmas)


# ---------------------------------------------------------------- runs


def clip_of(frames: int, height: int, width: int, seed: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    generator = torch.Generator().manual_seed(seed)
    phase, speed = torch.rand(3, 4, generator=generator) * 6, torch.rand(3, generator=generator)
    pictures = [torch.stack([0.5 + 0.45 * torch.sin(0.09 * (1 + c) * x + phase[c, 0] + speed[c] * f)
                             * torch.cos(0.13 * y + phase[c, 1] - 0.5 * speed[c] * f) for c in range(3)])
                for f in range(frames)]
    return (torch.stack(pictures) * 255).round() / 255


def render(name, frames=16, size=(56, 72), version=None, context=None, up=None, down=None, betas=None, denoise=1.0,
           clip_skip=0, prompts=("a cat", "", "", ""), motion_scale=(1.0,), motion_effect=1.0, controls=(),
           source=False):
    """Renders a run and writes it. `source`: the latents are the VAE's, else given to the plugin."""
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    passes = {}
    for which, settings in (("unsample", up or {}), ("resample", down or {})):
        passes[which] = {"sampler": "euler", "scheduler": "ays", "steps": 2,
                         "cfg": [1.0] if which == "unsample" else [3.0]} | settings
    betas = betas or ("linear" if version is None else "sqrt_linear")
    motion = motion_weights(version) if version else None
    run = passes | {
        "noise": Noise(betas), "motion": motion, "version": version, "context": context, "motion_effect": motion_effect,
        "motion_scale": torch.tensor(motion_scale),
        "controls": [{"start": 0.0, "end": 1.0} | control | {"net": NETS[i]} for i, control in enumerate(controls)],
    }
    values = {"frames.input": clip_of(frames, *size, seed=31)}
    if controls:
        run["hint"] = values["hint.1"] = clip_of(frames, *size, seed=32)
    texts = {key: encode(prompt, clip_skip) for key, prompt in
             zip(("positive", "negative", "unsample.positive", "unsample.negative"), prompts)}
    latents = VAE.encode(values["frames.input"] * 2 - 1).latent_dist.mean * SCALE
    values["latents.source"] = latents
    for which, suffix, x in (("unsample", "unsample.", "latents.source"), ("resample", "", "latents.unsampled")):
        settings = passes[which]
        sigmas = schedule(settings["scheduler"], run["noise"], settings["steps"], denoise)
        sigmas = flipped(sigmas) if which == "unsample" else sigmas
        pair = texts[f"{suffix}positive"], texts[f"{suffix}negative"]
        values[f"latents.{which}d"] = walk(run, which, values[x], sigmas, pair)
        values[f"sigmas.{which}"] = torch.tensor(sigmas)
    values["frames.styled"] = ((VAE.decode(values["latents.resampled"] / SCALE).sample + 1) / 2).clamp(0, 1)
    values["text.positive"] = texts["positive"]

    # The arguments for the plugin.
    sets = dict(prompt=prompts[0], negativePrompt=prompts[1], unsamplePromptMode="own", unsamplePrompt=prompts[2],
                unsampleNegativePrompt=prompts[3], betaSchedule=betas, denoise=denoise, clipSkip=clip_skip,
                motionEffect=motion_effect)
    keys = []

    def put(name, numbers):
        if len(numbers) == 1:
            sets[name] = numbers[0]
        else:
            keys.extend(f"{name}@{frame + 1}={number}" for frame, number in enumerate(numbers))

    for which, names in (("unsample", ("unsampleSampler", "unsampleScheduler", "unsampleSteps")),
                         ("resample", ("sampler", "scheduler", "steps"))):
        settings = passes[which]
        sets |= dict(zip(names, (settings["sampler"], settings["scheduler"], settings["steps"])))
        put("cfg" if which == "resample" else "unsampleCfg", settings["cfg"])
    put("motionScale", motion_scale)
    for i, control in enumerate(run["controls"]):
        put(f"controlNet{i + 1}Weight", control["weight"])
        sets |= {f"controlNet{i + 1}Start": control["start"], f"controlNet{i + 1}End": control["end"],
                 f"controlNet{i + 1}Apply": control["apply"]}
    if context:
        sets |= dict(contextLength=context["length"], contextOverlap=context["overlap"], contextStride=context["stride"],
                     contextSchedule=context["schedule"], contextFuse=context["fuse"],
                     contextClosed="true" if context["closed"] else "false")
    elif version:
        sets |= dict(contextLength=frames)
    arguments = [f"--set={key}={value}" for key, value in sets.items()] + [f"--key={key}" for key in keys]
    about = {"arguments": arguments, "version": version, "source": source, "controls": len(controls)}
    if not source:
        del values["frames.styled"]
    # Images in bytes; the reference only has such values.
    bytes_of = lambda value: (value * 255).round().to(torch.uint8)
    stored = {key: bytes_of(value) if key in ("frames.input", "hint.1") else value.contiguous()
              for key, value in values.items()}
    save_file({key: value.detach().clone() for key, value in stored.items()}, HERE / f"{name}.safetensors",
              {"about": json.dumps(about)})
    std = {key.partition(".")[2]: round(value.std().item(), 3) for key, value in values.items() if "latents" in key}
    print(name, (HERE / f"{name}.safetensors").stat().st_size, std)


def context(schedule, fuse, length=8, overlap=4, stride=1, closed=False):
    return dict(schedule=schedule, fuse=fuse, length=length, overlap=overlap, stride=stride, closed=closed)


def main():
    shapes = SHAPES | {"motion": {key: list(value.shape) for key, value in motion_weights("v2").items()}}
    (HERE / "weights.json").write_text(json.dumps(shapes, separators=(",", ":")))
    long = next(prompt for prompt in TOKENS if len(TOKENS[prompt]) == 2)
    weighted = "a (cat:1.2) on ((grass)) and (tree)"
    ramp = lambda low, high, n=16: [round(low + (high - low) * i / (n - 1), 4) for i in range(n)]
    render("static", version="v2", context=context("standard_static", "pyramid"), size=(24, 40), source=True,
           controls=[dict(weight=ramp(0, 1.5), end=0.8, apply="both"), dict(weight=[0.6], start=0.1, apply="resample")])
    render("uniform", version="v1", context=context("standard_uniform", "overlap-linear"), betas="sqrt_linear",
           up=dict(sampler="dpmpp_2m", scheduler="karras", steps=4, cfg=[1.5]), prompts=(weighted, long, "a cat", ""),
           down=dict(sampler="dpmpp_2m", scheduler="karras", steps=4, cfg=ramp(1, 4)), motion_scale=ramp(0.5, 1.5))
    render("looped", version="v3", context=context("looped_uniform", "flat", closed=True), motion_effect=0.7, size=(40, 48),
           up=dict(sampler="heun", scheduler="normal", steps=3), down=dict(sampler="heun", scheduler="normal", steps=3),
           controls=[dict(weight=[0.8], start=0.3, apply="unsample")], prompts=("a cat", "", weighted, ""))
    render("relative", version="v3", context=context("standard_static", "relative"), denoise=0.6, size=(40, 40),
           up=dict(scheduler="sgm_uniform", steps=3), down=dict(scheduler="simple", steps=3), prompts=(long, "", "", ""))
    render("strided", frames=32, size=(24, 32), version="v2", context=context("looped_uniform", "pyramid", 16, 4, 2),
           betas="linear_sdxl", up=dict(scheduler="exponential", steps=3, cfg=[2.0]),
           down=dict(scheduler="kl_optimal", steps=3))
    render("batched", frames=20, size=(24, 40), version="v3", context=context("batched", "flat", 16, 4), denoise=0.5,
           up=dict(steps=4), down=dict(steps=6, sampler="heun"))
    render("pictures", frames=3, size=(56, 40), clip_skip=2, prompts=(weighted, "", "", ""), source=True,
           up=dict(scheduler="ddim_uniform", steps=3), down=dict(scheduler="ddim_uniform", steps=3, cfg=[2.0, 3.0, 4.0]),
           controls=[dict(weight=[1.0], end=0.5, apply="both")])


if __name__ == "__main__":
    with torch.no_grad():
        main()
