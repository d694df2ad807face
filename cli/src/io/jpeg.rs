//! Strict JPEG decoding: the image library fills missing parts of a damaged file with grey, this reports them.

use image::{DynamicImage, GrayImage, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The file is damaged or incomplete.
pub struct Damaged;

/// The pixels of a file, not yet rotated upright; `None` for colour formats that are left to the image library, and
/// for files whose headers cannot be parsed. Irregularities between the headers, which many cameras and programs
/// produce, do not affect the pixels and are ignored.
///
/// # Errors
/// The file is truncated, or its data do not decode.
pub fn decode(file: &[u8]) -> Result<Option<DynamicImage>, Damaged> {
    let lenient = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), lenient);
    if decoder.decode_headers().is_err() {
        return Ok(None);
    }
    let space = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => ColorSpace::Luma,
        Some(ColorSpace::YCbCr | ColorSpace::RGB | ColorSpace::YCCK | ColorSpace::CMYK) => ColorSpace::RGB,
        _ => return Ok(None),
    };
    let Some((width, height)) = decoder.dimensions() else { return Ok(None) };
    decoder.set_options(lenient.set_strict_mode(true).jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(|_| Damaged)?;
    // JPEG stores sides in 16 bits.
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else { return Err(Damaged) };
    Ok(match space {
        ColorSpace::Luma => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
    })
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;

    use super::*;

    fn file(image: &DynamicImage) -> Vec<u8> {
        let mut file = Vec::new();
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut file, 90)).unwrap();
        file
    }

    #[test]
    fn whole_files_are_as_the_image_library_has_them() {
        let colour =
            RgbImage::from_fn(67, 41, |x, y| image::Rgb([(x * 3) as u8, (y * 5) as u8, (x ^ y) as u8]));
        let colour = DynamicImage::ImageRgb8(colour);
        for image in [DynamicImage::ImageLuma8(colour.to_luma8()), colour] {
            let file = file(&image);
            let Ok(Some(read)) = decode(&file) else { panic!("not read") };
            assert_eq!(read, image::load_from_memory(&file).unwrap());
        }
        assert!(matches!(decode(b"no picture"), Ok(None)));
    }

    #[test]
    fn what_is_missing_is_no_picture() {
        let noise = RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * y * 7919 % 251) as u8; 3]));
        let file = file(&DynamicImage::ImageRgb8(noise));
        assert!(decode(&file[..file.len() / 2]).is_err());
        assert!(decode(&file[..file.len() - 40]).is_err());
        // A marker in the middle of the pixel data.
        let mut broken = file.clone();
        let middle = broken.len() / 2;
        broken[middle..middle + 2].copy_from_slice(&[0xff, 0xc4]);
        assert!(decode(&broken).is_err());
        // A missing end marker alone loses no pixel.
        assert!(matches!(decode(&file[..file.len() - 2]), Ok(Some(_))));
    }
}
