//! Passes each connection on to a node that takes it, in turns.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// One of so many parts of answers is lost, where any are.
const LOST_EVERY: usize = 40;

/// The balancer, which ends with the runtime.
pub(crate) struct Balancer {
    address: SocketAddr,
    ways: Arc<Ways>,
}

struct Ways {
    nodes: Mutex<Vec<SocketAddr>>,
    turn: AtomicUsize,
    loses: AtomicBool,
    n_parts: AtomicUsize,
}

impl Balancer {
    pub(crate) async fn start(nodes: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let balancer = Self {
            address: listener.local_addr().unwrap(),
            ways: Arc::new(Ways {
                nodes: Mutex::new(nodes),
                turn: AtomicUsize::new(0),
                loses: AtomicBool::new(false),
                n_parts: AtomicUsize::new(0),
            }),
        };
        let ways = Arc::clone(&balancer.ways);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass_on(client, Arc::clone(&ways)));
            }
        });
        balancer
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Says where a node is that was started again.
    pub(crate) fn put(&self, which: usize, address: SocketAddr) {
        self.ways.nodes.lock().unwrap()[which] = address;
    }

    /// Says whether answers are lost now and then.
    pub(crate) fn lose(&self, loses: bool) {
        self.ways.loses.store(loses, Ordering::Relaxed);
    }
}

/// A connection to no living node ends; so does one whose node is killed.
async fn pass_on(client: TcpStream, ways: Arc<Ways>) {
    let n_nodes = ways.nodes.lock().unwrap().len();
    for _ in 0..n_nodes {
        let at = ways.turn.fetch_add(1, Ordering::Relaxed) % n_nodes;
        let address = ways.nodes.lock().unwrap()[at];
        if let Ok(node) = TcpStream::connect(address).await {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_node, mut to_node) = node.into_split();
            tokio::select! {
                _ = copy(&mut from_client, &mut to_node) => {}
                () = pass_back(&mut from_node, &mut to_client, &ways) => {}
            }
            return;
        }
    }
}

/// Passes on what a node says, but for a part now and then: what was done then, nobody was told of.
async fn pass_back(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, ways: &Ways) {
    let mut part = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut part).await {
        let number = ways.n_parts.fetch_add(1, Ordering::Relaxed);
        if ways.loses.load(Ordering::Relaxed) && number.is_multiple_of(LOST_EVERY) {
            return;
        }
        if to.write_all(&part[..n]).await.is_err() {
            return;
        }
    }
}
