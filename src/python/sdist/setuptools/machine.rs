//! The facts about the machine that a `setup.py` reads: Python's version, the system, the arguments.
//!
//! The wheel is for images of Linux with a `CPython` of at least 3.8. A comparison that has one
//! answer on all of them is decided; any other depends on the machine.

use ruff_python_ast::CmpOp;

use super::value::{Unknown, Value};

/// The oldest Python that counts: the first that setuptools 69 and later support.
const OLDEST: [i64; 2] = [3, 8];

/// The commands that a build may have among its arguments.
const COMMANDS: [&str; 14] = [
    "bdist_wheel",
    "egg_info",
    "dist_info",
    "build",
    "build_py",
    "build_ext",
    "install",
    "develop",
    "editable_wheel",
    "-c",
    "setup.py",
    "--no-user-cfg",
    "-q",
    "--help",
];

/// Returns the value of an attribute of a module that is the same on each machine.
pub fn constant<'a>(name: &str) -> Option<Value<'a>> {
    Some(match name {
        "sys.platform" => Value::str("linux"),
        "os.name" => Value::str("posix"),
        "os.sep" => Value::str("/"),
        "os.linesep" => Value::str("\n"),
        "os.curdir" => Value::str("."),
        "os.pardir" => Value::str(".."),
        _ => return None,
    })
}

/// Returns the value of a call of a function that is the same on each machine.
pub fn answer<'a>(name: &str) -> Option<Value<'a>> {
    match name {
        "platform.system" => Some(Value::str("Linux")),
        "platform.python_implementation" => Some(Value::str("CPython")),
        "os.getcwd" => Some(Value::str(super::scope::ROOT)),
        _ => None,
    }
}

/// Compares the version of Python or the arguments with a value. Returns none for other values.
pub fn compare(op: CmpOp, left: &Value<'_>, right: &Value<'_>) -> Option<Result<bool, Unknown>> {
    match (left, right) {
        (Value::Named(name), right) if name.starts_with("sys.version_info") => Some(version(op, name, right)),
        (left, Value::Named(name)) if name.starts_with("sys.version_info") => Some(match op {
            CmpOp::Lt => version(CmpOp::Gt, name, left),
            CmpOp::LtE => version(CmpOp::GtE, name, left),
            CmpOp::Gt => version(CmpOp::Lt, name, left),
            CmpOp::GtE => version(CmpOp::LtE, name, left),
            _ => Err(Unknown::Machine),
        }),
        (Value::Named(name), Value::Int(number)) if &**name == "sys.hexversion" => {
            let (below, above) = (*number <= 0x0308_0000, *number >= 0x0400_0000);
            Some(match op {
                CmpOp::Gt | CmpOp::GtE | CmpOp::NotEq if below => Ok(true),
                CmpOp::Lt | CmpOp::LtE | CmpOp::Eq if below => Ok(false),
                CmpOp::Lt | CmpOp::LtE | CmpOp::NotEq if above => Ok(true),
                CmpOp::Gt | CmpOp::GtE | CmpOp::Eq if above => Ok(false),
                _ => Err(Unknown::Machine),
            })
        }
        (Value::Str(word), Value::Named(name)) if &**name == "sys.argv" => {
            let known = !COMMANDS.contains(&&**word);
            Some(match op {
                CmpOp::In if known => Ok(false),
                CmpOp::NotIn if known => Ok(true),
                _ => Err(Unknown::Machine),
            })
        }
        (Value::Named(name), Value::Str(word)) if name.starts_with("sys.argv[") && !COMMANDS.contains(&&**word) => {
            Some(match op {
                CmpOp::Eq => Ok(false),
                CmpOp::NotEq => Ok(true),
                _ => Err(Unknown::Machine),
            })
        }
        (Value::Named(name), Value::List(list)) if name.starts_with("sys.argv[") => {
            let none =
                list.borrow().items.iter().all(|item| item.text().is_some_and(|word| !COMMANDS.contains(&&*word)));
            Some(match op {
                CmpOp::In if none && list.borrow().unknown.is_none() => Ok(false),
                CmpOp::NotIn if none && list.borrow().unknown.is_none() => Ok(true),
                _ => Err(Unknown::Machine),
            })
        }
        _ => None,
    }
}

/// Compares the version of Python, or its first number, with a value.
fn version(op: CmpOp, name: &str, other: &Value<'_>) -> Result<bool, Unknown> {
    let wanted: Vec<i64> = match other {
        Value::List(list) => {
            let list = list.borrow();
            list.items
                .iter()
                .map_while(|item| if let Value::Int(number) = item { Some(*number) } else { None })
                .collect()
        }
        Value::Int(number) => vec![*number],
        _ => return Err(Unknown::Machine),
    };
    let major = match name {
        "sys.version_info" | "sys.version_info[0]" | "sys.version_info.major" => wanted.first().copied(),
        _ => None,
    };
    let single = name != "sys.version_info";
    let major = major.ok_or(Unknown::Machine)?;
    // The version lies between the oldest and, excluded, the next major one.
    let below = if single { major < OLDEST[0] } else { wanted.as_slice() <= OLDEST.as_slice() && wanted != OLDEST };
    let above = major > OLDEST[0];
    match op {
        CmpOp::Lt | CmpOp::LtE if below => Ok(false),
        CmpOp::Lt | CmpOp::LtE if above => Ok(true),
        CmpOp::Gt | CmpOp::GtE if below => Ok(true),
        CmpOp::Gt | CmpOp::GtE if above => Ok(false),
        CmpOp::LtE | CmpOp::GtE if single && major == OLDEST[0] => Ok(true),
        CmpOp::Lt | CmpOp::Gt if single && major == OLDEST[0] => Ok(false),
        CmpOp::GtE if wanted == OLDEST => Ok(true),
        CmpOp::Lt if wanted == OLDEST => Ok(false),
        CmpOp::Eq if below || above => Ok(false),
        CmpOp::NotEq if below || above => Ok(true),
        CmpOp::Eq if single || wanted == [OLDEST[0]] => Ok(single),
        CmpOp::NotEq if single => Ok(false),
        _ => Err(Unknown::Machine),
    }
}
