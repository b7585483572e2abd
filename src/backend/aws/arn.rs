//! Amazon resource names, as far as classes name things by them.

/// The sections of an ARN. Nothing of it is checked but that it has six.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub(super) partition: &'a str,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) resource: &'a str,
}

// === impl Arn ===

impl<'a> Arn<'a> {
    /// Whether the incumbent takes it as an ARN: `ARN:…` is a name.
    pub(super) fn is_meant(text: &str) -> bool {
        text.starts_with("arn:")
    }

    /// Takes it apart.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut sections = text.strip_prefix("arn:")?.splitn(5, ':');
        let mut next = || sections.next();
        let (partition, service, region, account) = (next()?, next()?, next()?, next()?);
        Some(Self { partition, service, region, account, resource: next()? })
    }
}

/// What a policy calls a secret: its ARN ends in six letters of its own.
pub(super) fn secret(region: &str, account: &str, id: &str) -> String {
    match Arn::is_meant(id) {
        true => id.to_owned(),
        false => format!("arn:{}:secretsmanager:{region}:{account}:secret:{id}-??????", partition(region)),
    }
}

/// What a policy calls a parameter.
pub(super) fn parameter(region: &str, account: &str, id: &str) -> String {
    match Arn::is_meant(id) {
        true => id.to_owned(),
        false => {
            format!(
                "arn:{}:ssm:{region}:{account}:parameter/{}",
                partition(region),
                id.trim_start_matches('/')
            )
        }
    }
}

/// The partition of a region, for ARNs that are only shown.
pub(super) fn partition(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "cn" => "aws-cn",
        "us" if region.starts_with("us-gov-") => "aws-us-gov",
        "us" if region.starts_with("us-iso-") => "aws-iso",
        "us" if region.starts_with("us-isob-") => "aws-iso-b",
        "eusc" => "aws-eusc",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_sections() {
        let text = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a:b-AbCdEf";
        let Some(arn) = Arn::parse(text) else { unreachable!("{text}") };
        assert_eq!((arn.partition, arn.service, arn.region), ("aws-cn", "secretsmanager", "cn-north-1"));
        assert_eq!((arn.account, arn.resource), ("123456789012", "secret:a:b-AbCdEf"));
        for bad in ["arn:aws:ssm:r:1", "arn", "ARN:aws:ssm:r:1:x", "", "arn:::"] {
            assert_eq!(Arn::parse(bad), None, "{bad}");
        }
        assert!(Arn::parse("arn:::::").is_some(), "as the incumbent: any sections will do");
    }

    #[test]
    fn partitions() {
        for (region, expected) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-east-1", "aws"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
        ] {
            assert_eq!(partition(region), expected);
        }
    }
}
