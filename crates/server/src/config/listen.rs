//! `[listen]`: where the server is reached.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConfigError, wrong};

/// Where the server is reached.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The address and port to listen on.
    #[schema(value_type = String)]
    pub address: SocketAddr,
    /// The address that users and computers use: `https://` and a host, without a path.
    pub public_address: Option<String>,
    /// Most connections at once.
    pub connections_max: usize,
    /// Networks of proxies whose word about the address of a client is believed.
    #[schema(value_type = Vec<String>)]
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7443)),
            public_address: None,
            connections_max: 20_000,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Listen {
    /// Returns the address that users and computers use.
    pub fn public_address(&self) -> String {
        self.public_address
            .clone()
            .unwrap_or_else(|| format!("https://localhost:{}", self.address.port()))
    }

    /// Returns the host of that address.
    pub fn public_host(&self) -> String {
        let address = self.public_address();
        let host = address.trim_start_matches("https://");
        match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((host, _port)) => host.to_owned(),
            None => host.split(':').next().unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.connections_max == 0 {
            return Err(wrong("listen.connections_max", "there must be at least 1"));
        }
        let host = self.public_address.as_deref().map(|address| {
            let host = address.strip_prefix("https://")?;
            let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
            is_host.then_some(host)
        });
        if host == Some(None) {
            let detail = "this must be `https://` and a host, perhaps with a port, and no more";
            return Err(wrong("listen.public_address", detail));
        }
        Ok(())
    }
}
