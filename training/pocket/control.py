"""ControlNet for line hints in LDM's layout: a copy of the UNet's encoder half that reads a hint and adds to the UNet's skips."""

import torch
from torch import nn
from torch.nn import functional as F

from .layers import conv3, timestep_embedding, zeroed
from .unet import ResBlock, SpatialTransformer, UNet

HINT_WIDTHS = (16, 16, 32, 32, 48, 48, 64)
HINT_STRIDES = (1, 1, 2, 1, 2, 1, 2)


class ControlNet(nn.Module):
    """x [N, latent_channels, h, w], hint [N, 3, 8h, 8w] in 0..1, timesteps [N], context [N, 77, D]
    -> one addition for every skip of the UNet and, last, for its middle block."""

    def __init__(self, unet: UNet):
        super().__init__()
        widths, base = unet.shape.widths, unet.shape.widths[0]
        self.base = base
        fresh = UNet(unet.shape)
        self.time_embed, self.input_blocks, self.middle_block = fresh.time_embed, fresh.input_blocks, fresh.middle_block
        for mine, theirs in ((self.time_embed, unet.time_embed), (self.input_blocks, unet.input_blocks),
                             (self.middle_block, unet.middle_block)):
            mine.load_state_dict(theirs.state_dict())
        hint, inputs = [], 3
        for outputs, stride in zip(HINT_WIDTHS, HINT_STRIDES):
            hint += [conv3(inputs, outputs, stride), nn.SiLU()]
            inputs = outputs
        self.input_hint_block = nn.Sequential(*hint, zeroed(conv3(inputs, base)))
        outputs = [base]
        for level, width in enumerate(widths):
            outputs += [width, width] + ([width] if level < 3 else [])
        self.zero_convs = nn.ModuleList([nn.ModuleList([zeroed(nn.Conv2d(c, c, 1))]) for c in outputs])
        self.middle_block_out = nn.ModuleList([zeroed(nn.Conv2d(widths[-1], widths[-1], 1))])

    def forward(self, x, hint, timesteps, context):
        time = self.time_embed(timestep_embedding(timesteps, self.base))
        guide, additions, h = self.input_hint_block(hint), [], x
        for index, (block, zero) in enumerate(zip(self.input_blocks, self.zero_convs)):
            for child in block:
                if isinstance(child, ResBlock):
                    h = child(h, time)
                elif isinstance(child, SpatialTransformer):
                    h = child(h, context)
                else:
                    h = child(h)
            if index == 0:
                h = h + guide
            additions.append(zero[0](h))
        h = self.middle_block[0](h, time)
        h = self.middle_block[2](self.middle_block[1](h, context), time)
        return [*additions, self.middle_block_out[0](h)]


def line_hint(frames: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
    """Frames [N, 3, H, W] 0..1 and kinds [N] -> white lines on black [N, 3, H, W]: 0 thin and hard, 1 soft, 2 thick.

    Made with convolutions only, close enough to the common preprocessors (canny, soft edge, scribble).
    """
    grey = (frames * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    taps = torch.exp(-0.5 * torch.arange(-3.0, 4.0).square() / 1.2**2)
    taps = taps / taps.sum()
    smooth = F.conv2d(F.conv2d(F.pad(grey, (3, 3, 3, 3), "replicate"), taps.view(1, 1, 1, 7)), taps.view(1, 1, 7, 1))
    padded = F.pad(smooth, (1, 1, 1, 1), "replicate")
    dx, dy = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2], padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    slope = (dx * dx + dy * dy).sqrt()
    ridge = (slope == F.max_pool2d(slope, 3, 1, 1)) | (slope > 0.22)
    thin = ((slope > 0.06) & ridge).float()
    soft = (slope / 0.18).clamp(0, 1)
    thick = F.max_pool2d((slope > 0.05).float(), 3, 1, 1)
    chosen = torch.stack([thin, soft, thick])[kind, torch.arange(len(frames))]
    return chosen.expand(-1, 3, -1, -1)
