//! The body of a request: bytes that move in pieces, no faster than they may, and are counted.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::throttle::{Limit, piece_of, wait_for};

/// Bytes that move at a time where there is no limit.
const PIECE: usize = 256 * 1024;

/// Bytes on their way.
pub(super) struct Upload {
    left: Bytes,
    limit: Option<Arc<Limit>>,
    /// Grows whenever a piece moves.
    moved: Arc<AtomicU64>,
    /// The piece that waits for its time.
    waiting: Option<(Bytes, Pin<Box<Sleep>>)>,
}

impl Upload {
    pub(super) fn new(bytes: Bytes, limit: Option<Arc<Limit>>, moved: Arc<AtomicU64>) -> Self {
        Self {
            left: bytes,
            limit,
            moved,
            waiting: None,
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.moved.fetch_add(1, Ordering::Relaxed);
        if self.waiting.is_none() {
            if self.left.is_empty() {
                return Poll::Ready(None);
            }
            let len = piece_of(self.limit.as_ref(), PIECE).min(self.left.len());
            let piece = self.left.split_to(len);
            let wait = wait_for(self.limit.as_ref(), len);
            if wait.is_zero() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            self.waiting = Some((piece, Box::pin(tokio::time::sleep(wait))));
        }
        if let Some((_, sleep)) = &mut self.waiting {
            ready!(sleep.as_mut().poll(context));
        }
        let piece = self.waiting.take().map(|(piece, _)| Ok(Frame::data(piece)));
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.waiting.as_ref().map_or(0, |(piece, _)| piece.len());
        SizeHint::with_exact((self.left.len() + waiting) as u64)
    }
}
