//! Requests and answers of the API, one module for each version.
//!
//! A type here is a promise: what was released is never changed but by adding fields that may be missing. Requests
//! refuse fields that they do not know, so that a word spelled wrong is an error and not a setting that was lost.

pub mod v1;
