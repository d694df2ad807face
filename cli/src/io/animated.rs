//! Animated GIF and PNG, and animated WebP for input.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Delay, Frame, ImageDecoder, ImageFormat};

use super::fresh::FreshFile;
use super::spool::{FrameIter, Replay};
use super::stills::to_rgba8;
use super::times::Times;
use super::{ClipSource, ColourTags, Info, MediaError, Sink, Target, apng, stop};
use frame::convert::to_u32;
use openfx_host::picture::{Picture, Samples, SharedPicture};

/// A clip read from a single animated file.
pub struct Animation {
    info: Info,
    path: PathBuf,
    replay: Replay,
}

impl Animation {
    /// Opens an animation; `None` for a still image.
    pub fn open(path: &Path, format: ImageFormat) -> Result<Option<Self>, MediaError> {
        let failed = |error| MediaError::decode(path, &error);
        let (moves, kind) = match format {
            ImageFormat::Gif => (true, AnimationKind::Gif),
            ImageFormat::Png => {
                let png = png(path)?;
                let deep = png.color_type().bytes_per_pixel() / png.color_type().channel_count() > 1;
                (
                    png.is_apng().map_err(failed)?,
                    if deep { AnimationKind::DeepPng } else { AnimationKind::Png },
                )
            }
            ImageFormat::WebP => (webp(path)?.has_animation(), AnimationKind::WebP),
            _ => return Ok(None),
        };
        if !moves {
            return Ok(None);
        }
        // No format states how many frames there are, nor whether any of them is transparent.
        let (mut seconds, mut alpha, mut size) = (Vec::new(), false, (0, 0));
        for frame in decode(path, kind)? {
            if stop::asked() {
                return Err(MediaError::read(path, "stopped"));
            }
            let (picture, length) = frame?;
            seconds.push(length);
            alpha |= is_clear(&picture);
            size = (picture.width, picture.height);
        }
        let frames = u32::try_from(seconds.len()).unwrap_or(u32::MAX);
        if frames == 0 {
            return Err(MediaError::Empty(path.to_owned()));
        }
        let times = Times::from_durations(&seconds);
        let file = path.to_owned();
        Ok(Some(Self {
            info: Info {
                width: size.0,
                height: size.1,
                frames,
                fps: times.fps(),
                times,
                pixel_aspect: 1.0,
                bits: if kind == AnimationKind::DeepPng { 16 } else { 8 },
                alpha,
                full_chroma: true,
                colour: ColourTags::default(),
                profile: None,
                tracks: None,
            },
            path: path.to_owned(),
            replay: Replay::new(Box::new(move |from| {
                let file = file.clone();
                let skip = from.saturating_sub(1) as usize;
                Ok(on_a_thread(file, kind, skip, alpha))
            })),
        }))
    }
}

impl ClipSource for Animation {
    fn info(&self) -> &Info {
        &self.info
    }

    fn files(&self) -> &[PathBuf] {
        std::slice::from_ref(&self.path)
    }

    fn notices(&self) -> &[String] {
        &[]
    }

    fn frame(&self, number: u32) -> Result<SharedPicture, MediaError> {
        let missing = || MediaError::NoFrame { path: self.path.clone(), number, frames: self.info.frames };
        if number == 0 || number > self.info.frames {
            return Err(missing());
        }
        self.replay.frame(number)?.ok_or_else(missing)
    }
}

fn file(path: &Path) -> Result<BufReader<File>, MediaError> {
    File::open(path).map(BufReader::new).map_err(|error| MediaError::read(path, error))
}

fn png(path: &Path) -> Result<PngDecoder<BufReader<File>>, MediaError> {
    PngDecoder::new(file(path)?).map_err(|error| MediaError::decode(path, &error))
}

fn webp(path: &Path) -> Result<WebPDecoder<BufReader<File>>, MediaError> {
    WebPDecoder::new(file(path)?).map_err(|error| MediaError::decode(path, &error))
}

/// The animated formats that are decoded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnimationKind {
    Gif,
    WebP,
    Png,
    /// PNG with 16 bits per channel.
    DeepPng,
}

/// RGBA frames, each with its duration in seconds.
type Decoded = Box<dyn Iterator<Item = Result<(Picture, f64), MediaError>>>;

fn decode(path: &Path, kind: AnimationKind) -> Result<Decoded, MediaError> {
    let failed = |error| MediaError::decode(path, &error);
    let frames = match kind {
        AnimationKind::DeepPng => return Ok(Box::new(apng::DeepApng::open(path)?)),
        AnimationKind::Gif => GifDecoder::new(file(path)?).map_err(failed)?.into_frames(),
        AnimationKind::WebP => webp(path)?.into_frames(),
        AnimationKind::Png => png(path)?.apng().map_err(failed)?.into_frames(),
    };
    let path = path.to_owned();
    Ok(Box::new(frames.map(move |frame| {
        let frame = frame.map_err(|error| MediaError::decode(&path, &error))?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let seconds = f64::from(numerator) / f64::from(denominator.max(1)) / 1000.0;
        let pixels = frame.into_buffer();
        let (width, height) = pixels.dimensions();
        Picture::eight(width, height, 4, pixels.into_raw())
            .map(|picture| (picture, seconds))
            .ok_or_else(|| MediaError::read(&path, "it has no pixels"))
    })))
}

/// Whether a pixel of an RGBA image is not opaque.
fn is_clear(picture: &Picture) -> bool {
    match &picture.samples {
        Samples::Eight(samples) => samples.chunks_exact(4).any(|pixel| pixel[3] != u8::MAX),
        Samples::Sixteen(samples) => samples.chunks_exact(4).any(|pixel| pixel[3] != u16::MAX),
        Samples::Float(samples) => samples.chunks_exact(4).any(|pixel| pixel[3] < 1.0),
    }
}

/// Decodes on a separate thread, since the library's decoders cannot move between threads. The thread ends with the
/// file, or when the receiving end of the channel is dropped.
fn on_a_thread(file: PathBuf, kind: AnimationKind, skip: usize, alpha: bool) -> FrameIter {
    let (sender, receiver) = sync_channel(2);
    std::thread::spawn(move || {
        let frames = match decode(&file, kind) {
            Ok(frames) => frames,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        for frame in frames.skip(skip) {
            let picture = frame.map(|(picture, _)| picture.with_channels(if alpha { 4 } else { 3 }));
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
    times: Times,
    frames: usize,
}

impl GifSink {
    /// Creates the file and writes its header.
    pub fn create(output: &Path, target: &Target) -> Result<Self, MediaError> {
        let fresh = FreshFile::new(output, target.overwrite)?;
        let file = File::create(fresh.path()).map_err(|error| MediaError::write(output, &error))?;
        let mut encoder = GifEncoder::new_with_speed(BufWriter::new(file), 10);
        encoder.set_repeat(Repeat::Infinite).map_err(|error| MediaError::encode(output, &error))?;
        Ok(Self { encoder: Some(encoder), fresh, times: target.info.times.clone(), frames: 0 })
    }
}

/// The duration of frame `index`, in units of which a second has `units`. It is rounded from one frame's start to the
/// next, so that errors do not add up.
fn duration(times: &Times, index: usize, units: f64) -> f64 {
    let at = |index: usize| (times.seconds(index) * units).round();
    at(index + 1) - at(index)
}

/// The shortest duration of a GIF frame, in hundredths of a second; players replace shorter ones by a tenth of a
/// second.
pub const GIF_SHORTEST: f64 = 2.0;

impl Sink for GifSink {
    fn write(&mut self, _number: u32, picture: &Picture) -> Result<(), MediaError> {
        let target = self.fresh.target();
        let mut pixels = to_rgba8(picture).ok_or_else(|| MediaError::Unwritable {
            path: target.to_owned(),
            why: "a frame has no pixels".into(),
        })?;
        // A pixel is transparent or opaque, and the library treats all that are not fully transparent as opaque.
        for pixel in pixels.pixels_mut().filter(|pixel| pixel.0[3] < 128) {
            pixel.0 = [0; 4];
        }
        // The format stores the duration in 16 bits.
        let hundredths = duration(&self.times, self.frames, 100.0).clamp(GIF_SHORTEST, 65_535.0);
        let delay = Delay::from_numer_denom_ms(to_u32(hundredths) * 10, 1);
        self.frames += 1;
        if let Some(encoder) = &mut self.encoder {
            encoder
                .encode_frame(Frame::from_parts(pixels, 0, 0, delay))
                .map_err(|error| MediaError::encode(target, &error))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), MediaError> {
        // The encoder writes the trailer when it is dropped.
        self.encoder = None;
        check_complete(self.fresh.path(), self.fresh.target(), &[0x3b])?;
        self.fresh.publish()
    }
}

/// The library's encoders ignore an error in the last write; the end of the file shows whether it is complete.
fn check_complete(path: &Path, target: &Path, trailer: &[u8]) -> Result<(), MediaError> {
    let bytes = std::fs::read(path).map_err(|error| MediaError::write(target, &error))?;
    if bytes.ends_with(trailer) { Ok(()) } else { Err(MediaError::Full(target.to_owned())) }
}

/// Writes an animated PNG, with 16 bits per channel if the source has them.
pub struct ApngSink {
    writer: Option<png::Writer<BufWriter<File>>>,
    fresh: FreshFile,
    sixteen: bool,
    alpha: bool,
    times: Times,
    frames: usize,
}

impl ApngSink {
    /// Creates the file and writes its header.
    pub fn create(output: &Path, target: &Target) -> Result<Self, MediaError> {
        let fresh = FreshFile::new(output, target.overwrite)?;
        let file = File::create(fresh.path()).map_err(|error| MediaError::write(output, &error))?;
        let info = &target.info;
        let (sixteen, alpha) = (info.bits > 8, info.alpha);
        let (numerator, denominator) = delay(&info.times, 0);
        let mut encoder = png::Encoder::new(BufWriter::new(file), info.width, info.height);
        encoder.set_color(if alpha { png::ColorType::Rgba } else { png::ColorType::Rgb });
        encoder.set_depth(if sixteen { png::BitDepth::Sixteen } else { png::BitDepth::Eight });
        let writer = encoder
            .set_animated(target.frames, 0)
            .and_then(|()| encoder.set_frame_delay(numerator, denominator))
            .and_then(|()| encoder.write_header())
            .map_err(|error| MediaError::encode(output, &error))?;
        Ok(Self { writer: Some(writer), fresh, sixteen, alpha, times: info.times.clone(), frames: 0 })
    }
}

/// The duration of a frame in seconds, as a fraction of 16-bit numbers.
fn delay(times: &Times, index: usize) -> (u16, u16) {
    let tick = times.tick();
    if times.is_even()
        && let (Ok(numerator), Ok(denominator)) = (tick.numerator.try_into(), tick.denominator.try_into())
    {
        return (numerator, denominator);
    }
    for units in [10_000_u16, 1000, 100] {
        let duration = duration(times, index, f64::from(units));
        if duration >= 1.0
            && let Ok(duration) = to_u32(duration).try_into()
        {
            return (duration, units);
        }
    }
    (u16::MAX, 100)
}

impl Sink for ApngSink {
    fn write(&mut self, _number: u32, picture: &Picture) -> Result<(), MediaError> {
        let picture = picture.with_channels(if self.alpha { 4 } else { 3 });
        let bytes = if self.sixteen {
            picture.to_sixteen().into_iter().flat_map(u16::to_be_bytes).collect()
        } else {
            picture.to_eight()
        };
        let (numerator, denominator) = delay(&self.times, self.frames);
        self.frames += 1;
        if let Some(writer) = &mut self.writer {
            writer
                .set_frame_delay(numerator, denominator)
                .and_then(|()| writer.write_image_data(&bytes))
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
        assert_eq!(delay(&Times::even(25.0, 2), 0), (1, 25));
        assert_eq!(delay(&Times::even(30000.0 / 1001.0, 2), 1), (1001, 30000));
        assert_eq!(delay(&Times::even(12.5, 2), 1), (2, 25));
        let uneven = Times::from_durations(&[0.03, 0.5, 100.0]);
        assert_eq!(
            [delay(&uneven, 0), delay(&uneven, 1), delay(&uneven, 2)],
            [(300, 10000), (5000, 10000), (10000, 100)]
        );
    }

    #[test]
    fn hundredths_do_not_drift() {
        let times = Times::even(30.0, 30);
        let durations: Vec<f64> = (0..30).map(|index| duration(&times, index, 100.0)).collect();
        assert_eq!(durations[..3], [3.0, 4.0, 3.0]);
        assert_eq!(durations.iter().sum::<f64>(), 100.0);
    }
}
