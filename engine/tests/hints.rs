//! Hints on pictures whose answer is known, and against OpenCV, torch and transformers; `golden/hints/generate.py` made
//! the vectors.

#![allow(clippy::cast_precision_loss, reason = "tests convert small numbers")]

use testing::networks as support;

use std::collections::HashMap;

use candle_core::{DType, Device, IndexOp, Tensor};
use engine::nn::hints::{Detector, Preprocessor};
use engine::nn::{ModelError, Tensors};
use engine::weights::{TensorFile, View};
use support::{assert_close, golden, open, source, tensor};

fn detect(detector: &Detector, pictures: &Tensor) -> Tensor {
    let hints = detector.detect(pictures, |_| Ok::<_, ModelError>(())).unwrap();
    assert_eq!((hints.dims(), hints.dtype()), (pictures.dims(), DType::F32));
    hints
}

fn plain(preprocessor: Preprocessor, pictures: &Tensor) -> Tensor {
    detect(&Detector::plain(preprocessor, &Device::Cpu).unwrap(), pictures)
}

/// A picture [1, 3, height, width] of a function of (y, x) that gives RGB.
fn drawn(height: usize, width: usize, f: impl Fn(usize, usize) -> [f32; 3]) -> Tensor {
    let value = |index: usize| f(index % (height * width) / width, index % width)[index / (height * width)];
    let values: Vec<f32> = (0..3 * height * width).map(value).collect();
    Tensor::from_vec(values, (1, 3, height, width), &Device::Cpu).unwrap()
}

/// The places of the white pixels of the first channel.
fn white(hint: &Tensor) -> Vec<(usize, usize)> {
    let rows = hint.i((0, 0)).unwrap().to_vec2::<f32>().unwrap();
    let mut places = Vec::new();
    for (y, row) in rows.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            assert!(*value == 0.0 || *value == 1.0, "{value} is neither black nor white");
            if *value == 1.0 {
                places.push((y, x));
            }
        }
    }
    places
}

/// One channel as three.
fn grey(x: Tensor) -> Tensor {
    let (n, _, h, w) = x.dims4().unwrap();
    x.broadcast_as((n, 3, h, w)).unwrap().contiguous().unwrap()
}

#[test]
fn canny_draws_the_outline_of_a_square() {
    // A step's gradient is as strong on its two sides; the one further left or up is kept.
    let square =
        drawn(20, 24, |y, x| if (6..14).contains(&y) && (5..17).contains(&x) { [1.0; 3] } else { [0.0; 3] });
    let edges = white(&plain(Preprocessor::Canny, &square));
    for y in 7..13 {
        let columns: Vec<_> = edges.iter().filter(|place| place.0 == y).map(|place| place.1).collect();
        assert_eq!(columns, [4, 16], "row {y}");
    }
    for x in 6..16 {
        let rows: Vec<_> = edges.iter().filter(|place| place.1 == x).map(|place| place.0).collect();
        assert_eq!(rows, [5, 13], "column {x}");
    }
}

#[test]
fn canny_keeps_weak_edges_only_where_they_hang_on_strong_ones() {
    // Steps of 20 and 40 parts of 255 have strengths of 80 and 160 on a straight edge; 100 and more is weak, above 200 strong.
    let step =
        |height: f32| move |_: usize, x: usize| if x < 6 { [0.2; 3] } else { [0.2 + height / 255.0; 3] };
    assert!(white(&plain(Preprocessor::Canny, &drawn(9, 12, step(20.0)))).is_empty());
    assert!(white(&plain(Preprocessor::Canny, &drawn(9, 12, step(40.0)))).is_empty());
    assert_eq!(white(&plain(Preprocessor::Canny, &drawn(9, 12, step(60.0)))).len(), 9);
    // The upper half of the edge is strong, the lower half weak.
    let mixed = |y: usize, x: usize| step(if y < 4 { 60.0 } else { 40.0 })(y, x);
    let edges = white(&plain(Preprocessor::Canny, &drawn(9, 12, mixed)));
    assert!((0..9).all(|y| edges.contains(&(y, 5)) || edges.contains(&(y, 6))), "{edges:?}");
    // An edge that only blue shows is as good as any.
    let blue = drawn(9, 12, |_, x| [0.3, 0.3, if x < 6 { 0.1 } else { 0.9 }]);
    assert_eq!(white(&plain(Preprocessor::Canny, &blue)).len(), 9);
}

#[test]
fn scribble_draws_dark_strokes_white() {
    let stroke = drawn(40, 40, |_, x| if x == 20 || x == 21 { [0.1; 3] } else { [0.8, 0.7, 0.9] });
    let strokes = white(&plain(Preprocessor::Scribble, &stroke));
    assert_eq!(strokes.len(), 80, "two columns of 40");
    assert!(strokes.iter().all(|(_, x)| *x == 20 || *x == 21));
    let light = drawn(40, 40, |_, x| if x == 20 { [0.9; 3] } else { [0.2; 3] });
    assert!(white(&plain(Preprocessor::Scribble, &light)).is_empty(), "light strokes are none");
}

#[test]
fn tile_keeps_ramps_and_loses_detail() {
    let ramp = drawn(48, 61, |y, x| [0.2 + y as f32 / 100.0, 0.1 + x as f32 / 80.0, 0.5]);
    let tile = plain(Preprocessor::Tile, &ramp);
    let inner = |x: &Tensor| x.narrow(2, 12, 24).unwrap().narrow(3, 12, 32).unwrap();
    assert_close("a ramp away from the border", &inner(&tile), &inner(&ramp), 1e-6);
    let checks = drawn(48, 64, |y, x| if (y + x) % 2 == 0 { [1.0; 3] } else { [0.0; 3] });
    let flat = Tensor::full(0.5f32, (1, 3, 48, 64), &Device::Cpu).unwrap();
    assert_close("a chequerboard", &plain(Preprocessor::Tile, &checks), &flat, 1e-6);
}

#[test]
fn plain_hints_are_those_of_opencv() {
    let file = open(golden("hints/plain.safetensors"));
    for index in 0..2 {
        let picture = tensor(&file, &format!("picture.{index}"));
        let want = |name: &str| tensor(&file, &format!("{name}.{index}"));
        let cases = [
            (Preprocessor::Canny, grey(want("canny")), 0.0),
            (Preprocessor::Scribble, grey(want("scribble")), 0.0),
            (Preprocessor::Blur, want("blur"), 1e-6),
            (Preprocessor::Luminance, grey(want("luminance")), 1e-6),
            (Preprocessor::None, picture.clone(), 0.0),
        ];
        for (preprocessor, want, limit) in cases {
            assert_close(preprocessor.as_str(), &plain(preprocessor, &picture), &want, limit);
        }
    }
}

fn weights(name: &str) -> (Tensors<'static>, std::sync::Arc<TensorFile>) {
    let file = open(golden(&format!("hints/{name}.safetensors")));
    (source(View::below(file.clone(), "weights.")), file)
}

fn loaded(preprocessor: Preprocessor, name: &str) -> (Detector, std::sync::Arc<TensorFile>) {
    let (source, file) = weights(name);
    (Detector::load(preprocessor, &source, &Device::Cpu).unwrap(), file)
}

#[test]
fn lineart_and_soft_edge() {
    for (preprocessor, name) in [(Preprocessor::Lineart, "lineart"), (Preprocessor::SoftEdge, "soft_edge")] {
        let (detector, file) = loaded(preprocessor, name);
        let picture = tensor(&file, "picture");
        let want = grey(tensor(&file, "out"));
        assert_close(name, &detect(&detector, &picture), &want, 1e-5);
        let two = Tensor::cat(&[&picture.flip(&[3]).unwrap(), &picture], 0).unwrap();
        let hints = detect(&detector, &two);
        assert_close("whatever frame comes before", &hints.narrow(0, 1, 1).unwrap(), &want, 1e-5);
    }
}

/// A tensor from its least value to its largest as 0 to 1.
fn spread(x: &Tensor) -> Tensor {
    let all = x.flatten_all().unwrap();
    let (low, high) =
        (all.min(0).unwrap().to_scalar::<f32>().unwrap(), all.max(0).unwrap().to_scalar::<f32>().unwrap());
    x.affine(f64::from(1.0 / (high - low)), f64::from(-low / (high - low))).unwrap()
}

#[test]
fn depth_of_wide_tall_and_square_pictures() {
    let (detector, file) = loaded(Preprocessor::Depth, "depth");
    for index in 0..3 {
        let got = detect(&detector, &tensor(&file, &format!("picture.{index}")));
        let want = grey(spread(&tensor(&file, &format!("out.{index}"))));
        assert_close(&format!("depth {index}"), &got, &want, 2e-5);
    }
}

#[test]
fn depth_has_one_scale_for_the_clip() {
    let (detector, file) = loaded(Preprocessor::Depth, "depth");
    let (one, other) = (tensor(&file, "picture.0"), tensor(&file, "picture.0").affine(0.3, 0.1).unwrap());
    let together = detect(&detector, &Tensor::cat(&[&one, &other], 0).unwrap());
    let all = together.flatten_all().unwrap();
    assert_eq!(all.min(0).unwrap().to_scalar::<f32>().unwrap(), 0.0);
    assert_eq!(all.max(0).unwrap().to_scalar::<f32>().unwrap(), 1.0);
    // Frame by frame the same up to a factor and an offset, which one of the frames at least had otherwise.
    let mut moved = false;
    for (index, alone) in [one, other].iter().enumerate() {
        let (alone, within) = (detect(&detector, alone), together.narrow(0, index, 1).unwrap());
        assert_close("up to the scale", &spread(&within), &alone, 1e-4);
        moved |= support::deviation(&within, &alone).0 > 1e-2;
    }
    assert!(moved, "each frame has a scale of its own");
}

#[test]
fn work_ends_between_frames() {
    #[derive(Debug, PartialEq)]
    enum Stop {
        Asked(usize),
        Model(String),
    }
    impl From<ModelError> for Stop {
        fn from(error: ModelError) -> Self {
            Self::Model(error.to_string())
        }
    }
    let detector = Detector::plain(Preprocessor::Canny, &Device::Cpu).unwrap();
    let pictures = Tensor::zeros((5, 3, 8, 8), DType::F32, &Device::Cpu).unwrap();
    let mut seen = Vec::new();
    let stopped = detector.detect(&pictures, |index| {
        seen.push(index);
        if index == 2 { Err(Stop::Asked(index)) } else { Ok(()) }
    });
    assert_eq!((stopped.unwrap_err(), seen), (Stop::Asked(2), vec![0, 1, 2]));

    let shape = Tensor::zeros((5, 4, 8, 8), DType::F32, &Device::Cpu).unwrap();
    let wrong: Stop = detector.detect(&shape, |_| Ok(())).unwrap_err();
    let sentence = "hints are made of pictures [frames, 3, height, width], not of [5, 4, 8, 8]";
    assert_eq!(wrong, Stop::Model(sentence.into()));
}

#[test]
fn every_missing_or_misshapen_tensor_is_named() {
    let cases = [
        (Preprocessor::Lineart, "lineart"),
        (Preprocessor::SoftEdge, "soft_edge"),
        (Preprocessor::Depth, "depth"),
    ];
    for (preprocessor, name) in cases {
        let (_, file) = weights(name);
        let all: HashMap<String, Tensor> = (file.names())
            .filter_map(|full| Some((full.strip_prefix("weights.")?.to_owned(), tensor(&file, full))))
            .collect();
        let load = |tensors: HashMap<String, Tensor>| {
            Detector::load(preprocessor, &Tensors::from_map("file", tensors), &Device::Cpu)
        };
        for part in all.keys() {
            // What no result depends on: the coarsest map has nothing to add, and nothing is masked.
            if part.contains("refinenet4.resConfUnit1") || part.ends_with("mask_token") {
                continue;
            }
            let mut tensors = all.clone();
            tensors.remove(part);
            let message = load(tensors).unwrap_err().to_string();
            assert!(message.starts_with("file: "), "{part}: {message}");

            let mut tensors = all.clone();
            tensors.insert(part.clone(), Tensor::zeros((3, 1), DType::F32, &Device::Cpu).unwrap());
            let message = load(tensors).unwrap_err().to_string();
            assert!(
                message.contains(&format!("`{part}` has the shape [3, 1], expected")),
                "{part}: {message}"
            );
        }
    }
}

#[test]
fn names() {
    for preprocessor in Preprocessor::ALL.iter().copied() {
        assert_eq!(preprocessor.as_str().parse::<Preprocessor>().unwrap(), preprocessor);
        assert_eq!(Detector::plain(preprocessor, &Device::Cpu).is_err(), preprocessor.has_network());
    }
    assert!("openpose".parse::<Preprocessor>().is_err());
}
