"""Draw the training data once: stills.npy and clips.npy (uint8), in the folder given by --data.

stills.npy [scenes, looks, H, W, 3]; clips.npy [clips, looks, frames, H, W, 3]. Scene i is of kind KINDS[i % 6].
Every scene has its own seed, so the order does not matter.
"""

import argparse
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


def as_filmed(rng, frame: np.ndarray) -> np.ndarray:
    """Often the traces of lossy coding, which footage from a camera has."""
    if rng.random() < 0.5:
        return frame
    coded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def draw_still(index: int):
    """A third of the scenes are parts of larger pictures: the same things, closer."""
    rng = np.random.default_rng([CONFIG["seed"], 1, index])
    height, width = CONFIG["data"]["still_size"]
    if index // 6 % 3 == 0:
        frame = render_clip(rng, BANK, KINDS[index % 6], height * 3 // 2, width * 3 // 2, frames=1)[0]
        y, x = rng.integers(height // 2 + 1), rng.integers(width // 2 + 1)
        frame = np.ascontiguousarray(frame[y : y + height, x : x + width])
    else:
        frame = render_clip(rng, BANK, KINDS[index % 6], height, width, frames=1)[0]
    frame = as_filmed(rng, frame)
    return index, np.stack([apply_look(name, frame, index) for name in NAMES])


def draw_clip(index: int):
    rng = np.random.default_rng([CONFIG["seed"], 2, index])
    data = CONFIG["data"]
    clip = render_clip(rng, BANK, KINDS[index % 6], *data["clip_size"], frames=data["clip_frames"])
    return index, np.stack([[apply_look(name, frame, index) for frame in clip] for name in NAMES])


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
            shape = (len(NAMES), data["clip_frames"], *data["clip_size"], 3)
            draw_all(pool, options.data / "clips.npy", draw_clip, data["clips"], shape)


if __name__ == "__main__":
    main()
