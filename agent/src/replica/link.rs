//! The stream to one replica: waiting, opening, calling, open.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aviary_link::MESSAGE_BYTES_MAX;
use aviary_proto::sync::v1::sync_service_client::SyncServiceClient;
use aviary_proto::sync::v1::{SyncRequest, SyncResponse};
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::connect::{self, Connector};
use crate::token::Token;

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// It could not be opened.
    #[error("could not open a stream")]
    Open(#[from] connect::Error),
    /// The translator refused or ended it, or the connection did not last.
    #[error(transparent)]
    Status(#[from] Refused),
    /// The translator ended it without a word.
    #[error("the translator ended the stream")]
    Ended,
}

/// The status that a stream ended with. What the connection failed by, if it did, is its source.
#[derive(Debug)]
pub(super) struct Refused(Box<Status>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (message, code) = (self.0.message(), self.0.code());
        write!(f, "the stream ended: {message} ({code:?})")
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl From<Status> for Lost {
    fn from(status: Status) -> Self {
        Self::Status(Refused(Box::new(status)))
    }
}

/// A step of the stream.
pub(super) enum Progress {
    /// It is time to try again.
    Retry,
    /// The connection stands.
    Opened(Channel),
    /// The translator took the call.
    Called,
    /// The translator said something.
    Said(Box<SyncResponse>),
    /// The stream is gone.
    Lost(Lost),
}

/// A stream in whatever state.
pub(super) enum Link {
    Waiting(std::pin::Pin<Box<Sleep>>),
    Opening(BoxFuture<'static, Result<Channel, connect::Error>>),
    Calling(
        BoxFuture<'static, Result<Streaming<SyncResponse>, Status>>,
        mpsc::Sender<SyncRequest>,
    ),
    Open(Box<Streaming<SyncResponse>>, mpsc::Sender<SyncRequest>),
}

impl Link {
    /// Waits before the next try.
    pub(super) fn waiting(time: Duration) -> Self {
        Self::Waiting(Box::pin(tokio::time::sleep(time)))
    }

    /// Opens a connection.
    pub(super) fn opening(connector: &Arc<dyn Connector>, replica: &str) -> Self {
        let (connector, replica) = (connector.clone(), replica.to_owned());
        Self::Opening(Box::pin(async move { connector.open(&replica).await }))
    }

    /// Calls over a connection.
    pub(super) fn calling(channel: Channel, hello: SyncRequest, token: Option<&Token>) -> Self {
        // One message waits here; all others in the session.
        let (sender, receiver) = mpsc::channel(1);
        let bearer = token.and_then(Token::bearer);
        let call = Box::pin(async move {
            let mut client = SyncServiceClient::new(channel)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            let hello = tokio_stream::once(hello);
            let said = tokio_stream::StreamExt::chain(hello, ReceiverStream::new(receiver));
            let mut request = Request::new(said);
            if let Some(bearer) = bearer {
                request.metadata_mut().insert("authorization", bearer);
            }
            Ok(client.sync(request).await?.into_inner())
        });
        Self::Calling(call, sender)
    }

    /// The next step. May be dropped and called again.
    pub(super) async fn progress(&mut self) -> Progress {
        match self {
            Self::Waiting(sleep) => {
                sleep.as_mut().await;
                Progress::Retry
            }
            Self::Opening(opening) => match opening.await {
                Ok(channel) => Progress::Opened(channel),
                Err(error) => Progress::Lost(error.into()),
            },
            Self::Calling(call, sender) => match call.await {
                Ok(said) => {
                    *self = Self::Open(Box::new(said), sender.clone());
                    Progress::Called
                }
                Err(status) => Progress::Lost(status.into()),
            },
            Self::Open(said, _) => match said.message().await {
                Ok(Some(response)) => Progress::Said(Box::new(response)),
                Ok(None) => Progress::Lost(Lost::Ended),
                Err(status) => Progress::Lost(status.into()),
            },
        }
    }

    /// Where messages go; `None` if the stream is not open.
    pub(super) fn sender(&self) -> Option<mpsc::Sender<SyncRequest>> {
        match self {
            Self::Open(_, sender) => Some(sender.clone()),
            _ => None,
        }
    }
}

/// Room for one message. Waits for ever if there is none to come.
pub(super) async fn room(
    sender: Option<mpsc::Sender<SyncRequest>>,
) -> mpsc::OwnedPermit<SyncRequest> {
    if let Some(sender) = sender
        && let Ok(permit) = sender.reserve_owned().await
    {
        return permit;
    }
    std::future::pending().await
}
