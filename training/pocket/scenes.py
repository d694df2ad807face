"""Drawn video: textured, shaded objects of many sizes that move and occlude each other in front of a moving camera.

Nothing here reads an image. A scene is a list of layers (far to near); a layer is a polygon with a pose that is a
function of time, filled from a noise tile that travels with it. Lengths are in units of the frame's height.
"""

import dataclasses

import cv2
import numpy as np

TILE = 256
KINDS = ("people", "street", "city", "garden", "room", "shapes")


# --- textures -------------------------------------------------------------------------------------------------

def power_noise(rng, exponent: float, stretch: float = 1.0) -> np.ndarray:
    """Periodic noise [TILE, TILE] with a 1/f^exponent amplitude, mean 0, deviation 1, drawn out along x."""
    fx = np.fft.fftfreq(TILE)[None, :] * stretch
    fy = np.fft.fftfreq(TILE)[:, None]
    radius = np.sqrt(fx * fx + fy * fy)
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.standard_normal((TILE, TILE))) / radius**exponent
    noise = np.fft.ifft2(spectrum).real.astype(np.float32)
    return (noise - noise.mean()) / (noise.std() + 1e-9)


def stripes(rng) -> np.ndarray:
    """Boards, bricks, checks or blinds: [TILE, TILE], values about -1..1."""
    period = int(rng.choice([8, 16, 32, 64]))
    y, x = np.mgrid[0:TILE, 0:TILE]
    bands = rng.uniform(-1, 1, TILE // period)[(y // period) % (TILE // period)]
    joints = np.where(y % period < max(1, period // 10), rng.uniform(-2.5, -0.5), 0.0)
    kind = rng.integers(4)
    if kind == 1:  # bricks
        shifted = x + (y // period % 2) * period
        joints = np.minimum(joints, np.where(shifted % (2 * period) < max(1, period // 10), -1.5, 0.0))
    if kind == 2:  # checks
        bands = np.where((x // period + y // period) % 2, 1.0, -1.0) + 0.0 * bands
    if kind == 3:  # dots
        bands = np.where((x % period - period / 2) ** 2 + (y % period - period / 2) ** 2 < period**2 / 8, 1.5, -0.5)
    return (bands + joints).astype(np.float32)


def make_bank(rng, count: int) -> list[np.ndarray]:
    """Grey tiles that all scenes share; colour is given when a layer is made."""
    bank = []
    for _ in range(count):
        tile = power_noise(rng, rng.uniform(0.7, 1.9), rng.choice([1.0, 1.0, 1.0, 4.0, 10.0]))
        if rng.random() < 0.35:
            tile = 0.5 * tile + stripes(rng)
        bank.append((tile / tile.std()).astype(np.float32))
    return bank


def natural_colour(rng) -> np.ndarray:
    """RGB 0..1: greys and earths often, saturated colours sometimes, all brightnesses."""
    kind = rng.random()
    value = rng.beta(1.1, 1.1)
    if kind < 0.40:
        hue, saturation = rng.uniform(0, 360), rng.uniform(0.0, 0.12)
    elif kind < 0.62:
        hue, saturation = rng.uniform(10, 45), rng.uniform(0.2, 0.75)
    elif kind < 0.78:
        hue, saturation = rng.uniform(70, 240), rng.uniform(0.1, 0.6)
    else:
        hue, saturation = rng.uniform(0, 360), rng.uniform(0.4, 1.0)
    hsv = np.array([[[hue, saturation, 0.04 + 0.94 * value]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]


def skin(rng) -> np.ndarray:
    return np.array([0.95, 0.72, 0.58], np.float32) * rng.uniform(0.3, 1.0)


def paint_tile(rng, bank, colour, contrast=None) -> np.ndarray:
    """[TILE, TILE, 3] float32: the colour, made lighter and darker and slightly tinted by a grey tile."""
    contrast = rng.choice([0.02, 0.06, 0.12, 0.22], p=[0.35, 0.3, 0.2, 0.15]) if contrast is None else contrast
    direction = 0.75 * np.ones(3) * (0.3 + colour.mean()) + 0.35 * (natural_colour(rng) - 0.4)
    tile = bank[rng.integers(len(bank))]
    return np.clip(colour + contrast * tile[..., None] * direction, 0.0, 1.0).astype(np.float32)


# --- outlines: [N, 2] points, about within the unit circle -------------------------------------------------------

def ellipse(aspect=1.0, count=28):
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), aspect * np.sin(angle)], 1)


def box(aspect=1.0):
    return np.array([[-1, -aspect], [1, -aspect], [1, aspect], [-1, aspect]], float)


def trapezoid(top, aspect):
    return np.array([[-top, -aspect], [top, -aspect], [1, aspect], [-1, aspect]], float)


def blob(rng, roughness=0.35, count=36):
    """A closed wavy outline."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = 1.0 + sum(
        roughness / k * rng.normal() * np.sin(k * angle + rng.uniform(0, 6.3)) for k in range(2, 9)
    )
    return np.stack([np.cos(angle), np.sin(angle)], 1) * np.clip(radius, 0.2, 2.0)[:, None]


def polygon(rng):
    angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
    return np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.5, 1.0, len(angle))[:, None]


def rounded(aspect, power=4.0, count=32):
    """A box with round corners."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.sign(c) * abs(c) ** (2 / power), aspect * np.sign(s) * abs(s) ** (2 / power)], 1)


# --- layers ---------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Pose:
    """Where a thing is: position, size and turn with their speeds per frame, and a swing."""

    x: float
    y: float
    size: float
    turn: float = 0.0
    speed: tuple[float, float] = (0.0, 0.0)
    spin: float = 0.0
    swing: float = 0.0
    swing_rate: float = 0.0
    phase: float = 0.0

    def matrix(self, time: float) -> np.ndarray:
        """2x3: local to scene coordinates."""
        turn = self.turn + self.spin * time + self.swing * np.sin(self.swing_rate * time + self.phase)
        c, s = self.size * np.cos(turn), self.size * np.sin(turn)
        return np.array([[c, -s, self.x + self.speed[0] * time], [s, c, self.y + self.speed[1] * time]])


@dataclasses.dataclass
class Layer:
    outline: np.ndarray
    tile: np.ndarray
    pose: Pose
    depth: float = 1.0  # how strongly the camera's motion moves it
    parent: Pose | None = None
    shade: float = 0.0  # brightness change across the thing
    shadow: float = 0.0
    tile_scale: float = 0.01
    soft: float = 0.0  # blur of the outline in pixels


def after(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The 2x3 matrix that applies `inner`, then `outer`."""
    return outer @ np.vstack([inner, [0, 0, 1]])


def draw_layer(frame: np.ndarray, layer: Layer, camera: np.ndarray, time: float):
    """Paint one layer into `frame` [H, W, 3] in place; camera 2x3 maps the scene to pixels."""
    height, width = frame.shape[:2]
    pose = layer.pose.matrix(time)
    if layer.parent is not None:
        pose = after(layer.parent.matrix(time), pose)
    local = after(camera, pose)
    points = layer.outline @ local[:, :2].T + local[:, 2]
    margin = 12 if layer.shadow else 3
    low = np.maximum(np.floor(points.min(0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(points.max(0)).astype(int) + margin, [width, height])
    if (high - low <= 0).any():
        return
    size = tuple(int(v) for v in high - low)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(mask, [np.round((points - low) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    alpha = mask.astype(np.float32) / 255.0
    if layer.soft:
        alpha = cv2.GaussianBlur(alpha, (0, 0), layer.soft)
    region = frame[low[1] : high[1], low[0] : high[0]]
    if layer.shadow:
        cast = cv2.GaussianBlur(np.roll(alpha, (3, 4), (0, 1)), (0, 0), 2.5)
        region *= 1.0 - layer.shadow * cast[..., None]
    to_tile = local.copy()
    to_tile[:, :2] *= layer.tile_scale
    to_tile[:, 2] -= low
    fill = cv2.warpAffine(layer.tile, to_tile, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    if layer.shade:
        fill = fill * np.linspace(1.0 + layer.shade, 1.0 - layer.shade, size[0], dtype=np.float32)[None, :, None]
    region += alpha[..., None] * (fill - region)


# --- things ---------------------------------------------------------------------------------------------------

class SceneMaker:
    """Draws the random choices of one scene."""

    def __init__(self, rng, bank, aspect: float):
        self.rng, self.bank, self.aspect = rng, bank, aspect
        self.layers: list[Layer] = []

    def tile(self, colour=None, contrast=None):
        return paint_tile(self.rng, self.bank, natural_colour(self.rng) if colour is None else colour, contrast)

    def velocity(self, scale=0.01):
        return tuple(self.rng.normal(0, scale, 2))

    def add(self, outline, pose, colour=None, contrast=None, **options):
        options.setdefault("shade", float(self.rng.normal(0, 0.15)))
        options.setdefault("tile_scale", float(np.exp(self.rng.uniform(np.log(0.004), np.log(0.03)))))
        self.layers.append(Layer(outline, self.tile(colour, contrast), pose, **options))

    def anywhere(self, size, speed=0.01, spin=0.01):
        rng = self.rng
        return Pose(rng.uniform(0, self.aspect), rng.uniform(0, 1), size, rng.uniform(0, 6.3),
                    self.velocity(speed), rng.normal(0, spin))

    def shape(self, size, depth=1.0):
        rng = self.rng
        kind = rng.integers(6)
        outline = (ellipse(rng.uniform(0.3, 1.0)), polygon(rng), blob(rng), box(rng.uniform(0.1, 1.0)),
                   rounded(rng.uniform(0.3, 1.0)), box(rng.uniform(0.01, 0.06)))[kind]
        soft = float(rng.choice([0, 0, 0, 1.0, 2.5]))
        self.add(outline, self.anywhere(size), depth=depth, soft=soft, shadow=float(rng.choice([0, 0, 0.35])))

    def person(self, depth=1.0):
        """Limbs that swing about their joints; unit height about 2, head up."""
        rng = self.rng
        size = rng.uniform(0.12, 0.45)
        walk = rng.normal(0, 0.012)
        body = Pose(rng.uniform(0, self.aspect), rng.uniform(0.35, 0.75), size, rng.normal(0, 0.08), (walk, rng.normal(0, 0.003)))
        rate, phase = rng.uniform(0.15, 0.5), rng.uniform(0, 6.3)
        flesh, coat, legs, hair = skin(rng), natural_colour(rng), natural_colour(rng) * 0.7, natural_colour(rng) * 0.5

        def part(outline, x, y, scale, colour, swing=0.0, sign=1.0, **more):
            pose = Pose(x, y, scale, 0.0, swing=swing, swing_rate=rate, phase=phase + (0 if sign > 0 else np.pi))
            self.add(outline, pose, colour, parent=body, depth=depth, **more)

        leg = trapezoid(1.3, 4.0) + np.array([0, 4.0])
        part(leg, -0.14, 0.25, 0.115, legs, 0.35, 1)
        part(leg, 0.14, 0.25, 0.115, legs, 0.35, -1)
        arm = trapezoid(1.2, 4.2) + np.array([0, 4.0])
        part(arm, -0.33, -0.48, 0.085, coat * 0.85, 0.4, -1)
        part(trapezoid(rng.uniform(0.6, 1.1), rng.uniform(1.2, 1.8)), 0, -0.1, 0.34, coat, shadow=0.3)
        part(arm, 0.33, -0.48, 0.085, coat * 0.9, 0.4, 1)
        part(ellipse(1.25), 0, -0.85, 0.18, flesh)
        back = rng.random() < 0.4
        part(ellipse(1.2 if back else 0.7), 0, -0.86 if back else -0.98, 0.2, hair)

    def car(self, depth=1.0):
        """From the side or from above."""
        rng = self.rng
        size = rng.uniform(0.12, 0.4)
        body = Pose(rng.uniform(0, self.aspect), rng.uniform(0.3, 0.85), size,
                    rng.uniform(0, 6.3) if rng.random() < 0.4 else rng.normal(0, 0.05), self.velocity(0.02))
        paint, glass = natural_colour(rng), natural_colour(rng) * 0.25

        def part(outline, x, y, scale, colour, **more):
            self.add(outline, Pose(x, y, scale), colour, contrast=0.03, parent=body, depth=depth, **more)

        if rng.random() < 0.5:
            part(rounded(0.42), 0, 0, 1.0, paint, shadow=0.5)
            part(trapezoid(0.85, 0.6) * np.array([1, 1]), 0.45, 0, 0.3, glass)
            part(box(0.95), 0.0, 0, 0.3, paint * 1.05)
            part(box(0.9), -0.5, 0, 0.22, glass)
            for y in (-0.28, 0.28):
                part(ellipse(0.6), 0.92, y, 0.08, np.array([1.0, 0.95, 0.8], np.float32))
                part(ellipse(0.6), -0.93, y, 0.07, np.array([0.8, 0.1, 0.1], np.float32))
        else:
            part(trapezoid(0.6, 0.5), 0, -0.35, 0.62, paint * 0.95)
            part(trapezoid(0.6, 0.5), 0, -0.33, 0.5, glass)
            part(box(6.0), 0, -0.3, 0.035, paint)
            part(rounded(0.28), 0, 0, 1.0, paint, shadow=0.4)
            for x in (-0.58, 0.58):
                part(ellipse(), x, 0.26, 0.21, np.array([0.06, 0.06, 0.07], np.float32))
                part(ellipse(), x, 0.26, 0.11, np.array([0.6, 0.6, 0.62], np.float32))
            part(ellipse(0.8), 0.93, -0.05, 0.07, np.array([1.0, 0.95, 0.75], np.float32))

    def building(self, depth=0.5):
        """A front with rows of windows, some lit."""
        rng = self.rng
        size, tall = rng.uniform(0.12, 0.4), rng.uniform(0.8, 2.5)
        pose = Pose(rng.uniform(0, self.aspect), rng.uniform(0.3, 0.7), size)
        self.add(box(tall), pose, depth=depth, shadow=0.25)
        columns, rows = rng.integers(2, 6), rng.integers(2, 7)
        glass = natural_colour(rng) * rng.uniform(0.2, 1.0)
        for i in range(columns):
            for j in range(rows):
                at = Pose(-0.8 + 1.6 * (i + 0.5) / columns, tall * (-0.85 + 1.7 * (j + 0.5) / rows), 0.5 / columns)
                colour = np.array([1.0, 0.9, 0.6], np.float32) if rng.random() < 0.1 else glass
                self.add(box(rng.choice([0.8, 1.3])), at, colour, contrast=0.02, parent=pose, depth=depth)

    def tree(self, depth=0.8):
        rng = self.rng
        size = rng.uniform(0.1, 0.35)
        x, y = rng.uniform(0, self.aspect), rng.uniform(0.2, 0.7)
        root = Pose(x, y + size, size, swing=0.03, swing_rate=rng.uniform(0.1, 0.4), phase=rng.uniform(0, 6))
        self.add(box(8.0), Pose(0, 0, 0.12), np.array([0.33, 0.22, 0.13], np.float32) * rng.uniform(0.5, 1.5), parent=root, depth=depth)
        green = np.array([0.2, 0.45, 0.12], np.float32) * rng.uniform(0.5, 1.6) + rng.uniform(0, 0.25, 3) * np.array([1, 0.5, 0.2])
        for _ in range(rng.integers(1, 5)):
            at = Pose(rng.normal(0, 0.35), -1 + rng.normal(0, 0.35), rng.uniform(0.5, 1.0))
            self.add(blob(rng, 0.5), at, green.astype(np.float32) * rng.uniform(0.8, 1.2), 0.25, parent=root, depth=depth, shadow=0.3)

    def furniture(self, depth=0.8):
        rng = self.rng
        pose = Pose(rng.uniform(0, self.aspect), rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.3), rng.normal(0, 0.06))
        if rng.random() < 0.5:  # a picture, window or screen: a frame round a panel
            shape = rng.uniform(0.5, 1.4)
            self.add(box(shape), pose, depth=depth, shadow=0.3)
            self.add(box(shape), Pose(0, 0, rng.uniform(0.75, 0.93)), parent=pose, depth=depth)
        else:  # a table or shelf
            wood = natural_colour(rng)
            for x in (-0.85, 0.85):
                self.add(box(6.0), Pose(x, 0.6, 0.09), wood * 0.8, parent=pose, depth=depth)
            self.add(box(0.1) if rng.random() < 0.6 else ellipse(0.35), Pose(0, 0, 1.0), wood, parent=pose, depth=depth, shadow=0.35)


def background(rng, maker: SceneMaker, kind: str):
    """The wall or sky and the ground before it, as big layers; the ground's boards are drawn out sideways or along."""
    sky = {"garden": np.array([0.55, 0.72, 0.95], np.float32) * rng.uniform(0.6, 1.05)}.get(kind)
    wide = Pose(maker.aspect / 2, 0.5, 3.0, rng.normal(0, 0.3))
    maker.add(box(1.0), wide, sky, rng.choice([0.01, 0.04, 0.15]), depth=0.3, shade=float(rng.normal(0, 0.25)))
    if kind == "shapes" and rng.random() < 0.7:
        return
    horizon = rng.uniform(0.15, 0.75)
    ground = box(1.0) + np.array([0, 1.0])
    turn = rng.normal(0, 0.05)
    colour = np.array([0.3, 0.42, 0.15], np.float32) * rng.uniform(0.5, 1.4) if kind == "garden" else None
    if kind == "street":
        colour = np.ones(3, np.float32) * rng.uniform(0.1, 0.5)
    maker.add(ground, Pose(maker.aspect / 2, horizon, 3.0, turn), colour, rng.choice([0.03, 0.08, 0.2]), depth=0.6,
              tile_scale=float(rng.uniform(0.002, 0.012)))
    if kind == "room" and rng.random() < 0.8:  # a skirting board and a pillar
        maker.add(box(0.006), Pose(maker.aspect / 2, horizon, 3.0, turn), depth=0.6)
        maker.add(box(12.0), Pose(rng.uniform(0, maker.aspect), horizon - 0.7, 0.06), depth=0.65, shadow=0.3)
    if kind == "street":  # lane marks
        heading = rng.uniform(0, 3.14)
        for i in range(-4, 5):
            along = 0.35 * i
            maker.add(box(0.08), Pose(maker.aspect / 2 + along * np.cos(heading), 0.7 + along * np.sin(heading), 0.1, heading),
                      np.ones(3, np.float32) * rng.uniform(0.7, 1.0), 0.05, depth=0.6)


def make_scene(rng, bank, kind: str, aspect: float) -> list[Layer]:
    """Layers from far to near."""
    maker = SceneMaker(rng, bank, aspect)
    background(rng, maker, kind)
    things = {
        "people": (maker.person, 1, 5), "street": (maker.car, 1, 4), "city": (maker.building, 3, 8),
        "garden": (maker.tree, 3, 8), "room": (maker.furniture, 2, 7), "shapes": (maker.shape, 0, 1),
    }
    if kind == "shapes":  # dead leaves: sizes by a power law, big ones first
        sizes = np.sort(0.03 * (1 - rng.uniform(0, 0.995, rng.integers(10, 70))) ** -0.55)[::-1]
        for size in sizes:
            maker.shape(min(size, 0.7), rng.uniform(0.5, 1.3))
        return maker.layers
    for _ in range(rng.integers(0, 8)):
        maker.shape(rng.uniform(0.02, 0.15), 0.5)
    draw, low, high = things[kind]
    for _ in range(rng.integers(low, high)):
        draw()
    if kind == "room" and rng.random() < 0.6 or kind in ("street", "city") and rng.random() < 0.4:
        maker.person()
    if kind == "city" and rng.random() < 0.4:
        maker.car()
    for _ in range(rng.integers(0, 4)):
        maker.shape(rng.uniform(0.02, 0.12), 1.3)
    return maker.layers


def add_grain(rng, clip: np.ndarray, grain: float) -> np.ndarray:
    """[frames, H, W, 3] float32 0..1 -> uint8, with white noise of the deviation `grain`, new in every frame."""
    filmed = np.empty(clip.shape, np.uint8)
    for out, frame in zip(filmed, clip):
        if grain:
            frame = frame + rng.normal(0, grain, frame.shape)
        out[:] = np.clip(frame * 255 + 0.5, 0, 255).astype(np.uint8)
    return filmed


def render_clip(rng, bank, kind: str, height: int, width: int, frames: int) -> np.ndarray:
    """[frames, H, W, 3] uint8 of one new scene, as a camera saw it."""
    return add_grain(rng, *render_scene(rng, bank, kind, height, width, frames))


def render_scene(rng, bank, kind: str, height: int, width: int, frames: int) -> tuple[np.ndarray, float]:
    """-> (one new scene without grain [frames, H, W, 3] float32 0..1, how much grain its camera would add)."""
    aspect = width / height
    layers = make_scene(rng, bank, kind, aspect)
    pan, zoom, roll = rng.normal(0, 0.006, 2), rng.normal(0, 0.003), rng.normal(0, 0.002)
    shake = rng.choice([0.0, 0.001, 0.003]) * rng.standard_normal((frames, 2)).cumsum(0)
    gain = 1.0 + 0.12 * np.sin(rng.uniform(0, 6.3) + rng.uniform(0, 0.3) * np.arange(frames)) * rng.random()
    warmth = 1.0 + np.array([1.0, 0.0, -1.0]) * rng.normal(0, 0.06)
    exposure = np.exp(rng.normal(0, 0.15))
    haze = rng.choice([0.0, 0.0, 0.1, 0.25]) * rng.random()
    lens, grain = rng.choice([0.0, 0.5, 0.8]), rng.choice([0.0, 0.006, 0.012, 0.02])
    light = cv2.resize(rng.normal(1.0, 0.18, (3, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    clip = np.empty((frames, height, width, 3), np.float32)
    for index in range(frames):
        time = index - frames / 2
        frame = np.zeros((height, width, 3), np.float32)
        for layer in layers:
            scale = height * (1 + layer.depth * zoom * time)
            turn = roll * time
            linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            centre = np.array([aspect / 2, 0.5])
            offset = np.array([width, height]) / 2 - linear @ (centre + layer.depth * (pan * time + shake[index]))
            draw_layer(frame, layer, np.hstack([linear, offset[:, None]]), time)
        frame = frame * (light[..., None] * exposure * gain[index] * warmth).astype(np.float32)
        frame = np.clip(frame, 0, 1) * (1 - haze) + haze * 0.7
        if lens:
            frame = cv2.GaussianBlur(frame, (0, 0), lens)
        clip[index] = frame
    return clip, float(grain)
