//! A picture in memory, for files and the host: rows from top to bottom, without padding.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use std::sync::Arc;

/// Interleaved samples, in the depth of their source.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// 8-bit integers, 0..=255.
    Eight(Vec<u8>),
    /// 16-bit integers, 0..=65535.
    Sixteen(Vec<u16>),
    /// Floats: 0.0..=1.0 for the range of a display; any value is allowed, infinities and NaN included.
    Float(Vec<f32>),
}

/// A picture: `height` rows of `width` pixels of `channels` samples, the top row first.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Number of pixels per row.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
    /// 3 for RGB, 4 for RGBA with straight alpha.
    pub channels: u8,
    /// The samples, `width * height * channels` of them.
    pub samples: Samples,
}

/// A reference-counted picture.
pub type SharedPicture = Arc<Picture>;

impl Picture {
    /// A picture of 8-bit samples; `None` if their number does not match the size.
    pub fn eight(width: u32, height: u32, channels: u8, data: Vec<u8>) -> Option<Self> {
        (data.len() == count(width, height, channels)).then_some(Self {
            width,
            height,
            channels,
            samples: Samples::Eight(data),
        })
    }

    /// A picture of 16-bit samples; `None` if their number does not match the size.
    pub fn sixteen(width: u32, height: u32, channels: u8, data: Vec<u16>) -> Option<Self> {
        (data.len() == count(width, height, channels)).then_some(Self {
            width,
            height,
            channels,
            samples: Samples::Sixteen(data),
        })
    }

    /// A picture of float samples; `None` if their number does not match the size.
    pub fn float(width: u32, height: u32, channels: u8, data: Vec<f32>) -> Option<Self> {
        (data.len() == count(width, height, channels)).then_some(Self {
            width,
            height,
            channels,
            samples: Samples::Float(data),
        })
    }

    /// Size of the samples in bytes.
    pub fn bytes(&self) -> usize {
        match &self.samples {
            Samples::Eight(v) => v.len(),
            Samples::Sixteen(v) => v.len() * 2,
            Samples::Float(v) => v.len() * 4,
        }
    }

    /// One sample as a float: 8 and 16 bits scaled to 0..=1, floats unchanged.
    pub fn sample(&self, index: usize) -> f32 {
        match &self.samples {
            Samples::Eight(v) => f32::from(v[index]) / 255.0,
            Samples::Sixteen(v) => f32::from(v[index]) / 65535.0,
            Samples::Float(v) => v[index],
        }
    }

    /// All samples, converted like [`Picture::sample`].
    #[allow(dead_code, reason = "for the integration tests that include this module")]
    pub fn to_floats(&self) -> Vec<f32> {
        match &self.samples {
            Samples::Eight(v) => v.iter().map(|&s| f32::from(s) / 255.0).collect(),
            Samples::Sixteen(v) => v.iter().map(|&s| f32::from(s) / 65535.0).collect(),
            Samples::Float(v) => v.clone(),
        }
    }

    /// All samples in 8 bits, rounded to nearest and clamped; NaN becomes 0.
    pub fn to_eight(&self) -> Vec<u8> {
        match &self.samples {
            Samples::Eight(v) => v.clone(),
            // 65535 / 255 = 257 exactly, so this is round(s / 257).
            Samples::Sixteen(v) => v.iter().map(|&s| ((u32::from(s) + 128) / 257) as u8).collect(),
            // A float to integer cast saturates and converts NaN to 0.
            Samples::Float(v) => v.iter().map(|&s| (s * 255.0).round() as u8).collect(),
        }
    }

    /// All samples in 16 bits, rounded to nearest and clamped; NaN becomes 0.
    pub fn to_sixteen(&self) -> Vec<u16> {
        match &self.samples {
            Samples::Eight(v) => v.iter().map(|&s| u16::from(s) * 257).collect(),
            Samples::Sixteen(v) => v.clone(),
            Samples::Float(v) => v.iter().map(|&s| (s * 65535.0).round() as u16).collect(),
        }
    }

    /// The picture with 3 or 4 channels; an added alpha is opaque.
    pub fn with_channels(&self, channels: u8) -> Self {
        if channels == self.channels {
            return self.clone();
        }
        let (from, to) = (usize::from(self.channels), usize::from(channels));
        let samples = match &self.samples {
            Samples::Eight(v) => Samples::Eight(repack(v, from, to, u8::MAX)),
            Samples::Sixteen(v) => Samples::Sixteen(repack(v, from, to, u16::MAX)),
            Samples::Float(v) => Samples::Float(repack(v, from, to, 1.0)),
        };
        Self { width: self.width, height: self.height, channels, samples }
    }
}

fn count(width: u32, height: u32, channels: u8) -> usize {
    width as usize * height as usize * usize::from(channels)
}

fn repack<T: Copy>(samples: &[T], from: usize, to: usize, opaque: T) -> Vec<T> {
    let mut out = Vec::with_capacity(samples.len() / from * to);
    for pixel in samples.chunks_exact(from) {
        out.extend((0..to).map(|channel| pixel.get(channel).copied().unwrap_or(opaque)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_convert_there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        let eight = Picture::eight(256, 1, 1, all.clone()).unwrap();
        let sixteen = Picture::sixteen(256, 1, 1, eight.to_sixteen()).unwrap();
        let float = Picture::float(256, 1, 1, eight.to_floats()).unwrap();
        assert_eq!(sixteen.to_eight(), all);
        assert_eq!(float.to_eight(), all);
        assert_eq!(float.to_sixteen(), sixteen.to_sixteen());
    }

    #[test]
    fn sixteen_bits_survive_float() {
        let all: Vec<u16> = (0..=65535).collect();
        let sixteen = Picture::sixteen(65536, 1, 1, all.clone()).unwrap();
        let float = Picture::float(65536, 1, 1, sixteen.to_floats()).unwrap();
        assert_eq!(float.to_sixteen(), all);
    }

    #[test]
    fn odd_floats_become_numbers() {
        let wild = vec![-1.0, 2.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.5];
        let picture = Picture::float(2, 1, 3, wild).unwrap();
        assert_eq!(picture.to_eight(), [0, 255, 0, 255, 0, 128]);
    }

    #[test]
    fn a_new_alpha_is_opaque_and_a_dropped_one_is_gone() {
        let rgb = Picture::eight(1, 1, 3, vec![1, 2, 3]).unwrap();
        let rgba = rgb.with_channels(4);
        assert_eq!(rgba.samples, Samples::Eight(vec![1, 2, 3, 255]));
        assert_eq!(rgba.with_channels(3), rgb);
        assert!(Picture::eight(2, 1, 3, vec![0; 5]).is_none());
    }
}
