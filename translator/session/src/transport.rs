//! The way to the Controller: one request in, one reply out. Everything else lives above it.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt};

/// The largest reply that is read, in bytes; a page of 200 large objects stays far below.
pub const REPLY_LIMIT: usize = 64 << 20;

/// Any service that carries a request to the Controller.
pub type Transport = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, BoxError>;

/// The transport of a service that speaks whole bodies.
pub fn of<S>(service: S) -> Transport
where
    S: Service<Request<Bytes>, Response = Response<Bytes>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service.map_err(Into::into))
}

/// The transport that calls a service in this process, such as a simulated Controller's router.
/// Each call runs as a task of its own: like a server's, it ends even if its caller goes away.
pub fn in_process<S, B>(service: S) -> Transport
where
    S: Service<Request<B>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let service = service.clone();
        async move {
            let task = tokio::spawn(async move {
                let reply = service.oneshot(request.map(B::from)).await;
                collect(reply.map_err(Into::into)?).await
            });
            task.await?
        }
    }))
}

async fn collect<R>(reply: Response<R>) -> Result<Response<Bytes>, BoxError>
where
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let (parts, body) = reply.into_parts();
    let body = Limited::new(body, REPLY_LIMIT).collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}
