//! Noise schedules against the reference: tables, mappings, every scheduler, denoise and flip.
//!
//! The golden values carry nine digits, enough to tell neighbouring f32 values apart.

mod support;

use support::{assert_close, golden, golden_rows, numbers, reference_vectors};
use unsample::diffusion::{Betas, NoiseSchedule, Scheduler, flip, sigmas};

/// The last of nine printed digits.
const PRINTED: f64 = 1e-8;

/// Five of the values come from transcendental functions that the reference's library rounds the other
/// way; there one unit in the last place of an f32 is allowed, elsewhere nothing.
fn limit(name: &str) -> f64 {
    const ONE_UNIT: f64 = 1.2e-7;
    match name {
        "sigmas linear kl_optimal 16 1"
        | "sigmas linear_sdxl kl_optimal 16 1"
        | "sigmas linear_sdxl sgm_uniform 16 1" => ONE_UNIT,
        _ => PRINTED,
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
        let timesteps = |visited: &[f32]| -> Vec<f64> {
            visited[..visited.len() - 1].iter().map(|&s| noise.timestep(s) as f64).collect()
        };
        let want = numbers(&values);
        match kind.as_str() {
            "sigmas" => assert_close(&name, &falling, &want, limit(&name), 0.0),
            "flipped" => assert_close(&name, &flip(&falling), &want, PRINTED, 0.0),
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
        let want: f64 = want.parse().unwrap();
        let got = match kind {
            "table" => noise.table()[argument.parse::<usize>().unwrap()].into(),
            "timestep" => noise.timestep(argument.parse().unwrap()) as f64,
            "sigma" => noise.sigma(argument.parse().unwrap()).into(),
            "percent_to_sigma" => noise.percent_to_sigma(argument.parse().unwrap()),
            other => panic!("{other}"),
        };
        assert_close(line, &[got], &[want], PRINTED, 0.0);
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
fn the_whole_tables_agree_where_the_full_vectors_are_present() {
    let Some(vectors) = reference_vectors("vectors.json") else {
        return;
    };
    for (full, betas) in [
        ("linear (HotshotXL/default)", Betas::Linear),
        ("sqrt_linear (AnimateDiff)", Betas::SqrtLinear),
        ("linear (AnimateDiff-SDXL)", Betas::LinearSdxl),
    ] {
        let want: Vec<f64> = serde_json::from_value(vectors[format!("sigmas_table|{full}")].clone()).unwrap();
        assert_close(full, NoiseSchedule::new(betas).table(), &want, PRINTED, 0.0);
    }
}

#[test]
fn every_schedule_agrees_where_the_full_vectors_are_present() {
    let Some(vectors) = reference_vectors("sigmas.json") else {
        return;
    };
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
        let name = format!("sigmas {betas} {} 16 1", parts[1]);
        assert_close(key, &got, &numbers(&want), limit(&name), 0.0);
        compared += 1;
    }
    assert!(compared > 60, "{compared} schedules");
}

fn ays(table: &str) -> String {
    format!("ays-{}", table.to_lowercase())
}
