//! Pixel memory of the images passed to the plugin: any depth, row layout and position.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use half::f16;
use openfx_sys::*;

use super::memory::Block;
use super::picture::Picture;
use super::session::{Components, Depth, RowBytes};

/// Bytes before, after and, if rows are padded, between the rows that do not belong to the image. The plugin
/// must not write to them.
const GUARD: usize = 4096;
const PADDING: usize = 192;
const MARK: u8 = 0xa5;

/// Memory layout of an image.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Bit depth of a sample.
    pub depth: Depth,
    /// Components of a pixel.
    pub components: Components,
    /// Position and size in pixels, y upwards.
    pub bounds: OfxRectI,
    /// Order of the rows and padding between them.
    pub row_bytes: RowBytes,
    /// Whether colours are premultiplied by alpha.
    pub premultiplied: bool,
}

impl Depth {
    /// Size of a sample in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Float => 4,
            Self::Half | Self::Short => 2,
            Self::Byte => 1,
        }
    }
}

impl Components {
    /// Number of samples per pixel.
    pub fn count(self) -> usize {
        match self {
            Self::Rgba => 4,
            Self::Rgb => 3,
        }
    }
}

impl Form {
    /// Number of pixels per row.
    pub fn width(&self) -> usize {
        usize::try_from(self.bounds.x2.saturating_sub(self.bounds.x1)).unwrap_or(0)
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        usize::try_from(self.bounds.y2.saturating_sub(self.bounds.y1)).unwrap_or(0)
    }

    fn row_len(&self) -> usize {
        self.width() * self.components.count() * self.depth.bytes()
    }

    fn distance(&self) -> usize {
        self.row_len() + if self.row_bytes == RowBytes::Padded { PADDING } else { 0 }
    }
}

/// An image in memory, surrounded by guard bytes.
pub struct Canvas {
    /// Memory layout of the image.
    pub form: Form,
    block: Block,
}

impl Canvas {
    /// An image filled with the guard pattern; `None` if memory is exhausted.
    pub fn new(form: Form) -> Option<Self> {
        let len = form.distance().checked_mul(form.height())?.checked_add(2 * GUARD)?;
        Some(Self { form, block: Block::new(len, MARK)? })
    }

    /// Address of the bottom row.
    pub fn data(&self) -> *mut u8 {
        self.row_pointer(0)
    }

    /// Stride in bytes: from one row to the row above it; may be negative.
    pub fn row_bytes(&self) -> i32 {
        let distance = i32::try_from(self.form.distance()).unwrap_or(i32::MAX);
        if self.form.row_bytes == RowBytes::Negative { -distance } else { distance }
    }

    /// Address of a row, counted from the bottom.
    fn row_pointer(&self, row: usize) -> *mut u8 {
        let place = match self.form.row_bytes {
            RowBytes::Negative => self.form.height().saturating_sub(1 + row),
            _ => row,
        };
        // SAFETY: `new` allocated the guards and every row.
        unsafe { self.block.start().add(GUARD + place * self.form.distance()) }
    }

    /// Writes a row, counted from the bottom, as bytes in the canvas' own depth and components.
    fn write_row(&self, row: usize, bytes: &[u8]) {
        let len = bytes.len().min(self.form.row_len());
        // SAFETY: a row has `row_len` bytes, `bytes` is another allocation.
        unsafe { self.row_pointer(row).copy_from_nonoverlapping(bytes.as_ptr(), len) };
    }

    fn read_row(&self, row: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.form.row_len()];
        // SAFETY: a row has `row_len` bytes, `bytes` is another allocation.
        unsafe { bytes.as_mut_ptr().copy_from_nonoverlapping(self.row_pointer(row), bytes.len()) };
        bytes
    }

    /// Whether the guard bytes are unchanged.
    pub fn guards_are_whole(&self) -> bool {
        let rows = self.form.distance() * self.form.height();
        // SAFETY: the block has at least this length.
        let all = unsafe { std::slice::from_raw_parts(self.block.start(), self.block.size()) };
        let marked = |bytes: &[u8]| bytes.iter().all(|&byte| byte == MARK);
        let body = &all[GUARD..GUARD + rows];
        marked(&all[..GUARD])
            && marked(&all[GUARD + rows..])
            && body
                .chunks(self.form.distance().max(1))
                .all(|row| marked(&row[self.form.row_len().min(row.len())..]))
    }

    /// Converts a picture of the same size into the canvas.
    pub fn paint(&self, picture: &Picture) {
        let channels = usize::from(picture.channels);
        let count = self.form.components.count();
        let per_row = picture.width as usize * channels;
        for row in 0..self.form.height() {
            // Pictures start with the top row, the canvas with the bottom row.
            let from = (self.form.height() - 1 - row) * per_row;
            let mut samples = Vec::with_capacity(self.form.width() * count);
            for x in 0..self.form.width() {
                let at = from + x * channels;
                let alpha = if channels == 4 { picture.sample(at + 3) } else { 1.0 };
                let factor = if self.form.premultiplied { alpha } else { 1.0 };
                samples.extend((0..3).map(|channel| picture.sample(at + channel) * factor));
                if count == 4 {
                    samples.push(alpha);
                }
            }
            self.write_row(row, &encode(&samples, self.form.depth));
        }
    }

    /// Fills the canvas with opaque black.
    pub fn black(&self) {
        let count = self.form.components.count();
        let samples: Vec<f32> =
            (0..self.form.width() * count).map(|index| if index % count == 3 { 1.0 } else { 0.0 }).collect();
        let bytes = encode(&samples, self.form.depth);
        for row in 0..self.form.height() {
            self.write_row(row, &bytes);
        }
    }

    /// Converts to a picture with straight alpha: float, or 8 or 16 bits if the canvas has that depth and no
    /// division by alpha is needed.
    pub fn picture(&self) -> Picture {
        let (width, height) = (self.form.width() as u32, self.form.height() as u32);
        let channels = self.form.components.count() as u8;
        let rows = (0..self.form.height()).rev().map(|row| self.read_row(row));
        let picture = match self.form.depth {
            Depth::Byte if !self.form.premultiplied => {
                Picture::eight(width, height, channels, rows.flatten().collect())
            }
            Depth::Short if !self.form.premultiplied => {
                let bytes: Vec<u8> = rows.flatten().collect();
                let samples = bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]]));
                Picture::sixteen(width, height, channels, samples.collect())
            }
            _ => {
                let mut samples: Vec<f32> = rows.flat_map(|row| decode(&row, self.form.depth)).collect();
                if self.form.premultiplied && channels == 4 {
                    samples.chunks_exact_mut(4).for_each(divide);
                }
                Picture::float(width, height, channels, samples)
            }
        };
        // The sizes agree by construction, so the fallback to an empty picture is not reached.
        picture.unwrap_or(Picture {
            width: 0,
            height: 0,
            channels,
            samples: super::picture::Samples::Eight(Vec::new()),
        })
    }
}

fn divide(pixel: &mut [f32]) {
    let alpha = pixel[3];
    if alpha != 0.0 {
        pixel[..3].iter_mut().for_each(|sample| *sample /= alpha);
    }
}

fn encode(samples: &[f32], depth: Depth) -> Vec<u8> {
    match depth {
        Depth::Float => samples.iter().flat_map(|s| s.to_ne_bytes()).collect(),
        Depth::Half => samples.iter().flat_map(|&s| f16::from_f32(s).to_ne_bytes()).collect(),
        // Float to integer casts saturate and convert NaN to 0.
        Depth::Short => samples.iter().flat_map(|&s| ((s * 65535.0).round() as u16).to_ne_bytes()).collect(),
        Depth::Byte => samples.iter().map(|&s| (s * 255.0).round() as u8).collect(),
    }
}

fn decode(bytes: &[u8], depth: Depth) -> Vec<f32> {
    match depth {
        Depth::Float => bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Depth::Half => bytes.chunks_exact(2).map(|b| f16::from_ne_bytes([b[0], b[1]]).to_f32()).collect(),
        Depth::Short => {
            bytes.chunks_exact(2).map(|b| f32::from(u16::from_ne_bytes([b[0], b[1]])) / 65535.0).collect()
        }
        Depth::Byte => bytes.iter().map(|&b| f32::from(b) / 255.0).collect(),
    }
}

/// Resizes a picture with a box filter: each new pixel is the mean of the area that it covers.
pub fn resize(picture: &Picture, width: u32, height: u32) -> Picture {
    if (width, height) == (picture.width, picture.height) {
        return picture.clone();
    }
    let channels = usize::from(picture.channels);
    let (sx, sy) =
        (f64::from(picture.width) / f64::from(width), f64::from(picture.height) / f64::from(height));
    let mut out = Vec::with_capacity(width as usize * height as usize * channels);
    for y in 0..height {
        let rows = weights(f64::from(y) * sy, f64::from(y + 1) * sy, picture.height);
        for x in 0..width {
            let columns = weights(f64::from(x) * sx, f64::from(x + 1) * sx, picture.width);
            for channel in 0..channels {
                let mut sum = 0.0;
                for &(row, wy) in &rows {
                    for &(column, wx) in &columns {
                        let at = (row * picture.width as usize + column) * channels + channel;
                        sum += f64::from(picture.sample(at)) * wx * wy;
                    }
                }
                out.push(sum as f32);
            }
        }
    }
    Picture::float(width, height, picture.channels, out).unwrap_or_else(|| picture.clone())
}

/// The pixels under an interval of a row or column, with their weights.
fn weights(from: f64, to: f64, len: u32) -> Vec<(usize, f64)> {
    let last = (len as usize).saturating_sub(1);
    let (first, end) = (from.floor() as usize, (to.ceil() as usize).max(from.floor() as usize + 1));
    let share = |cell: usize| (to.min(cell as f64 + 1.0) - from.max(cell as f64)).max(0.0) / (to - from);
    (first..end).map(|cell| (cell.min(last), share(cell))).filter(|(_, share)| *share > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(channels: u8) -> Picture {
        let data = (0..5 * 3 * u32::from(channels)).map(|n| (n * 4) as u8).collect();
        Picture::eight(5, 3, channels, data).unwrap()
    }

    #[test]
    fn every_layout_keeps_the_picture() {
        for depth in [Depth::Float, Depth::Half, Depth::Short, Depth::Byte] {
            for row_bytes in [RowBytes::Positive, RowBytes::Negative, RowBytes::Padded] {
                for components in [Components::Rgba, Components::Rgb] {
                    let bounds = OfxRectI { x1: -7, y1: 3, x2: -2, y2: 6 };
                    let form = Form { depth, components, bounds, row_bytes, premultiplied: false };
                    let canvas = Canvas::new(form).unwrap();
                    let picture = sample(components.count() as u8);
                    canvas.paint(&picture);
                    assert_eq!(canvas.picture().to_eight(), picture.to_eight(), "{form:?}");
                    assert!(canvas.guards_are_whole(), "{form:?}");
                }
            }
        }
    }

    #[test]
    fn the_bottom_row_is_at_the_data_pointer() {
        for row_bytes in [RowBytes::Positive, RowBytes::Negative] {
            let bounds = OfxRectI { x1: 0, y1: 0, x2: 5, y2: 3 };
            let form = Form {
                depth: Depth::Byte,
                components: Components::Rgb,
                bounds,
                row_bytes,
                premultiplied: false,
            };
            let canvas = Canvas::new(form).unwrap();
            canvas.paint(&sample(3));
            // SAFETY: the first pixel of the bottom row, and one row up from it.
            let (bottom, above) =
                unsafe { (*canvas.data(), *canvas.data().offset(canvas.row_bytes() as isize)) };
            assert_eq!((bottom, above), (120, 60));
        }
    }

    #[test]
    fn premultiplied_there_and_back() {
        let bounds = OfxRectI { x1: 0, y1: 0, x2: 1, y2: 1 };
        let form = Form {
            depth: Depth::Float,
            components: Components::Rgba,
            bounds,
            row_bytes: RowBytes::Positive,
            premultiplied: true,
        };
        let canvas = Canvas::new(form).unwrap();
        let picture = Picture::eight(1, 1, 4, vec![200, 100, 50, 128]).unwrap();
        canvas.paint(&picture);
        // SAFETY: the canvas holds one pixel of floats.
        let red = unsafe { canvas.data().cast::<f32>().read() };
        assert!((red - 200.0 / 255.0 * 128.0 / 255.0).abs() < 1e-6);
        assert_eq!(canvas.picture().to_eight(), picture.to_eight());
    }

    #[test]
    fn a_write_outside_is_seen() {
        let bounds = OfxRectI { x1: 0, y1: 0, x2: 5, y2: 3 };
        let form = Form {
            depth: Depth::Byte,
            components: Components::Rgb,
            bounds,
            row_bytes: RowBytes::Padded,
            premultiplied: false,
        };
        let canvas = Canvas::new(form).unwrap();
        // SAFETY: just behind the first row, in the padding of the block.
        unsafe { canvas.data().add(15).write(0) };
        assert!(!canvas.guards_are_whole());
    }

    #[test]
    fn resizing_takes_means() {
        let picture = Picture::float(4, 2, 1, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).unwrap();
        assert_eq!(resize(&picture, 2, 1).to_floats(), [2.5, 4.5]);
        assert_eq!(resize(&picture, 4, 2), picture);
        assert_eq!(resize(&picture, 8, 4).to_floats()[..3], [0.0, 0.0, 1.0]);
    }
}
