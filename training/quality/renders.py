"""Renders through the plugin, each made once: a finished one is kept in a folder named after a hash of everything that it depends on."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from .clips import Clip, read_frames, write_frames

FOLLOWED = ("steps", "sampler", "scheduler", "cfg", "denoise", "unsamplePromptMode", "unsampleCfg", "unsampleSteps",
            "unsampleSampler", "unsampleScheduler", "contextLength", "contextOverlap", "steadyFrames")


class RenderError(Exception):
    """A failed render, with the plugin's own message."""


def file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def render_key(clip: str, models: list[str], settings: dict[str, str], noise: str | None) -> str:
    """The name of a render's folder, from digests of the clip, the weights and the noise that it starts from."""
    text = json.dumps([clip, models, sorted(settings.items()), noise])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class Plugin:
    """The command line tool with the bundle, and a folder for their output.

    Every render sets the effect's defaults of `FOLLOWED` explicitly, so that finished renders are not confused with those
    of other defaults.
    """

    def __init__(self, tool: Path, bundle: Path, work: Path):
        self.tool, self.bundle, self.work = tool.resolve(), bundle.resolve(), work.resolve()
        models = sorted((self.bundle / "Contents" / "Resources" / "models").glob("*.safetensors"))
        self.models = [file_digest(path) for path in models]
        self.defaults = self._defaults()
        self.made = 0
        self.seconds: dict[str, float] = {}  # of every render that was used, by key

    def _defaults(self) -> dict[str, str]:
        text = subprocess.run([self.tool, "params", "--json", "--bundle", self.bundle], capture_output=True, text=True,
                              check=True).stdout
        values = {row["name"]: row.get("default") for row in json.loads(text)}
        return {name: f"{value:g}" if isinstance(value := values[name], float) else str(value) for name in FOLLOWED}

    def version(self) -> str:
        return subprocess.run([self.tool, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def source_folder(self, clip: Clip) -> Path:
        folder = self.work / "sources" / clip.digest()[:20]
        if not folder.exists():
            part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
            write_frames(clip.frames, part)
            part.rename(folder)
        return folder

    def folder(self, clip: Clip, settings: dict, noise: Path | None = None, diagnostics: bool = False) -> Path:
        """Renders the clip with these parameters unless that was done before; returns the folder of the frames.

        `noise` is a file with `latents.unsampled` to start from. With `diagnostics` the folder also contains the stages, as
        stages.safetensors.
        """
        changed = ", ".join(f"{name} {value}" for name, value in settings.items()) or "the defaults"
        settings = {"workingSize": 0, "segmentFrames": 0, **self.defaults, **settings}
        settings = {name: str(value) for name, value in settings.items()}
        key = render_key(clip.digest(), self.models, settings, file_digest(noise) if noise else None)
        done = self.work / "renders" / key
        if (done / "settings.json").is_file() and (not diagnostics or (done / "stages.safetensors").is_file()):
            self.seconds[key] = json.loads((done / "settings.json").read_text())["seconds"]
            return done
        part = done.with_name(f"{key}.part-{os.getpid()}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        extra = {"cacheFolder": str(self.work / "cache")}
        if noise:
            extra["latentsFile"] = str(noise)
        if diagnostics:
            extra["diagnosticsFile"] = str(part / "stages.safetensors")
        command = [str(self.tool), "render", str(self.source_folder(clip)), "-o", str(part / "%04d.png"),
                   "--bundle", str(self.bundle), "--quiet"]
        for name, value in {**settings, **extra}.items():
            command += ["--set", f"{name}={value}"]
        started = time.monotonic()
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode != 0:
            raise RenderError(f"{clip.name}, {changed}: {ended.stderr.strip()}")
        seconds = time.monotonic() - started
        self.seconds[key], self.made = seconds, self.made + 1
        note = {"clip": clip.name, "settings": settings, "seconds": round(seconds, 1)}
        (part / "settings.json").write_text(json.dumps(note, indent=1))
        shutil.rmtree(done, ignore_errors=True)
        part.rename(done)
        print(f"  {clip.name}: {changed}{' from given noise' if noise else ''} in {seconds:.0f} s", flush=True)
        return done

    def render(self, clip: Clip, settings: dict, noise: Path | None = None) -> np.ndarray:
        """Frames [frames, H, W, 3] uint8."""
        return read_frames(self.folder(clip, settings, noise))

    def stages(self, clip: Clip, settings: dict) -> dict[str, np.ndarray]:
        """The tensors of a render's stages."""
        return load_file(self.folder(clip, settings, diagnostics=True) / "stages.safetensors")

    def noise_file(self, latents: np.ndarray) -> Path:
        """Latents [frames, C, h, w] as a file to start a resampling pass from."""
        latents = np.ascontiguousarray(latents, np.float32)
        path = self.work / "noise" / f"{hashlib.sha256(latents.tobytes()).hexdigest()[:20]}.safetensors"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".part-{os.getpid()}")
            save_file({"latents.unsampled": latents}, part)
            part.rename(path)
        return path

