"""The two noise tables that the model has to support, and the sampling schedule used for evaluating it."""

import numpy as np
import torch

STEPS = 1000
AYS_SD1 = [14.6146412293, 6.4745760956, 3.8636745985, 2.6946151520, 1.8841921177, 1.3943805092, 0.9642583904,
           0.6523686016, 0.3977456272, 0.1515232662, 0.0291671582]


def sigma_table(name: str) -> torch.Tensor:
    """[1000] sigmas: "scaled_linear" (the image model's own) or "linear" (AnimateDiff's)."""
    start, end = 0.00085, 0.012
    if name == "scaled_linear":
        betas = np.linspace(start**0.5, end**0.5, STEPS) ** 2
    elif name == "linear":
        betas = np.linspace(start, end, STEPS)
    else:
        raise ValueError(f"unknown noise table {name}")
    kept = np.cumprod(1.0 - betas)
    return torch.tensor(np.sqrt((1.0 - kept) / kept), dtype=torch.float32)


def nearest_timestep(table: torch.Tensor, sigma: float) -> int:
    return int((table.log() - float(np.log(max(sigma, 1e-8)))).abs().argmin())


def align_your_steps(steps: int) -> list[float]:
    """steps+1 sigmas, log-linear between the published ten, ending in 0."""
    table = np.log(AYS_SD1[::-1])
    places = np.linspace(0, 1, steps + 1)
    sigmas = np.exp(np.interp(places, np.linspace(0, 1, len(table)), table))[::-1].tolist()
    sigmas[-1] = 0.0
    return sigmas


def flipped(sigmas: list[float]) -> list[float]:
    """The rising list for unsampling; a leading 0 becomes 0.0001."""
    rising = sigmas[::-1]
    return [0.0001 if rising[0] == 0 else rising[0], *rising[1:]]
