//! What the source says: every `Error` that is made in the code that ships, with its texts.
//!
//! A function that only passes a text on to [`Error::new`] is followed to its callers; what is made
//! at run time is shown as `…`, a blank of `format!` by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::texts::text;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ExprMethodCall, ImplItemFn, ItemFn, ItemMod, Local, Pat, Signature};

/// One error that the code can make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Made {
    pub room: String,
    pub stage: String,
    pub kind: String,
    pub text: String,
    pub hint: String,
}

/// A function that makes an error of a text that it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Maker {
    room: String,
    name: String,
    /// Which of its arguments, `self` not counted, is the text, and which the hint.
    text: usize,
    hint: Option<usize>,
    arity: usize,
    made: Made,
}

/// Every parsed file that ships, by its room.
pub fn files() -> Vec<(String, syn::File)> {
    paths().iter().map(|path| (room(path), parse(path))).collect()
}

pub fn parse(path: &Path) -> syn::File {
    syn::parse_file(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every file that ships.
pub fn paths() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    collect(Path::new("src"), &mut paths);
    paths.sort();
    paths
}
fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let only_tests = ["tests", "tests.rs", "fake", "fake.rs", "conformance", "conformance.rs", "demo"];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if only_tests.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        match path.is_dir() {
            true => collect(&path, into),
            false if path.extension().is_some_and(|end| end == "rs") => into.push(path),
            false => {}
        }
    }
}

/// `backend/vault` for a backend's folder, else the first folder.
fn room(path: &Path) -> String {
    let parts: Vec<_> =
        path.iter().skip(1).map(|part| part.to_str().unwrap().trim_end_matches(".rs")).collect();
    match parts.as_slice() {
        ["backend", backend @ ("aws" | "vault" | "local"), ..] => format!("backend/{backend}"),
        [room, ..] => (*room).to_owned(),
        [] => unreachable!(),
    }
}

/// Every error, each once.
pub fn errors() -> BTreeSet<Made> {
    let files = files();
    let mut makers: Vec<Maker> = Vec::new();
    // A maker may call a maker: each round finds those that call the ones before.
    for _ in 0..4 {
        let mut found = Vec::new();
        for (room, file) in &files {
            let mut visitor = Visitor::new(room, &makers);
            visitor.visit_file(file);
            found.extend(visitor.makers);
        }
        found.retain(|maker| !makers.contains(maker));
        if found.is_empty() {
            break;
        }
        makers.extend(found);
    }
    let mut all = BTreeSet::new();
    for (room, file) in &files {
        let mut visitor = Visitor::new(room, &makers);
        visitor.visit_file(file);
        all.extend(visitor.made);
    }
    all.retain(|made| made.text != "…");
    all
}

/// A function or a closure that has a name.
#[derive(Clone, Default)]
struct Scope {
    name: String,
    /// Its arguments' names.
    args: Vec<String>,
    /// What it has bound with `let`.
    lets: BTreeMap<String, Expr>,
}

/// What may be wrong with a token: the texts of the functions of `identity` that end in `fault`.
pub fn token_faults() -> BTreeSet<String> {
    #[derive(Default)]
    struct Faults(BTreeSet<String>, bool);
    impl<'ast> Visit<'ast> for Faults {
        fn visit_item_mod(&mut self, module: &'ast ItemMod) {
            if !is_test(&module.attrs) {
                visit::visit_item_mod(self, module);
            }
        }
        fn visit_item_fn(&mut self, function: &'ast ItemFn) {
            self.1 = function.sig.ident.to_string().ends_with("fault");
            visit::visit_item_fn(self, function);
        }
        fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
            self.1 = function.sig.ident.to_string().ends_with("fault");
            visit::visit_impl_item_fn(self, function);
        }
        fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
            if self.1 && text.value().contains(' ') {
                self.0.insert(text.value());
            }
        }
        fn visit_attribute(&mut self, _: &'ast Attribute) {}
    }
    let mut faults = Faults::default();
    for (room, file) in files() {
        if room == "identity" {
            faults.visit_file(&file);
        }
    }
    faults.0
}

struct Visitor<'a> {
    room: &'a str,
    makers_before: &'a [Maker],
    /// The functions that are being read, the innermost last.
    inside: Vec<Scope>,
    made: Vec<Made>,
    makers: Vec<Maker>,
}

impl<'a> Visitor<'a> {
    fn new(room: &'a str, makers_before: &'a [Maker]) -> Self {
        Self { room, makers_before, inside: Vec::new(), made: Vec::new(), makers: Vec::new() }
    }

    fn enter(&mut self, signature: &Signature, walk: impl FnOnce(&mut Self)) {
        let names = signature.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Receiver(_) => None,
            syn::FnArg::Typed(typed) => Some(match &*typed.pat {
                Pat::Ident(name) => name.ident.to_string(),
                _ => String::new(),
            }),
        });
        let scope = Scope { name: signature.ident.to_string(), args: names.collect(), lets: BTreeMap::new() };
        self.inside.push(scope);
        walk(self);
        self.inside.pop();
    }

    /// An error and the hint that was put onto it, if the expression makes one.
    fn take(&mut self, base: &Expr, hint: Option<&Expr>) {
        let made = |kind: String, stage: String| Made {
            room: self.room.to_owned(),
            stage,
            kind,
            text: String::new(),
            hint: hint.map(|hint| self.text(hint)).unwrap_or_default(),
        };
        match base {
            Expr::Call(call) if is_new(call) => {
                let mut args = call.args.iter();
                let [Some(kind), Some(stage), Some(says)] = [args.next(), args.next(), args.next()] else {
                    return;
                };
                let made = made(last(kind), last(stage));
                self.keep(made, says, hint);
            }
            Expr::Call(call) => {
                let Expr::Path(path) = &*call.func else { return };
                let name = path.path.segments.last().map(|part| part.ident.to_string()).unwrap_or_default();
                self.called(&name, &call.args.iter().collect::<Vec<_>>(), hint);
            }
            Expr::MethodCall(call) => {
                self.called(&call.method.to_string(), &call.args.iter().collect::<Vec<_>>(), hint);
            }
            _ => {}
        }
    }

    fn called(&mut self, name: &str, args: &[&Expr], hint: Option<&Expr>) {
        let fits = |maker: &&Maker| {
            maker.name == name
                && maker.arity == args.len()
                && (maker.room == self.room || maker.room == "backend")
        };
        let found: Vec<Maker> = self.makers_before.iter().filter(fits).cloned().collect();
        for maker in found {
            let given = maker.hint.and_then(|at| args.get(at).copied());
            let hint = hint.or(given);
            let mut made = Made { room: self.room.to_owned(), ..maker.made };
            if let Some(hint) = hint {
                made.hint = self.text(hint);
            }
            self.keep(made, args[maker.text], hint);
        }
    }

    /// The text that an expression gives, variables looked up.
    fn text(&self, expression: &Expr) -> String {
        let mut lets: BTreeMap<&str, &Expr> = BTreeMap::new();
        for scope in &self.inside {
            lets.extend(scope.lets.iter().map(|(name, init)| (name.as_str(), init)));
        }
        text(expression, &lets, 4)
    }

    /// Keeps it, or learns that the function passes its own text on.
    fn keep(&mut self, mut made: Made, says: &Expr, hint: Option<&Expr>) {
        made.text = self.text(says);
        // A closure's text may be its own argument or the function's around it.
        let passed = self.inside.iter().rev().find_map(|scope| {
            let at = |word: String| scope.args.iter().position(|arg| *arg == word);
            let text = word(says).and_then(at)?;
            let hint = match hint {
                Some(hint) => word(hint).and_then(at),
                None => at("hint".to_owned()),
            };
            Some((scope.clone(), text, hint))
        });
        if let Some((scope, text, hint)) = passed {
            if made.hint == "…" {
                made.hint = String::new();
            }
            let (room, arity) = (self.room.to_owned(), scope.args.len());
            self.makers.push(Maker { room, name: scope.name, text, hint, arity, made });
            return;
        }
        self.made.push(made);
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !is_test(&function.attrs) {
            self.enter(&function.sig, |visitor| visit::visit_item_fn(visitor, function));
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_test(&function.attrs) {
            self.enter(&function.sig, |visitor| visit::visit_impl_item_fn(visitor, function));
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let name = match &local.pat {
            Pat::Ident(name) => Some(name.ident.to_string()),
            _ => None,
        };
        let init = local.init.as_ref().map(|init| &*init.expr);
        match (name, init) {
            (Some(name), Some(Expr::Closure(closure))) => {
                let args = closure.inputs.iter().map(|input| match input {
                    Pat::Ident(name) => name.ident.to_string(),
                    Pat::Type(typed) => match &*typed.pat {
                        Pat::Ident(name) => name.ident.to_string(),
                        _ => String::new(),
                    },
                    _ => String::new(),
                });
                self.inside.push(Scope { name, args: args.collect(), lets: BTreeMap::new() });
                visit::visit_local(self, local);
                self.inside.pop();
            }
            (name, init) => {
                visit::visit_local(self, local);
                if let (Some(name), Some(init), Some(scope)) = (name, init, self.inside.last_mut()) {
                    scope.lets.insert(name, init.clone());
                } else if let (Pat::Tuple(names), Some(Expr::Tuple(inits)), Some(scope)) =
                    (&local.pat, init, self.inside.last_mut())
                {
                    for (name, init) in names.elems.iter().zip(&inits.elems) {
                        if let Pat::Ident(name) = name {
                            scope.lets.insert(name.ident.to_string(), init.clone());
                        }
                    }
                }
            }
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        self.take(&Expr::Call(call.clone()), None);
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let mut hint = None;
        let mut base: &Expr = &Expr::MethodCall(call.clone());
        // `Error::new(…).object(…).hint(…)`: down to what the chain began with.
        while let Expr::MethodCall(link) = base {
            let name = link.method.to_string();
            if !["hint", "object", "with", "at", "kind_as", "retry_after", "verdict", "into"]
                .contains(&name.as_str())
            {
                break;
            }
            if name == "hint" {
                hint = hint.or(link.args.first().cloned());
            }
            base = &link.receiver;
        }
        let base = base.clone();
        self.take(&base, hint.as_ref());
        if matches!(base, Expr::MethodCall(ref link) if link.method == call.method) {
            visit::visit_expr_method_call(self, call);
        } else {
            // What the chain began with is taken; what it holds is not.
            for arg in arguments(&Expr::MethodCall(call.clone())) {
                let mut inner = Visitor::new(self.room, self.makers_before);
                inner.inside.clone_from(&self.inside);
                inner.visit_expr(&arg);
                self.made.extend(inner.made);
                self.makers.extend(inner.makers);
            }
        }
    }
}

/// Every argument along a chain, its beginning's included.
fn arguments(chain: &Expr) -> Vec<Expr> {
    match chain {
        Expr::MethodCall(link) => {
            let mut args = arguments(&link.receiver);
            args.extend(link.args.iter().cloned());
            args
        }
        Expr::Call(call) => call.args.iter().cloned().collect(),
        other => vec![other.clone()],
    }
}

fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let in_tests = attr.path().is_ident("cfg")
            && attr.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"));
        in_tests || attr.path().segments.last().is_some_and(|part| part.ident == "test")
    })
}

fn is_new(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let names: Vec<_> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
    matches!(names.as_slice(), [.., error, new] if error == "Error" && new == "new")
}

/// The last name of a path: `Denied` of `Kind::Denied`; `…` for what is decided at run time.
fn last(expression: &Expr) -> String {
    match expression {
        Expr::Path(path) if path.path.segments.len() > 1 => {
            path.path.segments.last().map(|part| part.ident.to_string()).unwrap_or_default()
        }
        _ => "…".to_owned(),
    }
}

/// The name of a variable, also behind `Some(…)`, `&…`, `.into()` and the like.
fn word(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        Expr::Reference(inner) => word(&inner.expr),
        Expr::MethodCall(call) if call.args.is_empty() => word(&call.receiver),
        Expr::Call(call) if call.args.len() == 1 => call.args.first().and_then(word),
        _ => None,
    }
}
