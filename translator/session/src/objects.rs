//! Single objects: find, fetch, create, update, delete. Writes are sent once; whoever calls decides
//! about another try, because only they can ask for the right to write again.

use crate::class::Class;
use crate::error::{Attempt, Error};
use crate::list::{List, text};
use crate::session::{Call, Reply, Session};
use aviary_avi::{AviKey, AviKind, ObservedObject, WriteMode};
use aviary_types::{EcoString, TenantName, eco_format};
use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Asked right before a write is sent, with the time that the write may take.
pub type Permit<'a> = &'a (dyn Fn(Duration) -> bool + Send + Sync);

/// A write that succeeded.
#[derive(Debug)]
pub struct Written {
    /// What the Controller has now.
    pub object: ObservedObject,
    /// How long it took to answer.
    pub took: Duration,
}

impl Session {
    /// The object of this key, found by its name.
    pub async fn find(&self, key: &AviKey) -> Result<Option<ObservedObject>, Error> {
        let list = List::of(key.kind.path(), key.tenant.as_str())
            .with("name", key.name.as_str())
            .with("cloud_ref.name", key.cloud.as_str())
            .with("include_name", "true");
        for entry in self.list(&list).await? {
            // Objects that `admin` shares appear in the lists of other tenants.
            let attempt = Attempt::at(Method::GET, key);
            let object = read_object(key.kind, &key.tenant, entry)
                .map_err(|why| Error::Unreadable { attempt, why })?;
            if object.key == *key {
                return Ok(Some(object));
            }
        }
        Ok(None)
    }

    /// The object with this uuid, if it still exists.
    pub async fn fetch(&self, key: &AviKey, uuid: &str) -> Result<Option<ObservedObject>, Error> {
        let call = Call {
            attempt: Attempt::at(Method::GET, key),
            path: format!("/api/{}/{uuid}?include_name=true", key.kind.path()),
            tenant: key.tenant.as_str().to_owned(),
            body: None,
        };
        match self.read(&call).await {
            Ok(reply) => self.object(key, &call.attempt, &reply).map(Some),
            Err(error) if error.class() == Class::Gone => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// POST. The answer is what the Controller made of it.
    pub async fn create<B: Serialize + ?Sized>(
        &self,
        key: &AviKey,
        body: &B,
        permit: Permit<'_>,
    ) -> Result<Written, Error> {
        let path = format!("/api/{}", key.kind.path());
        self.write(key, (Method::POST, path), body, permit).await
    }

    /// PUT. A `_last_modified` in the body makes the Controller refuse it if the object changed.
    pub async fn update<B: Serialize + ?Sized>(
        &self,
        key: &AviKey,
        uuid: &str,
        body: &B,
        permit: Permit<'_>,
    ) -> Result<Written, Error> {
        let path = format!("/api/{}/{uuid}?include_name=true", key.kind.path());
        self.write(key, (Method::PUT, path), body, permit).await
    }

    /// DELETE. Answers how long it took.
    pub async fn delete(
        &self,
        key: &AviKey,
        uuid: &str,
        permit: Permit<'_>,
    ) -> Result<Duration, Error> {
        let call = Call {
            attempt: Attempt::at(Method::DELETE, key),
            path: format!("/api/{}/{uuid}", key.kind.path()),
            tenant: key.tenant.as_str().to_owned(),
            body: None,
        };
        Ok(self.exchange(&call, permit).await?.took)
    }

    async fn write<B: Serialize + ?Sized>(
        &self,
        key: &AviKey,
        (method, path): (Method, String),
        body: &B,
        permit: Permit<'_>,
    ) -> Result<Written, Error> {
        let attempt = Attempt::at(method, key);
        let body = serde_json::to_vec(body).map_err(|_| Error::NotSent {
            attempt: attempt.clone(),
            why: crate::error::NotSent::Malformed,
        })?;
        let call = Call {
            attempt,
            path,
            tenant: key.tenant.as_str().to_owned(),
            body: Some(Bytes::from(body)),
        };
        let reply = self.exchange(&call, permit).await?;
        let object = self.object(key, &call.attempt, &reply)?;
        Ok(Written {
            object,
            took: reply.took,
        })
    }

    #[expect(clippy::unused_self, reason = "reads as a part of the session's calls")]
    fn object(
        &self,
        key: &AviKey,
        attempt: &Attempt,
        reply: &Reply,
    ) -> Result<ObservedObject, Error> {
        let value = reply.json(attempt)?;
        read_object(key.kind, &key.tenant, value)
            .map(|object| ObservedObject {
                key: key.clone(),
                ..object
            })
            .map_err(|why| Error::Unreadable {
                attempt: attempt.clone(),
                why,
            })
    }
}

/// What the Controller answered about one object. The whole answer is kept only where a later write
/// needs it: answers about others hold secrets (TLS ticket keys).
pub(crate) fn read_object(
    kind: AviKind,
    tenant: &TenantName,
    value: Value,
) -> Result<ObservedObject, EcoString> {
    let body = kind
        .read(&value)
        .map_err(|_| EcoString::from("a field has another type than it should"))?;
    let uuid: EcoString = text(&value, "uuid").into();
    if uuid.is_empty() || body.name().is_empty() {
        return Err(eco_format!("a {kind} without uuid or name"));
    }
    Ok(ObservedObject {
        key: AviKey::of(&body, tenant),
        uuid,
        last_modified: text(&value, "_last_modified").into(),
        body: Arc::new(body),
        raw: (kind.write_mode() == WriteMode::Merge).then(|| Arc::new(value)),
    })
}
