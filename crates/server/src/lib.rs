//! The server: accounts, organisations, roles and the audit log, behind an API.
//!
//! `app` has what it does, `http` how it is asked. It can open no archive: it never reaches what could.

pub mod app;
pub mod config;
pub mod home;
pub mod http;
pub mod jobs;
pub mod vault;
