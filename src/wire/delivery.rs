//! When an answer counts as delivered: once the connection has taken all of it.
//!
//! A driver that cancels in the last moment drops the body unread, and with it the
//! receipt: what was minted for that answer is given back (contract test K11).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use crate::mount::Receipt;

/// Carries a receipt from the handler to the body, through the response's extensions.
#[derive(Clone, Debug)]
pub(super) struct Delivery(Arc<Mutex<Option<Receipt>>>);

/// A body that keeps its receipt once it has been read to its end.
#[derive(Debug)]
pub(super) struct Delivered<B> {
    inner: B,
    receipt: Option<Receipt>,
}

// === impl Delivery ===

impl Delivery {
    pub(super) fn new(receipt: Receipt) -> Self {
        Self(Arc::new(Mutex::new(Some(receipt))))
    }

    fn take(&self) -> Option<Receipt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

// === impl Delivered ===

impl<B> Delivered<B> {
    /// `inner`, with the receipt that came with it.
    pub(super) fn new(inner: B, delivery: Option<&Delivery>) -> Self {
        Self { inner, receipt: delivery.and_then(Delivery::take) }
    }
}

impl<B: Body + Unpin> Body for Delivered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        let is_last = match &frame {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Ready(None) => true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        if is_last && let Some(receipt) = self.receipt.take() {
            receipt.keep();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};

    use super::*;

    fn body(given: &Arc<AtomicU32>) -> Delivered<Full<Bytes>> {
        let given = given.clone();
        let receipt = Receipt::with(move || {
            given.fetch_add(1, Ordering::SeqCst);
        });
        Delivered::new(Full::from("answer"), Some(&Delivery::new(receipt)))
    }

    #[tokio::test]
    async fn an_unread_answer_is_given_back_and_a_read_one_is_kept() {
        let given = Arc::new(AtomicU32::new(0));
        assert!(body(&given).collect().await.is_ok());
        assert_eq!(given.load(Ordering::SeqCst), 0);
        drop(body(&given));
        assert_eq!(given.load(Ordering::SeqCst), 1);
        let mut half = body(&given);
        assert!(half.frame().await.is_some());
        drop(half);
        assert_eq!(given.load(Ordering::SeqCst), 2, "the end was not read");
    }
}
