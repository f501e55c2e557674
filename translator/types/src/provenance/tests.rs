use super::{Cite, FieldPath, Origin, Place, Provenance, Role, Step, Table, row};
use crate::{ObjectKey, kind};
use std::sync::Arc;

static TABLE: Table = Table(&[&[
    row(
        "name",
        &[Cite::Of(Role::Host, ""), Cite::Setting("a.b")],
        "both",
    ),
    row("vrf", &[Cite::Of(Role::Vrf, "")], "asked for"),
    row("vrf", &[Cite::Controller("vrf")], "found"),
    row(
        "servers[*].port",
        &[Cite::Of(Role::Server, "ports[{1}].port")],
        "of the slice",
    ),
    row(
        "servers[*].ip.**",
        &[Cite::Of(Role::Server, "endpoints[{0}]")],
        "of the slice",
    ),
    row(
        "markers[Host].values[*]",
        &[Cite::Of(Role::Host, "")],
        "the host",
    ),
    row("markers[*].key", &[Cite::Asked], "always"),
]]);

fn object(name: &str) -> Arc<ObjectKey> {
    let kind = kind!("", "X");
    Arc::new(ObjectKey::new(&"c".into(), kind, "ns", name))
}

fn path(text: &str, key: Option<&str>) -> FieldPath {
    let parts = text.split(['.', '[']);
    let step = |part: &str| match part.strip_suffix(']') {
        Some(index) => Step::Element(index.parse().unwrap(), key.map(str::to_owned)),
        None => Step::Field(part.to_owned()),
    };
    FieldPath(parts.map(step).collect())
}

fn told(of: &Provenance, field: &FieldPath) -> Option<(Vec<String>, &'static str)> {
    let explained = of.resolver().explain(field)?;
    let text = |(origin, below): &(Origin, &'static str)| match origin {
        Origin::Object(place) => format!("{} {}", place.object.name, place.path(below)),
        Origin::Setting(key) => format!("setting {key}"),
        Origin::Controller(what) => format!("controller {what}"),
    };
    Some((explained.origins.iter().map(text).collect(), explained.rule))
}

#[test]
fn a_field_is_explained_by_the_first_row_that_something_fills() {
    let (ingress, slice) = (object("ing"), object("slice"));
    let host = Place::at(&ingress, "spec.rules[{0}].host", [2, 0]);
    let servers = [Place::at(&slice, "", [4, 1]), Place::at(&slice, "", [5, 1])];
    let of = Provenance::new(&TABLE, [ingress.clone()].into())
        .with(Role::Host, host)
        .each("servers", Role::Server, servers)
        .done(&[].into());
    let check = |field: &str, key: Option<&str>, origins: &[&str], rule| {
        let told = told(&of, &path(field, key)).unwrap();
        assert_eq!(
            (told.0, told.1),
            (origins.iter().map(|o| (*o).to_owned()).collect(), rule)
        );
    };
    check(
        "name",
        None,
        &["ing spec.rules[2].host", "setting a.b"],
        "both",
    );
    check("vrf", None, &["controller vrf"], "found");
    check(
        "servers[1].port",
        None,
        &["slice ports[1].port"],
        "of the slice",
    );
    check(
        "servers[1].ip.addr",
        None,
        &["slice endpoints[5]"],
        "of the slice",
    );
    check(
        "markers[3].values[0]",
        Some("Host"),
        &["ing spec.rules[2].host"],
        "the host",
    );
    check("markers[3].key", Some("Host"), &["ing "], "always");
    for (field, key) in [
        ("names", None),
        ("servers[7].port", None),
        ("markers[0].values[0]", None),
    ] {
        assert_eq!(told(&of, &path(field, key)), None, "{field}");
    }
    assert!(of.cites(&slice) && of.cites(&ingress) && !of.cites(&object("other")));
    assert_eq!(
        path("markers[3].values[0]", None).to_string(),
        "markers[3].values[0]"
    );
}

#[test]
fn what_is_joined_keeps_the_origins_of_its_elements() {
    let make = |name: &str, ports: [u32; 2]| {
        let object = object(name);
        let servers = ports.map(|port| Place::at(&object, "", [0, port]));
        Provenance::new(&TABLE, [object].into())
            .each("servers", Role::Server, servers)
            .done(&[].into())
    };
    let mut joined = make("a", [1, 2]);
    joined.join(&make("b", [3, 4]), 2);
    let port = |at: u32| {
        told(&joined, &path(&format!("servers[{at}].port"), None))
            .unwrap()
            .0
    };
    let ports: Vec<String> = (0..4).flat_map(port).collect();
    assert_eq!(
        ports,
        [
            "a ports[1].port",
            "a ports[2].port",
            "b ports[3].port",
            "b ports[4].port"
        ]
    );
    assert_eq!(joined.objects().count(), 2);
}
