//! Between files that hold light and files that hold what a display shows.

use std::path::Path;

use unsample::frame::Transfer;

use super::names::OutputKind;
use super::{ColourTags, Info, MediaError, Sink, Target};
use crate::host::picture::{Picture, Samples};

/// A sink for a clip of the other kind: light becomes sRGB, and sRGB becomes light. Light beyond white is cut off by
/// files that end there.
pub struct Converter {
    sink: Box<dyn Sink>,
    to_light: bool,
}

impl Converter {
    /// Makes the output; it is told that the frames are of its own kind.
    pub fn create(
        output: &Path,
        target: &Target,
        kind: OutputKind,
        to_light: bool,
    ) -> Result<Box<dyn Sink>, MediaError> {
        let info = Info { colour: ColourTags::default(), ..target.info.clone() };
        let sink = super::create_as_is(output, &Target { info, ..target.clone() }, kind)?;
        Ok(Box::new(Self { sink, to_light }))
    }
}

impl Sink for Converter {
    fn write(&mut self, number: u32, picture: &Picture) -> Result<(), MediaError> {
        self.sink.write(number, &convert(picture, self.to_light))
    }

    fn keeps_frames(&self) -> bool {
        self.sink.keeps_frames()
    }

    fn finish(self: Box<Self>) -> Result<(), MediaError> {
        self.sink.finish()
    }
}

/// The picture in floats of the other kind; alpha stays.
fn convert(picture: &Picture, to_light: bool) -> Picture {
    let channels = usize::from(picture.channels);
    let light = Transfer::Linear;
    let curve = |value: f32| if to_light { light.from_display(value) } else { light.to_display(value) };
    let mut samples = picture.to_floats();
    for pixel in samples.chunks_exact_mut(channels) {
        pixel[..3].iter_mut().for_each(|sample| *sample = curve(*sample));
    }
    Picture { samples: Samples::Float(samples), ..picture.clone() }
}
