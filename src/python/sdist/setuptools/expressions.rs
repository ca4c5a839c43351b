//! The values of the expressions of a `setup.py`. Nothing is executed.

use std::rc::Rc;

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCompare, ExprDict, ExprSlice, Number, Operator, UnaryOp};

use super::changes::Changes;
use super::scope::{ITEMS, Scope, Stop};
use super::value::{Unknown, Value};

impl<'a> Scope<'a> {
    /// Returns the value of an expression.
    pub fn value(&mut self, expression: &'a Expr) -> Result<Value<'a>, Stop> {
        self.step()?;
        self.depth += 1;
        let value = self.value_of(expression);
        self.depth -= 1;
        value
    }

    fn value_of(&mut self, expression: &'a Expr) -> Result<Value<'a>, Stop> {
        Ok(match expression {
            Expr::StringLiteral(literal) => self.text(literal.value.to_str())?,
            Expr::BytesLiteral(literal) => {
                let bytes: Vec<u8> = literal.value.bytes().collect();
                match String::from_utf8(bytes) {
                    Ok(text) => self.text(&text)?,
                    Err(_) => self.undecided(Unknown::Computed),
                }
            }
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Int(int) => int.as_i64().map_or_else(|| self.undecided(Unknown::Computed), Value::Int),
                _ => self.undecided(Unknown::Computed),
            },
            Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expr::NoneLiteral(_) => Value::None,
            Expr::Name(name) => self.name(&name.id),
            Expr::List(list) => self.list(&list.elts)?,
            Expr::Tuple(tuple) => self.list(&tuple.elts)?,
            Expr::Set(set) => self.list(&set.elts)?,
            Expr::Dict(dict) => self.dictionary(dict)?,
            Expr::BinOp(op) => {
                let (left, right) = (self.value(&op.left)?, self.value(&op.right)?);
                self.binary(op.op, &left, &right)?
            }
            Expr::BoolOp(op) => self.boolean(op.op, &op.values)?,
            Expr::UnaryOp(op) => {
                let value = self.value(&op.operand)?;
                self.unary(op.op, &value)
            }
            Expr::Compare(compare) => self.compare(compare)?,
            Expr::If(one) => match self.value(&one.test)?.truth() {
                Ok(true) => self.value(&one.body)?,
                Ok(false) => self.value(&one.orelse)?,
                Err(why) => {
                    self.may(Changes::of_expression(&one.body), why)?;
                    self.may(Changes::of_expression(&one.orelse), why)?;
                    self.undecided(why)
                }
            },
            Expr::Call(call) => self.call(call)?,
            Expr::Attribute(attribute) => {
                let of = self.value(&attribute.value)?;
                self.attribute(of, &attribute.attr)?
            }
            Expr::Subscript(subscript) => {
                let of = self.value(&subscript.value)?;
                self.subscript(&of, &subscript.slice)?
            }
            Expr::FString(text) => self.formatted(text)?,
            Expr::ListComp(one) => self.comprehension(&one.generators, &one.elt)?,
            Expr::SetComp(one) => self.comprehension(&one.generators, &one.elt)?,
            Expr::Generator(one) => self.comprehension(&one.generators, &one.elt)?,
            Expr::Starred(starred) => self.value(&starred.value)?,
            Expr::Named(named) => {
                let value = self.value(&named.value)?;
                self.assign(&named.target, value.clone())?;
                value
            }
            _ => self.undecided(Unknown::Computed),
        })
    }

    fn unary(&mut self, op: UnaryOp, value: &Value<'a>) -> Value<'a> {
        match (op, value) {
            (UnaryOp::Not, value) => match value.truth() {
                Ok(truth) => Value::Bool(!truth),
                Err(why) => self.undecided(why),
            },
            (UnaryOp::USub, Value::Int(number)) => Value::Int(number.saturating_neg()),
            _ => self.undecided(value.unknown().unwrap_or(Unknown::Computed)),
        }
    }

    fn subscript(&mut self, of: &Value<'a>, index: &'a Expr) -> Result<Value<'a>, Stop> {
        if let Expr::Slice(slice) = index {
            return self.slice(of, slice);
        }
        let index = self.value(index)?;
        self.item(of, &index)
    }

    /// Returns the items of a list or the keys of a dictionary, if they are decided.
    #[expect(clippy::unused_self, reason = "it reads as the other steps")]
    pub fn items(&self, value: &Value<'a>) -> Option<Vec<Value<'a>>> {
        match value {
            Value::List(list) if list.borrow().unknown.is_none() => Some(list.borrow().items.clone()),
            Value::Dict(dict) if dict.borrow().unknown.is_none() => {
                Some(dict.borrow().items.iter().map(|(key, _)| key.clone()).collect())
            }
            // A text file yields its lines.
            Value::File(text) => Some(text.split_inclusive('\n').map(Value::str).collect()),
            _ => None,
        }
    }

    fn list(&mut self, elements: &'a [Expr]) -> Result<Value<'a>, Stop> {
        let list = Value::list(Vec::new());
        for element in elements {
            let value = self.value(element)?;
            if matches!(element, Expr::Starred(_)) {
                self.extend(&list, &value);
            } else if let Value::List(list) = &list {
                list.borrow_mut().items.push(value);
            }
        }
        Ok(list)
    }

    /// Adds the items of a value to a list.
    pub fn extend(&mut self, list: &Value<'a>, value: &Value<'a>) {
        let items = self.items(value);
        self.charge(items.as_ref().map_or(0, Vec::len));
        match (list, items) {
            (Value::List(list), Some(items)) if items.len() + list.borrow().items.len() <= ITEMS => {
                list.borrow_mut().items.extend(items);
            }
            _ => list.spoil(value.unknown().unwrap_or(Unknown::Computed)),
        }
    }

    fn dictionary(&mut self, dict: &'a ExprDict) -> Result<Value<'a>, Stop> {
        let out = Value::dict(Vec::new());
        for item in &dict.items {
            let value = self.value(&item.value)?;
            match &item.key {
                Some(key) => {
                    let key = self.value(key)?;
                    self.insert(&out, key, value);
                }
                None => self.update(&out, &value),
            }
        }
        Ok(out)
    }

    /// Sets a key of a dictionary.
    pub fn insert(&mut self, dict: &Value<'a>, key: Value<'a>, value: Value<'a>) {
        match (dict, &key) {
            (Value::Dict(dict), Value::Str(_)) => {
                let mut dict = dict.borrow_mut();
                self.charge(dict.items.len());
                dict.items.retain(|(known, _)| known.equals(&key) != Ok(true));
                dict.items.push((key, value));
            }
            _ => dict.spoil(key.unknown().unwrap_or(Unknown::Computed)),
        }
    }

    /// Sets the keys of a dictionary to those of another value.
    pub fn update(&mut self, dict: &Value<'a>, value: &Value<'a>) {
        match value {
            Value::Dict(other) => {
                let (items, why) = (other.borrow().items.clone(), other.borrow().unknown);
                for (key, value) in items {
                    self.insert(dict, key, value);
                }
                if let Some(why) = why {
                    dict.spoil(why);
                }
            }
            other => dict.spoil(other.unknown().unwrap_or(Unknown::Computed)),
        }
    }

    /// Applies `+=` and the like. A list is changed in place.
    pub fn augmented(&mut self, op: Operator, left: Value<'a>, right: &Value<'a>) -> Result<Value<'a>, Stop> {
        if op == Operator::Add && matches!(left, Value::List(_)) {
            self.extend(&left, right);
            return Ok(left);
        }
        self.binary(op, &left, right)
    }

    fn binary(&mut self, op: Operator, left: &Value<'a>, right: &Value<'a>) -> Result<Value<'a>, Stop> {
        Ok(match (op, left, right) {
            (Operator::Add, Value::Str(left), Value::Str(right)) => self.text(&format!("{left}{right}"))?,
            (Operator::Add, Value::List(_), Value::List(_)) => {
                let sum = Value::list(Vec::new());
                self.extend(&sum, left);
                self.extend(&sum, right);
                sum
            }
            (Operator::Add, Value::Int(left), Value::Int(right)) => Value::Int(left.saturating_add(*right)),
            (Operator::Div, Value::Path(left), Value::Str(right) | Value::Path(right)) => {
                Value::Path(Rc::from(super::calls::joined(left, right)))
            }
            (Operator::BitOr, Value::Named(left), Value::Named(right))
                if left.starts_with("re.") && right.starts_with("re.") =>
            {
                Value::Named(format!("{left}|{right}").into())
            }
            (Operator::Mod, Value::Str(format), argument) => self.percent(format, argument)?,
            _ => {
                let why = left.unknown().max(right.unknown()).unwrap_or(Unknown::Computed);
                self.undecided(why)
            }
        })
    }

    fn boolean(&mut self, op: BoolOp, values: &'a [Expr]) -> Result<Value<'a>, Stop> {
        let mut last = Value::None;
        for (at, one) in values.iter().enumerate() {
            last = self.value(one)?;
            match last.truth() {
                Ok(truth) if truth == (op == BoolOp::Or) => return Ok(last),
                Ok(_) => {}
                Err(why) => {
                    // `unknown and False` is false, `unknown or True` is true.
                    for other in &values[at + 1..] {
                        self.may(Changes::of_expression(other), why)?;
                        let other = self.value(other)?;
                        if other.truth() == Ok(op == BoolOp::Or) {
                            return Ok(Value::Bool(op == BoolOp::Or));
                        }
                    }
                    return Ok(self.undecided(why));
                }
            }
        }
        Ok(last)
    }

    fn compare(&mut self, compare: &'a ExprCompare) -> Result<Value<'a>, Stop> {
        let left = self.value(&compare.left)?;
        let ([op], [right]) = (&*compare.ops, &*compare.comparators) else {
            return Ok(self.undecided(Unknown::Machine));
        };
        let right = self.value(right)?;
        if let Some(answer) = super::machine::compare(*op, &left, &right) {
            return Ok(answer.map_or_else(|why| self.undecided(why), Value::Bool));
        }
        self.charge(right.length());
        let equal = match op {
            CmpOp::Eq | CmpOp::Is => left.equals(&right),
            CmpOp::NotEq | CmpOp::IsNot => left.equals(&right).map(|equal| !equal),
            CmpOp::In => contains(&right, &left),
            CmpOp::NotIn => contains(&right, &left).map(|found| !found),
            CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => match (&left, &right) {
                (Value::Int(left), Value::Int(right)) => Ok(match op {
                    CmpOp::Lt => left < right,
                    CmpOp::LtE => left <= right,
                    CmpOp::Gt => left > right,
                    _ => left >= right,
                }),
                _ => Err(left.unknown().max(right.unknown()).unwrap_or(Unknown::Computed)),
            },
        };
        Ok(equal.map_or_else(|why| self.undecided(why), Value::Bool))
    }

    fn item(&mut self, of: &Value<'a>, index: &Value<'a>) -> Result<Value<'a>, Stop> {
        match (of, index) {
            (Value::Named(name), Value::Int(at)) if matches!(&**name, "sys.version_info" | "sys.argv") => {
                return Ok(Value::Named(format!("{name}[{at}]").into()));
            }
            (Value::Match(found), which) => return found.group(which).ok_or(Stop::Raised),
            (Value::List(list), Value::Int(at)) => {
                let list = list.borrow();
                if list.unknown.is_none() {
                    let count = i64::try_from(list.items.len()).unwrap_or(i64::MAX);
                    let at = if *at < 0 { at.saturating_add(count) } else { *at };
                    let item = usize::try_from(at).ok().and_then(|at| list.items.get(at).cloned());
                    return item.ok_or(Stop::Raised);
                }
            }
            (Value::Dict(dict), Value::Str(_)) => {
                let dict = dict.borrow();
                self.charge(dict.items.len());
                let found = dict.items.iter().find(|(key, _)| key.equals(index) == Ok(true));
                match (found, dict.unknown) {
                    (Some((_, value)), None) => return Ok(value.clone()),
                    (None, None) => return Err(Stop::Raised),
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(self.undecided(of.unknown().max(index.unknown()).unwrap_or(Unknown::Computed)))
    }

    fn slice(&mut self, of: &Value<'a>, slice: &'a ExprSlice) -> Result<Value<'a>, Stop> {
        if let Value::Named(name) = of
            && matches!(&**name, "sys.version_info" | "sys.argv")
        {
            return Ok(of.clone());
        }
        let mut bound = |one: &'a Option<Box<Expr>>, default: i64| match one {
            None => Ok(Some(default)),
            Some(one) => Ok(match self.value(one)? {
                Value::Int(number) => Some(number),
                _ => None,
            }),
        };
        let (lower, upper) = (bound(&slice.lower, 0)?, bound(&slice.upper, i64::MAX)?);
        let range = |count: usize| {
            let count = i64::try_from(count).ok()?;
            let at = |number: i64| {
                usize::try_from(if number < 0 { number.saturating_add(count).max(0) } else { number.min(count) }).ok()
            };
            let (start, end) = (at(lower?)?, at(upper?)?);
            Some(start..end.max(start))
        };
        if slice.step.is_none() {
            match of {
                Value::List(list) if list.borrow().unknown.is_none() => {
                    let list = list.borrow();
                    if let Some(range) = range(list.items.len()) {
                        return Ok(Value::list(list.items[range].to_vec()));
                    }
                }
                Value::Str(text) => {
                    let characters: Vec<char> = text.chars().collect();
                    if let Some(range) = range(characters.len()) {
                        let part: String = characters[range].iter().collect();
                        return self.text(&part);
                    }
                }
                _ => {}
            }
        }
        Ok(self.undecided(of.unknown().unwrap_or(Unknown::Computed)))
    }
}

/// Returns whether a list, a dictionary or a text contains a value.
fn contains<'a>(of: &Value<'a>, value: &Value<'a>) -> Result<bool, Unknown> {
    match (of, value) {
        (Value::Str(text), Value::Str(part)) => Ok(text.contains(&**part)),
        (Value::List(list), value) => {
            let list = list.borrow();
            let mut answer = list.unknown.map_or(Ok(false), Err);
            for item in &list.items {
                match item.equals(value) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(why) => answer = Err(why),
                }
            }
            answer
        }
        (Value::Dict(dict), value) => {
            let dict = dict.borrow();
            let found = dict.items.iter().any(|(key, _)| key.equals(value) == Ok(true));
            if found { Ok(true) } else { dict.unknown.map_or(Ok(false), Err) }
        }
        (of, value) => Err(of.unknown().max(value.unknown()).unwrap_or(Unknown::Computed)),
    }
}
