//! The DPT head, which computes a depth map from the outputs of transformer layers.
//!
//! René Ranftl, Alexey Bochkovskiy and Vladlen Koltun, "Vision transformers for dense prediction" (2021): each of
//! four layers is resampled to its own resolution, from four times to half that of the patches; starting at the
//! coarsest, each is fused into the next finer one.

use candle_core::Tensor;

use super::filter::resize_aligned;
use crate::nn::kernels::{self, Padding};
use crate::nn::layers::Conv2d;
use crate::nn::source::{ModelError, Scope};

#[derive(Debug)]
pub(super) struct Head {
    projects: Vec<Conv2d>,
    /// Upsampling by 4 and by 2: transposed convolution weights `[channels, channels, k, k]` with stride k, and
    /// biases.
    finer: Vec<(Tensor, Tensor)>,
    coarser: Conv2d,
    scratch: Vec<Conv2d>,
    /// Starting at the finest.
    fusions: Vec<Fusion>,
    last: [Conv2d; 3],
}

impl Head {
    /// `width` is the transformer's width.
    pub fn load(scope: &Scope<'_>, width: usize) -> Result<Self, ModelError> {
        let projects = (0..4)
            .map(|index| Conv2d::load(&scope.at(format_args!("projects.{index}")), [0, width, 1]))
            .collect::<Result<Vec<_>, _>>()?;
        let channels: Vec<usize> = projects.iter().map(Conv2d::out_channels).collect();
        let mut finer = Vec::new();
        for (index, stride) in [(0, 4), (1, 2)] {
            let layer = scope.at(format_args!("resize_layers.{index}"));
            let count = channels[index];
            let weight = layer.get("weight", [count, count, stride, stride])?;
            finer.push((weight, layer.get("bias", [count])?));
        }
        let coarser = Conv2d::load(&scope.at("resize_layers.3"), [channels[3], channels[3], 3])?;
        let below = scope.at("scratch");
        let [features, ..] = below.expect("layer1_rn.weight", [0, channels[0], 3, 3])?;
        let scratch = (channels.iter().enumerate())
            .map(|(index, channels)| {
                let layer = below.at(format_args!("layer{}_rn", index + 1));
                Conv2d::load_unbiased(&layer, [features, *channels, 3])
            })
            .collect::<Result<_, _>>()?;
        let fusions = (1..=4)
            .map(|index| Fusion::load(&below.at(format_args!("refinenet{index}")), features, index < 4))
            .collect::<Result<_, _>>()?;
        let half = Conv2d::load(&below.at("output_conv1"), [0, features, 3])?;
        let narrow = Conv2d::load(&below.at("output_conv2.0"), [0, half.out_channels(), 3])?;
        let depth = Conv2d::load(&below.at("output_conv2.2"), [1, narrow.out_channels(), 1])?;
        let coarser = coarser.strided(2, Padding::even(1));
        Ok(Self { projects, finer, coarser, scratch, fusions, last: [half, narrow, depth] })
    }

    /// Outputs of four layers, `[1, width, rows, columns]`, to a map `[1, 1, rows * patch, columns * patch]`, at
    /// least 0.
    pub fn forward(
        &self,
        layers: &[Tensor],
        [rows, columns]: [usize; 2],
        patch: usize,
    ) -> Result<Tensor, ModelError> {
        let mut sizes = Vec::new();
        let mut maps = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let x = self.projects[index].forward(layer)?;
            let x = match (self.finer.get(index), index) {
                (Some((weight, bias)), _) => {
                    kernels::conv_transpose2d(&x, weight, bias, weight.dim(2)?, [0, 0])?
                }
                (None, 3) => self.coarser.forward(&x)?,
                _ => x,
            };
            let (_, _, height, width) = x.dims4()?;
            sizes.push([height, width]);
            maps.push(self.scratch[index].forward(&x)?);
        }
        let mut path: Option<Tensor> = None;
        for index in (0..maps.len()).rev() {
            // The finest map is upsampled by 2, the others to the size of the next finer one.
            let size = if index == 0 { sizes[0].map(|side| side * 2) } else { sizes[index - 1] };
            path = Some(self.fusions[index].forward(path.as_ref(), &maps[index], size)?);
        }
        let [half, narrow, depth] = &self.last;
        let x = half.forward(path.as_ref().unwrap_or(&maps[0]))?;
        let x = resize_aligned(&x, [rows * patch, columns * patch])?;
        let x = kernels::relu(&narrow.forward(&x)?)?;
        Ok(kernels::relu(&depth.forward(&x)?)?)
    }
}

/// Residual unit on the map, plus the coarser path, residual unit, resize, projection.
#[derive(Debug)]
struct Fusion {
    own: Option<Residual>,
    both: Residual,
    out: Conv2d,
}

impl Fusion {
    /// The coarsest level has no path to merge: `merges` is false. (The file has `resConfUnit1` tensors for it
    /// anyway.)
    fn load(scope: &Scope<'_>, features: usize, merges: bool) -> Result<Self, ModelError> {
        let own = if merges { Some(Residual::load(&scope.at("resConfUnit1"), features)?) } else { None };
        Ok(Self {
            own,
            both: Residual::load(&scope.at("resConfUnit2"), features)?,
            out: Conv2d::load(&scope.at("out_conv"), [features, features, 1])?,
        })
    }

    fn forward(&self, path: Option<&Tensor>, map: &Tensor, size: [usize; 2]) -> candle_core::Result<Tensor> {
        let x = match (path, &self.own) {
            (Some(path), Some(own)) => kernels::add(path, &own.forward(map)?)?,
            _ => map.clone(),
        };
        self.out.forward(&resize_aligned(&self.both.forward(&x)?, size)?)
    }
}

/// ReLU and convolution, twice, plus the input.
#[derive(Debug)]
struct Residual([Conv2d; 2]);

impl Residual {
    fn load(scope: &Scope<'_>, features: usize) -> Result<Self, ModelError> {
        let conv = |name: &str| Conv2d::load(&scope.at(name), [features, features, 3]);
        Ok(Self([conv("conv1")?, conv("conv2")?]))
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let [one, two] = &self.0;
        let inner = one.forward(&kernels::relu(x)?)?;
        kernels::add(x, &two.forward(&kernels::relu(&inner)?)?)
    }
}
