"""Draw the training data once: stills.npy and clips.npy (uint8) with clips.json, in the folder given by --data.

stills.npy [scenes, looks, H, W, 3]; clips.npy [clips, looks_per_clip, frames, H, W, 3]. Scene i is of kind
KINDS[i % 6]; clips.json lists the looks of each clip. Every scene has its own seed, so the order does not matter.
"""

import argparse
import json
import multiprocessing
from pathlib import Path

import cv2
import numpy as np

from pocket.config import load_config
from pocket.looks import LOOKS, apply_look
from pocket.scenes import KINDS, make_bank, render_clip

NAMES = list(LOOKS)


def start(config):
    global CONFIG, BANK
    cv2.setNumThreads(1)
    CONFIG = config
    BANK = make_bank(np.random.default_rng(config["seed"]), config["data"]["tiles"])


def draw_still(index: int):
    rng = np.random.default_rng([CONFIG["seed"], 1, index])
    frame = render_clip(rng, BANK, KINDS[index % 6], *CONFIG["data"]["still_size"], frames=1)[0]
    return index, np.stack([apply_look(name, frame, index) for name in NAMES])


def clip_looks(index: int) -> list[int]:
    rng = np.random.default_rng([CONFIG["seed"], 3, index])
    return [0, *(1 + rng.permutation(len(NAMES) - 1)[: CONFIG["data"]["looks_per_clip"] - 1]).tolist()]


def draw_clip(index: int):
    rng = np.random.default_rng([CONFIG["seed"], 2, index])
    data = CONFIG["data"]
    clip = render_clip(rng, BANK, KINDS[index % 6], *data["clip_size"], frames=data["clip_frames"])
    return index, np.stack([[apply_look(NAMES[k], frame, index) for frame in clip] for k in clip_looks(index)])


def draw_all(pool, path: Path, draw, count: int, shape):
    out = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *shape))
    for done, (index, pictures) in enumerate(pool.imap_unordered(draw, range(count), chunksize=4), 1):
        out[index] = pictures
        if done % 100 == 0:
            print(path.name, done, flush=True)
    out.flush()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--only", choices=["stills", "clips"])
    arguments.add_argument("--processes", type=int, default=2)
    options = arguments.parse_args()
    config = load_config(options.config)
    data = config["data"]
    options.data.mkdir(parents=True, exist_ok=True)
    start(config)
    with multiprocessing.Pool(options.processes, start, (config,)) as pool:
        if options.only != "clips":
            shape = (len(NAMES), *data["still_size"], 3)
            draw_all(pool, options.data / "stills.npy", draw_still, data["stills"], shape)
        if options.only != "stills":
            shape = (data["looks_per_clip"], data["clip_frames"], *data["clip_size"], 3)
            draw_all(pool, options.data / "clips.npy", draw_clip, data["clips"], shape)
            looks = [clip_looks(index) for index in range(data["clips"])]
            (options.data / "clips.json").write_text(json.dumps(looks))


if __name__ == "__main__":
    main()
