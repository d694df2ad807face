"""The measures. A clip is [frames, H, W, 3] uint8; each measure gives one number for it.

Closeness is measured in two ways. Peak signal-to-noise ratio does not depend on another network, and the ground
truth of a look is known to the pixel; but it penalises thin lines that are a pixel off and a flat colour that is
another one of the same palette, and favours an averaged grey. The distance in character ignores positions: it
compares the colours, contrasts and amount of detail of the whole image.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pocket.looks import blur, edges, luma

EDGE_SIGMA = 1.5  # pixels: tolerance for the position of an outline
QUANTUM = 0.5 / 255.0  # resolution of 8 bits; no clip counts as steadier than this
CONSISTENT = 1.0  # pixels between a point and its position after forward and backward flow


def unit(clip: np.ndarray) -> np.ndarray:
    """uint8 -> float32 in 0..1."""
    return clip.astype(np.float32) / np.float32(255.0)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """dB over all frames and channels together; infinite for equal clips."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10.0 * np.log10(255.0**2 / error))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of the lumas, averaged over pixels and frames.

    Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03.
    """
    values = []
    for x, y in zip(luma(unit(a)), luma(unit(b))):
        x, y = x.astype(np.float64), y.astype(np.float64)
        mean_x, mean_y = blur(x, 1.5), blur(y, 1.5)
        var_x, var_y = blur(x * x, 1.5) - mean_x**2, blur(y * y, 1.5) - mean_y**2
        both = blur(x * y, 1.5) - mean_x * mean_y
        top = (2 * mean_x * mean_y + 0.01**2) * (2 * both + 0.03**2)
        values.append((top / ((mean_x**2 + mean_y**2 + 0.01**2) * (var_x + var_y + 0.03**2))).mean())
    return float(np.mean(values))


def structure(source: np.ndarray, styled: np.ndarray) -> float:
    """Correlation of the edge maps, frame by frame, averaged: 1 if every outline is in its place, 0 if none is.

    A frame without any edge has no structure.
    """
    values = []
    for x, y in zip(luma(unit(source)), luma(unit(styled))):
        x, y = edges(x, EDGE_SIGMA).astype(np.float64), edges(y, EDGE_SIGMA).astype(np.float64)
        x, y = x - x.mean(), y - y.mean()
        size = np.sqrt((x * x).sum() * (y * y).sum())
        values.append((x * y).sum() / size if size > 1e-9 else 0.0)
    return float(np.mean(values))


@dataclass
class Motion:
    """Motion of a clip from each frame to the next: the origin of every pixel and whether it is known."""

    maps: list[np.ndarray]  # per transition [H, W, 2]: the pixel of the frame before, x and y
    valid: list[np.ndarray]  # per transition [H, W] bool: neither occluded in the frame before nor outside the image


def motion(source: np.ndarray) -> Motion:
    """Dense optical flow (dense inverse search; Kroeger, Timofte, Dai, Van Gool 2016) of every transition.

    A pixel is valid if backward and forward flow agree to `CONSISTENT` pixels.
    """
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in source]
    height, width = greys[0].shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    maps, valid = [], []
    for before, after in zip(greys, greys[1:]):
        back, forth = search.calc(after, before, None), search.calc(before, after, None)
        from_x, from_y = x + back[..., 0], y + back[..., 1]
        there = cv2.remap(forth, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        away = np.linalg.norm(back + there, axis=-1)
        inside = (from_x >= 0) & (from_x <= width - 1) & (from_y >= 0) & (from_y <= height - 1)
        maps.append(np.stack([from_x, from_y], -1))
        valid.append((away <= CONSISTENT) & inside)
    return Motion(maps, valid)


def changes(clip: np.ndarray, moved: Motion) -> np.ndarray:
    """[frames - 1]: mean absolute change of each transition, 0..1, after warping the frame before along `moved`.

    A transition without a single valid pixel (a cut) is NaN.
    """
    clip = unit(clip)
    values = []
    for before, after, where, valid in zip(clip, clip[1:], moved.maps, moved.valid):
        carried = cv2.remap(before, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        values.append(np.abs(after - carried)[valid].mean() if valid.any() else np.nan)
    return np.array(values)


def flicker(source: np.ndarray, styled: np.ndarray, moved: Motion) -> float:
    """Motion-compensated change of the styled clip over that of the source: 1 is as steady as the source."""
    own = max(float(np.nanmean(changes(source, moved))), QUANTUM)
    return float(np.nanmean(changes(styled, moved))) / own


def slope(clip: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels, across and down, 0..1: how many edges there are and how strong they are."""
    return float(np.mean([np.abs(np.diff(frame, axis=axis)).mean() for frame in map(unit, clip) for axis in (0, 1)]))


def jitter(source: np.ndarray, styled: np.ndarray, moved: Motion) -> float:
    """Flicker for the same amount of edges: flicker of the styled clip over its slope, relative to that of the source over its own.

    If everything is slightly displaced, an image changes by the displacement times its slope. So a drawing with three
    times the edges of the source flickers three times as much when it follows the motion just as well; jitter is then 1.
    """
    return flicker(source, styled, moved) * max(slope(source), QUANTUM) / max(slope(styled), QUANTUM)


def jump(source: np.ndarray, styled: np.ndarray, moved: Motion) -> tuple[float, int]:
    """The largest change between neighbouring frames over the median one, and the frame (from 1) that it leads to.

    Each change is first divided by the source's own of the same transition. Taking the largest one anywhere, and not only
    at the borders of windows, treats all overlaps alike: a wider one has more frames where a seam could appear.
    """
    relative = np.maximum(changes(styled, moved), QUANTUM) / np.maximum(changes(source, moved), QUANTUM)
    at = int(np.nanargmax(relative))
    return float(relative[at] / np.nanmedian(relative)), at + 2


def character(clip: np.ndarray) -> np.ndarray:
    """[frames, 7]: mean and deviation of lightness and both colour axes (CIE L*a*b*), and the mean slope of the lightness."""
    rows = []
    for frame in unit(clip):
        lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB)
        slope = np.abs(cv2.Sobel(lab[..., 0], cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(lab[..., 0], cv2.CV_32F, 0, 1))
        rows.append([*lab.mean((0, 1)), *lab.std((0, 1)), slope.mean()])
    return np.array(rows)


def unlikeness(styled: np.ndarray, truths: dict[str, np.ndarray]) -> dict[str, float]:
    """Distance in character to each look's operator; 1 is the spread of the operators among themselves."""
    characters = {look: character(truth) for look, truth in truths.items()}
    spread = np.concatenate(list(characters.values())).std(0) + 1e-6
    own = character(styled)
    return {look: float(np.sqrt((((own - other) / spread) ** 2).mean())) for look, other in characters.items()}


def distances(styled: np.ndarray, truths: dict[str, np.ndarray]) -> dict[str, float]:
    """dB to each look's operator on the source."""
    return {look: psnr(styled, truth) for look, truth in truths.items()}


def nearest(closeness: dict[str, float]) -> str:
    """The look whose operator is closest."""
    return max(closeness, key=closeness.get)
