"""Writes functions.txt: the reference's solvers and ours differ only in the last bit of four functions.

The reference uses PyTorch. Its f32 square root, logarithm and expm1 are fast vector versions that are an ulp
off for some arguments, and for which ones depends on the processor; tanh hardly ever is. This script implements the solvers
in the reference's order of operations, with the functions as a parameter:

- with PyTorch's own functions, on a processor with AVX-512, every row of toy.txt must come out to the last digit, or the
  script fails;
- with correctly rounded ones in the solver (computed in f64, rounded once), the rows are written out for dpmpp_2m, the
  only solver here that calls any. The square roots of the `tanh` denoiser, which is not part of a solver, are written out too.

python3 generate.py   (needs numpy and torch)
"""

import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
f32 = np.float32


def rows(path):
    """The lines `key : values` of a golden file."""
    lines = (line.split(" : ") for line in path.read_text().splitlines() if " : " in line)
    return {key: [f32(word) for word in values.split()] for key, values in lines}


def torchs(function):
    return lambda x: function(torch.as_tensor(np.asarray(x, f32))).numpy()[()]


def rounded(function):
    return lambda x: f32(function(np.asarray(x, np.float64)))


TORCHS = {"log": torchs(torch.log), "exp": torchs(torch.exp), "expm1": torchs(torch.expm1)}
ROUNDED = {"log": rounded(np.log), "exp": rounded(np.exp), "expm1": rounded(np.expm1)}
square_root = torchs(torch.sqrt)
tanh = torchs(torch.tanh)


def euler(denoiser, x, levels, _):
    for here, there in zip(levels, levels[1:]):
        x = x + (x - denoiser(x, here)) / here * (there - here)
    return x


def heun(denoiser, x, levels, _):
    for here, there in zip(levels, levels[1:]):
        slope = (x - denoiser(x, here)) / here
        guess = x + slope * (there - here)
        if there != 0:
            slope = (slope + (guess - denoiser(guess, there)) / there) * f32(0.5)
        x = x + slope * (there - here)
    return x


def dpmpp_2m(denoiser, x, levels, functions):
    log, exp, expm1 = functions["log"], functions["exp"], functions["expm1"]
    with np.errstate(divide="ignore"):
        times = [-log(level) for level in levels]
    before = None
    for at, there in enumerate(levels[1:]):
        denoised = denoiser(x, levels[at])
        h = times[at + 1] - times[at]
        target = denoised
        if before is not None and there != 0:
            share = f32(1) / (f32(2) * ((times[at] - times[at - 1]) / h))
            target = (f32(1) + share) * denoised - share * before
        x = exp(-times[at + 1]) / exp(-times[at]) * x - expm1(-h) * target
        before = denoised
    return x


SOLVERS = {"euler": euler, "heun": heun, "dpmpp_2m": dpmpp_2m}
DENOISERS = {
    "ideal": lambda x, s: x / (f32(1) + s * s),
    "tanh": lambda x, s: x - s * tanh(f32(0.7) * x / square_root(f32(1) + s * s)),
}


def run(key, levels, x0, functions):
    schedule, solver, denoiser, direction = key.split()
    falling = np.array(levels[schedule], f32)
    rising = falling[::-1].copy()
    rising[0] = f32(0.0001)
    x = SOLVERS[solver](DENOISERS[denoiser], x0, rising, functions)
    return x if direction == "unsample" else SOLVERS[solver](DENOISERS[denoiser], x, falling, functions)


def line(key, values):
    return f"{key} : " + " ".join(f"{float(value):.9g}" for value in values)


def main():
    schedules = rows(HERE.parent / "sigmas" / "schedules.txt")
    levels = {name: schedules[f"sigmas linear {name} 16 1"] for name in ("ays-sd1", "ays-sdxl")}
    toy = rows(HERE / "toy.txt")
    x0 = np.array(toy.pop("x0"), f32)
    for key, want in toy.items():
        got = run(key, levels, x0, TORCHS)
        if line(key, got) != line(key, want):
            raise SystemExit(f"{line(key, got)}\nis not the reference's\n{line(key, want)}")
    out = ["# Made by generate.py; see there."]
    for name, falling in levels.items():
        visited = [*falling[:-1], f32(0.0001)]
        out.append(line(f"{name} level", visited))
        out.append(line(f"{name} root", [square_root(f32(1) + s * s) for s in visited]))
    for key in toy:
        if key.split()[1] == "dpmpp_2m":
            out.append(line(key, run(key, levels, x0, ROUNDED)))
    (HERE / "functions.txt").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
