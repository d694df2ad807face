"""The motion module: AnimateDiff's temporal transformers under AnimateDiff's tensor names (v3: no middle block).

Each one lets every latent pixel attend over the frames of its window.
"""

import math

import torch
from torch import nn

from .layers import Attention, FeedForward, group_norm, zeroed


class PositionTable(nn.Module):
    """Sine table [1, length, C]; row p belongs to the p-th frame of the window."""

    def __init__(self, channels: int, length: int):
        super().__init__()
        position = torch.arange(length)[:, None]
        frequency = torch.exp(torch.arange(0, channels, 2) * (-math.log(10000.0) / channels))
        table = torch.zeros(1, length, channels)
        table[0, :, 0::2] = torch.sin(position * frequency)
        table[0, :, 1::2] = torch.cos(position * frequency)
        self.register_buffer("pe", table)


class TemporalAttention(Attention):
    """Attention over frames; the position table is added to its (normalised) input."""

    def __init__(self, channels: int, heads: int, length: int):
        super().__init__(channels, heads)
        self.pos_encoder = PositionTable(channels, length)

    def forward(self, x):
        return super().forward(x + self.pos_encoder.pe[:, : x.shape[1]])


class TemporalBlock(nn.Module):
    """Two attentions and a feed-forward over [N*h*w, frames, C]."""

    def __init__(self, channels: int, heads: int, length: int):
        super().__init__()
        self.attention_blocks = nn.ModuleList([TemporalAttention(channels, heads, length) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(channels) for _ in range(2)])
        self.ff = FeedForward(channels)
        self.ff_norm = nn.LayerNorm(channels)

    def forward(self, x):
        for attention, norm in zip(self.attention_blocks, self.norms):
            x = x + attention(norm(x))
        return x + self.ff(self.ff_norm(x))


class TemporalTransformer(nn.Module):
    """[clips*frames, C, h, w] -> the same shape; starts as the identity."""

    def __init__(self, channels: int, heads: int, length: int):
        super().__init__()
        self.norm = group_norm(channels, 1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(channels, heads, length)])
        self.proj_out = zeroed(nn.Linear(channels, channels))

    def forward(self, x, frames: int):
        _, channels, height, width = x.shape
        tokens = self.norm(x).unflatten(0, (-1, frames)).permute(0, 3, 4, 1, 2).reshape(-1, frames, channels)
        tokens = self.proj_out(self.transformer_blocks[0](self.proj_in(tokens)))
        tokens = tokens.view(-1, height, width, frames, channels).permute(0, 3, 4, 1, 2)
        return x + tokens.reshape(x.shape)


class _Named(nn.Module):
    """Wraps a transformer so that its tensor names contain `temporal_transformer`, as published."""

    def __init__(self, channels: int, heads: int, length: int):
        super().__init__()
        self.temporal_transformer = TemporalTransformer(channels, heads, length)

    def forward(self, x, frames):
        return self.temporal_transformer(x, frames)


class _Level(nn.Module):
    def __init__(self, count: int, channels: int, heads: int, length: int):
        super().__init__()
        self.motion_modules = nn.ModuleList([_Named(channels, heads, length) for _ in range(count)])


class MotionModule(nn.Module):
    """All temporal transformers of a UNet with the given level widths."""

    def __init__(self, widths, heads: int = 8, length: int = 32):
        super().__init__()
        self.down_blocks = nn.ModuleList([_Level(2, width, heads, length) for width in widths])
        self.up_blocks = nn.ModuleList([_Level(3, width, heads, length) for width in reversed(widths)])

    def down(self, level: int, index: int):
        return self.down_blocks[level].motion_modules[index]

    def up(self, level: int, index: int):
        return self.up_blocks[level].motion_modules[index]
