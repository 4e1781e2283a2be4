//! What the clients of remote stores share: the runtime that they run on, and how they notice that a
//! transfer stands still.

use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How long a transfer may stand still.
pub(crate) const STALLED_AFTER: Duration = Duration::from_mins(1);

/// How long it may take to connect.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(15);

static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("remote")
        .enable_all()
        .build()
});

/// Runs a future to its end on the runtime of all remote stores.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    match &*RUNTIME {
        Ok(runtime) => Ok(runtime.block_on(work)),
        Err(error) => Err(error.kind().into()),
    }
}

/// Waits for `work` as long as `moved` grows; fails where it stood still for a whole `patience`.
pub(crate) async fn while_it_moves<T>(
    work: impl Future<Output = T>,
    moved: &AtomicU64,
    patience: Duration,
) -> io::Result<T> {
    tokio::pin!(work);
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = tokio::time::sleep(patience) => {
                let now = moved.load(Ordering::Relaxed);
                if now == before {
                    return Err(stalled());
                }
                before = now;
            }
        }
    }
}

/// The error of a transfer that stands still.
pub(crate) fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the transfer stands still")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_may_take_long_and_what_stands_still_may_not() {
        let paused = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        paused.block_on(async {
            let moved = AtomicU64::new(0);
            let work = async {
                for _ in 0..100 {
                    tokio::time::sleep(Duration::from_secs(40)).await;
                    moved.fetch_add(1, Ordering::Relaxed);
                }
            };
            while_it_moves(work, &moved, STALLED_AFTER).await.unwrap();
            let forever = std::future::pending::<()>();
            let error = while_it_moves(forever, &moved, STALLED_AFTER).await;
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
    }
}
