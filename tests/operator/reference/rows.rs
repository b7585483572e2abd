//! The table of what Vault and OpenBao say (`backend/vault/error/rows.rs`), as the source has it.

use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Item, Lit};

use super::source;

/// One row: the statuses, a part of what the server says, the kind, our words instead, the hint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub statuses: Vec<String>,
    pub says: String,
    pub kind: String,
    pub text: String,
    pub hint: String,
}

/// Each table's name with its rows; those that several tables share stand alone, under their own names.
pub fn tables() -> Vec<(String, Vec<Row>)> {
    let mut tables = Vec::new();
    for (_, file) in source::files() {
        for item in file.items {
            let Item::Const(item) = item else { continue };
            let mut rows = Rows::default();
            rows.visit_expr(&item.expr);
            if !rows.0.is_empty() {
                tables.push((item.ident.to_string(), rows.0));
            }
        }
    }
    tables
}

#[derive(Default)]
struct Rows(Vec<Row>);

impl<'ast> Visit<'ast> for Rows {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        match row(expression) {
            Some(row) => self.0.push(row),
            None => visit::visit_expr(self, expression),
        }
    }
}

fn row(expression: &Expr) -> Option<Row> {
    match expression {
        Expr::MethodCall(ExprMethodCall { receiver, method, args, .. }) => {
            let mut row = row(receiver)?;
            if method == "text" {
                row.text = string(args.first()?);
            }
            Some(row)
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let names: Vec<_> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
            if names != ["Row", "of"] {
                return None;
            }
            let mut args = call.args.iter();
            let statuses = args.next().map(numbers).unwrap_or_default();
            let (says, kind) = (string(args.next()?), args.next()?);
            let Expr::Path(kind) = kind else { return None };
            let kind = kind.path.segments.last()?.ident.to_string();
            Some(Row { statuses, says, kind, text: String::new(), hint: string(args.next()?) })
        }
        _ => None,
    }
}

fn numbers(expression: &Expr) -> Vec<String> {
    match expression {
        Expr::Reference(inner) => numbers(&inner.expr),
        Expr::Array(array) => array.elems.iter().flat_map(numbers).collect(),
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => vec![number.base10_digits().to_owned()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn string(expression: &Expr) -> String {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            _ => String::new(),
        },
        _ => "…".to_owned(),
    }
}
