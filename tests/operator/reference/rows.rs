//! The tables of what servers say (`backend/{vault,aws}/error/rows.rs`), as the source has them.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Item, Lit};

use super::source;

/// One row: whose it is, the statuses or codes, a part of what is said, the kind, our words instead, the hint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub service: String,
    pub statuses: Vec<String>,
    pub says: String,
    pub kind: String,
    pub text: String,
    pub hint: String,
}

/// The constants of one file, by name.
type Consts = BTreeMap<String, Expr>;

/// Each table of a room's with its rows; those that several tables share stand alone, under their own names.
pub fn tables(of: &str) -> Vec<(String, Vec<Row>)> {
    let mut tables = Vec::new();
    for (_, file) in source::files().into_iter().filter(|(room, _)| room == of) {
        let items = file.items.into_iter().filter_map(|item| match item {
            Item::Const(item) => Some((item.ident.to_string(), *item.expr)),
            _ => None,
        });
        let items: Vec<_> = items.collect();
        let consts: Consts = items.iter().cloned().collect();
        for (name, expression) in &items {
            let mut rows = Rows { consts: &consts, found: Vec::new() };
            rows.visit_expr(expression);
            if !rows.found.is_empty() {
                tables.push((name.clone(), rows.found));
            }
        }
    }
    tables
}

struct Rows<'a> {
    consts: &'a Consts,
    found: Vec<Row>,
}

impl<'ast> Visit<'ast> for Rows<'_> {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        match row(expression, self.consts) {
            Some(row) => self.found.push(row),
            None => visit::visit_expr(self, expression),
        }
    }
}

fn row(expression: &Expr, consts: &Consts) -> Option<Row> {
    match expression {
        Expr::MethodCall(ExprMethodCall { receiver, method, args, .. }) => {
            let mut row = row(receiver, consts)?;
            match method.to_string().as_str() {
                "text" => row.text = string(args.first()?, consts),
                "says" => row.says = string(args.first()?, consts),
                "by" => row.service = last(args.first()?)?,
                _ => {}
            }
            Some(row)
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let names: Vec<_> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
            if names != ["Row", "of"] {
                return None;
            }
            let args: Vec<_> = call.args.iter().collect();
            // With what is said among the arguments, or put onto the row.
            let (first, says, kind, hint) = match args.as_slice() {
                [first, says, kind, hint] => (first, string(says, consts), kind, hint),
                [first, kind, hint] => (first, String::new(), kind, hint),
                _ => return None,
            };
            let (statuses, hint) = (each(first, consts), string(hint, consts));
            Some(Row { statuses, says, kind: last(kind)?, hint, ..Row::default() })
        }
        _ => None,
    }
}

/// The last name of a path.
fn last(expression: &Expr) -> Option<String> {
    let Expr::Path(path) = expression else { return None };
    path.path.segments.last().map(|part| part.ident.to_string())
}

/// What a constant stands for.
fn constant<'a>(expression: &Expr, consts: &'a Consts) -> Option<&'a Expr> {
    let Expr::Path(path) = expression else { return None };
    consts.get(&path.path.get_ident()?.to_string())
}

fn each(expression: &Expr, consts: &Consts) -> Vec<String> {
    match expression {
        Expr::Reference(inner) => each(&inner.expr, consts),
        Expr::Array(array) => array.elems.iter().flat_map(|one| each(one, consts)).collect(),
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => vec![number.base10_digits().to_owned()],
            Lit::Str(text) => vec![text.value()],
            _ => Vec::new(),
        },
        other => constant(other, consts).map(|one| each(one, consts)).unwrap_or_default(),
    }
}

fn string(expression: &Expr, consts: &Consts) -> String {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            _ => String::new(),
        },
        other => constant(other, consts).map_or_else(|| "…".to_owned(), |one| string(one, consts)),
    }
}
