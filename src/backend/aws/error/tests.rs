use secrecy::SecretString;

use super::*;

fn at<'a>(stage: Stage, service: Service, action: &'static str, sent: &'a [SecretString]) -> At<'a> {
    let id = if stage == Stage::Read { "db" } else { "" };
    At {
        stage,
        service,
        action,
        region: "eu-central-1",
        id,
        resource: "arn:aws:secretsmanager:eu-central-1:1:secret:db-??????".into(),
        role: "arn:aws:iam::1:role/web",
        subject: ["app:web", "sts.amazonaws.com"],
        sent: sent.iter().collect(),
    }
}

fn said(status: u16, code: &str, text: &str) -> Said {
    Said { status, code: code.into(), text: text.into(), request: Some("r-1".into()), retry_after: None }
}

const READ: &str = "stage=read backend=aws action=secretsmanager:GetSecretValue region=eu-central-1 id=db";
const LOGIN: &str = "stage=login backend=aws action=sts:AssumeRoleWithWebIdentity region=eu-central-1 role=arn:aws:iam::1:role/web";

#[test]
fn what_aws_says_about_a_read() {
    for (status, code, text, kind, expected) in [
        (
            400,
            "AccessDeniedException",
            "User: arn:aws:sts::1:assumed-role/web/x is not authorized to perform: secretsmanager:GetSecretValue",
            Kind::Denied,
            "User: arn:aws:sts::1:assumed-role/web/x is not authorized to perform: secretsmanager:GetSecretValue; \
             hint: allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-central-1:1:secret:db-?????? \
             in the policy of arn:aws:iam::1:role/web",
        ),
        (
            400,
            "AccessDeniedException",
            "Access to KMS is not allowed",
            Kind::Denied,
            "Access to KMS is not allowed; hint: allow kms:Decrypt on the key of \
             arn:aws:secretsmanager:eu-central-1:1:secret:db-?????? in the policy of arn:aws:iam::1:role/web \
             and in the key's own policy",
        ),
        (
            400,
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
            Kind::NotFound,
            "Secrets Manager can't find the specified secret.; hint: check objectName, its version and label, \
             and the region: it was looked for in eu-central-1",
        ),
        (
            400,
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            Kind::Precondition,
            "You can't perform this operation on the secret because it was marked for deletion.; hint: the secret \
             is scheduled for deletion: restore it (aws secretsmanager restore-secret), or name another",
        ),
        (
            400,
            "ThrottlingException",
            "Rate exceeded",
            Kind::Throttled,
            "Rate exceeded; hint: the account's limit of secretsmanager:GetSecretValue in eu-central-1 is reached: \
             raise it, or let classes refresh less often (refreshInterval)",
        ),
        (500, "InternalServiceError", "", Kind::Unavailable, "the service gives no reason"),
        (
            400,
            "ExpiredTokenException",
            "The security token included in the request is expired",
            Kind::Unauthenticated,
            "The security token included in the request is expired; hint: the session's credentials are not accepted \
             in eu-central-1: is the region enabled in the account, and of the same partition?",
        ),
        (
            400,
            "InvalidSignatureException",
            "Signature expired: 20261124T171448Z is now earlier than 20261124T181448Z",
            Kind::Unauthenticated,
            "Signature expired: 20261124T171448Z is now earlier than 20261124T181448Z; hint: compare the clocks \
             of the node and of AWS",
        ),
        (400, "SomethingNew", "what now", Kind::Invalid, "what now"),
        (403, "SomethingNew", "what now", Kind::Denied, "what now"),
    ] {
        let error = at(Stage::Read, Service::SecretsManager, "GetSecretValue", &[])
            .refused(&said(status, code, text))
            .error;
        assert_eq!(error.to_string(), format!("{READ} http={status} code={code} request=r-1: {expected}"));
        assert_eq!(error.kind(), kind, "{code}");
        assert!(error.is_verdict());
    }
}

#[test]
fn what_aws_says_about_a_login() {
    for (code, text, kind, ambiguous, expected) in [
        (
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            Kind::Denied,
            false,
            "hint: the trust policy of arn:aws:iam::1:role/web must allow sts:AssumeRoleWithWebIdentity to the \
             cluster's OIDC provider, with sub system:serviceaccount:app:web and aud sts.amazonaws.com",
        ),
        (
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://cluster.test",
            Kind::Unauthenticated,
            true,
            "hint: create an IAM OIDC provider for the cluster's issuer in this account, with the audience \
             sts.amazonaws.com; STS must be able to read the issuer's keys",
        ),
        (
            "ExpiredTokenException",
            "Token expired: current date/time 1 must be before the expiration date/time 0 (web identity)",
            Kind::Unauthenticated,
            false,
            "hint: the pod's token is too old: compare the clocks of the node and of AWS",
        ),
        (
            "IDPCommunicationError",
            "timed out",
            Kind::Unavailable,
            false,
            "hint: STS cannot read the keys of the cluster's issuer",
        ),
        (
            "RegionDisabledException",
            "STS is not activated in this region",
            Kind::Precondition,
            false,
            "hint: activate STS in eu-central-1 in the account, or name another region",
        ),
    ] {
        let refusal =
            at(Stage::Login, Service::Sts, "AssumeRoleWithWebIdentity", &[]).refused(&said(400, code, text));
        assert_eq!(
            refusal.error.to_string(),
            format!("{LOGIN} http=400 code={code} request=r-1: {text}; {expected}")
        );
        assert_eq!((refusal.error.kind(), refusal.ambiguous), (kind, ambiguous), "{code}");
    }
}

#[test]
fn a_page_without_a_code_has_decided_nothing() {
    let error = at(Stage::Read, Service::Ssm, "GetParameters", &[]).refused(&said(403, "", "<html>")).error;
    assert!(!error.is_verdict() && error.kind() == Kind::Denied);
    let error = at(Stage::Read, Service::Ssm, "GetParameters", &[]).refused(&said(503, "", "")).error;
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[test]
fn what_was_sent_does_not_come_back() {
    let sent = [SecretString::from("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3ZWIifQ.c2lnbmF0dXJl")];
    let text = "Invalid token: eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3ZWIifQ.c2lnbmF0dXJl";
    let error = at(Stage::Login, Service::Sts, "AssumeRoleWithWebIdentity", &sent)
        .refused(&said(400, "X", text))
        .error;
    assert!(error.to_string().contains("Invalid token: [redacted]"), "{error}");
}

#[test]
fn a_limit_is_known_by_its_code_whatever_the_status() {
    assert!(is_limit(br#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#));
    assert!(is_limit(b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"));
    for other in
        [&br#"{"__type":"ResourceNotFoundException"}"#[..], b"", br#"{"__type":"InternalServiceError"}"#]
    {
        assert!(!is_limit(other));
    }
}
