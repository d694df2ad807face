//! Depth Anything V2: a vision transformer (DINOv2) on patches of 14 x 14 pixels, and a DPT head that computes a
//! depth map from the outputs of four of its layers.
//!
//! Lihe Yang and others, "Depth Anything V2" (2024); Maxime Oquab and others, "DINOv2" (2023). Small, base and large
//! differ in widths and depth, which are read from the tensors.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use candle_core::{D, DType, Device, Tensor};

use super::dpt::Head;
use super::filter::{Taps, filter, resize_aligned};
use crate::nn::kernels;
use crate::nn::kernels::Padding;
use crate::nn::layers::{Conv2d, LayerNorm, Linear};
use crate::nn::source::{ModelError, Scope, Source};

/// Channels of an attention head.
const HEAD: usize = 64;
/// Epsilon of DINOv2's layer norms.
const EPS: f64 = 1e-6;
/// Mean and standard deviation of ImageNet, for normalising the input.
const IMAGENET: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];

#[derive(Debug)]
pub(super) struct DepthAnything {
    patches: Conv2d,
    patch: usize,
    class: Tensor,
    class_position: Tensor,
    /// Position embeddings of the patch grid, `[1, width, side, side]`.
    positions: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    /// Indices of the layers whose outputs the head uses.
    taken: [usize; 4],
    head: Head,
}

impl DepthAnything {
    pub fn load(source: &dyn Source, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, DType::F32, device);
        let vit = scope.at("pretrained");
        let [width, _, patch, _] = vit.expect("patch_embed.proj.weight", [0, 3, 0, 0])?;
        let patches = Conv2d::load(&vit.at("patch_embed.proj"), [width, 3, patch])?;
        let [_, places, _] = vit.expect("pos_embed", [1, 0, width])?;
        let side = (places - 1).isqrt();
        if side == 0 || side * side + 1 != places {
            return Err(scope.topology(format!("{places} positions are not those of a square and one more")));
        }
        if !width.is_multiple_of(HEAD) {
            return Err(scope.topology(format!("{width} channels cannot be shared by heads of {HEAD}")));
        }
        let positions = vit.get("pos_embed", [1, places, width])?;
        let grid = positions.narrow(1, 1, side * side)?.transpose(1, 2)?.contiguous()?;
        let blocks = (0..vit.count("blocks."))
            .map(|index| Block::load(&vit.at(format_args!("blocks.{index}")), width))
            .collect::<Result<Vec<_>, _>>()?;
        // The large network's layers are not evenly spaced; the others' are.
        let taken = match blocks.len() {
            24 => [4, 11, 17, 23],
            depth if depth >= 4 => [1, 2, 3, 4].map(|part| depth * part / 4 - 1),
            depth => {
                return Err(scope.topology(format!("a depth network needs 4 layers or more, not {depth}")));
            }
        };
        Ok(Self {
            patches: patches.strided(patch, Padding::even(0)),
            patch,
            class: vit.get("cls_token", [1, 1, width])?,
            class_position: positions.narrow(1, 0, 1)?,
            positions: grid.reshape((1, width, side, side))?,
            blocks,
            norm: LayerNorm::load(&vit.at("norm"), width)?.with_eps(EPS),
            taken,
            head: Head::load(&scope.at("depth_head"), width)?,
        })
    }

    /// `[1, 3, h, w]` to inverse depth of unknown scale, `[1, 1, h, w]`, at least 0, larger is nearer.
    pub fn depth(&self, picture: &Tensor) -> Result<Tensor, ModelError> {
        let (_, _, height, width) = picture.dims4()?;
        let grid = self.grid(height, width);
        let depth = self.head.forward(&self.features(&self.prepared(picture, grid)?)?, grid, self.patch)?;
        Ok(resize_aligned(&depth, [height, width])?)
    }

    /// Rows and columns of patches: the short side gets the side of the position grid (37, i.e. 518 pixels), the long
    /// side the nearest number that keeps the aspect ratio.
    fn grid(&self, height: usize, width: usize) -> [usize; 2] {
        let side = self.positions.dims()[3];
        let scale = side as f64 / height.min(width) as f64;
        [height, width].map(|pixels| ((pixels as f64 * scale).round_ties_even() as usize).max(side))
    }

    fn prepared(&self, picture: &Tensor, grid: [usize; 2]) -> Result<Tensor, ModelError> {
        let (_, _, height, width) = picture.dims4()?;
        let [rows, columns] = [(height, grid[0]), (width, grid[1])].map(|(size, patches)| {
            let out = patches * self.patch;
            Taps::cubic(size, out, out as f64 / size as f64)
        });
        let [mean, deviation] =
            IMAGENET.map(|values| Tensor::from_slice(&values, (1, 3, 1, 1), picture.device()));
        Ok(filter(picture, [&rows, &columns])?.broadcast_sub(&mean?)?.broadcast_div(&deviation?)?)
    }

    /// Patch features of the selected layers, each `[1, width, rows, columns]`.
    fn features(&self, picture: &Tensor) -> Result<Vec<Tensor>, ModelError> {
        let x = self.patches.forward(picture)?;
        let (_, channels, rows, columns) = x.dims4()?;
        let patches = kernels::to_tokens(&(x + self.positions_for([rows, columns])?)?)?;
        let class = (&self.class + &self.class_position)?;
        let mut x = Tensor::cat(&[&class, &patches], 1)?;
        let mut taken = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x)?;
            if self.taken.contains(&index) {
                let patches = self.norm.forward(&x)?.narrow(1, 1, rows * columns)?.transpose(1, 2)?;
                taken.push(patches.reshape((1, channels, rows, columns))?);
            }
        }
        Ok(taken)
    }

    /// Position embeddings resized to another grid. The scale is computed for a grid that is larger by 0.1, as in the
    /// network's training.
    fn positions_for(&self, grid: [usize; 2]) -> candle_core::Result<Tensor> {
        let side = self.positions.dims()[3];
        if grid == [side, side] {
            return Ok(self.positions.clone());
        }
        let [rows, columns] = grid.map(|out| Taps::cubic(side, out, (out as f64 + 0.1) / side as f64));
        filter(&self.positions, [&rows, &columns])
    }
}

/// Pre-norm attention and feed-forward, each with layer scale (per channel) and a residual connection.
#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    /// query, key and value concatenated
    qkv: Linear,
    /// Output projection, with the layer scale multiplied in.
    out: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    /// Second linear layer, with the layer scale multiplied in.
    fc2: Linear,
}

impl Block {
    fn load(scope: &Scope<'_>, width: usize) -> Result<Self, ModelError> {
        let fc1 = Linear::load(&scope.at("mlp.fc1"), [0, width], true)?;
        let fc2 = Linear::load(&scope.at("mlp.fc2"), [width, fc1.out_width()], true)?;
        let out = Linear::load(&scope.at("attn.proj"), [width, width], true)?;
        Ok(Self {
            norm1: LayerNorm::load(&scope.at("norm1"), width)?.with_eps(EPS),
            qkv: Linear::load(&scope.at("attn.qkv"), [3 * width, width], true)?,
            out: out.scaled(&scope.get("ls1.gamma", [width])?)?,
            norm2: LayerNorm::load(&scope.at("norm2"), width)?.with_eps(EPS),
            fc1,
            fc2: fc2.scaled(&scope.get("ls2.gamma", [width])?)?,
        })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let width = x.dim(D::Minus1)?;
        let qkv = self.qkv.forward(&self.norm1.forward(x)?)?;
        let part = |index: usize| qkv.narrow(D::Minus1, index * width, width);
        let mixed = kernels::attention(&part(0)?, &part(1)?, &part(2)?, width / HEAD, false)?;
        let x = self.out.forward_added(&mixed, x)?;
        let inner = kernels::gelu(&self.fc1.forward(&self.norm2.forward(&x)?)?)?;
        self.fc2.forward_added(&inner, &x)
    }
}
