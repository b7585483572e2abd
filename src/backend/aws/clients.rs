//! The SDK's clients: made for each call's deadline, of the operator's endpoints,
//! without retries, caches and timeouts of their own.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::Aws;
use super::wire::Line;
use crate::time::Deadline;

/// Who makes a call, where and by when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    /// `None`: the call is not signed.
    pub(super) keys: Option<&'a Credentials>,
    pub(super) region: &'a str,
    pub(super) operation: &'static str,
    pub(super) by: Deadline,
    /// How long one answer may take.
    pub(super) patience: Duration,
}

/// A client of one of the SDK's crates, whose types have only their names in common.
macro_rules! client {
    ($sdk:ident, $aws:expr, $endpoint:ident, $caller:expr) => {{
        let (aws, caller) = ($aws, $caller);
        let config = &aws.operator.config;
        let endpoint = aws.operator.$endpoint.as_ref().map(ToString::to_string);
        let mut builder = $sdk::config::Builder::new();
        // With an endpoint of the operator's, these say nothing, and the SDK refuses them.
        if endpoint.is_none() {
            builder = builder.use_fips(config.fips).use_dual_stack(config.dual_stack);
        }
        if let Some(keys) = caller.keys {
            builder = builder.credentials_provider(keys.clone());
        }
        builder.set_endpoint_url(endpoint);
        let builder = builder
            .behavior_version($sdk::config::BehaviorVersion::v2026_01_12())
            .region($sdk::config::Region::new(caller.region.to_owned()))
            .http_client(aws.line(&caller))
            .identity_cache($sdk::config::IdentityCache::no_cache())
            .stalled_stream_protection($sdk::config::StalledStreamProtectionConfig::disabled())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled());
        $sdk::Client::from_conf(builder.build())
    }};
}

// === impl Aws ===

impl Aws {
    pub(super) fn sts(&self, caller: Caller<'_>) -> aws_sdk_sts::Client {
        client!(aws_sdk_sts, self, sts, caller)
    }

    pub(super) fn secrets_manager(&self, caller: Caller<'_>) -> aws_sdk_secretsmanager::Client {
        client!(aws_sdk_secretsmanager, self, secrets_manager, caller)
    }

    pub(super) fn ssm(&self, caller: Caller<'_>) -> aws_sdk_ssm::Client {
        client!(aws_sdk_ssm, self, ssm, caller)
    }

    fn line(&self, caller: &Caller<'_>) -> Line {
        Line {
            wire: self.wire.clone(),
            operation: caller.operation,
            own: self.operator.config.region.as_deref() == Some(caller.region),
            by: caller.by,
            patience: caller.patience,
        }
    }
}
