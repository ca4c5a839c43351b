//! The values of Python expressions in a `setup.py`, as far as its text decides them.

use std::cell::RefCell;
use std::rc::Rc;

use ruff_python_ast::StmtFunctionDef;

/// The reason why the text of the sdist does not decide a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Unknown {
    /// The value follows from the files of the sdist, but carboy does not compute it.
    Computed,
    /// The value may depend on the machine or on another program.
    Machine,
}

/// The start of the names of modules of the sdist.
pub const OWN: &str = "own:";

/// The deepest value that is looked into.
const DEEPEST: usize = 20;
/// The most values that are looked at to judge one, with all that it contains.
const VISITS: usize = 200_000;

/// A value of a Python expression.
#[derive(Clone)]
pub enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Str(Rc<str>),
    /// A path object of `pathlib`.
    Path(Rc<str>),
    /// An open text file.
    File(Rc<str>),
    /// A match of a regular expression.
    Match(Rc<Match>),
    /// A compiled regular expression, and its flags.
    Pattern(Rc<str>, Rc<Value<'a>>),
    /// A list, a tuple or a set.
    List(Rc<RefCell<List<'a>>>),
    Dict(Rc<RefCell<Dict<'a>>>),
    /// A function of the file.
    Function(&'a StmtFunctionDef),
    /// A module, class or function of another file: `os.path.join`.
    Named(Rc<str>),
    /// A method of a value.
    Method(Rc<Value<'a>>, Rc<str>),
    Unknown(Unknown),
}

/// A match of a regular expression.
pub struct Match {
    /// The whole match, then each group.
    pub groups: Vec<Option<Rc<str>>>,
    pub names: Vec<Option<String>>,
}

/// The items of a list, tuple or set.
#[derive(Default)]
pub struct List<'a> {
    pub items: Vec<Value<'a>>,
    /// Set if something may have changed the list that is not decided.
    pub unknown: Option<Unknown>,
}

/// The items of a dictionary, in the order of insertion.
#[derive(Default)]
pub struct Dict<'a> {
    pub items: Vec<(Value<'a>, Value<'a>)>,
    /// Set if something may have changed the dictionary that is not decided.
    pub unknown: Option<Unknown>,
}

impl Value<'_> {
    pub fn str(text: &str) -> Self {
        Self::Str(text.into())
    }

    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(RefCell::new(List { items, unknown: None })))
    }

    pub fn dict(items: Vec<(Self, Self)>) -> Self {
        Self::Dict(Rc::new(RefCell::new(Dict { items, unknown: None })))
    }

    /// Returns the text of a string or path.
    pub fn text(&self) -> Option<Rc<str>> {
        match self {
            Self::Str(text) | Self::Path(text) => Some(Rc::clone(text)),
            _ => None,
        }
    }

    /// Returns the number of items in a list or dictionary, itself.
    pub fn length(&self) -> usize {
        match self {
            Self::List(list) => list.borrow().items.len(),
            Self::Dict(dict) => dict.borrow().items.len(),
            _ => 0,
        }
    }

    /// Returns why a value, or something in it, is not decided.
    pub fn unknown(&self) -> Option<Unknown> {
        self.unknown_within(0, &mut { VISITS })
    }

    /// Returns the reason within a depth and a number of visits: values may contain a list many
    /// times, and themselves.
    fn unknown_within(&self, depth: usize, visits: &mut usize) -> Option<Unknown> {
        *visits = visits.saturating_sub(1);
        if depth > DEEPEST || *visits == 0 {
            return Some(Unknown::Machine);
        }
        let mut worst = None;
        match self {
            Self::Unknown(why) => return Some(*why),
            Self::List(list) => {
                let list = list.borrow();
                worst = list.unknown;
                for value in &list.items {
                    if worst == Some(Unknown::Machine) {
                        break;
                    }
                    worst = worst.max(value.unknown_within(depth + 1, visits));
                }
            }
            Self::Dict(dict) => {
                let dict = dict.borrow();
                worst = dict.unknown;
                for value in dict.items.iter().flat_map(|(key, value)| [key, value]) {
                    if worst == Some(Unknown::Machine) {
                        break;
                    }
                    worst = worst.max(value.unknown_within(depth + 1, visits));
                }
            }
            Self::Method(of, _) => return of.unknown_within(depth + 1, visits),
            Self::Named(name) if !name.starts_with(OWN) => worst = Some(Unknown::Machine),
            Self::Function(_) | Self::Named(_) | Self::File(_) | Self::Match(_) | Self::Pattern(..) => {
                worst = Some(Unknown::Computed);
            }
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Str(_) | Self::Path(_) => {}
        }
        worst
    }

    /// Returns the truth of a value.
    pub fn truth(&self) -> Result<bool, Unknown> {
        Ok(match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Str(text) => !text.is_empty(),
            Self::Path(_) | Self::File(_) | Self::Function(_) | Self::Match(_) | Self::Pattern(..) => true,
            Self::Named(name) if name.starts_with("class ") || matches!(&**name, "extension" | "distribution") => true,
            // A name of another file, or one that `exec` or a star import may have set.
            Self::Named(name) if name.starts_with(OWN) => return Err(Unknown::Computed),
            Self::Named(_) => return Err(Unknown::Machine),
            // It may be an attribute that is not a method.
            Self::Method(..) => return Err(Unknown::Computed),
            Self::List(list) => {
                let list = list.borrow();
                list.unknown.map_or(Ok(!list.items.is_empty()), Err)?
            }
            Self::Dict(dict) => {
                let dict = dict.borrow();
                dict.unknown.map_or(Ok(!dict.items.is_empty()), Err)?
            }
            Self::Unknown(why) => return Err(*why),
        })
    }

    /// Returns whether two values are equal.
    pub fn equals(&self, other: &Self) -> Result<bool, Unknown> {
        self.equals_within(other, 0, &mut { VISITS })
    }

    fn equals_within(&self, other: &Self, depth: usize, visits: &mut usize) -> Result<bool, Unknown> {
        *visits = visits.saturating_sub(1);
        if depth > DEEPEST || *visits == 0 {
            return Err(Unknown::Machine);
        }
        Ok(match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Str(a), Self::Str(b)) | (Self::Path(a), Self::Path(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                if let Some(why) = a.unknown.or(b.unknown) {
                    return Err(why);
                }
                if a.items.len() != b.items.len() {
                    return Ok(false);
                }
                for (a, b) in a.items.iter().zip(&b.items) {
                    if !a.equals_within(b, depth + 1, visits)? {
                        return Ok(false);
                    }
                }
                true
            }
            (
                Self::Str(_) | Self::Int(_) | Self::None | Self::Bool(_),
                Self::Str(_) | Self::Int(_) | Self::None | Self::Bool(_),
            ) => false,
            _ => return Err(self.unknown().max(other.unknown()).unwrap_or(Unknown::Computed)),
        })
    }

    /// Marks a list or dictionary as changed by something that is not decided.
    pub fn spoil(&self, why: Unknown) {
        match self {
            Self::List(list) => {
                let mut list = list.borrow_mut();
                list.unknown = list.unknown.max(Some(why));
            }
            Self::Dict(dict) => {
                let mut dict = dict.borrow_mut();
                dict.unknown = dict.unknown.max(Some(why));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_themselves_are_not_decided() {
        let one = Value::list(Vec::new());
        if let Value::List(list) = &one {
            list.borrow_mut().items.push(one.clone());
        }
        assert_eq!(one.equals(&one), Err(Unknown::Machine));
        assert_eq!(one.unknown(), Some(Unknown::Machine));
    }

    #[test]
    fn shared_values_are_visited_a_bounded_number_of_times() {
        let nested = |levels| (0..levels).fold(Value::Int(1), |value, _| Value::list(vec![value; 100]));
        assert_eq!(nested(2).unknown(), None);
        assert_eq!(nested(2).equals(&nested(2)), Ok(true));
        assert_eq!(nested(6).unknown(), Some(Unknown::Machine));
        assert_eq!(nested(6).equals(&nested(6)), Err(Unknown::Machine));
    }
}
