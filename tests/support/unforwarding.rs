//! A proxy in front of one server that forbids it to forward: a standby then redirects,
//! as those of a cluster do whose nodes cannot reach each other.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Its address. It ends with the runtime.
pub async fn unforwarding(upstream: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (client, upstream) = (client.clone(), upstream.clone());
            let service = service_fn(move |request| passed(client.clone(), upstream.clone(), request));
            tokio::spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new();
                connection.serve_connection(TokioIo::new(stream), service).await
            });
        }
    });
    address
}

async fn passed(
    client: reqwest::Client,
    upstream: String,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (mut head, body) = request.into_parts();
    head.headers.remove("host");
    head.headers.insert("x-vault-no-request-forwarding", "true".parse().unwrap());
    let body = body.collect().await.unwrap().to_bytes();
    let url = format!("{upstream}{}", head.uri.path_and_query().unwrap());
    let reply = client.request(head.method, url).headers(head.headers).body(body).send().await;
    let mut response = http::Response::new(Full::default());
    *response.status_mut() = http::StatusCode::BAD_GATEWAY;
    if let Ok(mut reply) = reply {
        *response.status_mut() = reply.status();
        *response.headers_mut() = std::mem::take(reply.headers_mut());
        response.headers_mut().remove("transfer-encoding");
        *response.body_mut() = Full::new(reply.bytes().await.unwrap_or_default());
    }
    Ok(response)
}
