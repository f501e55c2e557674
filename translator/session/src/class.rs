//! What a refusal of the Controller asks us to do: one table from status and message to a class.

use http::Method;
use serde::Serialize;
use std::fmt;

/// What is to be done about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing happened; the same call may succeed later.
    Retry,
    /// No answer came: it may have had its effect.
    Lost,
    /// The object changed since it was read: read it again and compare anew.
    Reread,
    /// The login is no longer valid.
    Relogin,
    /// There is an object of that name already, perhaps ours.
    Exists,
    /// There is no such object.
    Gone,
    /// It cannot be deleted while others refer to it.
    StillReferred,
    /// Something that it refers to, or its tenant, does not exist (yet).
    MissingReference,
    /// The network has no free address.
    NoFreeAddress,
    /// The Controller is being upgraded and takes no configuration.
    WaitForUpgrade,
    /// The Controller will never take this as it is; its message goes to the user.
    Refuse,
    /// We must not send (fence lost, session closed): nothing further is to be tried.
    Stop,
}

impl Class {
    /// Whether the same call is worth another try within seconds.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Retry | Self::Lost | Self::Relogin)
    }

    /// Whether the fault lies in what the user asked for, so that it is told at the object.
    pub fn is_for_the_user(self) -> bool {
        matches!(
            self,
            Self::Refuse | Self::MissingReference | Self::NoFreeAddress | Self::Exists
        )
    }

    /// Whether it would be the same for every other call: the Controller takes nothing from us now.
    pub fn is_for_all(self) -> bool {
        matches!(self, Self::WaitForUpgrade | Self::Stop)
    }

    /// The word for logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Lost => "lost",
            Self::Reread => "reread",
            Self::Relogin => "relogin",
            Self::Exists => "exists",
            Self::Gone => "gone",
            Self::StillReferred => "still_referred",
            Self::MissingReference => "missing_reference",
            Self::NoFreeAddress => "no_free_address",
            Self::WaitForUpgrade => "wait_for_upgrade",
            Self::Refuse => "refuse",
            Self::Stop => "stop",
        }
    }

    /// The class of an answer. `message` is the Controller's text.
    pub fn of(method: &Method, status: u16, message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        TABLE
            .iter()
            .find(|rule| rule.fits(method, status, &message))
            .map_or(Self::Refuse, |rule| rule.class)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One row: the first that fits decides.
struct Rule {
    /// First and last status.
    status: (u16, u16),
    /// Only for this method; empty for all.
    method: &'static str,
    /// Only if the message contains this, in lower case.
    text: &'static str,
    class: Class,
}

impl Rule {
    fn fits(&self, method: &Method, status: u16, message: &str) -> bool {
        (self.status.0..=self.status.1).contains(&status)
            && (self.method.is_empty() || method.as_str() == self.method)
            && message.contains(self.text)
    }
}

const fn rule(first: u16, last: u16, text: &'static str, class: Class) -> Rule {
    Rule {
        status: (first, last),
        method: "",
        text,
        class,
    }
}

const fn on(method: &'static str, status: u16, text: &'static str, class: Class) -> Rule {
    Rule {
        status: (status, status),
        method,
        text,
        class,
    }
}

const TABLE: &[Rule] = &[
    rule(300, 399, "", Class::Retry), // a follower points at the leader
    rule(401, 401, "", Class::Relogin),
    rule(419, 419, "", Class::Relogin),
    rule(408, 408, "", Class::Retry),
    rule(429, 429, "", Class::Retry),
    rule(409, 409, "", Class::Exists),
    rule(412, 412, "", Class::Reread),
    rule(400, 403, "object is referred by", Class::StillReferred),
    rule(400, 400, "need to reload object data", Class::Reread),
    rule(400, 400, "no available free ip", Class::NoFreeAddress),
    rule(400, 400, "vrfcontext not found", Class::MissingReference),
    rule(400, 400, "object not found", Class::MissingReference),
    rule(403, 403, "disallowed during upgrade", Class::WaitForUpgrade),
    rule(403, 403, "does not exist", Class::MissingReference), // a tenant
    on("POST", 404, "", Class::MissingReference),
    rule(404, 404, "", Class::Gone),
    rule(500, 500, "bad pb", Class::Refuse), // the body failed the Controller's own check
    rule(500, 500, "import error", Class::Refuse), // a certificate that it cannot read
    rule(501, 501, "", Class::Refuse),
    rule(500, 599, "", Class::Retry),
];

#[cfg(test)]
mod tests {
    use super::Class;
    use http::Method;

    const CASES: &[(&str, u16, &str, Class)] = &[
        ("GET", 302, "", Class::Retry),
        ("PUT", 401, "CSRF token missing", Class::Relogin),
        ("PUT", 419, "", Class::Relogin),
        ("POST", 429, "", Class::Retry),
        ("POST", 409, "Pool with this Name exists.", Class::Exists),
        ("PUT", 412, "Need to reload object data", Class::Reread),
        (
            "DELETE",
            400,
            "Cannot delete, object is referred by: []",
            Class::StillReferred,
        ),
        (
            "DELETE",
            403,
            "Cannot delete, object is referred by: []",
            Class::StillReferred,
        ),
        (
            "POST",
            400,
            "No available free IPs in x",
            Class::NoFreeAddress,
        ),
        (
            "POST",
            400,
            "Network object not found",
            Class::MissingReference,
        ),
        (
            "POST",
            404,
            "VsVip object not found",
            Class::MissingReference,
        ),
        (
            "POST",
            403,
            "Tenant 'x' does not exist!",
            Class::MissingReference,
        ),
        ("PUT", 404, "Pool object not found!", Class::Gone),
        (
            "PUT",
            403,
            "Configuration is disallowed during upgrade",
            Class::WaitForUpgrade,
        ),
        ("PUT", 403, "no permission", Class::Refuse),
        (
            "PUT",
            400,
            "Changing an existing VIP's vip_id",
            Class::Refuse,
        ),
        ("POST", 500, "Bad pb: uuid", Class::Refuse),
        ("POST", 500, "oops", Class::Retry),
        ("GET", 503, "", Class::Retry),
    ];

    #[test]
    fn each_answer_has_its_class() {
        for &(method, status, text, want) in CASES {
            let class = Class::of(&method.parse::<Method>().unwrap(), status, text);
            assert_eq!(class, want, "{method} {status} {text}");
        }
    }
}
