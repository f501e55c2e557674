//! Where what is written comes from, asked over gRPC.

use crate::agent::Cluster;
use crate::lab::{Plan, Running, everywhere, simulator, start};
use crate::objects::{ingress, secret, shop_cluster};
use aviary_proto::query::v1::explain_request::Subject;
use aviary_proto::query::v1::field_origin::Origin;
use aviary_proto::query::v1::{
    Claim, ClaimKind, ClaimState, ExplainRequest, ExplainResponse, ExplainedField, SourceObject,
};
use aviary_proto::types::v1::{AviObjectRef, ObjectKey};
use tonic::{Code, Status};
use tonic_types::StatusExt;

fn cluster() -> Cluster {
    let cluster = shop_cluster();
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    cluster.put(ingress("shop", "lost", "lost.avi.internal", Some("none")));
    cluster
}

fn source(kind: &str, namespace: &str, name: &str) -> Subject {
    Subject::Source(SourceObject {
        cluster: String::new(),
        key: Some(ObjectKey {
            group: String::new(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        }),
    })
}

fn object(kind: &str, name: &str) -> Subject {
    Subject::Object(AviObjectRef {
        r#type: kind.into(),
        tenant: String::new(),
        name: name.into(),
    })
}

async fn explain(translator: &Running, asked: ExplainRequest) -> Result<ExplainResponse, Status> {
    let answer = translator.query().explain(asked).await;
    answer.map(tonic::Response::into_inner)
}

fn about(subject: Subject) -> ExplainRequest {
    ExplainRequest {
        subject: Some(subject),
        ..ExplainRequest::default()
    }
}

fn below(subject: Subject, field: &str) -> ExplainRequest {
    ExplainRequest {
        field: field.into(),
        ..about(subject)
    }
}

/// `type path: origin, origin` of each field.
fn told(fields: &[ExplainedField]) -> Vec<String> {
    let line = |field: &ExplainedField| {
        let origins = field.origins.iter().map(|origin| match &origin.origin {
            Some(Origin::Place(place)) => {
                let key = place.object.clone().unwrap_or_default().key;
                let key = key.unwrap_or_default();
                format!("{} {} {}", key.kind, key.name, place.path)
            }
            Some(Origin::Setting(key)) => format!("setting {key}"),
            Some(Origin::Found(what)) => format!("found {what}"),
            None => "nothing".into(),
        });
        let origins: Vec<String> = origins.map(|text| text.trim_end().to_owned()).collect();
        let kind = field.object.clone().unwrap_or_default().r#type;
        format!("{kind} {}: {}", field.path, origins.join(", "))
    };
    fields.iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn a_kubernetes_object_explains_what_comes_from_it() {
    let (simulator, cluster) = (simulator(), cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let answer = explain(&translator, about(source("ingress", "shop", "pay")))
        .await
        .unwrap();
    let lines = told(&answer.fields);
    for line in [
        "pool : Ingress pay",
        "virtualservice vh_domain_name[0]: Ingress pay spec.rules[0].host",
        "sslkeyandcertificate certificate.certificate: \
         Secret pay data['tls.crt'], Ingress pay spec.tls[0]",
        "sslkeyandcertificate key: Secret pay data['tls.key'], Ingress pay spec.tls[0]",
        "vsvip dns_info[1].fqdn: Ingress pay spec.rules[0].host",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
    }
    let mut fields = lines.iter().filter(|line| !line.contains(" : "));
    assert!(
        fields.all(|line| line.contains("Ingress pay")),
        "{lines:#?}"
    );
    assert!(
        answer
            .fields
            .iter()
            .all(|it| !it.value.contains("PRIVATE KEY"))
    );
    let key = answer.fields.iter().find(|field| field.path == "key");
    assert_eq!(key.unwrap().value, "\"<sensitive>\"");
    // Whatever is read explains: the slice behind the Service too, and the Secret.
    for (kind, name, line) in [
        (
            "endpointslices",
            "web-1",
            "pool servers[0].port: EndpointSlice web-1 ports[0].port, Service web spec.ports[0]",
        ),
        (
            "Secret",
            "pay",
            "sslkeyandcertificate key: Secret pay data['tls.key'], Ingress pay spec.tls[0]",
        ),
    ] {
        let answer = explain(&translator, about(source(kind, "shop", name)))
            .await
            .unwrap();
        let lines = told(&answer.fields);
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
    }
    let lost = explain(&translator, about(source("Ingress", "shop", "lost")))
        .await
        .unwrap();
    let codes: Vec<&str> = lost.findings.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["AVY-1104"]);
}

#[tokio::test(start_paused = true)]
async fn claims_are_told_won_and_lost() {
    let (translator, _agents) = crate::claims::fleet().await;
    let mut asked = about(source("Ingress", "shop", "two"));
    if let Some(Subject::Source(source)) = &mut asked.subject {
        source.cluster = "blue".into();
    }
    let answer = explain(&translator, asked).await.unwrap();
    let hosts = answer.claims.iter();
    let hosts = hosts.filter(|claim| claim.kind() == ClaimKind::Host);
    let held: Vec<&Claim> = hosts.filter(|it| it.state() == ClaimState::Held).collect();
    assert_eq!(held.len(), 1, "{:?}", answer.claims);
    assert_eq!(held[0].host, "shop.avi.internal");
    // The older Ingress asks for both instances: one of them loses to the other.
    let mut asked = about(source("Ingress", "shop", "shop"));
    let refused = explain(&translator, asked.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_details_bad_request().unwrap();
    assert_eq!(details.field_violations[0].field, "source.cluster");
    if let Some(Subject::Source(source)) = &mut asked.subject {
        source.cluster = "blue".into();
    }
    let answer = explain(&translator, asked).await.unwrap();
    let lost = answer
        .claims
        .iter()
        .find(|it| it.state() == ClaimState::Lost);
    let winner = lost.and_then(|claim| claim.winner.clone()).unwrap();
    assert_eq!(winner.key.unwrap().name, "shop");
    let codes: Vec<&str> = answer.findings.iter().map(|it| it.code.as_str()).collect();
    assert!(codes.contains(&"AVY-1202"), "{codes:?}");
}

#[tokio::test(start_paused = true)]
async fn an_avi_object_explains_each_of_its_fields() {
    let (simulator, cluster) = (simulator(), cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let parent = object("virtualservice", "blue--Shared-L7-0");
    let answer = explain(&translator, about(parent.clone())).await.unwrap();
    let (whole, fields) = answer.fields.split_first().unwrap();
    assert!(
        whole.path.is_empty() && whole.origins_total == 3,
        "{whole:?}"
    );
    assert!(fields.len() > 20);
    for field in fields {
        assert!(
            !field.rule.is_empty() && !field.origins.is_empty(),
            "{field:?}"
        );
    }
    let vip = below(object("vsvip", "blue--Shared-L7-0"), "dns_info");
    let answer = explain(&translator, vip).await.unwrap();
    let own = "setting L4Settings.autoFQDN, found DNS domains of the cloud";
    assert_eq!(
        told(&answer.fields)[1..],
        [
            format!("vsvip dns_info[0].fqdn: {own}"),
            "vsvip dns_info[1].fqdn: Ingress pay spec.rules[0].host".to_owned(),
            "vsvip dns_info[2].fqdn: Ingress shop spec.rules[0].host".to_owned(),
        ]
    );
    // Page by page, it is the same.
    let whole = explain(&translator, about(parent.clone())).await.unwrap();
    let (mut fields, mut token) = (Vec::new(), String::new());
    loop {
        let asked = ExplainRequest {
            page_size: 7,
            page_token: token,
            ..about(parent.clone())
        };
        let page = explain(&translator, asked).await.unwrap();
        assert!(page.fields.len() <= 7);
        fields.extend(page.fields);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(fields, whole.fields);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_explained_is_refused_with_details() {
    let (simulator, cluster) = (simulator(), cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let parent = || object("virtualservice", "blue--Shared-L7-0");
    let wrong = [
        (ExplainRequest::default(), "subject"),
        (about(source("ConfigMap", "shop", "web")), "source.key.kind"),
        (about(object("pod", "web")), "object.type"),
        (
            ExplainRequest {
                page_size: 10_001,
                ..about(parent())
            },
            "page_size",
        ),
    ];
    for (asked, field) in wrong {
        let refused = explain(&translator, asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        let details = refused.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, field);
    }
    let missing = [
        (about(source("Ingress", "shop", "none")), "Ingress"),
        (about(object("pool", "none")), "pool"),
        (below(parent(), "serv"), "field"),
        (
            ExplainRequest {
                controller: "other".into(),
                ..about(parent())
            },
            "controller",
        ),
    ];
    for (asked, kind) in missing {
        let refused = explain(&translator, asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{kind}");
        let details = refused.get_details_resource_info().unwrap();
        assert_eq!(details.resource_type, kind);
    }
}
