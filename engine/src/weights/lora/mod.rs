//! LoRA (Hu et al. 2021, "LoRA: low-rank adaptation of large language models"): low-rank changes of a network's
//! weights.
//!
//! A file has two thin matrices for each of some layers. With strength s, the weight W becomes W + s alpha / r (up
//! down), where r is the rank; if there is no alpha in a tensor, in the metadata or in PEFT's file next to it, the
//! factor is s. For a convolution, the matrices are flattened after their first axis, and LoCon may have a third one
//! between them: the sum over a and b of `up[o, a] mid[a, b, y, x] down[b, i]`.

mod adapter;
mod fit;
mod keys;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

pub use fit::Fit;
pub use keys::Network;
use keys::{Layer, Role};
pub(crate) use keys::{changes_second_tower, is_down, is_lora_name, plain_layer};

use super::beside::ADAPTER_CONFIG;
use super::names::unet::Plan;
use super::scales::Scales;
use super::tensor_file::MOST;
use super::{TensorFile, WeightsError};

/// The tensors of one layer's change, by their names in the file.
#[derive(Debug, Clone, Default)]
struct Parts {
    down: Option<String>,
    up: Option<String>,
    mid: Option<String>,
    alpha: Option<Alpha>,
    difference: Option<String>,
    bias: Option<String>,
    /// An unsupported kind of change, and the tensor that indicates it.
    other: Option<(&'static str, String)>,
    /// Name of the first tensor.
    first: String,
}

/// The alpha of a layer: its change is scaled with alpha / rank.
#[derive(Debug, Clone)]
struct Alpha {
    value: f64,
    /// The tensor that holds it; `None` if it is in the metadata.
    stored: Option<String>,
}

/// A LoRA file: low-rank or full changes of layers.
#[derive(Debug)]
pub struct Lora {
    file: Arc<TensorFile>,
    layers: HashMap<Layer, Parts>,
    /// Tensors of unknown kind.
    strange: Vec<String>,
    /// See [`alphas`](Self::alphas).
    alphas: String,
}

/// The change of one tensor by one LoRA.
#[derive(Debug, Clone)]
pub(super) struct Change {
    lora: Arc<Lora>,
    parts: Parts,
    /// Whether the layer's bias changes instead of its weight.
    bias: bool,
    strength: f64,
}

/// A rank as a factor; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a rank is a side of a matrix, far below 2^53")]
const fn real(rank: usize) -> f64 {
    rank as f64
}

impl Lora {
    /// Finds the layers in a file.
    ///
    /// Errors: [`WeightsError::Malformed`] for a layer with only one of its two matrices, for matrices of different
    /// ranks and for unreadable PEFT settings; [`WeightsError::Scale`] for 8-bit matrices with scales.
    pub fn open(file: Arc<TensorFile>) -> Result<Self, WeightsError> {
        Scales::of(&file).require_none(&file)?;
        let mut layers: HashMap<Layer, Parts> = HashMap::new();
        let mut strange = Vec::new();
        for (name, _) in file.tensors() {
            let Some((layer, role)) = keys::split(name) else {
                strange.push(name.to_owned());
                continue;
            };
            let parts =
                layers.entry(layer).or_insert_with(|| Parts { first: name.into(), ..Parts::default() });
            let stored = Some(name.to_owned());
            match role {
                Role::Down => parts.down = stored,
                Role::Up => parts.up = stored,
                Role::Mid => parts.mid = stored,
                Role::Alpha => parts.alpha = file.scalar(name).map(|value| Alpha { value, stored }),
                Role::Difference => parts.difference = stored,
                Role::BiasDifference => parts.bias = stored,
                Role::Other(kind) => parts.other = Some((kind, name.into())),
            }
        }
        let tensors = layers.values().any(|parts| parts.alpha.is_some());
        let adapter = adapter::Adapter::read(file.metadata(), tensors).map_err(|error| {
            let path = file.path().with_file_name(ADAPTER_CONFIG);
            WeightsError::Malformed { path, reason: format!("its JSON cannot be read ({error})") }
        })?;
        for (layer, parts) in &mut layers {
            let down = parts.down.as_deref().and_then(|name| file.shape(name));
            if let (None, Some(down)) = (&parts.alpha, down) {
                parts.alpha = adapter.alpha(layer, down).map(|value| Alpha { value, stored: None });
            }
        }
        let lora = Self { file, layers, strange, alphas: adapter.into_source() };
        let mut sorted: Vec<&Parts> = lora.layers.values().collect();
        sorted.sort_by(|a, b| (&a.down, &a.up).cmp(&(&b.down, &b.up)));
        for parts in sorted {
            lora.check(parts)?;
        }
        Ok(lora)
    }

    /// Name of the file, for messages.
    pub fn origin(&self) -> String {
        self.file.file_name()
    }

    /// The file that holds the layers.
    pub fn file(&self) -> &Arc<TensorFile> {
        &self.file
    }

    /// The source of the alphas if it is neither the file's tensors nor PEFT's metadata, for cache keys; empty
    /// otherwise.
    pub fn alphas(&self) -> &str {
        &self.alphas
    }

    /// Networks that the file has layers for.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        let all = [Network::Unet, Network::Text, Network::Text2, Network::Motion];
        all.into_iter().filter(|network| self.layers.keys().any(|(of, _)| of == network))
    }

    /// Reads every value that is used, to check that all are finite.
    ///
    /// Errors: as [`TensorFile::tensor`].
    pub fn check_values(&self) -> Result<(), WeightsError> {
        let mut names: Vec<&String> =
            self.layers.values().filter(|parts| parts.other.is_none()).flat_map(Parts::stored).collect();
        names.sort_unstable();
        names.into_iter().try_for_each(|name| match self.file.scalar(name) {
            Some(number) if number.is_finite() => Ok(()),
            Some(_) => Err(self.file.not_finite(name)),
            None => self.file.tensor(name, DType::F32, &Device::Cpu).map(drop),
        })
    }

    fn check(&self, parts: &Parts) -> Result<(), WeightsError> {
        let malformed =
            |reason: String| Err(WeightsError::Malformed { path: self.file.path().into(), reason });
        let (down, up) = match (&parts.down, &parts.up) {
            (Some(down), Some(up)) => (down, up),
            (Some(only), None) | (None, Some(only)) => {
                return malformed(format!("the tensor `{only}` is there without its counterpart"));
            }
            (None, None) => return Ok(()),
        };
        let shape = |name: &str| self.file.shape(name).unwrap_or_default();
        let rank = shape(down).first().copied().unwrap_or(0);
        if rank == 0 || shape(up).get(1) != Some(&rank) {
            return malformed(format!(
                "the tensors `{down}` {:?} and `{up}` {:?} are not of one rank",
                shape(down),
                shape(up)
            ));
        }
        if let Some(mid) = &parts.mid
            && !matches!(shape(mid), [a, b, _, _] if *a == rank && *b == rank)
        {
            return malformed(format!("the tensor `{mid}` {:?} is not of the rank {rank}", shape(mid)));
        }
        Ok(())
    }

    /// The shape of a layer's change, flattened to rows and columns.
    fn flat(&self, parts: &Parts) -> Option<[usize; 2]> {
        let size = |name: &Option<String>| {
            let shape = self.file.shape(name.as_deref()?)?;
            let rest = shape.get(1..)?.iter().try_fold(1usize, |product, dim| product.checked_mul(*dim))?;
            Some([*shape.first()?, rest])
        };
        if parts.difference.is_some() {
            return size(&parts.difference);
        }
        let [out, _] = size(&parts.up)?;
        let [_, columns] = size(&parts.down)?;
        let kernel = match &parts.mid {
            Some(mid) => self.file.shape(mid)?.get(2..)?.iter().product(),
            None => 1,
        };
        Some([out, columns.checked_mul(kernel)?])
    }

    /// The changes of the tensors with these canonical names and shapes, by name. Layers of `network` without a
    /// matching tensor are left out, see [`fit`](Self::fit).
    ///
    /// Errors: [`WeightsError::WrongKind`] for a change whose shape differs from its weight's.
    pub(super) fn changes<'a>(
        self: &Arc<Self>,
        network: Network,
        strength: f64,
        weights: &BTreeMap<&'a str, &'a [usize]>,
        origin: &str,
    ) -> Result<BTreeMap<String, Change>, WeightsError> {
        let plan = Plan::of(weights.keys().copied());
        let mut changes = BTreeMap::new();
        for (name, shape) in weights {
            let Some((layer, leaf)) = name.rsplit_once('.') else { continue };
            let bias = match leaf {
                "weight" => false,
                "bias" => true,
                _ => continue,
            };
            let known = keys::of_layer(network, layer, &plan);
            let Some(parts) = known.iter().find_map(|layer| self.layers.get(layer)) else { continue };
            if parts.other.is_some() {
                continue;
            }
            let size = if bias {
                let Some(stored) = &parts.bias else { continue };
                self.file.shape(stored).map(|shape| [shape.iter().product(), 1])
            } else {
                if parts.down.is_none() && parts.difference.is_none() {
                    continue;
                }
                self.flat(parts)
            };
            let wanted = [shape.first().copied().unwrap_or(1), shape.iter().skip(1).product()];
            if size != Some(wanted) {
                return Err(WeightsError::WrongKind {
                    file: self.origin(),
                    found: format!(
                        "a LoRA that changes `{name}` by {:?} values, where {origin} has {wanted:?}",
                        size.unwrap_or_default()
                    ),
                    wanted: "choose a LoRA that was made for this family of checkpoints".into(),
                });
            }
            let change = Change { lora: self.clone(), parts: parts.clone(), bias, strength };
            changes.insert((*name).to_owned(), change);
        }
        Ok(changes)
    }
}

impl Parts {
    /// The factor of the matrix product: alpha / rank, or 1 without alpha.
    fn factor(&self, rank: f64) -> f64 {
        self.alpha.as_ref().map_or(1.0, |alpha| alpha.value / rank)
    }

    /// Names of the tensors that the values come from.
    fn stored(&self) -> impl Iterator<Item = &String> {
        let alpha = self.alpha.as_ref().and_then(|alpha| alpha.stored.as_ref());
        let tensors = [&self.down, &self.up, &self.mid, &self.difference, &self.bias];
        tensors.into_iter().flatten().chain(alpha)
    }
}

impl Change {
    /// The change times its strength, in f32, with the shape of the weight.
    pub fn read(&self, shape: &[usize], device: &Device) -> Result<Tensor, WeightsError> {
        let file = &self.lora.file;
        let get = |name: &str| file.tensor(name, DType::F32, device);
        let whole = if self.bias { &self.parts.bias } else { &self.parts.difference };
        let mut within = false;
        let (values, factor, name) = if let Some(name) = whole {
            (get(name)?.flatten_all(), 1.0, name)
        } else {
            let (Some(down), Some(up)) = (&self.parts.down, &self.parts.up) else {
                return Err(WeightsError::Missing {
                    file: file.file_name(),
                    tensor: "lora_down.weight".into(),
                });
            };
            let rank = file.shape(down).and_then(|shape| shape.first()).copied().unwrap_or(1).max(1);
            let rank = real(rank);
            let alpha = self.parts.alpha.as_ref();
            let factor = self.parts.factor(rank);
            if !factor.is_finite() {
                return Err(file.not_finite(alpha.and_then(|alpha| alpha.stored.as_ref()).unwrap_or(down)));
            }
            let [a, b] = [get(up)?, get(down)?];
            let mid = self.parts.mid.as_deref().map(get).transpose()?;
            // Each value of the product is a sum of `rank` terms, or of rank^2 terms with a middle matrix.
            let mut bound = file.largest(up, &a)? * file.largest(down, &b)? * rank * factor.abs();
            if let Some(mid) = &mid {
                bound *= file.largest(down, mid)? * rank;
            }
            within = bound <= MOST;
            (product(&a, mid.as_ref(), &b), factor, down)
        };
        let values = values.map_err(|source| file.device_error(name, source))?;
        // The product is much larger than the matrices: only check it if the bound from the matrices is inconclusive.
        if !within {
            file.require_sane(name, &values, factor)?;
        }
        (values * (factor * self.strength))
            .and_then(|values| values.reshape(shape))
            .map_err(|source| file.device_error(name, source))
    }
}

/// up down, or up mid down as in the module documentation; `[out, in * kernel]`.
fn product(up: &Tensor, mid: Option<&Tensor>, down: &Tensor) -> candle_core::Result<Tensor> {
    let flat = |tensor: &Tensor| if tensor.rank() > 2 { tensor.flatten_from(1) } else { Ok(tensor.clone()) };
    let (up, down) = (flat(up)?, flat(down)?);
    let Some(mid) = mid else { return up.matmul(&down) };
    let (a, b, height, width) = mid.dims4()?;
    let inputs = down.dim(1)?;
    // [a, y, x, b] x [b, i] -> [a, i, y, x]
    let inner = mid.permute((0, 2, 3, 1))?.reshape((a * height * width, b))?.matmul(&down)?;
    let inner = inner.reshape((a, height * width, inputs))?.transpose(1, 2)?.contiguous()?;
    up.matmul(&inner.reshape((a, inputs * height * width))?)
}
