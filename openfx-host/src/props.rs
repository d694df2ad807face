//! Typed property sets, which host and plugin use to exchange values by name.
//!
//! A set is closed: a name that the host did not define is refused with `kOfxStatErrUnknown`, a value of
//! another type with `kOfxStatErrValue`, and an index beyond the dimension with `kOfxStatErrBadIndex`.
//! Pointers to strings that the plugin has read stay valid as long as the set.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

use openfx_sys::*;
use parking_lot::Mutex;

use super::status::SuiteResult;

/// The values of one property.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Values of type `int`.
    Int(Vec<i32>),
    /// Values of type `double`.
    Double(Vec<f64>),
    /// Values of type `char *`.
    Text(Vec<CString>),
    /// Values of type `void *`, as addresses, which the host never dereferences.
    Pointer(Vec<usize>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Int(v) => v.len(),
            Self::Double(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Pointer(v) => v.len(),
        }
    }
}

/// A type of property values, for generic accessors.
pub trait Item: Clone {
    /// The values, if they are of this type.
    fn of(values: &Values) -> Option<&Vec<Self>>;
    /// The values for modification, if they are of this type.
    fn of_mut(values: &mut Values) -> Option<&mut Vec<Self>>;
    /// Wraps values of this type.
    fn wrap(items: Vec<Self>) -> Values;
}

macro_rules! item {
    ($type:ty, $variant:ident) => {
        impl Item for $type {
            fn of(values: &Values) -> Option<&Vec<Self>> {
                if let Values::$variant(items) = values { Some(items) } else { None }
            }
            fn of_mut(values: &mut Values) -> Option<&mut Vec<Self>> {
                if let Values::$variant(items) = values { Some(items) } else { None }
            }
            fn wrap(items: Vec<Self>) -> Values {
                Values::$variant(items)
            }
        }
    };
}
item!(i32, Int);
item!(f64, Double);
item!(CString, Text);
item!(usize, Pointer);

/// Whether the plugin may write a property, and whether it may change the dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The plugin may only read.
    Read,
    /// The plugin may change the existing values.
    Write,
    /// The plugin may set any number of values.
    List,
}

#[derive(Clone, Debug)]
struct Property {
    values: Values,
    initial: Values,
    access: Access,
}

/// A set of properties.
#[derive(Debug, Default)]
pub struct PropertySet {
    table: Mutex<BTreeMap<CString, Property>>,
    /// Replaced strings, kept because the plugin may still hold pointers to them.
    retired: Mutex<Vec<CString>>,
}

impl PropertySet {
    /// A set without properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a property with its default values, replacing one of the same name.
    pub fn define<T: Item>(&self, name: &CStr, access: Access, items: impl Into<Vec<T>>) -> &Self {
        let values = T::wrap(items.into());
        let property = Property { initial: values.clone(), values, access };
        if let Some(old) = self.table.lock().insert(name.to_owned(), property) {
            self.retire(old.values);
        }
        self
    }

    /// Adds a property of type string.
    pub fn define_text(&self, name: &CStr, access: Access, items: &[&CStr]) -> &Self {
        let items: Vec<CString> = items.iter().map(|&text| text.to_owned()).collect();
        self.define(name, access, items)
    }

    /// A copy whose defaults are the current values, as an instance starts from its descriptor.
    pub fn duplicate(&self) -> Self {
        let table = self.table.lock().clone();
        Self { table: Mutex::new(table), retired: Mutex::default() }
    }

    fn retire(&self, values: Values) {
        if let Values::Text(strings) = values {
            self.retired.lock().extend(strings);
        }
    }

    /// All values of a property; empty if it is missing or of another type.
    pub fn all<T: Item>(&self, name: &CStr) -> Vec<T> {
        let table = self.table.lock();
        table.get(name).and_then(|property| T::of(&property.values)).cloned().unwrap_or_default()
    }

    /// The first value of a property; `None` if it is missing or of another type.
    pub fn first<T: Item>(&self, name: &CStr) -> Option<T> {
        self.all(name).into_iter().next()
    }

    /// All values of a string property, as UTF-8.
    pub fn strings(&self, name: &CStr) -> Vec<String> {
        let texts = self.all::<CString>(name);
        texts.iter().map(|text| text.to_string_lossy().into_owned()).collect()
    }

    /// The first value of a string property; empty if there is none.
    pub fn string(&self, name: &CStr) -> String {
        self.strings(name).into_iter().next().unwrap_or_default()
    }

    /// Whether the set has this property.
    pub fn has(&self, name: &CStr) -> bool {
        self.table.lock().contains_key(name)
    }

    /// Sets values for the host, regardless of the plugin's access. The property must exist.
    pub fn assign<T: Item>(&self, name: &CStr, items: impl Into<Vec<T>>) {
        let mut table = self.table.lock();
        if let Some(property) = table.get_mut(name) {
            let old = std::mem::replace(&mut property.values, T::wrap(items.into()));
            drop(table);
            self.retire(old);
        }
    }

    /// Reads one value for the plugin.
    ///
    /// # Errors
    /// The status for the plugin.
    pub fn get<T: Item, R>(&self, name: &CStr, index: i32, read: impl FnOnce(&T) -> R) -> SuiteResult<R> {
        let table = self.table.lock();
        let property = table.get(name).ok_or(kOfxStatErrUnknown)?;
        let items = T::of(&property.values).ok_or(kOfxStatErrValue)?;
        let item = usize::try_from(index).ok().and_then(|index| items.get(index));
        item.map(read).ok_or(kOfxStatErrBadIndex)
    }

    /// Sets one value for the plugin.
    ///
    /// # Errors
    /// The status for the plugin.
    pub fn set<T: Item>(&self, name: &CStr, index: i32, value: T) -> SuiteResult<()> {
        let mut table = self.table.lock();
        let property = table.get_mut(name).ok_or(kOfxStatErrUnknown)?;
        let items = T::of_mut(&mut property.values).ok_or(kOfxStatErrValue)?;
        if property.access == Access::Read {
            return Err(kOfxStatErrValue);
        }
        let index = usize::try_from(index).map_err(|_| kOfxStatErrBadIndex)?;
        if let Some(place) = items.get_mut(index) {
            let old = std::mem::replace(place, value);
            drop(table);
            self.retire(T::wrap(vec![old]));
            return Ok(());
        }
        if property.access == Access::List && index == items.len() {
            items.push(value);
            return Ok(());
        }
        Err(kOfxStatErrBadIndex)
    }

    /// Sets all values of a property for the plugin.
    ///
    /// # Errors
    /// The status for the plugin.
    pub fn set_all<T: Item>(&self, name: &CStr, values: Vec<T>) -> SuiteResult<()> {
        let mut table = self.table.lock();
        let property = table.get_mut(name).ok_or(kOfxStatErrUnknown)?;
        let items = T::of_mut(&mut property.values).ok_or(kOfxStatErrValue)?;
        let old = match property.access {
            Access::Read => return Err(kOfxStatErrValue),
            Access::List => std::mem::replace(items, values),
            Access::Write if values.len() > items.len() => return Err(kOfxStatErrBadIndex),
            Access::Write => {
                let count = values.len();
                items.splice(..count, values).collect()
            }
        };
        drop(table);
        self.retire(T::wrap(old));
        Ok(())
    }

    /// Resets a property to its default values.
    ///
    /// # Errors
    /// The status for the plugin.
    pub fn reset(&self, name: &CStr) -> SuiteResult<()> {
        let mut table = self.table.lock();
        let property = table.get_mut(name).ok_or(kOfxStatErrUnknown)?;
        if property.access == Access::Read {
            return Err(kOfxStatErrValue);
        }
        let old = std::mem::replace(&mut property.values, property.initial.clone());
        drop(table);
        self.retire(old);
        Ok(())
    }

    /// Number of values of a property.
    ///
    /// # Errors
    /// `kOfxStatErrUnknown` if there is no such property.
    pub fn dimension(&self, name: &CStr) -> SuiteResult<i32> {
        let table = self.table.lock();
        let property = table.get(name).ok_or(kOfxStatErrUnknown)?;
        i32::try_from(property.values.len()).map_err(|_| kOfxStatErrValue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> PropertySet {
        let set = PropertySet::new();
        set.define(c"number", Access::Write, [1, 2]).define(c"fixed", Access::Read, [1.5]).define_text(
            c"list",
            Access::List,
            &[],
        );
        set
    }

    #[test]
    fn unknown_names_wrong_types_and_bad_indices_are_told_apart() {
        let set = sample();
        assert_eq!(set.get(c"nothing", 0, |v: &i32| *v), Err(kOfxStatErrUnknown));
        assert_eq!(set.get(c"number", 0, |v: &f64| *v), Err(kOfxStatErrValue));
        assert_eq!(set.get(c"number", 2, |v: &i32| *v), Err(kOfxStatErrBadIndex));
        assert_eq!(set.get(c"number", -1, |v: &i32| *v), Err(kOfxStatErrBadIndex));
        assert_eq!(set.get(c"number", 1, |v: &i32| *v), Ok(2));
        assert_eq!(set.set(c"fixed", 0, 2.0), Err(kOfxStatErrValue));
        assert_eq!(set.set(c"number", 2, 7), Err(kOfxStatErrBadIndex));
        assert_eq!(set.dimension(c"number"), Ok(2));
        assert_eq!(set.dimension(c"nothing"), Err(kOfxStatErrUnknown));
    }

    #[test]
    fn lists_grow_at_their_end_and_reset() {
        let set = sample();
        assert_eq!(set.set(c"list", 1, c"x".to_owned()), Err(kOfxStatErrBadIndex));
        for (index, text) in [c"a", c"b"].into_iter().enumerate() {
            set.set(c"list", index as i32, text.to_owned()).unwrap();
        }
        assert_eq!(set.strings(c"list"), ["a", "b"]);
        set.reset(c"list").unwrap();
        assert_eq!(set.dimension(c"list"), Ok(0));
        assert_eq!(set.set_all(c"number", vec![1, 2, 3]), Err(kOfxStatErrBadIndex));
        set.set_all(c"number", vec![9]).unwrap();
        assert_eq!(set.all::<i32>(c"number"), [9, 2]);
    }

    #[test]
    fn a_replaced_string_stays_readable() {
        let set = sample();
        set.set(c"list", 0, c"first".to_owned()).unwrap();
        let pointer = set.get(c"list", 0, |text: &CString| text.as_ptr()).unwrap();
        set.set(c"list", 0, c"second".to_owned()).unwrap();
        // SAFETY: the set keeps replaced strings.
        assert_eq!(unsafe { CStr::from_ptr(pointer) }, c"first");
    }
}
