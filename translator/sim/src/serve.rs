//! The Controller on a socket, plain or with TLS.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::reply::Reply;
use crate::simulator::{BODY_LIMIT_BYTES, Dropped, Simulator};

impl Simulator {
    /// Serves plain HTTP until the future is dropped; its connections end with it.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        self.accept(listener, None).await
    }

    /// Serves HTTPS until the future is dropped.
    pub async fn serve_tls(
        &self,
        listener: TcpListener,
        config: Arc<ServerConfig>,
    ) -> io::Result<()> {
        self.accept(listener, Some(TlsAcceptor::from(config))).await
    }

    async fn accept(&self, listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            // A reply is one small write; waiting to fill a packet would only slow it down. A
            // connection that is gone already does not matter.
            let _set = stream.set_nodelay(true);
            while connections.try_join_next().is_some() {}
            let (simulator, tls) = (self.clone(), tls.clone());
            connections.spawn(async move {
                match tls {
                    None => simulator.connection(stream).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            simulator.connection(stream).await;
                        }
                    }
                }
            });
        }
    }

    async fn connection<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let simulator = self.clone();
        let service = service_fn(move |request| simulator.clone().exchange(request));
        // A connection ends in an error when the client goes, or when a fault closes it: nothing
        // is left to be done either way.
        let server = auto::Builder::new(TokioExecutor::new());
        let _ended = server.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn exchange(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
        let (parts, body) = request.into_parts();
        let response = match Limited::new(body, BODY_LIMIT_BYTES).collect().await {
            Ok(body) => {
                self.answer(Request::from_parts(parts, body.to_bytes()))
                    .await?
            }
            Err(_) => Reply::empty(413).into_response(),
        };
        Ok(response.map(Full::new))
    }
}

/// Whether only one connection failed, not the listener.
fn is_passing(error: &io::Error) -> bool {
    let kind = error.kind();
    [
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
        ErrorKind::Interrupted,
    ]
    .contains(&kind)
}
