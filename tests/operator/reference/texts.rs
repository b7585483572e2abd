//! The text that an expression of the source gives, variables and branches looked into.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Expr, Lit};

/// The text that an expression gives, as far as the source shows it; `deep` ends circles of variables.
pub fn text(expression: &Expr, lets: &BTreeMap<&str, &Expr>, deep: usize) -> String {
    let of = |expression: &Expr| text(expression, lets, deep);
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            _ => "…".to_owned(),
        },
        Expr::Macro(call) if call.mac.path.is_ident("format") || call.mac.path.is_ident("concat") => {
            let args = call
                .mac
                .parse_body_with(syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated);
            let first = args.ok().and_then(|args| args.first().map(of));
            filled(&first.unwrap_or_else(|| "…".to_owned()), lets, deep)
        }
        Expr::Call(call) if call.args.len() == 1 => call.args.first().map(of).unwrap_or_default(),
        Expr::MethodCall(call) if call.args.is_empty() => of(&call.receiver),
        Expr::Reference(inner) => of(&inner.expr),
        Expr::Paren(inner) => of(&inner.expr),
        Expr::Path(path) if path.path.is_ident("None") => String::new(),
        Expr::Path(path) if deep > 0 => {
            let init = path.path.get_ident().and_then(|name| lets.get(name.to_string().as_str()));
            init.map_or_else(|| "…".to_owned(), |init| text(init, lets, deep - 1))
        }
        Expr::Match(choice) => either(choice.arms.iter().map(|arm| of(&arm.body))),
        Expr::If(choice) => {
            let otherwise = choice.else_branch.as_ref().map(|(_, branch)| of(branch));
            either(std::iter::once(block(&choice.then_branch, lets, deep)).chain(otherwise))
        }
        Expr::Block(inner) => block(&inner.block, lets, deep),
        _ => "…".to_owned(),
    }
}

fn block(block: &syn::Block, lets: &BTreeMap<&str, &Expr>, deep: usize) -> String {
    match block.stmts.last() {
        Some(syn::Stmt::Expr(last, None)) => text(last, lets, deep),
        _ => "…".to_owned(),
    }
}

/// The texts that it may be.
fn either(texts: impl Iterator<Item = String>) -> String {
    let known: BTreeSet<_> = texts.filter(|text| !text.is_empty() && text != "…").collect();
    if known.is_empty() { "…".to_owned() } else { known.into_iter().collect::<Vec<_>>().join(" / ") }
}

/// A format's text; a blank that names a constant text has it.
fn filled(format: &str, lets: &BTreeMap<&str, &Expr>, deep: usize) -> String {
    let mut text = format.replace("{}", "…").replace("{:?}", "…");
    for (name, init) in lets {
        let blank = format!("{{{name}}}");
        if deep > 0 && text.contains(&blank) {
            let known = self::text(init, lets, deep - 1);
            let is_plain = known != "…" && !known.contains(" / ") && known.len() > 20;
            text = if is_plain { text.replace(&blank, known.trim()) } else { text };
        }
    }
    text
}
