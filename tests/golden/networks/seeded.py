"""Weights that are computed from their names, so that a golden file need not store them; tests/support/src/seeded.rs computes
the same numbers to the bit.

Value i of a tensor is splitmix64(fnv1a(name) + i * 0x9e3779b97f4a7c15), its upper 24 bits as a number u in -1..1 in steps
of 2^-23, then in f32: a matrix or convolution u * s with s = 1.4 / sqrt(values of a row), an embedding u * 0.5, a norm's
gain 1 + u / 4, a bias u / 4.
"""

import json
import math

import numpy as np
import torch


def fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def uniform(name: str, count: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        golden = np.uint64(0x9E3779B97F4A7C15)
        x = np.uint64(fnv1a(name)) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * golden
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)


def tensor(name: str, shape) -> torch.Tensor:
    u = uniform(name, math.prod(shape))
    if len(shape) >= 2:
        scale = 0.5 if "embedding.weight" in name else 1.4 / math.sqrt(math.prod(shape[1:]))
        u = u * np.float32(scale)
    elif name.endswith("weight"):
        u = u * np.float32(0.25) + np.float32(1.0)
    else:
        u = u * np.float32(0.25)
    return torch.from_numpy(u.reshape(shape))


def fill(model: torch.nn.Module, rename) -> dict[str, list[int]]:
    """Gives a model's parameters the values of their names after `rename`; returns these names with their shapes."""
    shapes = {}
    with torch.no_grad():
        for name, value in model.named_parameters():
            name = rename(name)
            shapes[name] = list(value.shape)
            value.copy_(tensor(name, value.shape))
    for module in model.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.num_groups = min(32, module.num_channels // 4)
    model.eval()
    return shapes


def metadata(**parts: dict) -> dict[str, str]:
    return {name: json.dumps(part) for name, part in parts.items()}
