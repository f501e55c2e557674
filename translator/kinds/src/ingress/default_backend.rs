//! `spec.defaultBackend`: what serves the requests of an Ingress's hosts that no rule takes. An Ingress
//! without rules is one rule without a host.

use super::{Ingress, Path};
use crate::env::Env;
use aviary_settings::DefaultBackend;
use aviary_types::{Code, Finding, ObjectKey};

fn is_served(env: &Env) -> bool {
    env.settings.aviary.default_backend(env.scheme) == DefaultBackend::Serve
}

/// Tells where the default backend is ignored, as AKO does. Answers whether the Ingress asks for
/// anything beside it.
pub(super) fn tell(
    env: &Env,
    key: &ObjectKey,
    ingress: &Ingress,
    findings: &mut Vec<Finding>,
) -> bool {
    if ingress.default_backend.is_none() || is_served(env) {
        return true;
    }
    let has_paths = ingress.rules.iter().any(|rule| !rule.paths.is_empty());
    let (code, text) = if has_paths {
        let text = "spec.defaultBackend is not served";
        (Code::UnsupportedField, text)
    } else {
        let text = "the Ingress has only a default backend, which is not served";
        (Code::NoRules, text)
    };
    let hint = "add a rule with path / and the same backend, or set \
                AviarySettings.defaultBackend to serve";
    findings.push(Finding::new(key, code, text, hint));
    has_paths
}

/// The path that serves what the paths of a host leave over, if they leave anything.
pub(super) fn path<'a>(env: &Env, ingress: &'a Ingress, paths: &[&Path]) -> Option<&'a Path> {
    let takes_all = |path: &&Path| !path.exact && (path.path.is_empty() || path.path == "/");
    let default = ingress.default_backend.as_ref()?;
    // Where TLS is passed through, any path takes all.
    let takes_any = ingress.passthrough && !paths.is_empty();
    (is_served(env) && !takes_any && !paths.iter().any(takes_all)).then_some(default)
}
