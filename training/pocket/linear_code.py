"""The encoder: the best linear code of an image patch, written into LDM's encoder topology.

A small autoencoder that starts from random weights learns brightness first and colour last, and takes long to become
as good as a linear transform. So the encoder is not trained at all: it is set to the principal components of
drawn 8x8 patches (in three steps of 2x2, as the topology requires), whitened. Its residual branches stay at zero.
Latents are then known before any training, and the decoder and the UNet can learn at the same time.

GroupNorm and SiLU lie between the last step and `conv_out`. Each code number x passes them unchanged as a group
(x, -x, K, -K): its mean is 0 and its deviation K/sqrt(2) for |x| << K, and silu(a) - silu(-a) = a.
"""

from dataclasses import dataclass

import numpy as np
import torch

LARGE = 32.0  # K, against code numbers of deviation 1
HAAR = 0.5 * np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], np.float64)  # over a 2x2 block


def blocks(x: np.ndarray) -> np.ndarray:
    """[N, H, W, C] -> [N, H/2, W/2, 4*C], the 2x2 positions slowest."""
    return np.concatenate([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=-1)


def principal(x: np.ndarray, weights: np.ndarray, count: int):
    """-> (mean [D], directions [count, D] by falling variance, deviations [count]) of x [N, ..., D], a weight per N."""
    flat = x.reshape(len(x), -1, x.shape[-1])
    weights = weights / weights.sum()
    mean = np.einsum("n,nd->d", weights, flat.mean(1))
    centred = flat - mean
    covariance = sum(w * c.T @ c / len(c) for w, c in zip(weights, centred))
    values, vectors = np.linalg.eigh(covariance)
    return mean, vectors[:, ::-1][:, :count].T, np.sqrt(values[::-1][:count])


@dataclass
class LinearCode:
    """Three linear steps; step k maps the 2x2 blocks of the step before to its numbers."""

    first: np.ndarray  # [12, 12]: Haar of RGB
    second: np.ndarray  # [32, 48]
    third: np.ndarray  # [latent_channels, 128]
    bias: np.ndarray  # [latent_channels]

    @classmethod
    def fit(cls, pictures: np.ndarray, weights: np.ndarray, latent_channels: int) -> "LinearCode":
        """From pictures [N, H, W, 3] uint8 with a weight each."""
        first = np.kron(HAAR, np.eye(3))
        x = blocks(pictures / 127.5 - 1.0) @ first.T
        second = principal(blocks(x), weights, 32)[1]
        x = blocks(blocks(x) @ second.T)
        mean, directions, deviations = principal(x, weights, latent_channels)
        third = directions / deviations[:, None]
        return cls(first, second, third, -third @ mean)

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """[N, H, W, 3] uint8 -> latents [N, C, H/8, W/8] float32; the same result as the installed encoder, but faster."""
        x = pictures.astype(np.float32) / 127.5 - 1.0
        for step in (self.first, self.second):
            x = blocks(x) @ step.T.astype(np.float32)
        return (blocks(x) @ self.third.T.astype(np.float32) + self.bias.astype(np.float32)).transpose(0, 3, 1, 2)

    @torch.no_grad()
    def install(self, vae) -> None:
        """Set the encoder, quant_conv and the latents' statistics of an Autoencoder; everything else stays."""
        encoder = vae.encoder
        for module in (encoder, vae.quant_conv):
            for parameter in module.parameters():
                parameter.zero_()
        for name, parameter in encoder.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.fill_(1.0)
        for channel in range(3):
            encoder.conv_in.weight[channel, channel, 1, 1] = 1.0
        for level, count in ((1, 12), (2, 32)):
            for channel in range(count):
                encoder.down[level].block[0].nin_shortcut.weight[channel, channel] = 1.0
        latents = len(self.third)
        for level, step in ((0, self.first), (1, self.second)):
            self._set_step(encoder.down[level].downsample.conv, step, range(len(step)), 1.0)
        last = encoder.down[2].downsample.conv
        self._set_step(last, self.third, range(0, 4 * latents, 4), 1.0)
        self._set_step(last, self.third, range(1, 4 * latents, 4), -1.0)
        bias = torch.from_numpy(self.bias).float()
        last.bias[0 : 4 * latents : 4], last.bias[1 : 4 * latents : 4] = bias, -bias
        last.bias[2 : 4 * latents : 4], last.bias[3 : 4 * latents : 4] = LARGE, -LARGE
        for channel in range(latents):
            encoder.conv_out.weight[channel, 4 * channel, 1, 1] = LARGE / 2**0.5
            encoder.conv_out.weight[channel, 4 * channel + 1, 1, 1] = -LARGE / 2**0.5
            vae.quant_conv.weight[channel, channel] = 1.0
        vae.statistics.running_mean.zero_()
        vae.statistics.running_var.fill_(1.0)
        for parameter in [*encoder.parameters(), *vae.quant_conv.parameters()]:
            parameter.requires_grad_(False)

    @staticmethod
    def _set_step(conv, step: np.ndarray, outputs, sign: float):
        """A strided 3x3 convolution that is the 2x2 step: its right column and bottom row stay 0."""
        inputs = step.shape[1] // 4
        taps = torch.from_numpy(sign * step.reshape(len(step), 2, 2, inputs)).float().permute(0, 3, 1, 2)
        conv.weight[list(outputs), :inputs, :2, :2] = taps
