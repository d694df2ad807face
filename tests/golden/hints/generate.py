#!/usr/bin/env python3
"""Golden vectors of the hints: OpenCV for plain image processing, torch and transformers for the networks.

    pip install torch transformers safetensors numpy opencv-python-headless
    python generate.py            (writes plain, lineart, soft_edge and depth .safetensors beside this file)

Networks are tiny and have random weights, rounded to f16 before anything is computed and stored in f16 under the names
used in published files. Images are drawn by this script and hold values of f16 too.

Depth is transformers' DepthAnything with one change: the table of positions is interpolated by the factor
(patches + 0.1) / side, as the network's own code does. Images are prepared as in controlnet_aux: padded
to multiples of 64 by repeating border pixels for lineart and soft edge, resized by OpenCV's INTER_CUBIC for depth.
"""

import math
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

HERE = Path(__file__).parent


def randomise(model: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.ndim >= 2 and "position" not in name:
                noise *= 1.2 / math.sqrt(value[0].numel())
            elif value.ndim < 2:
                noise = noise * 0.2 + (1.0 if name.endswith(("weight", "lambda1")) else 0.0)
            value.copy_(noise.half().float())
    return model.eval()


def save(name: str, weights: dict, values: dict):
    tensors = {f"weights.{key}": value for key, value in weights.items()} | {k: torch.as_tensor(v) for k, v in values.items()}
    exact = lambda value: torch.equal(value.half().float(), value.float())
    tensors = {key: value.half() if exact(value) else value.float() for key, value in tensors.items()}
    save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, HERE / f"{name}.safetensors")
    print(name, (HERE / f"{name}.safetensors").stat().st_size, "bytes")


def drawing(height: int, width: int, seed: int) -> np.ndarray:
    """A picture with lines in all directions, discs, a ramp, texture; [height, width, 3], f16 values in 0..1."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    picture[:] = np.linspace(40, 215, width)[None, :, None] * np.array([1.0, 0.8, 0.6])
    for _ in range(12):
        colour = random.integers(0, 256, 3).tolist()
        ends = [tuple(int(v) for v in random.integers(0, (width, height))) for _ in range(2)]
        cv2.line(picture, *ends, colour, int(random.integers(1, 5)), cv2.LINE_AA)
        cv2.circle(picture, tuple(int(v) for v in random.integers(0, (width, height))), int(random.integers(3, 14)), colour, -1, cv2.LINE_AA)
    picture += random.normal(0, 12, picture.shape)
    return (np.clip(np.round(picture), 0, 255) / 255).astype(np.float16).astype(np.float32)


def planes(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.atleast_3d(picture).transpose(2, 0, 1)))[None].float()


# ---------------------------------------------------------------- plain

def lightness(picture: np.ndarray) -> np.ndarray:
    """L* / 100 by its definition (CIE 15; sRGB by IEC 61966-2-1); OpenCV's tables are only good to 1e-3."""
    x = picture.astype(np.float64)
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 216 / 24389, 1.16 * np.cbrt(y) - 0.16, y * 24389 / 27 / 100).astype(np.float32)


def plain():
    out = {}
    for index, (height, width) in enumerate([(93, 118), (16, 5)]):
        picture = drawing(height, width, index)
        eight = np.round(picture * 255).astype(np.uint8)
        wide = picture * 255
        darker = (cv2.GaussianBlur(wide, (0, 0), 5.0) - cv2.GaussianBlur(wide, (0, 0), 0.5)).min(axis=2)
        dog = (255 - darker).clip(0, 255).astype(np.uint8)
        scribble = 2 * (255 - dog.astype(int)) > 32
        values = {
            "picture": picture,
            "canny": cv2.Canny(eight, 100, 200) / 255,
            "scribble": scribble.astype(np.float32),
            "blur": cv2.GaussianBlur(picture, (0, 0), 9.0),
            "luminance": lightness(picture),
        }
        out |= {f"{name}.{index}": planes(value) for name, value in values.items()}
    save("plain", {}, out)


# ---------------------------------------------------------------- soft edge and lineart

def padded(x: torch.Tensor) -> torch.Tensor:
    height, width = x.shape[2:]
    return F.pad(x, (0, -width % 64, 0, -height % 64), mode="replicate")


def cut(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return x[:, :, : like.shape[2], : like.shape[3]]


def soft_edge():
    widths, depths = [4, 6, 8], [2, 2, 3]
    model = nn.Module()
    model.norm = nn.Parameter(torch.zeros(1, 3, 1, 1))
    channels = 3
    for index, (width, depth) in enumerate(zip(widths, depths), 1):
        block = nn.Module()
        block.convs = nn.ModuleList([nn.Conv2d(channels if i == 0 else width, width, 3, padding=1) for i in range(depth)])
        block.projection = nn.Conv2d(width, 1, 1)
        setattr(model, f"block{index}", block)
        channels = width
    randomise(model, 1)
    model.norm.data = torch.tensor([123.0, 117.0, 104.0]).reshape(1, 3, 1, 1)
    model.block1.convs[0].weight.data /= 64
    picture = planes(drawing(75, 90, 3))
    x = padded(picture * 255) - model.norm
    sides = []
    for index in range(1, 4):
        block = getattr(model, f"block{index}")
        x = F.max_pool2d(x, 2) if index > 1 else x
        for conv in block.convs:
            x = F.relu(conv(x))
        sides.append(F.interpolate(block.projection(x), padded(picture).shape[2:], mode="bilinear", align_corners=False))
    edges = cut(torch.sigmoid(torch.stack(sides).mean(0)), picture)
    save("soft_edge", model.state_dict(), {"picture": picture, "out": edges})


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        part = lambda: [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.conv_block = nn.Sequential(*part(), nn.ReLU(), *part())

    def forward(self, x):
        return x + self.conv_block(x)


def lineart():
    width = 6
    model = nn.ModuleDict({
        "model0": nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU()),
        "model1": nn.Sequential(*[layer for i in range(2) for layer in (
            nn.Conv2d(width << i, width << i + 1, 3, 2, 1), nn.InstanceNorm2d(width << i + 1), nn.ReLU())]),
        "model2": nn.Sequential(*[Residual(width << 2) for _ in range(2)]),
        "model3": nn.Sequential(*[layer for i in (1, 0) for layer in (
            nn.ConvTranspose2d(width << i + 1, width << i, 3, 2, 1, 1), nn.InstanceNorm2d(width << i), nn.ReLU())]),
        "model4": nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, 1, 7), nn.Sigmoid()),
    })
    randomise(model, 2)
    picture = planes(drawing(70, 100, 4))
    x = padded(picture)
    for part in model.values():
        x = part(x)
    save("lineart", model.state_dict(), {"picture": picture, "out": 1 - cut(x, picture)})


# ---------------------------------------------------------------- depth

def ours(name: str) -> str:
    """A tensor's name in transformers as Depth Anything's own files have it."""
    for theirs, own in (
        ("backbone.embeddings.cls_token", "pretrained.cls_token"),
        ("backbone.embeddings.mask_token", "pretrained.mask_token"),
        ("backbone.embeddings.position_embeddings", "pretrained.pos_embed"),
        ("backbone.embeddings.patch_embeddings.projection.", "pretrained.patch_embed.proj."),
        ("backbone.encoder.layer.", "pretrained.blocks."), ("backbone.layernorm.", "pretrained.norm."),
        ("attention.o_proj.", "attn.proj."), ("attention.", "attn."),
        ("layer_scale1.lambda1", "ls1.gamma"), ("layer_scale2.lambda1", "ls2.gamma"),
        *((f"neck.reassemble_stage.layers.{i}.projection.", f"depth_head.projects.{i}.") for i in range(4)),
        *((f"neck.reassemble_stage.layers.{i}.resize.", f"depth_head.resize_layers.{i}.") for i in range(4)),
        *((f"neck.convs.{i}.", f"depth_head.scratch.layer{i + 1}_rn.") for i in range(4)),
        *((f"neck.fusion_stage.layers.{i}.", f"depth_head.scratch.refinenet{4 - i}.") for i in range(4)),
        ("projection.", "out_conv.") if "fusion_stage" in name else ("", ""),
        ("residual_layer", "resConfUnit"), ("convolution", "conv"),
        ("head.conv1.", "depth_head.scratch.output_conv1."), ("head.conv2.", "depth_head.scratch.output_conv2.0."),
        ("head.conv3.", "depth_head.scratch.output_conv2.2."),
    ):
        name = name.replace(theirs, own)
    return name


def depth():
    width, side, patch = 128, 5, 14
    backbone = Dinov2Config(hidden_size=width, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=1, image_size=side * patch,
                            patch_size=patch, out_indices=[1, 2, 3, 4], apply_layernorm=True, reshape_hidden_states=False)
    config = DepthAnythingConfig(backbone_config=backbone, patch_size=patch, reassemble_hidden_size=width,
                                 neck_hidden_sizes=[6, 8, 10, 12], fusion_hidden_size=8, head_hidden_size=32)
    model = randomise(DepthAnythingForDepthEstimation(config), 5)

    def positions(x, height, width_):
        table = model.backbone.embeddings.position_embeddings
        grid = table[:, 1:].reshape(1, side, side, width).permute(0, 3, 1, 2)
        scale = [(pixels // patch + 0.1) / side for pixels in (height, width_)]
        grid = F.interpolate(grid, scale_factor=scale, mode="bicubic", align_corners=False)
        return torch.cat([table[:, :1], grid.permute(0, 2, 3, 1).reshape(1, -1, width)], 1)

    model.backbone.embeddings.interpolate_pos_encoding = positions
    out = {}
    for index, (height, width_) in enumerate([(40, 57), (200, 96), (80, 80)]):
        picture = drawing(height, width_, 6 + index)
        scale = side / min(height, width_)
        rows, columns = (max(side, round(pixels * scale)) for pixels in (height, width_))
        if rows == columns == side:
            del model.backbone.embeddings.interpolate_pos_encoding
        resized = cv2.resize(picture, (columns * patch, rows * patch), interpolation=cv2.INTER_CUBIC)
        resized = (resized - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
        map_ = model(planes(resized)).predicted_depth[:, None]
        assert map_.shape[2:] == (rows * patch, columns * patch) and map_.std() > 0.05 * map_.mean(), map_.shape
        out |= {f"picture.{index}": planes(picture), f"out.{index}": F.interpolate(map_, (height, width_), mode="bilinear", align_corners=True)}

    weights = {ours(name): value for name, value in model.state_dict().items()}
    for block in range(4):
        at = f"pretrained.blocks.{block}.attn."
        for part in ("weight", "bias"):
            weights[f"{at}qkv.{part}"] = torch.cat([weights.pop(f"{at}{which}.{part}") for which in ("q_proj", "k_proj", "v_proj")])
    save("depth", weights, out)


if __name__ == "__main__":
    with torch.no_grad():
        plain()
        soft_edge()
        lineart()
        depth()
