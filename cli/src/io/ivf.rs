//! Frames with times for ffmpeg's input: a rawvideo pipe has a rate and no times, so raw pictures go through a pipe in
//! IVF, a container of a fixed header and, before every frame, its size and its time. ffmpeg is told that the frames
//! are rawvideo; the format of the samples it takes from the header's four letters, as NUT has them.
//!
//! The layout is that of libvpx's ivfdec.c, the letters are those of the NUT specification (nut4cc.txt).

use super::times::Tick;

/// What a pixel is made of.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// 16 bits, low byte first; else 8.
    pub sixteen: bool,
    /// RGBA; else RGB.
    pub alpha: bool,
}

impl Samples {
    /// The letters; a number of bits stands as a byte.
    fn letters(self) -> [u8; 4] {
        match (self.sixteen, self.alpha) {
            (false, false) => *b"RGB\x18",
            (false, true) => *b"RGBA",
            (true, false) => *b"RGB\x30",
            (true, true) => *b"RBA\x40",
        }
    }
}

/// The file's header. The two fields for the size have 16 bits, and ffmpeg takes no other size.
pub fn header(samples: Samples, size: (u32, u32), tick: Tick) -> [u8; 32] {
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

/// What stands before a frame of `len` bytes that is shown at `time`, in ticks.
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
        let bytes = header(Samples { sixteen: true, alpha: false }, (640, 360), tick);
        assert_eq!(&bytes[..12], b"DKIF\0\0\x20\0RGB0");
        assert_eq!(bytes[12..24], [0x80, 2, 0x68, 1, 0x30, 0x75, 0, 0, 0xe9, 3, 0, 0]);
        assert_eq!(frame_header(258, 3), [2, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    }
}
