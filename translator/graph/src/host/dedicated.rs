//! A virtual service that has one host alone, with a VIP of its own (shard size DEDICATED).

use super::certificates;
use super::secure::{self, Child, Form};
use crate::maker::Maker;
use crate::parts::{Parts, Serve};
use crate::rules::{DEDICATED, DEDICATED_REDIRECT, DEDICATED_VS_VIP};
use crate::shard::{FIRST_POLICY_INDEX, add_listeners, listener, redirect_set, vs_vip};
use aviary_avi::checksum::{self, VsExtra};
use aviary_avi::names::distinct;
use aviary_avi::virtual_service::{HttpPolicy, VirtualService};
use aviary_avi::{AviKind, Marker, Presence, Ref};
use aviary_kinds::ingress::{HostDraft, HostPart, Security};
use aviary_types::{EcoString, Role, eco_format};

const NAMESPACES: &str = "markers[Namespace].values";

/// Makes the objects of a host that shares nothing.
pub(super) fn render(maker: &Maker<'_>, draft: &HostDraft, parts: &mut Parts) {
    let name = name(maker, draft);
    let served: Vec<&HostPart> = draft.parts.iter().filter(|part| is_served(part)).collect();
    let secure = is_secure(draft);
    // A host that waits for its certificate has the virtual service already, with nothing on it.
    let sources: Vec<&HostPart> = if served.is_empty() {
        draft.parts.iter().collect()
    } else {
        served.clone()
    };
    let certificate = draft.certificate.as_ref().filter(|_| secure);
    let child = Child {
        host: &draft.host,
        shard: &name,
        parts: &sources,
        form: Form::Dedicated { secure },
        certificate_at: if secure { &draft.certificate_at } else { &[] },
    };
    let sets = if served.is_empty() {
        Vec::new()
    } else {
        secure::policy_sets(maker, &child, parts)
    };
    let newest = || child.newest();
    let from = |table| child.from(table).each(NAMESPACES, Role::Source, newest());
    let of_service = secure::with_sets(from(&DEDICATED), &sets);
    let mut names = secure::add_sets(maker, sets, parts);
    let mut certs = Vec::new();
    if let Some(certificate) = certificate {
        certs = certificates::render(maker, &child, certificate, parts);
        let hosts = [draft.host.text().clone()].into();
        let redirect = redirect_set(maker, &name, hosts, markers(maker, &child));
        let redirect = maker.object(redirect, from(&DEDICATED_REDIRECT), Presence::Always);
        names.push(name.clone());
        parts.objects.push(redirect);
    }
    let fqdn = (!served.is_empty()).then(|| draft.host.text().clone());
    let vip = vs_vip(maker, &name, fqdn.into_iter().collect(), None);
    let vip = maker.object(vip, child.from(&DEDICATED_VS_VIP), Presence::Always);
    let service = virtual_service(maker, &child, &names, certs);
    let service = maker.object(service, of_service, Presence::Always);
    parts.objects.extend([vip, service]);
    let service = maker.key(AviKind::VirtualService, &name);
    let vip = maker.key(AviKind::VsVip, &name);
    parts.serves.extend(served.iter().map(|part| Serve {
        source: part.source.clone(),
        host: draft.host.text().clone(),
        service: service.clone(),
        vip: vip.clone(),
        needs: Vec::new(),
    }));
}

fn name(maker: &Maker<'_>, draft: &HostDraft) -> EcoString {
    let host = draft.host.as_str();
    let name = maker.names.dedicated(host);
    let kinds = [
        AviKind::VirtualService,
        AviKind::VsVip,
        AviKind::HttpPolicySet,
    ];
    if maker.is_lost(&kinds, &name) {
        distinct(&name, &eco_format!("{} {host}", maker.env.domain))
    } else {
        name
    }
}

/// Whether a contribution serves: of a secure host also the paths of Ingresses that ask for no TLS,
/// which port 80 redirects to.
fn is_served(part: &HostPart) -> bool {
    part.security != Security::NoCertificate && !part.paths.is_empty()
}

/// Whether TLS ends here. A host of which nothing but the certificate is missing listens already.
fn is_secure(draft: &HostDraft) -> bool {
    let mut parts = draft.parts.iter();
    let secure = |part: &HostPart| part.security == Security::Secure && !part.paths.is_empty();
    parts.clone().any(secure) || parts.all(|part| part.security == Security::NoCertificate)
}

fn markers(maker: &Maker<'_>, child: &Child<'_>) -> Vec<Marker> {
    let (namespace, _) = secure::sources_of(child);
    let mut markers = vec![Marker::one("Namespace", namespace)];
    if child.form.marks_host() {
        markers.push(Marker::one("Host", child.host.text().clone()));
    }
    markers.extend(maker.infra_marker());
    markers
}

fn virtual_service(
    maker: &Maker<'_>,
    child: &Child<'_>,
    sets: &[EcoString],
    certs: Vec<Ref>,
) -> VirtualService {
    let (_, metadata) = secure::sources_of(child);
    let secure = child.form == Form::Dedicated { secure: true };
    let mut services = vec![listener(80, false)];
    services.extend(secure.then(|| listener(443, true)));
    add_listeners(maker, &mut services);
    let profile = if secure {
        "System-Secure-HTTP"
    } else {
        "System-HTTP"
    };
    let policy = |(index, set): (u32, &EcoString)| HttpPolicy {
        http_policy_set_ref: Ref::slash("httppolicyset", set.clone()),
        index,
    };
    let mut body = VirtualService {
        name: child.shard.clone(),
        kind: Some("VS_TYPE_NORMAL".into()),
        created_by: Some(maker.created_by()),
        cloud_ref: Some(maker.cloud_ref()),
        tenant_ref: Some(maker.tenant_ref()),
        se_group_ref: Some(maker.se_group_ref()),
        vrf_context_ref: maker.vrf_ref(),
        network_profile_ref: Some(Ref::slash("networkprofile", "System-TCP-Proxy")),
        application_profile_ref: Some(Ref::slash("applicationprofile", profile)),
        error_page_profile_ref: Some(EcoString::new()),
        services,
        vsvip_ref: Some(Ref::slash("vsvip", child.shard.clone())),
        http_policies: (FIRST_POLICY_INDEX..).zip(sets).map(policy).collect(),
        ssl_key_and_certificate_refs: certs,
        east_west_placement: Some(false),
        enable_rhi: maker.enable_rhi().then_some(true),
        service_metadata: Some(metadata.to_text()),
        markers: maker.markers(markers(maker, child)),
        ..VirtualService::default()
    };
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &VsExtra::default()));
    body
}
