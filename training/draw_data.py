"""Draw the training data once: stills.npy, clips.npy and steady_clips.npy (uint8), in the folder given by --data.

stills.npy [scenes, looks, H, W, 3]; clips.npy and steady_clips.npy [clips, looks, frames, H, W, 3]. Scene i is of kind KINDS[i % 6].
Every scene has its own seed, so the order does not matter.
"""

import argparse
import multiprocessing
from pathlib import Path

import cv2
import numpy as np

from pocket.config import load_config
from pocket.looks import LOOKS, apply_look
from pocket.scenes import KINDS, add_grain, make_bank, render_clip, render_scene

NAMES = list(LOOKS)


def start(config):
    global CONFIG, BANK
    cv2.setNumThreads(1)
    CONFIG = config
    BANK = make_bank(np.random.default_rng(config["seed"]), config["data"]["tiles"])


def coded(frame: np.ndarray, quality: int) -> np.ndarray:
    """The frame with the traces of lossy coding, which footage from a camera has."""
    return cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def as_filmed(rng, frame: np.ndarray) -> np.ndarray:
    return frame if rng.random() < 0.5 else coded(frame, int(rng.integers(35, 95)))


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


def draw_steady_clip(index: int):
    """The photo shows the scene as filmed; the looks are drawn from the scene itself.

    Grain and compression artefacts change from frame to frame, and an operator that draws lines amplifies them. A look
    drawn from the scene itself is steady, and teaches the network to ignore both. Some of the scenes are out of focus, as
    the backgrounds of real footage are.
    """
    rng = np.random.default_rng([CONFIG["seed"], 3, index])
    data = CONFIG["data"]
    scene, grain = render_scene(rng, BANK, KINDS[index % 6], *data["clip_size"], frames=data["clip_frames"])
    if rng.random() < 0.35:
        focus = rng.uniform(0.8, 2.0)
        scene = np.stack([cv2.GaussianBlur(frame, (0, 0), focus) for frame in scene])
    filmed = add_grain(rng, scene, grain)
    if rng.random() < 0.5:
        quality = int(rng.integers(35, 95))
        filmed = np.stack([coded(frame, quality) for frame in filmed])
    looks = [[apply_look(name, frame, index) for frame in scene] for name in NAMES[1:]]
    return index, np.stack([filmed, *looks])


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
    arguments.add_argument("--only", choices=["stills", "clips", "steady_clips"])
    arguments.add_argument("--processes", type=int, default=2)
    options = arguments.parse_args()
    config = load_config(options.config)
    data = config["data"]
    options.data.mkdir(parents=True, exist_ok=True)
    start(config)
    with multiprocessing.Pool(options.processes, start, (config,)) as pool:
        still = (len(NAMES), *data["still_size"], 3)
        clip = (len(NAMES), data["clip_frames"], *data["clip_size"], 3)
        for name, draw, shape in (("stills", draw_still, still), ("clips", draw_clip, clip), ("steady_clips", draw_steady_clip, clip)):
            if options.only in (None, name):
                draw_all(pool, options.data / f"{name}.npy", draw, data[name], shape)


if __name__ == "__main__":
    main()
