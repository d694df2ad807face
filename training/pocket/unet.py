"""The denoising UNet in the topology and under the tensor names of Stable Diffusion 1.5 (LDM), only narrower.

Four levels, two residual blocks a level, a depth-1 transformer at the first three levels and in the middle.
The motion module is not part of it: `forward` calls it at the published places if one is given.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .layers import Attention, FeedForward, conv3, group_norm, timestep_embedding, zeroed


@dataclass(frozen=True)
class UNetShape:
    """Widths of the four levels; the first one is also the width of the sinusoidal time embedding."""

    latent_channels: int
    widths: tuple[int, int, int, int]
    context_width: int
    heads: int = 8


class ResBlock(nn.Module):
    """[N, inputs, h, w], time [N, 4*widths[0]] -> [N, outputs, h, w]."""

    def __init__(self, inputs: int, outputs: int, time_width: int):
        super().__init__()
        self.in_layers = nn.Sequential(group_norm(inputs, 1e-5), nn.SiLU(), conv3(inputs, outputs))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, outputs))
        self.out_layers = nn.Sequential(
            group_norm(outputs, 1e-5), nn.SiLU(), nn.Identity(), zeroed(conv3(outputs, outputs))
        )
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, time):
        h = self.in_layers(x) + self.emb_layers(time)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class TransformerBlock(nn.Module):
    """Self-attention, attention to the text, feed-forward; tokens [N, h*w, C], context [N, 77, D]."""

    def __init__(self, channels: int, heads: int, context_width: int):
        super().__init__()
        self.attn1 = Attention(channels, heads)
        self.ff = FeedForward(channels)
        self.attn2 = Attention(channels, heads, context_width)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(self, x, context):
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """[N, C, h, w] -> the same shape; 1x1 convolutions in and out, residual around everything."""

    def __init__(self, channels: int, heads: int, context_width: int):
        super().__init__()
        self.norm = group_norm(channels, 1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, heads, context_width)])
        self.proj_out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x, context):
        height, width = x.shape[-2:]
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        tokens = self.transformer_blocks[0](tokens, context)
        return x + self.proj_out(tokens.transpose(1, 2).unflatten(2, (height, width)))


class Downsample(nn.Module):
    """Halves the size, rounding up."""

    def __init__(self, channels: int):
        super().__init__()
        self.op = conv3(channels, channels, stride=2)

    def forward(self, x):
        return self.op(x)


class Upsample(nn.Module):
    """Nearest neighbour to the size of the next skip tensor, then a convolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = conv3(channels, channels)

    def forward(self, x, size):
        return self.conv(F.interpolate(x, size=size, mode="nearest"))


class UNet(nn.Module):
    """Predicts the noise: x [N, latent_channels, h, w], timesteps [N], context [N, 77, D] -> shape of x.

    With `motion` (a MotionModule) N is clips*frames, the frames of a clip in a row. `control` is the output of a ControlNet.
    """

    def __init__(self, shape: UNetShape):
        super().__init__()
        self.shape = shape
        widths, base = shape.widths, shape.widths[0]
        time_width = 4 * base

        def transformer(channels):
            return SpatialTransformer(channels, shape.heads, shape.context_width)

        self.time_embed = nn.Sequential(nn.Linear(base, time_width), nn.SiLU(), nn.Linear(time_width, time_width))
        self.input_blocks = nn.ModuleList([nn.ModuleList([conv3(shape.latent_channels, base)])])
        skips, channels = [base], base
        for level, width in enumerate(widths):
            for _ in range(2):
                block = [ResBlock(channels, width, time_width)]
                channels = width
                if level < 3:
                    block.append(transformer(channels))
                self.input_blocks.append(nn.ModuleList(block))
                skips.append(channels)
            if level < 3:
                self.input_blocks.append(nn.ModuleList([Downsample(channels)]))
                skips.append(channels)
        self.middle_block = nn.ModuleList(
            [ResBlock(channels, channels, time_width), transformer(channels), ResBlock(channels, channels, time_width)]
        )
        self.output_blocks = nn.ModuleList()
        for level in reversed(range(4)):
            for j in range(3):
                block = [ResBlock(channels + skips.pop(), widths[level], time_width)]
                channels = widths[level]
                if level < 3:
                    block.append(transformer(channels))
                if level > 0 and j == 2:
                    block.append(Upsample(channels))
                self.output_blocks.append(nn.ModuleList(block))
        self.out = nn.Sequential(group_norm(base, 1e-5), nn.SiLU(), zeroed(conv3(base, shape.latent_channels)))

    def forward(self, x, timesteps, context, motion=None, frames: int = 1, control=None):
        time = self.time_embed(timestep_embedding(timesteps, self.shape.widths[0]).to(x.dtype))
        skips, h = [], x
        for index, block in enumerate(self.input_blocks):
            h = self._run(block, h, time, context, None)
            if motion is not None and index % 3:
                h = motion.down(index // 3, index % 3 - 1)(h, frames)
            skips.append(h)
        h = self.middle_block[0](h, time)
        h = self.middle_block[1](h, context)
        h = self.middle_block[2](h, time)
        if control is not None:
            skips = [skip + addition for skip, addition in zip(skips, control)]
            h = h + control[-1]
        for index, block in enumerate(self.output_blocks):
            h = torch.cat([h, skips.pop()], dim=1)
            module = None if motion is None else motion.up(index // 3, index % 3)
            size = skips[-1].shape[-2:] if skips else None
            h = self._run(block, h, time, context, size, module, frames)
        return self.out(h)

    @staticmethod
    def _run(block, h, time, context, size, motion=None, frames=1):
        """One numbered block; the motion module sits before the upsampler."""
        upsample = None
        for child in block:
            if isinstance(child, ResBlock):
                h = child(h, time)
            elif isinstance(child, SpatialTransformer):
                h = child(h, context)
            elif isinstance(child, Upsample):
                upsample = child
            else:
                h = child(h)
        if motion is not None:
            h = motion(h, frames)
        return h if upsample is None else upsample(h, size)
