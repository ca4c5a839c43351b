//! Statements of a `setup.py` that run or not.

use std::collections::BTreeSet;

use ruff_python_ast::Stmt;

use super::changes::Changes;
use super::scope::{Scope, Stop};
use super::value::{Unknown, Value};

impl<'a> Scope<'a> {
    /// Marks everything that statements may change as undecided, without following them.
    pub fn skip(&mut self, statements: &'a [Stmt], why: Unknown) -> Result<(), Stop> {
        let changes = Changes::of(statements);
        if changes.leaves {
            // A loop ends or goes on: what it does is not decided.
            return Err(Stop::Limit);
        }
        self.may(changes, why)
    }

    /// Marks everything that changes name as undecided.
    pub fn may(&mut self, changes: Changes<'a>, why: Unknown) -> Result<(), Stop> {
        let calls_setup = |name: &&str| match self.globals.get(*name) {
            Some(Value::Named(full)) => super::modules::is_setup(full),
            _ => *name == "setup",
        };
        let (called, inner) = self.reached(changes.called);
        if called.iter().any(calls_setup) {
            return Err(Stop::Conditional);
        }
        self.undecided(why);
        for name in changes.touched {
            self.name(name).spoil(why);
        }
        for name in inner.touched {
            if let Some(value) = self.globals.get(name) {
                value.spoil(why);
            }
        }
        for name in changes.assigned {
            let value = self.undecided(why);
            self.bind(name, value);
        }
        for name in changes.globals.into_iter().chain(inner.globals) {
            self.globals.insert(name.to_owned(), Value::Unknown(why));
        }
        if changes.returns && !self.locals.is_empty() {
            // The rest of the function runs or not: the caller learns it from `returned`.
            self.returned = self.returned.max(Some(why));
        }
        Ok(())
    }

    /// Returns the names that calls reach through functions of the file, and what these change.
    fn reached(&self, called: BTreeSet<&'a str>) -> (BTreeSet<&'a str>, Changes<'a>) {
        let (mut seen, mut open) = (BTreeSet::new(), Vec::from_iter(called));
        let mut all = Changes::default();
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            let local = self.locals.last().and_then(|locals| locals.get(name));
            if let Some(Value::Function(def)) = local.or_else(|| self.globals.get(name)) {
                let changes = Changes::of(&def.body);
                all.touched.extend(changes.touched);
                all.globals.extend(changes.globals);
                open.extend(changes.called);
            }
        }
        (seen, all)
    }
}
