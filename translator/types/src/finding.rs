//! What is wrong with a user's object, told at the object. A finding is not an error: all else goes on.

use crate::ObjectKey;
use ecow::EcoString;
use serde::Serialize;
use std::fmt;

/// How much of the object's effect is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Severity {
    /// Everything is applied; worth knowing.
    Info,
    /// A part has no effect.
    Warning,
    /// The object, or one of its hosts, is not served as asked.
    Error,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $severity:ident;)*) => {
        /// What kind of finding it is. Numbers are never reused. Each has a page,
        /// `docs/codes/<number>.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, by number.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The number after `AVY-`.
            pub fn number(self) -> u16 {
                match self { $(Code::$name => $number,)* }
            }

            /// Its page: what happened, what it means for traffic, what to do. Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$name => include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"),
                        "/../../docs/codes/",
                        stringify!($number),
                        ".md"
                    )),)*
                }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// The object is no JSON or YAML of its kind; its last accepted version stays in force.
    Unreadable = 1001, Error;
    /// A field that is needed is missing or has a value that is not allowed.
    InvalidSpec = 1002, Error;
    /// A field has no effect here; the rest applies.
    UnsupportedField = 1003, Warning;
    /// A kind or feature is not supported yet; nothing of the object is applied.
    NotSupportedYet = 1004, Error;
    /// An Ingress without rules serves nothing.
    NoRules = 1101, Warning;
    /// The host lies outside the DNS domains of the cloud.
    ForeignDomain = 1102, Error;
    /// A rule without a host where no DNS domain is known to make one up.
    HostlessWithoutDomain = 1103, Error;
    /// The Secret of a TLS host does not exist.
    SecretMissing = 1104, Error;
    /// The Secret of a TLS host lacks `tls.crt` or `tls.key`, or they cannot be read.
    SecretInvalid = 1105, Error;
    /// The Service behind a path does not exist.
    ServiceMissing = 1106, Warning;
    /// The Service has no port of that number or name.
    PortMissing = 1107, Warning;
    /// Two Ingresses have the same host and path.
    DuplicateHostPath = 1108, Warning;
    /// A name would be longer than the Controller allows and was shortened.
    NameShortened = 1109, Info;
    /// Two Secrets are named for one host; one of them is served.
    DifferingSecrets = 1110, Warning;
    /// The host is not listed in any rule, so the TLS entry secures nothing.
    TlsHostWithoutRule = 1111, Info;
    /// The host is longer than a DNS name may be.
    HostTooLong = 1112, Error;
    /// The shared VIP has no room for another name.
    TooManyNames = 1113, Error;
    /// The Service cannot be reached in the way that the settings ask for.
    BackendUnreachable = 1114, Warning;
    /// Nothing stands behind the Service at the moment.
    NoServers = 1115, Info;
    /// A Secret has one part of a second certificate, not both.
    SecretIncomplete = 1116, Warning;
    /// TLS of the host ends elsewhere, for an older Ingress.
    TlsEndsElsewhere = 1117, Error;
    /// A host of which TLS cannot be passed through: its name is no exact one, or too long.
    NoPassthrough = 1118, Error;
    /// An Ingress of a cluster that is OpenShift, where Routes are served instead.
    IngressOnOpenShift = 1119, Error;
    /// Requests of a path meet another rule first, of another namespace mostly.
    PathHidden = 1120, Warning;
    /// A plain path of a host that is redirected to TLS for another Ingress.
    PlainBehindTls = 1121, Warning;
    /// A wildcard host without TLS on a parent that hosts share, which finds it by its exact name.
    WildcardPlain = 1122, Error;
    /// The host is claimed by an older object elsewhere.
    HostClaimed = 1201, Error;
    /// Another instance takes the object's namespace too, and serves the object.
    TakenTwice = 1202, Warning;
    /// The host is served for objects of others that were not heard since the start.
    HostKept = 1203, Warning;
    /// A Service of type LoadBalancer without a usable port.
    NoPorts = 1301, Error;
    /// A protocol that cannot be served.
    ProtocolUnsupported = 1302, Error;
    /// The asked address is no address.
    AddressInvalid = 1303, Error;
    /// The Services of a shared VIP do not agree; none of them is served.
    SharedVipDiffers = 1304, Error;
    /// An older Service of the shared VIP has the port.
    PortClaimed = 1305, Warning;
    /// The Controller refused an object that this one asks for.
    ControllerRefused = 1401, Error;
    /// A manifest that is no YAML, or no Kubernetes object; told by an agent.
    ManifestMalformed = 1501, Error;
    /// An object that stands in more than one manifest; told by an agent.
    ManifestTwice = 1502, Warning;
    /// A folder or file of manifests that cannot be read; told by an agent.
    ManifestUnreadable = 1503, Error;
    /// An object that is too large to be sent; told by an agent.
    TooLarge = 1504, Error;
    /// An AviInfraSetting that is named does not exist.
    SettingMissing = 1601, Error;
    /// An AviInfraSetting that is named is rejected.
    SettingRejected = 1602, Error;
    /// The Controller lacks what an AviInfraSetting names.
    NotOnController = 1603, Error;
    /// Two namespaces without tenants of their own ask for different AviInfraSettings.
    SettingDiffers = 1604, Warning;
    /// Translating the object failed by a fault of ours; what it came to before stays.
    TranslationFault = 1701, Error;
}

impl Code {
    /// The reason of the Event that tells it: AKO's word where AKO has one, else the code.
    pub fn event_reason(self) -> EcoString {
        if self == Self::DuplicateHostPath {
            "DuplicateHostPath".into()
        } else {
            ecow::eco_format!("{self}")
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AVY-{}", self.number())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that is wrong with one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The object it is told at.
    pub object: ObjectKey,
    /// What kind of finding.
    pub code: Code,
    /// What happened, in lower case, without a full stop.
    pub text: EcoString,
    /// What to do about it.
    pub hint: EcoString,
}

impl Finding {
    /// A finding from its parts.
    pub fn new(
        object: &ObjectKey,
        code: Code,
        text: impl Into<EcoString>,
        hint: impl Into<EcoString>,
    ) -> Self {
        Self {
            object: object.clone(),
            code,
            text: text.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.code, self.object, self.text)?;
        if self.hint.is_empty() {
            Ok(())
        } else {
            write!(f, "; {}", self.hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn numbers_are_unique_and_sorted() {
        assert!(
            Code::ALL
                .windows(2)
                .all(|pair| pair[0].number() < pair[1].number())
        );
    }
}
