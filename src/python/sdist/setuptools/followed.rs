//! Code of other files of the project: modules that are imported, and texts that `exec` runs.

use super::calls::Arguments;
use super::scope::{Scope, Stop};
use super::settings::Plain;
use super::value::{OWN, Unknown, Value};
use crate::python::syntax::LARGEST;
use crate::python::syntax_depth::parsed;

/// The most modules that import each other.
const NESTED: usize = 4;
/// The directories that the modules of a project are imported from.
const ROOTS: [&str; 2] = ["", "src/"];
/// The names that every module has.
const OF_MODULES: [&str; 3] = ["__name__", "__file__", "__doc__"];

impl<'a> Scope<'a> {
    /// Returns the value that a name has at the end of a module of the project.
    ///
    /// # Errors
    /// The files do not decide the value.
    pub fn module_value(&mut self, path: &str, name: &str) -> Result<Plain, Unknown> {
        let text = self.files.text(path).ok_or(Unknown::Machine)?;
        let found = self.run(path, &text, &[])?;
        match found.into_iter().find(|(known, _)| known == name) {
            Some((_, Kept::Plain(value))) => Ok(value),
            Some((_, Kept::Unknown(why))) => Err(why),
            Some((_, Kept::Named(_))) | None => Err(Unknown::Computed),
        }
    }

    /// Follows a text as a module, and returns its names with their values.
    fn run(&mut self, path: &str, text: &str, names: &[(String, Plain)]) -> Result<Names, Unknown> {
        if self.nested >= NESTED || text.len() > LARGEST {
            return Err(Unknown::Computed);
        }
        let module = parsed(text.trim_start_matches('\u{feff}')).map_err(|_| Unknown::Computed)?;
        let mut inner = self.inner(path);
        for (name, value) in names {
            inner.globals.insert(name.clone(), Value::of_plain(value.clone()));
        }
        let end = inner.block(&module.syntax().body);
        let is_whole = end.is_ok() && inner.setup.is_none() && inner.patched.is_empty();
        let globals = std::mem::take(&mut inner.globals);
        let found = globals.iter().filter(|(name, _)| !OF_MODULES.contains(&name.as_str()));
        let kept = |value: &Value<'_>| match (value, Plain::of(value)) {
            (Value::Named(name), _) => Kept::Named(name.to_string()),
            (_, Ok(value)) => Kept::Plain(value),
            (_, Err(why)) => Kept::Unknown(why),
        };
        let found = found.map(|(name, value)| (name.clone(), kept(value))).collect();
        drop(globals);
        let (asked, steps, bytes) = inner.spent();
        self.asked.extend(asked);
        self.spend(steps, bytes);
        if is_whole { Ok(found) } else { Err(Unknown::Computed) }
    }

    /// Follows the code of `exec`, if it is known. Returns whether it did.
    pub fn exec(&mut self, arguments: &Arguments<'a>) -> bool {
        if self.whole || arguments.unknown.is_some() || !arguments.keywords.is_empty() {
            return false;
        }
        match arguments.positional.as_slice() {
            [Value::Str(code)] if self.locals.is_empty() => {
                let plain =
                    self.globals.iter().filter_map(|(name, value)| Some((name.clone(), Plain::of(value).ok()?)));
                let names: Vec<_> = plain.collect();
                let Ok(found) = self.run("setup.py", code, &names) else { return false };
                for (name, value) in found {
                    self.globals.insert(name, value.value());
                }
                true
            }
            [Value::Str(code), space @ Value::Dict(_)] => {
                let Ok(Plain::Dict(names)) = Plain::of(space) else { return false };
                let Ok(found) = self.run("setup.py", code, &names) else { return false };
                for (name, value) in found {
                    self.insert(space, Value::str(&name), value.value());
                }
                true
            }
            _ => false,
        }
    }

    /// Returns an attribute of a module of the project: the value of a name, or a module below it.
    pub fn own_attribute(&mut self, module: &str, name: &str) -> Option<Value<'a>> {
        let dotted = module.strip_prefix(OWN).filter(|_| !self.whole)?;
        if let OwnModule::File(path) = self.own_module(dotted)?
            && let Ok(value) = self.module_value(&path, name)
        {
            return Some(Value::of_plain(value));
        }
        let below = if dotted.is_empty() { name.to_owned() } else { format!("{dotted}.{name}") };
        let is_module = self.own_module(&below).is_some();
        Some(if is_module { Value::Named(format!("{OWN}{below}").into()) } else { self.undecided(Unknown::Computed) })
    }

    /// Returns a module of the project.
    fn own_module(&mut self, dotted: &str) -> Option<OwnModule> {
        let below = dotted.replace('.', "/");
        for root in ROOTS {
            let paths = match below.as_str() {
                "" => vec!["__init__.py".to_owned()],
                below => vec![format!("{root}{below}/__init__.py"), format!("{root}{below}.py")],
            };
            for path in paths {
                if self.has(&path) {
                    return Some(OwnModule::File(path));
                }
            }
        }
        // A directory without `__init__.py` is a package too.
        let is_package = ROOTS.iter().any(|root| self.files.has_directory(&format!("{root}{below}")));
        is_package.then_some(OwnModule::Directory)
    }

    /// Returns the dotted name of the module that an import with dots before it means; none for one
    /// outside of the project.
    pub fn absolute_module(&self, level: u32, module: &str) -> Option<String> {
        if level == 0 {
            return Some(module.to_owned());
        }
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let mut parts: Vec<_> = path.split('/').collect();
        for _ in 0..level {
            parts.pop()?;
        }
        parts.extend(module.split('.').filter(|part| !part.is_empty()));
        Some(parts.join("."))
    }

    /// Marks every value of the module as undecided: something may have set its name anew.
    pub fn spoil_names(&mut self, why: Unknown) {
        let values = self.locals.last_mut().unwrap_or(&mut self.globals).values_mut();
        for value in values.filter(|value| !matches!(value, Value::Named(_) | Value::Function(_))) {
            *value = Value::Unknown(why);
        }
        self.seen = self.seen.max(Some(why));
    }
}

/// A module of the project.
enum OwnModule {
    File(String),
    /// A package without `__init__.py`.
    Directory,
}

/// The names of a module with their values.
type Names = Vec<(String, Kept)>;

/// A value that outlives its module.
enum Kept {
    Plain(Plain),
    Named(String),
    Unknown(Unknown),
}

impl Kept {
    fn value<'a>(self) -> Value<'a> {
        match self {
            Self::Plain(value) => Value::of_plain(value),
            Self::Named(name) => Value::Named(name.into()),
            Self::Unknown(why) => Value::Unknown(why),
        }
    }
}

/// Returns the end of a call that did not happen for a part of the files.
pub fn unknown_file<'a>(scope: &mut Scope<'a>) -> Result<Value<'a>, Stop> {
    if scope.whole { Err(Stop::Raised) } else { Ok(scope.undecided(Unknown::Machine)) }
}
