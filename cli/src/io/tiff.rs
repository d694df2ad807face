//! TIFF information that the image library does not return: whether colours are premultiplied, and the number of
//! pages.

use std::fs::File;
use std::io::{BufReader, Seek, Write};
use std::path::Path;

use tiff::TiffResult;
use tiff::decoder::Decoder;
use tiff::encoder::{TiffEncoder, TiffValue, colortype};
use tiff::tags::{ExtraSamples, Tag};

use openfx_host::picture::{Picture, Samples};

/// Tags of a file and the number of its pages.
#[derive(Default)]
pub struct TiffTags {
    /// Colours are premultiplied by alpha.
    associated: bool,
    /// Samples are floating point.
    floats: bool,
    /// Number of images in the file.
    pages: u32,
    /// The colour profile, which the image library does not find in small images.
    icc: Option<Vec<u8>>,
}

/// The limit for counting pages; a cyclic list of pages has no end.
const MOST_PAGES: u32 = 1000;

impl TiffTags {
    /// Reads the tags of a file that is known to be readable: what cannot be read counts as missing.
    pub fn read(path: &Path) -> Self {
        Self::try_read(path).unwrap_or_default()
    }

    fn try_read(path: &Path) -> Option<Self> {
        let mut decoder = Decoder::new(BufReader::new(File::open(path).ok()?)).ok()?;
        let mut values = |tag| decoder.find_tag_unsigned_vec::<u16>(tag).ok().flatten().unwrap_or_default();
        let associated = values(Tag::ExtraSamples).first() == Some(&ExtraSamples::AssociatedAlpha.to_u16());
        // 3 means floating point.
        let floats = values(Tag::SampleFormat).contains(&3);
        let icc = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
        let mut pages = 1;
        while pages < MOST_PAGES && decoder.more_images() && decoder.next_image().is_ok() {
            pages += 1;
        }
        Some(Self { associated, floats, pages, icc })
    }

    /// Moves the colour profile out.
    pub fn take_icc(&mut self) -> Option<Vec<u8>> {
        self.icc.take()
    }

    /// Notices for the user, one sentence each.
    pub fn notices(&self, path: &Path) -> Vec<String> {
        let mut notices = Vec::new();
        if self.pages > 1 {
            let (rest, verb) = if self.pages == 2 { ("the second one", "is") } else { ("the others", "are") };
            notices.push(format!(
                "{} has {} pages: the first one is used, {rest} {verb} not",
                path.display(),
                self.pages
            ));
        }
        if self.floats {
            notices.push(format!(
                "{} has floating-point numbers, which are taken as sRGB: OpenEXR as the output keeps values below 0 \
                 and above 1, every other kind cuts them off",
                path.display()
            ));
        }
        notices
    }

    /// The image with straight alpha. Under an alpha of 0 the colours are lost.
    pub fn straight(&self, mut picture: Picture) -> Picture {
        if !self.associated || picture.channels != 4 {
            return picture;
        }
        let whole = |value: u64, alpha: u64, most: u64| ((value * most + alpha / 2) / alpha).min(most);
        match &mut picture.samples {
            #[expect(clippy::cast_possible_truncation, reason = "samples of at most 255")]
            Samples::Eight(samples) => {
                divide(samples, |value, alpha| whole(value.into(), alpha.into(), 255) as u8)
            }
            #[expect(clippy::cast_possible_truncation, reason = "samples of at most 65535")]
            Samples::Sixteen(samples) => {
                divide(samples, |value, alpha| whole(value.into(), alpha.into(), 65_535) as u16)
            }
            Samples::Float(samples) => divide(samples, |value, alpha| value / alpha),
        }
        picture
    }
}

fn divide<T: Copy + PartialEq + Default>(samples: &mut [T], by: impl Fn(T, T) -> T) {
    for pixel in samples.chunks_exact_mut(4) {
        let alpha = pixel[3];
        if alpha != T::default() {
            pixel[..3].iter_mut().for_each(|value| *value = by(*value, alpha));
        }
    }
}

/// Writes RGB or RGBA in 8 or 16 bits, with alpha marked as straight, and a colour profile.
///
/// # Errors
/// The file cannot be written.
pub fn write(to: impl Write + Seek, picture: &Picture, sixteen: bool, icc: Option<&[u8]>) -> TiffResult<()> {
    use colortype::{RGB8, RGB16, RGBA8, RGBA16};
    match (sixteen, picture.channels) {
        (false, 3) => encode::<RGB8>(to, picture, &picture.to_eight(), icc),
        (false, _) => encode::<RGBA8>(to, picture, &picture.to_eight(), icc),
        (true, 3) => encode::<RGB16>(to, picture, &picture.to_sixteen(), icc),
        (true, _) => encode::<RGBA16>(to, picture, &picture.to_sixteen(), icc),
    }
}

fn encode<C: colortype::ColorType>(
    to: impl Write + Seek,
    picture: &Picture,
    samples: &[C::Inner],
    icc: Option<&[u8]>,
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    let mut file = TiffEncoder::new(to)?;
    let mut image = file.new_image::<C>(picture.width, picture.height)?;
    if picture.channels == 4 {
        image.encoder().write_tag(Tag::ExtraSamples, ExtraSamples::UnassociatedAlpha.to_u16())?;
    }
    if let Some(icc) = icc {
        image.encoder().write_tag(Tag::IccProfile, icc)?;
    }
    image.write_data(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(fill: impl FnOnce(&mut TiffEncoder<File>)) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".tif").tempfile().unwrap();
        fill(&mut TiffEncoder::new(file.reopen().unwrap()).unwrap());
        file
    }

    #[test]
    fn colours_multiplied_by_alpha_come_out_straight() {
        let associated = |mark: ExtraSamples| {
            file(|file| {
                let mut image = file.new_image::<colortype::RGBA8>(1, 2).unwrap();
                image.encoder().write_tag(Tag::ExtraSamples, mark.to_u16()).unwrap();
                image.write_data(&[64, 0, 128, 128, 9, 0, 0, 0]).unwrap();
            })
        };
        let read =
            |file: &tempfile::NamedTempFile| super::super::stills::read(file.path()).unwrap().to_eight();
        assert_eq!(read(&associated(ExtraSamples::AssociatedAlpha)), [128, 0, 255, 128, 9, 0, 0, 0]);
        assert_eq!(read(&associated(ExtraSamples::UnassociatedAlpha)), [64, 0, 128, 128, 9, 0, 0, 0]);
    }

    #[test]
    fn pages_and_floats_are_told() {
        let pages = file(|file| {
            for _ in 0..3 {
                file.write_image::<colortype::RGB8>(1, 1, &[1, 2, 3]).unwrap();
            }
        });
        let said = |file: &tempfile::NamedTempFile| TiffTags::read(file.path()).notices(Path::new("a.tif"));
        assert_eq!(said(&pages), ["a.tif has 3 pages: the first one is used, the others are not"]);
        let floats = file(|file| file.write_image::<colortype::RGB32Float>(1, 1, &[-0.5, 0.5, 3.0]).unwrap());
        let said = said(&floats);
        assert!(said.len() == 1 && said[0].starts_with("a.tif has floating-point numbers"), "{said:?}");
    }

    #[test]
    fn a_written_alpha_is_marked_as_straight() {
        let mut file = tempfile::tempfile().unwrap();
        let picture = Picture::eight(1, 1, 4, vec![1, 2, 3, 4]).unwrap();
        write(&file, &picture, true, Some(b"a profile")).unwrap();
        file.rewind().unwrap();
        let mut decoder = Decoder::new(BufReader::new(file)).unwrap();
        assert_eq!(decoder.get_tag_u16_vec(Tag::ExtraSamples).unwrap(), [2]);
        assert_eq!(decoder.get_tag_u8_vec(Tag::IccProfile).unwrap(), b"a profile");
        let read = decoder.read_image().unwrap();
        assert!(matches!(read, tiff::decoder::DecodingResult::U16(v) if v == [257, 514, 771, 1028]));
    }
}
