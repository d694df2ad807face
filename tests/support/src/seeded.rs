//! Weights computed from their names, bit-identical to those of `golden/networks/seeded.py`.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |value, byte| (value ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Value `index` of a tensor, -1..1 in steps of 2^-23.
fn uniform(seed: u64, index: u64) -> f32 {
    let mut x = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 40) as f32 * (0.5f32).powi(23) - 1.0
}

/// The weights of a tensor with this name and shape.
pub fn tensor(name: &str, shape: &[usize]) -> Tensor {
    let seed = fnv1a(name);
    let count: usize = shape.iter().product();
    let row: usize = shape.iter().skip(1).product();
    let (scale, offset) = match shape.len() {
        2.. if name.contains("embedding.weight") => (0.5, 0.0),
        2.. => ((1.4 / (row as f64).sqrt()) as f32, 0.0),
        _ if name.ends_with("weight") => (0.25, 1.0),
        _ => (0.25, 0.0),
    };
    let values: Vec<f32> = (0..count).map(|i| uniform(seed, i as u64) * scale + offset).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// All tensors of a JSON list of names and shapes.
pub fn tensors(list: &str) -> HashMap<String, Tensor> {
    let list: HashMap<String, Vec<usize>> = serde_json::from_str(list).unwrap();
    list.into_iter().map(|(name, shape)| (name.clone(), tensor(&name, &shape))).collect()
}
