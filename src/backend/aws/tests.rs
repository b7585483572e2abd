//! What goes over the wire, and what comes of it, through the real SDK.

mod calls;
mod conformance;
mod endpoints;
mod identity;
mod profiles;
mod reads;
mod support;
