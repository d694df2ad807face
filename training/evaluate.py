"""Measure the built-in model through the plugin and write docs/quality.md; usually started by `cargo xtask quality`.

Finished renders are kept in the work folder under the hash of what they depend on (clip, weights, settings, noise), so an
interrupted run can be resumed and a single part run again. The hash does not cover the plugin's code: --fresh discards
all finished renders.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from pocket.looks import LOOKS
from quality import page, pictures
from quality.clips import Clip, ClipError, drawn_clips, footage
from quality.parts import CFGS, PARTS, SOURCE_PROMPT, UNSAMPLE_CFGS, Job, gaussian
from quality.renders import Plugin, RenderError


def parse():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("clips", nargs="*", type=Path, help="footage to measure on beside the drawn clips")
    arguments.add_argument("--tool", type=Path, required=True, help="the unsample program")
    arguments.add_argument("--bundle", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True, help="folder for renders, cache and results")
    arguments.add_argument("--out", type=Path, required=True, help="folder of quality.md")
    arguments.add_argument("--frames", type=int, help="of a clip [default: 16, quick: 8]")
    arguments.add_argument("--width", type=int, help="in pixels, a multiple of 8 [default: 256, quick: 128]")
    arguments.add_argument("--only", action="append", choices=list(PARTS), help="measure this part; may be repeated")
    arguments.add_argument("--quick", action="store_true", help="one drawn clip, four looks, small: to see that it runs")
    arguments.add_argument("--fresh", action="store_true", help="forget finished renders")
    arguments.add_argument("--command", default="cargo xtask quality", help="what the page names as its command")
    options = arguments.parse_args()
    options.frames = options.frames or (8 if options.quick else 16)
    options.width = options.width or (128 if options.quick else 256)
    if options.frames < 4 or options.width < 64 or options.width % 8:
        arguments.error("--frames takes at least 4, --width a multiple of 8 of at least 64")
    stems = [path.stem for path in options.clips]
    if len(set(stems)) < len(stems):
        arguments.error("two clips of one name: rename one, the page names clips by their files")
    return options


def machine() -> str:
    """Processor and cores, in words."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{platform.system()}, {name}, {os.cpu_count()} cores"


def look_sheet(job: Job, clip: Clip) -> np.ndarray:
    """A row for each look: source, operator, three frames of the result, one from random noise. All renders are there already."""
    own, sigma = job.unsampled(clip)
    random = job.plugin.noise_file(gaussian(own.shape, sigma))
    first, middle, last = 0, len(clip.frames) // 2, len(clip.frames) - 1
    rows = []
    for look in job.looks:
        styled, chance = job.styled(clip, look), job.styled(clip, look, random)
        rows.append([("source", clip.frames[middle]), (f"{look}: operator", job.truth(clip, look)[middle]),
                     (f"frame {first + 1}", styled[first]), (f"frame {middle + 1}", styled[middle]),
                     (f"frame {last + 1}", styled[last]), ("random noise", chance[middle])])
    return pictures.sheet(rows)


def curve_sheet(job: Job, clip: Clip, values, render) -> np.ndarray:
    """A row for each look of the curves, a column for each value: the middle frame."""
    middle = len(clip.frames) // 2
    return pictures.sheet([[(f"{look}, {value}", render(value, look)[middle]) for value in values] for look in job.curve_looks])


def draw_sheets(job: Job, clips: list[Clip], curve_clip: Clip, done: set[str]) -> list[tuple[str, str, Clip, np.ndarray]]:
    """(part, name, clip, sheet) for the parts in `done`."""
    sheets = []
    if "looks" in done:
        sheets += [("looks", f"looks-{clip.name.replace(' ', '-')}", clip, look_sheet(job, clip)) for clip in clips]
    if "cfg" in done:
        sheets.append(("cfg", "cfg", curve_clip, curve_sheet(
            job, curve_clip, CFGS, lambda value, look: job.render(curve_clip, prompt=look, cfg=value))))
    if "unsample-cfg" in done:
        sheets.append(("unsample-cfg", "unsample-cfg", curve_clip, curve_sheet(
            job, curve_clip, UNSAMPLE_CFGS,
            lambda value, look: job.render(curve_clip, prompt=look, unsampleCfg=value, **SOURCE_PROMPT))))
    return sheets


def stored(path: Path, stamp: dict) -> dict:
    """The results of earlier runs on the same clips, weights and defaults."""
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return kept["parts"] if kept.get("stamp") == stamp else {}


def measure(job: Job, clips: list[Clip], curve_clips: list[Clip], long_clips: list[Clip], only: list[str], keep) -> None:
    """Runs the parts, handing each one's results to `keep` as soon as it is whole."""
    sets = {"every": clips, "curve": curve_clips, "long": long_clips}
    for name in only:
        run, where = PARTS[name]
        print(f"{name}", flush=True)
        keep(name, {clip.name: run(job, clip) for clip in sets[where]})


def main() -> int:
    options = parse()
    started = time.monotonic()
    if options.fresh:
        shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)  # optical flow is the same to the bit then
    plugin = Plugin(options.tool, options.bundle, options.work)
    looks = tuple(LOOKS)[:4] if options.quick else tuple(LOOKS)
    job = Job(plugin, looks, looks[3:4] if options.quick else ("watercolour", "neon"))
    drawn = drawn_clips(2 * options.frames, options.width)[: 1 if options.quick else None]
    try:
        given = [footage(path, 2 * options.frames, options.width) for path in options.clips]
    except ClipError as error:
        print(error, file=sys.stderr)
        return 1
    # The curves are long to make, so they run on one drawn clip and the footage.
    long_clips = [drawn[0], *given]
    clips = [clip.first(options.frames) for clip in [*drawn, *given]]
    curve_clips = [clip.first(options.frames) for clip in long_clips]

    stamp = {"models": plugin.models, "clips": [clip.digest() for clip in [*drawn, *given]], "frames": options.frames,
             "looks": job.looks, "defaults": plugin.defaults}
    stamp = json.loads(json.dumps(stamp))
    path = options.work / "results.json"
    results = stored(path, stamp)

    def keep(name, found):
        results[name] = found
        path.write_text(json.dumps({"stamp": stamp, "parts": results}, indent=1))

    try:
        measure(job, clips, curve_clips, long_clips, options.only or list(PARTS), keep)
        sheets = draw_sheets(job, clips, curve_clips[0], set(results))
    except (RenderError, ClipError) as error:
        print(error, file=sys.stderr)
        return 1

    footage_sheets = {name: picture for _, name, clip, picture in sheets if not clip.drawn}
    if footage_sheets:
        pictures.save_all(footage_sheets, options.work / "sheets", 1 << 30)
        print(f"contact sheets of the footage, which belongs to others: {options.work / 'sheets'}")
    drawn_sheets = [(part, name, picture) for part, name, clip, picture in sheets if clip.drawn]
    pictures.save_all({name: picture for _, name, picture in drawn_sheets}, options.out / "quality")
    by_part = {}
    for part, name, _ in drawn_sheets:
        by_part.setdefault(part, []).append(f"quality/{name}.jpg")
    height, width = clips[0].frames.shape[1:3]
    facts = {
        "command": options.command, "date": date.today().isoformat(), "machine": machine(), "plugin": plugin.version(),
        "model": ", ".join(digest[:12] for digest in plugin.models) + " (SHA-256 of its files)",
        "clips": f"{', '.join(clip.name for clip in clips)}; {options.frames} frames, {width} pixels wide ({width}x{height} drawn)",
        "time": f"{len(plugin.seconds)} renders of {sum(plugin.seconds.values()):.0f} s, {plugin.made} of them made in this run of "
                f"{time.monotonic() - started:.0f} s",
        "given": [clip.name for clip in given], "defaults": plugin.defaults,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "quality.md").write_text(page.page(results, facts, by_part))
    print(f"{options.out / 'quality.md'}: {', '.join(results)}; {facts['time']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
