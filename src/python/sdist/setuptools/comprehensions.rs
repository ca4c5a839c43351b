//! The comprehensions of a `setup.py`.

use ruff_python_ast::{Comprehension, Expr};

use super::changes::targets;
use super::scope::{Scope, Stop};
use super::value::{Unknown, Value};

impl<'a> Scope<'a> {
    /// Returns the list, set or items that a comprehension makes.
    pub fn comprehension(&mut self, generators: &'a [Comprehension], element: &'a Expr) -> Result<Value<'a>, Stop> {
        let out = Value::list(Vec::new());
        let names = targets(generators);
        let scope = self.locals.last().unwrap_or(&self.globals);
        let before: Vec<_> = names.iter().map(|name| (*name, scope.get(*name).cloned())).collect();
        self.generate(generators, element, &out)?;
        // The variables of a comprehension are its own.
        let scope = self.locals.last_mut().unwrap_or(&mut self.globals);
        for (name, value) in before {
            match value {
                Some(value) => scope.insert(name.to_owned(), value),
                None => scope.remove(name),
            };
        }
        Ok(out)
    }

    fn generate(&mut self, generators: &'a [Comprehension], element: &'a Expr, out: &Value<'a>) -> Result<(), Stop> {
        let Some((first, rest)) = generators.split_first() else {
            let value = self.value(element)?;
            if let Value::List(list) = out {
                list.borrow_mut().items.push(value);
            }
            return Ok(());
        };
        let over = self.value(&first.iter)?;
        let Some(items) = self.items(&over) else {
            let why = over.unknown().unwrap_or(Unknown::Computed);
            self.undecided(why);
            out.spoil(why);
            return Ok(());
        };
        'items: for item in items {
            self.assign(&first.target, item)?;
            for test in &first.ifs {
                match self.value(test)?.truth() {
                    Ok(true) => {}
                    Ok(false) => continue 'items,
                    Err(why) => {
                        out.spoil(why);
                        continue 'items;
                    }
                }
            }
            self.generate(rest, element, out)?;
        }
        Ok(())
    }
}
