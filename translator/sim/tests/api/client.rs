//! A small client over the simulator's service.

use aviary_sim::{Options, Seed, Simulator};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

/// An answer, body parsed where it is JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// A cookie that the answer sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all("set-cookie").iter();
        let prefix = format!("{name}=");
        all.filter_map(|value| value.to_str().unwrap().strip_prefix(&prefix))
            .map(|rest| rest.split(';').next().unwrap().to_owned())
            .next()
    }
}

/// A session with a simulator.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) simulator: Simulator,
    pub(crate) headers: Vec<(String, String)>,
}

impl Client {
    /// Logs in to a simulator with these options.
    pub(crate) async fn with(options: Options) -> Self {
        let simulator = Simulator::new(options).unwrap();
        Self::of(&simulator).await
    }

    /// Logs in to the built-in lab.
    pub(crate) async fn lab() -> Self {
        Self::with(Options::default()).await
    }

    /// Logs in to the built-in lab with defaults filled in.
    pub(crate) async fn filling() -> Self {
        Self::with(Options {
            fill_defaults: true,
            ..Options::default()
        })
        .await
    }

    /// Logs in to a simulator with this seed.
    pub(crate) async fn seeded(seed: Value) -> Self {
        Self::with(Options {
            seed: Seed::Objects(seed),
            ..Options::default()
        })
        .await
    }

    /// Logs in to a simulator.
    pub(crate) async fn of(simulator: &Simulator) -> Self {
        let mut client = Self {
            simulator: simulator.clone(),
            headers: Vec::new(),
        };
        let login = json!({"username": "admin", "password": "secret"});
        let answer = client.send("POST", "/login", Some(login)).await;
        let (csrf, id) = (answer.cookie("csrftoken"), answer.cookie("avi-sessionid"));
        client.headers = vec![
            ("x-csrftoken".into(), csrf.unwrap()),
            ("cookie".into(), format!("avi-sessionid={}", id.unwrap())),
            ("x-avi-version".into(), "30.2.1".into()),
        ];
        client
    }

    /// The same session with another header.
    pub(crate) fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(known, _)| known != name);
        client.headers.push((name.into(), value.into()));
        client
    }

    /// The same session without a header.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(known, _)| known != name);
        client
    }

    /// The same session in another tenant.
    pub(crate) fn tenant(&self, name: &str) -> Self {
        self.header("x-avi-tenant", name)
    }

    pub(crate) async fn send(&self, method: &str, uri: &str, body: Option<Value>) -> Answer {
        let body = body.map_or(Bytes::new(), |body| body.to_string().into());
        self.send_raw(method, uri, body).await.expect("an answer")
    }

    pub(crate) async fn send_raw(
        &self,
        method: &str,
        uri: &str,
        body: Bytes,
    ) -> Result<Answer, aviary_sim::Dropped> {
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "avi.test");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = self
            .simulator
            .clone()
            .oneshot(request.body(body).unwrap())
            .await?;
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        })
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, None).await
    }

    pub(crate) async fn post(&self, kind: &str, body: Value) -> Answer {
        self.send("POST", &format!("/api/{kind}"), Some(body)).await
    }

    pub(crate) async fn put(&self, kind: &str, uuid: &Value, body: Value) -> Answer {
        let uri = format!("/api/{kind}/{}", uuid.as_str().unwrap());
        self.send("PUT", &uri, Some(body)).await
    }

    pub(crate) async fn patch(&self, kind: &str, uuid: &Value, body: Value) -> Answer {
        let uri = format!("/api/{kind}/{}", uuid.as_str().unwrap());
        self.send("PATCH", &uri, Some(body)).await
    }

    pub(crate) async fn delete(&self, kind: &str, uuid: &Value) -> Answer {
        self.send(
            "DELETE",
            &format!("/api/{kind}/{}", uuid.as_str().unwrap()),
            None,
        )
        .await
    }

    /// Makes an object and gives its uuid.
    #[track_caller]
    pub(crate) fn make(&self, kind: &str, body: Value) -> impl Future<Output = Value> + use<'_> {
        let kind = kind.to_owned();
        async move { self.post(&kind, body).await.expect(201)["uuid"].clone() }
    }

    /// The first object of a list.
    pub(crate) async fn first(&self, uri: &str) -> Value {
        self.get(uri).await.expect(200)["results"][0].clone()
    }
}
