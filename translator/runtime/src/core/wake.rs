//! Why the core wakes: the closed list of everything that can happen to it.

use crate::control::Told;
use crate::hub::Session;
use crate::service::Controller;
use async_trait::async_trait;
use aviary_disk::Noted;
use aviary_execute::{JournalError, Outcome};
use aviary_link::translator::{Refusal, SessionId};
use aviary_proto::sync::v1::{Hello, SyncRequest};
use aviary_query::{Order, Orders};
use aviary_session::Logins;
use aviary_settings::{SettingError, Settings};
use aviary_types::EcoString;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

/// How many wakes wait. Whoever brings more waits: agents through their window and HTTP/2, the
/// executors through their outcomes.
pub(crate) const WAKES_MAX: usize = 1_024;

/// The way to the core.
pub(crate) type Wakes = mpsc::Sender<Wake>;

/// The place of a Controller in the core.
pub(crate) type SiteId = usize;

/// One thing that happened.
pub(crate) enum Wake {
    /// An agent whose identity was verified said hello.
    Join(Join),
    /// An agent said something.
    Said(SessionId, Box<SyncRequest>),
    /// An agent's stream takes more again.
    Room(SessionId),
    /// A stream ended; with the reason to tell, if it was ended here.
    Left(SessionId, Option<Status>),
    /// What was to survive a crash does, or cannot be written.
    Stored(Result<(), aviary_disk::Error>),
    /// A name is to survive a crash before its object is made.
    Journal(Noted, oneshot::Sender<Result<(), JournalError>>),
    /// A Controller was read, or cannot be.
    Told(SiteId, Box<Told>),
    /// The logins that a Controller refused lately are others.
    Refused(SiteId),
    /// A login worked.
    LoggedIn(SiteId, Logins),
    /// An executor has taken a plan.
    Submitted(SiteId),
    /// An operation ended.
    Outcome(SiteId, Box<Outcome>),
    /// Somebody asks or orders something.
    Order(Order),
    /// The settings were looked at.
    Settings(SettingsNews),
    /// A task that everything rests on has panicked.
    Panicked(&'static str),
}

/// What a look at the settings brings.
pub(crate) enum SettingsNews {
    /// They are others, and valid. Answers why they are not taken over, if they are not.
    Changed(Box<Changed>, oneshot::Sender<Result<(), SettingError>>),
    /// They cannot be read or are not valid, in words.
    Unfit(EcoString),
    /// They are those in force again.
    AsInForce,
}

/// Other settings, with the ways to their Controllers.
pub(crate) struct Changed {
    pub(crate) settings: Settings,
    pub(crate) controllers: Vec<Controller>,
}

/// A stream that wants to be admitted.
pub(crate) struct Join {
    pub(crate) hello: Box<Hello>,
    pub(crate) session: Session,
    pub(crate) reply: oneshot::Sender<Result<SessionId, Refusal>>,
}

/// The way of orders to the core: the same queue as everything else, so that an order comes after what
/// was heard before it.
#[derive(Clone)]
pub(crate) struct OrderWay(pub(crate) Wakes);

#[async_trait]
impl Orders for OrderWay {
    async fn give(&self, order: Order) -> bool {
        self.0.send(Wake::Order(order)).await.is_ok()
    }
}
