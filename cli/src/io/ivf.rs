//! Passes raw frames with timestamps to ffmpeg: a rawvideo pipe has a rate but no timestamps, so raw images are
//! wrapped in IVF, a container with a fixed header and, before every frame, its size and its timestamp. ffmpeg's
//! arguments declare the frames as rawvideo; it takes the sample format from the FourCC in the header, as defined for
//! NUT.
//!
//!
//! The layout is that of libvpx's ivfdec.c, the FourCCs are those of the NUT specification (nut4cc.txt).

use super::times::Tick;

/// The sample format of a pixel.
#[derive(Clone, Copy, Debug)]
pub struct SampleFormat {
    /// 16 bits per sample, little-endian; otherwise 8.
    pub sixteen: bool,
    /// RGBA; otherwise RGB.
    pub alpha: bool,
}

impl SampleFormat {
    /// The FourCC; the number of bits is one of its bytes.
    fn letters(self) -> [u8; 4] {
        match (self.sixteen, self.alpha) {
            (false, false) => *b"RGB\x18",
            (false, true) => *b"RGBA",
            (true, false) => *b"RGB\x30",
            (true, true) => *b"RBA\x40",
        }
    }
}

/// The header of the file. Its two size fields have 16 bits, and ffmpeg reads the size from nowhere else.
pub fn header(samples: SampleFormat, size: (u32, u32), tick: Tick) -> [u8; 32] {
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = [0; 32];
    bytes[0..4].copy_from_slice(b"DKIF");
    bytes[6..8].copy_from_slice(&32_u16.to_le_bytes());
    bytes[8..12].copy_from_slice(&samples.letters());
    bytes[12..14].copy_from_slice(&side(size.0));
    bytes[14..16].copy_from_slice(&side(size.1));
    bytes[16..20].copy_from_slice(&tick.denominator.to_le_bytes());
    bytes[20..24].copy_from_slice(&tick.numerator.to_le_bytes());
    bytes
}

/// The header of a frame of `len` bytes that is shown at `time`, in ticks.
pub fn frame_header(len: usize, time: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
    bytes[4..].copy_from_slice(&time.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_their_fields_in_place() {
        let tick = Tick { numerator: 1001, denominator: 30000 };
        let bytes = header(SampleFormat { sixteen: true, alpha: false }, (640, 360), tick);
        assert_eq!(&bytes[..12], b"DKIF\0\0\x20\0RGB0");
        assert_eq!(bytes[12..24], [0x80, 2, 0x68, 1, 0x30, 0x75, 0, 0, 0xe9, 3, 0, 0]);
        assert_eq!(frame_header(258, 3), [2, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    }
}
