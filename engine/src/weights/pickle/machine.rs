//! The stack machine of Python's pickle format (protocols 0 to 5), used as a pure data reader.
//!
//! A pickle is a program for a small stack machine whose opcodes push values, put them into containers, refer to
//! Python globals and call them. This reader knows a few globals (see [`super::globals`]) and builds the
//! corresponding dicts and tensors; every other call yields an opaque value that is ignored. Nothing is executed.
//! Opcodes are as in CPython's Lib/pickletools.py.

use std::collections::HashMap;

use super::globals::{hostile, known};
use super::value::{Global, Graph, Id, Storage, Value, View};

/// Maximum number of values in one pickle. A full checkpoint with its EMA copy has 80 thousand.
const MAX_VALUES: usize = 2_000_000;
/// Maximum number of entries of the stack, of the memo, and of nested marks.
const MAX_STACK: usize = 2_000_000;

/// A parsed pickle.
pub struct Loaded<'a> {
    pub graph: Graph<'a>,
    pub root: Id,
    /// Number of bytes parsed.
    pub length: usize,
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    graph: Graph<'a>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Number of members copied by calls, which is limited because a pickle can pass the same long list again and
    /// again.
    copied: usize,
}

/// Parses the pickle at the beginning of `bytes`. The error is the second half of a sentence.
pub fn load(bytes: &[u8]) -> Result<Loaded<'_>, String> {
    let mut machine = Machine {
        bytes,
        at: 0,
        graph: Graph::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        copied: 0,
    };
    while machine.step()? {
        let most = [machine.stack.len(), machine.memo.len(), machine.marks.len(), machine.copied];
        let most = most.into_iter().max().unwrap_or(0);
        if machine.graph.len() > MAX_VALUES || most > MAX_STACK {
            return Err("it has more values than any model".into());
        }
    }
    let root = machine.pop()?;
    Ok(Loaded { graph: machine.graph, root, length: machine.at })
}

impl<'a> Machine<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..count) else { return Err("it is cut off".into()) };
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn number<const N: usize>(&mut self) -> Result<u64, String> {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(self.take(N)?);
        Ok(u64::from_le_bytes(wide))
    }

    fn block<const N: usize>(&mut self) -> Result<&'a [u8], String> {
        let length = self.number::<N>()?;
        self.take(usize::try_from(length).map_err(|_| "it is cut off")?)
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err("it is cut off".into());
        };
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| "a name in it is not text".into())
    }

    fn push(&mut self, value: Value<'a>) {
        let id = self.graph.add(value);
        self.stack.push(id);
    }

    fn push_text(&mut self, bytes: &'a [u8]) {
        self.push(std::str::from_utf8(bytes).map_or(Value::Opaque, Value::Text));
    }

    fn pop(&mut self) -> Result<Id, String> {
        // Values below the last mark belong to the container that is being built.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("it takes a value that is not there".into());
        }
        self.stack.pop().ok_or_else(|| "it takes a value that is not there".into())
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| "it uses a value that is not there".into())
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("it closes a group that it did not open")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn remember(&mut self, at: u64) -> Result<(), String> {
        let at = u32::try_from(at).map_err(|_| "it remembers too many values")?;
        let top = self.top()?;
        self.memo.insert(at, top);
        Ok(())
    }

    fn recall(&mut self, at: u64) -> Result<(), String> {
        let known = u32::try_from(at).ok().and_then(|at| self.memo.get(&at));
        let id = *known.ok_or("it recalls a value that it did not remember")?;
        self.stack.push(id);
        Ok(())
    }

    fn tuple(&mut self, count: usize) -> Result<(), String> {
        let mut members = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        members.reverse();
        self.push(Value::Tuple(members));
        Ok(())
    }

    /// Appends members to the list on top of the stack; ignores them if it is another value.
    fn extend(&mut self, members: Vec<Id>) -> Result<(), String> {
        let list = self.top()?;
        if let Value::List(known) = self.graph.get_mut(list) {
            known.extend(members);
        }
        Ok(())
    }

    fn set_items(&mut self, members: Vec<Id>) -> Result<(), String> {
        let table = self.top()?;
        let pairs = members.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        if let Value::Table(known) = self.graph.get_mut(table) {
            known.extend(pairs);
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), String> {
        if hostile(module, name) {
            return Err(format!(
                "it asks for `{module}.{name}`, which no model needs; nothing of it was run"
            ));
        }
        self.push(known(module, name).map_or(Value::Opaque, Value::Global));
        Ok(())
    }

    /// Runs one opcode; false at the end (STOP).
    fn step(&mut self) -> Result<bool, String> {
        match self.take(1)?[0] {
            // Framing: protocol number, frame length.
            0x80 => {
                self.take(1)?;
            }
            0x95 => {
                self.take(8)?;
            }
            b'.' => return Ok(false),
            // Stack.
            b'(' => self.marks.push(self.stack.len()),
            b'0' => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => {
                    self.marks.pop();
                }
                _ => {
                    self.pop()?;
                }
            },
            b'1' => {
                self.pop_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            // Memo.
            b'q' => {
                let at = self.number::<1>()?;
                self.remember(at)?;
            }
            b'r' => {
                let at = self.number::<4>()?;
                self.remember(at)?;
            }
            b'p' => {
                let at = self.line()?.parse().map_err(|_| "a number in it is not one")?;
                self.remember(at)?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,
            b'h' => {
                let at = self.number::<1>()?;
                self.recall(at)?;
            }
            b'j' => {
                let at = self.number::<4>()?;
                self.recall(at)?;
            }
            b'g' => {
                let at = self.line()?.parse().map_err(|_| "a number in it is not one")?;
                self.recall(at)?;
            }
            // Numbers.
            b'K' => {
                let value = u8::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            b'I' | b'L' => {
                let line = self.line()?;
                let value = line.strip_suffix('L').unwrap_or(line).parse();
                self.push(value.map_or(Value::Opaque, Value::Int));
            }
            0x8a => {
                let bytes = self.block::<1>()?;
                self.push(long(bytes));
            }
            0x8b => {
                let bytes = self.block::<4>()?;
                self.push(long(bytes));
            }
            b'G' => {
                self.take(8)?;
                self.push(Value::Opaque);
            }
            b'F' => {
                self.line()?;
                self.push(Value::Opaque);
            }
            b'N' | 0x88 | 0x89 => self.push(Value::Opaque),
            // Strings and bytes.
            b'X' => {
                let bytes = self.block::<4>()?;
                self.push_text(bytes);
            }
            0x8c | b'U' => {
                let bytes = self.block::<1>()?;
                self.push_text(bytes);
            }
            b'T' => {
                let bytes = self.block::<4>()?;
                self.push_text(bytes);
            }
            0x8d => {
                let bytes = self.block::<8>()?;
                self.push_text(bytes);
            }
            b'V' => {
                let text = self.line()?;
                self.push(Value::Text(text));
            }
            b'S' => {
                let text = self.line()?;
                self.push(Value::Text(text.trim_matches(['\'', '"'])));
            }
            b'C' => {
                self.block::<1>()?;
                self.push(Value::Opaque);
            }
            b'B' => {
                self.block::<4>()?;
                self.push(Value::Opaque);
            }
            0x8e | 0x96 => {
                self.block::<8>()?;
                self.push(Value::Opaque);
            }
            // Containers.
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let members = self.pop_mark()?;
                self.push(Value::Tuple(members));
            }
            b']' => self.push(Value::List(Vec::new())),
            b'l' => {
                let members = self.pop_mark()?;
                self.push(Value::List(members));
            }
            b'a' => {
                let member = self.pop()?;
                self.extend(vec![member])?;
            }
            b'e' => {
                let members = self.pop_mark()?;
                self.extend(members)?;
            }
            b'}' => self.push(Value::Table(Vec::new())),
            b'd' => {
                let members = self.pop_mark()?;
                self.push(Value::Table(Vec::new()));
                self.set_items(members)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(vec![key, value])?;
            }
            b'u' => {
                let members = self.pop_mark()?;
                self.set_items(members)?;
            }
            // Sets are not needed.
            0x8f => self.push(Value::Opaque),
            0x90 => {
                self.pop_mark()?;
            }
            0x91 => {
                self.pop_mark()?;
                self.push(Value::Opaque);
            }
            // Globals and calls.
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.graph.text(module), self.graph.text(name)) {
                    (Some(module), Some(name)) => self.global(module, name)?,
                    _ => return Err("a name in it is not text".into()),
                }
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let value = self.call(function, arguments)?;
                self.stack.push(value);
            }
            0x92 => {
                let (_, arguments, function) = (self.pop()?, self.pop()?, self.pop()?);
                let value = self.call(function, arguments)?;
                self.stack.push(value);
            }
            // BUILD sets an object's state: only needed for a `ParameterDict`.
            b'b' => {
                let state = self.pop()?;
                self.take_parameters(state)?;
            }
            b'o' => {
                self.pop_mark()?;
                self.push(Value::Opaque);
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                self.pop_mark()?;
                if hostile(module, name) {
                    return Err(format!(
                        "it asks for `{module}.{name}`, which no model needs; nothing of it was run"
                    ));
                }
                self.push(Value::Opaque);
            }
            b'Q' => {
                let id = self.pop()?;
                let value = self.storage(id);
                self.push(value);
            }
            b'P' => {
                self.line()?;
                self.push(Value::Opaque);
            }
            other => {
                return Err(format!(
                    "it has the instruction {other:#04x}, which tables of tensors do not use"
                ));
            }
        }
        Ok(true)
    }

    /// Fills an empty dict with the `_parameters` of a module's state.
    fn take_parameters(&mut self, state: Id) -> Result<(), String> {
        let object = self.top()?;
        let parameters = self.graph.entries(state).find(|(name, _)| *name == "_parameters");
        let Some(Value::Table(entries)) = parameters.map(|(_, id)| self.graph.get(id).clone()) else {
            return Ok(());
        };
        self.copied += entries.len();
        if let Value::Table(known) = self.graph.get_mut(object)
            && known.is_empty()
        {
            *known = entries;
        }
        Ok(())
    }

    /// Persistent id: `('storage', type, key, location, elements)`
    fn storage(&self, id: Id) -> Value<'a> {
        let parts = self.graph.members(id).unwrap_or(&[]);
        let (Some(&kind), Some(&class), Some(&key)) = (parts.first(), parts.get(1), parts.get(2)) else {
            return Value::Opaque;
        };
        // A storage that is a view of another one, as written by torch before 0.4.
        if parts.get(5).is_some_and(|&part| self.graph.members(part).is_some()) {
            return Value::Opaque;
        }
        match (self.graph.text(kind), self.graph.get(class), self.graph.text(key)) {
            (Some("storage"), Value::Global(Global::Storage(dtype)), Some(key)) => {
                Value::Storage(Storage { key, dtype: *dtype })
            }
            _ => Value::Opaque,
        }
    }

    fn call(&mut self, function: Id, arguments: Id) -> Result<Id, String> {
        let Value::Global(function) = *self.graph.get(function) else {
            return Ok(self.graph.add(Value::Opaque));
        };
        let members = self.graph.members(arguments).unwrap_or(&[]);
        let value = match (function, members) {
            (Global::First, [first, ..]) => return Ok(*first),
            // The second argument is the tensor's subclass; the function is never itself a wrapper.
            (Global::Wrapped, [inner, _, arguments, ..]) => match self.graph.get(*inner) {
                Value::Global(inner @ (Global::Tensor | Global::TypedTensor)) => {
                    self.tensor(*inner, self.graph.members(*arguments).unwrap_or(&[]))?
                }
                _ => Value::Opaque,
            },
            (Global::Table, _) => {
                let pairs = members.first().and_then(|&pairs| self.graph.members(pairs)).unwrap_or(&[]);
                let pair = |&pair: &Id| match self.graph.members(pair) {
                    Some([key, value]) => Some((*key, *value)),
                    _ => None,
                };
                let pairs: Vec<_> = pairs.iter().filter_map(pair).collect();
                self.copied += pairs.len();
                Value::Table(pairs)
            }
            (Global::Tensor | Global::TypedTensor, members) => self.tensor(function, members)?,
            _ => Value::Opaque,
        };
        Ok(self.graph.add(value))
    }

    fn tensor(&self, function: Global, arguments: &[Id]) -> Result<Value<'a>, String> {
        let [storage, offset, shape, strides, rest @ ..] = arguments else {
            return Err("it describes a tensor without a shape".into());
        };
        let Value::Storage(mut storage) = *self.graph.get(*storage) else { return Ok(Value::Opaque) };
        let sizes = (self.graph.size(*offset), self.graph.sizes(*shape), self.graph.sizes(*strides));
        let (Some(offset), Some(shape), Some(strides)) = sizes else {
            return Err("it describes a tensor of an impossible shape".into());
        };
        if shape.len() != strides.len() {
            return Err("it describes a tensor of an impossible shape".into());
        }
        if function == Global::TypedTensor
            && let Some(&format) = rest.get(2)
            && let Value::Global(Global::Dtype(dtype)) = self.graph.get(format)
        {
            storage.dtype = Some(*dtype);
        }
        Ok(Value::Tensor(View { storage, offset, shape, strides }))
    }
}

/// An integer in two's complement; integers of more than 64 bits are opaque.
fn long(bytes: &[u8]) -> Value<'static> {
    if bytes.len() > 8 {
        return Value::Opaque;
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}
