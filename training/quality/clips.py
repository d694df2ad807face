"""The clips used for measuring: drawn ones that were not used in training, and footage given by the user."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pocket.scenes import make_bank, render_clip

KINDS = ("people", "street", "garden")
SEED = 9001  # training draws with the seed of config.toml, [seed, 1 | 2, index], and tiles of its own
RATIO = (9, 16)


class ClipError(Exception):
    """A problem with a clip; its text is a message for the user."""


@dataclass
class Clip:
    """Frames [frames, H, W, 3] uint8 with a name; both sides are multiples of 8, so the plugin pads nothing."""

    name: str
    frames: np.ndarray
    drawn: bool

    def digest(self) -> str:
        return hashlib.sha256(repr(self.frames.shape).encode() + self.frames.tobytes()).hexdigest()

    def first(self, count: int) -> "Clip":
        return Clip(self.name, self.frames[:count], self.drawn)


def height_for(width: int, ratio: tuple[int, int] = RATIO) -> int:
    """The nearest multiple of 8 to the height of a picture of this width."""
    return max(8, round(width * ratio[0] / ratio[1] / 8) * 8)


def drawn_clips(frames: int, width: int) -> list[Clip]:
    """One clip of each of three kinds of scene, with seeds and textures of their own."""
    bank = make_bank(np.random.default_rng(SEED), 32)
    clips = []
    for index, kind in enumerate(KINDS):
        rng = np.random.default_rng([SEED, index])
        clips.append(Clip(f"drawn {kind}", render_clip(rng, bank, kind, height_for(width), width, frames), True))
    return clips


def footage(path: Path, frames: int, width: int) -> Clip:
    """The first frames of a video file at `width`, averaged down, through ffmpeg."""
    if not path.is_file():
        raise ClipError(f"{path}: there is no such file")
    try:
        probe = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height",
                                "-of", "csv=p=0", path], capture_output=True, text=True)
    except FileNotFoundError:
        raise ClipError(f"{path}: reading footage needs ffmpeg and ffprobe, which are not installed") from None
    try:
        source_width, source_height = (int(v) for v in probe.stdout.split()[0].split(",")[:2])
    except (IndexError, ValueError):
        raise ClipError(f"{path}: not a video that ffmpeg can read: {probe.stderr.strip()}") from None
    height = height_for(width, (source_height, source_width))
    command = ["ffmpeg", "-v", "error", "-i", path, "-vf", f"scale={width}:{height}:flags=area", "-frames:v", str(frames),
               "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True)
    pictures = np.frombuffer(raw.stdout, np.uint8).reshape(-1, height, width, 3)
    if len(pictures) < 4:
        raise ClipError(f"{path}: {len(pictures)} frames could be read, at least 4 are needed: {raw.stderr.decode().strip()}")
    return Clip(path.stem, pictures, False)


def write_frames(frames: np.ndarray, folder: Path) -> None:
    """Writes the frames as 0001.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, 1):
        cv2.imwrite(str(folder / f"{number:04d}.png"), frame[..., ::-1])


def read_frames(folder: Path) -> np.ndarray:
    """Reads the frames that `write_frames`, or the plugin with the same names, wrote."""
    files = sorted(folder.glob("*.png"))
    if not files:
        raise ClipError(f"{folder}: no frames")
    return np.stack([cv2.imread(str(file), cv2.IMREAD_COLOR)[..., ::-1] for file in files])
