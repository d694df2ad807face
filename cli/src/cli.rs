//! What can be said on the command line.

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
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("UNSAMPLE_COMMIT"), ")");

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render a clip through the plugin.
    Render(Box<RenderArgs>),
    /// List the plugin's parameters.
    Params(ParamsArgs),
    /// Print the noise levels of a schedule, one a line.
    Sigmas(SigmasArgs),
    /// List and inspect weight files.
    Models {
        /// What to do.
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Look after the finished stages that are remembered on disk.
    Cache(CacheArgs),
    /// Say what is there and what is missing: plugin, hosts, ffmpeg, processor, driver.
    Doctor(DoctorArgs),
    /// Restyle a made-up clip and say how long every part took and how much memory.
    Bench(BenchArgs),
}

/// `unsample render`
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// A video, a folder of pictures, a pattern such as shot_%04d.png, shot_####.png or 'shot_*.png', a GIF, an
    /// animated PNG or WebP, or one picture.
    pub input: PathBuf,
    /// Where the result goes: the same kinds; the name decides.
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: PathBuf,
    /// Replace files that are there; without it they are an error, before any work.
    #[arg(long)]
    pub overwrite: bool,
    /// Connect another clip, for instance Hint=depth/
    #[arg(long = "clip", value_name = "NAME=INPUT")]
    pub clips: Vec<Named>,
    /// Set a parameter, for instance prompt="a pencil sketch"; `unsample params` lists them.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub values: Vec<Named>,
    /// Set a keyframe, for instance cfg@12=6.5
    #[arg(long = "key", value_name = "NAME@FRAME=VALUE")]
    pub keys: Vec<Key>,
    /// Render these frames only, with their part of the sound; the rest of the clip is still looked at.
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub frames: Option<Range>,
    /// Press a button of the plugin before rendering.
    #[arg(long = "press", value_name = "NAME")]
    pub presses: Vec<String>,
    /// After rendering, print a parameter's value to standard output, for instance status.
    #[arg(long = "print", value_name = "NAME")]
    pub prints: Vec<String>,
    /// Say nothing but errors.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print the plugin's log messages, too.
    #[arg(short, long)]
    pub verbose: bool,
    /// Which plugin.
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// How the host behaves.
    #[command(flatten)]
    pub host: HostArgs,
}

/// Which plugin to load.
#[derive(Clone, Debug, Args)]
pub struct PluginArgs {
    /// The bundle [default: beside this program, else in OFX_PLUGIN_PATH, else in the system's plugin folders]
    #[arg(long, value_name = "PATH")]
    pub bundle: Option<PathBuf>,
    /// The identifier of the plugin, if the bundle has several.
    #[arg(long, value_name = "ID")]
    pub plugin: Option<String>,
    /// The context: general or filter [default: general if the plugin has it]
    #[arg(long, value_name = "NAME", help_heading = "Host behaviour")]
    pub context: Option<String>,
}

/// How the host behaves, to imitate other hosts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Host behaviour")]
pub struct HostArgs {
    /// The depth of the images [default: the best that the plugin takes]
    #[arg(long, value_parser = variant::<Depth>())]
    pub depth: Option<Depth>,
    /// The components of the images [default: rgba if the plugin takes it]
    #[arg(long, value_parser = variant::<Components>())]
    pub components: Option<Components>,
    /// Multiply colours by alpha.
    #[arg(long)]
    pub premultiplied: bool,
    /// Render that many frames at once, on one instance if the plugin allows it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// The order in which frames are asked for.
    #[arg(long, value_parser = variant::<Order>(), default_value_t)]
    pub order: Order,
    /// The layout of the rows in memory.
    #[arg(long, value_parser = variant::<RowBytes>(), default_value_t)]
    pub row_bytes: RowBytes,
    /// Where the lower left corner of the picture is.
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, default_value = "0,0")]
    pub origin: Point,
    /// Answer every time with the current frame, as hosts without temporal access do.
    #[arg(long)]
    pub no_temporal: bool,
    /// Render at this scale.
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub scale: f64,
    /// Do without a suite, for instance OfxProgressSuite, or OfxMessageSuite:2 for one version.
    #[arg(long = "no-suite", value_name = "NAME")]
    pub no_suites: Vec<String>,
    /// Let string parameters have no keyframes, as most hosts do.
    #[arg(long)]
    pub no_string_animation: bool,
    /// What a clip answers outside of its range.
    #[arg(long, value_parser = variant::<Outside>(), default_value_t)]
    pub outside: Outside,
    /// How often a sequence of renders is announced.
    #[arg(long, value_parser = variant::<Sequence>(), default_value_t)]
    pub sequence: Sequence,
    /// The number of the first frame, on the host's time line.
    #[arg(long, value_name = "FRAME", allow_hyphen_values = true, default_value_t = 1)]
    pub first_frame: i32,
    /// Make an instance for every frame, as MLT does.
    #[arg(long)]
    pub fresh_instances: bool,
    /// Abort after the plugin has asked that many times whether to.
    #[arg(long, value_name = "N", hide = true)]
    pub abort_after: Option<u32>,
    /// The colour space that clips are said to be in, or none to say nothing [default: what the file says]
    #[arg(long, value_name = "NAME")]
    pub colourspace: Option<ColourManagement>,
    /// The name by which the host is known to the plugin.
    #[arg(long, value_name = "NAME")]
    pub host_name: Option<String>,
}

impl HostArgs {
    /// The settings for the host.
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

/// `unsample params`
#[derive(Debug, Args)]
pub struct ParamsArgs {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Which plugin.
    #[command(flatten)]
    pub plugin: PluginArgs,
}

/// `unsample sigmas`
#[derive(Debug, Args)]
pub struct SigmasArgs {
    /// ays-sd1, ays-sdxl, ays-svd, normal, karras, exponential, sgm_uniform, simple, ddim_uniform, beta or kl_optimal
    #[arg(long, value_name = "NAME")]
    pub schedule: String,
    /// linear (the checkpoints' own), sqrt_linear (AnimateDiff) or linear_sdxl (AnimateDiff-SDXL)
    #[arg(long, value_name = "NAME", default_value = "linear")]
    pub betas: String,
    /// The number of steps.
    #[arg(long, value_name = "N")]
    pub steps: usize,
    /// The part of the schedule to keep, from its end.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub denoise: f64,
    /// Turn it round, as unsampling does.
    #[arg(long)]
    pub flip: bool,
}

/// `unsample models`
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the weight files of the models folder and say what each is.
    List,
    /// Say what a weight file is and whether its networks can be built.
    Inspect(InspectArgs),
    /// Download models from the Hugging Face hub into the models folder.
    Pull(PullArgs),
    /// Print the models folder.
    Dir,
}

/// `unsample models pull`
#[derive(Debug, Args)]
pub struct PullArgs {
    /// A set of models or one of them; left out: say which there are.
    pub name: Option<String>,
    /// Another folder than the models folder.
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// A mirror of the hub.
    #[arg(long, value_name = "URL", default_value = "https://huggingface.co")]
    pub endpoint: String,
    /// Another table of models, laid out as bundle/models.toml.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
}

/// `unsample models inspect`
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A file of weights or a diffusers folder.
    pub file: PathBuf,
    /// As JSON, with the tensors.
    #[arg(long)]
    pub json: bool,
    /// Name every tensor with its format and shape.
    #[arg(long)]
    pub tensors: bool,
}

/// `unsample cache`
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: CacheCommand,
    /// The folder, if it is not the usual one (the parameter cacheFolder).
    #[arg(long, value_name = "DIR", global = true)]
    pub folder: Option<PathBuf>,
}

/// What to do with the cache.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CacheCommand {
    /// Say how much there is.
    Info,
    /// Remove everything.
    Clear,
}

/// `unsample doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Which plugin.
    #[command(flatten)]
    pub plugin: PluginArgs,
}

/// `unsample bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The number of frames.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub frames: u32,
    /// The size of the frames, which is the size that the model works at.
    #[arg(long, value_name = "WxH", default_value = "256x256")]
    pub size: Size,
    /// Set a parameter, for instance checkpoint=/models/sd15.safetensors
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub values: Vec<Named>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Which plugin.
    #[command(flatten)]
    pub plugin: PluginArgs,
}

/// `WxH`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u32, pub u32);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (width, height) = text.split_once('x').ok_or("write WxH, for instance 512x512")?;
        let number = |text: &str| match text.trim().parse() {
            Ok(side @ 8..=8192) => Ok(side),
            _ => Err(format!("{text} is no number of pixels from 8 to 8192; write WxH")),
        };
        Ok(Self(number(width)?, number(height)?))
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.0, self.1)
    }
}

/// `NAME=VALUE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Before the first equals sign.
    pub name: String,
    /// After it.
    pub value: String,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("there is no = in it; write NAME=VALUE")?;
        if name.trim().is_empty() {
            return Err("there is no name before the =".into());
        }
        Ok(Self { name: name.trim().to_owned(), value: value.to_owned() })
    }
}

/// `NAME@FRAME=VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The parameter.
    pub name: String,
    /// The time.
    pub frame: f64,
    /// The value.
    pub value: String,
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Named { name, value } = text.parse()?;
        let (name, frame) = name.split_once('@').ok_or("there is no @ in it; write NAME@FRAME=VALUE")?;
        let frame: f64 = frame.trim().parse().map_err(|_| format!("{frame} is no frame"))?;
        if !frame.is_finite() || name.trim().is_empty() {
            return Err("write NAME@FRAME=VALUE".into());
        }
        Ok(Self { name: name.trim().to_owned(), frame, value })
    }
}

/// `A-B`, or `A` for one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first frame.
    pub first: i32,
    /// The last frame.
    pub last: i32,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A sign may stand before either number, so the dash between them is the first one after a digit.
        let dash = text
            .char_indices()
            .skip(1)
            .find(|(at, c)| *c == '-' && text[..*at].trim_end().ends_with(|c: char| c.is_ascii_digit()));
        let (first, last) = dash.map_or((text, text), |(at, _)| (&text[..at], &text[at + 1..]));
        let number =
            |text: &str| text.trim().parse().map_err(|_| format!("`{}` is no frame; write A-B", text.trim()));
        Ok(Self { first: number(first)?, last: number(last)? })
    }
}

/// `X,Y`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(pub i32, pub i32);

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (x, y) = text.split_once(',').ok_or("write X,Y")?;
        let number =
            |text: &str| text.trim().parse().map_err(|_| format!("{text} is no whole number; write X,Y"));
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
        let named: Named = "prompt=a=b, c@d".parse().unwrap();
        assert_eq!((named.name.as_str(), named.value.as_str()), ("prompt", "a=b, c@d"));
        assert!("prompt".parse::<Named>().is_err() && "=x".parse::<Named>().is_err());
        let key: Key = "cfg@-3.5=7".parse().unwrap();
        assert_eq!((key.name.as_str(), key.frame, key.value.as_str()), ("cfg", -3.5, "7"));
        assert!("cfg=7".parse::<Key>().is_err() && "cfg@x=7".parse::<Key>().is_err());
    }

    #[test]
    fn ranges_take_signs() {
        let range = |text: &str| text.parse::<Range>().map(|range| (range.first, range.last));
        assert_eq!(range("3-17"), Ok((3, 17)));
        assert_eq!(range("5"), Ok((5, 5)));
        assert_eq!(range("-4--2"), Ok((-4, -2)));
        assert_eq!(range("-4-2"), Ok((-4, 2)));
        assert!(range("a-b").is_err() && range("").is_err() && range("3-").is_err());
    }
}
