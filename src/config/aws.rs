//! The settings of `provider: aws`, under the names that AWS's own tools give them.

use super::flags::{Flag, flag};

const AWS: &str = "AWS";

/// Precedence environment < flag < class (docs/aws.md).
pub(super) const FLAGS: [Flag; 14] = [
    flag(AWS, "aws-region", "REGION", "Region for classes that name none").env(&["AWS_REGION"]),
    flag(AWS, "aws-audience", "AUDIENCE", "Audience of tokens for STS; of China often sts.amazonaws.com.cn")
        .or("sts.amazonaws.com"),
    flag(AWS, "aws-use-fips", "", "Use FIPS endpoints").switch().env(&["AWS_USE_FIPS_ENDPOINT"]),
    flag(AWS, "aws-use-dualstack", "", "Use endpoints with IPv4 and IPv6")
        .switch()
        .env(&["AWS_USE_DUALSTACK_ENDPOINT"]),
    flag(AWS, "aws-endpoint-url", "URL", "Endpoint of all three services, instead of AWS's own")
        .env(&["AWS_ENDPOINT_URL"]),
    flag(AWS, "aws-endpoint-url-secretsmanager", "URL", "Endpoint of Secrets Manager")
        .env(&["AWS_ENDPOINT_URL_SECRETS_MANAGER"]),
    flag(AWS, "aws-endpoint-url-ssm", "URL", "Endpoint of Parameter Store").env(&["AWS_ENDPOINT_URL_SSM"]),
    flag(AWS, "aws-endpoint-url-sts", "URL", "Endpoint of STS").env(&["AWS_ENDPOINT_URL_STS"]),
    flag(AWS, "aws-pod-identity-endpoint", "URL", "The EKS Pod Identity agent, instead of its own addresses"),
    flag(AWS, "aws-ca-cert", "FILE", "CA of the endpoints, instead of the system's roots")
        .env(&["AWS_CA_BUNDLE"]),
    flag(AWS, "aws-proxy-addr", "URL", "HTTP proxy to the endpoints"),
    flag(AWS, "aws-batch", "ON|OFF", "Try BatchGetSecretValue; where a role may not, it is read one by one")
        .or("on"),
    flag(
        AWS,
        "aws-max-inflight",
        "COUNT",
        "Requests at a time to one endpoint, over HTTP/1 each on its own connection; unless set, 128 over HTTP/2",
    )
    .or("14"),
    flag(
        AWS,
        "aws-rate",
        "NUMBER",
        "Requests a second to one endpoint, such as 50 or 0.5; others wait in order; none given: any",
    ),
];

#[cfg(feature = "aws")]
pub(super) use reader::read;

#[cfg(feature = "aws")]
mod reader {
    use std::path::PathBuf;

    use crate::backend::aws::Config;
    use crate::config::parse::positive;
    use crate::config::sessions::on_off;
    use crate::config::values::Values;
    use crate::config::values::rate;

    /// The settings of `provider: aws`.
    pub(in crate::config) fn read(values: &mut Values, max_response: usize) -> Config {
        let defaults = Config::default();
        let (fips, dual_stack) = (values.switch("aws-use-fips"), values.switch("aws-use-dualstack"));
        let batch = values.parsed("aws-batch", on_off).unwrap_or_default();
        let max_in_flight = values.parsed("aws-max-inflight", positive).unwrap_or(defaults.max_in_flight);
        // A limit that somebody has set is one over HTTP/2 too.
        let max_streams =
            if values.is_default("aws-max-inflight") { defaults.max_streams } else { max_in_flight };
        let rate = values.parsed("aws-rate", rate);
        Config {
            region: values.text("aws-region"),
            audience: values.text("aws-audience").unwrap_or(defaults.audience),
            fips,
            dual_stack,
            endpoint: values.text("aws-endpoint-url"),
            secrets_manager: values.text("aws-endpoint-url-secretsmanager"),
            ssm: values.text("aws-endpoint-url-ssm"),
            sts: values.text("aws-endpoint-url-sts"),
            agent: values.text("aws-pod-identity-endpoint"),
            ca_file: values.text("aws-ca-cert").map(PathBuf::from),
            proxy: values.text("aws-proxy-addr"),
            batch,
            max_in_flight,
            max_streams,
            rate,
            max_response_bytes: max_response,
        }
    }
}
