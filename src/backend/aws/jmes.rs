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

/// Whether it is no expression, whatever the secret is.
pub(super) fn is_none(expression: &str) -> bool {
    compiled(expression).is_err()
}

fn compiled(expression: &str) -> Result<Ast, Fault> {
    let signs = expression.bytes().filter(|byte| b"([{!&|.=<>,".contains(byte)).count();
    if expression.len() > MAX_LENGTH || signs > MAX_SIGNS {
        return Err(Fault::TooMuch);
    }
    let compiled = jmespath::compile(expression).map_err(|_| Fault::Expression)?;
    let mut ast = compiled.as_ast().clone();
    if growth(&ast) > MAX_GROWTH {
        return Err(Fault::TooMuch);
    }
    mend(&mut ast);
    Ok(ast)
}

/// What `expression` finds in `json`.
pub(super) fn find(json: &Value, expression: &str) -> Result<String, Fault> {
    let ast = compiled(expression)?;
    // Not by the crate's own search, which takes the value apart and puts it together again by serde.
    let found = interpret(&variable(json), &ast, &mut Context::new(expression, &DEFAULT_RUNTIME));
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
/// is taken more than once, or written as text, all that comes before counts as often.
fn growth(ast: &Ast) -> usize {
    let own = match ast {
        Ast::MultiList { elements, .. } => elements.len(),
        Ast::MultiHash { elements, .. } => elements.len(),
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
    parts(ast).into_iter().map(growth).fold(own.max(1), usize::saturating_mul)
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
