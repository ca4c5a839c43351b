//! A library that an object asks the loader for.

use std::rc::Rc;

use super::abi::Abi;
use super::candidate::LocatedObject;

/// A name that is being looked for.
pub(super) struct LibraryRequest<'a> {
    /// The name as the object has it.
    pub raw: &'a [u8],
    /// Tokens expanded.
    pub name: &'a [u8],
    /// The object that asks; none for a program's own `dlopen`.
    pub asker: Option<&'a Rc<LocatedObject>>,
    pub abi: Abi,
}

impl LibraryRequest<'_> {
    pub fn asks_for_no_default(&self) -> bool {
        self.asker.is_some_and(|asker| asker.object.no_default_folders)
    }
}
