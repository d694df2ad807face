//! Parameters: the plugin's definitions, and the values of an instance.

mod curve;
mod kind;
mod parametric;
mod text;

use std::ffi::{CStr, CString};
use std::sync::{Arc, Weak};

use openfx_sys::*;
use parking_lot::{Mutex, RwLock};

pub use curve::{Curve, Value};
pub use kind::Kind;
pub use parametric::Curves;
pub use text::{ValueError, near_names};

use super::effect::Effect;
use super::props::PropertySet;
use super::registry::{Object, Slot};
use super::session::Settings;
use super::status::SuiteResult;

/// The parameters of a descriptor or an instance.
pub struct ParamSet {
    /// Handle of the parameter set.
    pub slot: Slot,
    /// Properties of the set itself.
    pub props: Arc<PropertySet>,
    props_slot: Slot,
    params: RwLock<Vec<Arc<Param>>>,
    /// Whether parameters may be defined.
    describing: bool,
    /// Number of open edits.
    edits: Mutex<u32>,
}

/// One parameter of a descriptor or an instance.
pub struct Param {
    /// Handle of the parameter.
    pub slot: Slot,
    /// Name used by scripts and projects.
    pub name: CString,
    /// Type of the parameter.
    pub kind: Kind,
    /// Properties of the parameter.
    pub props: Arc<PropertySet>,
    props_slot: Slot,
    curve: Mutex<Curve>,
    /// Control points, if this is a parametric parameter.
    pub curves: Mutex<Curves>,
    /// The effect to notify of changes; empty in a descriptor.
    pub effect: Mutex<Weak<Effect>>,
    describing: bool,
}

impl ParamSet {
    /// An empty set for the describe action.
    pub fn describing() -> Arc<Self> {
        Self::build(Arc::new(set_properties()), Vec::new(), true)
    }

    /// The parameters of an instance, from its descriptor.
    pub fn instance(description: &Self, effect: &Weak<Effect>) -> Arc<Self> {
        let params = description.params.read();
        let params = params.iter().map(|param| Param::instance(param, effect)).collect();
        Self::build(Arc::new(description.props.duplicate()), params, false)
    }

    /// A copy for DescribeInContext, which adds to the result of Describe.
    pub fn further(description: &Self) -> Arc<Self> {
        let params = description.params.read();
        let params = params
            .iter()
            .map(|param| Param::build(&param.name, param.kind, param.props.duplicate(), true))
            .collect();
        Self::build(Arc::new(description.props.duplicate()), params, true)
    }

    fn build(props: Arc<PropertySet>, params: Vec<Arc<Param>>, describing: bool) -> Arc<Self> {
        let set = Arc::new(Self {
            slot: Slot::default(),
            props_slot: Slot::default(),
            props,
            params: RwLock::new(params),
            describing,
            edits: Mutex::new(0),
        });
        set.slot.fill(Object::Params(set.clone()));
        set.props_slot.fill(Object::Props(set.props.clone()));
        set
    }

    /// Handle of the set's properties.
    pub fn props_pointer(&self) -> OfxPropertySetHandle {
        self.props_slot.pointer()
    }

    /// Defines a parameter on behalf of the plugin.
    ///
    /// # Errors
    /// The status for the plugin.
    pub fn define(&self, kind: &CStr, name: &CStr, settings: &Settings) -> SuiteResult<Arc<Param>> {
        if !self.describing {
            return Err(kOfxStatErrUnsupported);
        }
        let kind = Kind::named(kind).ok_or(kOfxStatErrUnknown)?;
        if name.is_empty() {
            return Err(kOfxStatErrValue);
        }
        if self.find(name).is_some() {
            return Err(kOfxStatErrExists);
        }
        let animates = match kind {
            Kind::String => settings.animate_strings,
            Kind::Custom | Kind::Bytes => false,
            _ => true,
        };
        let param = Param::build(name, kind, kind.properties(name, animates), true);
        self.params.write().push(param.clone());
        Ok(param)
    }

    /// The parameter with this name.
    pub fn find(&self, name: &CStr) -> Option<Arc<Param>> {
        self.params.read().iter().find(|param| *param.name == *name).cloned()
    }

    /// All parameters in the order of their definition.
    pub fn all(&self) -> Vec<Arc<Param>> {
        self.params.read().clone()
    }

    /// Begins an edit; edits nest.
    pub fn edit_begin(&self) {
        *self.edits.lock() += 1;
    }

    /// Ends an edit begun with [`edit_begin`](Self::edit_begin).
    ///
    /// # Errors
    /// `kOfxStatFailed` if no edit is open.
    pub fn edit_end(&self) -> SuiteResult<()> {
        let mut edits = self.edits.lock();
        *edits = edits.checked_sub(1).ok_or(kOfxStatFailed)?;
        Ok(())
    }

    /// Invalidates all handles.
    pub fn retire(&self) {
        for param in self.params.write().drain(..) {
            param.slot.clear();
            param.props_slot.clear();
        }
        self.props_slot.clear();
        self.slot.clear();
    }
}

fn set_properties() -> PropertySet {
    use super::props::Access::{List, Write};
    let set = PropertySet::new();
    set.define_text(kOfxPluginPropParamPageOrder, List, &[]).define(kOfxPropParamSetNeedsSyncing, Write, [0]);
    set
}

impl Param {
    fn build(name: &CStr, kind: Kind, props: PropertySet, describing: bool) -> Arc<Self> {
        let curve = Curve::new(initial(kind, &props), kind.is_smooth());
        let curves = Curves::new(&props);
        let param = Arc::new(Self {
            slot: Slot::default(),
            name: name.to_owned(),
            kind,
            props: Arc::new(props),
            props_slot: Slot::default(),
            curve: Mutex::new(curve),
            curves: Mutex::new(curves),
            effect: Mutex::default(),
            describing,
        });
        param.slot.fill(Object::Param(param.clone()));
        param.props_slot.fill(Object::Props(param.props.clone()));
        param
    }

    fn instance(description: &Self, effect: &Weak<Effect>) -> Arc<Self> {
        let props = description.props.duplicate();
        let of_instance = [kOfxTypeParameterInstance.to_owned()];
        props.assign(kOfxPropType, of_instance);
        let param = Self::build(&description.name, description.kind, props, false);
        if description.kind == Kind::Parametric {
            *param.curves.lock() = description.curves.lock().clone();
        }
        *param.effect.lock() = effect.clone();
        param
    }

    /// Handle of the parameter's properties.
    pub fn props_pointer(&self) -> OfxPropertySetHandle {
        self.props_slot.pointer()
    }

    /// The name as UTF-8.
    pub fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// The value at a time in frames.
    ///
    /// # Errors
    /// `kOfxStatErrUnsupported` for a kind without a value, `kOfxStatErrBadHandle` while describing.
    pub fn value(&self, time: f64) -> SuiteResult<Value> {
        self.check()?;
        Ok(self.curve.lock().at(time))
    }

    /// Calls `look` with the curve.
    ///
    /// # Errors
    /// As for [`Param::value`].
    pub fn curve<R>(&self, look: impl FnOnce(&Curve) -> R) -> SuiteResult<R> {
        self.check()?;
        Ok(look(&self.curve.lock()))
    }

    /// Calls `change` with the curve, to modify it.
    ///
    /// # Errors
    /// As for [`Param::value`].
    pub fn change<R>(&self, change: impl FnOnce(&mut Curve) -> R) -> SuiteResult<R> {
        self.check()?;
        let mut curve = self.curve.lock();
        let result = change(&mut curve);
        let animating = i32::from(!curve.keys().is_empty());
        drop(curve);
        self.props.assign(kOfxParamPropIsAnimating, [animating]);
        Ok(result)
    }

    fn check(&self) -> SuiteResult<()> {
        if self.describing {
            return Err(kOfxStatErrBadHandle);
        }
        if self.kind.has_value() { Ok(()) } else { Err(kOfxStatErrUnsupported) }
    }

    /// Sets the value, or a key if a time is given. The value is clamped to the range.
    ///
    /// # Errors
    /// The status for the plugin if the value has the wrong type or the parameter is not animated.
    pub fn set(&self, time: Option<f64>, value: Value) -> SuiteResult<()> {
        let value = self.clamp(value)?;
        if time.is_some() && self.props.first(kOfxParamPropAnimates) == Some(0) {
            return Err(kOfxStatErrUnsupported);
        }
        self.change(|curve| match time {
            Some(time) => curve.set_key(time, value),
            None => curve.set(value),
        })
    }

    /// Clamps the value to the parameter's range.
    fn clamp(&self, value: Value) -> SuiteResult<Value> {
        Ok(match (self.kind, value) {
            (Kind::Integer(_), Value::Ints(values)) => {
                let (low, high) = (self.props.all(kOfxParamPropMin), self.props.all(kOfxParamPropMax));
                Value::Ints(clamp(&values, &low, &high))
            }
            (Kind::Double(_) | Kind::Colour(_), Value::Doubles(values)) => {
                let (low, high) = (self.props.all(kOfxParamPropMin), self.props.all(kOfxParamPropMax));
                Value::Doubles(clamp(&values, &low, &high))
            }
            (Kind::Boolean, Value::Ints(values)) => {
                Value::Ints(values.iter().map(|v| i32::from(*v != 0)).collect())
            }
            (Kind::Choice, Value::Ints(values)) => {
                let options = self.props.dimension(kOfxParamPropChoiceOption).unwrap_or(0);
                if values.iter().any(|v| !(0..options).contains(v)) {
                    return Err(kOfxStatErrValue);
                }
                Value::Ints(values)
            }
            (_, value) => value,
        })
    }
}

fn clamp<T: PartialOrd + Copy>(values: &[T], low: &[T], high: &[T]) -> Vec<T> {
    let bound = |index: usize, value: T| match (low.get(index), high.get(index)) {
        (Some(&low), _) if value < low => low,
        (_, Some(&high)) if value > high => high,
        _ => value,
    };
    values.iter().enumerate().map(|(index, &value)| bound(index, value)).collect()
}

/// The initial value of an instance: the property with the default.
fn initial(kind: Kind, props: &PropertySet) -> Value {
    match kind {
        Kind::Integer(_) | Kind::Boolean | Kind::Choice => Value::Ints(props.all(kOfxParamPropDefault)),
        Kind::Double(_) | Kind::Colour(_) => Value::Doubles(props.all(kOfxParamPropDefault)),
        Kind::String | Kind::StrChoice | Kind::Custom => {
            Value::Text(props.first(kOfxParamPropDefault).unwrap_or_default())
        }
        Kind::Bytes => Value::Bytes(Vec::new()),
        Kind::Group | Kind::Page | Kind::PushButton | Kind::Parametric => Value::None,
    }
}
