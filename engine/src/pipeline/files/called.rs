//! The files of a request as keys, within this process and on disk, and by name in messages.

use std::path::Path;
use std::time::Duration;

use super::super::identity::{FileKey, wait_for};
use super::{Chosen, Files, Network, Opened, Use};

impl Chosen {
    fn opened(&self) -> impl Iterator<Item = &Opened> {
        let hints = self.annotators.iter().map(|(_, opened)| opened);
        let own = [&self.checkpoint, &self.vae].into_iter().chain(self.texts.opened());
        own.chain(&self.motion).chain(&self.controls).chain(hints)
    }

    fn identities(&self) -> impl Iterator<Item = &FileKey> {
        let loras = self.loras.iter().map(|lora| &lora.identity);
        self.opened().map(|opened| &opened.identity).chain(loras).chain(self.embeddings.identities())
    }

    /// The same files with their content hashes as keys, for keys of the cache on disk. `None` while a hash is unknown,
    /// and if a file has changed since it was opened.
    pub fn lasting(&self) -> Option<Self> {
        let mut chosen = self.clone();
        let hints = chosen.annotators.iter_mut().map(|(_, opened)| opened);
        let all = [&mut chosen.checkpoint, &mut chosen.vae].into_iter().chain(chosen.texts.opened_mut());
        for opened in all.chain(&mut chosen.motion).chain(&mut chosen.controls).chain(hints) {
            opened.id = opened.identity.lasting()?;
        }
        for lora in &mut chosen.loras {
            lora.id = lora.identity.lasting()?;
        }
        chosen.embeddings = chosen.embeddings.lasting()?;
        Some(chosen)
    }

    /// Whether [`lasting`](Self::lasting) may succeed later.
    pub fn is_promised(&self) -> bool {
        self.identities().any(FileKey::is_promised)
    }

    /// Waits until all hashes are known, for at most `longest`.
    pub fn wait(&self, longest: Duration) {
        wait_for(self.identities(), longest);
    }

    /// The names of the files behind the networks for a use, for a message; `units` are the indices of the ControlNets.
    pub fn files(&self, used: Use, units: impl Iterator<Item = usize>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |name: String| {
            if !names.contains(&name) {
                names.push(name);
            }
        };
        let networks: &[Network] = match used {
            Use::Text => &[Network::Text, Network::Text2],
            Use::Sampling => &[Network::Unet, Network::Text, Network::Text2, Network::Motion],
            Use::Pictures | Use::Hints => &[],
        };
        match used {
            Use::Text => self.texts.opened().for_each(|opened| add(opened.file.file_name())),
            Use::Sampling => {
                add(self.checkpoint.file.file_name());
                self.motion.iter().for_each(|motion| add(motion.file.file_name()));
                units.filter_map(|unit| self.controls.get(unit)).for_each(|net| add(net.file.file_name()));
            }
            Use::Pictures => add(self.vae.file.file_name()),
            Use::Hints => self.annotators.iter().for_each(|(_, opened)| add(opened.file.file_name())),
        }
        let acting = self.loras.iter().filter(|lora| lora.lora.networks().any(|n| networks.contains(&n)));
        acting.for_each(|lora| add(lora.lora.origin()));
        names
    }
}

impl Files {
    /// Sets the cache folder; the hashes of files are stored next to its entries.
    pub fn remember_in(&mut self, folder: Option<&Path>) {
        self.identities.remember_in(folder);
    }

    /// Starts computing the unknown hashes of the files in the background.
    pub fn seek(&self, chosen: &Chosen) {
        chosen.identities().for_each(|identity| self.identities.seek(identity));
    }
}
