//! Between files that hold light, files that hold what a display shows, and videos that say what their numbers mean.

use std::path::Path;

use frame::{self, Alpha, Colour, Encoding, Transfer};

use super::output_kind::OutputKind;
use super::{ColourTags, Info, MediaError, Sink, Target};
use openfx_host::picture::{Picture, Samples};

/// What is done to a clip's colours for an output of another kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conversion {
    /// Numbers of a display become light.
    ToLight,
    /// These become sRGB, as which files are taken that do not say what their numbers mean. Light beyond white is
    /// brought down to it, and what lies outside of sRGB's colours is cut off.
    ToDisplay(Colour),
}

/// Which conversion an output wants for a clip; `None` if its frames are written as they are.
pub fn conversion(kind: &OutputKind, extension: &str, info: &Info) -> Option<Conversion> {
    let colour = &info.colour;
    if extension == "exr" {
        return (!colour.is_light()).then_some(Conversion::ToLight);
    }
    // A video takes a video's tags along; pictures of light, or of a space that only the user knows, have none for it.
    let tagged = info.tracks.is_some() || !colour.is_light() && colour.named.is_none();
    if *kind == OutputKind::Video && tagged {
        return None;
    }
    let meaning = colour.meaning();
    (meaning != Colour::DISPLAY).then_some(Conversion::ToDisplay(meaning))
}

/// A sink for a clip of another kind.
pub struct Converter {
    sink: Box<dyn Sink>,
    conversion: Conversion,
}

impl Converter {
    /// Makes the output; it is told that the frames are of its own kind.
    pub fn create(
        output: &Path,
        target: &Target,
        kind: OutputKind,
        conversion: Conversion,
    ) -> Result<Box<dyn Sink>, MediaError> {
        let info = Info { colour: ColourTags::default(), ..target.info.clone() };
        let sink = super::create_as_is(output, &Target { info, ..target.clone() }, kind)?;
        Ok(Box::new(Self { sink, conversion }))
    }
}

impl Sink for Converter {
    fn write(&mut self, number: u32, picture: &Picture) -> Result<(), MediaError> {
        self.sink.write(number, &convert(picture, self.conversion))
    }

    fn keeps_frames(&self) -> bool {
        self.sink.keeps_frames()
    }

    fn finish(self: Box<Self>) -> Result<(), MediaError> {
        self.sink.finish()
    }
}

/// The picture in floats of the other kind; alpha stays.
fn convert(picture: &Picture, conversion: Conversion) -> Picture {
    let samples = match conversion {
        Conversion::ToLight => {
            let mut samples = picture.to_floats();
            for pixel in samples.chunks_exact_mut(usize::from(picture.channels)) {
                pixel[..3].iter_mut().for_each(|sample| *sample = Transfer::Linear.from_display(*sample));
            }
            samples
        }
        Conversion::ToDisplay(colour) => {
            let size = (picture.width as usize, picture.height as usize);
            let whole =
                frame::Picture { width: size.0, height: size.1, rgba: picture.with_channels(4).to_floats() };
            // Colours are not multiplied by alpha here.
            let shown = Encoding { colour, alpha: Alpha::Opaque }.prepare(&whole).rgba;
            if picture.channels == 4 {
                shown
            } else {
                shown.chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect()
            }
        }
    };
    Picture { samples: Samples::Float(samples), ..picture.clone() }
}

#[cfg(test)]
mod tests {
    use frame::Primaries;

    use super::*;

    fn shown(pixel: [f32; 3], transfer: Transfer, primaries: Primaries) -> Vec<u8> {
        let picture = Picture::float(1, 1, 3, pixel.to_vec()).unwrap();
        convert(&picture, Conversion::ToDisplay(Colour { transfer, primaries })).to_eight()
    }

    #[test]
    fn colours_become_those_of_srgb() {
        // ITU-R BT.2408: reference white is 58 % of PQ.
        let white = shown([0.58; 3], Transfer::Pq, Primaries::Rec2020);
        assert!(white.iter().all(|&value| value >= 253), "{white:?}");
        assert_eq!(shown([1.0; 3], Transfer::Pq, Primaries::Rec2020), [255; 3]);
        // Display P3 (0, 200, 0), of which sRGB has no red: by the published matrices green is 203.
        let green = shown([0.0, 200.0 / 255.0, 0.0], Transfer::Display, Primaries::P3);
        assert!(green[0] == 0 && green[1].abs_diff(203) <= 1, "{green:?}");
        // Half of the light of white is sRGB 188.
        assert_eq!(shown([0.5; 3], Transfer::Linear, Primaries::AcesCg), [188; 3]);
    }

    #[test]
    fn alpha_stays_where_colours_change() {
        let picture = Picture::float(1, 1, 4, vec![0.5, 0.5, 0.5, 0.25]).unwrap();
        let colour = Colour { transfer: Transfer::Linear, primaries: Primaries::Rec709 };
        assert_eq!(convert(&picture, Conversion::ToDisplay(colour)).to_eight(), [188, 188, 188, 64]);
    }
}
