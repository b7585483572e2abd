//! The page of parameters is written by hand; that it has each key, and no other, is not left to chance.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, ExprTuple, ItemStruct, Lit};

use super::source;

/// The keys that one backend's code asks for.
#[derive(Default)]
struct Keys {
    /// Of `parameters.get("…")`.
    plain: BTreeSet<String>,
    /// Of `self.get("…")`, `self.file("…")` and `self.key("…")`: behind a prefix.
    prefixed: BTreeSet<String>,
    /// Of the structs that `objects` is read into.
    fields: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Keys {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if let Some(Expr::Lit(literal)) = call.args.first()
            && let Lit::Str(key) = &literal.lit
            && key.value().starts_with(|letter: char| letter.is_ascii_alphabetic())
        {
            let of_self = matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident("self"));
            match call.method.to_string().as_str() {
                "get" | "file" | "key" if of_self => self.prefixed.insert(key.value()),
                "span" if of_self => self.plain.insert(key.value()),
                "get" => self.plain.insert(key.value()),
                _ => false,
            };
        }
        visit::visit_expr_method_call(self, call);
    }

    /// `[("TLSClientCertPath", …), …]`: keys that are gone through in a loop.
    fn visit_expr_tuple(&mut self, tuple: &'ast ExprTuple) {
        if let Some(Expr::Lit(literal)) = tuple.elems.first()
            && let Lit::Str(key) = &literal.lit
            && key.value().starts_with(|letter: char| letter.is_ascii_uppercase())
        {
            self.prefixed.insert(key.value());
        }
        visit::visit_expr_tuple(self, tuple);
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        if ["Entry", "Written"].contains(&item.ident.to_string().as_str()) {
            let names = item.fields.iter().filter_map(|field| field.ident.as_ref());
            self.fields.extend(names.map(|name| camel(&name.to_string())));
        }
    }
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &part[..1].to_uppercase() + &part[1..])
}

fn keys(of: &str) -> Keys {
    let mut keys = Keys::default();
    for path in source::paths() {
        if path.starts_with(format!("src/backend/{of}/params")) || path.ends_with(format!("{of}/params.rs")) {
            keys.visit_file(&source::parse(&path));
        }
    }
    keys
}

/// The keys in the first column of the table under a heading.
fn listed(heading: &str) -> BTreeSet<String> {
    let page = std::fs::read_to_string("docs/reference/parameters.md").unwrap();
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let cells =
        section.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').nth(1).unwrap());
    let keys = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned);
    keys.collect()
}

#[test]
fn every_parameter_of_vault_is_listed() {
    let keys = keys("vault");
    let prefixed = keys.prefixed.iter().filter(|key| *key != "RoleName").map(|key| format!("vault{key}"));
    let all: BTreeSet<_> = prefixed.chain(keys.plain).collect();
    assert_eq!(all, listed("`vault`, `openbao`: class"), "in the code, on the page");
    assert_eq!(keys.fields, listed("`vault`, `openbao`: objects"), "in the code, on the page");
}

#[test]
fn every_parameter_of_local_is_listed() {
    let keys = keys("local");
    assert_eq!(keys.plain, listed("`local`: class"), "in the code, on the page");
    assert_eq!(keys.fields, listed("`local`: objects"), "in the code, on the page");
}
