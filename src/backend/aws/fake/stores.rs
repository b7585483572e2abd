//! Secrets and parameters.

use serde_json::{Map, Value, json};

use super::{Answer, State, denied, error, json_type};

/// A version of a secret.
#[derive(Clone, Debug, Default)]
pub struct Version {
    /// Its ID.
    pub id: String,
    /// `AWSCURRENT` and others.
    pub stages: Vec<String>,
    /// Its text, or else its bytes in base64.
    pub text: Option<String>,
    /// Its bytes, in base64.
    pub binary: Option<String>,
}

/// A version of a parameter; versions count from 1.
#[derive(Clone, Debug, Default)]
pub struct Parameter {
    /// Its value.
    pub value: String,
    /// Its labels.
    pub labels: Vec<String>,
}

/// The most members of a batch and names of a request.
const BATCH: usize = 20;
const TEN: usize = 10;

// === impl State ===

impl State {
    /// Puts a secret's first, current version.
    pub fn put(&mut self, region: &str, name: &str, text: &str) {
        let version = Version {
            id: format!("version-of-{name}"),
            stages: vec!["AWSCURRENT".into()],
            text: Some(text.into()),
            binary: None,
        };
        self.secrets.insert((region.into(), name.into()), vec![version]);
    }

    /// Puts a parameter's next version.
    pub fn put_parameter(&mut self, region: &str, name: &str, value: &str) {
        let versions = self.parameters.entry((region.into(), name.into())).or_default();
        versions.push(Parameter { value: value.into(), labels: Vec::new() });
    }

    pub(super) fn secret(&self, region: &str, fields: &Value) -> Answer {
        let id = fields["SecretId"].as_str().unwrap_or_default();
        match self.entry(region, id, fields["VersionId"].as_str(), fields["VersionStage"].as_str()) {
            Ok(entry) => (200, json_type(), Value::Object(entry).to_string()),
            Err(answer) => answer,
        }
    }

    pub(super) fn batch(&self, region: &str, fields: &Value) -> Answer {
        let ids: Vec<_> =
            fields["SecretIdList"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if ids.len() > BATCH {
            return error(400, "InvalidParameterException", "too many");
        }
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for id in ids.iter().rev() {
            match self.entry(region, id, None, None) {
                Ok(entry) => values.push(entry),
                Err((_, _, body)) => {
                    let body: Value = serde_json::from_str(&body).unwrap();
                    errors.push(
                        json!({"SecretId": id, "ErrorCode": body["__type"], "Message": body["message"]}),
                    );
                }
            }
        }
        (200, json_type(), json!({"SecretValues": values, "Errors": errors}).to_string())
    }

    fn entry(
        &self,
        region: &str,
        id: &str,
        version: Option<&str>,
        stage: Option<&str>,
    ) -> Result<Map<String, Value>, Answer> {
        let name = id.rsplit(":secret:").next().unwrap_or(id);
        let name = if id.starts_with("arn:") { name.trim_end_matches("-AbCdEf") } else { name };
        let arn = format!("arn:aws:secretsmanager:{region}:123456789012:secret:{name}-AbCdEf");
        if self.denied.contains(name) {
            return Err(denied("secretsmanager:GetSecretValue", &arn));
        }
        let versions = self.secrets.get(&(region.to_owned(), name.to_owned()));
        let stage = stage.or(version.is_none().then_some("AWSCURRENT"));
        let fits = |found: &&Version| {
            version.is_none_or(|version| found.id == version)
                && stage.is_none_or(|stage| found.stages.iter().any(|its| its == stage))
        };
        let Some(found) = versions.and_then(|versions| versions.iter().find(fits)) else {
            let text = "Secrets Manager can't find the specified secret value.";
            return Err(error(400, "ResourceNotFoundException", text));
        };
        let fields = [
            ("ARN", json!(arn)),
            ("Name", json!(name)),
            ("VersionId", json!(found.id)),
            ("VersionStages", json!(found.stages)),
            ("SecretString", json!(found.text)),
            ("SecretBinary", json!(found.binary)),
        ];
        Ok(fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.to_owned(), value))
            .collect())
    }

    pub(super) fn named(&self, region: &str, fields: &Value) -> Answer {
        let names: Vec<_> =
            fields["Names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let bare = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        let mut bases: Vec<_> = names.iter().map(|name| bare(name)).collect();
        bases.sort();
        bases.dedup();
        if names.len() > TEN || bases.len() < names.len() {
            return error(400, "ValidationException", "at most ten names, each once");
        }
        if let Some(name) = bases.iter().find(|name| self.denied.contains(*name)) {
            let arn = format!("arn:aws:ssm:{region}:123456789012:parameter/{}", name.trim_start_matches('/'));
            return denied("ssm:GetParameters", &arn);
        }
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        // No promise is made of the order.
        for name in names.iter().rev() {
            match self.parameter(region, name) {
                Some(parameter) => found.push(parameter),
                None => invalid.push(json!(name)),
            }
        }
        (200, json_type(), json!({"Parameters": found, "InvalidParameters": invalid}).to_string())
    }

    fn parameter(&self, region: &str, selected: &str) -> Option<Value> {
        let (name, selector) =
            selected.split_once(':').map_or((selected, None), |(name, selector)| (name, Some(selector)));
        let versions = self.parameters.get(&(region.to_owned(), name.to_owned()))?;
        let is_labelled =
            |parameter: &Parameter, label: &str| parameter.labels.iter().any(|its| its == label);
        let at = match selector {
            None => versions.len().checked_sub(1)?,
            Some(selector) => match selector.parse::<usize>() {
                Ok(number) => number.checked_sub(1)?,
                Err(_) => versions.iter().position(|parameter| is_labelled(parameter, selector))?,
            },
        };
        let parameter = versions.get(at)?;
        let arn = format!("arn:aws:ssm:{region}:123456789012:parameter/{}", name.trim_start_matches('/'));
        let mut value = json!({"Name": name, "Type": "SecureString", "Value": parameter.value, "Version": at + 1, "ARN": arn});
        if let Some(selector) = selector {
            value["Selector"] = json!(format!(":{selector}"));
        }
        Some(value)
    }

    pub(super) fn below(&self, region: &str, fields: &Value) -> Answer {
        let path = fields["Path"].as_str().unwrap_or_default().trim_end_matches('/');
        let recursive = fields["Recursive"].as_bool().unwrap_or_default();
        let is_below = |name: &str| {
            let rest = name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some_and(|rest| recursive || !rest.contains('/'))
        };
        let names: Vec<_> =
            self.parameters.keys().filter(|(its, name)| its == region && is_below(name)).collect();
        let begin =
            fields["NextToken"].as_str().and_then(|text| text.parse::<usize>().ok()).unwrap_or_default();
        let page: Vec<_> =
            names.iter().skip(begin).take(TEN).filter_map(|(_, name)| self.parameter(region, name)).collect();
        let mut body = json!({"Parameters": page});
        if begin + TEN < names.len() {
            body["NextToken"] = json!((begin + TEN).to_string());
        }
        (200, json_type(), body.to_string())
    }
}
