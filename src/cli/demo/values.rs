//! What the demo keeps secret.

/// The made-up values of the one secret, `shop/web`.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) username: &'static str,
    pub(super) password: &'static str,
    pub(super) url: &'static str,
}

// === impl Values ===

impl Values {
    /// What is in the store at first.
    pub(super) const FIRST: Self =
        Self { username: "web", password: "made-up-password-1", url: "postgres://db.shop.svc:5432/orders" };
    /// What is in it after the rotation.
    pub(super) const ROTATED: Self = Self { password: "made-up-password-2", ..Self::FIRST };
}
