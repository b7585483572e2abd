//! The incumbent's rules of one object and of objects among each other, in its
//! order and its words: the first that is broken is what its users know.

use std::collections::{BTreeMap, BTreeSet};

use super::super::arn::Arn;
use super::Regions;
use super::identity::go_bool;
use super::objects::{Format, Part, Translation};
use super::yaml::Node;

/// The most expressions of one object.
const MAX_PARTS: usize = 200;

/// What an object is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    SecretsManager,
    Ssm,
    Credentials,
}

/// An object as it is written, its rules kept.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) service: Kind,
    pub(super) version: Option<String>,
    pub(super) label: Option<String>,
    pub(super) failover: Failover,
    pub(super) mode: Option<u32>,
    pub(super) parts: Vec<Part>,
    /// The path of a tree of parameters.
    pub(super) path: Option<String>,
    pub(super) recursive: bool,
    pub(super) all_keys: bool,
    pub(super) format: Format,
}

/// What another region calls it.
#[derive(Default)]
pub(super) struct Failover {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) label: Option<String>,
}

/// What is known of the objects before. By name it is only the last one, as in the incumbent.
#[derive(Default)]
pub(super) struct Names {
    by_name: BTreeMap<String, (Option<String>, Option<String>)>,
    aliases: BTreeSet<String>,
}

// === impl Entry ===

impl Entry {
    /// Its alias or its name: what files and errors call it.
    pub(super) fn shown(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// Reads one object; the first broken rule in words.
pub(super) fn entry(node: &Node, regions: &Regions, translation: Translation) -> Result<Entry, String> {
    if *node == Node::Null {
        return Err("Empty descriptor entry in SecretProviderClass".into());
    }
    if !matches!(node, Node::Map(_)) {
        return Err("Failed to load SecretProviderClass: an object is a map of fields".into());
    }
    let path = own(node, "path")?;
    let name = own(node, "objectName")?.or_else(|| path.clone());
    let name = name.ok_or("Object name must be specified")?;
    let service = service(node, &name, &regions.primary)?;
    let (version, label) = (own(node, "objectVersion")?, own(node, "objectVersionLabel")?);
    selectors(service, version.as_ref(), label.as_ref(), &name)?;
    let alias = own(node, "objectAlias")?;
    traversal(&translation.file(alias.as_deref().unwrap_or(&name)), &name)?;
    let mode = mode(own(node, "filePermission")?)?;
    let parts = parts(node, translation)?;
    let failover = failover(node, alias.as_ref(), service, version.as_ref(), &name, regions)?;
    let (recursive, all_keys) = (switch(node, "recursive")?, switch(node, "allKeys")?);
    let format = format(node)?;
    let entry = Entry {
        name,
        alias,
        service,
        version,
        label,
        failover,
        mode,
        parts,
        path,
        recursive,
        all_keys,
        format,
    };
    combination(&entry, node)?;
    Ok(entry)
}

/// A field's own text, copied.
fn own(node: &Node, key: &str) -> Result<Option<String>, String> {
    let text = node.text(key).map_err(|fault| format!("{key}: {fault}"))?;
    Ok(text.map(str::to_owned))
}

fn switch(node: &Node, key: &str) -> Result<bool, String> {
    let word = own(node, key)?.unwrap_or_default();
    match word.as_str() {
        "" => Ok(false),
        word => go_bool(word).ok_or_else(|| format!("{key}: neither true nor false")),
    }
}

/// Rules 2 to 7: what an object is of, by its ARN or its type.
fn service(node: &Node, name: &str, region: &str) -> Result<Kind, String> {
    let arn = arn(name, region)?;
    let said = own(node, "objectType")?;
    let by_arn = |arn: &Arn<'_>| match arn.service {
        "secretsmanager" => Some(Kind::SecretsManager),
        "ssm" | "ssmparameter" => Some(Kind::Ssm),
        _ => None,
    };
    let said = match said.as_deref() {
        None => None,
        Some("secretsmanager") => Some(Kind::SecretsManager),
        Some("ssmparameter") => Some(Kind::Ssm),
        Some("credentials") => Some(Kind::Credentials),
        Some(other) => return Err(format!("Invalid objectType: {other}")),
    };
    match (said, arn) {
        (None, None) => Err(format!("Must use objectType when a full ARN is not specified: {name}")),
        (None, Some(arn)) => by_arn(&arn).ok_or_else(|| format!("Invalid service in ARN: {}", arn.service)),
        (Some(said), None) => Ok(said),
        (Some(said), Some(arn)) if by_arn(&arn) == Some(said) => Ok(said),
        (Some(_), Some(_)) => Err(format!("objectType does not match ARN: {name}")),
    }
}

/// Rules 2 and 3: an ARN is one, and of this region.
fn arn<'a>(name: &'a str, region: &str) -> Result<Option<Arn<'a>>, String> {
    if !Arn::is_meant(name) {
        return Ok(None);
    }
    let arn = Arn::parse(name).ok_or_else(|| format!("Invalid ARN format in object name: {name}"))?;
    match arn.region == region {
        true => Ok(Some(arn)),
        false => Err(format!("ARN region must match region {region}: {name}")),
    }
}

/// Rule 8: a parameter has one selector.
fn selectors(
    service: Kind,
    version: Option<&String>,
    label: Option<&String>,
    name: &str,
) -> Result<(), String> {
    match service == Kind::Ssm && version.is_some() && label.is_some() {
        true => {
            Err(format!("ssm parameters can not specify both objectVersion and objectVersionLabel: {name}"))
        }
        false => Ok(()),
    }
}

/// Rule 9: no file lies outside. What passes here is checked again with all the driver's rules.
fn traversal(file: &str, name: &str) -> Result<(), String> {
    match file.contains("/../") || file.starts_with("../") || file.ends_with("/..") || file == ".." {
        true => Err(format!("path can not contain ../: {name}")),
        false => Ok(()),
    }
}

/// Rule 10: four octal digits. The first one is lost when the file is written, as it always was.
fn mode(text: Option<String>) -> Result<Option<u32>, String> {
    let Some(text) = text else { return Ok(None) };
    let good = text.len() == 4 && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let bits = good.then(|| u32::from_str_radix(&text, 8).ok()).flatten();
    bits.map(|bits| Some(bits & 0o777)).ok_or_else(|| format!("Invalid File Permission: {text}"))
}

/// Rule 11: what expressions find is named.
fn parts(node: &Node, translation: Translation) -> Result<Vec<Part>, String> {
    let list = node.list("jmesPath").map_err(|fault| format!("jmesPath: {fault}"))?;
    if list.len() > MAX_PARTS {
        return Err(format!("jmesPath: {} entries, at most {MAX_PARTS}", list.len()));
    }
    let parts = list.iter().map(|node| {
        let path = own(node, "path")?.ok_or("Path must be specified for JMES object")?;
        let alias = own(node, "objectAlias")?.ok_or("Object alias must be specified for JMES object")?;
        let file = translation.file(&alias);
        traversal(&file, &alias)?;
        let mode = mode(own(node, "filePermission")?)?;
        Ok(Part { path, alias, file, mode })
    });
    parts.collect()
}

/// Rules 12 to 16: what another region calls it.
fn failover(
    node: &Node,
    alias: Option<&String>,
    service: Kind,
    version: Option<&String>,
    name: &str,
    regions: &Regions,
) -> Result<Failover, String> {
    let Some(other) = node.get("failoverObject") else { return Ok(Failover::default()) };
    if !matches!(other, Node::Map(_)) {
        return Err("failoverObject: not a map of fields".into());
    }
    let found = Failover {
        name: own(other, "objectName")?,
        version: own(other, "objectVersion")?,
        label: own(other, "objectVersionLabel")?,
    };
    let Some(theirs) = &found.name else { return Ok(found) };
    if alias.is_none() {
        return Err(format!("object alias must be specified for objects with failover entries: {name}"));
    }
    let Some(region) = &regions.failover else {
        return Err(format!("failover object allowed only when failover region is defined: {name}"));
    };
    let arn = arn(theirs, region)?;
    if node.get("objectType").is_some() && arn.is_some() && self::service(node, theirs, region)? != service {
        return Err(format!("objectType does not match ARN: {theirs}"));
    }
    if arn.is_none() && node.get("objectType").is_none() {
        return Err(format!("Must use objectType when a full ARN is not specified: {theirs}"));
    }
    selectors(service, found.version.as_ref(), found.label.as_ref(), theirs)?;
    if found.version.as_ref() != version {
        return Err(format!("object versions must match between primary and failover regions: {name}"));
    }
    Ok(found)
}

/// `format` and `profile`, of credentials.
fn format(node: &Node) -> Result<Format, String> {
    let profile = own(node, "profile")?;
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "._-@+".contains(letter);
    match (own(node, "format")?.as_deref(), profile) {
        (None | Some("process"), None) => Ok(Format::Process),
        (Some("process"), Some(_)) => Err("profile: it belongs to format: profile".into()),
        (None | Some("profile"), name) => {
            let name = name.unwrap_or_else(|| "default".into());
            match name.chars().all(legal) {
                true => Ok(Format::Profile(name)),
                false => Err("profile: letters, digits and . _ - @ + make the name of a profile".into()),
            }
        }
        (Some(other), _) => Err(format!("format: {other} is neither process nor profile")),
    }
}

/// What of ours goes with what.
fn combination(entry: &Entry, node: &Node) -> Result<(), String> {
    let credentials = entry.service == Kind::Credentials;
    let fault = if entry.path.is_some() && entry.service != Kind::Ssm {
        "path: it belongs to objectType: ssmparameter"
    } else if entry.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        "path: it begins with /"
    } else if entry.path.is_some() && (entry.version.is_some() || entry.failover.name.is_some()) {
        "path: a tree of parameters has neither a version nor a failover object"
    } else if entry.recursive && entry.path.is_none() {
        "recursive: it belongs to path"
    } else if entry.all_keys && (entry.path.is_some() || credentials) {
        "allKeys: it belongs to one secret or parameter"
    } else if !entry.parts.is_empty() && (entry.path.is_some() || credentials) {
        "jmesPath: it belongs to one secret or parameter"
    } else if entry.all_keys && !entry.parts.is_empty() {
        "allKeys and jmesPath: write one of them"
    } else if credentials
        && (entry.version.is_some() || entry.label.is_some() || entry.failover.name.is_some())
    {
        "credentials have neither versions nor a failover object"
    } else if !credentials && (node.get("format").is_some() || node.get("profile").is_some()) {
        "format and profile belong to objectType: credentials"
    } else {
        return Ok(());
    };
    Err(fault.into())
}

// === impl Names ===

impl Names {
    /// Adds an object, or says with which one it is mixed up.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), String> {
        let (name, alias, label) = (&entry.name, &entry.alias, &entry.label);
        if let Some((their_alias, their_label)) = self.by_name.get(name) {
            let twice =
                |text: String| Err(format!("found descriptor with duplicate object name {name}, {text}"));
            match (alias, label) {
                _ if alias != their_alias || label != their_label => {}
                (Some(alias), None) => {
                    return twice(format!("duplicate object alias {alias}, and no version label"));
                }
                (None, Some(label)) => {
                    return twice(format!("no object alias, and duplicate version label {label}"));
                }
                (Some(alias), Some(label)) => {
                    return twice(format!(
                        "duplicate object alias {alias}, and duplicate version label {label}"
                    ));
                }
                (None, None) => return twice("no object alias, and no version label".into()),
            }
        }
        self.by_name.insert(name.clone(), (alias.clone(), label.clone()));
        if let Some(alias) = alias.as_ref().filter(|alias| !self.aliases.insert((*alias).clone())) {
            return Err(format!("found duplicate object alias {alias}"));
        }
        for Part { alias, path, .. } in &entry.parts {
            if !self.aliases.insert(alias.clone()) {
                return Err(format!(
                    "Name already in use for objectAlias: found duplicate object alias {alias} in JMES path entry {path}"
                ));
            }
        }
        Ok(())
    }
}
