//! What monitoring asks: one endpoint a file.

pub(super) mod live;
pub(super) mod metrics;
pub(super) mod openapi;
pub(super) mod ready;
