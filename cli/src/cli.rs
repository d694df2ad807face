//! The command line's arguments, as clap parses them.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use openfx_host::render::Order;
use openfx_host::session::{ColourManagement, Components, Depth, Outside, RowBytes, Sequence, Settings};

use crate::options::variant;

/// Restyles video with the Unsample OpenFX plugin, without an editor.
#[derive(Debug, Parser)]
#[command(name = "unsample", version = VERSION, propagate_version = true)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("UNSAMPLE_COMMIT"), ")");

/// The commands of `unsample`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render a clip through the plugin.
    Render(Box<RenderArgs>),
    /// List the plugin's parameters.
    Params(ParamsArgs),
    /// Print the noise levels of a schedule, one per line.
    Sigmas(SigmasArgs),
    /// List, inspect and download weight files.
    Models {
        /// The subcommand of `models`.
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Show or clear the cache of finished stages on disk.
    Cache(CacheArgs),
    /// Report what is installed and what is missing: plugin, engine, models, hosts, ffmpeg, processor, graphics card.
    Doctor(DoctorArgs),
    /// Restyle a generated clip and print the time and memory that every part takes.
    Bench(BenchArgs),
}

/// The arguments of `unsample render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// A video, a folder of images, a pattern such as shot_%04d.png, shot_####.png or 'shot_*.png', a GIF, an
    /// animated PNG or WebP, or a single image.
    pub input: PathBuf,
    /// Where to write the result; its name decides the kind: a video, a folder of images, a pattern such as
    /// out_%04d.png, a GIF or animated PNG, or a single image.
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: PathBuf,
    /// Replace existing files. Without this option they are an error, which is reported before rendering.
    #[arg(long)]
    pub overwrite: bool,
    /// Connect another clip, for instance Hint=depth/
    #[arg(long = "clip", value_name = "NAME=INPUT")]
    pub clips: Vec<Assignment>,
    /// Set a parameter, for instance prompt="a pencil sketch"; `unsample params` lists them.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub values: Vec<Assignment>,
    /// Set a keyframe, for instance cfg@12=6.5
    #[arg(long = "key", value_name = "NAME@FRAME=VALUE")]
    pub keys: Vec<Keyframe>,
    /// Render only these frames, with the matching part of the sound. The rest of the clip is still read where needed.
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub frames: Option<FrameRange>,
    /// Press a button of the plugin before rendering.
    #[arg(long = "press", value_name = "NAME")]
    pub presses: Vec<String>,
    /// After rendering, print a parameter's value to standard output, for instance status.
    #[arg(long = "print", value_name = "NAME")]
    pub prints: Vec<String>,
    /// Print nothing but errors.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also print the plugin's log messages.
    #[arg(short, long)]
    pub verbose: bool,
    /// The plugin to load.
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// The behaviour of the host.
    #[command(flatten)]
    pub host: HostArgs,
}

/// The plugin to load.
#[derive(Clone, Debug, Args)]
pub struct PluginArgs {
    /// The bundle [default: beside this program, then in OFX_PLUGIN_PATH, then in the system's plugin folders]
    #[arg(long, value_name = "PATH")]
    pub bundle: Option<PathBuf>,
    /// The identifier of the plugin, if the bundle contains several.
    #[arg(long, value_name = "ID")]
    pub plugin: Option<String>,
    /// The context: general or filter [default: general if the plugin has it]
    #[arg(long, value_name = "NAME", help_heading = "Host behaviour")]
    pub context: Option<String>,
}

/// The behaviour of the host, for imitating other hosts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Host behaviour")]
pub struct HostArgs {
    /// The depth of the images [default: the best that the plugin supports]
    #[arg(long, value_parser = variant::<Depth>())]
    pub depth: Option<Depth>,
    /// The components of the images [default: rgba if the plugin supports it]
    #[arg(long, value_parser = variant::<Components>())]
    pub components: Option<Components>,
    /// Pass premultiplied images.
    #[arg(long)]
    pub premultiplied: bool,
    /// Render this many frames at once, on one instance if the plugin allows it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// The order in which frames are rendered.
    #[arg(long, value_parser = variant::<Order>(), default_value_t)]
    pub order: Order,
    /// The layout of the rows in memory.
    #[arg(long, value_parser = variant::<RowBytes>(), default_value_t)]
    pub row_bytes: RowBytes,
    /// The position of the image's lower left corner.
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, default_value = "0,0")]
    pub origin: Point,
    /// Return the current frame for every time, like hosts without temporal access.
    #[arg(long)]
    pub no_temporal: bool,
    /// Render at this scale.
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub scale: f64,
    /// Omit a suite, for instance OfxProgressSuite, or OfxMessageSuite:2 for one version.
    #[arg(long = "no-suite", value_name = "NAME")]
    pub no_suites: Vec<String>,
    /// Do not allow keyframes on string parameters, like most hosts.
    #[arg(long)]
    pub no_string_animation: bool,
    /// What a clip returns outside its range.
    #[arg(long, value_parser = variant::<Outside>(), default_value_t)]
    pub outside: Outside,
    /// How often the sequence actions are called.
    #[arg(long, value_parser = variant::<Sequence>(), default_value_t)]
    pub sequence: Sequence,
    /// The number of the first frame, on the host's time line.
    #[arg(long, value_name = "FRAME", allow_hyphen_values = true, default_value_t = 1)]
    pub first_frame: i32,
    /// Create an instance for every frame, as MLT does.
    #[arg(long)]
    pub fresh_instances: bool,
    /// Abort when the plugin has asked this many times whether to abort.
    #[arg(long, value_name = "N", hide = true)]
    pub abort_after: Option<u32>,
    /// The colour space to report for clips, or none to report nothing [default: the one of the file's tags]
    #[arg(long, value_name = "NAME")]
    pub colourspace: Option<ColourManagement>,
    /// The host's name as reported to the plugin.
    #[arg(long, value_name = "NAME")]
    pub host_name: Option<String>,
}

impl HostArgs {
    /// Converts the arguments to settings of the host.
    pub fn settings(&self, context: Option<&str>) -> Settings {
        let default = Settings::default();
        Settings {
            name: self.host_name.clone().unwrap_or(default.name),
            context: context.map(str::to_owned),
            depth: self.depth,
            components: self.components,
            premultiplied: self.premultiplied,
            row_bytes: self.row_bytes,
            origin: (self.origin.0, self.origin.1),
            temporal: !self.no_temporal,
            pretends_temporal: default.pretends_temporal,
            truncates_times: default.truncates_times,
            outside: self.outside,
            scale: self.scale,
            first_frame: self.first_frame,
            missing_suites: self.no_suites.clone(),
            animate_strings: !self.no_string_animation,
            sequence: self.sequence,
            abort_after: self.abort_after,
            colour: self.colourspace.clone().unwrap_or_default(),
        }
    }
}

/// The arguments of `unsample params`.
#[derive(Debug, Args)]
pub struct ParamsArgs {
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
    /// The plugin to load.
    #[command(flatten)]
    pub plugin: PluginArgs,
}

/// The arguments of `unsample sigmas`.
#[derive(Debug, Args)]
pub struct SigmasArgs {
    /// ays-sd1, ays-sdxl, ays-svd, normal, karras, exponential, sgm_uniform, simple, ddim_uniform, beta or kl_optimal
    #[arg(long, value_name = "NAME")]
    pub schedule: String,
    /// linear (the checkpoints' own), sqrt_linear (AnimateDiff) or linear_sdxl (AnimateDiff-SDXL)
    #[arg(long, value_name = "NAME", default_value = "linear")]
    pub betas: String,
    /// The number of sampling steps.
    #[arg(long, value_name = "N")]
    pub steps: usize,
    /// The share of the noise levels to keep, from 0 to 1, starting at the lowest.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub denoise: f64,
    /// Print the list in reverse order, as unsampling uses it.
    #[arg(long)]
    pub flip: bool,
}

/// The subcommands of `unsample models`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the weight files of the models folder and what each of them is.
    List,
    /// Print what a weight file is and whether its networks can be built from it.
    Inspect(InspectArgs),
    /// Download models from the Hugging Face hub into the models folder.
    Pull(PullArgs),
    /// Print the path of the models folder.
    Dir,
}

/// The arguments of `unsample models pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// The name of a set of models or of a single one; without it, list what is available.
    pub name: Option<String>,
    /// Download into this folder instead of the models folder.
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// The URL of the hub, or of a mirror.
    #[arg(long, value_name = "URL", default_value = "https://huggingface.co")]
    pub endpoint: String,
    /// Another table of models, in the format of bundle/models.toml.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
}

/// The arguments of `unsample models inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A weight file or a diffusers folder.
    pub file: PathBuf,
    /// Print JSON, including the tensors.
    #[arg(long)]
    pub json: bool,
    /// List every tensor with its format and shape.
    #[arg(long)]
    pub tensors: bool,
}

/// The arguments of `unsample cache`.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// The subcommand of `cache`.
    #[command(subcommand)]
    pub command: CacheCommand,
    /// The cache folder, if it is not the default one (the parameter cacheFolder).
    #[arg(long, value_name = "DIR", global = true)]
    pub folder: Option<PathBuf>,
}

/// The subcommands of `unsample cache`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CacheCommand {
    /// Print the size of the cache.
    Info,
    /// Remove all cache entries.
    Clear,
}

/// The arguments of `unsample doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The plugin to load.
    #[command(flatten)]
    pub plugin: PluginArgs,
}

/// The arguments of `unsample bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The number of frames to restyle.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub frames: u32,
    /// The size of the frames, which is also the size that the model works at.
    #[arg(long, value_name = "WxH", default_value = "256x256")]
    pub size: FrameSize,
    /// Set a parameter, for instance checkpoint=/models/sd15.safetensors
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub values: Vec<Assignment>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
    /// The plugin to load.
    #[command(flatten)]
    pub plugin: PluginArgs,
}

/// Width and height in pixels, written `WxH`; each from 8 to 8192.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSize(pub u32, pub u32);

impl FromStr for FrameSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (width, height) = text.split_once('x').ok_or("write WxH, for instance 512x512")?;
        let number = |text: &str| match text.trim().parse() {
            Ok(side @ 8..=8192) => Ok(side),
            _ => Err(format!("{text} is not a number of pixels from 8 to 8192; write WxH")),
        };
        Ok(Self(number(width)?, number(height)?))
    }
}

impl std::fmt::Display for FrameSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.0, self.1)
    }
}

/// A name and a value, written `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The text before the first equals sign, trimmed.
    pub name: String,
    /// The text after the first equals sign, unchanged.
    pub value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("there is no = in it; write NAME=VALUE")?;
        if name.trim().is_empty() {
            return Err("there is no name before the =".into());
        }
        Ok(Self { name: name.trim().to_owned(), value: value.to_owned() })
    }
}

/// A keyframe, written `NAME@FRAME=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyframe {
    /// The name of the parameter.
    pub name: String,
    /// The time of the keyframe, in the host's frame numbers.
    pub frame: f64,
    /// The value of the parameter at this frame, as text.
    pub value: String,
}

impl FromStr for Keyframe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Assignment { name, value } = text.parse()?;
        let (name, frame) = name.split_once('@').ok_or("there is no @ in it; write NAME@FRAME=VALUE")?;
        let frame: f64 = frame.trim().parse().map_err(|_| format!("{frame} is not a frame number"))?;
        if !frame.is_finite() || name.trim().is_empty() {
            return Err("write NAME@FRAME=VALUE".into());
        }
        Ok(Self { name: name.trim().to_owned(), frame, value })
    }
}

/// Frames to render in the host's numbering, written `A-B`, or `A` for one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRange {
    /// The number of the first frame.
    pub first: i32,
    /// The number of the last frame, inclusive.
    pub last: i32,
}

impl FromStr for FrameRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Either number may have a sign, so the dash between them is the first one after a digit.
        let dash = text
            .char_indices()
            .skip(1)
            .find(|(at, c)| *c == '-' && text[..*at].trim_end().ends_with(|c: char| c.is_ascii_digit()));
        let (first, last) = dash.map_or((text, text), |(at, _)| (&text[..at], &text[at + 1..]));
        let number = |text: &str| {
            text.trim().parse().map_err(|_| format!("`{}` is not a frame number; write A-B", text.trim()))
        };
        Ok(Self { first: number(first)?, last: number(last)? })
    }
}

/// A position in pixels, written `X,Y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(pub i32, pub i32);

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (x, y) = text.split_once(',').ok_or("write X,Y")?;
        let number =
            |text: &str| text.trim().parse().map_err(|_| format!("{text} is not a whole number; write X,Y"));
        Ok(Self(number(x)?, number(y)?))
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_surface_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn assignments_are_split_at_the_first_sign() {
        let named: Assignment = "prompt=a=b, c@d".parse().unwrap();
        assert_eq!((named.name.as_str(), named.value.as_str()), ("prompt", "a=b, c@d"));
        assert!("prompt".parse::<Assignment>().is_err() && "=x".parse::<Assignment>().is_err());
        let key: Keyframe = "cfg@-3.5=7".parse().unwrap();
        assert_eq!((key.name.as_str(), key.frame, key.value.as_str()), ("cfg", -3.5, "7"));
        assert!("cfg=7".parse::<Keyframe>().is_err() && "cfg@x=7".parse::<Keyframe>().is_err());
    }

    #[test]
    fn ranges_take_signs() {
        let range = |text: &str| text.parse::<FrameRange>().map(|range| (range.first, range.last));
        assert_eq!(range("3-17"), Ok((3, 17)));
        assert_eq!(range("5"), Ok((5, 5)));
        assert_eq!(range("-4--2"), Ok((-4, -2)));
        assert_eq!(range("-4-2"), Ok((-4, 2)));
        assert!(range("a-b").is_err() && range("").is_err() && range("3-").is_err());
    }
}
