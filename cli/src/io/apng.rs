//! Animated PNG with 16 bits per channel, which the image library does not compose: the frames of the file are
//! composed as the PNG standard (third edition, 11.3.4 and 13.9) specifies.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use openfx_host::picture::Picture;
use png::{BitDepth, BlendOp, ColorType, DecodingError, DisposeOp, FrameControl};

use super::MediaError;

type PngReader = png::Reader<BufReader<File>>;

/// The composed frames of a file.
pub struct DeepApng {
    path: PathBuf,
    reader: PngReader,
    /// The number of frames to come.
    left: u32,
    /// RGBA samples of the whole image, and how it is disposed of before the next frame.
    canvas: Vec<u16>,
    after: After,
}

enum After {
    Stay,
    Clear(FrameControl),
    Return(Vec<u16>),
}

impl DeepApng {
    /// Opens an animated file.
    ///
    /// # Errors
    /// It cannot be read, or is not a PNG of 16 bits.
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        let file = File::open(path).map_err(|error| MediaError::read(path, error))?;
        let mut decoder = png::Decoder::new(BufReader::new(file));
        // Colour-key transparency becomes an alpha channel.
        decoder.set_transformations(png::Transformations::EXPAND);
        let failed = |error| failed(path, error);
        let mut reader = decoder.read_info().map_err(failed)?;
        if reader.output_color_type().1 != BitDepth::Sixteen {
            return Err(MediaError::read(path, "it has not 16 bits a colour"));
        }
        let info = reader.info();
        let left = info.animation_control.map_or(0, |control| control.num_frames);
        let size = info.width as usize * info.height as usize;
        if info.frame_control.is_none() {
            // The first image is not part of the animation.
            next(&mut reader).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), reader, left, canvas: vec![0; size * 4], after: After::Stay })
    }

    /// The next frame and its duration in seconds.
    fn compose(&mut self) -> Result<(Picture, f64), MediaError> {
        match std::mem::replace(&mut self.after, After::Stay) {
            After::Stay => {}
            After::Clear(place) => self.lay(&place, None),
            After::Return(canvas) => self.canvas = canvas,
        }
        let pixels = next(&mut self.reader).map_err(|error| failed(&self.path, error))?;
        let (width, height) = self.reader.info().size();
        let place = match self.reader.info().frame_control() {
            Some(place) => *place,
            None => FrameControl { width, height, ..FrameControl::default() },
        };
        let before = (place.dispose_op == DisposeOp::Previous).then(|| self.canvas.clone());
        self.lay(&place, Some(&pixels));
        self.after = match (place.dispose_op, before) {
            (DisposeOp::Background, _) => After::Clear(place),
            (_, Some(canvas)) => After::Return(canvas),
            _ => After::Stay,
        };
        let unit = if place.delay_den == 0 { 100 } else { place.delay_den };
        let picture = Picture::sixteen(width, height, 4, self.canvas.clone())
            .ok_or_else(|| MediaError::read(&self.path, "it has no pixels"))?;
        Ok((picture, f64::from(place.delay_num) / f64::from(unit)))
    }

    /// Draws RGBA pixels onto a part of the canvas, or clears that part.
    fn lay(&mut self, place: &FrameControl, pixels: Option<&[[u16; 4]]>) {
        let width = self.reader.info().width as usize;
        let over = place.blend_op == BlendOp::Over;
        for row in 0..place.height as usize {
            for column in 0..place.width as usize {
                let at = (row + place.y_offset as usize) * width + column + place.x_offset as usize;
                let Some(under) = self.canvas.get_mut(at * 4..at * 4 + 4) else { continue };
                let new = match pixels {
                    None => [0; 4],
                    Some(pixels) => {
                        let Some(&new) = pixels.get(row * place.width as usize + column) else { continue };
                        if over { blend(new, under) } else { new }
                    }
                };
                under.copy_from_slice(&new);
            }
        }
    }
}

impl Iterator for DeepApng {
    type Item = Result<(Picture, f64), MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let item = self.compose();
        if item.is_err() {
            self.left = 0;
        }
        Some(item)
    }
}

/// The pixels of the next frame in the file, RGBA.
fn next(reader: &mut PngReader) -> Result<Vec<[u16; 4]>, DecodingError> {
    let mut bytes = vec![0; reader.output_buffer_size().ok_or(DecodingError::LimitsExceeded)?];
    let about = reader.next_frame(&mut bytes)?;
    let channels = about.color_type.samples();
    // Rows of an interlaced image have the same stride as the whole image's.
    let row =
        if reader.info().interlaced { reader.info().width } else { about.width } as usize * channels * 2;
    let rows = bytes.chunks_exact(row.max(1)).take(about.height as usize);
    let pixels = rows.flat_map(|row| row.chunks_exact(channels * 2).take(about.width as usize));
    Ok(pixels
        .map(|pixel| {
            let sample = |nth: usize| u16::from_be_bytes([pixel[2 * nth], pixel[2 * nth + 1]]);
            match about.color_type {
                ColorType::GrayscaleAlpha => [sample(0), sample(0), sample(0), sample(1)],
                ColorType::Rgba => [sample(0), sample(1), sample(2), sample(3)],
                ColorType::Rgb => [sample(0), sample(1), sample(2), u16::MAX],
                ColorType::Grayscale | ColorType::Indexed => [sample(0), sample(0), sample(0), u16::MAX],
            }
        })
        .collect())
}

/// Composites one pixel over another; both have straight alpha.
fn blend(new: [u16; 4], under: &[u16]) -> [u16; 4] {
    let most = f64::from(u16::MAX);
    let (above, below) = (f64::from(new[3]) / most, f64::from(under[3]) / most);
    let alpha = above + below * (1.0 - above);
    if alpha == 0.0 {
        return new;
    }
    let mixed =
        |nth: usize| (f64::from(new[nth]) * above + f64::from(under[nth]) * below * (1.0 - above)) / alpha;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sample")]
    let rounded = |value: f64| value.round() as u16;
    [rounded(mixed(0)), rounded(mixed(1)), rounded(mixed(2)), rounded(alpha * most)]
}

fn failed(path: &Path, error: DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(error) => MediaError::ended(path, &error),
        DecodingError::LimitsExceeded => MediaError::read(path, "it is too large"),
        _ => MediaError::read(path, "it is damaged, or no PNG"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes images of two by one pixels, followed by frames that cover parts of them.
    fn write(path: &Path, frames: &[(FrameControl, &[u16])], color: ColorType, hidden_first: bool) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), 2, 1);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Sixteen);
        encoder.set_animated(frames.len() as u32, 0).unwrap();
        encoder.set_sep_def_img(hidden_first).unwrap();
        let mut writer = encoder.write_header().unwrap();
        if hidden_first {
            writer.write_image_data(&vec![9; 2 * 2 * color.samples()]).unwrap();
        }
        for (control, samples) in frames {
            writer.set_frame_dimension(control.width, 1).unwrap();
            writer.set_frame_position(control.x_offset, 0).unwrap();
            writer.set_dispose_op(control.dispose_op).unwrap();
            writer.set_blend_op(control.blend_op).unwrap();
            writer.set_frame_delay(control.delay_num, control.delay_den).unwrap();
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
            writer.write_image_data(&bytes).unwrap();
        }
        writer.finish().unwrap();
    }

    fn part(width: u32, x_offset: u32, dispose_op: DisposeOp, blend_op: BlendOp) -> FrameControl {
        FrameControl {
            width,
            height: 1,
            x_offset,
            dispose_op,
            blend_op,
            delay_num: 3,
            delay_den: 10,
            ..FrameControl::default()
        }
    }

    #[test]
    fn frames_are_laid_over_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        const FULL: u16 = u16::MAX;
        let frames: [(FrameControl, &[u16]); 5] = [
            (part(2, 0, DisposeOp::None, BlendOp::Source), &[1, 2, 3, FULL, 1001, 1002, 1003, FULL]),
            // A third of opacity, over the right pixel, and then undone.
            (part(1, 1, DisposeOp::Previous, BlendOp::Over), &[4004, 1002, 1003, 21_845]),
            // Replaces the left pixel, which is cleared afterwards.
            (part(1, 0, DisposeOp::Background, BlendOp::Source), &[7, 8, 9, 10]),
            (part(1, 1, DisposeOp::None, BlendOp::Source), &[50, 60, 70, 80]),
            (part(1, 0, DisposeOp::None, BlendOp::Over), &[11, 12, 13, 14]),
        ];
        let want: [[u16; 8]; 5] = [
            [1, 2, 3, FULL, 1001, 1002, 1003, FULL],
            [1, 2, 3, FULL, 2002, 1002, 1003, FULL],
            [7, 8, 9, 10, 1001, 1002, 1003, FULL],
            [0, 0, 0, 0, 50, 60, 70, 80],
            [11, 12, 13, 14, 50, 60, 70, 80],
        ];
        for hidden_first in [false, true] {
            write(&path, &frames, ColorType::Rgba, hidden_first);
            let found: Vec<_> = DeepApng::open(&path).unwrap().map(Result::unwrap).collect();
            assert_eq!(found.len(), want.len());
            for (nth, ((picture, seconds), want)) in found.iter().zip(want).enumerate() {
                assert_eq!(picture.to_sixteen(), want, "frame {nth}");
                assert_eq!(*seconds, 0.3);
            }
        }
    }

    #[test]
    fn greys_are_colours_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let whole = part(2, 0, DisposeOp::None, BlendOp::Source);
        write(&path, &[(whole, &[300, 40_000]), (whole, &[5, 6])], ColorType::Grayscale, false);
        let first = DeepApng::open(&path).unwrap().next().unwrap().unwrap().0;
        assert_eq!(first.to_sixteen(), [300, 300, 300, u16::MAX, 40_000, 40_000, 40_000, u16::MAX]);
        let file = std::fs::read(&path).unwrap();
        std::fs::write(&path, &file[..file.len() - 30]).unwrap();
        let errors: Vec<String> =
            DeepApng::open(&path).unwrap().filter_map(Result::err).map(|error| error.to_string()).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].ends_with("a.png: it is cut off") || errors[0].contains("damaged"), "{errors:?}");
    }
}
