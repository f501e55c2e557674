//! VSDataScriptSet: the script that picks a pool of the shared group by host and path.

use crate::common::{Marker, marker_value};
use crate::compare::{said, same_markers, same_set, same_values};
use crate::hash::sha256_hex;
use crate::object::{AviObject, Ownership, answer_from_fields};
use crate::reference::Ref;
use aviary_types::{EcoString, eco_format};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Body of `/api/vsdatascriptset`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VsDataScriptSet {
    /// Name.
    pub name: EcoString,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// The scripts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datascript: Vec<DataScript>,
    /// Groups that the scripts may pick.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pool_group_refs: Vec<Ref>,
    /// What reads the bytes of connections for the scripts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocol_parser_refs: Vec<Ref>,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
    /// Scripts that are left alone where this one is asked for. It is not sent.
    #[serde(skip)]
    pub known: KnownScripts,
}

impl AviObject for VsDataScriptSet {
    const TYPE: &'static str = "vsdatascriptset";
    const OWNERSHIP: Ownership = Ownership::CreatedBy;

    answer_from_fields!(name, tenant_ref, created_by, markers);

    fn refs(&self) -> Vec<&Ref> {
        self.pool_group_refs.iter().collect()
    }

    fn same(&self, observed: &Self) -> bool {
        let same_script = |desired: &DataScript, have: &DataScript| {
            desired.evt == have.evt
                && (desired.script == have.script || self.known.has(&observed.digest_of(have)))
        };
        self.created_by == observed.created_by
            && said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && same_set(&self.datascript, &observed.datascript, same_script)
            && same_values(&self.pool_group_refs, &observed.pool_group_refs)
            && same_values(&self.protocol_parser_refs, &observed.protocol_parser_refs)
            && same_markers(&self.markers, &observed.markers)
    }
}

/// The digests of AKO's own scripts, with the name of their object masked, and in the second one,
/// which runs before any byte goes to a pool, what the names of pool groups begin with: the choice of
/// a pool of the shared group, and that of a passthrough group. Such a script does the same as ours,
/// so it is left alone.
pub const KNOWN_SCRIPTS: &[&str] = &[
    "84ab8da9623a34b28efc8ac17e48add084b1df2cf250cab90a76fa77e8d6bc31",
    "c51c40098b181f9e14d522c8d81efea6a498909b614f37f63d0f18b4c7c7d996",
];

/// Digests of scripts that do what ours do; [`KNOWN_SCRIPTS`] unless others are given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KnownScripts(Option<Arc<[EcoString]>>);

impl KnownScripts {
    /// These digests, in lower-case hexadecimal SHA-256, and no others.
    pub fn only(digests: impl IntoIterator<Item = EcoString>) -> Self {
        Self(Some(digests.into_iter().collect()))
    }

    fn has(&self, digest: &EcoString) -> bool {
        match &self.0 {
            Some(digests) => digests.contains(digest),
            None => KNOWN_SCRIPTS.contains(&digest.as_str()),
        }
    }
}

/// What stands for the object's name in a script before it is digested.
const NAME_MASK: &str = "{NAME}";

/// What stands for the beginning of names.
const PREFIX_MASK: &str = "{PREFIX}";

/// The event of a script that sees whole requests.
pub const HTTP_REQUEST: &str = "VS_DATASCRIPT_EVT_HTTP_REQ";

/// The script of a shared virtual service: picks the pool of the group whose priority label is the
/// longest that the lower-case host and path begin with.
pub fn script(pool_group: &str) -> EcoString {
    let group = pool_group.replace('\\', "\\\\").replace('"', "\\\"");
    eco_format!(
        r#"local host = avi.http.get_host_tokens("MODIFIED", 1)
local path = avi.http.get_path_tokens("MODIFIED", 1)
if host then
  host = string.gsub(host, ":[^:]*$", "")
  avi.poolgroup.select("{group}", string.lower(host .. "/" .. (path or "")))
end
"#
    )
}

/// The event of a script that sees connections before any byte goes to a pool.
pub const L4_REQUEST: &str = "VS_DATASCRIPT_EVT_L4_REQUEST";

/// Reads TLS.
pub fn tls_parser() -> Ref {
    Ref::slash("protocolparser", "Default-TLS")
}

/// The script of a virtual service that passes TLS through: reads the SNI name off the first bytes
/// and picks the pool group that is called after it. What is no TLS or has no name is closed.
pub fn passthrough_script(prefix: &str) -> EcoString {
    let prefix = prefix.replace('\\', "\\\\").replace('"', "\\\"");
    eco_format!(
        r#"local tls = require "Default-TLS"
local have = avi.l4.collect(20)
local want = tls.get_req_buffer_size(avi.l4.read())
if have < want then
  avi.l4.collect(want)
end
local bytes = avi.l4.read()
local name = nil
if tls.sanity_check(bytes) then
  name = tls.get_sni(tls.parse_record(bytes))
end
if name then
  avi.vs.log("passed on: " .. name)
  avi.poolgroup.select("{prefix}" .. name)
else
  avi.vs.log("closed: no TLS, or no SNI name")
  avi.vs.close_conn()
end
avi.l4.ds_done()
"#
    )
}

/// Stands for a name in a script of ours, to find out where names stand.
const BLANK: &str = "{BLANK}";

impl VsDataScriptSet {
    /// Whether a script is one that only this program writes.
    pub fn is_our_text(&self) -> bool {
        let ours = [script(BLANK), passthrough_script(BLANK)];
        let is_ours = |text: &str| {
            let mut halves = ours.iter().filter_map(|ours| ours.split_once(BLANK));
            halves.any(|(head, tail)| text.starts_with(head) && text.ends_with(tail))
        };
        self.datascript.iter().any(|it| is_ours(&it.script))
    }

    fn digest_of(&self, script: &DataScript) -> EcoString {
        let masked = script.script.replace(self.name.as_str(), NAME_MASK);
        let cluster = marker_value(&self.markers, "clustername");
        match cluster.filter(|_| script.evt == L4_REQUEST) {
            Some(cluster) => sha256_hex(&masked.replacen(&format!("{cluster}--"), PREFIX_MASK, 1)),
            None => sha256_hex(&masked),
        }
    }
}

/// One script.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataScript {
    /// Event that runs it.
    pub evt: EcoString,
    /// Its text.
    pub script: EcoString,
}

#[cfg(test)]
mod tests {
    use super::{
        DataScript, KnownScripts, L4_REQUEST, VsDataScriptSet, passthrough_script, script,
    };
    use crate::hash::sha256_hex;
    use crate::object::AviObject;
    use crate::samples::{body, check_same};
    use serde_json::json;

    #[test]
    fn what_we_send_counts() {
        check_same(
            "ds",
            &[
                ("/datascript/0/script", json!("other"), false),
                (
                    "/datascript/0/evt",
                    json!("VS_DATASCRIPT_EVT_L4_REQUEST"),
                    false,
                ),
                ("/pool_group_refs", json!(["/api/poolgroup?name=x"]), false),
                ("/protocol_parser_refs", json!([]), true),
                (
                    "/protocol_parser_refs",
                    json!(["/api/protocolparser?name=Default-TLS"]),
                    false,
                ),
            ],
        );
    }

    #[test]
    fn known_scripts_are_left_alone_whatever_object_they_name() {
        let mut desired: VsDataScriptSet = body("ds");
        let mut observed = desired.clone();
        observed.datascript = vec![DataScript {
            evt: desired.datascript[0].evt.clone(),
            script: format!("select {}", desired.name).into(),
        }];
        assert!(!desired.same(&observed));
        desired.known = KnownScripts::only([sha256_hex("select {NAME}")]);
        assert!(desired.same(&observed));
    }

    #[test]
    fn our_texts_are_told_from_others() {
        let with = |text: &str| VsDataScriptSet {
            datascript: vec![DataScript {
                evt: L4_REQUEST.into(),
                script: text.into(),
            }],
            ..VsDataScriptSet::default()
        };
        assert!(with(&script("c1--Shared-L7-0")).is_our_text());
        assert!(with(&passthrough_script("c1--my-setting-")).is_our_text());
        let edited = script("c1--Shared-L7-0").replace("lower", "upper");
        assert!(!with(&edited).is_our_text());
        assert!(!with("avi.poolgroup.select(\"c1--Shared-L7-0\")").is_our_text());
        assert!(!VsDataScriptSet::default().is_our_text());
    }

    /// The same script is another text in each cluster.
    #[test]
    fn the_known_script_of_passthrough_is_known_in_every_cluster() {
        let digest = sha256_hex("select {PREFIX} .. name, not c1--");
        let mut desired: VsDataScriptSet = body("ds");
        desired.datascript[0].evt = L4_REQUEST.into();
        desired.known = KnownScripts::only([digest]);
        let mut observed = desired.clone();
        observed.datascript[0].script = "select c1-- .. name, not c1--".into();
        assert!(desired.same(&observed));
        observed.datascript[0].script = "select c2-- .. name, not c1--".into();
        assert!(!desired.same(&observed));
    }

    #[test]
    fn the_script_names_its_group_once() {
        let text = script("c1--Shared-L7-0");
        assert_eq!(text.matches("\"c1--Shared-L7-0\"").count(), 1);
        assert!(script(r#"a"b\c"#).contains(r#""a\"b\\c""#));
    }
}
