//! `cargo xtask demo`: from a clone to a restyled clip in one command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbImage, imageops};

use crate::{bundle, clip, target};

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct DemoArgs {
    /// What to turn the sample clip into
    #[arg(long, default_value = "a pencil sketch")]
    pub prompt: String,
    /// Frames of the sample clip
    #[arg(long, default_value_t = 24)]
    pub frames: u32,
}

/// Builds the bundle, renders the sample clip and makes an image of source and result side by side.
pub fn run(arguments: &DemoArgs) -> Result<()> {
    let started = Instant::now();
    let made = bundle::run(&bundle::BundleArgs::default())?;
    let built = started.elapsed();

    let folder = target().join("demo");
    let (source, styled) = (folder.join("source"), folder.join("styled"));
    for part in [&source, &styled] {
        if part.exists() {
            fs::remove_dir_all(part)?;
        }
        fs::create_dir_all(part)?;
    }
    let count = arguments.frames.max(1);
    for i in 0..count {
        clip::frame(i, count).save(source.join(format!("{:04}.png", i + 1)))?;
    }

    let started = Instant::now();
    let status = Command::new(&made.tool)
        .arg("render")
        .arg(&source)
        .arg("-o")
        .arg(styled.join("%04d.png"))
        .arg("--bundle")
        .arg(&made.bundle)
        // A third larger than the clip: at 144 pixels people are too small for the model to draw.
        .args([
            "--set",
            &format!("prompt={}", arguments.prompt),
            "--set",
            "workingSize=192",
            "--set",
            "cacheSize=0",
        ])
        .status()
        .with_context(|| format!("{} could not be started", made.tool.display()))?;
    if !status.success() {
        bail!("the render failed");
    }
    let rendered = started.elapsed();

    let before = read(&source)?;
    let after = read(&styled)?;
    let clip = folder.join("styled.gif");
    gif(&clip, &after)?;
    let picture = folder.join("side-by-side.png");
    side_by_side(&before, &after)?.save(&picture)?;
    println!("\nprompt            {}", arguments.prompt);
    println!("restyled clip     {}", clip.display());
    println!("its frames        {}", styled.display());
    println!("side by side      {}", picture.display());
    println!("plugin            {}", made.bundle.display());
    println!(
        "timings           build {:.0} s, render {:.1} s for {count} frames ({:.2} s a frame)",
        built.as_secs_f64(),
        rendered.as_secs_f64(),
        rendered.as_secs_f64() / f64::from(count)
    );
    Ok(())
}

fn read(folder: &Path) -> Result<Vec<RgbImage>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|f| Ok(image::open(f).with_context(|| format!("{}", f.display()))?.to_rgb8())).collect()
}

fn gif(path: &Path, frames: &[RgbImage]) -> Result<()> {
    let mut encoder = GifEncoder::new_with_speed(fs::File::create(path)?, 10);
    encoder.set_repeat(Repeat::Infinite)?;
    for frame in frames {
        let picture = image::DynamicImage::ImageRgb8(frame.clone()).to_rgba8();
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, Delay::from_numer_denom_ms(1000, 12)))?;
    }
    Ok(())
}

/// Four frames of the clip: the source above, the result below.
fn side_by_side(before: &[RgbImage], after: &[RgbImage]) -> Result<RgbImage> {
    let first = before.first().context("no frames")?;
    let (w, h) = first.dimensions();
    let moments: Vec<usize> = (0..4).map(|i| i * (before.len() - 1) / 3).collect();
    let mut sheet = RgbImage::new(w * 4, h * 2);
    for (column, &moment) in (0..).zip(&moments) {
        let x = i64::from(w) * column;
        imageops::replace(&mut sheet, &before[moment], x, 0);
        if let Some(styled) = after.get(moment) {
            imageops::replace(&mut sheet, styled, x, i64::from(h));
        }
    }
    Ok(sheet)
}
