//! Builds networks from only the names, shapes and number formats in their files, so that errors are detected before
//! any computation, and tensors that a network does not use are known.

use std::collections::BTreeSet;

use candle_core::{DType, Device, Tensor};
use parking_lot::Mutex;

use super::{Arc, PipelineError, TensorFile};
use crate::families::NetworkPart;
use crate::nn::{ModelError, Source};
use crate::weights::View;

/// A view in which all values are zeros. Each tensor is a single zero, broadcast to the tensor's shape, so it takes no memory.
struct ZeroSource<'a> {
    view: &'a View,
    read: Mutex<BTreeSet<String>>,
}

impl<'a> ZeroSource<'a> {
    fn new(view: &'a View) -> Self {
        Self { view, read: Mutex::default() }
    }
}

impl Source for ZeroSource<'_> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.view.shape(name).map(<[usize]>::to_vec)
    }

    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError> {
        self.view.check(name).map_err(|error| ModelError::Read(Box::new(error)))?;
        self.read.lock().insert(name.to_owned());
        let zeros =
            Tensor::zeros((), dtype, device)?.broadcast_as(self.view.shape(name).unwrap_or_default())?;
        // Loading computes with these tensors.
        Ok(if name.starts_with("control_add_embedding.") { zeros.contiguous()? } else { zeros })
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.view.names())
    }

    fn origin(&self) -> String {
        self.view.origin()
    }
}

/// Builds a network of a file; returns messages about unused tensors, and about a network that has no effect.
///
/// # Errors
/// The errors of loading it, except for values that cannot be read.
pub(super) fn check(part: &NetworkPart, file: &Arc<TensorFile>) -> Result<Vec<String>, PipelineError> {
    let views = views(part, file);
    let read = read(part, &views)?;
    let view = &views[0];
    let unread = view.unread(&read[0]);
    let tensors = if unread.len() == 1 { "tensor" } else { "tensors" };
    let unread = unread.first().map(|first| {
        format!("{}: {} {tensors} of the {} not used: {first}", view.origin(), unread.len(), part.name)
    });
    Ok(unread.into_iter().chain(idle(part, view)).collect())
}

/// A message about a network whose output layers are still zero as before training: it adds zero to its input.
fn idle(part: &NetworkPart, view: &View) -> Option<String> {
    let (layers, last) = part.last?;
    view.are_zero(last)
        .then(|| format!("{}: the {} changes nothing, since its {layers} are zero", view.origin(), part.name))
}

/// Reads all values that a network of a file uses.
///
/// # Errors
/// The errors of loading it.
pub(super) fn check_values(part: &NetworkPart, file: &Arc<TensorFile>) -> Result<(), PipelineError> {
    let views = views(part, file);
    for (view, names) in views.iter().zip(read(part, &views)?) {
        for name in names {
            view.tensor(&name, DType::F32, &Device::Cpu)?;
        }
    }
    Ok(())
}

/// The network's view of a file, then that of its temporal layers if these have a naming of their own.
fn views(part: &NetworkPart, file: &Arc<TensorFile>) -> Vec<View> {
    std::iter::once(part.view).chain(part.beside).map(|view| view(file.clone())).collect()
}

/// The canonical names that a network reads from each of its views.
fn read(part: &NetworkPart, views: &[View]) -> Result<Vec<BTreeSet<String>>, PipelineError> {
    let outlines: Vec<ZeroSource<'_>> = views.iter().map(ZeroSource::new).collect();
    let sources: Vec<&dyn Source> = outlines.iter().map(|outline| outline as &dyn Source).collect();
    (part.build)(&sources, DType::F32, &Device::Cpu)?;
    Ok(outlines.into_iter().map(|outline| outline.read.into_inner()).collect())
}
