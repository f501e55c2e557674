//! No answer tells a secret: every call of every service is asked in every form, as reflection
//! tells them, so that a new one is covered by itself.

use crate::agent::Cluster;
use crate::lab::{Plan, everywhere, simulator, start};
use crate::objects::{base, ingress, secret, shop};
use aviary_proto::FILE_DESCRIPTOR_SET;
use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor};
use prost_reflect::{Kind, MethodDescriptor, Value};
use serde_json::Value as Json;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_request as ask};

/// Messages as bytes, whatever they mean.
#[derive(Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Everything that one question brings: messages, and how it ended.
async fn ask(channel: &Channel, method: &MethodDescriptor, asked: Bytes) -> (Vec<Bytes>, Status) {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let path = path.parse().unwrap();
    let mut told = Vec::new();
    let answers = match client
        .server_streaming(Request::new(asked), path, Plain)
        .await
    {
        Ok(answers) => answers,
        Err(status) => return (told, status),
    };
    let mut answers = answers.into_inner();
    loop {
        match tokio::time::timeout(Duration::from_secs(1), answers.message()).await {
            Ok(Ok(Some(answer))) => told.push(answer),
            Ok(Err(status)) => return (told, status),
            Ok(Ok(None)) | Err(_) => return (told, Status::ok("")),
        }
    }
}

/// A request with everything said that it can say; `form` chooses among what excludes each other.
fn request(of: &MessageDescriptor, form: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for oneof in of.oneofs() {
        let field = oneof.fields().nth(form % oneof.fields().count()).unwrap();
        message.set_field(&field, value(&field, form));
    }
    for field in of.fields().filter(|it| it.containing_oneof().is_none()) {
        if !field.is_list() {
            message.set_field(&field, value(&field, form));
        }
    }
    message
}

fn value(field: &FieldDescriptor, form: usize) -> Value {
    match field.kind() {
        Kind::Message(of) => match of.full_name() {
            // Unset, they mean everything.
            "google.protobuf.FieldMask" | "google.protobuf.Timestamp" => {
                Value::default_value_for_field(field)
            }
            "aviary.types.v1.AviObjectRef" => known(&of, AVI_OBJECTS, form),
            "aviary.types.v1.ObjectKey" => known(&of, KEYS, form),
            _ => Value::Message(request(&of, form)),
        },
        Kind::Enum(of) => Value::EnumNumber(i32::try_from(form % of.values().len()).unwrap()),
        Kind::String => Value::String(match field.name() {
            "cluster" => "blue".into(),
            "namespace" => "shop".into(),
            _ => String::new(),
        }),
        Kind::Bool => Value::Bool(field.name() == "with_body"),
        _ => Value::default_value_for_field(field),
    }
}

type Known = &'static [&'static [(&'static str, &'static str)]];

const AVI_OBJECTS: Known = &[
    &[
        ("type", "sslkeyandcertificate"),
        ("tenant", "admin"),
        ("name", "blue--pay.avi.internal"),
    ],
    &[
        ("type", "virtualservice"),
        ("tenant", "admin"),
        ("name", "blue--pay.avi.internal"),
    ],
];

const KEYS: Known = &[
    &[
        ("group", "networking.k8s.io"),
        ("kind", "Ingress"),
        ("namespace", "shop"),
        ("name", "pay"),
    ],
    &[("kind", "Secret"), ("namespace", "shop"), ("name", "pay")],
];

fn known(of: &MessageDescriptor, all: Known, form: usize) -> Value {
    let mut message = DynamicMessage::new(of.clone());
    for (name, text) in all[form % all.len()] {
        message.set_field_by_name(name, Value::String((*text).into()));
    }
    Value::Message(message)
}

/// The services that reflection tells.
async fn services(channel: Channel) -> Vec<String> {
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(ask::MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(tokio_stream::once(ask)).await;
    let answer = answers.unwrap().into_inner().message().await.unwrap();
    let answer = format!("{:?}", answer.unwrap());
    let names = answer.split('"').filter(|it| it.starts_with("aviary."));
    names.map(str::to_owned).collect()
}

/// The key in every form that it travels in.
fn needles(secret: &Json) -> Vec<String> {
    use base64::Engine;
    let encoded = secret["data"]["tls.key"].as_str().unwrap();
    let plain = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .unwrap();
    let plain = String::from_utf8(plain).unwrap();
    let lines = plain.lines().filter(|line| !line.starts_with('-'));
    let mut needles: Vec<String> = lines.map(str::to_owned).collect();
    needles.extend([encoded[60..120].to_owned(), "PRIVATE KEY".to_owned()]);
    needles
}

#[tokio::test(start_paused = true)]
async fn no_answer_of_any_call_tells_a_key() {
    let (simulator, cluster) = (simulator(), Cluster::default());
    for object in base(&["shop"])
        .into_iter()
        .chain(shop("shop", "shop.avi.internal"))
    {
        cluster.put(object);
    }
    let key = secret("shop", "pay", "pay.avi.internal");
    cluster.put(key.clone());
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_secs(1)).await;
    translator.settle().await;
    let channel = translator.channel();
    let needles = needles(&key);
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut seen_certificate = false;
    let mut services = services(channel.clone()).await;
    services.retain(|name| name != "aviary.sync.v1.SyncService");
    // Orders come last: they change what there is to tell.
    services.sort_by_key(|name| name.contains("admin"));
    assert!(services.len() >= 2, "{services:?}");
    for service in services {
        let service = pool.get_service_by_name(&service).unwrap();
        for method in service.methods() {
            let mut answered = 0;
            for form in 0..6 {
                let asked = request(&method.input(), form).encode_to_vec();
                let (told, end) = ask(&channel, &method, asked.into()).await;
                answered += told.iter().map(Bytes::len).sum::<usize>();
                let details = Bytes::copy_from_slice(end.details());
                for bytes in told
                    .into_iter()
                    .chain([details, end.message().to_owned().into()])
                {
                    let text = String::from_utf8_lossy(&bytes);
                    seen_certificate |= text.contains("BEGIN CERTIFICATE");
                    let leaks = needles.iter().any(|needle| text.contains(needle));
                    assert!(!leaks, "{} tells the key", method.full_name());
                }
            }
            let is_question = service.full_name().contains("query");
            assert!(
                answered > 0 || !is_question,
                "{} answered nothing",
                method.full_name()
            );
        }
    }
    assert!(
        seen_certificate,
        "the questions do not reach what lies beside the key"
    );
}
