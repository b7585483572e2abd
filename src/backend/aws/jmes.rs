//! What a `JMESPath` expression finds in a secret's JSON: a text, as the incumbent
//! wants it.
//!
//! The expression is an author's, and runs beside other pods' mounts. The crate
//! recurses as deep as an expression is nested, and `[@,@]|[@,@]|…` doubles its
//! answer with every five letters, so both are bounded before it runs.

use std::rc::Rc;

use jmespath::ast::Ast;
use jmespath::{Context, DEFAULT_RUNTIME, Rcvar, Variable, interpret};
use serde_json::{Map, Number, Value};

/// The longest expression, and the most signs in it that may nest: each costs the crate's parser some
/// kilobytes of stack, and a thread that has none left ends the process.
const MAX_LENGTH: usize = 512;
const MAX_SIGNS: usize = 64;
/// How many times larger than the secret an answer may become on the way.
const MAX_GROWTH: usize = 256;
/// What escapes may make of a text that is written as JSON: `\u0000` has six letters.
const ESCAPED: usize = 6;
/// What a value of a document weighs beside its text, and what each key of a hash that is made adds, in such values.
const VALUE: usize = 64;
const KEY: usize = 8;
/// The most that one expression may make of a document, by weight: about as many bytes.
const MAX_WEIGHT: usize = 16 * 1024 * 1024;
/// The most that all expressions of a class may go through: they run while other pods wait.
const MAX_EFFORT: usize = 64 * 1024 * 1024;
/// The largest number of a slice: the crate adds them up unchecked.
const MAX_STEP: i32 = 1_000_000;
/// The name under which `serde_json` hands exact numbers to other crates.
const NUMBER: &str = "$serde_json::private::Number";

/// Why an expression finds nothing that can be a file, in the incumbent's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no expression, or not for this JSON.
    Expression,
    /// It is longer, or makes more of a secret, than is allowed.
    TooMuch,
    /// It finds nothing.
    Nothing,
    /// What it finds is no text.
    NotText,
}

/// A secret's JSON, taken apart once for all of its expressions.
pub(super) struct Document {
    root: Rcvar,
    weight: usize,
}

/// What a class's expressions have gone through so far.
#[derive(Debug, Default)]
pub(super) struct Effort(usize);

/// Whether it is no expression, whatever the secret is.
pub(super) fn is_none(expression: &str) -> bool {
    compiled(expression) == Err(Fault::Expression)
}

fn compiled(expression: &str) -> Result<Ast, Fault> {
    let signs = expression.bytes().filter(|byte| b"([{!&|.=<>,".contains(byte)).count();
    if expression.len() > MAX_LENGTH || signs > MAX_SIGNS {
        return Err(Fault::TooMuch);
    }
    let compiled = jmespath::compile(expression).map_err(|_| Fault::Expression)?;
    let mut ast = compiled.as_ast().clone();
    if growth(&ast, 1) > MAX_GROWTH || !is_stepwise(&ast) {
        return Err(Fault::TooMuch);
    }
    mend(&mut ast);
    Ok(ast)
}

// === impl Effort ===

impl Effort {
    fn spend(&mut self, weight: usize) -> Result<(), Fault> {
        self.0 = self.0.saturating_add(weight);
        if self.0 > MAX_EFFORT { Err(Fault::TooMuch) } else { Ok(()) }
    }
}

// === impl Document ===

impl Document {
    /// Takes `json` apart, if the class has not gone through too much yet.
    pub(super) fn read(json: &Value, effort: &mut Effort) -> Result<Self, Fault> {
        let weight = weight(json);
        effort.spend(weight)?;
        Ok(Self { root: variable(json), weight })
    }
}

fn weight(json: &Value) -> usize {
    VALUE
        + match json {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(weight).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| VALUE + key.len() + weight(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// What `expression` finds in a document.
pub(super) fn find(document: &Document, expression: &str, effort: &mut Effort) -> Result<String, Fault> {
    let ast = compiled(expression)?;
    let made = document.weight.saturating_mul(growth(&ast, KEY));
    if made > MAX_WEIGHT {
        return Err(Fault::TooMuch);
    }
    effort.spend(made)?;
    // Not by the crate's own search, which takes the value apart and puts it together again by serde.
    let found = interpret(&document.root, &ast, &mut Context::new(expression, &DEFAULT_RUNTIME));
    let found = found.map_err(|_| Fault::Expression)?;
    match &*found {
        Variable::String(text) => Ok(text.clone()),
        Variable::Null => Err(Fault::Nothing),
        _ => Err(Fault::NotText),
    }
}

/// A JSON value as the crate has it. Its own reader takes exact numbers for objects.
fn variable(json: &Value) -> Rcvar {
    Rc::new(match json {
        Value::Null => Variable::Null,
        Value::Bool(value) => Variable::Bool(*value),
        Value::Number(number) => Variable::Number(plain(number)),
        Value::String(text) => Variable::String(text.clone()),
        Value::Array(values) => Variable::Array(values.iter().map(variable).collect()),
        Value::Object(map) => {
            Variable::Object(map.iter().map(|(key, value)| (key.clone(), variable(value))).collect())
        }
    })
}

/// A number as Go's JSON would write it again: `1.0` is `1`. Whole numbers keep all their digits.
fn plain(number: &Number) -> Number {
    let whole = number.as_i64().is_some() || number.as_u64().is_some();
    let float = number.as_f64().filter(|float| !whole && float.is_finite());
    let Some(float) = float else { return number.clone() };
    if float.fract() == 0.0 && float.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        let whole = float as i64;
        return Number::from(whole);
    }
    Number::from_f64(float).unwrap_or_else(|| number.clone())
}

/// Makes numbers of what the crate's reader made of those in an expression's literals.
fn mend(ast: &mut Ast) {
    if let Ast::Literal { value, .. } = ast {
        *value = mended(value);
    }
    for part in parts_mut(ast) {
        mend(part);
    }
}

fn mended(value: &Rcvar) -> Rcvar {
    match &**value {
        Variable::Object(map) => {
            let number = map.get(NUMBER).and_then(|text| text.as_string()?.parse::<Number>().ok());
            match number {
                Some(number) => Rc::new(Variable::Number(plain(&number))),
                None => {
                    let entries = map.iter().map(|(key, value)| (key.clone(), mended(value)));
                    Rc::new(Variable::Object(entries.collect()))
                }
            }
        }
        Variable::Array(values) => Rc::new(Variable::Array(values.iter().map(mended).collect())),
        _ => value.clone(),
    }
}

/// How many times larger than its input an expression's answer may be, at most: where a value
/// is taken more than once, or written as text, all that comes before counts as often. `key` is
/// what a key of a hash counts, which is a value's many times over where values are counted.
fn growth(ast: &Ast, key: usize) -> usize {
    let own = match ast {
        Ast::MultiList { elements, .. } => elements.len(),
        Ast::MultiHash { elements, .. } => elements.len().saturating_mul(key),
        // It may stand for every value of a list.
        Ast::Literal { value, .. } => 1 + value.to_string().len() / VALUE,
        Ast::Function { name, args, .. } => match (name.as_str(), args.as_slice()) {
            ("to_string", _) => ESCAPED,
            ("join", [Ast::Literal { value, .. }, _]) => {
                1 + value.as_string().map_or(usize::MAX - 1, String::len)
            }
            // A glue out of the secret may be as long as the list that it joins.
            ("join", _) => usize::MAX,
            (_, args) => args.len(),
        },
        _ => 1,
    };
    parts(ast).into_iter().map(|part| growth(part, key)).fold(own.max(1), usize::saturating_mul)
}

/// Whether its slices have numbers that can be added up.
fn is_stepwise(ast: &Ast) -> bool {
    let small = |number: &i32| number.unsigned_abs() <= MAX_STEP.unsigned_abs();
    let own = match ast {
        Ast::Slice { start, stop, step, .. } => start.iter().chain(stop).chain([step]).all(small),
        _ => true,
    };
    own && parts(ast).into_iter().all(is_stepwise)
}

fn parts(ast: &Ast) -> Vec<&Ast> {
    match ast {
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => vec![lhs, rhs],
        Ast::Condition { predicate, then, .. } => vec![predicate, then],
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => vec![node],
        Ast::Function { args, .. } => args.iter().collect(),
        Ast::MultiList { elements, .. } => elements.iter().collect(),
        Ast::MultiHash { elements, .. } => elements.iter().map(|pair| &pair.value).collect(),
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. } => Vec::new(),
    }
}

fn parts_mut(ast: &mut Ast) -> Vec<&mut Ast> {
    match ast {
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => vec![lhs, rhs],
        Ast::Condition { predicate, then, .. } => vec![predicate, then],
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => vec![node],
        Ast::Function { args, .. } => args.iter_mut().collect(),
        Ast::MultiList { elements, .. } => elements.iter_mut().collect(),
        Ast::MultiHash { elements, .. } => elements.iter_mut().map(|pair| &mut pair.value).collect(),
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. } => Vec::new(),
    }
}

/// A JSON object's keys and values as texts: a string without its quotes, anything else as JSON.
pub(super) fn texts(map: &Map<String, Value>) -> impl Iterator<Item = (&str, String)> {
    map.iter().map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key.as_str(), text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(json: &Value, expression: &str) -> Result<String, Fault> {
        let mut effort = Effort::default();
        super::find(&Document::read(json, &mut effort)?, expression, &mut effort)
    }

    /// A class's author may own the secret too.
    #[test]
    fn a_large_secret_bears_no_expression_that_makes_much_of_it() {
        let zeros = json!(vec![0; 30_000]);
        for greedy in [
            "[@,@,@,@][]|[@,@,@,@][]|[*].{a:@}",
            "[@,@,@,@][]|[@,@,@,@][]|[*].{a:@,b:@}|to_string(@)",
            "[1::2147483647]",
            "[::-2147483647]",
        ] {
            assert_eq!(find(&zeros, greedy), Err(Fault::TooMuch), "{greedy}");
        }
        assert_eq!(find(&zeros, "to_string([0])").as_deref(), Ok("0"));
        // Many small ones are as much as a large one.
        let mut effort = Effort::default();
        let document = Document::read(&zeros, &mut effort).unwrap_or_else(|fault| unreachable!("{fault:?}"));
        let runs =
            (0..1000).take_while(|_| super::find(&document, "to_string([0])", &mut effort).is_ok()).count();
        assert!((2..100).contains(&runs), "{runs}");
        assert!(Document::read(&zeros, &mut effort).is_err());
        // An ordinary secret with many keys, each a file of its own.
        let map: Map<String, Value> =
            (0..200).map(|at| (format!("key-{at}"), json!("x".repeat(250)))).collect();
        let (json, mut effort) = (Value::Object(map), Effort::default());
        let document = Document::read(&json, &mut effort).unwrap_or_else(|fault| unreachable!("{fault:?}"));
        for at in 0..200 {
            assert!(super::find(&document, &format!("\"key-{at}\""), &mut effort).is_ok(), "{at}");
        }
    }

    #[test]
    fn a_text_is_found() {
        let json = json!({"user": "app", "empty": "", "db": {"hosts": [{"name": "a", "port": 5432}, {"name": "b", "port": 1}]},
            "a-b": "hyphen", "n": 1.0, "big": 12_345_678_901_234_567_890_u64, "t": true, "nil": null});
        for (expression, expected) in [
            ("user", Ok("app")),
            ("empty", Ok("")),
            ("\"a-b\"", Ok("hyphen")),
            ("db.hosts[1].name", Ok("b")),
            ("db.hosts[?port==`5432`].name | [0]", Ok("a")),
            ("db.hosts[?port>`1000`] | [0].name", Ok("a")),
            ("join(',', db.hosts[*].name)", Ok("a,b")),
            ("to_string(db.hosts[0].port)", Ok("5432")),
            ("to_string(n)", Ok("1")),
            ("to_string(big)", Ok("12345678901234567890")),
            ("to_string(db)", Ok(r#"{"hosts":[{"name":"a","port":5432},{"name":"b","port":1}]}"#)),
            ("to_string(`[1, 2.5]`)", Ok("[1,2.5]")),
            ("absent", Err(Fault::Nothing)),
            ("nil", Err(Fault::Nothing)),
            ("n", Err(Fault::NotText)),
            ("t", Err(Fault::NotText)),
            ("db", Err(Fault::NotText)),
            (".user", Err(Fault::Expression)),
            ("", Err(Fault::Expression)),
            ("nope(user)", Err(Fault::Expression)),
            ("a-b", Err(Fault::Expression)),
            ("length(n)", Err(Fault::Expression)),
        ] {
            assert_eq!(find(&json, expression).as_deref().map_err(|fault| *fault), expected, "{expression}");
        }
    }

    /// On a thread with as little stack as the runtime's.
    #[test]
    fn no_expression_costs_more_than_it_may() {
        let deep: Vec<String> =
            ["(", "[", "!", "{a:", "a.", "a||", "[*].", "&", "not_null(", "a[?", "@|", "`[", "a[]"]
                .iter()
                .flat_map(|part| {
                    let signs = part.bytes().filter(|byte| b"([{!&|.=<>,".contains(byte)).count();
                    let times = (MAX_SIGNS / signs.max(1)).min(MAX_LENGTH / part.len());
                    [part.repeat(times), format!("{}a", part.repeat(times - 1))]
                })
                .chain([
                    format!("{}a{}", "(".repeat(64), ")".repeat(64)),
                    format!("{}a{}", "[".repeat(64), "]".repeat(64)),
                    "@[*]".repeat(64),
                ])
                .collect();
        let json = json!({"a": "x", "list": [1, 2]});
        let run = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
            for expression in deep {
                let _ = find(&json, &expression);
            }
        });
        assert!(run.is_ok_and(|run| run.join().is_ok()));
        let json = json!({"g": "x".repeat(1000), "l": vec![""; 1000]});
        for greedy in [
            "[@,@]|".repeat(15) + "to_string(@)",
            "[@,@][]|".repeat(15) + "length(@)",
            "to_string(".repeat(20) + "@" + &")".repeat(20),
            "join(g, l)".to_owned(),
            "x".repeat(513),
            "a.".repeat(65) + "a",
        ] {
            assert_eq!(find(&json, &greedy), Err(Fault::TooMuch), "{greedy}");
        }
    }
}
