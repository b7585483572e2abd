//! The suite of all backends, by both identities.

use super::super::fake::FakeRig;
use crate::backend::conformance;

mod irsa {
    use super::{FakeRig, conformance};
    conformance::suite!(FakeRig<false>);
}

mod pod_identity {
    use super::{FakeRig, conformance};
    conformance::suite!(FakeRig<true>);
}
