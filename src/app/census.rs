//! What every provider keeps, for `observe`.

use std::sync::Arc;

use crate::backend::Provider;
use crate::observe::{Census, Kept};

/// The providers that are served.
pub(super) struct Providers(pub(super) Vec<Arc<dyn Provider>>);

impl Census for Providers {
    fn inventories(&self) -> Vec<Kept> {
        self.0.iter().map(|provider| (provider.name(), provider.inventory())).collect()
    }
}
