//! Pictures and videos of the command line, there and back. The part with videos needs ffmpeg, and says so when it
//! is absent.

#[allow(dead_code)]
#[path = "../src/bin/unsample/host/mod.rs"]
mod host;
#[allow(dead_code)]
#[path = "../src/bin/unsample/io/mod.rs"]
mod io;

use std::fs;
use std::path::Path;

use host::picture::{Picture, Samples};
use io::{ColourTags, Info, MediaError, Target};

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
        colour: ColourTags::default(),
        sound: None,
    }
}

/// A picture that tells its number by its brightness, in 16 bits with values that 8 bits cannot hold.
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
    let target = Target { info: info(frames, bits, alpha), frames };
    let mut sink = io::create(output, &target)?;
    for number in 1..=frames {
        sink.write(number, &picture(number, bits, alpha))?;
    }
    sink.finish()
}

/// Reads all frames out of order and compares them with what was written.
fn assert_there_and_back(input: &Path, frames: u32, bits: u8, alpha: bool) {
    let source = io::open(input).unwrap();
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
    let source = io::open(&output).unwrap();
    assert_eq!((source.info().frames, source.info().fps), (4, 12.5));
    for number in [4, 2, 1, 3] {
        // 256 colours are enough for 40 greys a frame, nearly.
        let (read, wanted) = (source.frame(number).unwrap(), picture(number, 8, false));
        let pairs = read.to_eight().into_iter().zip(wanted.to_eight());
        assert!(pairs.into_iter().all(|(a, b)| a.abs_diff(b) < 12), "frame {number}");
    }
}

#[test]
fn a_folder_is_read_in_the_order_of_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for (number, name) in [(1, "s9.png"), (2, "s10.png"), (3, "s101.png")] {
        write(&folder.path().join(name), 1, 8, false).unwrap();
        let single = folder.path().join(name);
        let target = Target { info: info(1, 8, false), frames: 1 };
        let mut sink = io::create(&single, &target).unwrap();
        sink.write(1, &picture(number, 8, false)).unwrap();
        sink.finish().unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    fs::write(folder.path().join(".hidden.png"), "no picture").unwrap();
    assert_there_and_back(folder.path(), 3, 8, false);
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let sentence = |name: &str| io::open(&at(name)).err().unwrap().to_string();
    assert!(sentence("none.mp4").ends_with("none.mp4 does not exist"));
    assert!(sentence("none/%04d.png").ends_with("none does not exist"));
    assert!(sentence("%04d.png").starts_with("there is no picture in"));
    fs::write(at("broken.png"), b"\x89PNG\r\n\x1a\nrubbish").unwrap();
    assert!(sentence("broken.png").starts_with("cannot read"));
    // The second picture of a sequence has another size.
    write(&at("pair_1.png"), 1, 8, false).unwrap();
    image::RgbImage::new(4, 4).save(at("pair_2.png")).unwrap();
    let source = io::open(&at("pair_%d.png")).unwrap();
    let error = source.frame(2).unwrap_err().to_string();
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
        if io::ffmpeg_version().is_some() { &["a.gif", "a.apng", "a.mp4"] } else { &["a.gif", "a.apng"] };
    for name in names {
        let target = Target { info: info(3, 8, false), frames: 3 };
        let mut sink = io::create(&folder.path().join(name), &target).unwrap();
        sink.write(1, &picture(1, 8, false)).unwrap();
        drop(sink);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "{name}: {left:?}");
    }
    // Not even a folder that was made for it.
    let target = Target { info: info(3, 8, false), frames: 3 };
    drop(io::create(&folder.path().join("frames"), &target).unwrap());
    assert!(!folder.path().join("frames").exists());
}

#[test]
fn videos_come_back_frame_by_frame() {
    if io::ffmpeg_version().is_none() {
        println!("skipped: ffmpeg is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mp4", "a.mkv", "a.mov", "a.webm"] {
        let output = folder.path().join(name);
        if let Err(error) = write(&output, 8, 8, false) {
            // A small ffmpeg may lack an encoder.
            println!("skipped {name}: {error}");
            continue;
        }
        let source = io::open(&output).unwrap();
        let found = source.info();
        assert_eq!((found.width, found.height, found.frames, found.fps), (WIDTH, HEIGHT, 8, 12.5), "{name}");
        assert_eq!(found.colour, ColourTags::default(), "{name}");
        for number in [1, 6, 2, 8, 3] {
            let (read, wanted) = (mean(&source.frame(number).unwrap()), mean(&picture(number, 8, false)));
            assert!((read - wanted).abs() < 3.0, "{name} frame {number}: {read} for {wanted}");
        }
    }
    // Odd sides, which most players want even, are kept.
    let odd = folder.path().join("odd.mp4");
    let odd_info = Info { width: 17, height: 9, ..info(1, 8, false) };
    let target = Target { info: odd_info, frames: 1 };
    let mut sink = io::create(&odd, &target).unwrap();
    sink.write(1, &Picture::eight(17, 9, 3, vec![90; 17 * 9 * 3]).unwrap()).unwrap();
    sink.finish().unwrap();
    let source = io::open(&odd).unwrap();
    assert_eq!((source.info().width, source.info().height), (17, 9));
}

#[test]
fn a_deep_video_stays_deep_and_keeps_its_tags() {
    if io::ffmpeg_version().is_none() {
        println!("skipped: ffmpeg is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tags = |matrix: &str, primaries: &str, transfer: &str, full_range| ColourTags {
        matrix: matrix.into(),
        primaries: primaries.into(),
        transfer: transfer.into(),
        full_range,
    };
    let pq = tags("bt2020nc", "bt2020", "smpte2084", false);
    let hlg = tags("bt2020nc", "bt2020", "arib-std-b67", false);
    let full = tags("bt709", "smpte432", "iec61966-2-1", true);
    let old = tags("bt470bg", "bt470bg", "bt470bg", false);
    for (name, colour) in
        [("a.mp4", &pq), ("a.mkv", &hlg), ("a.mov", &hlg), ("a.webm", &pq), ("b.mp4", &full), ("c.mkv", &old)]
    {
        let output = folder.path().join(name);
        let target = Target { info: Info { colour: colour.clone(), ..info(2, 10, false) }, frames: 2 };
        // Greys that 8 bits cannot tell apart: 1 of 1023 between the columns.
        let level = |x: u32, number: u32| ((400 + x + 90 * number) * 65535 / 1023) as u16;
        let mut sink = match io::create(&output, &target) {
            Ok(sink) => sink,
            Err(error) => {
                println!("skipped {name}: {error}");
                continue;
            }
        };
        for number in 1..=2 {
            let columns = (0..WIDTH * HEIGHT).flat_map(|at| [level(at % WIDTH, number); 3]);
            sink.write(number, &Picture::sixteen(WIDTH, HEIGHT, 3, columns.collect()).unwrap()).unwrap();
        }
        if let Err(error) = sink.finish() {
            println!("skipped {name}: {error}");
            continue;
        }
        let source = io::open(&output).unwrap();
        assert_eq!(source.info().bits, 10, "{name}");
        assert_eq!(&source.info().colour, colour, "{name}");
        for number in [2, 1] {
            let picture = source.frame(number).unwrap();
            let Samples::Sixteen(samples) = &picture.samples else { panic!("{name} is not deep") };
            let wanted = (0..WIDTH * HEIGHT).map(|at| f64::from(level(at % WIDTH, number)));
            let error =
                samples.chunks_exact(3).zip(wanted).map(|(pixel, want)| (f64::from(pixel[1]) - want).abs());
            // Two codes of ten bits: less than one of eight.
            let mean = error.sum::<f64>() / f64::from(WIDTH * HEIGHT);
            assert!(mean < 2.0 * 64.0, "{name} frame {number}: {mean}");
        }
    }
}

fn mean(picture: &Picture) -> f64 {
    assert!(matches!(picture.samples, Samples::Eight(_)));
    let samples = picture.to_eight();
    samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / samples.len() as f64
}
