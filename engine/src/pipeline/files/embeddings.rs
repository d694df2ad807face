//! Embeddings that prompts use, and messages about prompts that may be read differently than intended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;

use super::super::PipelineError;
use super::super::identity::FileKey;
use super::{Chosen, Files, Opened};
use crate::families::Kind;
use crate::nn::prompt::{self, Reading, Tag};
use crate::nn::{Embedding, Embeddings, ModelError};
use crate::weights::{self, View, find_named, models_dirs};
use protocol::key::Key;

/// A file with a textual inversion embedding.
#[derive(Clone)]
struct EmbeddingFile {
    /// The key of its contents within this process.
    id: Key,
    /// The provisional key and, once it is known, the content hash.
    identity: FileKey,
    embedding: weights::Embedding,
}

/// The embeddings that a request's prompts use.
#[derive(Clone, Default)]
pub struct PromptEmbeddings {
    /// The files, by the names used in prompts.
    files: BTreeMap<String, EmbeddingFile>,
    /// The names in each prompt that uses any.
    names: BTreeMap<String, Vec<String>>,
}

impl PromptEmbeddings {
    /// The keys of the files that a prompt uses, in the prompt's order.
    pub fn ids(&self, text: &str) -> Vec<Key> {
        self.named(text).map(|(_, found)| found.id).collect()
    }

    /// The vectors for the embedding names in a prompt.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(&self, text: &str, device: &Device) -> Result<Embeddings, PipelineError> {
        let mut read = Embeddings::new();
        for (name, EmbeddingFile { embedding, .. }) in self.named(text) {
            if let Some(first) = embedding.read_first(device)? {
                read.insert(name.to_owned(), Embedding { first, second: embedding.read_second(device)? });
            }
        }
        Ok(read)
    }

    /// The keys of the files.
    pub fn identities(&self) -> impl Iterator<Item = &FileKey> {
        self.files.values().map(|found| &found.identity)
    }

    /// The same files with their content hashes as keys; `None` while a hash is unknown.
    pub fn lasting(&self) -> Option<Self> {
        let mut called = self.clone();
        for found in called.files.values_mut() {
            found.id = found.identity.lasting()?;
        }
        Some(called)
    }

    fn named(&self, text: &str) -> impl Iterator<Item = (&str, &EmbeddingFile)> {
        let names = self.names.get(text).map_or(&[][..], Vec::as_slice);
        names.iter().filter_map(|name| self.files.get(name).map(|known| (name.as_str(), known)))
    }
}

/// Prompts that were searched for embedding names, with the results.
#[derive(Default)]
pub struct SearchedPrompts {
    texts: Vec<String>,
    remarks: Vec<String>,
}

impl Files {
    /// Reads prompts: finds the embeddings that they use, and collects messages for the user about them.
    ///
    /// # Errors
    /// If a weight is out of range, or an embedding is in no models folder, damaged, or for another family.
    pub fn choose_embeddings(&mut self, chosen: &mut Chosen, texts: &[&str]) -> Result<(), PipelineError> {
        let readings = texts.iter().map(|text| prompt::read(text)).collect::<Result<Vec<_>, ModelError>>()?;
        chosen.notices.extend(Tag::remarks(&readings));
        for (text, reading) in texts.iter().zip(&readings) {
            chosen.notices.extend(reading.remarks.iter().cloned());
            let names: Vec<String> = reading.embeddings().map(str::to_owned).collect();
            for name in &names {
                if !chosen.embeddings.files.contains_key(name) {
                    let called = self.embedding(chosen, name)?;
                    chosen.embeddings.files.insert(name.clone(), called);
                }
            }
            if !names.is_empty() {
                chosen.embeddings.names.insert((*text).to_owned(), names);
            }
        }
        if self.looked.texts != texts {
            self.looked = SearchedPrompts {
                texts: texts.iter().map(|text| (*text).to_owned()).collect(),
                remarks: self.bare_names(texts, &readings),
            };
        }
        chosen.notices.extend(self.looked.remarks.iter().cloned());
        Ok(())
    }

    /// The embedding of a name: the first file with this name that fits the checkpoint.
    fn embedding(&mut self, chosen: &mut Chosen, name: &str) -> Result<EmbeddingFile, PipelineError> {
        // Searching the folders is slow, so it is done once, as long as the file found remains valid.
        if let Some((_, path, remark)) = self.named.iter().find(|(known, ..)| known == name).cloned()
            && let Ok(found) = self.open(&path).and_then(|opened| fitting(chosen, &opened))
        {
            chosen.notices.extend(remark);
            return Ok(found);
        }
        self.named.retain(|(known, ..)| known != name);
        let mut failure = None;
        let mut paths = find_named(name, &models_dirs()).into_iter();
        while let Some(path) = paths.next() {
            match self.open(&path).and_then(|opened| fitting(chosen, &opened)) {
                Ok(found) => {
                    let others = paths.filter(|other| self.would_do(chosen, other, &path));
                    let remark = several(name, &path, &others.collect::<Vec<_>>());
                    chosen.notices.extend(remark.clone());
                    self.named.push((name.to_owned(), path, remark));
                    return Ok(found);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| missing(name)))
    }

    /// Whether another file of the same name, spelt alike, is an embedding for the checkpoint.
    fn would_do(&mut self, chosen: &Chosen, other: &Path, taken: &Path) -> bool {
        other.file_stem() == taken.file_stem()
            && self.open(other).is_ok_and(|opened| require(chosen, &opened).is_ok())
    }

    /// Messages about words that are names of embeddings, which Stable Diffusion web UI would use as such.
    fn bare_names(&mut self, texts: &[&str], readings: &[Reading]) -> Vec<String> {
        let mut remarks = Vec::new();
        let called: Vec<&str> = readings.iter().flat_map(Reading::embeddings).collect();
        let folders = models_dirs();
        let mut words: Vec<&str> = texts.iter().flat_map(|text| prompt::bare_words(text)).collect();
        words.sort_unstable();
        words.dedup();
        words.retain(|word| !called.contains(word));
        for (word, path) in weights::find_words(&words, &folders) {
            let is_embedding =
                self.open(&path).is_ok_and(|opened| matches!(opened.what.kind, Kind::Embedding { .. }));
            if is_embedding {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                remarks.push(format!(
                    "`{word}` in a prompt is read as plain words, and there is an embedding of this name in the models \
                     folder; to use it write embedding:{name}"
                ));
            }
        }
        remarks
    }
}

/// The embedding in a file, if it is one for this checkpoint.
fn fitting(chosen: &mut Chosen, opened: &Opened) -> Result<EmbeddingFile, PipelineError> {
    let widths = require(chosen, opened)?;
    let Some(embedding) = weights::Embedding::of(&opened.file) else {
        return Err(PipelineError::Internal(format!(
            "{} is no embedding after all",
            opened.file.file_name()
        )));
    };
    // A few kilobytes; reading them detects damage before anything is computed.
    embedding.read_first(&Device::Cpu)?;
    embedding.read_second(&Device::Cpu)?;
    if embedding.is_zero() {
        chosen.notices.push(format!(
            "{} holds nothing but zeros, so it says nothing where a prompt names it",
            opened.file.file_name()
        ));
    }
    if widths.len() == 1 && embedding.second.is_some() {
        chosen.notices.push(format!(
            "{} is {}; of it an SD1.5 checkpoint uses the part for CLIP-L",
            opened.file.file_name(),
            opened.what.description
        ));
    }
    Ok(EmbeddingFile { id: opened.id, identity: opened.identity.clone(), embedding })
}

/// The widths of the checkpoint's text encoders.
///
/// Errors: the file is no embedding for them.
fn require(chosen: &Chosen, opened: &Opened) -> Result<Vec<usize>, PipelineError> {
    let views: Vec<View> = chosen.texts.views(chosen.family).map(|(view, _)| view).collect();
    let widths = chosen.family.embedding_widths(&views);
    opened.what.require_embedding(&opened.file, chosen.family, &widths)?;
    Ok(widths)
}

/// A sentence about a name that means several files.
fn several(name: &str, taken: &Path, others: &[PathBuf]) -> Option<String> {
    let others: Vec<String> = others.iter().map(|path| path.display().to_string()).collect();
    (!others.is_empty()).then(|| {
        format!(
            "embedding:{name} is the name of several files: {} was taken and not {}; write a folder before the name to choose another",
            taken.display(),
            others.join(", ")
        )
    })
}

fn missing(name: &str) -> PipelineError {
    let folders: Vec<String> = models_dirs().iter().map(|folder| folder.display().to_string()).collect();
    let advice = match name.rsplit_once(':') {
        Some((name, weight)) if weight.parse::<f64>().is_ok() => {
            format!("a weight needs parentheses, as in (embedding:{name}:{weight})")
        }
        _ if name.contains("embedding:") => "write a blank before every embedding:".into(),
        _ => "put the file (.safetensors, .pt or .bin) there or take the name out of the prompt".into(),
    };
    PipelineError::Unfit(format!(
        "a prompt names embedding:{name}, and there is no file of this name in {}; {advice}",
        folders.join(", ")
    ))
}
