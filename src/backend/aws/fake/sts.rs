//! Who becomes which role.

use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Answer, State};
use crate::time::{Clock, Wall};

const XML: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

// === impl State ===

impl State {
    pub(super) fn web_identity(&mut self, fields: &Value) -> Answer {
        let token = fields["WebIdentityToken"].as_str().unwrap_or_default();
        let role = fields["RoleArn"].as_str().unwrap_or_default().to_owned();
        let Some(who) = self.who(token) else {
            return error(
                400,
                "InvalidIdentityToken",
                "Couldn't retrieve verification key from your identity provider",
            );
        };
        if !self.trust.get(&role).is_some_and(|trusted| trusted.contains(&who)) {
            return error(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
        }
        self.session("AssumeRoleWithWebIdentity", &role, fields)
    }

    pub(super) fn assume(&mut self, key: &str, fields: &Value) -> Answer {
        let role = fields["RoleArn"].as_str().unwrap_or_default().to_owned();
        let wanted = self.external_ids.get(&role).cloned();
        if !self.sessions.contains_key(key) || wanted.as_deref() != fields["ExternalId"].as_str() {
            let text = format!("User: x is not authorized to perform: sts:AssumeRole on resource: {role}");
            return error(403, "AccessDenied", &text);
        }
        self.session("AssumeRole", &role, fields)
    }

    pub(super) fn agent(&mut self, token: &str) -> Answer {
        let Some(who) = self.who(token) else {
            return (400, Vec::new(), "invalid token: it could not be verified".into());
        };
        if !self.associated.contains(&who) {
            return (
                404,
                Vec::new(),
                "(ResourceNotFoundException): There is no association for this pod".into(),
            );
        }
        let (key, expires) = self.begin("agent", self.ttl);
        let body = json!({"AccessKeyId": key, "SecretAccessKey": format!("secret-of-{key}"), "Token": format!("token-of-{key}"),
            "AccountId": "123456789012", "Expiration": expires});
        (200, vec![("content-type", "application/json")], body.to_string())
    }

    fn session(&mut self, action: &str, role: &str, fields: &Value) -> Answer {
        let asked = fields["DurationSeconds"].as_str().and_then(|text| text.parse().ok());
        let (key, expires) = self.begin(role, asked.unwrap_or(self.ttl));
        let name = fields["RoleSessionName"].as_str().unwrap_or_default();
        let short = role.rsplit('/').next().unwrap_or_default();
        let body = format!(
            "<{action}Response xmlns=\"{XML}\"><{action}Result><Credentials><AccessKeyId>{key}</AccessKeyId>\
             <SecretAccessKey>secret-of-{key}</SecretAccessKey><SessionToken>token-of-{key}</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials><AssumedRoleUser>\
             <Arn>arn:aws:sts::123456789012:assumed-role/{short}/{name}</Arn>\
             <AssumedRoleId>AROA{short}:{name}</AssumedRoleId></AssumedRoleUser></{action}Result></{action}Response>"
        );
        (200, vec![("content-type", "text/xml")], body)
    }

    /// A session's access key and when it ends.
    fn begin(&mut self, role: &str, ttl: u64) -> (String, String) {
        self.made += 1;
        let key = format!("ASIA{:016}", self.made);
        if !std::mem::take(&mut self.kill_once) {
            self.sessions.insert(key.clone(), role.to_owned());
        }
        let end = DateTime::from(Wall.now() + Duration::from_secs(ttl)).fmt(Format::DateTime).unwrap();
        (key, end)
    }

    /// Whose token it is, if it is one.
    fn who(&self, token: &str) -> Option<(String, String)> {
        let claims = token.split('.').nth(1).filter(|_| self.issuer.signed(token))?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let claims = &claims["kubernetes.io"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some((text(&claims["namespace"]), text(&claims["serviceaccount"]["name"])))
    }
}

/// An error as the query protocol writes it.
pub(super) fn error(status: u16, code: &str, text: &str) -> Answer {
    let body = format!(
        "<ErrorResponse xmlns=\"{XML}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>\
         <RequestId>request-1</RequestId></ErrorResponse>"
    );
    (status, vec![("content-type", "text/xml")], body)
}
