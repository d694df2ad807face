//! Round trips of videos. They need ffmpeg.

use super::super::{create, open};
use super::*;
use openfx_host::picture::Samples;

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn videos_come_back_frame_by_frame() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mp4", "a.mkv", "a.mov", "a.webm"] {
        let output = folder.path().join(name);
        if let Err(error) = write(&output, 8, 8, false) {
            // A minimal ffmpeg build may lack an encoder.
            println!("skipped {name}: {error}");
            continue;
        }
        let source = open(&output).unwrap();
        let found = source.info();
        assert_eq!((found.width, found.height, found.frames, found.fps), (WIDTH, HEIGHT, 8, 12.5), "{name}");
        assert_eq!(found.colour, ColourTags::default(), "{name}");
        for number in [1, 6, 2, 8, 3] {
            let (read, wanted) = (mean(&source.frame(number).unwrap()), mean(&picture(number, 8, false)));
            assert!((read - wanted).abs() < 3.0, "{name} frame {number}: {read} for {wanted}");
        }
    }
    // Odd sides are kept, although most players expect even ones.
    let odd = folder.path().join("odd.mp4");
    let odd_info = Info { width: 17, height: 9, ..info(1, 8, false) };
    let mut sink = create(&odd, &target(odd_info)).unwrap();
    sink.write(1, &Picture::eight(17, 9, 3, vec![90; 17 * 9 * 3]).unwrap()).unwrap();
    sink.finish().unwrap();
    let source = open(&odd).unwrap();
    assert_eq!((source.info().width, source.info().height), (17, 9));
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn a_deep_video_stays_deep_and_keeps_its_tags() {
    let folder = tempfile::tempdir().unwrap();
    let tags = |matrix: &str, primaries: &str, transfer: &str, full_range| ColourTags {
        matrix: matrix.into(),
        primaries: primaries.into(),
        transfer: transfer.into(),
        full_range,
        named: None,
    };
    let pq = tags("bt2020nc", "bt2020", "smpte2084", false);
    let hlg = tags("bt2020nc", "bt2020", "arib-std-b67", false);
    let full = tags("bt709", "smpte432", "iec61966-2-1", true);
    let old = tags("bt470bg", "bt470bg", "bt470bg", false);
    for (name, colour) in
        [("a.mp4", &pq), ("a.mkv", &hlg), ("a.mov", &hlg), ("a.webm", &pq), ("b.mp4", &full), ("c.mkv", &old)]
    {
        let output = folder.path().join(name);
        let target = target(Info { colour: colour.clone(), full_chroma: false, ..info(2, 10, false) });
        // Grey levels that 8 bits cannot distinguish: neighbouring columns differ by 1 of 1023.
        let level = |x: u32, number: u32| ((400 + x + 90 * number) * 65535 / 1023) as u16;
        let mut sink = match create(&output, &target) {
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
        let source = open(&output).unwrap();
        assert_eq!(source.info().bits, 10, "{name}");
        assert_eq!(&source.info().colour, colour, "{name}");
        for number in [2, 1] {
            let picture = source.frame(number).unwrap();
            let Samples::Sixteen(samples) = &picture.samples else { panic!("{name} is not deep") };
            let wanted = (0..WIDTH * HEIGHT).map(|at| f64::from(level(at % WIDTH, number)));
            let error =
                samples.chunks_exact(3).zip(wanted).map(|(pixel, want)| (f64::from(pixel[1]) - want).abs());
            // Two codes of ten bits, less than one of eight.
            let mean = error.sum::<f64>() / f64::from(WIDTH * HEIGHT);
            assert!(mean < 2.0 * 64.0, "{name} frame {number}: {mean}");
        }
    }
}

/// Writes a lossless video of one colour with the given luma and chroma and no matrix tag.
fn write_untagged(output: &Path, (width, height): (usize, usize), yuv: [u8; 3]) {
    let mut bytes = vec![yuv[0]; width * height];
    yuv[1..].iter().for_each(|&chroma| bytes.extend(vec![chroma; width * height / 4]));
    let raw = output.with_extension("yuv");
    fs::write(&raw, bytes).unwrap();
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s"]);
    command.arg(format!("{width}x{height}")).arg("-i").arg(&raw).args(["-c:v", "ffv1"]).arg(output);
    assert!(command.status().unwrap().success());
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn a_video_without_a_matrix_keeps_its_colours() {
    let folder = tempfile::tempdir().unwrap();
    // RGB (0, 189, 0) in BT.709 and in BT.601.
    for (size, yuv, notices) in [((1280, 720), [132, 64, 53], 0), ((320, 240), [111, 73, 58], 1)] {
        let input = folder.path().join(format!("{}.mkv", size.0));
        write_untagged(&input, size, yuv);
        let source = open(&input).unwrap();
        assert_eq!(source.notices().len(), notices, "{:?}", source.notices());
        let picture = source.frame(1).unwrap();
        let near = |picture: &Picture, by: u8| {
            let found = &picture.to_eight()[..3];
            let fits =
                found.iter().zip([0, 189, 0]).all(|(&found, want): (_, u8)| found.abs_diff(want) <= by);
            assert!(fits, "{size:?}: {found:?}");
        };
        near(&picture, 2);
        let output = folder.path().join(format!("{}.mp4", size.0));
        let mut sink = create(&output, &target(source.info().clone())).unwrap();
        if let Err(error) = sink.write(1, &picture).and_then(|()| sink.finish()) {
            println!("skipped: {error}");
            continue;
        }
        let written = open(&output).unwrap();
        assert!(written.notices().is_empty(), "{:?}", written.notices());
        // Rounded twice more on the way.
        near(&written.frame(1).unwrap(), 5);
    }
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn the_last_frame_of_a_video_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let held = Times::from_durations(&[0.1, 0.1, 3.0]);
    let short = Times::from_durations(&[0.1, 0.3, 0.04]);
    for name in ["a.mp4", "a.mov", "a.mkv", "a.webm"] {
        for (times, end) in [(&held, 3.2), (&short, 0.44)] {
            let output = folder.path().join(name);
            let mut target = target(Info { times: times.clone(), ..info(3, 8, false) });
            target.overwrite = true;
            let write = || {
                let mut sink = create(&output, &target)?;
                (1..=3).try_for_each(|number| sink.write(number, &picture(number, 8, false)))?;
                sink.finish()
            };
            if let Err(error) = write() {
                println!("skipped {name}: {error}");
                continue;
            }
            let source = open(&output).unwrap();
            let found = &source.info().times;
            assert_eq!((source.info().frames, source.notices()), (3, &[][..]), "{name}");
            assert!((found.seconds(2) - times.seconds(2)).abs() < 2e-3, "{name}: {found:?}");
            assert!((found.seconds(3) - end).abs() < 2e-3, "{name}: {found:?}");
        }
    }
}

#[test]
#[cfg_attr(not(ffmpeg), ignore = "needs ffmpeg")]
fn alpha_comes_back_from_webm() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.webm");
    let mut sink = create(&output, &target(info(2, 8, true))).unwrap();
    let clear = |number: u32| {
        let pixel = [90, 120, 60, 100 * number as u8];
        Picture::eight(WIDTH, HEIGHT, 4, pixel.repeat((WIDTH * HEIGHT) as usize)).unwrap()
    };
    let written = sink.write(1, &clear(1)).and_then(|()| sink.write(2, &clear(2)));
    if let Err(error) = written.and_then(|()| sink.finish()) {
        println!("skipped: {error}");
        return;
    }
    let source = open(&output).unwrap();
    assert!(source.info().alpha, "{:?}", source.notices());
    for number in [1, 2] {
        let alpha = source.frame(number).unwrap().to_eight()[3];
        assert!(alpha.abs_diff(100 * number as u8) < 6, "frame {number}: {alpha}");
    }
}

fn mean(picture: &Picture) -> f64 {
    assert!(matches!(picture.samples, Samples::Eight(_)));
    let samples = picture.to_eight();
    samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / samples.len() as f64
}
