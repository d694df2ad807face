//! Video input through a pipe from ffmpeg.
//!
//!
//! FrameIter arrive as PAM images, whose headers state size and depth.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use super::ffmpeg::Probed;
use super::spool::{FrameIter, Replay};
use super::stop::{Process, When};
use super::stream::Decoding;
use super::{ClipSource, Info, MediaError, ffmpeg};
use openfx_host::picture::{Picture, SharedPicture};

/// A clip read from a video file.
pub struct Video {
    info: Info,
    path: PathBuf,
    notices: Vec<String>,
    replay: Replay,
}

impl Video {
    /// Probes the file; decoding begins when the first frame is requested.
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        let Probed { info, decoding, notices } = ffmpeg::probe(path)?;
        let (file, format) = (path.to_owned(), pixel_format(&info));
        let replay = Replay::new(Box::new(move |from| {
            let frames: FrameIter = Box::new(FfmpegReader::start(&file, &decoding, format, from)?);
            Ok(frames)
        }));
        Ok(Self { info, path: path.to_owned(), notices, replay })
    }
}

impl ClipSource for Video {
    fn info(&self) -> &Info {
        &self.info
    }

    fn files(&self) -> &[PathBuf] {
        std::slice::from_ref(&self.path)
    }

    fn notices(&self) -> &[String] {
        &self.notices
    }

    fn frame(&self, number: u32) -> Result<SharedPicture, MediaError> {
        let missing = || MediaError::NoFrame { path: self.path.clone(), number, frames: self.info.frames };
        if number == 0 || number > self.info.frames {
            return Err(missing());
        }
        let picture = self.replay.frame(number)?.ok_or_else(missing)?;
        if (picture.width, picture.height) != (self.info.width, self.info.height) {
            return Err(MediaError::Size {
                path: self.path.clone(),
                found: format!("{}x{} at frame {number}", picture.width, picture.height),
                expected: format!("{}x{}", self.info.width, self.info.height),
            });
        }
        Ok(picture)
    }
}

fn pixel_format(info: &Info) -> &'static str {
    match (info.bits > 8, info.alpha) {
        (false, false) => "rgb24",
        (false, true) => "rgba",
        (true, false) => "rgb48be",
        (true, true) => "rgba64be",
    }
}

/// A running ffmpeg process whose output is read frame by frame.
struct FfmpegReader {
    process: Process,
    pipe: BufReader<ChildStdout>,
    words: Option<JoinHandle<Vec<u8>>>,
    path: PathBuf,
    done: bool,
}

impl FfmpegReader {
    /// Starts at frame `from`, counted from 1. ffmpeg decodes the frames before it too and discards them: seeking by
    /// time would be faster but, in files with a varying rate, could land on the wrong frame.
    fn start(path: &Path, decoding: &Decoding, format: &str, from: u32) -> Result<Self, MediaError> {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin"]);
        if let Some(decoder) = decoding.decoder {
            command.args(["-c:v", decoder]);
        }
        command.arg("-i").arg(ffmpeg::file_argument(path));
        command.args(["-map", "0:V:0"]).args(ffmpeg::passthrough());
        let mut filters = Vec::new();
        if from > 1 {
            filters.push(format!("select=gte(n\\,{})", from - 1));
        }
        if let Some(matrix) = decoding.matrix {
            filters.push(format!("scale=in_color_matrix={matrix},format={format}"));
        }
        if !filters.is_empty() {
            command.args(["-vf", &filters.join(",")]);
        }
        command.args(["-c:v", "pam", "-pix_fmt", format, "-f", "image2pipe", "-"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error| MediaError::read(path, error);
        let process = Process::start(&mut command, When::Asked).map_err(failed)?;
        let (stdout, stderr) = {
            let mut child = process.child();
            (child.stdout.take(), child.stderr.take())
        };
        let pipe = stdout.ok_or_else(|| MediaError::read(path, "ffmpeg has no output"))?;
        Ok(Self {
            process,
            pipe: BufReader::with_capacity(1 << 20, pipe),
            words: stderr.map(ffmpeg::collect),
            path: path.to_owned(),
            done: false,
        })
    }

    /// The next image; `None` at the end of the video.
    fn read(&mut self) -> Result<Option<Picture>, MediaError> {
        match read_pam(&mut self.pipe) {
            Ok(Some(picture)) => Ok(Some(picture)),
            Ok(None) => {
                let words = self.words.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
                let status = self.process.wait();
                match status {
                    Ok(status) if status.success() => Ok(None),
                    Ok(status) => Err(MediaError::read(&self.path, ffmpeg::reason(status, &words))),
                    Err(error) => Err(MediaError::read(&self.path, error)),
                }
            }
            Err(why) => Err(MediaError::read(&self.path, why)),
        }
    }
}

impl Iterator for FfmpegReader {
    type Item = Result<Picture, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.read().transpose();
        self.done = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Reads one PAM image; `None` if the pipe ends before it.
fn read_pam(pipe: &mut impl BufRead) -> Result<Option<Picture>, String> {
    let mut line = String::new();
    if pipe.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
        return Ok(None);
    }
    if line.trim() != "P7" {
        return Err("ffmpeg's answer is not a picture".into());
    }
    let (mut width, mut height, mut channels, mut max) = (0u32, 0u32, 0u8, 0u32);
    loop {
        line.clear();
        if pipe.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Err("the picture's header is cut off".into());
        }
        let mut words = line.split_whitespace();
        let (name, value) = (words.next().unwrap_or(""), words.next().unwrap_or("0"));
        let bad = |_| format!("a picture's header says {}", line.trim());
        match name {
            "ENDHDR" => break,
            "WIDTH" => width = value.parse().map_err(bad)?,
            "HEIGHT" => height = value.parse().map_err(bad)?,
            "DEPTH" => channels = value.parse().map_err(bad)?,
            "MAXVAL" => max = value.parse().map_err(bad)?,
            _ => {}
        }
    }
    if !(channels == 3 || channels == 4) || !(max == 255 || max == 65535) || width == 0 || height == 0 {
        return Err(format!("a picture of {width}x{height}x{channels}, {max}, is not what was asked for"));
    }
    let samples = (width as usize)
        .checked_mul(height as usize)
        .and_then(|n| n.checked_mul(usize::from(channels)))
        .ok_or("a picture is too large")?;
    let mut bytes = vec![0; samples * if max == 255 { 1 } else { 2 }];
    pipe.read_exact(&mut bytes).map_err(|_| "the last picture is cut off".to_owned())?;
    if max == 255 {
        return Ok(Picture::eight(width, height, channels, bytes));
    }
    let wide = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    Ok(Picture::sixteen(width, height, channels, wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pam_pictures_follow_each_other() {
        let mut bytes = b"P7\nWIDTH 1\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n".to_vec();
        bytes.extend([1, 2, 3, 4, 5, 6]);
        bytes.extend(b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 65535\nENDHDR\n");
        bytes.extend([1, 0, 0, 2, 0, 3, 255, 255]);
        let mut pipe = bytes.as_slice();
        let first = read_pam(&mut pipe).unwrap().unwrap();
        assert_eq!(first, Picture::eight(1, 2, 3, vec![1, 2, 3, 4, 5, 6]).unwrap());
        let second = read_pam(&mut pipe).unwrap().unwrap();
        assert_eq!(second, Picture::sixteen(1, 1, 4, vec![256, 2, 3, 65535]).unwrap());
        assert_eq!(read_pam(&mut pipe).unwrap(), None);
        assert!(read_pam(&mut &bytes[..40]).is_err());
        assert!(read_pam(&mut &b"P6\n"[..]).is_err());
    }
}
