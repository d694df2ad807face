"""The parts of the measurement. Each takes the plugin and a clip and returns plain numbers for the page.

Parameters that a part does not set have the effect's defaults, except for the averaging of neighbouring frames: it would
hide what the parts measure, so only the looks, the looks by cfg and its own part use it.
"""

from dataclasses import dataclass, field

import numpy as np

from pocket.looks import LOOKS, apply_look

from . import measures
from .clips import Clip
from .renders import Plugin

PAPER = 5  # seed of the operators' papers and pigments
NOISE = 77  # seed of random noise

SAMPLERS = ("euler", "heun", "dpmpp_2m")
STEPS = (8, 16, 32)
SCHEDULERS = ("ays", "karras")
UNSAMPLE_CFGS = (1, 2, 3, 4, 5)
MODES = ("blank", "own", "same")
RANDOM_SAMPLERS = ("euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde")
ADDED = (0.0, 0.1, 0.25, 0.5, 1.0)
OVERLAPS = (0, 2, 4, 8)
CFGS = (1, 1.5, 2, 3, 4, 6, 8)
NEAR_CFGS = (1, 1.5, 2)
STEADY = (0, 1, 2, 4, 8)
SOURCE_PROMPT = {"unsamplePromptMode": "own", "unsamplePrompt": "photo"}


@dataclass
class Job:
    """The plugin, the settings and the helpers that the parts share."""

    plugin: Plugin
    looks: tuple[str, ...] = tuple(LOOKS)
    curve_looks: tuple[str, ...] = ("watercolour", "neon")
    _motions: dict[str, measures.Motion] = field(default_factory=dict)
    _truths: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def render(self, clip: Clip, noise=None, **changed) -> np.ndarray:
        return self.plugin.render(clip, {"steadyFrames": 0, **changed}, noise)

    def styled(self, clip: Clip, look: str, noise=None, **changed) -> np.ndarray:
        """A render in this look, with the effect's defaults for everything else, steadying included."""
        return self.render(clip, noise, prompt=look, steadyFrames=self.plugin.defaults["steadyFrames"], **changed)

    def motion(self, clip: Clip) -> measures.Motion:
        if clip.digest() not in self._motions:
            self._motions[clip.digest()] = measures.motion(clip.frames)
        return self._motions[clip.digest()]

    def truth(self, clip: Clip, look: str) -> np.ndarray:
        """The look's operator on the source."""
        key = (clip.digest(), look)
        if key not in self._truths:
            self._truths[key] = np.stack([apply_look(look, frame, PAPER) for frame in clip.frames])
        return self._truths[key]

    def unsampled(self, clip: Clip) -> tuple[np.ndarray, float]:
        """The clip as noise with the default settings, and the noise level that it has."""
        stages = self.plugin.stages(clip, {"prompt": "photo"})
        return stages["latents.unsampled"], float(stages["sigmas.resample"][0])

    def steadiness(self, clip: Clip, styled: np.ndarray) -> dict:
        return {"structure": measures.structure(clip.frames, styled),
                "flicker": measures.flicker(clip.frames, styled, self.motion(clip)),
                "jitter": measures.jitter(clip.frames, styled, self.motion(clip))}

    def judged(self, clip: Clip, styled: np.ndarray, look: str) -> dict:
        """Every figure of one styled clip."""
        return {"source": measures.psnr(clip.frames, styled), "style": measures.psnr(self.truth(clip, look), styled),
                **self.steadiness(clip, styled)}

    def compared(self, clip: Clip, styled: np.ndarray, look: str) -> dict:
        """Which look's operator a styled clip is nearest to, by dB and by character, and how far it is from its own."""
        truths = {other: self.truth(clip, other) for other in LOOKS}
        closeness, unlike = measures.distances(styled, truths), measures.unlikeness(styled, truths)
        closest = measures.nearest(closeness)
        return {"nearest": closest, "nearest style": closeness[closest], "unlike": unlike[look], "alike": min(unlike, key=unlike.get)}


def gaussian(shape, sigma: float) -> np.ndarray:
    return sigma * np.random.default_rng(NOISE).standard_normal(shape).astype(np.float32)


def round_trip(job: Job, clip: Clip) -> dict:
    """Through the autoencoder and back: with a denoise of 0 neither pass has any steps."""
    back = job.render(clip, denoise=0)
    return {"psnr": measures.psnr(clip.frames, back), "ssim": measures.ssim(clip.frames, back)}


def reconstruction(job: Job, clip: Clip) -> dict:
    """Unsampled and resampled with the source's prompt and a cfg of 1, for every sampler, number of steps, scheduler."""
    def below(**changed) -> float:
        again = job.render(clip, view="reconstruction", **SOURCE_PROMPT, **changed)
        return measures.psnr(clip.frames, again)

    rows = [{"sampler": sampler, "steps": steps, "scheduler": scheduler,
             "psnr": below(sampler=sampler, unsampleSampler=sampler, steps=steps, scheduler=scheduler)}
            for sampler in SAMPLERS for scheduler in SCHEDULERS for steps in STEPS]
    return {"round trip": round_trip(job, clip)["psnr"], "default": below(), "rows": rows}


def looks(job: Job, clip: Clip) -> dict:
    """Every look from the clip's own noise and from random noise of the same level, beside its operator."""
    own, sigma = job.unsampled(clip)
    random = job.plugin.noise_file(gaussian(own.shape, sigma))
    result = {}
    for look in job.looks:
        row = {"operator": job.steadiness(clip, job.truth(clip, look))}
        for name, noise in (("unsampled", None), ("random", random)):
            styled = job.styled(clip, look, noise)
            row[name] = {**job.judged(clip, styled, look), **job.compared(clip, styled, look)}
        result[look] = row
    return result


def curve(job: Job, clip: Clip, values, render, looks=None) -> dict:
    """{look: [{"value", figures}]} of the clips that `render(value, look)` returns."""
    return {look: [{"value": value, **job.judged(clip, render(value, look), look)} for value in values]
            for look in looks or job.curve_looks}


def unsample_cfg(job: Job, clip: Clip) -> dict:
    """The cfg of the unsampling pass, which needs a prompt to pull towards: the source's."""
    return curve(job, clip, UNSAMPLE_CFGS,
                 lambda value, look: job.render(clip, prompt=look, unsampleCfg=value, **SOURCE_PROMPT))


def prompts(job: Job, clip: Clip) -> dict:
    """The prompt of the unsampling pass: none, the source's, the style's."""
    def render(mode, look):
        return job.render(clip, prompt=look, **{**SOURCE_PROMPT, "unsamplePromptMode": mode})

    return curve(job, clip, MODES, render)


def samplers(job: Job, clip: Clip) -> dict:
    """Samplers with and without noise of their own, from the same unsampled noise."""
    return curve(job, clip, RANDOM_SAMPLERS, lambda value, look: job.render(clip, prompt=look, sampler=value))


def added_noise(job: Job, clip: Clip) -> dict:
    """Random noise on top of the clip's own, as fractions of the noise level that both have."""
    own, sigma = job.unsampled(clip)

    def render(value, look):
        noise = job.plugin.noise_file(own + value * gaussian(own.shape, sigma)) if value else None
        return job.render(clip, noise, prompt=look)

    return curve(job, clip, ADDED, render)


def cfg(job: Job, clip: Clip) -> dict:
    """The cfg of the resampling pass."""
    return curve(job, clip, CFGS, lambda value, look: job.render(clip, prompt=look, cfg=value))


def near_cfg(job: Job, clip: Clip) -> dict:
    """How many of the looks are nearest to their own operator by the cfg of the resampling pass, with every other default."""
    result = {}
    for value in NEAR_CFGS:
        rows = []
        for look in job.looks:
            styled = job.styled(clip, look, cfg=value)
            found = job.compared(clip, styled, look)
            rows.append({"near": found["nearest"] == look, "alike": found["alike"] == look, **job.judged(clip, styled, look)})
        result[str(value)] = {"looks": len(rows), **{name: sum(row[name] for row in rows) for name in ("near", "alike")},
                              **{name: float(np.mean([row[name] for row in rows])) for name in ("style", "structure", "flicker")}}
    return result


def steadying(job: Job, clip: Clip) -> dict:
    """Frames averaged with so many neighbours on either side, for every look that changes the picture."""
    return curve(job, clip, STEADY, lambda value, look: job.render(clip, prompt=look, steadyFrames=value),
                 [look for look in job.looks if look != "photo"])


def overlap(job: Job, clip: Clip) -> dict:
    """The largest jump between neighbouring frames of a clip of two windows, by their overlap; `None`: one window."""
    length = len(clip.frames) // 2
    windows = [(length, value) for value in OVERLAPS if value < length] + [(len(clip.frames), None)]
    result = {}
    for look in job.curve_looks:
        result[look] = []
        for span, value in windows:
            styled = job.render(clip, prompt=look, contextLength=span, contextOverlap=value or 0)
            size, frame = measures.jump(clip.frames, styled, job.motion(clip))
            result[look].append({"value": value, "jump": size, "frame": frame, "border": length + 1,
                                 **job.judged(clip, styled, look)})
    return result


# The function and whether it runs on every clip, on those of the curves, or on longer versions of those.
PARTS = {
    "round-trip": (round_trip, "every"),
    "reconstruction": (reconstruction, "every"),
    "looks": (looks, "every"),
    "unsample-cfg": (unsample_cfg, "curve"),
    "prompts": (prompts, "curve"),
    "samplers": (samplers, "curve"),
    "added-noise": (added_noise, "curve"),
    "cfg": (cfg, "curve"),
    "near-cfg": (near_cfg, "curve"),
    "steadying": (steadying, "curve"),
    "overlap": (overlap, "long"),
}
