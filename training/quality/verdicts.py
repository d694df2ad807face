"""Conclusions from the figures: the claims of the unsampling guide, the targets of the built-in model, the defaults that follow."""

from dataclasses import dataclass

import numpy as np

DECIBEL = 0.2  # smaller differences count as none
SHARE = 0.05  # likewise for structure and flicker
RIGHT = 0.8  # of the looks nearest to their own operator
STEADY = 1.3  # times the source's flicker
ENOUGH = 0.1  # dB within which fewer steps are as good as more


@dataclass
class Verdict:
    claim: str
    holds: bool
    figures: str

    def line(self) -> str:
        return f"- **{'holds' if self.holds else 'refuted'}**: {self.claim} {self.figures}"


@dataclass
class Target:
    what: str
    measured: str
    met: bool


@dataclass
class Default:
    name: str
    now: str
    best: str
    why: str


def mean_curve(part: dict, figure: str) -> dict:
    """{value: mean over clips and looks} of a curve's figure, in the order of the curve."""
    found = {}
    for clip in part.values():
        for rows in clip.values():
            for row in rows:
                found.setdefault(row["value"], []).append(row[figure])
    return {value: float(np.mean(figures)) for value, figures in found.items()}


def listed(curve: dict, digits: int) -> str:
    """`1: 14.2, 2: 15.0`"""
    return ", ".join(f"{value}: {figure:.{digits}f}" for value, figure in curve.items())


def rises(curve: dict, least: float) -> bool:
    """Whether the last is above the first by at least `least`, and no step falls by as much."""
    values = list(curve.values())
    return values[-1] - values[0] >= least and all(b - a > -least for a, b in zip(values, values[1:]))


def mean_reconstruction(part: dict) -> dict:
    """{(sampler, scheduler, steps): mean dB below the round trip}."""
    found = {}
    for clip in part.values():
        for row in clip["rows"]:
            key = (row["sampler"], row["scheduler"], row["steps"])
            found.setdefault(key, []).append(clip["round trip"] - row["psnr"])
    return {key: float(np.mean(values)) for key, values in found.items()}


def over_looks(part: dict, noise: str, figure: str) -> float:
    """Mean over clips and the looks that change the picture."""
    return float(np.mean([row[noise][figure] for clip in part.values() for look, row in clip.items() if look != "photo"]))


def claims(results: dict) -> list[Verdict]:
    """One verdict for each claim that was measured."""
    found = []
    if part := results.get("looks"):
        own, random = over_looks(part, "unsampled", "structure"), over_looks(part, "random", "structure")
        found.append(Verdict("Noise made from the clip preserves its composition; random noise does not.", own >= 2 * max(random, 0),
                             f"Structure: {own:.2f}, random noise: {random:.2f}."))
        own, random = over_looks(part, "unsampled", "flicker"), over_looks(part, "random", "flicker")
        found.append(Verdict("Noise made from the clip is steadier than random noise.", own < random * (1 - SHARE),
                             f"Flicker relative to the source's: {own:.2f}, random noise: {random:.2f}."))
    if part := results.get("unsample-cfg"):
        curve = mean_curve(part, "source")
        found.append(Verdict("A higher cfg of the unsampling pass keeps the result closer to the source.", rises(curve, DECIBEL),
                             f"dB to the source by cfg: {listed(curve, 2)}; structure by cfg: {listed(mean_curve(part, 'structure'), 2)}."))
    if part := results.get("prompts"):
        style, flicker = mean_curve(part, "style"), mean_curve(part, "flicker")
        matters = (max(style.values()) - min(style.values()) >= DECIBEL
                   or max(flicker.values()) / min(flicker.values()) >= 1 + SHARE)
        found.append(Verdict("The prompt of the unsampling pass affects style and steadiness.", matters,
                             f"dB to the look's operator: {listed(style, 2)}; flicker: {listed(flicker, 2)}."))
    if part := results.get("samplers"):
        flicker = mean_curve(part, "flicker")
        pairs = [("euler", "euler_ancestral"), ("dpmpp_2m", "dpmpp_2m_sde")]
        holds = all(flicker[noisy] > flicker[plain] * (1 + SHARE) for plain, noisy in pairs)
        found.append(Verdict("Samplers that draw noise flicker more.", holds, f"Flicker: {listed(flicker, 2)}."))
    if part := results.get("added-noise"):
        flicker = mean_curve(part, "flicker")
        found.append(Verdict("Noise added before resampling makes the result flicker.", rises(flicker, SHARE),
                             f"Flicker by the added share of the noise level: {listed(flicker, 2)}."))
    if part := results.get("reconstruction"):
        below = mean_reconstruction(part)
        solvers = dict.fromkeys(sampler for sampler, _, _ in below)
        curves = {s: {steps: -v for (sampler, scheduler, steps), v in below.items() if (sampler, scheduler) == (s, "ays")}
                  for s in solvers}
        text = "; ".join(f"{s}: {listed({k: -v for k, v in c.items()}, 2)}" for s, c in curves.items())
        found.append(Verdict("More steps reconstruct the source better.", all(rises(c, ENOUGH) for c in curves.values()),
                             f"dB below the round trip by number of steps, with ays: {text}."))
    if part := results.get("overlap"):
        curve = mean_curve(part, "jump")
        overlaps = {value: -jump for value, jump in curve.items() if value is not None}
        text = listed({"one window" if value is None else value: jump for value, jump in curve.items()}, 2)
        found.append(Verdict("Overlapping windows hide the transition from one to the next.", rises(overlaps, SHARE),
                             f"Largest change between neighbouring frames divided by the median change, by overlap: {text}."))
    if part := results.get("cfg"):
        style, structure = mean_curve(part, "style"), mean_curve(part, "structure")
        falls = rises({value: -figure for value, figure in structure.items()}, SHARE)
        found.append(Verdict("A fairly low cfg of the resampling pass preserves the shot.", falls,
                             f"Structure by cfg: {listed(structure, 2)}; dB to the look's operator: {listed(style, 2)}."))
    return found


def targets(results: dict, given: set[str]) -> list[Target]:
    """The targets of the built-in model. `given` names the clips that are real footage; some targets speak of those only."""
    found = []
    if real := {name: clip for name, clip in results.get("round-trip", {}).items() if name in given}:
        values = [clip["psnr"] for clip in real.values()]
        found.append(Target("Round trip on footage: at least 26 dB on each clip", f"{min(values):.2f} dB", min(values) >= 26))
        found.append(Target("Round trip on footage: at least 28 dB on average", f"{np.mean(values):.2f} dB", bool(np.mean(values) >= 28)))
    if part := only(results.get("reconstruction", {}), given):
        worst = max(clip["round trip"] - clip["default"] for clip in part.values())
        found.append(Target("Reconstruction with the defaults: at most 1.5 dB below the round trip", f"{worst:.2f} dB below",
                            worst <= 1.5))
        worst = max(clip["round trip"] - row["psnr"] for clip in part.values() for row in clip["rows"]
                    if (row["sampler"], row["scheduler"], row["steps"]) == ("dpmpp_2m", "ays", 16))
        found.append(Target("Reconstruction with dpmpp_2m and 16 steps: at most 0.5 dB below the round trip", f"{worst:.2f} dB below", worst <= 0.5))
    if part := only(results.get("looks", {}), given):
        for by, how in (("nearest", "dB"), ("alike", "character")):
            right = {name: sum(row["unsampled"][by] == look for look, row in clip.items()) for name, clip in part.items()}
            text = ", ".join(f"{name} {count} of {len(part[name])}" for name, count in right.items())
            found.append(Target(f"Looks nearest to their own operator, by {how}: at least eight of ten on each clip", text,
                                min(right.values()) >= 8))
        own, random = over_looks(part, "unsampled", "structure"), over_looks(part, "random", "structure")
        found.append(Target("Structure from unsampled noise: at least twice that from random noise", f"{own:.2f}, random noise: {random:.2f}",
                            own >= 2 * max(random, 0)))
        own, random = over_looks(part, "unsampled", "flicker"), over_looks(part, "random", "flicker")
        found.append(Target("Flicker from unsampled noise: at most half of that from random noise", f"{own:.2f}, random noise: {random:.2f}",
                            own <= random / 2))
        truth = over_looks(part, "operator", "flicker")
        each = ", ".join(f"{name} {over_looks({name: clip}, 'unsampled', 'flicker'):.2f}" for name, clip in part.items())
        if bare := results.get("steadying"):
            each += f"; as decoded, without averaging: {mean_curve(only(bare, given), 'flicker')[0]:.2f}"
        found.append(Target("Flicker: at most 1.3 times the source's", f"{own:.2f} times ({each}; the operators: {truth:.2f})",
                            own <= STEADY))
        own, truth = over_looks(part, "unsampled", "jitter"), over_looks(part, "operator", "jitter")
        found.append(Target("Jitter (flicker for an equal amount of edges): at most 1.3 times the source's", f"{own:.2f} times (the operators: {truth:.2f})", own <= 1.3))
    return found


def only(part: dict, given: set[str]) -> dict:
    """The clips of a part that are real footage, or all if there is none."""
    return {name: clip for name, clip in part.items() if name in given} or part


def defaults(results: dict, now: dict[str, str], given: set[str] = frozenset()) -> list[Default]:
    """The defaults that the figures suggest, beside those of the effect. `given` names the clips that are real footage."""
    found = []
    if part := results.get("reconstruction"):
        below = mean_reconstruction(part)
        steps = int(now["steps"])
        at = {key: value for key, value in below.items() if key[2] == steps} or below
        # Heun evaluates the network twice per step, so it is compared with others at twice its steps.
        cheap = {key: value for key, value in at.items() if key[0] != "heun"}
        best = min(cheap, key=cheap.get)
        ours = (now["sampler"], now["scheduler"], steps)
        if cheap.get(ours, np.inf) - cheap[best] < DECIBEL:
            best = ours  # a default that is as good is kept
        sampler, scheduler, _ = best
        why = (f"{cheap[best]:.2f} dB below the round trip in {steps} steps of one evaluation each; "
               f"the best: {min(cheap.values()):.2f} dB")
        found.append(Default("sampler", now["sampler"], sampler, why))
        found.append(Default("unsampleSampler", now["unsampleSampler"], sampler, why))
        found.append(Default("scheduler", now["scheduler"], scheduler, why))
        by_steps = {s: v for (a, b, s), v in below.items() if (a, b) == (sampler, scheduler)}
        fewest = min(s for s, v in by_steps.items() if v <= min(by_steps.values()) + ENOUGH)
        found.append(Default("steps", now["steps"], str(fewest), f"the fewest within {ENOUGH} dB of the best"))
    if part := results.get("prompts"):
        style, flicker = mean_curve(part, "style"), mean_curve(part, "flicker")
        close = [mode for mode in style if style[mode] >= max(style.values()) - DECIBEL]
        best = min(close, key=flicker.get)
        if now["unsamplePromptMode"] in close and flicker[now["unsamplePromptMode"]] <= flicker[best] * (1 + SHARE):
            best = now["unsamplePromptMode"]
        found.append(Default("unsamplePromptMode", now["unsamplePromptMode"], best,
                             f"the steadiest of those within {DECIBEL} dB of the one nearest to the looks' operators"))
    if part := only(results.get("near-cfg", {}), given):
        values = list(next(iter(part.values())))
        right = {value: min(clip[value][how] / clip[value]["looks"] for clip in part.values() for how in ("near", "alike"))
                 for value in values}
        style = {value: float(np.mean([clip[value]["style"] for clip in part.values()])) for value in values}
        enough = [value for value in values if right[value] >= RIGHT] or [max(values, key=right.get)]
        best = max(enough, key=style.get)
        found.append(Default("cfg", now["cfg"], best, f"the nearest to the looks' operators of those at which {RIGHT:.0%} of the looks are nearest to "
                             "their own operator on each clip, by dB and by character; if there is none, the one at which most are"))
    if part := results.get("steadying"):
        style, structure, flicker = (mean_curve(part, figure) for figure in ("style", "structure", "flicker"))
        harmless = [value for value in style if style[value] >= max(style.values()) - DECIBEL
                    and structure[value] >= max(structure.values()) * (1 - SHARE)]
        enough = [value for value in harmless if flicker[value] <= STEADY]
        best = min(enough) if enough else min(harmless, key=flicker.get)
        found.append(Default("steadyFrames", now["steadyFrames"], str(best),
                             f"of those that cost less than {DECIBEL} dB of the look and {SHARE:.0%} of the structure, the fewest with a "
                             f"flicker of at most {STEADY}; if there is none, the steadiest"))
    if part := results.get("overlap"):
        jumps = {value: figure for value, figure in mean_curve(part, "jump").items() if value is not None}
        best = min(value for value, figure in jumps.items() if figure <= min(jumps.values()) * (1 + SHARE))
        found.append(Default("contextOverlap", now["contextOverlap"], str(best), "the smallest with a jump within 5% of the smallest"))
    return found


def agrees(default: Default) -> bool:
    """Whether the effect already has this default; 4.0 and 4 are the same."""
    try:
        return float(default.now) == float(default.best)
    except ValueError:
        return default.now == default.best
