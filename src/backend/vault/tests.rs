//! The suite for both names, and what only Vault has.

mod real;

mod vault {
    crate::backend::conformance::suite!(crate::backend::vault::fake::FakeRig<false>);
}
mod openbao {
    crate::backend::conformance::suite!(crate::backend::vault::fake::FakeRig<true>);
}

mod behaviour;
mod credentials;
mod holder;
mod leases;
mod profiles;
mod real_leases;
mod support;
mod upkeep;
