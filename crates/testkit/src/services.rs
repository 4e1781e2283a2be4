//! The servers that `cargo xtask services start` has started.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

/// What `services.json` says of one server.
#[derive(Clone, Debug)]
pub struct Service(Value);

/// Finds a server.
///
/// # Panics
///
/// Panics where it was not started: a test that needs it fails then.
pub fn service(name: &str) -> Service {
    let own = std::env::current_exe().unwrap();
    let mut above = own.ancestors();
    let file = above.find_map(|folder| {
        let file = folder.join("services/services.json");
        file.is_file().then_some(file)
    });
    let help = "start the servers with `cargo xtask services start`";
    let text = fs::read(file.expect(help)).unwrap();
    let mut all: Value = serde_json::from_slice(&text).unwrap();
    let found = all[name].take();
    assert!(found.is_object(), "{name} is not there: {help}");
    Service(found)
}

impl Service {
    /// Returns a text that is known of it, such as its address.
    ///
    /// # Panics
    ///
    /// Panics where it is not known.
    pub fn text(&self, name: &str) -> &str {
        let text = self.0[name].as_str();
        text.unwrap_or_else(|| panic!("{name} is not known"))
    }

    /// Returns the address without a scheme: host and port.
    pub fn address(&self) -> &str {
        let address = self.text("address");
        address.strip_prefix("http://").unwrap_or(address)
    }

    /// Returns a file or folder that is known of it.
    pub fn path(&self, name: &str) -> &Path {
        Path::new(self.text(name))
    }
}

/// Sends a request as it is, without a signature, and returns the answer up to its end.
///
/// # Panics
///
/// Panics where the server cannot be reached.
pub fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
