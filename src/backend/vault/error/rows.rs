//! What servers say, and what to do about it. The first row that fits counts.
//!
//! Blanks: `{mount}` `{role}` `{ns}` `{sa}` `{aud}` `{path}` `{can}` (capability),
//! `{p}` (the parameters' prefix), `{f}` (the flags' prefix).

use crate::error::Kind;

/// One way to be refused.
pub(in super::super) struct Row {
    /// The statuses; none means any.
    statuses: &'static [u16],
    /// A part of what the server says; empty means anything.
    says: &'static str,
    pub(super) kind: Kind,
    /// Our words instead of the server's, where it says nothing or the wrong thing.
    pub(super) text: &'static str,
    pub(super) hint: &'static str,
    /// Whether an outage behind the server looks the same (decision 9).
    pub(super) ambiguous: bool,
    /// Whether the server counts it, and locks the user out after a few.
    pub(super) counted: bool,
}

// === impl Row ===

impl Row {
    const fn of(statuses: &'static [u16], says: &'static str, kind: Kind, hint: &'static str) -> Self {
        Self { statuses, says, kind, text: "", hint, ambiguous: false, counted: false }
    }

    const fn text(self, text: &'static str) -> Self {
        Self { text, ..self }
    }

    const fn ambiguous(self) -> Self {
        Self { ambiguous: true, ..self }
    }

    const fn counted(self) -> Self {
        Self { counted: true, ..self }
    }

    /// Whether this is the row of a reply.
    pub(super) fn fits(&self, status: u16, said: &str, plain: &str) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&status))
            && (self.says.is_empty() || said.contains(self.says) || plain.contains(self.says))
    }
}

const SEALED: Row =
    Row::of(&[503], "sealed", Kind::Unavailable, "unseal the server, or initialise it if it is new");
const LOCKED: Row =
    Row::of(&[503], "has been locked", Kind::Precondition, "an administrator must unlock the namespace");
const NAMESPACE: Row =
    Row::of(&[404], "namespace not found", Kind::NotFound, "check {p}Namespace and {f}-namespace");
const PLAIN: Row =
    Row::of(&[400], "HTTP request to an HTTPS server", Kind::Invalid, "use https:// in the address")
        .text("the server expects TLS on this port");
const BEHIND: Row = Row::of(&[412], "", Kind::Throttled, "");
/// A node that is behind, by whatever status it says so.
pub(super) const LAGGING: Row =
    Row::of(&[], "", Kind::Throttled, "it catches up by itself; if it does not, see the cluster's health");
const SLOWER: Row = Row::of(
    &[429],
    "",
    Kind::Throttled,
    "raise the server's rate-limit quota, or let classes refresh less often",
);
/// Where it redirects to is filled in, or the whole hint is another, see `At::redirected`.
const STANDBY: Row = Row::of(
    &[301, 302, 307, 308],
    "",
    Kind::Unavailable,
    "ask for another path or server: a redirect is followed for the same path only",
);
const REPLICA: Row = Row::of(&[472, 473], "", Kind::Unavailable, "use the address of the active server");
/// What a node says that knows no active one.
pub(super) const LEADERLESS: &str = "active cluster node not found";
const NO_LEADER: Row = Row::of(&[500], LEADERLESS, Kind::Unavailable, "the cluster has no leader");

const NO_MOUNT: Row = Row::of(
    &[404],
    "no handler for route",
    Kind::NotFound,
    "enable an auth method at {mount}, or change {p}AuthMountPath",
);
const OTHER_METHOD: Row = Row::of(
    &[405],
    "",
    Kind::Invalid,
    "{mount} is an auth mount of another type: change {p}AuthMountPath, or {p}AuthMethod",
);

/// Whatever was asked for.
pub(super) const ANY: &[Row] =
    &[SEALED, LOCKED, NAMESPACE, PLAIN, SLOWER, BEHIND, STANDBY, REPLICA, NO_LEADER];

/// Refused logins.
pub(in super::super) const LOGIN: &[Row] = &[
    Row::of(&[], "namespace not authorized", Kind::Denied, "add {ns} to bound_service_account_namespaces of auth/{mount}/role/{role}"),
    Row::of(&[], "service account name not authorized", Kind::Denied, "add {sa} to bound_service_account_names of auth/{mount}/role/{role}"),
    Row::of(&[], "invalid role name", Kind::NotFound, "create auth/{mount}/role/{role}, or change roleName"),
    Row::of(&[], "could not be found", Kind::NotFound, "create auth/{mount}/role/{role}, or change roleName"),
    Row::of(&[], "fetching keys", Kind::Unavailable, "the server cannot reach the cluster's JWKS: see auth/{mount}/config"),
    Row::of(&[], "get keys failed", Kind::Unavailable, "the server cannot reach the cluster's JWKS: see auth/{mount}/config"),
    Row::of(&[], "audience claim found in JWT but no audiences bound", Kind::Denied, "set bound_audiences of auth/{mount}/role/{role} to {aud}"),
    Row::of(&[], "(aud) claim", Kind::Unauthenticated, "set the audience of auth/{mount}/role/{role} to {aud}, or audience in the class to the role's"),
    Row::of(&[], "(exp) claim", Kind::Unauthenticated, "the pod's token is too old: compare the clocks of the node and the server"),
    Row::of(&[], "(nbf) claim", Kind::Unauthenticated, "the server's clock is behind the cluster's"),
    Row::of(&[], "(iss) claim", Kind::Unauthenticated, "set the issuer in auth/{mount}/config to the cluster's"),
    Row::of(&[], "(sub) claim", Kind::Denied, "bind system:serviceaccount:{ns}:{sa} in auth/{mount}/role/{role}"),
    Row::of(&[], "failed to verify id token signature", Kind::Unauthenticated, "auth/{mount} trusts another cluster's keys: see auth/{mount}/config"),
    Row::of(&[], "error verifying token signature", Kind::Unauthenticated, "auth/{mount} trusts another cluster's keys: see auth/{mount}/config"),
    Row::of(&[], "bound claim", Kind::Denied, "change bound_claims of auth/{mount}/role/{role}"),
    Row::of(&[], "could not load", Kind::Precondition, "write auth/{mount}/config on the server"),
    Row::of(&[], "missing role_id", Kind::Invalid, "{mount} is an approle mount: set {p}AuthMethod to approle, or change {p}AuthMountPath"),
    NO_MOUNT,
    Row::of(&[405], "", Kind::Invalid, "{mount} is no kubernetes or jwt auth mount: change {p}AuthMountPath"),
    Row::of(
        &[403],
        "",
        Kind::Denied,
        "either there is no auth method at {mount}, or the token was refused, or the server could not ask the Kubernetes \
         API about it (TokenReview): the server's log says which",
    )
    .ambiguous(),
];

/// Refused logins of AppRole.
pub(in super::super) const APPROLE: &[Row] = &[
    Row::of(
        &[],
        "invalid role",
        Kind::Denied,
        "check role_id and secret_id in the Secret of nodePublishSecretRef: a secret ID ends with its TTL and with its last use",
    ).counted(),
    Row::of(
        &[],
        "invalid secret",
        Kind::Denied,
        "check secret_id in the Secret of nodePublishSecretRef: a secret ID ends with its TTL and with its last use",
    ),
    Row::of(
        &[],
        "CIDR restrictions",
        Kind::Denied,
        "add the nodes' addresses to secret_id_bound_cidrs of the role at auth/{mount}, as the server sees them",
    ),
    NO_MOUNT,
    OTHER_METHOD,
    Row::of(&[403], "", Kind::Denied, "check that there is an auth method at {mount}, of the type approle"),
    Row::of(&[400], "", Kind::Denied, "check role_id and secret_id in the Secret of nodePublishSecretRef").counted(),
];

/// Refused logins of userpass, and of what has its form.
pub(in super::super) const USERPASS: &[Row] = &[
    Row::of(
        &[],
        "invalid username or password",
        Kind::Denied,
        "check username and password in the Secret of nodePublishSecretRef",
    )
    .counted(),
    NO_MOUNT,
    OTHER_METHOD,
    Row::of(
        &[403],
        "",
        Kind::Denied,
        "either there is no auth method at {mount}, or the user is locked out for a while after wrong passwords",
    ),
    // What stands behind (a directory, a RADIUS server) refuses in its own words.
    Row::of(&[400], "", Kind::Denied, "check username and password in the Secret of nodePublishSecretRef")
        .counted(),
];

/// Refused logins by a client certificate.
pub(in super::super) const CERTIFICATE: &[Row] = &[
    Row::of(
        &[],
        "no client certificate",
        Kind::Denied,
        "give the server a certificate role at auth/{mount}/certs whose certificate has signed that of {f}-tls-client-cert; \
         behind a proxy that ends TLS this method cannot work",
    ),
    Row::of(
        &[],
        "constraints",
        Kind::Denied,
        "compare the certificate of {f}-tls-client-cert with the roles at auth/{mount}/certs: names, issuer, use for clients",
    ),
    NO_MOUNT,
    OTHER_METHOD,
    Row::of(&[403], "", Kind::Denied, "check that there is an auth method at {mount}, of the type cert"),
];

/// Refused reads.
pub(in super::super) const READ: &[Row] = &[
    Row::of(
        &[403],
        "",
        Kind::Denied,
        "a policy of role {role} needs: path \"{path}\" { capabilities = [\"{can}\"] }",
    ),
    Row::of(
        &[400],
        "Forbidden",
        Kind::Denied,
        "a policy template of role {role} was filled with `/`, `*` or `+`: OpenBao then refuses every request of the token",
    ),
    Row::of(
        &[404],
        "no handler for route",
        Kind::NotFound,
        "no secrets engine is mounted there: check secretPath",
    ),
    // Seconds after its mount a KV v2 engine is not ready, on a standby a little later.
    Row::of(
        &[400],
        "non-versioned to versioned data",
        Kind::Unavailable,
        "the engine has just been mounted: it is ready in a moment",
    ),
    Row::of(&[400], "unknown role", Kind::Invalid, "check the role's name in secretPath"),
    Row::of(&[405], "", Kind::Invalid, "the path does not know this method: change the object's method"),
    Row::of(
        &[500, 502, 504],
        "",
        Kind::Unavailable,
        "the engine behind the path failed: see the server's log",
    ),
];

/// Refused renewals, look-ups of leases and tokens, and revocations.
pub(in super::super) const KEEP: &[Row] = &[
    // An engine that cannot reach what is behind it says 400, not 500.
    Row::of(
        &[400],
        "failed to renew entry",
        Kind::Unavailable,
        "the engine behind the lease failed: see the server's log",
    ),
    Row::of(&[400], "lease not found", Kind::NotFound, ""),
    Row::of(&[400], "invalid lease", Kind::NotFound, ""),
    Row::of(&[400], "lease expired", Kind::NotFound, ""),
    Row::of(&[400], "batch tokens cannot be revoked", Kind::NotFound, ""),
    Row::of(&[400], "not renewable", Kind::Invalid, ""),
    Row::of(&[400], "batch tokens cannot be renewed", Kind::Invalid, ""),
    Row::of(
        &[400],
        "Forbidden",
        Kind::Denied,
        "a policy template of role {role} was filled with `/`, `*` or `+`: OpenBao then refuses every request of the token",
    ),
    // Only a policy's refusal counts its errors; a token that is not known has one without a number.
    Row::of(
        &[403],
        "1 error occurred",
        Kind::Denied,
        "a policy of role {role} needs: path \"{path}\" { capabilities = [\"{can}\"] }; the default policy has it",
    ),
    Row::of(&[403], "", Kind::Unauthenticated, ""),
    // These paths are always there: something on the way does not know them.
    Row::of(&[404], "", Kind::Unavailable, ""),
];

/// What is said to a token that nobody has. A policy's refusal is of somebody's token.
pub(in super::super) const PASSAGE: &[Row] = &[
    Row::of(&[403], "1 error occurred", Kind::Denied, ""),
    Row::of(&[400, 401, 403], "", Kind::Unauthenticated, ""),
];
