//! Converts between linear and display-referred files, and videos with colour tags.

use std::path::Path;

use frame::{self, Alpha, Colour, Encoding, Transfer};

use super::output_kind::OutputKind;
use super::{ColourTags, Info, MediaError, Sink, Target};
use openfx_host::picture::{Picture, Samples};

/// The colour conversion of a clip for an output of another kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conversion {
    /// From display-referred values to linear light.
    ToLight,
    /// From this colour space to sRGB, which untagged files are assumed to have. Light beyond white is scaled down to
    /// white, and colours outside the sRGB gamut are clipped.
    ToDisplay(Colour),
}

/// The conversion that an output needs for a clip; `None` if its frames are written unchanged.
pub fn conversion(kind: &OutputKind, extension: &str, info: &Info) -> Option<Conversion> {
    let colour = &info.colour;
    if extension == "exr" {
        return (!colour.is_light()).then_some(Conversion::ToLight);
    }
    // A video keeps the tags of a source video; linear images, or those in a colour space that only the user knows,
    // have no tags for it.
    let tagged = info.tracks.is_some() || !colour.is_light() && colour.named.is_none();
    if *kind == OutputKind::Video && tagged {
        return None;
    }
    let meaning = colour.meaning();
    (meaning != Colour::DISPLAY).then_some(Conversion::ToDisplay(meaning))
}

/// A sink that converts the frames before it passes them on.
pub struct ConvertingSink {
    sink: Box<dyn Sink>,
    conversion: Conversion,
}

impl ConvertingSink {
    /// Creates the output, for frames that are already converted.
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

impl Sink for ConvertingSink {
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

/// Converts an image to floats of the other kind; alpha is kept.
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
            // Alpha is straight here.
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
        // Display P3 (0, 200, 0), for which sRGB would need negative red: by the published matrices green is 203.
        let green = shown([0.0, 200.0 / 255.0, 0.0], Transfer::Display, Primaries::P3);
        assert!(green[0] == 0 && green[1].abs_diff(203) <= 1, "{green:?}");
        // Half the light of white is sRGB 188.
        assert_eq!(shown([0.5; 3], Transfer::Linear, Primaries::AcesCg), [188; 3]);
    }

    #[test]
    fn alpha_stays_where_colours_change() {
        let picture = Picture::float(1, 1, 4, vec![0.5, 0.5, 0.5, 0.25]).unwrap();
        let colour = Colour { transfer: Transfer::Linear, primaries: Primaries::Rec709 };
        assert_eq!(convert(&picture, Conversion::ToDisplay(colour)).to_eight(), [188, 188, 188, 64]);
    }
}
