"""Small building blocks that the UNet, the VAE and the motion module share."""

import torch
from torch import nn
from torch.nn import functional as F

from .attention import attention


def group_norm(channels: int, eps: float) -> nn.GroupNorm:
    """GroupNorm by the rule of the project: min(32, C/4) groups, so 32 from 128 channels upwards."""
    groups = min(32, channels // 4)
    if channels % groups:
        raise ValueError(f"{channels} channels do not divide into {groups} groups")
    return nn.GroupNorm(groups, channels, eps=eps)


def conv3(inputs: int, outputs: int, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=padding)


def zeroed(module: nn.Module) -> nn.Module:
    """Set all parameters to zero, so that a residual branch starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class GEGLU(nn.Module):
    """[..., inputs] -> [..., outputs]; the value half comes first, the gate passes the exact (erf) gelu."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.proj = nn.Linear(inputs, 2 * outputs)

    def forward(self, x):
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """[..., C] -> [..., C] through 4C; `net.1` has no weights and only keeps the published numbering."""

    def __init__(self, channels: int):
        super().__init__()
        self.net = nn.Sequential(GEGLU(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, x):
        return self.net(x)


class Attention(nn.Module):
    """Multi-head attention, q/k/v without bias.

    x [N, T, C] attends to context [N, S, context_width], or to itself if there is none.
    """

    def __init__(self, channels: int, heads: int, context_width: int | None = None):
        super().__init__()
        context_width = context_width or channels
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_width, channels, bias=False)
        self.to_v = nn.Linear(context_width, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x, context=None):
        context = x if context is None else context
        mixed = attention(self.to_q(x), self.to_k(context), self.to_v(context), self.heads)
        return self.to_out[0](mixed)


def timestep_embedding(timesteps: torch.Tensor, width: int) -> torch.Tensor:
    """[N] -> [N, width]: cosines first, then sines, base 10000."""
    half = width // 2
    frequencies = torch.exp(-torch.log(torch.tensor(10000.0)) * torch.arange(half) / half)
    angles = timesteps.float()[:, None] * frequencies.to(timesteps.device)[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
