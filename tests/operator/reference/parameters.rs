//! The page of parameters is written by hand; that it has each key, and no other, is not left to chance.

use std::collections::BTreeSet;

use keymount::backend::PROFILE;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ExprTuple, ItemStruct, Lit};

use super::source;

/// The keys that one backend's code asks for.
#[derive(Default)]
struct Keys {
    /// Of `parameters.get("…")`.
    plain: BTreeSet<String>,
    /// Of `self.get("…")`, `self.file("…")` and `self.key("…")`: behind a prefix.
    prefixed: BTreeSet<String>,
    /// Of the structs that `objects` is read into; of `node.text("…")` and `own(node, "…")` where it is none.
    fields: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Keys {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if let Some(key) = call.args.first().and_then(word) {
            let (of_self, of_node) = (is_named(&call.receiver, &["self"]), is_named(&call.receiver, &NODES));
            match call.method.to_string().as_str() {
                "get" | "text" | "list" if of_node => self.fields.insert(key),
                "get" | "file" | "key" if of_self => self.prefixed.insert(key),
                "span" | "arn" if of_self => self.plain.insert(key),
                "get" => self.plain.insert(key),
                _ => false,
            };
        }
        visit::visit_expr_method_call(self, call);
    }

    /// `own(node, "…")`, and `text("…")` where the node is at hand.
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let of_node = call.args.first().is_some_and(|first| is_named(first, &NODES));
        let at_hand = is_named(&call.func, &["text"]);
        if of_node || at_hand {
            self.fields.extend(call.args.iter().find_map(word));
        }
        visit::visit_expr_call(self, call);
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
        let is_read = item.attrs.iter().any(|attr| {
            attr.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("Deserialize"))
        });
        if is_read && ["Entry", "Written"].contains(&item.ident.to_string().as_str()) {
            let names = item.fields.iter().filter_map(|field| field.ident.as_ref());
            self.fields.extend(names.map(|name| camel(&name.to_string())));
        }
    }
}

/// What objects that are read without a struct are called.
const NODES: [&str; 2] = ["node", "other"];

fn is_named(expression: &Expr, names: &[&str]) -> bool {
    matches!(expression, Expr::Path(path) if names.iter().any(|name| path.path.is_ident(name)))
}

/// A literal that may be a key.
fn word(expression: &Expr) -> Option<String> {
    let Expr::Lit(literal) = expression else { return None };
    let Lit::Str(key) = &literal.lit else { return None };
    Some(key.value()).filter(|key| key.starts_with(|letter: char| letter.is_ascii_alphabetic()))
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
fn every_parameter_of_aws_is_listed() {
    let keys = keys("aws");
    assert_eq!(keys.plain, listed("`aws`: class"), "in the code, on the page");
    assert_eq!(keys.fields, listed("`aws`: objects"), "in the code, on the page");
}

#[test]
fn the_parameter_of_every_provider_is_listed() {
    assert_eq!(listed("Every provider: class"), BTreeSet::from([PROFILE.to_owned()]));
}

#[test]
fn every_parameter_of_local_is_listed() {
    let keys = keys("local");
    assert_eq!(keys.plain, listed("`local`: class"), "in the code, on the page");
    assert_eq!(keys.fields, listed("`local`: objects"), "in the code, on the page");
}
