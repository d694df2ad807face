"""The autoencoder in LDM's AutoencoderKL topology and names: /8 in each direction, mid block with attention.

Training adds something that LDM does not have: latents are normalised per channel by running statistics, which
`baked_state` folds into quant_conv and post_quant_conv so that mean * SCALE has mean 0 and deviation 1.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .layers import conv3, group_norm, zeroed

SCALE = 0.18215


@dataclass(frozen=True)
class VaeShape:
    widths: tuple[int, int, int, int]
    latent_channels: int


class ResnetBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.norm1 = group_norm(inputs, 1e-6)
        self.conv1 = conv3(inputs, outputs)
        self.norm2 = group_norm(outputs, 1e-6)
        self.conv2 = zeroed(conv3(outputs, outputs))
        if inputs != outputs:
            self.nin_shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class AttnBlock(nn.Module):
    """Single-head attention over all positions of [N, C, h, w]."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = group_norm(channels, 1e-6)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (p(h).flatten(2).transpose(1, 2)[:, None] for p in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v)[:, 0]
        return x + self.proj_out(mixed.transpose(1, 2).reshape(x.shape))


class Middle(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels)
        self.attn_1 = AttnBlock(channels)
        self.block_2 = ResnetBlock(channels, channels)

    def forward(self, x):
        return self.block_2(self.attn_1(self.block_1(x)))


class Downsample(nn.Module):
    """Pads right and bottom by one, then a strided convolution without padding."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = conv3(channels, channels, stride=2, padding=0)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = conv3(channels, channels)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Level(nn.Module):
    def __init__(self, inputs: int, outputs: int, blocks: int, change: str | None):
        super().__init__()
        self.block = nn.ModuleList([ResnetBlock(inputs if i == 0 else outputs, outputs) for i in range(blocks)])
        if change == "down":
            self.downsample = Downsample(outputs)
        if change == "up":
            self.upsample = Upsample(outputs)

    def forward(self, x):
        for block in self.block:
            x = block(x)
        for name in ("downsample", "upsample"):
            if hasattr(self, name):
                x = getattr(self, name)(x)
        return x


class Encoder(nn.Module):
    """[N, 3, H, W] in -1..1 -> [N, 2*latent_channels, H/8, W/8]."""

    def __init__(self, shape: VaeShape):
        super().__init__()
        widths = shape.widths
        self.conv_in = conv3(3, widths[0])
        self.down = nn.ModuleList(
            [Level(widths[max(0, i - 1)], widths[i], 2, "down" if i < 3 else None) for i in range(4)]
        )
        self.mid = Middle(widths[3])
        self.norm_out = group_norm(widths[3], 1e-6)
        self.conv_out = conv3(widths[3], 2 * shape.latent_channels)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    """[N, latent_channels, h, w] -> [N, 3, 8h, 8w]."""

    def __init__(self, shape: VaeShape):
        super().__init__()
        widths = shape.widths
        self.conv_in = conv3(shape.latent_channels, widths[3])
        self.mid = Middle(widths[3])
        self.up = nn.ModuleList(
            [Level(widths[min(3, i + 1)], widths[i], 3, "up" if i > 0 else None) for i in range(4)]
        )
        self.norm_out = group_norm(widths[0], 1e-6)
        self.conv_out = conv3(widths[0], 3)

    def forward(self, z):
        z = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            z = level(z)
        return self.conv_out(F.silu(self.norm_out(z)))


class Autoencoder(nn.Module):
    """`encode` gives normalised latents (mean 0, deviation 1 a channel); `decode` takes them back."""

    def __init__(self, shape: VaeShape):
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)
        self.quant_conv = nn.Conv2d(2 * shape.latent_channels, 2 * shape.latent_channels, 1)
        self.post_quant_conv = nn.Conv2d(shape.latent_channels, shape.latent_channels, 1)
        self.statistics = nn.BatchNorm2d(shape.latent_channels, eps=1e-4, momentum=0.02, affine=False)

    def encode(self, images):
        mean = self.quant_conv(self.encoder(images))[:, : self.shape.latent_channels]
        return self.statistics(mean)

    def decode(self, latents):
        return self.decoder(self.post_quant_conv(latents))

    def baked_state(self) -> dict[str, torch.Tensor]:
        """The plain LDM tensors, with the normalisation folded in and a constant, tiny variance half."""
        state = {k: v.clone() for k, v in self.state_dict().items() if not k.startswith("statistics.")}
        channels = self.shape.latent_channels
        deviation = (self.statistics.running_var + self.statistics.eps).sqrt() * SCALE
        mean = self.statistics.running_mean
        weight, bias = state["quant_conv.weight"], state["quant_conv.bias"]
        weight[:channels] /= deviation[:, None, None, None]
        bias[:channels] = (bias[:channels] - mean) / deviation
        weight[channels:] = 0.0
        bias[channels:] = -10.0
        state["post_quant_conv.weight"] *= SCALE
        return state
