//! The sample clip: a small street at dusk with a walker and a passing car, drawn from shapes.
//!
//! It contains what matters for judging a restyled clip: large and small moving shapes that occlude each other,
//! edges, gradients and a panning camera.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: draws a picture"
)]

use image::{Rgb, RgbImage};

/// Size of the clip's frames.
pub const SIZE: (u32, u32) = (256, 144);

/// A point or an extent in the scene, in units of the frame's height.
type V = (f32, f32);

fn mix(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t.clamp(0.0, 1.0))
}

/// Deterministic noise for windows and stones, 0..1.
fn hash(x: i32, y: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    (h ^ (h >> 12)) as f32 / u32::MAX as f32
}

/// Signed distance to a box with rounded corners.
fn slab(p: V, centre: V, half: V, round: f32) -> f32 {
    let q = ((p.0 - centre.0).abs() - half.0 + round, (p.1 - centre.1).abs() - half.1 + round);
    q.0.max(0.0).hypot(q.1.max(0.0)) + q.0.max(q.1).min(0.0) - round
}

/// Signed distance to a limb: a line segment from `a` to `b` with a radius.
fn limb(p: V, a: V, b: V, radius: f32) -> f32 {
    let (pa, ba) = ((p.0 - a.0, p.1 - a.1), (b.0 - a.0, b.1 - a.1));
    let t = ((pa.0 * ba.0 + pa.1 * ba.1) / (ba.0 * ba.0 + ba.1 * ba.1)).clamp(0.0, 1.0);
    (pa.0 - ba.0 * t).hypot(pa.1 - ba.1 * t) - radius
}

/// Colour of the scene at `p` and `time` 0..1.
fn scene(p: V, time: f32) -> [f32; 3] {
    let edge = 1.0 / SIZE.1 as f32;
    let paint = |below: [f32; 3], colour: [f32; 3], distance: f32| mix(below, colour, 0.5 - distance / edge);
    let pan = time * 0.25;

    let mut c = mix([0.36, 0.50, 0.78], [0.98, 0.72, 0.46], p.1 * 1.5);
    c = paint(c, [1.0, 0.93, 0.70], (p.0 - 1.35 + pan * 0.1).hypot(p.1 - 0.34) - 0.09);

    // Houses in two rows, the far one slower.
    for (row, (speed, base, tone)) in
        [(0.4, 0.62, [0.42, 0.40, 0.52]), (1.0, 0.74, [0.55, 0.33, 0.27])].into_iter().enumerate()
    {
        let x = p.0 + pan * speed;
        let house = (x / 0.34).floor();
        let height = 0.16 + 0.26 * hash(house as i32, row as i32) + row as f32 * 0.06;
        let centre = ((house + 0.5) * 0.34, base - height / 2.0);
        let shade: [f32; 3] =
            std::array::from_fn(|i| tone[i] * (0.75 + 0.5 * hash(house as i32, 7 + i as i32)));
        c = paint(c, shade, slab((x, p.1), centre, (0.165, height / 2.0), 0.005));
        let cell = ((x / 0.068).floor(), (p.1 / 0.07).floor());
        let middle = ((cell.0 + 0.5) * 0.068, (cell.1 + 0.5) * 0.07);
        let inside = slab((x, p.1), centre, (0.15, height / 2.0 - 0.02), 0.0) < -0.02;
        if inside {
            let lit = hash(cell.0 as i32 * 3, cell.1 as i32) > 0.55;
            let glass = if lit { [1.0, 0.86, 0.45] } else { [0.20, 0.23, 0.32] };
            c = paint(c, glass, slab((x, p.1), middle, (0.018, 0.022), 0.003));
        }
    }

    // Street and pavement.
    c = paint(c, mix([0.62, 0.58, 0.54], [0.50, 0.47, 0.45], (p.1 - 0.72) * 8.0), 0.72 - p.1);
    c = paint(c, mix([0.26, 0.26, 0.30], [0.16, 0.16, 0.19], (p.1 - 0.80) * 5.0), 0.80 - p.1);
    let dash = (p.0 + pan * 1.3).rem_euclid(0.30);
    c = paint(c, [0.92, 0.90, 0.80], slab((dash, p.1), (0.10, 0.90), (0.07, 0.008), 0.002));

    // A car that overtakes the walker.
    let car = (-0.35 + time * 2.4, 0.83);
    let q = (p.0 - car.0, p.1 - car.1);
    c = paint(c, [0.10, 0.10, 0.12], slab(q, (0.0, 0.075), (0.24, 0.015), 0.01));
    c = paint(c, [0.80, 0.16, 0.14], slab(q, (-0.01, -0.055), (0.125, 0.055), 0.04));
    c = paint(c, [0.62, 0.78, 0.88], slab(q, (-0.01, -0.06), (0.10, 0.032), 0.02));
    c = paint(c, [0.80, 0.16, 0.14], slab(q, (0.0, 0.02), (0.23, 0.05), 0.03));
    for wheel in [-0.13, 0.13] {
        let r = (q.0 - wheel).hypot(q.1 - 0.06);
        c = paint(c, [0.08, 0.08, 0.09], r - 0.045);
        c = paint(c, [0.70, 0.70, 0.72], r - 0.020);
    }

    // The walker, in front of everything.
    let phase = time * std::f32::consts::TAU * 2.0;
    let hip = (0.62 + time * 0.30, 0.70 + 0.008 * (phase * 2.0).sin());
    let neck = (hip.0 + 0.012, hip.1 - 0.19);
    let swing = phase.sin() * 0.085;
    let (dark, coat, skin) = ([0.13, 0.15, 0.25], [0.16, 0.42, 0.44], [0.85, 0.63, 0.50]);
    for side in [-1.0, 1.0] {
        let foot = (hip.0 + side * swing, hip.1 + 0.235);
        let knee = ((hip.0 + foot.0) / 2.0 + 0.02, hip.1 + 0.12);
        c = paint(c, dark, limb(p, hip, knee, 0.026).min(limb(p, knee, foot, 0.022)));
    }
    c = paint(c, coat, limb(p, hip, neck, 0.052));
    for side in [-1.0, 1.0] {
        let hand = (neck.0 - side * swing * 0.9, neck.1 + 0.17);
        c = paint(c, [0.13, 0.35, 0.37], limb(p, (neck.0, neck.1 + 0.02), hand, 0.018));
        c = paint(c, skin, (p.0 - hand.0).hypot(p.1 - hand.1) - 0.016);
    }
    let head = (neck.0 + 0.006, neck.1 - 0.075);
    c = paint(c, skin, (p.0 - head.0).hypot(p.1 - head.1) - 0.042);
    paint(c, [0.22, 0.13, 0.09], (p.0 - head.0 + 0.010).hypot(p.1 - head.1 + 0.016) - 0.036)
}

/// Frame `index` of `frames`.
pub fn frame(index: u32, frames: u32) -> RgbImage {
    let (width, height) = SIZE;
    // Motion blur over half a frame, and two samples a pixel in each direction.
    let unit = |x: u32, sub: f32| (x as f32 + sub) / height as f32;
    RgbImage::from_fn(width, height, |x, y| {
        let mut sum = [0.0; 3];
        for (k, (dx, dy)) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)].into_iter().enumerate()
        {
            let time = (index as f32 + k as f32 / 8.0) / frames as f32;
            let colour = scene((unit(x, dx), unit(y, dy)), time);
            for i in 0..3 {
                sum[i] += colour[i] / 4.0;
            }
        }
        let grain = (hash(x as i32 + index as i32 * 131, y as i32 * 17) - 0.5) * 0.015;
        Rgb(sum.map(|v| ((v + grain).clamp(0.0, 1.0) * 255.0).round() as u8))
    })
}
