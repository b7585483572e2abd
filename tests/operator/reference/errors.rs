//! The page of errors: kinds, codes, exit codes, and every text that the source has.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keymount::cli::fetch::Failure;
use keymount::error::{Error, Errors, Kind, Stage};
use keymount::wire;
use syn::{Expr, Item, Lit, Meta};

use super::{code, held, rows, source, table};

/// The comments of an enum's variants, in order.
fn documented(name: &str) -> Vec<(String, String)> {
    let (_, file) = source::files().into_iter().find(|(room, _)| room == "error").unwrap();
    let found = file.items.into_iter().find_map(|item| match item {
        Item::Enum(item) if item.ident == name => Some(item),
        _ => None,
    });
    let variants = found.unwrap().variants.into_iter().map(|variant| {
        let lines = variant.attrs.iter().filter_map(|attr| match &attr.meta {
            Meta::NameValue(doc) => match &doc.value {
                Expr::Lit(text) => match &text.lit {
                    Lit::Str(text) => Some(text.value().trim().to_owned()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        (variant.ident.to_string(), lines.collect::<Vec<_>>().join(" "))
    });
    variants.collect()
}

fn kinds() -> String {
    let words: BTreeMap<_, _> = documented("Kind").into_iter().collect();
    let rows = Kind::ALL.into_iter().map(|kind| {
        let failure = Failure::from(Errors::from(Error::new(kind, Stage::Read, "")));
        let mend = if kind.is_transient() { "yes" } else { "" };
        let grpc = format!("`{:?}`", wire::code(kind));
        let exit = failure.code.to_string();
        vec![code(kind.as_str()), words[&format!("{kind:?}")].clone(), grpc, exit, mend.to_owned()]
    });
    table(&["kind", "what", "gRPC code", "`fetch` exits with", "tried again"], rows)
}

fn stages() -> String {
    let rows = documented("Stage").into_iter().map(|(name, words)| vec![code(&name.to_lowercase()), words]);
    table(&["stage", "what"], rows)
}

/// What a room is to a reader.
fn title(room: &str) -> String {
    match room {
        "app" => "Start-up, the cluster's keys".to_owned(),
        "backend" => "Objects, sessions".to_owned(),
        "backend/aws" => "`provider: aws`".to_owned(),
        "backend/local" => "`provider: local`".to_owned(),
        "backend/vault" => "`provider: vault`, `provider: openbao`".to_owned(),
        "files" => "Files".to_owned(),
        "guard" => "The guard".to_owned(),
        "identity" => "Proof of the pod".to_owned(),
        "lease" => "Hand-off".to_owned(),
        "mount" => "The Mount as a whole".to_owned(),
        "net" => "Requests to servers".to_owned(),
        "wire" => "The driver's request, the answer".to_owned(),
        room => format!("`{room}`"),
    }
}

fn texts() -> String {
    let mut by_room: BTreeMap<String, Vec<source::Made>> = BTreeMap::new();
    for made in source::errors() {
        by_room.entry(made.room.clone()).or_default().push(made);
    }
    let mut text = String::new();
    for (room, list) in by_room {
        let rows = list.into_iter().map(|made| {
            vec![code(&made.stage.to_lowercase()), code(&snake(&made.kind)), made.text, made.hint]
        });
        write!(text, "### {}\n\n{}\n", title(&room), table(&["stage", "kind", "text", "hint"], rows))
            .unwrap();
        if room == "identity" {
            text += "Of a token that proves nothing (`proof`, `unauthenticated`):\n\n";
            for fault in source::token_faults() {
                writeln!(text, "- {fault}").unwrap();
            }
            text.push('\n');
        }
    }
    text
}

/// `NotFound` as the label has it.
fn snake(kind: &str) -> String {
    Kind::ALL.into_iter().find(|known| format!("{known:?}") == kind).map_or("…", Kind::as_str).to_owned()
}

/// What Vault and OpenBao say.
fn refusals() -> String {
    let mut rows = Vec::new();
    for (name, list) in rows::tables("backend/vault") {
        let during = match name.as_str() {
            "LOGIN" | "NO_MOUNT" | "OTHER_METHOD" => "login",
            "APPROLE" => "login (approle)",
            "USERPASS" => "login (userpass)",
            "CERTIFICATE" => "login (cert)",
            "READ" => "read",
            "KEEP" => "renewal",
            _ => "any",
        };
        for row in list {
            let says = if row.says.is_empty() { row.text } else { row.says };
            let status = if row.statuses.is_empty() { "any".to_owned() } else { row.statuses.join(", ") };
            rows.push(vec![during.to_owned(), status, says, code(&snake(&row.kind)), row.hint]);
        }
    }
    table(&["during", "status", "the server says", "kind", "hint"], rows)
}

/// What AWS says.
fn codes() -> String {
    let rows = rows::tables("backend/aws").into_iter().flat_map(|(_, list)| list).map(|row| {
        let service = match row.service.as_str() {
            "Sts" => "STS",
            "Agent" => "the Pod Identity agent",
            "" => "any",
            other => panic!("{other} has no name for readers"),
        };
        let codes: Vec<_> = row.statuses.iter().map(|text| code(text)).collect();
        let codes = if codes.is_empty() { "any".to_owned() } else { codes.join(", ") };
        vec![service.to_owned(), codes, row.says, code(&snake(&row.kind)), row.hint]
    });
    table(&["service", "code", "with", "kind", "hint"], rows)
}

#[test]
fn errors_page_is_current() {
    let page = format!(
        "# Errors\n\n\
         Made of the code by `make docs-reference`. A failed Mount is one line in the pod's event, in the log and in \
         `keymount status`:\n\n\
         ```text\nstage=read object=db backend=vault http=403 path=secret/data/shop/db: permission denied; hint: …\n```\n\n\
         Every failing object is named, separated by ` | `. The kind is the label `outcome` of the \
         [metrics](metrics.md). By symptom: [troubleshooting](../troubleshooting.md).\n\n\
         ## Kinds\n\n{kinds}\n\
         Other exit codes: `serve` ends with 64 for a wrong setting and with 1 where it cannot start; `fetch` with \
         {usage} for a wrong setting, and with {input} for a token that proves nothing; `status` with 1 where nobody \
         answers.\n\n\
         ## Stages\n\n{stages}\n\
         ## What a server says\n\n\
         ### Vault and OpenBao\n\n\
         Blanks: `{{mount}}` `{{role}}` `{{ns}}` `{{sa}}` `{{aud}}` `{{path}}`, `{{can}}` (the \
         capability), `{{p}}` (`vault` or `bao`, as in the class's keys), `{{f}}` (`--vault` or `--openbao`).\n\n{refusals}\n\
         ### AWS\n\n\
         The first row that fits counts; a code is meant with and without `Exception`. Blanks: `{{action}}` `{{arn}}` `{{role}}` \
         `{{region}}` `{{aud}}`, `{{subject}}` (namespace and service account).\n\n{codes}\n\
         ## Texts\n\n\
         What keymount itself says; `…` and words in braces are filled in.\n\n{texts}",
        kinds = kinds(),
        stages = stages(),
        refusals = refusals(),
        codes = codes(),
        texts = texts().trim_end().to_owned() + "\n",
        usage = Failure::USAGE,
        input = Failure::INPUT,
    );
    held("errors", &page);
}

/// The reader of the source finds what the tests elsewhere know to be there.
#[test]
fn known_errors_are_found() {
    let errors = source::errors();
    let has = |room: &str, text: &str, hint: &str| {
        errors.iter().any(|made| made.room == room && made.text.contains(text) && made.hint.contains(hint))
    };
    assert!(has("wire", "the mount waited in the queue", "--max-mounts"));
    assert!(
        has("identity", "the request brought no credentials", "")
            || has("identity", "…", "nodePublishSecretRef")
    );
    assert!(
        has("backend/vault", "missing 'roleName'", "set roleName to a role"),
        "by a maker, with its hint"
    );
    assert!(has("backend/vault", "no server address", "start keymount with"), "a hint from a variable");
    assert!(source::token_faults().contains("the token is of another issuer"));
    assert!(errors.len() > 60, "{}", errors.len());
    let logins = rows::tables("backend/vault").into_iter().find(|(name, _)| name == "LOGIN").unwrap().1;
    assert!(logins.len() > 15 && logins.iter().any(|row| row.says == "invalid role name"));
    let codes: Vec<_> = rows::tables("backend/aws").into_iter().flat_map(|(_, list)| list).collect();
    assert!(codes.len() > 20, "{}", codes.len());
    let key = codes.iter().find(|row| row.says == "kms:").unwrap();
    assert!(key.statuses.len() > 2 && key.hint.contains("kms:Decrypt"), "constants are looked up: {key:?}");
}
