"""What the three training loops share: a clock that survives restarts, checkpoints, averages, a log."""

import math
import os
import time
from pathlib import Path

import torch


class Run:
    """One training run in a folder: `name.pt` holds everything needed to resume it, `name.log` its log.

    The learning rate follows the clock: a short rise, then a cosine to zero at the time limit, so that training also
    ends in a finished state on a slow or busy machine.
    """

    def __init__(self, folder: Path, name: str, minutes: float, learning_rate: float):
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoint, self.log_path = folder / f"{name}.pt", folder / f"{name}.log"
        self.limit, self.learning_rate = 60.0 * minutes, learning_rate
        self.spent, self.step = 0.0, 0
        self.processor = 0.0  # seconds of processor time, all threads together
        self._saved = self._mark = time.monotonic()
        self._processor_mark = time.process_time()

    @property
    def progress(self) -> float:
        return min(1.0, self.spent / self.limit)

    def resume(self, **parts):
        if self.checkpoint.exists():
            stored = torch.load(self.checkpoint, weights_only=True)
            self.spent, self.processor, self.step = stored["spent"], stored["processor"], stored["step"]
            for key, part in parts.items():
                part.load_state_dict(stored[key])
            self.log(f"resumed at step {self.step}")

    def begin(self):
        """Start the clock now: preparation since the run was created does not count."""
        self._saved = self._mark = time.monotonic()
        self._processor_mark = time.process_time()

    def tick(self, optimizer) -> float:
        """Count a step and its time, set the learning rate; -> progress in 0..1."""
        now, processor = time.monotonic(), time.process_time()
        self.spent, self._mark, self.step = self.spent + now - self._mark, now, self.step + 1
        self.processor, self._processor_mark = self.processor + processor - self._processor_mark, processor
        rate = self.learning_rate * min(1.0, self.step / 100) * (0.5 + 0.5 * math.cos(math.pi * self.progress))
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)
        return self.progress

    def save(self, seconds: float = 0.0, **parts):
        """Store a checkpoint if the last one is older than `seconds`."""
        if time.monotonic() - self._saved < seconds:
            return
        self._saved = time.monotonic()
        stored = {key: part.state_dict() for key, part in parts.items()}
        beside = self.checkpoint.with_suffix(".part")
        torch.save({**stored, "spent": self.spent, "processor": self.processor, "step": self.step}, beside)
        os.replace(beside, self.checkpoint)

    def log(self, text: str):
        line = f"[{self.spent / 60:6.2f} min, {self.processor / 60:6.2f} processor min, step {self.step}] {text}"
        print(line, flush=True)
        with open(self.log_path, "a") as file:
            file.write(line + "\n")


class Average(torch.nn.Module):
    """Exponential moving average of a module's parameters and buffers."""

    def __init__(self, module: torch.nn.Module, decay: float):
        super().__init__()
        self.decay, self.count = decay, 0
        self.values = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module):
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        for key, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.values[key].lerp_(value, 1 - decay)

    def state_dict(self):
        return {"count": self.count, "values": self.values}

    def load_state_dict(self, state):
        self.count, self.values = state["count"], state["values"]
