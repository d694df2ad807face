"""Writes docs/quality.md from the numbers of the parts."""

from . import verdicts

HEADINGS = {
    "round-trip": ("The autoencoder's round trip", "Each clip is encoded and decoded, with nothing in between. No result of the model "
                   "can be closer to the source."),
    "reconstruction": ("Reconstruction", "The clip is unsampled with the prompt `photo` and resampled with the same prompt at a cfg of 1, with "
                       "the same sampler and steps in both passes. The figures are dB below the round trip: 0 is the best possible."),
    "looks": ("The looks", "The model learned each look from an image operator. This operator, applied to the source, shows what "
              "a perfect model would give (*operator*). The columns are:\n\n"
              "- dB: similarity to the look's own operator; nearest: the operator that is nearest by this measure.\n"
              "- character: distance to the look's own operator in colours, contrasts and busyness of the whole picture, wherever they are, "
              "where 1 is the spread of the ten operators; nearest: the operator that is nearest by this measure.\n"
              "- structure: correlation of edge maps with the source.\n"
              "- flicker: motion-compensated change from frame to frame, relative to the source's.\n"
              "- jitter: flicker for an equal amount of edges, because a drawing with three times the source's edges changes three times as "
              "much even if it follows the motion just as well.\n"
              "- random: the same from random noise of the same level instead of the clip's own noise, with everything else equal."),
    "unsample-cfg": ("Cfg of the unsampling pass", "The unsampling prompt is `photo`. Means over clips and looks."),
    "prompts": ("Prompt of the unsampling pass", "blank: none, own: `photo`, same: the prompt of the look. Means over clips and looks."),
    "samplers": ("Samplers that draw noise", "The sampler of the resampling pass, which starts from the same unsampled noise. Means over clips and "
                 "looks."),
    "added-noise": ("Noise added before resampling", "As a share of the noise level of the unsampled clip. Means over clips and looks."),
    "cfg": ("Cfg of the resampling pass", "Means over clips and looks."),
    "near-cfg": ("Recognisable looks by cfg", "Number of looks that are nearest to their own operator, by dB and by character, with the "
                 "effect's defaults for everything else. dB, structure and flicker are means over the looks."),
    "steadying": ("Frames averaged along the motion of the source", "Each frame is averaged with this number of neighbours on either side "
                  "(`steadyFrames`), from the same latents. Means over clips and all looks but photo. Flicker and jitter are measured along the "
                  "same motion as the averaging, so they have to fall: the row 0 shows what the model itself does, and dB and structure show "
                  "what the averaging costs."),
    "overlap": ("Overlap of context windows", "Clips of two windows. *jump* is the largest change between neighbouring frames divided by the "
                "median change, each relative to the source's. Means over clips and looks."),
}
CURVE = (("source", "dB to the source", 2), ("style", "dB to the look", 2), ("structure", "structure", 2), ("flicker", "flicker", 2),
         ("jitter", "jitter", 2))


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def round_trip(part: dict) -> str:
    return table(["clip", "PSNR, dB", "SSIM"], [[name, f"{c['psnr']:.2f}", f"{c['ssim']:.3f}"] for name, c in part.items()])


def reconstruction(part: dict) -> str:
    keys = [(row["sampler"], row["scheduler"], row["steps"]) for row in next(iter(part.values()))["rows"]]
    rows = [[f"{sampler}, {scheduler}, {steps}", *(f"{c['round trip'] - c['rows'][i]['psnr']:.2f}" for c in part.values())]
            for i, (sampler, scheduler, steps) in enumerate(keys)]
    rows.append(["the effect's defaults", *(f"{c['round trip'] - c['default']:.2f}" for c in part.values())])
    return table(["sampler, scheduler, steps", *part], rows)


def looks(part: dict) -> str:
    parts = []
    for name, clip in part.items():
        rows = []
        for look, row in clip.items():
            own, random, truth = row["unsampled"], row["random"], row["operator"]
            near = "its own" if own["nearest"] == look else f"{own['nearest']} ({own['nearest style']:.1f})"
            alike = "its own" if own["alike"] == look else own["alike"]
            rows.append([look, f"{own['style']:.1f}", near, f"{own['unlike']:.2f}", alike, f"{random['style']:.1f}",
                         *(f"{x['structure']:.2f}" for x in (own, random, truth)), *(f"{x['flicker']:.2f}" for x in (own, random, truth)),
                         *(f"{x['jitter']:.2f}" for x in (own, truth))])
        head = ["look", "dB", "nearest", "character", "nearest", "dB, random", "structure", "random", "operator", "flicker", "random", "operator",
                "jitter", "operator"]
        parts.append(f"**{name}**\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def curve(part: dict, first: str = "value", more=()) -> str:
    columns = [*more, *CURVE]
    curves = [verdicts.mean_curve(part, figure) for figure, _, _ in columns]
    rows = [[str("one window" if value is None else value), *(f"{c[value]:.{digits}f}" for c, (_, _, digits) in zip(curves, columns))]
            for value in curves[0]]
    return table([first, *(title for _, title, _ in columns)], rows)


def near_cfg(part: dict) -> str:
    rows = [[name, value, f"{row['near']} of {row['looks']}", f"{row['alike']} of {row['looks']}", f"{row['style']:.2f}",
             f"{row['structure']:.2f}", f"{row['flicker']:.2f}"] for name, clip in part.items() for value, row in clip.items()]
    return table(["clip", "cfg", "by dB", "by character", "dB to the look", "structure", "flicker"], rows)


WRITERS = {
    "round-trip": round_trip, "reconstruction": reconstruction, "looks": looks,
    "unsample-cfg": lambda part: curve(part, "unsampleCfg"), "prompts": lambda part: curve(part, "unsamplePromptMode"),
    "samplers": lambda part: curve(part, "sampler"), "added-noise": lambda part: curve(part, "noise added"),
    "cfg": lambda part: curve(part, "cfg"), "near-cfg": near_cfg, "steadying": lambda part: curve(part, "steadyFrames"),
    "overlap": lambda part: curve(part, "contextOverlap", (("jump", "jump", 2),)),
}


def page(results: dict, facts: dict, pictures: dict[str, list[str]]) -> str:
    """The whole page. `facts`: command, model, plugin, machine, dates, frames, size, given (names of footage), defaults.
    `pictures`: files by part, relative to the page."""
    parts = ["# Quality of the built-in model", "What the plugin achieves with its built-in model, measured on the output of `unsample render`. "
             "This page is generated by", f"```\n{facts['command']}\n```",
             table(["", ""], [[name, str(facts[name])] for name in ("date", "machine", "plugin", "model", "clips", "time")])]
    if found := verdicts.targets(results, set(facts["given"])):
        parts += ["## Targets", table(["target", "measured", "met"], [[t.what, t.measured, "yes" if t.met else "**no**"] for t in found])]
        if not facts["given"]:
            parts.append("The targets are for footage; none was given, so the drawn clips are used instead where possible.")
    if found := verdicts.claims(results):
        parts += ["## Claims about unsampling", "\n".join(verdict.line() for verdict in found)]
    if found := verdicts.defaults(results, facts["defaults"], set(facts["given"])):
        rows = [[f"`{d.name}`", d.now, d.best, d.why, "yes" if verdicts.agrees(d) else "**no**"] for d in found]
        parts += ["## Defaults derived from the figures", table(["parameter", "default", "derived", "reason", "agree"], rows)]
    for name, (title, text) in HEADINGS.items():
        if name not in results:
            continue
        parts += [f"## {title}", text, WRITERS[name](results[name])]
        parts += [f"![{title}]({file})" for file in pictures.get(name, [])]
    parts.append("The looks, and the recognisable looks by cfg, are rendered with the effect's default for `steadyFrames`. All other figures "
                 "are of frames as they were decoded (`steadyFrames` 0), so that averaging does not hide the differences.")
    missing = [name for name in HEADINGS if name not in results]
    if missing:
        parts.append(f"Not measured in this run: {', '.join(missing)}.")
    return "\n\n".join(parts) + "\n"
