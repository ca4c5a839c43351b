//! The state of a `setup.py` while its statements are followed.

use std::collections::{BTreeSet, HashMap};

use super::value::{Unknown, Value};
use crate::python::sdist::files::SdistFiles;

/// The most statements and expressions that are followed. Assumed: long files have some thousands.
const STEPS: usize = 200_000;
/// The most bytes of text that the expressions may make.
const BYTES: usize = 64 << 20;
/// The most items of a list that an operator or method makes.
pub const ITEMS: usize = 100_000;
/// The most nested expressions, statements and calls.
pub const DEPTH: usize = 120;
/// The absolute path that stands for the top directory of the sdist.
pub const ROOT: &str = "/sdist";

/// The reason why statements are not followed to their end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// An exception is raised.
    Raised,
    /// The program ends itself.
    Exit,
    /// The file is too long or too complex.
    Limit,
    /// `setup()` is called in a place that is reached only on some machines, or twice.
    Conditional,
}

/// A `setup.py` that is followed.
pub struct Scope<'a> {
    pub files: &'a SdistFiles,
    /// Whether there are no other files.
    pub whole: bool,
    /// The files that were asked for and are not known.
    pub asked: BTreeSet<String>,
    /// The path of the module.
    pub path: String,
    /// The modules that lead to this one by imports.
    pub nested: usize,
    pub globals: HashMap<String, Value<'a>>,
    /// The local variables of the functions that are being called.
    pub locals: Vec<HashMap<String, Value<'a>>>,
    /// The arguments of `setup()`.
    pub setup: Option<Vec<(String, Value<'a>)>>,
    /// The worst undecided value since the last reset.
    pub seen: Option<Unknown>,
    /// Set if a function returned under a condition that is not decided.
    pub returned: Option<Unknown>,
    /// The attributes of modules that the file replaces: `distutils.dist.x`.
    pub patched: BTreeSet<String>,
    pub depth: usize,
    steps: usize,
    bytes: usize,
}

impl<'a> Scope<'a> {
    pub fn new(files: &'a SdistFiles) -> Self {
        let mut globals = HashMap::new();
        globals.insert("__name__".to_owned(), Value::str("__main__"));
        globals.insert("__file__".to_owned(), Value::str(&format!("{ROOT}/setup.py")));
        globals.insert("__doc__".to_owned(), Value::None);
        Self {
            files,
            whole: true,
            asked: BTreeSet::new(),
            path: "setup.py".to_owned(),
            nested: 0,
            globals,
            locals: Vec::new(),
            setup: None,
            seen: None,
            returned: None,
            patched: BTreeSet::new(),
            depth: 0,
            steps: 0,
            bytes: 0,
        }
    }

    /// Creates the state of a module of a project of which only some files are known.
    pub fn of_part(files: &'a SdistFiles, path: &str) -> Self {
        let mut scope = Self::new(files);
        scope.whole = false;
        path.clone_into(&mut scope.path);
        let module = path.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".");
        if path != "setup.py" {
            scope.globals.insert("__name__".to_owned(), Value::str(&module));
        }
        scope.globals.insert("__file__".to_owned(), Value::str(&format!("{ROOT}/{path}")));
        scope
    }

    /// Creates the state of another module, which has the rest of the steps.
    pub fn inner<'f>(&self, path: &str) -> Scope<'f>
    where
        'a: 'f,
    {
        let mut scope = Scope::of_part(self.files, path);
        (scope.nested, scope.depth, scope.steps, scope.bytes) = (self.nested + 1, self.depth, self.steps, self.bytes);
        scope
    }

    /// Returns the files that were asked for, and the steps and bytes that were made so far.
    pub fn spent(self) -> (BTreeSet<String>, usize, usize) {
        (self.asked, self.steps, self.bytes)
    }

    /// Counts the steps and bytes of another module.
    pub fn spend(&mut self, steps: usize, bytes: usize) {
        (self.steps, self.bytes) = (steps, bytes);
    }

    /// Returns whether a file is known. Asks for it otherwise.
    pub fn has(&mut self, path: &str) -> bool {
        let has = self.files.has(path);
        if !has && !self.whole && self.asked.len() < ITEMS {
            self.asked.insert(path.to_owned());
        }
        has
    }

    /// Counts one step.
    pub fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps > STEPS || self.depth > DEPTH { Err(Stop::Limit) } else { Ok(()) }
    }

    /// Counts items that one step looks at or copies. The next step fails if they are too many.
    pub fn charge(&mut self, items: usize) {
        self.steps = self.steps.saturating_add(items / 8);
    }

    /// Counts text that an expression makes.
    pub fn text(&mut self, text: &str) -> Result<Value<'a>, Stop> {
        self.bytes += text.len();
        if self.bytes > BYTES { Err(Stop::Limit) } else { Ok(Value::str(text)) }
    }

    /// Refuses text that is longer than what the expressions may still make.
    pub fn room(&self, bytes: usize) -> Result<(), Stop> {
        if self.bytes.saturating_add(bytes) > BYTES { Err(Stop::Limit) } else { Ok(()) }
    }

    /// Counts texts that an expression makes, and returns their list.
    pub fn texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> Result<Value<'a>, Stop> {
        let mut items = Vec::new();
        for text in texts {
            if items.len() >= ITEMS {
                return Err(Stop::Limit);
            }
            items.push(self.text(text)?);
        }
        Ok(Value::list(items))
    }

    /// Notes an undecided value.
    pub fn undecided(&mut self, why: Unknown) -> Value<'a> {
        self.seen = self.seen.max(Some(why));
        Value::Unknown(why)
    }

    /// Returns the value of a name.
    pub fn name(&mut self, name: &str) -> Value<'a> {
        if let Some(value) = self.locals.last().and_then(|locals| locals.get(name)) {
            return value.clone();
        }
        match self.globals.get(name) {
            Some(value) => value.clone(),
            // A function of the language, or a name that `exec` or a star import may have set.
            None => Value::Named(name.into()),
        }
    }

    pub fn bind(&mut self, name: &str, value: Value<'a>) {
        self.locals.last_mut().unwrap_or(&mut self.globals).insert(name.to_owned(), value);
    }
}
