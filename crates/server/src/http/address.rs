//! From where a request comes.
//!
//! What a header says is believed from proxies that were configured and from nobody else, and is read from the right:
//! the first address that is none of the proxies' is the client's. What stands left of it anybody may have written.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Returns the address of the client.
pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let nobody = IpAddr::from([0, 0, 0, 0]);
    let peer = extensions
        .get::<Peer>()
        .map_or(nobody, |peer| peer.0.to_canonical());
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let mut client = peer;
    let forwarded = headers.get_all("x-forwarded-for").iter().rev();
    for line in forwarded {
        let Ok(line) = line.to_str() else {
            return client;
        };
        for part in line.rsplit(',') {
            let Ok(address) = part.trim().parse::<IpAddr>() else {
                return client;
            };
            client = address.to_canonical();
            if !is_trusted(&client) {
                return client;
            }
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(peer.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        of(&extensions, &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_says_nothing_about_the_address() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn a_proxy_is_believed_from_the_right() {
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        let forged = ["203.0.113.9, 198.51.100.7, 10.1.1.1"];
        assert_eq!(client("10.0.0.1", &forged), "198.51.100.7");
        let lines = ["203.0.113.9", "198.51.100.7, fd00::1"];
        assert_eq!(client("10.0.0.1", &lines), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["garbage"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["x, 10.2.2.2"]), "10.2.2.2");
    }
}
