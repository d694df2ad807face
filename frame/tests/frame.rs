//! Round trips of pixels through every depth, layout and geometry.

#![allow(clippy::cast_precision_loss, reason = "tests convert small numbers")]

use testing as support;

use frame::{
    Alpha, Colour, Components, Depth, Encoding, Fit, FrameError, Geometry, HostColour, InputColour,
    InputPrimaries, Layout, MAX_SIDE, Picture, Primaries, Rgb, Size, Transfer, decode_row, encode_row, psnr,
    ssim,
};
use proptest::prelude::*;
use support::assert_close;

/// Linear light in the model's primaries, premultiplied.
const LINEAR: Encoding = Encoding {
    colour: Colour { transfer: Transfer::Linear, primaries: Primaries::Rec709 },
    alpha: Alpha::Premultiplied,
};

/// Structures of a few pixels on a gradient, RGB in 0..=1 in steps of 1/255, partly transparent.
fn picture(width: usize, height: usize) -> Picture {
    let mut picture = Picture::new(width, height);
    for y in 0..height {
        for (x, pixel) in picture.row_mut(y).chunks_exact_mut(4).enumerate() {
            let wave = |phase: f32| (0.35 * x as f32 + 0.25 * y as f32 + phase).sin();
            for (channel, value) in pixel[..3].iter_mut().enumerate() {
                *value = ((0.5 + 0.45 * wave(channel as f32)) * 255.0).round() / 255.0;
            }
            pixel[3] = ((x + y) % 5) as f32 / 4.0;
        }
    }
    picture
}

fn geometry(width: usize, height: usize, short_side: usize, fit: Fit) -> Geometry {
    Geometry::new(Size { width, height }, 1.0, short_side, fit).unwrap()
}

fn any_layout() -> impl Strategy<Value = Layout> {
    let depths = prop::sample::select(&[Depth::U8, Depth::U16, Depth::F16, Depth::F32][..]);
    let components = prop::sample::select(&[Components::Rgba, Components::Rgb][..]);
    (depths, components).prop_map(|(depth, components)| Layout { depth, components })
}

fn any_fit() -> impl Strategy<Value = Fit> {
    prop::sample::select(Fit::ALL)
}

proptest! {
    #[test]
    fn every_row_of_bytes_comes_back_as_it_was(layout in any_layout(), bytes in prop::collection::vec(any::<u8>(), 0..200), offset in 0usize..4) {
        let bytes = &bytes[offset.min(bytes.len())..];
        let pixels = bytes.len() / layout.bytes_per_pixel();
        let mut floats = vec![0.0; pixels * 4];
        decode_row(bytes, layout, &mut floats).unwrap();
        // NaN and, in halves, infinities are changed on purpose.
        prop_assume!(!layout.depth.is_float() || floats.iter().all(|value| value.is_finite()));
        let mut back = bytes.to_vec();
        back[..pixels * layout.bytes_per_pixel()].fill(0xaa);
        encode_row(&floats, layout, &mut back).unwrap();
        prop_assert_eq!(&back[..], bytes);
    }

    #[test]
    fn integer_depths_are_exact_and_ordered(value in 0u16..=65535) {
        let layout = Layout { depth: Depth::U16, components: Components::Rgb };
        let bytes = [value.to_ne_bytes(), [0; 2], [255; 2]].concat();
        let mut pixel = [0.0; 4];
        decode_row(&bytes, layout, &mut pixel).unwrap();
        prop_assert_eq!(pixel, [f32::from(value) / 65535.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn any_size_is_worked_on_in_multiples_of_eight_and_comes_back(
        width in 1usize..90, height in 1usize..90, short in prop::sample::select(&[0usize, 1, 8, 23, 40, 64][..]),
        fit in any_fit(), aspect in prop::sample::select(&[1.0, 1.422, 0.5, 0.0, f64::NAN][..]),
    ) {
        let size = Size { width, height };
        let geometry = Geometry::new(size, aspect, short, fit).unwrap();
        let working = geometry.working();
        prop_assert!(working.width >= 8 && working.height >= 8);
        prop_assert_eq!((working.width % 8, working.height % 8), (0, 0));
        let source = picture(width, height);
        let rgb = geometry.to_working(&source).unwrap();
        prop_assert_eq!((rgb.width, rgb.height, rgb.data.len()), (working.width, working.height, 3 * working.width * working.height));
        prop_assert!(rgb.data.iter().all(|value| (0.0..=1.0).contains(value)));
        let back = geometry.from_working(&rgb).unwrap();
        prop_assert_eq!((back.width, back.height), (width, height));
        let covered = back.rgba.chunks_exact(4).filter(|pixel| pixel[3] == 1.0).count();
        prop_assert!(covered > 0);
        if fit != Fit::Crop {
            prop_assert_eq!(covered, width * height);
        }
        prop_assert!(back.rgba.iter().all(|value| (0.0..=1.0).contains(value)));
    }

    #[test]
    fn a_flat_colour_stays_that_colour_everywhere(
        width in 1usize..60, height in 1usize..60, short in 0usize..70, fit in any_fit(), colour in 0u8..=255,
    ) {
        let value = f32::from(colour) / 255.0;
        let mut source = Picture::new(width, height);
        source.rgba.fill(value);
        let geometry = geometry(width, height, short, fit);
        let rgb = geometry.to_working(&source).unwrap();
        prop_assert!(rgb.data.iter().all(|got| (got - value).abs() < 1e-5));
        let back = geometry.from_working(&rgb).unwrap();
        for pixel in back.rgba.chunks_exact(4).filter(|pixel| pixel[3] == 1.0) {
            prop_assert!(pixel[..3].iter().all(|got| (got - value).abs() < 1e-5));
        }
    }

    #[test]
    fn every_encoding_comes_back(
        colour in (prop::sample::select(InputColour::ALL), prop::sample::select(InputPrimaries::ALL))
            .prop_map(|(colour, primaries)| HostColour::default().resolve(colour, primaries).0),
        premultiplied: bool, rgb in [0.0f32..1.0, 0.0f32..1.0, 0.0f32..1.0], alpha in 0.15f32..1.0,
    ) {
        let encoding = Encoding { colour, alpha: if premultiplied { Alpha::Premultiplied } else { Alpha::Straight } };
        let opaque = Picture { width: 1, height: 1, rgba: vec![rgb[0], rgb[1], rgb[2], 1.0] };
        let black = Picture { width: 1, height: 1, rgba: vec![0.0, 0.0, 0.0, alpha] };
        // The clip's pixel for a display-referred colour.
        let host = encoding.finish(&black, &opaque, 1.0).unwrap();
        let mut display = encoding.prepare(&host);
        assert_close("display", &display.rgba[..3], &rgb, 1e-4, 5e-5);
        display.rgba[3] = 1.0;
        let back = encoding.finish(&host, &display, 1.0).unwrap();
        assert_close("host", &back.rgba, &host.rgba, 1e-4, 5e-5);
    }
}

#[test]
fn a_crop_that_starts_between_pixels_is_flat_to_its_last_row() {
    let mut source = Picture::new(17, 20);
    source.rgba.fill(0.5);
    let rgb = geometry(17, 20, 39, Fit::Crop).to_working(&source).unwrap();
    assert_close("flat", &rgb.data, &vec![0.5f32; rgb.data.len()], 1e-6, 0.0);
}

#[test]
fn without_a_change_of_size_every_step_of_a_byte_stays_itself() {
    for fit in Fit::ALL {
        for short in [0, 24] {
            let geometry = geometry(32, 24, short, *fit);
            let source = picture(32, 24);
            let rgb = geometry.to_working(&source).unwrap();
            let back = geometry.from_working(&rgb).unwrap();
            for (got, want) in back.rgba.chunks_exact(4).zip(source.rgba.chunks_exact(4)) {
                assert_eq!(got[..3], want[..3], "{fit:?}");
            }
        }
    }
}

#[test]
fn padding_repeats_the_edge_and_is_cut_off_again() {
    let geometry = geometry(21, 13, 0, Fit::Pad);
    assert_eq!(geometry.working(), Size { width: 24, height: 16 });
    let source = picture(21, 13);
    let rgb = geometry.to_working(&source).unwrap();
    assert_eq!(rgb.data[23], source.row(0)[20 * 4]);
    assert_eq!(rgb.data[15 * 24], source.row(12)[0]);
    let back = geometry.from_working(&rgb).unwrap();
    for (got, want) in back.rgba.chunks_exact(4).zip(source.rgba.chunks_exact(4)) {
        assert_eq!(got[..3], want[..3]);
        assert_eq!(got[3], 1.0);
    }
}

#[test]
fn the_rim_of_a_crop_stays_the_source_s_to_the_last_bit() {
    let geometry = geometry(21, 13, 0, Fit::Crop);
    assert_eq!(geometry.working(), Size { width: 16, height: 8 });
    let mut host = picture(21, 13);
    host.rgba[0] = 40.0;
    host.rgba[1] = f32::NAN;
    let encoding = LINEAR;
    let mut rgb = geometry.to_working(&encoding.prepare(&host)).unwrap();
    rgb.data.fill(0.25);
    let styled = geometry.from_working(&rgb).unwrap();
    let result = encoding.finish(&host, &styled, 1.0).unwrap();
    for y in 0..13 {
        for x in 0..21 {
            let inside = (2..18).contains(&x) && (2..10).contains(&y);
            let at = x * 4..x * 4 + 4;
            let (got, want) = (&result.row(y)[at.clone()], &host.row(y)[at]);
            assert_eq!(got[3], want[3], "alpha at {x}, {y}");
            if inside && want[3] > 0.0 {
                let style = Transfer::Linear.from_display(0.25) * want[3];
                assert_close("styled", &got[..3], &[style; 3], 1e-5, 1e-6);
            } else {
                let bits = |pixel: &[f32]| pixel.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(got), bits(want), "the rim at {x}, {y}");
            }
        }
    }
}

#[test]
fn the_picture_survives_the_way_through_a_smaller_working_size() {
    // Waves of about 18 pixels at two thirds of the size: only resampling itself can lose anything.
    for fit in Fit::ALL {
        let geometry = geometry(120, 90, 60, *fit);
        let source = picture(120, 90);
        let small = geometry.to_working(&source).unwrap();
        let back = geometry.from_working(&small).unwrap();
        let mut worst = 0f32;
        for (got, want) in back.rgba.chunks_exact(4).zip(source.rgba.chunks_exact(4)) {
            if got[3] == 1.0 {
                for (got, want) in got[..3].iter().zip(want) {
                    worst = worst.max((got - want).abs());
                }
            }
        }
        assert!(worst < 0.06, "{fit:?}: {worst}");
    }
}

#[test]
fn the_short_side_is_the_one_asked_for() {
    let working = |width, height, aspect, fit| {
        let size = Size { width, height };
        let Size { width, height } = Geometry::new(size, aspect, 512, fit).unwrap().working();
        (width, height)
    };
    assert_eq!(working(1920, 1080, 1.0, Fit::Pad), (912, 512));
    assert_eq!(working(1920, 1080, 1.0, Fit::Crop), (904, 512));
    assert_eq!(working(1080, 1920, 1.0, Fit::Stretch), (512, 912));
    // PAL widescreen: 720 x 576 wide pixels are 16:9.
    assert_eq!(working(720, 576, 64.0 / 45.0, Fit::Stretch), (912, 512));
}

#[test]
fn over_range_and_broken_pixels_become_a_picture_the_model_can_take() {
    let mut host = Picture::new(8, 8);
    host.rgba.fill(0.5);
    host.rgba[..8].copy_from_slice(&[
        f32::NAN,
        9.0,
        -3.0,
        1.0,
        f32::INFINITY,
        0.0,
        f32::NEG_INFINITY,
        f32::NAN,
    ]);
    let encoding = LINEAR;
    let rgb = geometry(8, 8, 0, Fit::Pad).to_working(&encoding.prepare(&host)).unwrap();
    let plane = 64;
    assert_eq!([rgb.data[0], rgb.data[plane], rgb.data[2 * plane]], [0.0, 1.0, 0.0]);
    assert_eq!([rgb.data[1], rgb.data[plane + 1], rgb.data[2 * plane + 1]], [1.0, 0.0, 0.0]);
}

#[test]
fn impossible_sizes_have_a_sentence() {
    let plan = |width, height, short| Geometry::new(Size { width, height }, 1.0, short, Fit::Pad);
    assert_eq!(plan(0, 5, 512), Err(FrameError::Empty { width: 0, height: 5 }));
    assert!(matches!(plan(1, MAX_SIDE, 512), Err(FrameError::TooLarge { .. })));
    let geometry = geometry(8, 8, 0, Fit::Pad);
    assert!(matches!(geometry.to_working(&picture(9, 8)), Err(FrameError::Size { .. })));
    assert!(geometry.to_working(&Picture::new(0, 0)).is_err());
    let short = Rgb { width: 8, height: 8, data: vec![0.0; 5] };
    assert!(geometry.from_working(&short).is_err());
}

#[test]
fn the_measures_agree_on_a_round_trip() {
    let geometry = geometry(96, 64, 0, Fit::Pad);
    let rgb = geometry.to_working(&picture(96, 64)).unwrap();
    let mut noisy = rgb.clone();
    for (at, value) in noisy.data.iter_mut().enumerate() {
        *value = (*value + 0.02 * (at as f32 * 7.7).sin()).clamp(0.0, 1.0);
    }
    assert!((psnr(&rgb, &noisy).unwrap() - 37.0).abs() < 0.5);
    let similar = ssim(&rgb, &noisy).unwrap();
    assert!((0.9..1.0).contains(&similar), "{similar}");
}

/// Without the model, every picture has to survive the round trip, HDR highlights included, to within a code
/// of 10 bits.
#[test]
fn ten_bits_of_pq_and_hlg_come_back_through_a_model_that_changes_nothing() {
    for (transfer, primaries) in [
        (Transfer::Pq, Primaries::Rec2020),
        (Transfer::Hlg, Primaries::Rec2020),
        (Transfer::Pq, Primaries::P3),
        (Transfer::AcesCct, Primaries::AcesCg),
    ] {
        let encoding = Encoding { colour: Colour { transfer, primaries }, alpha: Alpha::Opaque };
        let mut host = Picture::new(1024, 2);
        for code in 0..1024 {
            let value = code as f32 / 1023.0;
            host.row_mut(0)[code * 4..][..4].copy_from_slice(&[value, value, value, 1.0]);
            // Close to grey, so that it is within the Rec.709 gamut.
            host.row_mut(1)[code * 4..][..4].copy_from_slice(&[value, value * 0.99, value * 0.98, 1.0]);
        }
        let geometry = geometry(1024, 2, 0, Fit::Pad);
        let working = geometry.to_working(&encoding.prepare(&host)).unwrap();
        assert!(working.data.iter().all(|value| (0.0..=1.0).contains(value)), "{transfer:?}");
        let styled = geometry.from_working(&working).unwrap();
        let result = encoding.finish(&host, &styled, 1.0).unwrap();
        // ACEScct is a camera curve: its black is code 75 of 1023 and its white of 1 is code 567; the red of
        // the second row reaches the model's white a few codes before that.
        let range = if transfer == Transfer::AcesCct { 80..=560 } else { 0..=1023 };
        for (at, (got, want)) in result.rgba.iter().zip(&host.rgba).enumerate() {
            let code = at / 4 % 1024;
            if range.contains(&code) {
                assert!((got - want).abs() < 1.0 / 1023.0, "{transfer:?} code {code}: {got} for {want}");
            }
        }
        assert_eq!(encoding.finish(&host, &styled, 0.0).unwrap(), host);
    }
}

/// BT.2408: SDR white is 203 cd/m2 in HDR, so the model sees the same scene the same in both.
#[test]
fn white_is_the_reference_white() {
    let pq = Encoding {
        colour: Colour { transfer: Transfer::Pq, primaries: Primaries::Rec2020 },
        alpha: Alpha::Opaque,
    };
    let seen = |encoding: &Encoding, code: f32| {
        let host = Picture { width: 1, height: 1, rgba: vec![code, code, code, 1.0] };
        encoding.prepare(&host).rgba[1]
    };
    assert!((seen(&pq, 0.5807) - 1.0).abs() < 1e-3);
    assert!((seen(&pq, 0.9) - 1.0).abs() < 1e-4, "the highlights are white");
    // 26 cd/m2 is the luminance of a grey card.
    assert!((seen(&pq, 0.3788) - Transfer::Linear.to_display(26.0 / 203.0)).abs() < 3e-3);
    let hlg = Encoding { colour: Colour { transfer: Transfer::Hlg, ..pq.colour }, ..pq };
    assert!((seen(&hlg, 0.75) - 1.0).abs() < 1e-3);
}
