//! What several paths, or Ingresses, take from each other on a host.

use super::{WEB, drafts};
use crate::world::{World, codes};
use aviary_types::Code;

/// Ingresses of namespace `a`: a name, the minute of its creation and the paths of `h.x`; secured
/// where that is asked for.
fn world(ingresses: &[(&str, u8, &str, bool)]) -> World {
    let one = |(name, created, paths, secure): &(&str, u8, &str, bool)| {
        let paths: Vec<String> = paths
            .split(' ')
            .map(|path| {
                let (kind, path) = match path.strip_prefix('=') {
                    Some(path) => ("Exact", path),
                    None => ("Prefix", path),
                };
                format!("{{path: '{path}', pathType: {kind}, {WEB}}}")
            })
            .collect();
        let tls = if *secure {
            "{hosts: [h.x], secretName: tls}"
        } else {
            ""
        };
        format!(
            "{{kind: Ingress, created: {created}, metadata: {{namespace: a, name: {name}}}, spec: {{ingressClassName: avi, tls: [{tls}], rules: [{{host: h.x, http: {{paths: [{}]}}}}]}}}}",
            paths.join(", ")
        )
    };
    let all: Vec<String> = ingresses.iter().map(one).collect();
    let furniture =
        "{kind: IngressClass, metadata: {name: avi}, spec: {controller: ako.vmware.com/avi-lb}}
---
{kind: Namespace, metadata: {name: a}}
---
{kind: Service, metadata: {namespace: a, name: web}, spec: {ports: [{port: 80}]}}
---
{kind: Secret, metadata: {namespace: a, name: tls}, data: {tls.crt: Y2VydA==, tls.key: a2V5}}";
    World::of(&format!("{}\n---\n{furniture}", all.join("\n---\n")))
}

fn check(settings: &str, ingresses: &[(&str, u8, &str, bool)], want: &[Code], paths: usize) {
    let (drafts, findings) = drafts(&world(ingresses).under(settings), "h.x");
    let parts = drafts.iter().flat_map(|draft| &draft.parts);
    let served = parts.map(|part| part.paths.len()).sum::<usize>();
    assert_eq!(
        (&codes(&findings)[..], served),
        (want, paths),
        "{settings} {ingresses:?}"
    );
}

const OLDEST: &str = "{AviarySettings: {duplicatePaths: oldest}}";
const DEDICATED: &str = "{L7Settings: {shardVSSize: DEDICATED}}";

#[test]
fn a_path_that_an_ingress_has_twice_is_told() {
    let twice = [Code::DuplicateHostPath];
    // Labels know neither case nor type of a path.
    for paths in ["/a =/a", "/a /A"] {
        check("{}", &[("i", 1, paths, false)], &twice, 2);
        check(OLDEST, &[("i", 1, paths, false)], &twice, 1);
        check("{}", &[("i", 1, paths, true)], &[], 2);
        check(DEDICATED, &[("i", 1, paths, false)], &[], 2);
    }
    check(
        "{}",
        &[("i", 1, "/a", false), ("j", 2, "/A", false)],
        &twice,
        2,
    );
    check(
        OLDEST,
        &[("i", 1, "/a", false), ("j", 2, "/A /b", false)],
        &twice,
        2,
    );
}

#[test]
fn plain_paths_that_no_client_reaches_are_told() {
    let both = [("i", 1, "/a", true), ("j", 2, "/b", false)];
    check("{}", &both, &[Code::PlainBehindTls], 2);
    check(DEDICATED, &both, &[], 2);
    // Whether hosts share a parent, an AviInfraSetting may say.
    let class = "{kind: IngressClass, metadata: {name: avi}, spec: {controller: ako.vmware.com/avi-lb, parameters: {apiGroup: ako.vmware.com, kind: AviInfraSetting, name: own}}}";
    let setting = "{kind: AviInfraSetting, metadata: {name: own}, spec: {l7Settings: {shardSize: DEDICATED}}}";
    let own = world(&both).and(&format!("{class}\n---\n{setting}"));
    assert!(codes(&drafts(&own, "h.x").1).is_empty());
    // The empty path is served only where nobody has the root.
    check("{}", &[("i", 1, "", false), ("j", 2, "/b", false)], &[], 2);
    let root = [("i", 1, "", false), ("j", 2, "/", false)];
    check("{}", &root, &[Code::DuplicateHostPath, Code::PathHidden], 2);
}

#[test]
fn on_openshift_an_ingress_is_told_and_not_served() {
    let world = world(&[("i", 1, "/", false)]).under("{AKOSettings: {cniPlugin: openshift}}");
    let (drafts, findings) = drafts(&world, "h.x");
    assert!(drafts.is_empty());
    assert_eq!(codes(&findings), [Code::IngressOnOpenShift]);
}
