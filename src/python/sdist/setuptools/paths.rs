//! The functions of a `setup.py` that look at files.

use std::rc::Rc;

use super::calls::{Arguments, absolute, inside, joined, parent};
use super::followed::unknown_file;
use super::scope::{Scope, Stop};
use super::value::{Unknown, Value};
use crate::python::sdist::discovery::{Finder, find_packages};
use crate::python::sdist::files::universal_newlines;
use crate::python::sdist::glob;

impl<'a> Scope<'a> {
    /// Returns the result of a function for paths. Returns none for other functions.
    pub fn path_function(&mut self, name: &str, arguments: &Arguments<'a>) -> Result<Option<Value<'a>>, Stop> {
        let texts: Option<Vec<Rc<str>>> = arguments.positional.iter().map(Value::text).collect();
        if let "setuptools.find_packages" | "setuptools.find_namespace_packages" | "setuptools.PackageFinder.find" =
            name
        {
            return Ok(Some(self.find(name.contains("namespace"), arguments)));
        }
        if let "open" | "io.open" | "codecs.open" = name {
            return self.open(name, arguments).map(Some);
        }
        let (Some(texts), None) = (texts, arguments.unknown) else { return Ok(None) };
        let first = texts.first().map_or("", |text| text);
        Ok(Some(match name {
            "os.path.join" => {
                self.text(&texts.iter().skip(1).fold(first.to_owned(), |path, part| joined(&path, part)))?
            }
            "os.path.dirname" => self.text(&parent(first))?,
            "os.path.basename" => self.text(first.rsplit('/').next().unwrap_or(first))?,
            "os.path.abspath" | "os.path.realpath" => self.text(&absolute(first))?,
            "os.path.normpath" if first.starts_with('/') => self.text(&absolute(first))?,
            "os.fspath" => self.text(first)?,
            "os.path.exists" => self.exists(first, true, true),
            "os.path.isfile" => self.exists(first, true, false),
            "os.path.isdir" => self.exists(first, false, true),
            "os.chdir" if inside(first).as_deref() == Some("") => Value::None,
            "os.chdir" => return Err(Stop::Limit),
            "pathlib.Path" | "pathlib.PurePath" => {
                Value::Path(Rc::from(texts.iter().skip(1).fold(first.to_owned(), |path, part| joined(&path, part))))
            }
            "os.walk" if arguments.keywords.is_empty() && texts.len() == 1 => self.walk(first),
            "glob.glob" | "glob.iglob"
                if !first.starts_with('/') && arguments.keywords.is_empty() && !first.contains("**") =>
            {
                // A pattern with `.`, `..` or an empty part finds paths that are written in another way.
                if !self.whole || first.split('/').any(|part| matches!(part, "" | "." | "..")) {
                    self.undecided(Unknown::Computed)
                } else {
                    Value::list(glob::glob_all(self.files, first).iter().map(|path| Value::str(path)).collect())
                }
            }
            _ => return Ok(None),
        }))
    }

    /// Returns whether there is a file or a directory. A part of the files does not decide what is
    /// absent.
    pub fn exists(&mut self, path: &str, file: bool, directory: bool) -> Value<'a> {
        let Some(path) = inside(path) else { return self.undecided(Unknown::Machine) };
        let (is_file, is_directory) = (self.has(&path), self.files.has_directory(&path));
        let there = file && is_file || directory && is_directory;
        if self.whole || there || is_file || is_directory {
            Value::Bool(there)
        } else {
            self.undecided(Unknown::Machine)
        }
    }

    /// Returns the directories below a path, each with its directories and files.
    fn walk(&mut self, top: &str) -> Value<'a> {
        let Some(start) = inside(top).filter(|_| self.whole) else { return self.undecided(Unknown::Machine) };
        let files = self.files;
        let (mut out, mut open) = (Vec::new(), vec![(top.to_owned(), start)]);
        while let Some((shown, path)) = open.pop() {
            if !files.has_directory(&path) || out.len() > 10_000 {
                continue;
            }
            let list = |names: &[&str]| Value::list(names.iter().map(|name| Value::str(name)).collect());
            let directories = files.directories(&path);
            out.push(Value::list(vec![Value::str(&shown), list(&directories), list(&files.names(&path))]));
            let below = |name: &&str| (joined(&shown, name), joined(&path, name));
            open.extend(directories.iter().rev().map(below));
        }
        Value::list(out)
    }

    /// Returns an open file.
    pub fn open(&mut self, function: &str, arguments: &Arguments<'a>) -> Result<Value<'a>, Stop> {
        let Some(path) = arguments.get(0, "file").and_then(Value::text) else {
            return Ok(self.undecided(arguments.unknown().unwrap_or(Unknown::Computed)));
        };
        let mode = match arguments.get(1, "mode") {
            None => Rc::from("r"),
            Some(mode) => mode.text().unwrap_or_else(|| Rc::from("?")),
        };
        let encoding = arguments.keywords.iter().find(|(key, _)| key == "encoding").map(|(_, value)| value);
        let encoding = encoding.or(arguments.positional.get(2).filter(|_| function == "codecs.open"));
        let encoding = match encoding {
            None | Some(Value::None) => "utf8".to_owned(),
            Some(value) => value.text().map_or(String::new(), |text| text.to_ascii_lowercase().replace(['-', '_'], "")),
        };
        if !self.whole && (mode.contains(['w', 'a', '+', 'x']) || self.patched.contains("open")) {
            // What the file has from now on is not decided.
            self.patched.insert("open".to_owned());
            return Ok(self.undecided(Unknown::Machine));
        }
        if mode.contains(['w', 'a', '+', 'x', '?']) || !matches!(encoding.as_str(), "utf8" | "utf8sig") {
            return Ok(self.undecided(Unknown::Computed));
        }
        let Some(path) = inside(&path) else { return Ok(self.undecided(Unknown::Machine)) };
        self.has(&path);
        let Some(file) = self.files.get(&path) else { return unknown_file(self) };
        let Ok(text) = std::str::from_utf8(&file.bytes) else { return Ok(self.undecided(Unknown::Computed)) };
        let text = if encoding == "utf8sig" { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        let raw = function == "codecs.open"
            || mode.contains('b')
            || arguments.keywords.iter().any(|(key, _)| key == "newline");
        let text = if raw { text.to_owned() } else { universal_newlines(text) };
        let Value::Str(text) = self.text(&text)? else { return Ok(Value::None) };
        Ok(Value::File(text))
    }

    /// Returns the packages that `find_packages()` finds.
    fn find(&mut self, namespaces: bool, arguments: &Arguments<'a>) -> Value<'a> {
        let undecided = arguments.unknown().or((!self.whole).then_some(Unknown::Computed));
        let texts = |value: Option<&Value<'a>>| match value {
            None => Some(Vec::new()),
            Some(Value::Str(text)) => Some(text.chars().map(String::from).collect()),
            Some(value) => self.items(value)?.iter().map(|item| Some(item.text()?.to_string())).collect(),
        };
        let place = match arguments.get(0, "where") {
            None => Some(String::new()),
            Some(value) => value.text().and_then(|text| inside(&text)),
        };
        let (exclude, include) = (texts(arguments.get(1, "exclude")), texts(arguments.get(2, "include")));
        let (Some(directory), Some(exclude), Some(include), None) = (place, exclude, include, undecided) else {
            return self.undecided(undecided.unwrap_or(Unknown::Computed));
        };
        let include = if arguments.get(2, "include").is_none() { vec!["*".to_owned()] } else { include };
        let finder = Finder { namespaces, include: &include, exclude: &exclude };
        Value::list(find_packages(self.files, &directory, &finder).iter().map(|name| Value::str(name)).collect())
    }
}
