//! Values of a pickle, as far as they are needed to find its tensors.

use safetensors::Dtype;

/// Maximum number of dimensions of a tensor.
const MAX_RANK: usize = 16;

/// Index of a value in the [`Graph`]; containers hold indices, so that a value can be in several containers and even
/// in itself.
pub type Id = u32;

/// A tensor: a strided view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'a> {
    pub storage: Storage<'a>,
    /// Offset of the first element, in elements.
    pub offset: usize,
    pub shape: Vec<usize>,
    /// Strides in elements.
    pub strides: Vec<usize>,
}

/// An array of numbers that is stored outside of the pickle, under `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage<'a> {
    pub key: &'a str,
    /// `None` for an untyped storage, whose tensors have their own dtype.
    pub dtype: Option<Dtype>,
}

/// A supported Python global. Globals are not looked up or called; each denotes a way to construct a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// `OrderedDict`, `dict`, and `ParameterDict`, whose entries come from its state.
    Table,
    /// `_rebuild_tensor` and `_rebuild_tensor_v2`: storage, offset, shape, strides.
    Tensor,
    /// `_rebuild_tensor_v3`: the same, with the dtype as seventh argument.
    TypedTensor,
    /// `_rebuild_parameter`, `torch.Size`: the first argument.
    First,
    /// `_rebuild_from_type_v2`: a function, a class, and the function's arguments.
    Wrapped,
    /// `FloatStorage` etc.; `None` for an untyped storage.
    Storage(Option<Dtype>),
    /// `torch.float16` etc.
    Dtype(Dtype),
}

/// A value on the stack of the pickle machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Int(i64),
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Table(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage<'a>),
    Tensor(View<'a>),
    /// Anything else: floats, objects, functions. Ignored.
    Opaque,
}

/// All values of one pickle.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    values: Vec<Value<'a>>,
}

impl<'a> Graph<'a> {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// All values in order of creation.
    pub fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.values.iter()
    }

    pub fn add(&mut self, value: Value<'a>) -> Id {
        self.values.push(value);
        // The machine ends long before.
        Id::try_from(self.values.len() - 1).unwrap_or(Id::MAX)
    }

    pub fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id as usize]
    }

    pub fn get_mut(&mut self, id: Id) -> &mut Value<'a> {
        &mut self.values[id as usize]
    }

    pub fn text(&self, id: Id) -> Option<&'a str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of a tuple or list.
    pub fn members(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(members) | Value::List(members) => Some(members),
            _ => None,
        }
    }

    /// A non-negative integer.
    pub fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A shape: a tuple or list of at most [`MAX_RANK`] non-negative integers.
    pub fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        let members = self.members(id).filter(|members| members.len() <= MAX_RANK)?;
        members.iter().map(|&member| self.size(member)).collect()
    }

    /// The entries of a dict with string keys.
    pub fn entries(&self, id: Id) -> impl Iterator<Item = (&'a str, Id)> {
        let entries = match self.get(id) {
            Value::Table(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter_map(|&(key, value)| Some((self.text(key)?, value)))
    }
}
