//! Follows the statements of a `setup.py`. Nothing is executed.

use ruff_python_ast::{
    ExceptHandler, Expr, Stmt, StmtFor, StmtGlobal, StmtIf, StmtImport, StmtImportFrom, StmtTry, StmtWith,
};

use super::changes::Changes;
use super::modules::{Import, import};
use super::scope::{Scope, Stop};
use super::value::{OWN, Unknown, Value};

/// The way in which statements end.
pub enum Flow<'a> {
    Next,
    Return(Value<'a>),
    Break,
    Continue,
}

impl<'a> Scope<'a> {
    /// Follows statements in order.
    pub fn block(&mut self, statements: &'a [Stmt]) -> Result<Flow<'a>, Stop> {
        self.depth += 1;
        let mut flow = Ok(Flow::Next);
        for (at, statement) in statements.iter().enumerate() {
            if let Some(why) = self.returned {
                // The function may have returned before.
                flow = self.may(Changes::of(&statements[at..]), why).map(|()| Flow::Next);
                break;
            }
            flow = self.statement(statement);
            if !matches!(flow, Ok(Flow::Next)) {
                break;
            }
        }
        self.depth -= 1;
        flow
    }

    fn statement(&mut self, statement: &'a Stmt) -> Result<Flow<'a>, Stop> {
        self.step()?;
        match statement {
            Stmt::Expr(one) => {
                self.value(&one.value)?;
            }
            Stmt::Assign(one) => {
                let value = self.value(&one.value)?;
                for target in &one.targets {
                    self.assign(target, value.clone())?;
                }
            }
            Stmt::AnnAssign(one) => {
                if let Some(value) = &one.value {
                    let value = self.value(value)?;
                    self.assign(&one.target, value)?;
                }
            }
            Stmt::AugAssign(one) => {
                let (left, right) = (self.value(&one.target)?, self.value(&one.value)?);
                let sum = self.augmented(one.op, left, &right)?;
                self.assign(&one.target, sum)?;
            }
            Stmt::If(one) => return self.branch(one),
            Stmt::For(one) => return self.repeat(one),
            Stmt::While(one) => {
                self.may(Changes::of_expression(&one.test), Unknown::Machine)?;
                self.may(Changes::of(&one.body), Unknown::Machine)?;
                self.skip(&one.orelse, Unknown::Machine)?;
            }
            Stmt::Try(one) => return self.attempt(one),
            Stmt::With(one) => return self.with(one),
            Stmt::Import(one) => self.import(one)?,
            Stmt::ImportFrom(one) => self.import_from(one)?,
            Stmt::FunctionDef(def) => {
                let decorated = !def.decorator_list.is_empty() || def.is_async;
                let value = if decorated { self.undecided(Unknown::Machine) } else { Value::Function(def) };
                self.bind(&def.name, value);
            }
            Stmt::ClassDef(def) => self.bind(&def.name, Value::Named(format!("class {}", def.name).into())),
            Stmt::Return(one) => {
                let value = one.value.as_deref().map_or(Ok(Value::None), |value| self.value(value))?;
                return Ok(Flow::Return(value));
            }
            Stmt::Raise(_) => return Err(Stop::Raised),
            Stmt::Break(_) => return Ok(Flow::Break),
            Stmt::Continue(_) => return Ok(Flow::Continue),
            Stmt::Global(one) => self.forget(one),
            Stmt::Match(_) => self.skip(std::slice::from_ref(statement), Unknown::Machine)?,
            Stmt::Delete(one) => {
                for target in &one.targets {
                    let value = self.undecided(Unknown::Computed);
                    self.assign(target, value)?;
                }
            }
            Stmt::Pass(_) | Stmt::Assert(_) | Stmt::Nonlocal(_) | Stmt::TypeAlias(_) | Stmt::IpyEscapeCommand(_) => {}
        }
        Ok(Flow::Next)
    }

    /// Marks global names that a function changes as undecided.
    fn forget(&mut self, one: &'a StmtGlobal) {
        for name in &one.names {
            let value = self.undecided(Unknown::Computed);
            self.globals.insert(name.to_string(), value);
        }
    }

    /// Assigns a value to a target.
    pub fn assign(&mut self, target: &'a Expr, value: Value<'a>) -> Result<(), Stop> {
        match target {
            Expr::Name(name) => self.bind(&name.id, value),
            Expr::Tuple(_) | Expr::List(_) => {
                let targets = match target {
                    Expr::Tuple(tuple) => &tuple.elts,
                    Expr::List(list) => &list.elts,
                    _ => return Ok(()),
                };
                let items = match &value {
                    Value::List(list) if list.borrow().unknown.is_none() => list.borrow().items.clone(),
                    _ => Vec::new(),
                };
                let why = value.unknown().unwrap_or(Unknown::Computed);
                for (at, one) in targets.iter().enumerate() {
                    let item = if items.len() == targets.len() { items[at].clone() } else { self.undecided(why) };
                    self.assign(one, item)?;
                }
            }
            Expr::Subscript(subscript) => {
                let (of, key) = (self.value(&subscript.value)?, self.value(&subscript.slice)?);
                match &of {
                    Value::Dict(dict) if matches!(key, Value::Str(_)) => {
                        self.charge(of.length());
                        let mut dict = dict.borrow_mut();
                        dict.items.retain(|(known, _)| known.equals(&key) != Ok(true));
                        dict.items.push((key, value));
                    }
                    _ => of.spoil(Unknown::Computed),
                }
            }
            Expr::Starred(starred) => {
                let value = self.undecided(Unknown::Computed);
                self.assign(&starred.value, value)?;
            }
            Expr::Attribute(attribute) => {
                if let Value::Named(module) = self.value(&attribute.value)? {
                    // A patched module no longer does what it is known for.
                    let name = format!("{module}.{}", attribute.attr);
                    self.patched.insert(name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn branch(&mut self, one: &'a StmtIf) -> Result<Flow<'a>, Stop> {
        let clauses = one.elif_else_clauses.iter().map(|clause| (clause.test.as_ref(), clause.body.as_slice()));
        let clauses: Vec<_> = std::iter::once((Some(&*one.test), one.body.as_slice())).chain(clauses).collect();
        for (at, (test, body)) in clauses.iter().enumerate() {
            let truth = match test {
                Some(test) => self.value(test)?.truth(),
                None => Ok(true),
            };
            match truth {
                Ok(true) => return self.block(body),
                Ok(false) => {}
                Err(why) => {
                    for (_, body) in &clauses[at..] {
                        self.skip(body, why)?;
                    }
                    return Ok(Flow::Next);
                }
            }
        }
        Ok(Flow::Next)
    }

    fn repeat(&mut self, one: &'a StmtFor) -> Result<Flow<'a>, Stop> {
        let over = self.value(&one.iter)?;
        let Some(items) = self.items(&over) else {
            let why = over.unknown().unwrap_or(Unknown::Computed);
            let value = self.undecided(why);
            self.assign(&one.target, value)?;
            self.may(Changes::of(&one.body), why)?;
            self.skip(&one.orelse, why)?;
            return Ok(Flow::Next);
        };
        for item in items {
            let directories = super::walked::Walked::of(&item);
            self.assign(&one.target, item)?;
            match self.block(&one.body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
            // `os.walk` leaves out the directories that the body takes from its list.
            if directories.is_some_and(|directories| directories.changed()) {
                self.may(Changes::of(&one.body), Unknown::Computed)?;
                self.skip(&one.orelse, Unknown::Computed)?;
                return Ok(Flow::Next);
            }
        }
        self.block(&one.orelse)
    }

    fn attempt(&mut self, one: &'a StmtTry) -> Result<Flow<'a>, Stop> {
        let before = self.seen.take();
        let result = self.block(&one.body);
        let seen = self.seen;
        self.seen = self.seen.max(before);
        let handlers = || one.handlers.iter().map(|ExceptHandler::ExceptHandler(handler)| handler);
        let flow = match result {
            Ok(flow) => {
                match (seen, flow) {
                    // Something that is not decided may have failed on some machine.
                    (Some(why), flow) => self.fail(one, &flow, why)?,
                    (None, Flow::Next) => self.block(&one.orelse)?,
                    (None, flow) => flow,
                }
            }
            Err(Stop::Raised) => match one.handlers.first() {
                Some(ExceptHandler::ExceptHandler(handler)) if one.handlers.len() == 1 => self.block(&handler.body)?,
                Some(_) => {
                    for handler in handlers() {
                        self.skip(&handler.body, Unknown::Computed)?;
                    }
                    Flow::Next
                }
                None => return Err(Stop::Raised),
            },
            Err(stop) => return Err(stop),
        };
        match self.block(&one.finalbody)? {
            Flow::Next => Ok(flow),
            last => Ok(last),
        }
    }

    /// Follows a `try` whose body may have failed at any place.
    fn fail(&mut self, one: &'a StmtTry, flow: &Flow<'a>, why: Unknown) -> Result<Flow<'a>, Stop> {
        match flow {
            Flow::Next => {}
            Flow::Return(_) => self.returned = self.returned.max(Some(why)),
            Flow::Break | Flow::Continue => return Err(Stop::Limit),
        }
        for ExceptHandler::ExceptHandler(handler) in &one.handlers {
            self.skip(&handler.body, why)?;
        }
        if !one.handlers.is_empty() {
            let mut changes = Changes::of(&one.body);
            changes.called.remove("setup");
            changes.returns = false;
            self.may(changes, why)?;
            self.skip(&one.orelse, why)?;
        }
        Ok(Flow::Next)
    }

    fn with(&mut self, one: &'a StmtWith) -> Result<Flow<'a>, Stop> {
        for item in &one.items {
            let value = self.value(&item.context_expr)?;
            if let Expr::Call(call) = &item.context_expr
                && matches!(self.value(&call.func)?, Value::Named(name) if &*name == "contextlib.suppress")
            {
                self.skip(&one.body, Unknown::Machine)?;
                return Ok(Flow::Next);
            }
            if let Some(target) = &item.optional_vars {
                self.assign(target, value)?;
            }
        }
        self.block(&one.body)
    }

    fn import(&mut self, one: &'a StmtImport) -> Result<(), Stop> {
        for alias in &one.names {
            let value = self.imported(&alias.name)?;
            if let Some(name) = &alias.asname {
                self.bind(name, value);
                continue;
            }
            let top = alias.name.split('.').next().unwrap_or(&alias.name);
            let value = match value {
                Value::Named(name) if name.starts_with(OWN) => Value::Named(format!("{OWN}{top}").into()),
                Value::Named(_) => Value::Named(top.into()),
                other => other,
            };
            self.bind(top, value);
        }
        Ok(())
    }

    fn import_from(&mut self, one: &'a StmtImportFrom) -> Result<(), Stop> {
        let module = one.module.as_ref().map_or("", |name| name.as_str());
        let found = if self.whole || one.level == 0 {
            self.imported(module)?
        } else {
            match self.absolute_module(one.level, module) {
                Some(module) => Value::Named(format!("{OWN}{module}").into()),
                None => self.undecided(Unknown::Machine),
            }
        };
        for alias in &one.names {
            let name = alias.asname.as_ref().unwrap_or(&alias.name);
            if &*alias.name == "*" && !self.whole && !matches!(&found, Value::Named(name) if !name.starts_with(OWN)) {
                self.spoil_names(found.unknown().unwrap_or(Unknown::Computed));
                continue;
            }
            let own = match &found {
                Value::Named(module) => self.own_attribute(module, &alias.name),
                _ => None,
            };
            if let Some(value) = own {
                self.bind(name, value);
                continue;
            }
            let value = match &found {
                Value::Named(module) => Value::Named(format!("{module}.{}", alias.name).into()),
                other => other.clone(),
            };
            self.bind(name, value);
        }
        Ok(())
    }

    fn imported(&mut self, module: &str) -> Result<Value<'a>, Stop> {
        let top = module.split('.').next().unwrap_or(module);
        if !self.whole {
            for path in [
                format!("{top}.py"),
                format!("{top}/__init__.py"),
                format!("src/{top}/__init__.py"),
                format!("src/{top}.py"),
            ] {
                self.has(&path);
            }
        }
        match import(self.files, module) {
            Import::Known => Ok(Value::Named(module.into())),
            Import::Gone => Err(Stop::Raised),
            Import::Own => Ok(Value::Named(format!("{OWN}{module}").into())),
            Import::Other => Ok(self.undecided(Unknown::Machine)),
        }
    }
}
