//! How many layers of a LoRA can be applied to the loaded networks.

use std::collections::{BTreeMap, HashSet};

use super::super::View;
use super::super::names::unet::Plan;
use super::keys::{self, Layer};
use super::{Lora, Network, Parts, real};

/// An alpha of more than this many times the rank is reported.
const LOUD: f64 = 1e4;

/// Number of layers or tensors with the same problem, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Left {
    count: usize,
    first: String,
}

/// How many layers of a LoRA are used, and why the others are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fit {
    /// Layers that change a weight.
    pub used: usize,
    /// Layers in the file.
    pub total: usize,
    /// Used layers whose change is zero, by the reason.
    idle: BTreeMap<&'static str, usize>,
    /// Layers that no network has, by the network in their names.
    homeless: BTreeMap<&'static str, Left>,
    /// Layers of an unsupported kind, by the kind.
    other: BTreeMap<&'static str, Left>,
    /// Tensors that are not used although their layer is.
    extra: Option<Left>,
    /// Layers with an implausibly large alpha, by their first tensor, and the factor.
    loud: Option<(Left, f64)>,
    /// Tensors of unknown kind.
    strange: Option<Left>,
}

impl Fit {
    /// A sentence about the layers of the file `name` that are not used or have no effect; `None` if there are none.
    pub fn sentence(&self, name: &str) -> Option<String> {
        let mut parts = Vec::new();
        if self.used > 0 && self.idle.values().sum::<usize>() == self.used {
            let none = if self.used == self.total { "none of its layers" } else { "none of these" };
            parts.push(match self.idle.keys().collect::<Vec<_>>()[..] {
                [only] => format!("{none} changes anything, since their {only} zero"),
                _ => format!("{none} changes anything, since a matrix or the alpha of each is zero"),
            });
        }
        for (network, Left { count, first }) in &self.homeless {
            let have = if *count == 1 { "has" } else { "have" };
            parts.push(format!("{count} for the {network} {have} no place here: {first}"));
        }
        for (kind, Left { count, first }) in &self.other {
            parts.push(format!("{count} of the kind {kind} cannot be applied: {first}"));
        }
        if let Some(Left { count, first }) = &self.extra {
            let (tensors, have) = if *count == 1 { ("tensor", "has") } else { ("tensors", "have") };
            parts.push(format!("{count} {tensors} of layers that are used {have} no place here: {first}"));
        }
        if let Some((Left { count, first }, factor)) = &self.loud {
            parts.push(format!(
                "{count} with an alpha of {factor:.0} times the rank, which no training gives: {first}"
            ));
        }
        if let Some(Left { count, first }) = &self.strange {
            let tensors = if *count == 1 { "tensor is" } else { "tensors are" };
            parts.push(format!("{count} {tensors} of no known kind: {first}"));
        }
        let (used, total) = (self.used, self.total);
        let layers = if used == total && self.strange.is_none() && self.extra.is_none() && self.loud.is_none()
        {
            String::new()
        } else {
            format!("{used} of {total} layers used; ")
        };
        (!parts.is_empty()).then(|| format!("{name}: {layers}{}", parts.join("; ")))
    }

    fn leave(map: &mut BTreeMap<&'static str, Left>, what: &'static str, first: &str) {
        map.entry(what).or_insert_with(|| Left { count: 0, first: first.to_owned() }).count(first);
    }
}

impl Left {
    fn count(&mut self, first: &str) {
        self.count += 1;
        if first < self.first.as_str() {
            first.clone_into(&mut self.first);
        }
    }

    fn add(left: &mut Option<Self>, first: &str) {
        left.get_or_insert_with(|| Self { count: 0, first: first.to_owned() }).count(first);
    }
}

impl Lora {
    /// Counts the layers that match the networks of these views. Shapes are not compared; [`View::with_loras`] does
    /// that.
    pub fn fit(&self, views: &[(Network, &View)]) -> Fit {
        let [mut weights, mut biases] = [(); 2].map(|()| HashSet::<Layer>::new());
        for (network, view) in views {
            let plan = Plan::of(view.names());
            for name in view.names() {
                let Some((layer, leaf)) = name.rsplit_once('.') else { continue };
                match leaf {
                    "weight" => weights.extend(keys::of_layer(*network, layer, &plan)),
                    "bias" => biases.extend(keys::of_layer(*network, layer, &plan)),
                    _ => {}
                }
            }
        }
        let mut fit = Fit::default();
        for (layer, parts) in self.layers.iter().filter(|(_, parts)| parts.is_change()) {
            fit.total += 1;
            let weight = parts.changes_weight() && weights.contains(layer);
            let bias = parts.bias.as_ref().filter(|_| biases.contains(layer));
            if let Some((kind, tensor)) = &parts.other {
                Fit::leave(&mut fit.other, kind, tensor);
            } else if !weight && bias.is_none() {
                Fit::leave(&mut fit.homeless, of(layer.0), &parts.first);
            } else {
                fit.used += 1;
                let lost = if weight { None } else { parts.down.as_ref().or(parts.difference.as_ref()) };
                for lost in lost.into_iter().chain(parts.bias.as_ref().filter(|_| bias.is_none())) {
                    Left::add(&mut fit.extra, lost);
                }
                let factor = self.factor(parts).abs();
                if weight && factor > LOUD {
                    let (mut left, most) =
                        fit.loud.take().map_or((None, 0.0), |(left, most)| (Some(left), most));
                    Left::add(&mut left, &parts.first);
                    fit.loud = left.map(|left| (left, factor.max(most)));
                }
                if let Some(zero) = self.zero(parts) {
                    *fit.idle.entry(zero).or_default() += 1;
                }
            }
        }
        let first = self.strange.first();
        fit.strange = first.map(|first| Left { count: self.strange.len(), first: first.clone() });
        fit
    }
}

impl Lora {
    /// The factor of a layer's matrix product.
    fn factor(&self, parts: &Parts) -> f64 {
        let down = parts.down.as_ref().and_then(|name| self.file.shape(name));
        down.and_then(|shape| shape.first()).map_or(1.0, |rank| parts.factor(real(*rank)))
    }

    /// Why a layer's change is zero, worded to precede "zero"; `None` for a layer that changes something.
    fn zero(&self, parts: &Parts) -> Option<&'static str> {
        let zero = |name: &Option<String>| name.as_ref().is_some_and(|name| self.file.is_zero(name));
        if parts.bias.is_some() && !zero(&parts.bias) {
            return None;
        }
        if parts.difference.is_some() {
            return zero(&parts.difference).then_some("differences are");
        }
        if parts.down.is_none() {
            return Some("differences are");
        }
        let alpha = parts.alpha.as_ref().is_some_and(|alpha| alpha.value == 0.0);
        let causes = [
            (zero(&parts.up), "up matrices are"),
            (zero(&parts.down), "down matrices are"),
            (zero(&parts.mid), "middle matrices are"),
            (alpha, "alphas are"),
        ];
        causes.into_iter().find_map(|(is, cause)| is.then_some(cause))
    }
}

impl Parts {
    fn changes_weight(&self) -> bool {
        self.down.is_some() || self.difference.is_some()
    }

    fn is_change(&self) -> bool {
        self.changes_weight() || self.bias.is_some() || self.other.is_some()
    }
}

fn of(network: Network) -> &'static str {
    match network {
        Network::Unet => "UNet",
        Network::Text => "text encoder",
        Network::Text2 => "second text encoder",
        Network::Motion => "motion module",
    }
}
