//! Round trips of images and videos. The part with videos needs ffmpeg, and prints that it is skipped without.

use std::fs;
use std::path::Path;

use super::{ColourTags, Info, MediaError, Target, Times};
use openfx_host::picture::Picture;

mod videos;

const WIDTH: u32 = 18;
const HEIGHT: u32 = 10;

fn info(frames: u32, bits: u8, alpha: bool) -> Info {
    Info {
        width: WIDTH,
        height: HEIGHT,
        frames,
        fps: 12.5,
        pixel_aspect: 1.0,
        bits,
        alpha,
        full_chroma: true,
        colour: ColourTags::default(),
        times: Times::even(12.5, frames),
        profile: None,
        tracks: None,
    }
}

fn target(info: Info) -> Target {
    Target { frames: info.frames, info, overwrite: false }
}

/// An image whose brightness encodes its number, in 16 bits with values that 8 bits cannot represent.
fn picture(number: u32, bits: u8, alpha: bool) -> Picture {
    let channels = if alpha { 4 } else { 3 };
    let count = WIDTH * HEIGHT * u32::from(channels);
    if bits == 16 {
        let data = (0..count).map(|n| (number * 4001 + n * 37 + 1) as u16).collect();
        return Picture::sixteen(WIDTH, HEIGHT, channels, data).unwrap();
    }
    let data = (0..count)
        .map(|n| if alpha && n % 4 == 3 { 255 - (n % 3) as u8 } else { (number * 20 + n % 40) as u8 })
        .collect();
    Picture::eight(WIDTH, HEIGHT, channels, data).unwrap()
}

fn write(output: &Path, frames: u32, bits: u8, alpha: bool) -> Result<(), MediaError> {
    let mut sink = super::create(output, &target(info(frames, bits, alpha)))?;
    for number in 1..=frames {
        sink.write(number, &picture(number, bits, alpha))?;
    }
    sink.finish()
}

/// Reads all frames out of order and compares them with what was written.
fn assert_there_and_back(input: &Path, frames: u32, bits: u8, alpha: bool) {
    let source = super::open(input).unwrap();
    let found = source.info();
    assert_eq!((found.width, found.height, found.frames), (WIDTH, HEIGHT, frames), "{}", input.display());
    assert_eq!((found.bits, found.alpha), (bits, alpha), "{}", input.display());
    for number in (1..=frames).rev().chain(1..=frames) {
        let read = source.frame(number).unwrap();
        assert_eq!(*read, picture(number, bits, alpha), "{} frame {number}", input.display());
    }
    assert!(matches!(source.frame(frames + 1), Err(MediaError::NoFrame { .. })));
    assert!(matches!(source.frame(0), Err(MediaError::NoFrame { .. })));
}

#[test]
fn lossless_pictures_keep_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bits, alpha) in [
        ("eight", 8, false),
        ("alpha", 8, true),
        ("sixteen", 16, false),
        ("sixteen_alpha", 16, true),
        ("tif_%03d.tif", 16, true),
        ("bmp_%d.bmp", 8, false),
        ("webp_%02d.webp", 8, true),
        ("ppm_%04d.ppm", 8, false),
        ("moving.png", 8, false),
        ("moving.apng", 8, true),
        ("deep.png", 16, false),
        ("deep.apng", 16, true),
    ] {
        let output = folder.path().join(name);
        write(&output, 3, bits, alpha).unwrap();
        assert_there_and_back(&output, 3, bits, alpha);
    }
    let single = folder.path().join("one.tif");
    write(&single, 1, 16, false).unwrap();
    assert_there_and_back(&single, 1, 16, false);
    let leftovers = fs::read_dir(folder.path()).unwrap().flatten();
    assert!(leftovers.into_iter().all(|entry| !entry.file_name().to_string_lossy().contains("partial")));
}

#[test]
fn a_gif_keeps_its_frames_and_its_pace() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.gif");
    write(&output, 4, 8, false).unwrap();
    let source = super::open(&output).unwrap();
    assert_eq!((source.info().frames, source.info().fps), (4, 12.5));
    for number in [4, 2, 1, 3] {
        // A palette of 256 colours nearly suffices for 40 greys per frame.
        let (read, wanted) = (source.frame(number).unwrap(), picture(number, 8, false));
        let pairs = read.to_eight().into_iter().zip(wanted.to_eight());
        assert!(pairs.into_iter().all(|(a, b)| a.abs_diff(b) < 12), "frame {number}");
    }
}

#[test]
fn what_is_rather_clear_is_clear_in_a_gif() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.gif");
    let mut sink = super::create(&output, &target(Info { width: 4, height: 1, ..info(1, 8, true) })).unwrap();
    let pixels = [0, 3, 127, 128].map(|alpha| [250, 128, 4, alpha]).concat();
    sink.write(1, &Picture::eight(4, 1, 4, pixels).unwrap()).unwrap();
    sink.finish().unwrap();
    let read = super::open(&output).unwrap().frame(1).unwrap().to_eight();
    assert_eq!(read.chunks(4).map(|pixel| pixel[3]).collect::<Vec<_>>(), [0, 0, 0, 255]);
    assert!(read[12].abs_diff(250) < 4 && read[13].abs_diff(128) < 4, "{read:?}");
}

#[test]
fn a_folder_is_read_in_the_order_of_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for (number, name) in [(1, "s9.png"), (2, "s10.png"), (3, "s101.png")] {
        let single = folder.path().join(name);
        let mut sink = super::create(&single, &target(info(1, 8, false))).unwrap();
        sink.write(1, &picture(number, 8, false)).unwrap();
        sink.finish().unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    fs::write(folder.path().join(".hidden.png"), "no picture").unwrap();
    assert_there_and_back(folder.path(), 3, 8, false);
}

/// Writes a JPEG of the block pattern with an EXIF orientation.
fn write_turned(path: &Path, picture: &image::RgbImage, orientation: u8) {
    use image::ImageEncoder;
    // Big-endian TIFF with one entry: 0x0112, a short.
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut encoder =
        image::codecs::png::PngEncoder::new(std::io::BufWriter::new(fs::File::create(path).unwrap()));
    encoder.set_exif_metadata(exif).unwrap();
    encoder
        .write_image(picture.as_raw(), picture.width(), picture.height(), image::ExtendedColorType::Rgb8)
        .unwrap();
}

#[test]
fn pictures_are_turned_upright_and_may_differ_in_that() {
    let folder = tempfile::tempdir().unwrap();
    let upright = image::RgbImage::from_fn(6, 4, |x, y| image::Rgb([x as u8 * 40, y as u8 * 60, 9]));
    // Orientation 6: rotate by 90 degrees clockwise to make it upright.
    let on_its_side = image::imageops::rotate270(&upright);
    write_turned(&folder.path().join("1.png"), &on_its_side, 6);
    write_turned(&folder.path().join("2.png"), &image::imageops::rotate180(&upright), 3);
    upright.save(folder.path().join("3.png")).unwrap();
    let source = super::open(folder.path()).unwrap();
    assert_eq!((source.info().width, source.info().height), (6, 4));
    for number in 1..=3 {
        assert_eq!(source.frame(number).unwrap().to_eight(), *upright.as_raw(), "frame {number}");
    }
    assert!(source.notices()[0].contains("2 of 3 pictures were turned upright"), "{:?}", source.notices());
}

#[test]
fn openexr_keeps_light_beyond_white() {
    let folder = tempfile::tempdir().unwrap();
    let light = Info { colour: ColourTags::light(), bits: 16, ..info(2, 16, true) };
    // Straight colours with alpha 1, a half and 0 with a glow; 1000 is brighter than any display.
    let samples = [[4.0, 0.25, 1000.0, 1.0], [0.5, 2.0, 0.125, 0.5], [3.0, 0.0, 0.0, 0.0]].concat();
    let picture = Picture::float(3, 1, 4, samples.clone()).unwrap();
    let path = folder.path().join("light_%04d.exr");
    let mut sink = super::create(&path, &target(Info { width: 3, height: 1, ..light })).unwrap();
    for number in 1..=2 {
        sink.write(number, &picture).unwrap();
    }
    sink.finish().unwrap();
    let source = super::open(&path).unwrap();
    let found = source.info();
    assert_eq!((found.width, found.height, found.frames, found.alpha), (3, 1, 2, true));
    assert!(found.colour.is_light());
    assert_eq!(source.frame(2).unwrap().to_floats(), samples);
}

#[test]
fn light_and_display_are_converted_between_files() {
    let folder = tempfile::tempdir().unwrap();
    // sRGB 188 is half the light of white, up to rounding (IEC 61966-2-1).
    let display = Picture::eight(1, 1, 3, vec![188, 255, 0]).unwrap();
    let one = Info { width: 1, height: 1, ..info(1, 8, false) };
    let exr = folder.path().join("a.exr");
    let mut sink = super::create(&exr, &target(one.clone())).unwrap();
    sink.write(1, &display).unwrap();
    sink.finish().unwrap();
    let source = super::open(&exr).unwrap();
    let values = source.frame(1).unwrap().to_floats();
    assert!((values[0] - 0.5029).abs() < 1e-3 && values[1] == 1.0 && values[2] == 0.0, "{values:?}");
    let png = folder.path().join("a.png");
    let mut sink = super::create(&png, &target(Info { colour: ColourTags::light(), ..one })).unwrap();
    sink.write(1, &source.frame(1).unwrap()).unwrap();
    sink.finish().unwrap();
    assert_eq!(super::open(&png).unwrap().frame(1).unwrap().to_eight(), display.to_eight());
}

#[test]
fn a_colour_profile_goes_along_where_it_fits() {
    use image::ImageEncoder;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let icc = moxcms::ColorProfile::new_adobe_rgb().encode().unwrap();
    let input = at("in.png");
    let mut encoder = image::codecs::png::PngEncoder::new(fs::File::create(&input).unwrap());
    encoder.set_icc_profile(icc.clone()).unwrap();
    encoder.write_image(&[9; 12], 2, 2, image::ExtendedColorType::Rgb8).unwrap();
    let source = super::open(&input).unwrap();
    assert!(source.notices()[0].contains("is not applied"), "{:?}", source.notices());
    for (name, holds) in
        [("a.png", true), ("a.jpg", true), ("a.tif", true), ("a.webp", true), ("a.bmp", false)]
    {
        let output = at(name);
        let request = super::OutputRequest {
            output: &output,
            frames: (1, 1),
            whole: 1,
            overwrite: false,
            inputs: &[],
            files: &[],
        };
        let told = super::check_output(&request, source.info()).unwrap();
        assert_eq!(told.is_empty(), holds, "{name}: {told:?}");
        let mut sink = super::create(&output, &target(source.info().clone())).unwrap();
        sink.write(1, &source.frame(1).unwrap()).unwrap();
        sink.finish().unwrap();
        let profile = super::open(&output).unwrap().info().profile.clone();
        assert_eq!(profile, holds.then(|| super::Profile::Icc(icc.clone().into())), "{name}");
    }
    // A clip whose images have different profiles has none.
    image::RgbImage::new(2, 2).save(at("in2.png")).unwrap();
    fs::rename(&input, at("in1.png")).unwrap();
    let source = super::open(&at("in%d.png")).unwrap();
    assert_eq!((source.info().profile.as_ref(), source.notices().len()), (None, 1));
}

#[test]
fn a_cut_off_jpeg_is_no_frame() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=2 {
        let output = folder.path().join(format!("{number}.jpg"));
        let mut sink = super::create(&output, &target(info(1, 8, false))).unwrap();
        sink.write(1, &picture(number, 8, false)).unwrap();
        sink.finish().unwrap();
    }
    let second = folder.path().join("2.jpg");
    let whole = fs::read(&second).unwrap();
    fs::write(&second, &whole[..whole.len() - 60]).unwrap();
    let source = super::open(folder.path()).unwrap();
    assert!(source.frame(1).is_ok());
    let error = source.frame(2).unwrap_err().to_string();
    assert!(error.contains("2.jpg: it is damaged or cut off"), "{error}");
}

#[test]
fn animations_keep_uneven_times() {
    let folder = tempfile::tempdir().unwrap();
    let times = Times::from_durations(&[0.1, 0.5, 0.04, 0.2]);
    for name in ["a.gif", "a.apng"] {
        let path = folder.path().join(name);
        let mut sink =
            super::create(&path, &target(Info { times: times.clone(), ..info(4, 8, false) })).unwrap();
        for number in 1..=4 {
            sink.write(number, &picture(number, 8, false)).unwrap();
        }
        sink.finish().unwrap();
        assert_eq!(super::open(&path).unwrap().info().times, times, "{name}");
    }
}

#[test]
fn what_an_output_cannot_hold_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, info: &Info| {
        let output = folder.path().join(name);
        let request = super::OutputRequest {
            output: &output,
            frames: (1, 3),
            whole: 3,
            overwrite: false,
            inputs: &[],
            files: &[],
        };
        super::check_output(&request, info).unwrap().join(" ")
    };
    let (plain, clear) = (info(3, 8, false), info(3, 8, true));
    assert_eq!(told("a.gif", &plain), "");
    assert!(told("a.gif", &Info { times: Times::even(60.0, 3), ..plain }).contains("slower than the clip"));
    for (name, holds) in
        [("%d.jpg", false), ("%d.ppm", false), ("%d.png", true), ("%d.exr", true), ("a.gif", true)]
    {
        assert_eq!(told(name, &clear).is_empty(), holds, "{name}");
    }
    // HDR and other colour spaces are converted for files that cannot describe them.
    let pq = ColourTags { transfer: "smpte2084".into(), primaries: "bt2020".into(), ..ColourTags::default() };
    let wide = ColourTags { named: Some("ACEScg".into()), ..ColourTags::light() };
    for (name, colour, says) in [
        ("%d.png", &pq, "will be sRGB: the clip's colours (rec2100_pq_display) are converted"),
        ("a.gif", &pq, "will be sRGB"),
        ("%d.exr", &pq, "will not be linear light as programs expect it"),
        ("%d.png", &wide, "will be sRGB: the clip's colours (ACEScg)"),
        ("%d.exr", &wide, "will not say that its colours are those of ACEScg"),
    ] {
        let sentence = told(name, &Info { colour: colour.clone(), ..info(3, 16, false) });
        assert!(sentence.contains(says), "{name}: {sentence}");
    }
    assert_eq!(told("%d.png", &Info { colour: ColourTags::light(), ..info(3, 16, false) }), "");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_a_file_is_shows_in_it_and_not_in_its_name() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.gif"), 3, 8, false).unwrap();
    for name in ["b.png", "b"] {
        fs::copy(folder.path().join("a.gif"), folder.path().join(name)).unwrap();
        assert_eq!(super::open(&folder.path().join(name)).unwrap().info().frames, 3, "{name}");
    }
    let sentence = |name: &str| super::open(&folder.path().join(name)).err().unwrap();
    fs::write(folder.path().join("a.dpx"), "SDPX").unwrap();
    assert!(sentence("a.dpx").to_string().contains("a.dpx is DPX, which is not read here"));
    assert!(sentence("a.dpx").is_usage());
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let sentence = |name: &str| super::open(&at(name)).err().unwrap().to_string();
    assert!(sentence("none.mp4").ends_with("none.mp4 does not exist"));
    assert!(sentence("none/%04d.png").ends_with("none does not exist"));
    assert!(sentence("%04d.png").starts_with("there is no picture in"));
    fs::write(at("broken.png"), b"\x89PNG\r\n\x1a\nrubbish").unwrap();
    assert!(sentence("broken.png").starts_with("cannot read"));
    // The second image of a sequence has another size.
    write(&at("pair_1.png"), 1, 8, false).unwrap();
    image::RgbImage::new(4, 4).save(at("pair_2.png")).unwrap();
    let error = sentence("pair_%d.png");
    assert!(error.contains("pair_2.png is 4x4, and the clip's first frame is 18x10"), "{error}");
    assert!(write(&at("a.xyz"), 2, 8, false).unwrap_err().is_usage());
    assert!(
        write(&at("no/such/a.gif"), 2, 8, false).unwrap_err().to_string().contains("folder does not exist")
    );
}

#[test]
fn an_output_that_is_not_finished_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let names: &[&str] =
        if super::ffmpeg_version().is_ok() { &["a.gif", "a.apng", "a.mp4"] } else { &["a.gif", "a.apng"] };
    for name in names {
        let mut sink = super::create(&folder.path().join(name), &target(info(3, 8, false))).unwrap();
        sink.write(1, &picture(1, 8, false)).unwrap();
        drop(sink);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "{name}: {left:?}");
    }
    // Not even a folder created for it is left.
    drop(super::create(&folder.path().join("frames"), &target(info(3, 8, false))).unwrap());
    assert!(!folder.path().join("frames").exists());
}
