//! What nobody has read of a request that is answered already.
//!
//! A refusal does not wait for a body. If the connection were closed then, a client that is still sending would find it broken
//! in place of the answer. So a short rest is read and thrown away, and for a longer one the answer says that the connection
//! ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Version, header};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// Most bytes that are read to be thrown away.
const LEN_MAX: u64 = 64 * 1024;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The body of a request, also of one that is gone.
pub(super) struct Unread {
    body: Arc<Mutex<Body>>,
    /// Whether the client sends it without being told to, and expects to use the connection again.
    is_coming: bool,
    is_old: bool,
}

struct Shared(Arc<Mutex<Body>>);

/// Gives back a request with the same body, and what is to be done about that in the end.
pub(super) fn share(request: Request) -> (Request, Unread) {
    let is_coming = !request.headers().contains_key(header::EXPECT);
    let is_old = request.version() < Version::HTTP_2;
    let (parts, body) = request.into_parts();
    let body = Arc::new(Mutex::new(body));
    let shared = Body::new(Shared(Arc::clone(&body)));
    let unread = Unread {
        body,
        is_coming,
        is_old,
    };
    (Request::from_parts(parts, shared), unread)
}

impl Unread {
    /// Reads the rest of the body; returns whether the connection cannot be used for another request, and the answer has to
    /// say so.
    pub(super) async fn throw_away(self) -> bool {
        if lock(&self.body).is_end_stream() {
            return false;
        }
        let is_short = lock(&self.body).size_hint().lower() <= LEN_MAX;
        let is_read = is_short && self.is_coming && {
            let mut n_bytes = 0;
            let reading =
                std::future::poll_fn(|context| poll_rest(&self.body, &mut n_bytes, context));
            tokio::time::timeout(PATIENCE, reading)
                .await
                .unwrap_or(false)
        };
        // Newer versions end one stream, and the connection goes on.
        !is_read && self.is_old
    }
}

/// Says whether a body has come to its end, when it has, or is not read any further.
fn poll_rest(body: &Mutex<Body>, n_bytes: &mut u64, context: &mut Context<'_>) -> Poll<bool> {
    let mut body = lock(body);
    while *n_bytes <= LEN_MAX {
        match Pin::new(&mut *body).poll_frame(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(true),
            Poll::Ready(Some(Err(_broken))) => return Poll::Ready(false),
            Poll::Ready(Some(Ok(frame))) => {
                let len = frame.data_ref().map_or(0, Bytes::len);
                *n_bytes = n_bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
            }
        }
    }
    Poll::Ready(false)
}

fn lock(body: &Mutex<Body>) -> MutexGuard<'_, Body> {
    body.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *lock(&self.0)).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that has so many frames, and then an end or none.
    struct Coming(u32, bool);

    impl HttpBody for Coming {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            if self.0 == 0 {
                return if self.1 {
                    Poll::Ready(None)
                } else {
                    Poll::Pending
                };
            }
            self.0 -= 1;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1000])))))
        }
    }

    async fn is_left(body: Coming, expects: bool) -> bool {
        let mut request = Request::builder();
        if expects {
            request = request.header("expect", "100-continue");
        }
        let (request, unread) = share(request.body(Body::new(body)).unwrap());
        drop(request);
        unread.throw_away().await
    }

    #[tokio::test]
    async fn a_short_rest_is_read_and_another_ends_the_connection() {
        assert!(!is_left(Coming(0, true), false).await);
        assert!(!is_left(Coming(60, true), false).await);
        assert!(is_left(Coming(70, true), false).await);
        assert!(is_left(Coming(1, false), false).await);
        assert!(is_left(Coming(60, true), true).await);
    }
}
