use super::{
    PoolExtra, RuleExtra, TargetPort, VipNetwork, VsExtra, VsPort, VsVipExtra, http_policy_set,
    pool, pool_group, virtual_service, vs_vip,
};
use crate::metadata::ServiceMetadata;
use crate::samples::{body, body_with};
use crate::virtual_service::Service;

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
    assert_eq!(pool_group(&body("shared_pg")), "2186846986");
    let networks = vec![VipNetwork {
        name: "net1".into(),
        cidr: "10.10.0.0/24".into(),
        ..VipNetwork::default()
    }];
    let extra = VsVipExtra {
        networks,
        ..VsVipExtra::default()
    };
    assert_eq!(vs_vip(&body("vsvip"), &extra), "3083264294");
    let redirect = http_policy_set(&body("redirect_set"), &[]);
    assert_eq!(redirect, "4106335420");
    let parent = body_with("sni_parent", &ServiceMetadata::default());
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
    let child = body_with("sni_child", &metadata);
    // The reference body was computed without listeners of a parent.
    let sum = virtual_service(&child, &VsExtra::child(&[]));
    assert_eq!(sum, "3331811391");
    let extra = PoolExtra {
        port: 8080,
        port_name: "http".into(),
        priority_label: "foo.com/bar".into(),
        ..PoolExtra::default()
    };
    assert_eq!(pool(&body("pool"), &extra), "3768182586");
}

/// Objects of a whole run of AKO: one secure host of one path.
#[test]
fn a_secure_host_as_ako_left_it() {
    let host = "shop.l729.avi.lab";
    let metadata = ServiceMetadata {
        hostnames: vec![host.into()],
        ..ServiceMetadata::default()
    };
    let child = body_with("live_child", &metadata);
    let sum = virtual_service(&child, &VsExtra::child(&listeners()));
    assert_eq!(sum, "1063169375");
    let parent = body_with("live_parent", &ServiceMetadata::default());
    let sum = virtual_service(&parent, &VsExtra::parent(vec![child.name]));
    assert_eq!(sum, "1361459526");
    let rule = RuleExtra {
        ingress: "tls".into(),
        service_port: 80,
    };
    let sum = http_policy_set(&body("live_switch_set"), &[rule]);
    assert_eq!(sum, "2779361289");
    let extra = PoolExtra {
        port: 8080,
        port_name: "web".into(),
        priority_label: format!("{host}/").into(),
        ..PoolExtra::default()
    };
    let sum = pool(&body_with("live_pool", &metadata), &extra);
    assert_eq!(sum, "2386406746");
    let empty =
        r#"{"markers":[{"key":"clustername","values":["lab"]}],"implicit_priority_labels":true}"#;
    assert_eq!(
        pool_group(&serde_json::from_str(empty).unwrap()),
        "500337897"
    );
}

/// A Service of three protocols, of a whole run of AKO.
#[test]
fn a_mix_of_protocols_as_ako_left_it() {
    let metadata = ServiceMetadata {
        hostnames: vec!["mix.l405.avi.lab".into()],
        ..ServiceMetadata::default()
    };
    let port = |port, target, protocol: &str, name: &str| VsPort {
        port,
        target_port: TargetPort::Number(target),
        protocol: protocol.into(),
        name: name.into(),
        ..VsPort::default()
    };
    let ports = vec![
        port(53, 5353, "TCP", "p53-tcp"),
        port(53, 5353, "UDP", "p53-udp"),
        port(3868, 3868, "SCTP", "p3868-sctp"),
    ];
    let pools = ["TCP-53", "UDP-53", "SCTP-3868"].map(|p| format!("lab--l405-mix-{p}").into());
    let extra = VsExtra::l4(ports, pools.to_vec());
    let service = body_with("live_l4", &metadata);
    assert_eq!(virtual_service(&service, &extra), "2291654701");
}
