"""The looks as written image operators: a frame [H, W, 3] float32 in 0..1 and a clip seed -> the same frame restyled.

An operator depends on the frame and on the clip's seed only, so paper and pigment stay fixed while the image
moves, and the ground truth of a look is known for any footage.
"""

import functools

import cv2
import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def luma(frame: np.ndarray) -> np.ndarray:
    """[H, W, 3] -> [H, W]."""
    return frame @ LUMA


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def ramp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step from 0 at `low` to 1 at `high` (which may be the smaller one)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def edges(grey: np.ndarray, sigma: float) -> np.ndarray:
    """Gradient magnitude per pixel of the blurred picture, about 0..0.3."""
    grey = blur(grey, sigma)
    dx = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3) / 4.0
    dy = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3) / 4.0
    return np.sqrt(dx * dx + dy * dy)


@functools.lru_cache(maxsize=64)
def paper(height: int, width: int, seed: int, sigma: float) -> np.ndarray:
    """Smooth noise [H, W] of mean 0 and deviation 1 that stays fixed for a clip."""
    noise = np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32)
    noise = blur(noise, sigma)
    return (noise - noise.mean()) / noise.std()


def photo(frame, seed):
    return frame


def pencil_sketch(frame, seed):
    """Grey graphite lines and soft diagonal hatching on white paper."""
    height, width = frame.shape[:2]
    grey = blur(luma(frame), 0.7)
    lines = ramp(edges(luma(frame), 0.9), 0.015, 0.11)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    strokes = 0.5 + 0.5 * np.sin((x + y) * (2 * np.pi / 8.0))  # in step with the latents' 8 pixels
    shade = ramp(blur(grey, 1.5), 0.62, 0.05)
    tone = 0.96 - shade * (0.24 + 0.22 * strokes) - 0.72 * lines
    tone = np.clip(tone + 0.015 * paper(height, width, seed + 1, 0.8), 0.08, 1.0)
    return tone[..., None] * np.array([1.0, 0.99, 0.97], np.float32)


def ink_outline(frame, seed):
    """Black contours and solid black shadows on plain white."""
    grey = luma(frame)
    line = ramp(edges(grey, 1.2), 0.035, 0.075)
    line = np.clip(1.6 * blur(line, 0.7), 0.0, 1.0)
    shadow = ramp(blur(grey, 1.8), 0.20, 0.13)
    tone = 1.0 - np.maximum(line, shadow)
    return np.repeat(tone[..., None], 3, axis=2)


def watercolour(frame, seed):
    """Pale, flowing washes with darker rims and granulating pigment on paper."""
    height, width = frame.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wobble_x = x + 1.6 * paper(height, width, seed, 5.0)
    wobble_y = y + 1.6 * paper(height, width, seed + 1, 5.0)
    wash = cv2.remap(frame, wobble_x, wobble_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    for _ in range(2):
        wash = cv2.bilateralFilter(wash, 9, 0.16, 4.0)
    rim = ramp(edges(luma(wash), 1.4), 0.02, 0.10)
    grey = luma(wash)[..., None]
    wash = np.clip(grey + 1.7 * (wash - grey), 0.0, 1.0)
    wash = 1.0 - (1.0 - wash) ** 1.25 * 0.74
    pigment = 1.0 + 0.07 * paper(height, width, seed + 2, 9.0) + 0.03 * paper(height, width, seed + 3, 1.3)
    depth = (1.0 - wash) * pigment[..., None] + 0.28 * rim[..., None] * (1.15 - wash)
    border = np.minimum.reduce([x, y, width - 1 - x, height - 1 - y]) + 3.0 * paper(height, width, seed + 4, 4.0)
    depth *= ramp(border, -1.0, 10.0)[..., None]
    return np.clip(1.0 - depth, 0.0, 1.0) * np.array([1.0, 0.99, 0.95], np.float32)


POSTER_INKS = np.array([[0.05, 0.16, 0.29], [0.84, 0.13, 0.14], [0.42, 0.66, 0.68], [0.99, 0.90, 0.66]], np.float32)


def poster(frame, seed):
    """Four flat inks chosen by brightness: navy, red, teal, cream."""
    grey = blur(luma(frame), 1.3)
    out = np.broadcast_to(POSTER_INKS[0], frame.shape).copy()
    for threshold, ink in zip((0.22, 0.42, 0.66), POSTER_INKS[1:]):
        share = ramp(grey, threshold - 0.018, threshold + 0.018)[..., None]
        out += share * (ink - out)
    return out


def blueprint(frame, seed):
    """White drafting lines and a faint square grid on deep blue."""
    height, width = frame.shape[:2]
    grey = luma(frame)
    line = np.clip(1.3 * blur(ramp(edges(grey, 1.0), 0.025, 0.085), 0.6), 0.0, 1.0)
    grid = np.zeros((height, width), np.float32)
    grid[8::16] = 1.0  # in step with the latents' 8 pixels
    grid[:, 8::16] = 1.0
    mark = np.clip(0.92 * line + 0.14 * blur(grid, 0.6) + 0.08 * blur(grey, 2.0), 0.0, 1.0)[..., None]
    blue, white = np.array([0.04, 0.17, 0.50], np.float32), np.array([0.93, 0.97, 1.0], np.float32)
    return blue + mark * (white - blue)


def neon(frame, seed):
    """Glowing tubes along the contours in the dark: cyan on dark, magenta on bright, orange on warm things."""
    grey = luma(frame)
    line = ramp(edges(grey, 1.1), 0.03, 0.09)
    soft = blur(frame, 6.0)
    warm = soft[..., 0] - soft[..., 2]
    magenta, cyan = np.array([1.0, 0.1, 0.75], np.float32), np.array([0.05, 0.9, 1.0], np.float32)
    orange = np.array([1.0, 0.5, 0.05], np.float32)
    hue = ramp(luma(soft), 0.25, 0.6)[..., None]
    colour = cyan + hue * (magenta - cyan)
    colour = colour + ramp(warm, 0.10, 0.25)[..., None] * (orange - colour)
    tube = line[..., None] * colour
    glow = 1.3 * blur(tube, 1.5) + 1.2 * blur(tube, 5.0)
    dark = np.array([0.05, 0.02, 0.10], np.float32) + 0.06 * blur(grey, 2.0)[..., None]
    return np.clip(dark + glow + 0.35 * (line**3)[..., None], 0.0, 1.0)


def night(frame, seed):
    """Moonlit blue with lamps where small things were bright, and darkened corners."""
    height, width = frame.shape[:2]
    grey = luma(frame)[..., None]
    dim = np.clip(0.75 * grey + 0.25 * frame, 0.0, 1.0) ** 1.3 * np.array([0.36, 0.50, 0.82], np.float32)
    small = blur(grey[..., 0], 1.2)
    lamp = ramp(small - blur(grey[..., 0], 14.0), 0.14, 0.40) * ramp(small, 0.5, 0.8)
    light = (0.55 * lamp + 0.8 * blur(lamp, 5.0))[..., None] * np.array([1.0, 0.78, 0.32], np.float32)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    corners = 1.0 - 0.30 * np.clip(x * x + y * y, 0.0, 2.0)
    return np.clip((dim + np.array([0.01, 0.02, 0.06], np.float32)) * corners[..., None] + light, 0.0, 1.0)


def kuwahara(frame: np.ndarray, radius: int) -> np.ndarray:
    """Each pixel takes the mean of the quietest of the four squares that meet in it: flat dabs, sharp borders."""
    size = radius + 1
    best, least = np.zeros_like(frame), np.full(frame.shape[:2], np.inf, np.float32)
    grey = luma(frame)
    for anchor in ((0, 0), (radius, 0), (0, radius), (radius, radius)):
        mean = cv2.blur(frame, (size, size), anchor=anchor, borderType=cv2.BORDER_REFLECT)
        square = cv2.blur(grey * grey, (size, size), anchor=anchor, borderType=cv2.BORDER_REFLECT)
        variance = square - luma(mean) ** 2
        quieter = variance < least
        best[quieter], least[quieter] = mean[quieter], variance[quieter]
    return best


def oil(frame, seed):
    """Thick dabs of saturated paint with ridges along the brush, under a warm varnish."""
    height, width = frame.shape[:2]
    dabs = kuwahara(kuwahara(blur(frame, 0.6), 4), 3)
    grey = luma(dabs)[..., None]
    paint = np.clip(grey + 1.6 * (dabs - grey), 0.0, 1.0)
    paint = paint + 0.30 * (ramp(paint, 0.0, 1.0) - paint)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bristles = np.sin((x + 2.0 * y) * (2 * np.pi / 8.0)) + 0.5 * paper(height, width, seed, 1.0)  # every 8 pixels
    ridge = 0.055 * bristles + 0.45 * (luma(dabs) - blur(luma(dabs), 1.6))
    varnish = np.array([1.08, 0.92, 0.62], np.float32)
    return np.clip((0.05 + 0.93 * paint + ridge[..., None]) * varnish, 0.0, 1.0)


def mosaic(frame, seed):
    """Square glazed stones of one colour each, set in pale mortar."""
    height, width = frame.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    low = cv2.resize(frame, (-(-width // 8), -(-height // 8)), interpolation=cv2.INTER_AREA)  # a stone is 8x8 pixels
    grey = luma(low)[..., None]
    stone = np.clip(grey + 1.5 * (low - grey), 0.0, 1.0)
    stone = 0.06 + 0.88 * stone * (1.0 + 0.06 * paper(*low.shape[:2], seed, 0.3)[..., None])
    picture = stone[y // 8, x // 8]
    glaze = 0.10 * ((7 - x % 8 - y % 8) / 7.0)[..., None]
    mortar = ((x % 8 == 0) | (y % 8 == 0))[..., None]
    return np.clip(np.where(mortar, np.array([0.80, 0.78, 0.72], np.float32), picture + glaze), 0.0, 1.0).astype(np.float32)


LOOKS = {
    "photo": photo,
    "pencil sketch": pencil_sketch,
    "ink outline": ink_outline,
    "watercolour": watercolour,
    "oil painting": oil,
    "poster": poster,
    "blueprint": blueprint,
    "neon": neon,
    "night": night,
    "mosaic": mosaic,
}


def apply_look(name: str, frame: np.ndarray, seed: int) -> np.ndarray:
    """[H, W, 3] uint8 or float in 0..1 -> uint8."""
    if frame.dtype == np.uint8:
        frame = frame.astype(np.float32) / 255.0
    styled = LOOKS[name](frame, seed)
    return (np.clip(styled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
