mod losses;

use super::{BackendPort, HostDraft, HostHold, Ingress, Security, host, hosts_of};
use crate::world::{World, codes, parse, told};
use crate::{Fact, Parsed};
use aviary_settings::Scheme;
use aviary_types::{Code, Finding, Host};

fn ingress(yaml: &str) -> Ingress {
    match parse(yaml).fact {
        Some(Fact::Ingress(ingress)) => *ingress,
        other => panic!("no Ingress: {other:?}"),
    }
}

/// An Ingress with these rules.
fn with_rules(rules: &str) -> Parsed<Fact> {
    parse(&format!("{{kind: Ingress, spec: {{rules: [{rules}]}}}}"))
}

const WEB: &str = "backend: {service: {name: web, port: {number: 80}}}";

#[test]
fn rules_paths_and_ports_are_read() {
    let read = ingress(&format!(
        "kind: Ingress
spec:
  ingressClassName: avi
  tls: [{{hosts: [a.x, b.x], secretName: s}}, {{hosts: [c.x]}}]
  rules:
  - host: a.x
    http:
      paths:
      - {{path: /p, pathType: Exact, {WEB}}}
      - {{path: /q, pathType: Prefix, backend: {{service: {{name: web, port: {{name: http}}}}}}}}
      - {{pathType: Sideways, {WEB}}}
  - http: {{paths: [{{{WEB}}}]}}"
    ));
    assert_eq!(read.class.as_deref(), Some("avi"));
    let [first, second] = &read.rules[..] else {
        panic!("not two rules")
    };
    let paths: Vec<(&str, bool)> = first
        .paths
        .iter()
        .map(|path| (path.path.as_str(), path.exact))
        .collect();
    // Whatever is not exact is a prefix; an unset path is empty.
    assert_eq!(paths, [("/p", true), ("/q", false), ("", false)]);
    assert_eq!(first.paths[0].port, BackendPort::Number(80));
    assert_eq!(first.paths[1].port, BackendPort::Name("http".into()));
    assert_eq!(second.host, None);
    assert_eq!((read.tls.len(), read.tls[1].secret.as_str()), (2, ""));
}

#[test]
fn what_has_no_meaning_is_told_and_the_rest_stays() {
    let check = |parsed: Parsed<Fact>, rules: usize, want: &[Code]| {
        let Some(Fact::Ingress(read)) = parsed.fact else {
            panic!("{:?}", parsed.findings)
        };
        assert_eq!(
            (read.rules.len(), &codes(&parsed.findings)[..]),
            (rules, want)
        );
    };
    let good = format!("{{host: g.x, http: {{paths: [{{path: /, {WEB}}}]}}}}");
    check(with_rules(&good), 1, &[]);
    check(parse("{kind: Ingress}"), 0, &[Code::NoRules]);
    check(
        parse("{kind: Ingress, spec: {rules: []}}"),
        0,
        &[Code::NoRules],
    );
    let default = format!(
        "{{kind: Ingress, spec: {{defaultBackend: {{service: {{name: web}}}}, rules: [{good}]}}}}"
    );
    // Whether it is served is for the settings to say.
    check(parse(&default), 1, &[]);
    check(
        parse("{kind: Ingress, spec: {defaultBackend: {service: {name: web}}}}"),
        1,
        &[],
    );
    check(
        parse("{kind: Ingress, spec: {defaultBackend: {resource: {kind: Bucket, name: b}}}}"),
        0,
        &[Code::UnsupportedField, Code::NoRules],
    );
    check(
        with_rules(&format!("{{host: a.x}}, {good}")),
        2,
        &[Code::NoRules],
    );
    check(
        with_rules(&format!("{{host: a.x, http: {{paths: []}}}}, {good}")),
        2,
        &[Code::NoRules],
    );
    let resource = "{path: /r, backend: {resource: {kind: Bucket, name: b}}}";
    check(
        with_rules(&format!(
            "{{host: a.x, http: {{paths: [{resource}, {{path: /, {WEB}}}]}}}}"
        )),
        1,
        &[Code::UnsupportedField],
    );
    let idle =
        format!("{{kind: Ingress, spec: {{rules: [{good}], tls: [{{hosts: [g.x, idle.x]}}]}}}}");
    check(parse(&idle), 1, &[Code::TlsHostWithoutRule]);
}

#[test]
fn hosts_are_dns_names() {
    let check = |host: &str, want: &[Code]| {
        let rules = format!("{{host: '{host}', http: {{paths: [{{path: /, {WEB}}}]}}}}");
        let parsed = with_rules(&rules);
        let Some(Fact::Ingress(read)) = parsed.fact else {
            panic!("unreadable")
        };
        assert_eq!(codes(&parsed.findings), want, "{host}");
        assert_eq!(read.rules.is_empty(), !want.is_empty(), "{host}");
    };
    for good in ["a.x", "*.a.x", "Foo.com", "a_b.x", "x", &"a".repeat(63)] {
        check(good, &[]);
    }
    for bad in [
        "a b.x",
        "a..x",
        ".x",
        "a.x.",
        "a/b",
        "*.",
        "a.*.x",
        "ü.x",
        &"a".repeat(64),
    ] {
        check(bad, &[Code::InvalidSpec]);
    }
    check(
        &format!("{}.x", vec!["a".repeat(63); 4].join(".")),
        &[Code::HostTooLong],
    );
    check(&"a".repeat(300), &[Code::HostTooLong]);
}

#[test]
fn what_has_another_shape_is_unreadable() {
    for bad in [
        "{kind: Ingress, spec: text}",
        "{kind: Ingress, spec: {rules: {host: a.x}}}",
        "{kind: Ingress, spec: {rules: [7]}}",
        "{kind: Ingress, spec: {rules: [{host: [a]}]}}",
        "{kind: Ingress, spec: {rules: [{http: {paths: text}}]}}",
        "{kind: Ingress, spec: {rules: [{http: {paths: [{path: 7}]}}]}}",
        "{kind: Ingress, spec: {rules: [{http: {paths: [{backend: {service: {port: {number: 99999}}}}]}}]}}",
        "{kind: Ingress, spec: {tls: [text]}}",
        "{kind: Ingress, spec: {ingressClassName: {a: b}}}",
        "{kind: Ingress, metadata: {annotations: 7}}",
    ] {
        let parsed = parse(bad);
        assert!(parsed.fact.is_none(), "{bad}");
        assert_eq!(codes(&parsed.findings), [Code::Unreadable], "{bad}");
    }
}

#[test]
fn flags_are_true_in_any_case() {
    let read = |value: &str| {
        ingress(&format!(
            "{{kind: Ingress, metadata: {{annotations: {{passthrough.ako.vmware.com/enabled: '{value}', ako.vmware.com/enable-tls: '{value}'}}}}}}"
        ))
    };
    assert!(read("TRUE").passthrough && read("true").default_tls);
    assert!(!read("yes").passthrough && !read("").default_tls);
}

const BASE: &str =
    "{kind: IngressClass, metadata: {name: avi}, spec: {controller: ako.vmware.com/avi-lb}}
---
{kind: Namespace, metadata: {name: a}}
---
{kind: Namespace, metadata: {name: b}}
---
{kind: Namespace, metadata: {name: t, annotations: {ako.vmware.com/tenant-name: blue}}}
---
{kind: Secret, metadata: {namespace: a, name: good}, data: {tls.crt: Y2VydA==, tls.key: a2V5}}
---
{kind: Secret, metadata: {namespace: b, name: good}, data: {tls.crt: b3RoZXI=, tls.key: a2V5}}
---
{kind: Secret, metadata: {namespace: a, name: bad}, data: {tls.crt: Y2VydA==}}
---
{kind: Secret, metadata: {namespace: a, name: unheard}}
---
{kind: Service, metadata: {namespace: a, name: web}, spec: {ports: [{port: 80}]}}
---
{kind: Service, metadata: {namespace: b, name: web}, spec: {ports: [{port: 80}]}}
---
{kind: Service, metadata: {namespace: t, name: web}, spec: {ports: [{port: 80}]}}";

/// `namespace/name created: host path,path [tls secret]`
fn of(line: &str) -> String {
    let (at, rest) = line.split_once(": ").unwrap();
    let (at, created) = at.split_once(' ').unwrap();
    let (namespace, name) = at.split_once('/').unwrap();
    let mut words = rest.split(' ');
    let (host, paths) = (words.next().unwrap(), words.next().unwrap_or_default());
    let secret = words.next().filter(|word| !word.is_empty());
    let paths: Vec<String> = paths
        .split(',')
        .filter(|path| !path.is_empty())
        .map(|path| format!("{{path: {path}, {WEB}}}"))
        .collect();
    let host = if host == "-" { "" } else { host };
    let tls = secret.map_or(String::new(), |secret| {
        format!("tls: [{{hosts: [wrong.x]}}, {{hosts: ['{host}'], secretName: {secret}}}],")
    });
    format!(
        "{{kind: Ingress, created: {created}, metadata: {{namespace: {namespace}, name: {name}}}, spec: {{ingressClassName: avi, {tls} rules: [{{host: '{host}', http: {{paths: [{}]}}}}]}}}}",
        paths.join(", ")
    )
}

fn world(lines: &[&str]) -> World {
    let mut all = vec![BASE.to_owned()];
    all.extend(lines.iter().map(|line| of(line)));
    World::of(&all.join("\n---\n"))
}

fn drafts(world: &World, name: &str) -> (Vec<HostDraft>, Vec<Finding>) {
    let mut findings = Vec::new();
    let drafts = host(world, &Host::from(name), &mut findings);
    (drafts, findings)
}

/// `namespace/name security path,path` of each contribution.
fn shown(drafts: &[HostDraft]) -> Vec<String> {
    let parts = drafts.iter().flat_map(|draft| &draft.parts);
    let parts = parts.map(|part| {
        let paths: Vec<&str> = part.paths.iter().map(|path| path.path.as_str()).collect();
        format!(
            "{} {:?} {}",
            part.source.namespaced_name(),
            part.security,
            paths.join(",")
        )
    });
    parts.collect()
}

fn check(lines: &[&str], want: &[&str], codes_wanted: &[Code]) {
    let (drafts, findings) = drafts(&world(lines), "h.x");
    assert_eq!(shown(&drafts), want, "{lines:?}");
    assert_eq!(codes(&findings), codes_wanted, "{lines:?}");
}

#[test]
fn contributions_come_oldest_first() {
    check(
        &["a/young 2: h.x /y", "b/old 1: h.x /o", "a/other 0: g.x /"],
        &["b/old Insecure /o", "a/young Insecure /y"],
        &[],
    );
    check(
        &["b/i 1: h.x /b", "a/i 1: h.x /a"],
        &["a/i Insecure /a", "b/i Insecure /b"],
        &[],
    );
}

/// Model, section 15.5.
#[test]
fn secrets_decide_how_a_host_is_reached() {
    check(&["a/i 1: h.x / good"], &["a/i Secure /"], &[]);
    check(
        &["a/i 1: h.x / none"],
        &["a/i NoCertificate /"],
        &[Code::SecretMissing],
    );
    check(
        &["a/i 1: h.x / bad"],
        &["a/i NoCertificate /"],
        &[Code::SecretInvalid],
    );
    check(
        &["a/i 1: h.x / ''"],
        &["a/i NoCertificate /"],
        &[Code::SecretMissing],
    );
    // The oldest certificate is served; who brings another is told.
    check(
        &["a/i 1: h.x /a good", "b/i 2: h.x /b good"],
        &["a/i Secure /a", "b/i Secure /b"],
        &[Code::DifferingSecrets],
    );
    let (drafts, findings) = drafts(&world(&["a/i 1: h.x / unheard"]), "h.x");
    assert!(codes(&findings).is_empty() && drafts[0].certificate.is_none());
    let Some(HostHold::SecretUnheard(key)) = &drafts[0].hold else {
        panic!("no hold")
    };
    assert_eq!(
        (key.name.as_str(), drafts[0].parts[0].security),
        ("unheard", Security::Secure)
    );
}

#[test]
fn tenants_are_apart() {
    let (drafts, _) = drafts(&world(&["a/i 1: h.x /a", "t/i 2: h.x /a"]), "h.x");
    let tenants: Vec<&str> = drafts.iter().map(|draft| draft.tenant.as_str()).collect();
    assert_eq!(tenants, ["admin", "blue"]);
}

#[test]
fn a_host_is_one_namespace_s_where_that_is_asked_for() {
    let lines = ["a/old 1: h.x /a", "b/young 2: h.x /b", "a/own 3: h.x /c"];
    let strict = "{L7Settings: {fqdnReusePolicy: strict}}";
    let all = [
        "a/old Insecure /a",
        "b/young Insecure /b",
        "a/own Insecure /c",
    ];
    let (shared, _) = drafts(&world(&lines).under(strict), "h.x");
    assert_eq!(shown(&shared), all, "AKO heeds it with EVH alone");
    let world = world(&lines).under(strict);
    let world = world.with(|env| env.scheme = Scheme::Documented);
    let (drafts, findings) = drafts(&world, "h.x");
    assert_eq!(shown(&drafts), ["a/old Insecure /a", "a/own Insecure /c"]);
    let told = told(&findings);
    let [(Code::HostClaimed, text)] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(text.contains("Ingress a/old"), "{text}");
}

#[test]
fn of_one_path_twice_both_or_the_oldest_are_served() {
    let lines = [
        "a/old 1: h.x /,/a",
        "b/young 2: h.x /,/b",
        "b/tls 3: h.x / good",
    ];
    let settings = |choice: &str| format!("{{AviarySettings: {{duplicatePaths: {choice}}}}}");
    let merge = [
        "a/old Insecure /,/a",
        "b/young Insecure /,/b",
        "b/tls Secure /",
    ];
    let oldest = [
        "a/old Insecure /,/a",
        "b/young Insecure /b",
        "b/tls Secure /",
    ];
    let check = |world: World, want: &[&str]| {
        let (drafts, findings) = drafts(&world, "h.x");
        assert_eq!(shown(&drafts), want);
        let mut told = told(&findings);
        told.retain(|(code, _)| *code != Code::PlainBehindTls);
        let [(Code::DuplicateHostPath, text)] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(text.contains("h.x/ ") && text.contains("a/old"), "{text}");
    };
    check(world(&lines), &merge);
    check(
        world(&lines).with(|env| env.scheme = Scheme::Documented),
        &oldest,
    );
    check(world(&lines).under(&settings("oldest")), &oldest);
}

#[test]
fn what_is_not_ours_contributes_nothing() {
    let line = of("a/i 1: h.x /");
    let changed = |from: &str, to: &str| {
        let line = line.replace(from, to);
        assert_ne!(line, of("a/i 1: h.x /"));
        World::of(&format!("{BASE}\n---\n{line}"))
    };
    for world in [
        changed("ingressClassName: avi", "ingressClassName: other"),
        changed("ingressClassName: avi, ", ""),
        changed(
            "name: i",
            "name: i, deletionTimestamp: '2025-01-01T00:00:00Z'",
        ),
        world(&["a/i 1: h.x /"]).under("{AKOSettings: {blockedNamespaceList: [a]}}"),
    ] {
        assert_eq!(drafts(&world, "h.x"), (vec![], vec![]));
    }
}

#[test]
fn what_cannot_be_served_is_told() {
    let (found, findings) = drafts(&world(&["a/i 1: h.org /"]), "h.org");
    assert!(found.is_empty());
    assert_eq!(told(&findings)[0].0, Code::ForeignDomain);
    assert!(
        findings[0].hint.contains("avi.lab, x"),
        "{}",
        findings[0].hint
    );
    // A label of the shared group has at most 255 characters; a path of a child may be longer.
    let long = format!("/{}", "p".repeat(252));
    let check_long = |tls: &str, want: &[Code]| {
        let (_, findings) = drafts(&world(&[&format!("a/i 1: h.x /,{long} {tls}")]), "h.x");
        assert_eq!(codes(&findings), want);
    };
    check_long("", &[Code::InvalidSpec]);
    check_long("good", &[]);
    // Nor has a host that shares no group such a limit.
    let dedicated = world(&[&format!("a/i 1: h.x /,{long}")]);
    let dedicated = dedicated.under("{L7Settings: {shardVSSize: DEDICATED}}");
    assert_eq!(codes(&drafts(&dedicated, "h.x").1), []);
}

/// The objects of these lines, and the annotation on the Ingresses that are named here.
fn annotated(lines: &[&str], annotation: &str, names: &[&str]) -> World {
    let marked = lines.iter().map(|line| {
        let name = line.split_once(' ').unwrap().0;
        let yaml = of(line);
        let (_, short) = name.split_once('/').unwrap();
        let mark = format!("name: {short}, annotations: {{{annotation}: 'true'}}");
        if names.contains(&name) {
            yaml.replace(&format!("name: {short}"), &mark)
        } else {
            yaml
        }
    });
    let all: Vec<String> = std::iter::once(BASE.to_owned()).chain(marked).collect();
    World::of(&all.join("\n---\n"))
}

/// Model, section 15.2: nothing else of the Ingress counts then.
#[test]
fn tls_of_a_host_ends_in_one_place() {
    let check = |lines: &[&str], passed: &[&str], want: &[&str], wanted: &[Code]| {
        let world = annotated(lines, "passthrough.ako.vmware.com/enabled", passed);
        let (drafts, findings) = drafts(&world, "h.x");
        assert_eq!(shown(&drafts), want, "{lines:?}");
        assert_eq!(codes(&findings), wanted, "{lines:?}");
    };
    check(
        &["a/i 1: h.x / none"],
        &["a/i"],
        &["a/i Passthrough /"],
        &[],
    );
    let two = ["a/old 1: h.x /", "b/young 2: h.x /y good"];
    check(
        &two,
        &["a/old"],
        &["a/old Passthrough /"],
        &[Code::TlsEndsElsewhere],
    );
    check(
        &two,
        &["b/young"],
        &["a/old Insecure /"],
        &[Code::TlsEndsElsewhere],
    );
    // Who has no certificate cannot decide.
    check(
        &["a/old 1: h.x / none", "b/young 2: h.x /y"],
        &["b/young"],
        &["b/young Passthrough /y"],
        &[Code::SecretMissing, Code::TlsEndsElsewhere],
    );
}

#[test]
fn a_host_is_passed_through_to_the_youngest_or_the_oldest() {
    let lines = ["a/old 1: h.x /a", "b/young 2: h.x /b"];
    let names = ["a/old", "b/young"];
    let world = || annotated(&lines, "passthrough.ako.vmware.com/enabled", &names);
    let check = |world: World, want: &[&str], loser: &str, winner: &str| {
        let (drafts, mut findings) = drafts(&world, "h.x");
        assert_eq!(shown(&drafts), want);
        findings.retain(|finding| finding.code != Code::NoServers);
        let [finding] = &findings[..] else {
            panic!("{findings:?}")
        };
        assert_eq!(finding.code, Code::DuplicateHostPath);
        assert_eq!(finding.object.namespaced_name(), loser);
        assert!(finding.text.contains(winner), "{finding}");
    };
    let both = ["a/old Passthrough /a", "b/young Passthrough /b"];
    check(world(), &both, "a/old", "b/young");
    let documented = world().with(|env| env.scheme = Scheme::Documented);
    check(documented, &both[..1], "b/young", "a/old");
}

/// Model, sections 15.2 and 15.5.
#[test]
fn the_default_certificate_is_that_of_the_instances_namespace() {
    let check = |secret: &str, namespace: &str, want: &[&str], wanted: &[Code]| {
        let lines = ["a/i 1: h.x / good"];
        let world = annotated(&lines, "ako.vmware.com/enable-tls", &["a/i"]);
        let world = world.and(secret).with(|env| {
            std::sync::Arc::make_mut(&mut env.settings).namespace = namespace.into();
        });
        let (drafts, findings) = drafts(&world, "h.x");
        assert_eq!(shown(&drafts), want);
        assert_eq!(codes(&findings), wanted);
        drafts[0].certificate.clone().map(|it| it.source)
    };
    let secret = "{kind: Secret, metadata: {namespace: avi-system, name: router-certs-default}, data: {tls.crt: Y2VydA==, tls.key: a2V5}}";
    let source = check(secret, "avi-system", &["a/i Secure /"], &[]).unwrap();
    assert_eq!(source.namespaced_name(), "avi-system/router-certs-default");
    let none = check(
        secret,
        "elsewhere",
        &["a/i NoCertificate /"],
        &[Code::SecretMissing],
    );
    assert!(none.is_none());
    // A namespace that nobody tells about is no reason to take the host away.
    check(secret, "unheard", &["a/i Secure /"], &[]);
}

#[test]
fn half_of_a_second_certificate_is_told() {
    let half = "{kind: Secret, metadata: {namespace: a, name: half}, data: {tls.crt: Y2VydA==, tls.key: a2V5, alt.crt: Y2VydA==}}";
    let (drafts, findings) = drafts(&world(&["a/i 1: h.x / half"]).and(half), "h.x");
    assert_eq!(shown(&drafts), ["a/i Secure /"]);
    assert_eq!(codes(&findings), [Code::SecretIncomplete]);
}

/// AKO ignores default backends.
#[test]
fn default_backends_are_served_where_the_settings_say_so() {
    let spec = |spec: &str| {
        let meta = "metadata: {namespace: a, name: i}";
        let backend = "defaultBackend: {service: {name: web, port: {number: 80}}}";
        format!("{{kind: Ingress, {meta}, spec: {{ingressClassName: avi, {backend}{spec}}}}}")
    };
    let check = |rules: &str, host: &str, served: &[&str], ignored: (&[&str], &[Code])| {
        let ignoring = world(&[]).and(&spec(rules));
        let (found, findings) = drafts(&ignoring, host);
        assert_eq!(
            (&shown(&found)[..], &codes(&findings)[..]),
            (
                &ignored
                    .0
                    .iter()
                    .map(|s| (*s).to_owned())
                    .collect::<Vec<_>>()[..],
                ignored.1
            )
        );
        let serving = ignoring.under("{AviarySettings: {defaultBackend: serve}}");
        let (found, findings) = drafts(&serving, host);
        assert_eq!(
            (shown(&found), codes(&findings)),
            (served.iter().map(|s| (*s).to_owned()).collect(), vec![])
        );
    };
    let told: &[Code] = &[Code::UnsupportedField];
    let rule = |paths: &str| format!(", rules: [{{host: h.x, http: {{paths: [{paths}]}}}}]");
    let path = |path: &str| format!("{{path: {path}, pathType: Prefix, {WEB}}}");
    let exact = format!("{{path: /, pathType: Exact, {WEB}}}");
    check(
        &rule(&path("/a")),
        "h.x",
        &["a/i Insecure /a,/"],
        (&["a/i Insecure /a"], told),
    );
    check(
        &rule(&path("/")),
        "h.x",
        &["a/i Insecure /"],
        (&["a/i Insecure /"], told),
    );
    // Labels do not tell what must be met in full from what need not, rules do.
    for (size, want) in [
        ("LARGE", &[Code::DuplicateHostPath][..]),
        ("DEDICATED", &[]),
    ] {
        let serving = format!(
            "{{AviarySettings: {{defaultBackend: serve}}, L7Settings: {{shardVSSize: {size}}}}}"
        );
        let world = world(&[]).and(&spec(&rule(&exact))).under(&serving);
        let (found, findings) = drafts(&world, "h.x");
        assert_eq!(shown(&found), ["a/i Insecure /,/"]);
        assert_eq!(codes(&findings), want);
    }
    // Without rules, and without paths, it is all there is.
    let only: (&[&str], &[Code]) = (&[], &[Code::NoRules]);
    check("", "i.a.avi.lab", &["a/i Insecure /"], only);
    check(", rules: [{host: h.x}]", "h.x", &["a/i Insecure /"], only);
}

/// Model, section 15.2.
#[test]
fn a_rule_without_a_host_gets_a_name() {
    let world = world(&["a/i 1: - /"]);
    let (found, findings) = drafts(&world, "i.a.avi.lab");
    assert_eq!(
        (shown(&found), codes(&findings)),
        (vec!["a/i Insecure /".to_owned()], vec![])
    );
    assert!(drafts(&world, "i.b.avi.lab").0.is_empty());
    assert!(drafts(&world, "xi.a.avi.lab").0.is_empty());
    let key = world.key("Ingress", "i");
    let read = ingress(&of("a/i 1: - /"));
    let hosts = |world: &World| hosts_of(&read, &key, crate::View::env(world));
    assert_eq!(hosts(&world), [Host::from("i.a.avi.lab")]);
    let bare = world.with(|env| env.inventory = std::sync::Arc::default());
    assert!(hosts(&bare).is_empty());
}

#[test]
fn rules_of_one_host_are_merged_and_paths_count_once() {
    let path = |path: &str| format!("{{path: {path}, {WEB}}}");
    let rules = format!(
        "{{host: h.x, http: {{paths: [{}, {}]}}}}, {{host: h.x, http: {{paths: [{}, {}]}}}}",
        path("/a"),
        path("/a"),
        path("/a"),
        path("/b")
    );
    let line = of("a/i 1: h.x /");
    let from = line.find("rules: [").unwrap();
    let line = format!("{}rules: [{rules}]}}}}", &line[..from]);
    let (found, _) = drafts(&World::of(&format!("{BASE}\n---\n{line}")), "h.x");
    assert_eq!(shown(&found), ["a/i Insecure /a,/b"]);
}
