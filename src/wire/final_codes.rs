//! The outermost layer: whatever happens inside, only final codes leave.
//!
//! tonic answers some calls before or instead of the handler (a message over the
//! size limit, one that is no protobuf); their codes are mended here.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderValue, Request, Response};
use tonic::Code;
use tower::{Layer, Service};

use super::delivery::{Delivered, Delivery};
use super::status::is_final;

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";

/// Wraps a service so that it answers with final codes only.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FinalCodes;

/// The wrapped service.
#[derive(Clone, Debug)]
pub(super) struct Guarded<S>(S);

// === impl FinalCodes ===

impl<S> Layer<S> for FinalCodes {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded(inner)
    }
}

// === impl Guarded ===

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<Delivered<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = mend(answer.await?);
            let delivery = response.extensions().get::<Delivery>().cloned();
            Ok(response.map(|body| Delivered::new(body, delivery.as_ref())))
        })
    }
}

fn mend<R>(mut response: Response<R>) -> Response<R> {
    let headers = response.headers_mut();
    let Some(code) = headers.get(STATUS).map(|value| Code::from_bytes(value.as_bytes())) else {
        return response;
    };
    let undecodable =
        headers.get(MESSAGE).is_some_and(|text| text.as_bytes().starts_with(b"failed%20to%20decode"));
    let mended = match code {
        Code::OutOfRange => Code::InvalidArgument, // the request is over the size limit
        Code::Internal if undecodable => Code::InvalidArgument,
        code if is_final(code) => return response,
        _ => Code::Internal,
    };
    headers.insert(STATUS, HeaderValue::from(mended as i32));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(code: Code, message: &'static str) -> Option<String> {
        let mut response = Response::new(());
        response.headers_mut().insert(STATUS, HeaderValue::from(code as i32));
        response.headers_mut().insert(MESSAGE, HeaderValue::from_static(message));
        let response = mend(response);
        response.headers().get(STATUS).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    #[test]
    fn uncertain_codes_become_internal_and_refused_messages_invalid() {
        for code in [
            Code::Unavailable,
            Code::ResourceExhausted,
            Code::Aborted,
            Code::Cancelled,
            Code::DeadlineExceeded,
            Code::Unknown,
        ] {
            assert_eq!(mended(code, "x").as_deref(), Some("13"), "{code:?}");
        }
        assert_eq!(mended(Code::OutOfRange, "x").as_deref(), Some("3"));
        assert_eq!(mended(Code::Internal, "failed%20to%20decode%20Protobuf%20message").as_deref(), Some("3"));
        assert_eq!(mended(Code::PermissionDenied, "x").as_deref(), Some("7"));
    }
}
