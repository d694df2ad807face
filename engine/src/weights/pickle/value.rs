//! What a pickle is made of, as far as a table of tensors needs it.

use safetensors::Dtype;

/// Dimensions of a tensor.
const MAX_RANK: usize = 16;

/// Index of a value in the [`Graph`]; containers hold indices, so that a value can be in several and even in itself.
pub type Id = u32;

/// A tensor: a strided view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'a> {
    pub storage: Storage<'a>,
    /// First element.
    pub offset: usize,
    pub shape: Vec<usize>,
    /// In elements.
    pub strides: Vec<usize>,
}

/// A row of numbers that is kept outside of the pickle, under `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage<'a> {
    pub key: &'a str,
    /// `None` for a storage of plain bytes, whose tensors say their format.
    pub dtype: Option<Dtype>,
}

/// A name of a program's part that pickles of tensors contain. Nothing is looked up or called by it: each stands for
/// a way to put values together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// `OrderedDict`, `dict`, and `ParameterDict`, which takes its entries over as state.
    Table,
    /// `_rebuild_tensor` and `_rebuild_tensor_v2`: storage, offset, shape, strides.
    Tensor,
    /// `_rebuild_tensor_v3`: as before, with the format in seventh place.
    TypedTensor,
    /// `_rebuild_parameter`, `torch.Size`: the first argument.
    First,
    /// `_rebuild_from_type_v2`: a function, a class, and the function's arguments.
    Wrapped,
    /// `FloatStorage` and its like; `None` is the storage of plain bytes.
    Storage(Option<Dtype>),
    /// `torch.float16` and its like.
    Dtype(Dtype),
}

/// A value.
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
    /// Anything else: numbers that are not whole, objects of classes, functions. Kept only to be passed over.
    Opaque,
}

/// The values of one pickle.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    values: Vec<Value<'a>>,
}

impl<'a> Graph<'a> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// All values in the order in which they were made.
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

    /// A number that is no less than 0.
    pub fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A shape: a tuple or list of numbers that are no less than 0.
    pub fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        let members = self.members(id).filter(|members| members.len() <= MAX_RANK)?;
        members.iter().map(|&member| self.size(member)).collect()
    }

    /// The entries of a table whose keys are texts.
    pub fn entries(&self, id: Id) -> impl Iterator<Item = (&'a str, Id)> {
        let entries = match self.get(id) {
            Value::Table(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter_map(|&(key, value)| Some((self.text(key)?, value)))
    }
}
