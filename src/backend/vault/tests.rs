//! The suite, for both names.

mod vault {
    crate::backend::conformance::suite!(crate::backend::vault::fake::FakeRig<false>);
}
mod openbao {
    crate::backend::conformance::suite!(crate::backend::vault::fake::FakeRig<true>);
}
