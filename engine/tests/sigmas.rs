//! Noise schedules against the reference: tables, mappings, every scheduler, denoise and flip.
//!
//! The golden values have nine digits, enough to distinguish neighbouring f32 values, and all of them are matched
//! exactly, except for the five in [`OFF_BY_AN_ULP`].

#![allow(clippy::cast_possible_truncation, reason = "tests convert small numbers")]

use testing as support;

use engine::diffusion::{Betas, NoiseSchedule, Scheduler, flip, sigmas};
use support::{golden, golden_rows, reference_vectors};

/// A value for which a function of the reference's tensor library does not round correctly.
struct Off {
    row: &'static str,
    index: usize,
    function: fn(f64) -> f64,
    /// The function's argument, the same in the reference and here.
    argument: f32,
    /// The function's result in the reference: not the f32 nearest to the exact value, but its neighbour.
    reference: f32,
}

const fn off(
    row: &'static str,
    index: usize,
    function: fn(f64) -> f64,
    argument: f32,
    reference: f32,
) -> Off {
    Off { row, index, function, argument, reference }
}

#[allow(clippy::excessive_precision, reason = "nine digits, as the reference prints them")]
const OFF_BY_AN_ULP: [Off; 5] = [
    off("linear kl_optimal 16 1", 7, f64::tan, 0.814_929_187, 1.060_877_44),
    off("linear_sdxl kl_optimal 16 1", 7, f64::tan, 0.843_276_56, 1.123_013_97),
    off("linear_sdxl kl_optimal 16 1", 12, f64::tan, 0.334_453_017, 0.347_507_983),
    off("linear_sdxl kl_optimal 16 1", 13, f64::tan, 0.232_688_308, 0.236_980_855),
    off("linear_sdxl sgm_uniform 16 1", 9, f64::exp, 0.528_288_305, 1.696_026_8),
];

/// The printed values of a row as numbers, with the five exceptions replaced by the nearest f32.
fn wanted(row: &str, printed: &[String]) -> Vec<f32> {
    let mut values: Vec<f32> = printed.iter().map(|word| word.parse().unwrap()).collect();
    for off in OFF_BY_AN_ULP.iter().filter(|off| off.row == row) {
        assert_eq!(values[off.index], off.reference, "{row}");
        values[off.index] = (off.function)(f64::from(off.argument)) as f32;
    }
    values
}

#[test]
fn where_a_value_is_not_the_reference_s_it_is_the_nearer_one() {
    for off in &OFF_BY_AN_ULP {
        let exact = (off.function)(f64::from(off.argument));
        let nearest = exact as f32;
        assert_eq!(nearest.to_bits().abs_diff(off.reference.to_bits()), 1, "{}", off.row);
        let distance = |value: f32| (f64::from(value) - exact).abs();
        assert!(distance(nearest) < distance(off.reference), "{}", off.row);
    }
}

fn schedule(betas: &str) -> NoiseSchedule {
    NoiseSchedule::new(betas.parse::<Betas>().unwrap())
}

fn list(betas: &str, scheduler: &str, steps: &str, denoise: &str) -> Vec<f32> {
    let scheduler: Scheduler = scheduler.parse().unwrap();
    sigmas(&schedule(betas), scheduler, steps.parse().unwrap(), denoise.parse().unwrap()).unwrap()
}

#[test]
fn schedules_agree_to_the_last_printed_digit() {
    for (key, values) in golden_rows("sigmas/schedules.txt") {
        let [kind, betas, scheduler, steps, denoise] = &key[..] else { panic!("{key:?}") };
        let falling = list(betas, scheduler, steps, denoise);
        let name = key.join(" ");
        let noise = schedule(betas);
        let timesteps = |visited: &[f32]| -> Vec<f32> {
            visited[..visited.len() - 1].iter().map(|&s| noise.timestep(s)).collect()
        };
        let want = wanted(&key[1..].join(" "), &values);
        match kind.as_str() {
            "sigmas" => assert_eq!(falling, want, "{name}"),
            "flipped" => assert_eq!(flip(&falling), want, "{name}"),
            "timesteps-unsample" => assert_eq!(timesteps(&flip(&falling)), want, "{name}"),
            "timesteps-resample" => assert_eq!(timesteps(&falling), want, "{name}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn mappings_agree_to_the_last_printed_digit() {
    for line in golden("sigmas/mappings.txt").lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [kind, betas, argument, want] = words[..] else { panic!("{line}") };
        let noise = schedule(betas);
        let want: f32 = want.parse().unwrap();
        let got = match kind {
            "table" => noise.table()[argument.parse::<usize>().unwrap()],
            "timestep" => noise.timestep(argument.parse().unwrap()),
            "sigma" => noise.sigma(argument.parse().unwrap()),
            "percent_to_sigma" => noise.percent_to_sigma(argument.parse().unwrap()) as f32,
            other => panic!("{other}"),
        };
        assert_eq!(got, want, "{line}");
    }
}

#[test]
fn beta_steps_agree_for_every_count() {
    let noise = NoiseSchedule::new(Betas::Linear);
    for line in golden("sigmas/beta_indices.txt").lines() {
        let (steps, checksum) = line.split_once(' ').unwrap();
        let list = sigmas(&noise, Scheduler::Beta, steps.parse().unwrap(), 1.0).unwrap();
        let mut sum = list.len() as u64 - 1;
        for &sigma in &list[..list.len() - 1] {
            let index = noise.table().iter().position(|&entry| entry == sigma).unwrap();
            sum = (sum * 1009 + index as u64) % 1_000_000_007;
        }
        assert_eq!(sum, checksum.parse::<u64>().unwrap(), "{steps} steps");
    }
}

#[test]
fn the_whole_tables_agree() {
    let vectors = reference_vectors("vectors.json");
    for (full, betas) in [
        ("linear (HotshotXL/default)", Betas::Linear),
        ("sqrt_linear (AnimateDiff)", Betas::SqrtLinear),
        ("linear (AnimateDiff-SDXL)", Betas::LinearSdxl),
    ] {
        let want: Vec<f32> = serde_json::from_value(vectors[format!("sigmas_table|{full}")].clone()).unwrap();
        assert_eq!(NoiseSchedule::new(betas).table(), want, "{full}");
    }
}

#[test]
fn every_schedule_agrees() {
    let vectors = reference_vectors("sigmas.json");
    let mut compared = 0;
    for (key, value) in vectors.as_object().unwrap() {
        let parts: Vec<_> = key.split('|').collect();
        let betas = match parts[0] {
            "sqrt_linear (AnimateDiff)" => "sqrt_linear",
            "linear (AnimateDiff-SDXL)" => "linear_sdxl",
            _ => "linear",
        };
        let got = match parts[..] {
            ["timestep", ..] => continue,
            ["AYS", table, steps] => list(betas, &ays(table), steps, "1"),
            ["AYS", table, steps, denoise] => list(betas, &ays(table), steps, &denoise[7..]),
            ["FLIP", "AYS", table, steps] => flip(&list(betas, &ays(table), steps, "1")),
            [_, scheduler, steps] => list(betas, scheduler, steps, "1"),
            _ => panic!("{key}"),
        };
        let want: Vec<String> = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(got, wanted(&format!("{betas} {} 16 1", parts[1]), &want), "{key}");
        compared += 1;
    }
    assert!(compared > 60, "{compared} schedules");
}

fn ays(table: &str) -> String {
    format!("ays-{}", table.to_lowercase())
}
