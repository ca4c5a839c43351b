//! The items of `os.walk` in a `setup.py`.

use std::rc::Rc;

use super::value::Value;

/// The list of directories in an item of `os.walk`.
pub struct Walked<'a> {
    list: Value<'a>,
    before: usize,
}

impl<'a> Walked<'a> {
    /// Returns the directories, if a value has the form of an item of `os.walk`.
    pub fn of(item: &Value<'a>) -> Option<Self> {
        let Value::List(item) = item else { return None };
        match item.borrow().items.as_slice() {
            [Value::Str(_), Value::List(list), Value::List(_)] => {
                Some(Self { list: Value::List(Rc::clone(list)), before: list.borrow().items.len() })
            }
            _ => None,
        }
    }

    /// Returns whether the list was changed.
    pub fn changed(&self) -> bool {
        match &self.list {
            Value::List(list) => list.borrow().unknown.is_some() || list.borrow().items.len() != self.before,
            _ => false,
        }
    }
}
