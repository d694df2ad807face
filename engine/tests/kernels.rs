//! The fast kernels for f32 on the processor against the general ones, which run here in f64.

#![allow(clippy::cast_precision_loss, reason = "tests convert small numbers")]

use testing::networks as support;

use candle_core::{DType, Device, Tensor};
use engine::nn::kernels::*;
use support::assert_close;

const LIMIT: f64 = 2e-6;

fn random(shape: &[usize]) -> Tensor {
    Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap()
}

fn wide(tensor: &Tensor) -> Tensor {
    tensor.to_dtype(DType::F64).unwrap()
}

#[test]
fn convolutions() {
    let same = Padding::even(1);
    let cases = [
        // frames, in, out, height, width, kernel, stride, padding
        (2, 5, 7, 9, 11, 3, 1, same),
        (1, 3, 4, 1, 1, 3, 1, same),
        (3, 16, 9, 33, 57, 3, 1, same),
        (2, 4, 3, 8, 130, 3, 1, same),
        (5, 8, 16, 9, 7, 3, 2, same),
        (2, 6, 8, 24, 31, 3, 2, same),
        (1, 6, 8, 40, 30, 3, 2, Padding { before: 0, after: 1 }),
        (3, 6, 8, 10, 12, 3, 2, Padding { before: 0, after: 1 }),
        (4, 12, 20, 7, 5, 1, 1, Padding::even(0)),
        (1, 12, 20, 30, 20, 1, 1, Padding::even(0)),
        (2, 4, 6, 20, 21, 5, 1, Padding::even(2)),
        // More weights than stay in the cache, few and many pixels.
        (2, 400, 400, 5, 6, 3, 1, same),
        (1, 400, 400, 20, 17, 3, 1, same),
    ];
    for (frames, channels, out, height, width, kernel, stride, padding) in cases {
        let x = random(&[frames, channels, height, width]);
        let weight = random(&[out, channels, kernel, kernel]);
        let bias = random(&[out]);
        for bias in [None, Some(&bias)] {
            let got = conv2d(&x, &weight, bias, stride, padding).unwrap();
            let want = conv2d(&wide(&x), &wide(&weight), bias.map(wide).as_ref(), stride, padding).unwrap();
            let what = format!("{frames}x{channels}x{height}x{width} to {out}, {kernel} / {stride}");
            assert_close(&what, &got, &want, LIMIT);
        }
    }
}

#[test]
fn transposed_convolutions() {
    // frames, in, out, height, width, kernel, stride, padding and what of it stays below and on the right
    let cases = [
        (1, 6, 5, 7, 9, 3, 2, [1, 1]),
        (2, 16, 9, 12, 5, 3, 2, [1, 1]),
        (2, 6, 6, 5, 4, 4, 4, [0, 0]),
        (1, 7, 7, 6, 8, 2, 2, [0, 0]),
        (1, 3, 2, 1, 1, 3, 1, [1, 0]),
    ];
    for (frames, channels, out, height, width, kernel, stride, cut) in cases {
        let x = random(&[frames, channels, height, width]);
        let (weight, bias) = (random(&[channels, out, kernel, kernel]), random(&[out]));
        let got = conv_transpose2d(&x, &weight, &bias, stride, cut).unwrap();
        let want = conv_transpose2d(&wide(&x), &wide(&weight), &wide(&bias), stride, cut).unwrap();
        assert_close(
            &format!("{frames}x{channels}x{height}x{width}, {kernel} / {stride}"),
            &got,
            &want,
            LIMIT,
        );
    }
}

#[test]
fn attention_of_all_widths() {
    // Widths with a kernel of their own, and others; keys shared by several queries; more queries than a block.
    for (n, m, tokens, keys, heads, width) in [
        (2, 2, 70, 70, 8, 4),
        (4, 2, 33, 77, 8, 6),
        (3, 1, 130, 9, 2, 10),
        (2, 2, 65, 64, 3, 16),
        (1, 1, 5, 3, 4, 5),
        (2, 1, 50, 40, 2, 7),
        (1, 1, 300, 310, 1, 80),
        (2, 2, 16, 16, 4, 64),
    ] {
        let channels = heads * width;
        let (q, k, v) =
            (random(&[n, tokens, channels]), random(&[m, keys, channels]), random(&[m, keys, channels]));
        // Scores near 0, and scores whose powers would be infinite.
        for (causal, factor) in [(false, 1.0), (true, 4.0), (false, 4.0), (false, 60.0)] {
            let q = (&q * factor).unwrap();
            let got = attention(&q, &k, &v, heads, causal).unwrap();
            let want = attention(&wide(&q), &wide(&k), &wide(&v), heads, causal).unwrap();
            let what = format!("{n} {m} {tokens} {keys} {heads} {width} {causal} {factor}");
            // Rounding of a score is a relative error of its power.
            assert_close(&what, &got, &want, LIMIT * f64::max(1.0, factor / 4.0));
        }
    }
}

#[test]
fn attention_between_frames() {
    for (videos, frames, pixels, heads, width) in
        [(2, 5, 37, 8, 4), (1, 16, 70, 8, 10), (1, 1, 3, 2, 3), (3, 24, 1, 8, 40)]
    {
        let shape = [videos * frames, pixels, heads * width];
        let (q, k, v) = (random(&shape), random(&shape), random(&shape));
        let scales: Vec<f32> = (0..frames).map(|t| 0.5 + t as f32 * 0.3).collect();
        for scale in [vec![1.0], scales] {
            let got = temporal_attention(&q, &k, &v, frames, heads, &scale).unwrap();
            let want = temporal_attention(&wide(&q), &wide(&k), &wide(&v), frames, heads, &scale).unwrap();
            assert_close(&format!("{videos} {frames} {pixels} {heads} {width}"), &got, &want, LIMIT);
        }
    }
}

#[test]
fn norms() {
    let x = ((random(&[6, 24, 7, 9]) * 3.0).unwrap() + 5.0).unwrap();
    let (gain, bias) = (random(&[24]), random(&[24]));
    for (span, silu) in [(1, false), (1, true), (3, false), (6, true)] {
        let how = Statistics { groups: 6, eps: 1e-5, span, silu };
        let got = group_norm(&x, &gain, &bias, how).unwrap();
        let want = group_norm_plainly(&x, &gain, &bias, &how);
        assert_close(&format!("group norm, span {span}, silu {silu}"), &got, &want, LIMIT);
    }
    let x = ((random(&[6, 50, 40]) * 2.0).unwrap() + 3.0).unwrap();
    let (gain, bias, positions) = (random(&[40]), random(&[40]), random(&[3, 40]));
    let plain = layer_norm(&x, &gain, &bias, 1e-5, None).unwrap();
    let wide_plain = layer_norm(&wide(&x), &gain, &bias, 1e-5, None).unwrap();
    assert_close("layer norm", &plain, &wide_plain, LIMIT);
    let placed = layer_norm(&x, &gain, &bias, 1e-5, Some(&positions)).unwrap();
    let wide_placed = layer_norm(&wide(&x), &gain, &bias, 1e-5, Some(&wide(&positions))).unwrap();
    assert_close("layer norm with positions", &placed, &wide_placed, LIMIT);
    // Frame 4 is the second of its video: it gets position 1 and nothing else.
    let moved = (placed.narrow(0, 4, 1).unwrap() - plain.narrow(0, 4, 1).unwrap()).unwrap();
    let want = positions.narrow(0, 1, 1).unwrap().unsqueeze(0).unwrap().broadcast_as((1, 50, 40)).unwrap();
    assert_close("the position of frame 4", &moved, &want, 1e-5);
}

/// The definition, in f64 loops.
fn group_norm_plainly(x: &Tensor, gain: &Tensor, bias: &Tensor, how: &Statistics) -> Tensor {
    let (n, c, h, w) = x.dims4().unwrap();
    let values = wide(x).flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let (gain, bias) = (wide(gain).to_vec1::<f64>().unwrap(), wide(bias).to_vec1::<f64>().unwrap());
    let place = |index: usize| (index / (c * h * w), index / (h * w) % c);
    let group = |index: usize| {
        let (frame, channel) = place(index);
        frame / how.span * how.groups + channel / (c / how.groups)
    };
    let mut sums = vec![(0.0, 0.0, 0.0); n / how.span * how.groups];
    for (index, value) in values.iter().enumerate() {
        let sum = &mut sums[group(index)];
        *sum = (sum.0 + 1.0, sum.1 + value, sum.2 + value * value);
    }
    let out: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let (count, sum, squares) = sums[group(index)];
            let mean = sum / count;
            let normed = (value - mean) / (squares / count - mean * mean + how.eps).sqrt();
            let out = normed * gain[place(index).1] + bias[place(index).1];
            if how.silu { out / (1.0 + (-out).exp()) } else { out }
        })
        .collect();
    Tensor::from_vec(out, x.dims(), &Device::Cpu).unwrap()
}

#[test]
fn linear_layers_and_gates() {
    let (x, residual) = (random(&[3, 300, 24]), random(&[3, 300, 24]));
    let (weight, bias) = (random(&[24, 24]), random(&[24]));
    for (bias, residual) in
        [(None, None), (Some(&bias), None), (None, Some(&residual)), (Some(&bias), Some(&residual))]
    {
        let got = linear(&x, &weight, bias, residual).unwrap();
        let want =
            linear(&wide(&x), &wide(&weight), bias.map(wide).as_ref(), residual.map(wide).as_ref()).unwrap();
        assert_close("linear", &got, &want, LIMIT);
    }
    let (gate, gate_bias) = (random(&[192, 24]), random(&[192]));
    let (out, out_bias) = (random(&[24, 96]), random(&[24]));
    let got = feed_forward(&x, (&gate, &gate_bias), (&out, &out_bias), &residual).unwrap();
    let hidden = geglu(&linear(&wide(&x), &wide(&gate), Some(&wide(&gate_bias)), None).unwrap()).unwrap();
    let want = linear(&hidden, &wide(&out), Some(&wide(&out_bias)), Some(&wide(&residual))).unwrap();
    assert_close("feed-forward", &got, &want, LIMIT);
    let x = (random(&[5, 64]) * 4.0).unwrap();
    assert_close("geglu", &geglu(&x).unwrap(), &geglu(&wide(&x)).unwrap(), LIMIT);
    assert_close("silu", &silu(&x).unwrap(), &silu(&wide(&x)).unwrap(), LIMIT);
    assert_close("gelu", &gelu(&x).unwrap(), &gelu(&wide(&x)).unwrap(), LIMIT);
    assert_close("relu", &relu(&x).unwrap(), &relu(&wide(&x)).unwrap(), 0.0);
    assert_close("quick gelu", &quick_gelu(&x).unwrap(), &quick_gelu(&wide(&x)).unwrap(), LIMIT);
    assert_close("add", &add(&x, &x).unwrap(), &(wide(&x) * 2.0).unwrap(), LIMIT);
}

#[test]
fn pictures_and_tokens() {
    let x = random(&[3, 37, 9, 13]);
    let tokens = to_tokens(&x).unwrap();
    assert_close("tokens", &tokens, &to_tokens(&wide(&x)).unwrap(), 0.0);
    let sum = add_tokens(&x, &tokens).unwrap();
    assert_close("there and back", &sum, &(wide(&x) * 2.0).unwrap(), 1e-7);
    for (height, width) in [(18, 26), (17, 25), (9, 13), (27, 14)] {
        let got = upsample_nearest(&x, height, width).unwrap();
        let want = upsample_nearest(&wide(&x), height, width).unwrap();
        assert_close("upsampled", &got, &want, 0.0);
    }
}

#[test]
fn a_part_of_a_tensor_is_as_good_as_a_whole_one() {
    let x = random(&[4, 6, 8, 10]);
    let part = x.narrow(0, 1, 2).unwrap().narrow(1, 2, 4).unwrap();
    let weight = random(&[8, 8, 3, 3]).narrow(1, 3, 4).unwrap().contiguous().unwrap();
    let got = conv2d(&part, &weight, None, 1, Padding::even(1)).unwrap();
    let want = conv2d(&wide(&part), &wide(&weight), None, 1, Padding::even(1)).unwrap();
    assert_close("convolution of a part", &got, &want, LIMIT);
    assert_close("silu of a part", &silu(&part).unwrap(), &silu(&wide(&part)).unwrap(), LIMIT);
}

/// What a card computes in, by the operations that it computes with: near the f32 kernels on the same rounded numbers.
#[test]
fn half_precision_by_the_general_operations() {
    const HALF: f64 = 2e-3;
    let half = |x: &Tensor| x.to_dtype(DType::F16).unwrap();
    let rounded = |shape: &[usize]| half(&random(shape)).to_dtype(DType::F32).unwrap();
    let check = |what: &str, got: candle_core::Result<Tensor>, want: candle_core::Result<Tensor>| {
        let got = got.unwrap();
        assert_eq!(got.dtype(), DType::F16, "{what}");
        assert_close(what, &got, &want.unwrap(), HALF);
    };
    let x = rounded(&[4, 16, 11, 9]);
    let (weight, bias) = (rounded(&[8, 16, 3, 3]), rounded(&[8]));
    for (stride, padding) in [(1, Padding::even(1)), (2, Padding { before: 0, after: 1 })] {
        let want = conv2d(&x, &weight, Some(&bias), stride, padding);
        check("convolution", conv2d(&half(&x), &half(&weight), Some(&half(&bias)), stride, padding), want);
    }
    // A mean far from 0, whose square sums would lose everything in f16.
    let shifted = ((&x * 3.0).unwrap() + 200.0).unwrap();
    let shifted = half(&shifted).to_dtype(DType::F32).unwrap();
    let (gain, shift) = (random(&[16]), random(&[16]));
    for (span, silu) in [(1, false), (1, true), (4, true)] {
        let how = Statistics { groups: 4, eps: 1e-5, span, silu };
        let want = group_norm(&shifted, &gain, &shift, how);
        check("group norm", group_norm(&half(&shifted), &gain, &shift, how), want);
    }
    let tokens = rounded(&[4, 33, 16]);
    let positions = rounded(&[2, 16]);
    let want = layer_norm(&tokens, &gain, &shift, 1e-5, Some(&positions));
    check("layer norm", layer_norm(&half(&tokens), &gain, &shift, 1e-5, Some(&half(&positions))), want);
    let (k, v) = (rounded(&[2, 21, 16]), rounded(&[2, 21, 16]));
    let want = attention(&tokens, &k, &v, 4, false);
    check("attention", attention(&half(&tokens), &half(&k), &half(&v), 4, false), want);
    let want = temporal_attention(&tokens, &tokens, &tokens, 2, 4, &[1.0, 1.5]);
    let narrow = half(&tokens);
    check("between frames", temporal_attention(&narrow, &narrow, &narrow, 2, 4, &[1.0, 1.5]), want);
    let (gate, gate_bias) = ((rounded(&[64, 16]) * 0.25).unwrap(), rounded(&[64]));
    let (out, out_bias) = ((rounded(&[16, 32]) * 0.25).unwrap(), rounded(&[16]));
    let want = feed_forward(&tokens, (&gate, &gate_bias), (&out, &out_bias), &tokens);
    let got =
        feed_forward(&narrow, (&half(&gate), &half(&gate_bias)), (&half(&out), &half(&out_bias)), &narrow);
    check("feed-forward", got, want);
    check("silu", silu(&narrow), silu(&tokens));
    check("quick gelu", quick_gelu(&narrow), quick_gelu(&tokens));
    check("gelu", gelu(&narrow), gelu(&tokens));
    check("pictures to tokens", to_tokens(&half(&x)), to_tokens(&x));
    check("upsampled", upsample_nearest(&half(&x), 23, 18), upsample_nearest(&x, 23, 18));
}
