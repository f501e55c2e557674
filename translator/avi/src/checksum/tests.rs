use super::{
    PoolExtra, RuleExtra, TargetPort, VipNetwork, VsExtra, VsPort, VsVipExtra, http_policy_set,
    pool, pool_group, virtual_service, vs_vip,
};
use crate::metadata::ServiceMetadata;
use crate::samples;
use crate::virtual_service::Service;
use serde::de::DeserializeOwned;

fn body<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn with_metadata<T: DeserializeOwned>(text: &str, metadata: &ServiceMetadata) -> T {
    let quoted = serde_json::to_string(&metadata.to_text()).unwrap();
    body(&text.replace("\"METADATA\"", &quoted))
}

fn listeners() -> Vec<Service> {
    let service = |port, ssl| Service {
        port,
        enable_ssl: Some(ssl),
        ..Service::default()
    };
    vec![service(80, false), service(443, true)]
}

#[test]
fn shared_objects_have_akos_checksums() {
    assert_eq!(pool_group(&body(samples::SHARED_PG)), "2186846986");
    let networks = vec![VipNetwork {
        name: "net1".into(),
        cidr: "10.10.0.0/24".into(),
        ..VipNetwork::default()
    }];
    let extra = VsVipExtra {
        networks,
        ..VsVipExtra::default()
    };
    assert_eq!(vs_vip(&body(samples::VSVIP), &extra), "3083264294");
    let redirect = http_policy_set(&body(samples::REDIRECT_SET), &[]);
    assert_eq!(redirect, "4106335420");
    let parent = with_metadata(samples::SNI_PARENT, &ServiceMetadata::default());
    let sum = virtual_service(&parent, &VsExtra::parent(Vec::new()));
    assert_eq!(sum, "2260347450");
}

#[test]
fn objects_of_a_secure_host_have_akos_checksums() {
    let metadata = ServiceMetadata {
        namespace_ingress_name: vec!["ns1/ing1".into()],
        namespace: "ns1".into(),
        hostnames: vec!["foo.com".into()],
        ..ServiceMetadata::default()
    };
    let child = with_metadata(samples::SNI_CHILD, &metadata);
    let sum = virtual_service(&child, &VsExtra::child(&listeners()));
    assert_eq!(sum, "3331811391");
    let extra = PoolExtra {
        port: 80,
        ..PoolExtra::default()
    };
    assert_eq!(pool(&body(samples::POOL), &extra), "3768182586");
}
