//! The calls in a `setup.py`.

use std::collections::HashMap;
use std::rc::Rc;

use ruff_python_ast::{ExprCall, StmtFunctionDef};

use super::machine;
use super::modules::is_setup;
use super::scope::{ROOT, Scope, Stop};
use super::statements::Flow;
use super::value::{Unknown, Value};

/// The arguments of a call.
pub struct Arguments<'a> {
    pub positional: Vec<Value<'a>>,
    pub keywords: Vec<(String, Value<'a>)>,
    /// Set if `*` or `**` passes something that is not decided.
    pub unknown: Option<Unknown>,
}

impl<'a> Arguments<'a> {
    /// Returns an argument by position or name.
    pub fn get(&self, at: usize, name: &str) -> Option<&Value<'a>> {
        self.positional.get(at).or_else(|| self.keywords.iter().find(|(key, _)| key == name).map(|(_, value)| value))
    }

    /// Returns why an argument is not decided.
    pub fn unknown(&self) -> Option<Unknown> {
        let all = self.positional.iter().chain(self.keywords.iter().map(|(_, value)| value));
        all.filter_map(Value::unknown).chain(self.unknown).max()
    }

    /// Marks lists and dictionaries as changed by the call.
    fn spoil(&self, why: Unknown) {
        for value in self.positional.iter().chain(self.keywords.iter().map(|(_, value)| value)) {
            value.spoil(why);
        }
    }
}

impl<'a> Scope<'a> {
    /// Returns the result of a call.
    pub fn call(&mut self, call: &'a ExprCall) -> Result<Value<'a>, Stop> {
        let function = self.value(&call.func)?;
        let arguments = self.arguments(call)?;
        match &function {
            Value::Function(def) => self.inline(def, arguments),
            Value::Named(name) if is_setup(name) => self.record(arguments),
            Value::Named(name) if self.patched.contains(&**name) => Ok(self.undecided(Unknown::Machine)),
            Value::Named(name) => self.named(name, &arguments),
            Value::Method(of, name) => self.method(of, name, &arguments),
            other => {
                let why = other.unknown().max(arguments.unknown).unwrap_or(Unknown::Computed);
                arguments.spoil(why);
                Ok(self.undecided(why))
            }
        }
    }

    fn arguments(&mut self, call: &'a ExprCall) -> Result<Arguments<'a>, Stop> {
        let mut out = Arguments { positional: Vec::new(), keywords: Vec::new(), unknown: None };
        for one in &call.arguments.args {
            let value = self.value(one)?;
            if one.is_starred_expr() {
                match self.items(&value) {
                    Some(items) => out.positional.extend(items),
                    None => out.unknown = out.unknown.max(value.unknown()).max(Some(Unknown::Computed)),
                }
            } else {
                out.positional.push(value);
            }
        }
        for keyword in &call.arguments.keywords {
            let value = self.value(&keyword.value)?;
            match (&keyword.arg, &value) {
                (Some(name), _) => out.keywords.push((name.to_string(), value)),
                (None, Value::Dict(dict)) => {
                    let dict = dict.borrow();
                    out.unknown = out.unknown.max(dict.unknown);
                    let pair = |(key, value): &(Value<'a>, Value<'a>)| Some((key.text()?.to_string(), value.clone()));
                    out.keywords.extend(dict.items.iter().filter_map(pair));
                }
                (None, _) => out.unknown = out.unknown.max(value.unknown()).max(Some(Unknown::Computed)),
            }
        }
        Ok(out)
    }

    /// Notes the arguments of `setup()`.
    fn record(&mut self, arguments: Arguments<'a>) -> Result<Value<'a>, Stop> {
        if self.setup.is_some() || !arguments.positional.is_empty() {
            return Err(Stop::Conditional);
        }
        let mut keywords = arguments.keywords;
        if let Some(why) = arguments.unknown {
            keywords.push(("**".to_owned(), Value::Unknown(why)));
        }
        self.setup = Some(keywords);
        Ok(Value::Named("distribution".into()))
    }

    /// Follows a function of the file.
    fn inline(&mut self, def: &'a StmtFunctionDef, arguments: Arguments<'a>) -> Result<Value<'a>, Stop> {
        let mut locals = HashMap::new();
        let mut positional = arguments.positional.into_iter();
        let mut keywords = arguments.keywords;
        let spread = arguments.unknown;
        for parameter in def.parameters.posonlyargs.iter().chain(&def.parameters.args).chain(&def.parameters.kwonlyargs)
        {
            let name = parameter.parameter.name.as_str();
            let keyword = keywords.iter().position(|(key, _)| key == name).map(|at| keywords.remove(at).1);
            let value = match (positional.next(), keyword, &parameter.default) {
                (Some(value), _, _) | (None, Some(value), _) => value,
                (None, None, Some(default)) if spread.is_none() => self.value(default)?,
                _ => self.undecided(Unknown::Machine),
            };
            locals.insert(name.to_owned(), value);
        }
        if let Some(rest) = &def.parameters.vararg {
            let rest_value = Value::list(positional.collect());
            if let Some(why) = spread {
                rest_value.spoil(why);
            }
            locals.insert(rest.name.to_string(), rest_value);
        }
        if let Some(rest) = &def.parameters.kwarg {
            let items = keywords.into_iter().map(|(key, value)| (Value::str(&key), value)).collect();
            let rest_value = Value::dict(items);
            if let Some(why) = spread {
                rest_value.spoil(why);
            }
            locals.insert(rest.name.to_string(), rest_value);
        }
        self.locals.push(locals);
        let outer = self.returned.take();
        let flow = self.block(&def.body);
        let returned = std::mem::replace(&mut self.returned, outer);
        self.locals.pop();
        let value = match flow? {
            Flow::Return(value) => value,
            _ => Value::None,
        };
        Ok(returned.map_or(value, |why| self.undecided(why)))
    }

    /// Returns an attribute of a value.
    pub fn attribute(&mut self, of: Value<'a>, name: &str) -> Result<Value<'a>, Stop> {
        Ok(match of {
            Value::Named(module) => {
                let full = format!("{module}.{name}");
                if self.patched.contains(&full) {
                    return Ok(self.undecided(Unknown::Machine));
                }
                if let Some(value) = self.own_attribute(&module, name) {
                    return Ok(value);
                }
                match machine::constant(&full) {
                    Some(value) => value,
                    None if full == "os.environ" => self.undecided(Unknown::Machine),
                    None => Value::Named(full.into()),
                }
            }
            Value::Path(path) if name == "parent" => Value::Path(parent(&path).into()),
            Value::Path(path) if name == "name" => Value::str(path.rsplit('/').next().unwrap_or(&path)),
            Value::Unknown(why) => self.undecided(why),
            Value::Function(_) => self.undecided(Unknown::Computed),
            other => Value::Method(Rc::new(other), name.into()),
        })
    }

    /// Returns the result of a function of the language or of a module.
    fn named(&mut self, name: &str, arguments: &Arguments<'a>) -> Result<Value<'a>, Stop> {
        if let Some(value) = machine::answer(name) {
            return Ok(value);
        }
        if let Some(value) = self.path_function(name, arguments)? {
            return Ok(value);
        }
        if let Some(value) = self.language_function(name, arguments)? {
            return Ok(value);
        }
        let regular = name.strip_prefix("re.").filter(|_| !self.whole);
        if let Some(function) = regular
            && let Some(value) = self.regular(function, arguments)?
        {
            return Ok(value);
        }
        let pure =
            ["re.", "ast.", "string.", "textwrap.", "json.", "itertools.", "datetime.date(", "configparser.", "class "];
        let why = if pure.iter().any(|start| name.starts_with(start))
            || matches!(name, "map" | "filter" | "zip" | "enumerate" | "range")
        {
            arguments.unknown().unwrap_or(Unknown::Computed)
        } else {
            Unknown::Machine
        };
        if !pure.iter().any(|start| name.starts_with(start)) {
            arguments.spoil(why);
        }
        Ok(self.undecided(why))
    }

    fn language_function(&mut self, name: &str, arguments: &Arguments<'a>) -> Result<Option<Value<'a>>, Stop> {
        let first = arguments.positional.first();
        Ok(Some(match (name, first) {
            (
                "print"
                | "warnings.warn"
                | "warnings.filterwarnings"
                | "sys.path.insert"
                | "sys.path.append"
                | "sys.stdout.write"
                | "sys.stderr.write"
                | "time.sleep"
                | "multiprocessing.freeze_support",
                _,
            ) => Value::None,
            ("sys.exit" | "exit" | "quit" | "os._exit", _) => return Err(Stop::Exit),
            ("str", Some(Value::Str(text) | Value::Path(text))) => Value::Str(Rc::clone(text)),
            ("str", Some(Value::Int(number))) => Value::str(&number.to_string()),
            ("len", Some(value)) => match self.items(value) {
                Some(items) => Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)),
                None => return Ok(None),
            },
            ("list" | "tuple" | "set" | "frozenset", None) => Value::list(Vec::new()),
            ("list" | "tuple" | "set" | "frozenset" | "sorted", Some(value)) => {
                let list = Value::list(Vec::new());
                self.extend(&list, value);
                list
            }
            ("dict", first) => {
                let dict = Value::dict(Vec::new());
                if let Some(first) = first {
                    self.update(&dict, first);
                }
                for (key, value) in &arguments.keywords {
                    self.insert(&dict, Value::str(key), value.clone());
                }
                if let Some(why) = arguments.unknown {
                    dict.spoil(why);
                }
                dict
            }
            ("bool", Some(value)) => match value.truth() {
                Ok(truth) => Value::Bool(truth),
                Err(why) => self.undecided(why),
            },
            ("map", Some(Value::Named(function)))
                if !self.whole && &**function == "str" && arguments.positional.len() == 2 =>
            {
                let Some(items) = self.items(&arguments.positional[1]) else { return Ok(None) };
                let text = |item: &Value<'a>| match item {
                    Value::Int(number) => Some(number.to_string()),
                    Value::Str(text) => Some(text.to_string()),
                    _ => None,
                };
                let Some(texts) = items.iter().map(text).collect::<Option<Vec<_>>>() else { return Ok(None) };
                self.texts(texts.iter().map(String::as_str))?
            }
            ("compile", Some(code @ Value::Str(_))) if !self.whole => code.clone(),
            ("re.compile", Some(Value::Str(pattern)))
                if !self.whole && arguments.keywords.is_empty() && arguments.unknown.is_none() =>
            {
                let flags = arguments.positional.get(1).cloned().unwrap_or(Value::Int(0));
                Value::Pattern(Rc::clone(pattern), Rc::new(flags))
            }
            ("exec", _) if self.exec(arguments) => Value::None,
            ("exec" | "execfile" | "eval", _) => self.execute(arguments),
            (
                "setuptools.Extension"
                | "setuptools.extension.Extension"
                | "distutils.core.Extension"
                | "distutils.extension.Extension",
                _,
            ) => Value::Named("extension".into()),
            _ => return Ok(None),
        }))
    }

    /// Marks what `exec` may change. The code that it runs is not followed.
    fn execute(&mut self, arguments: &Arguments<'a>) -> Value<'a> {
        let why = arguments.positional.first().and_then(Value::unknown).unwrap_or(Unknown::Computed);
        let spaces = arguments.positional.get(1..).unwrap_or_default();
        for space in spaces {
            space.spoil(why);
        }
        if spaces.is_empty() || spaces.iter().any(|space| !matches!(space, Value::Dict(_))) {
            for value in
                self.globals.values_mut().filter(|value| !matches!(value, Value::Named(_) | Value::Function(_)))
            {
                *value = Value::Unknown(why);
            }
        }
        self.undecided(why)
    }
}

/// Returns the directory of a path.
pub fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((parent, _)) => parent.to_owned(),
        None => String::new(),
    }
}

/// Joins two paths as `os.path.join` does.
pub fn joined(left: &str, right: &str) -> String {
    match () {
        () if right.starts_with('/') => right.to_owned(),
        () if left.is_empty() || left.ends_with('/') => format!("{left}{right}"),
        () => format!("{left}/{right}"),
    }
}

/// Returns an absolute path without `.` and `..`.
pub fn absolute(path: &str) -> String {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("{ROOT}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Returns the path of a file of the sdist, relative to its top directory.
pub fn inside(path: &str) -> Option<String> {
    let path = absolute(path);
    let rest = path.strip_prefix(ROOT)?;
    if rest.is_empty() { Some(String::new()) } else { rest.strip_prefix('/').map(str::to_owned) }
}
