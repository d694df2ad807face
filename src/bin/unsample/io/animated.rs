//! Animated GIF and animated PNG.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
use image::codecs::png::PngDecoder;
use image::{AnimationDecoder, Delay, Frame};

use super::fresh::FreshFile;
use super::names::extension;
use super::spool::{Frames, Replay};
use super::stills::{from_rgba8, to_rgba8};
use super::{ColourTags, Info, MediaError, Sink, Source, Target};
use crate::host::picture::{Picture, SharedPicture};

/// A clip out of one file of frames.
pub struct Animation {
    info: Info,
    path: PathBuf,
    replay: Replay,
}

impl Animation {
    /// Opens an animation; `None` for a PNG that is a single picture.
    pub fn open(path: &Path) -> Result<Option<Self>, MediaError> {
        if extension(path) != "gif" && !png(path)?.is_apng().map_err(|error| MediaError::read(path, error))? {
            return Ok(None);
        }
        // Neither format says how many frames there are, nor whether any of them is transparent.
        let (mut frames, mut seconds, mut alpha, mut size) = (0u32, 0.0, false, (0, 0));
        for frame in decode(path)? {
            let frame = frame.map_err(|error| MediaError::read(path, error))?;
            seconds += Duration::from(frame.delay()).as_secs_f64();
            alpha |= frame.buffer().pixels().any(|pixel| pixel.0[3] != 255);
            size = frame.buffer().dimensions();
            frames += 1;
        }
        if frames == 0 {
            return Err(MediaError::Empty(path.to_owned()));
        }
        let fps = if seconds > 0.0 { f64::from(frames) / seconds } else { 10.0 };
        let file = path.to_owned();
        Ok(Some(Self {
            info: Info {
                width: size.0,
                height: size.1,
                frames,
                fps: (fps * 1000.0).round() / 1000.0,
                pixel_aspect: 1.0,
                bits: 8,
                alpha,
                colour: ColourTags::default(),
                sound: None,
            },
            path: path.to_owned(),
            replay: Replay::new(Box::new(move |from| {
                let file = file.clone();
                let skip = from.saturating_sub(1) as usize;
                Ok(on_a_thread(file, skip, alpha))
            })),
        }))
    }
}

impl Source for Animation {
    fn info(&self) -> &Info {
        &self.info
    }

    fn frame(&self, number: u32) -> Result<SharedPicture, MediaError> {
        let missing = || MediaError::NoFrame { path: self.path.clone(), number, frames: self.info.frames };
        if number == 0 || number > self.info.frames {
            return Err(missing());
        }
        self.replay.frame(number)?.ok_or_else(missing)
    }
}

fn png(path: &Path) -> Result<PngDecoder<BufReader<File>>, MediaError> {
    let file = File::open(path).map_err(|error| MediaError::read(path, error))?;
    PngDecoder::new(BufReader::new(file)).map_err(|error| MediaError::read(path, error))
}

fn decode(path: &Path) -> Result<image::Frames<'static>, MediaError> {
    let failed = |error| MediaError::read(path, error);
    if extension(path) == "gif" {
        let file = File::open(path).map_err(|error| MediaError::read(path, error))?;
        return Ok(GifDecoder::new(BufReader::new(file)).map_err(failed)?.into_frames());
    }
    Ok(png(path)?.apng().map_err(failed)?.into_frames())
}

/// Decodes on a thread of its own, as the library's decoders cannot move between threads. The thread ends with
/// the file, or when the other end of the channel is gone.
fn on_a_thread(file: PathBuf, skip: usize, alpha: bool) -> Frames {
    let (sender, receiver) = sync_channel(2);
    std::thread::spawn(move || {
        let frames = match decode(&file) {
            Ok(frames) => frames,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        for frame in frames.skip(skip) {
            let picture = frame.map_err(|error| MediaError::read(&file, error)).and_then(|frame| {
                from_rgba8(frame.into_buffer(), alpha)
                    .ok_or_else(|| MediaError::read(&file, "it has no pixels"))
            });
            if sender.send(picture).is_err() {
                return;
            }
        }
    });
    Box::new(receiver.into_iter())
}

/// Writes an animated GIF.
pub struct GifSink {
    encoder: Option<GifEncoder<BufWriter<File>>>,
    fresh: FreshFile,
    delay: Delay,
}

impl GifSink {
    /// Begins the file.
    pub fn create(output: &Path, target: &Target) -> Result<Self, MediaError> {
        let fresh = FreshFile::new(output)?;
        let file = File::create(fresh.path()).map_err(|error| MediaError::write(output, &error))?;
        let mut encoder = GifEncoder::new_with_speed(BufWriter::new(file), 10);
        encoder.set_repeat(Repeat::Infinite).map_err(|error| MediaError::encode(output, &error))?;
        Ok(Self {
            encoder: Some(encoder),
            fresh,
            delay: Delay::from_saturating_duration(Duration::from_secs_f64(1.0 / rate(&target.info))),
        })
    }
}

/// A rate that is safe to divide by.
fn rate(info: &Info) -> f64 {
    if info.fps.is_finite() && info.fps > 0.01 { info.fps } else { 25.0 }
}

impl Sink for GifSink {
    fn write(&mut self, _number: u32, picture: &Picture) -> Result<(), MediaError> {
        let target = self.fresh.target();
        let pixels = to_rgba8(picture).ok_or_else(|| MediaError::Unwritable {
            path: target.to_owned(),
            why: "a frame has no pixels".into(),
        })?;
        if let Some(encoder) = &mut self.encoder {
            encoder
                .encode_frame(Frame::from_parts(pixels, 0, 0, self.delay))
                .map_err(|error| MediaError::encode(target, &error))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), MediaError> {
        // The encoder writes its trailer when it goes.
        self.encoder = None;
        check_complete(self.fresh.path(), self.fresh.target(), &[0x3b])?;
        self.fresh.publish()
    }
}

/// The library's encoders swallow a failed last write; the end of the file shows it.
fn check_complete(path: &Path, target: &Path, trailer: &[u8]) -> Result<(), MediaError> {
    let bytes = std::fs::read(path).map_err(|error| MediaError::write(target, &error))?;
    if bytes.ends_with(trailer) { Ok(()) } else { Err(MediaError::Full(target.to_owned())) }
}

/// Writes an animated PNG, in 16 bits if the source has them.
pub struct ApngSink {
    writer: Option<png::Writer<BufWriter<File>>>,
    fresh: FreshFile,
    sixteen: bool,
    alpha: bool,
}

impl ApngSink {
    /// Begins the file.
    pub fn create(output: &Path, target: &Target) -> Result<Self, MediaError> {
        let fresh = FreshFile::new(output)?;
        let file = File::create(fresh.path()).map_err(|error| MediaError::write(output, &error))?;
        let info = &target.info;
        let (sixteen, alpha) = (info.bits > 8, info.alpha);
        let (numerator, denominator) = delay_fraction(rate(info));
        let mut encoder = png::Encoder::new(BufWriter::new(file), info.width, info.height);
        encoder.set_color(if alpha { png::ColorType::Rgba } else { png::ColorType::Rgb });
        encoder.set_depth(if sixteen { png::BitDepth::Sixteen } else { png::BitDepth::Eight });
        let writer = encoder
            .set_animated(target.frames, 0)
            .and_then(|()| encoder.set_frame_delay(numerator, denominator))
            .and_then(|()| encoder.write_header())
            .map_err(|error| MediaError::encode(output, &error))?;
        Ok(Self { writer: Some(writer), fresh, sixteen, alpha })
    }
}

/// The time of a frame as a fraction of 16-bit numbers.
fn delay_fraction(fps: f64) -> (u16, u16) {
    for scale in [1.0, 1001.0, 100.0] {
        let denominator = fps * scale;
        if denominator <= 65535.0 && (denominator - denominator.round()).abs() < 1e-3 {
            return (scale as u16, denominator.round() as u16);
        }
    }
    ((1000.0 / fps).round().clamp(1.0, 65535.0) as u16, 1000)
}

impl Sink for ApngSink {
    fn write(&mut self, _number: u32, picture: &Picture) -> Result<(), MediaError> {
        let picture = picture.with_channels(if self.alpha { 4 } else { 3 });
        let bytes = if self.sixteen {
            picture.to_sixteen().into_iter().flat_map(u16::to_be_bytes).collect()
        } else {
            picture.to_eight()
        };
        if let Some(writer) = &mut self.writer {
            writer
                .write_image_data(&bytes)
                .map_err(|error| MediaError::encode(self.fresh.target(), &error))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), MediaError> {
        if let Some(writer) = self.writer.take() {
            writer.finish().map_err(|error| MediaError::encode(self.fresh.target(), &error))?;
        }
        check_complete(self.fresh.path(), self.fresh.target(), b"IEND\xaeB`\x82")?;
        self.fresh.publish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_become_fractions() {
        assert_eq!(delay_fraction(25.0), (1, 25));
        assert_eq!(delay_fraction(30000.0 / 1001.0), (1001, 30000));
        assert_eq!(delay_fraction(12.5), (100, 1250));
    }
}
