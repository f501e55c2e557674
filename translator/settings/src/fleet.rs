//! The rows of `instances` and `clusters`: trees to be laid over the home one.

use crate::ako::{CLUSTER_NAME_RULE, cluster_name};
use crate::controller::host;
use crate::identity::{IDENTITY_FIELDS, Identity, identity};
use crate::notes::Spot;
use crate::read;
use crate::setting::{Field, Reach, Setting, Shape};
use aviary_types::{ClusterName, Namespace};
use serde_json::{Map, Value};

/// Longest name of a namespace.
const NAMESPACE_CHARS_MAX: usize = 63;
const NAMESPACE_RULE: &str = "the name of a namespace: a-z, 0-9 and -, at most 63";

/// A row of `instances`.
pub(crate) struct InstanceRow {
    pub(crate) namespace: Namespace,
    pub(crate) values: Value,
    /// Where the row stands, such as `instances[0]`.
    pub(crate) at: String,
}

/// A row of `clusters`.
pub(crate) struct ClusterRow {
    pub(crate) name: ClusterName,
    pub(crate) identity: Identity,
    pub(crate) values: Value,
    pub(crate) instances: Vec<InstanceRow>,
    pub(crate) controller: Option<ControllerRow>,
    /// Where the row stands, such as `clusters[0]`.
    pub(crate) at: String,
}

/// The `controller` of a cluster's row.
#[derive(Default)]
pub(crate) struct ControllerRow {
    pub(crate) host: Option<String>,
    pub(crate) username_file: Option<String>,
    pub(crate) password_file: Option<String>,
    pub(crate) token_file: Option<String>,
    pub(crate) ca_file: Option<String>,
}

const INSTANCE_FIELDS: &[Field] = &[
    Field::needed(
        "namespace",
        Shape::Text(NAMESPACE_RULE),
        "AKO's own namespace: part of names and of `created_by`, home of default Secrets.",
    ),
    Field::new(
        "values",
        Shape::Values,
        "What differs from the tree below it.",
    ),
];

const CONTROLLER_FIELDS: &[Field] = &[
    Field::new(
        "host",
        Shape::Text("host or host:port"),
        "Address of the Controller.",
    ),
    Field::new(
        "usernameFile",
        Shape::Text("a file"),
        "File with the user's name.",
    ),
    Field::new(
        "passwordFile",
        Shape::Text("a file"),
        "File with the password.",
    ),
    Field::new(
        "tokenFile",
        Shape::Text("a file"),
        "File with a token instead of a password.",
    ),
    Field::new(
        "caFile",
        Shape::Text("a file"),
        "File with the authority of its certificate.",
    ),
];

pub(crate) static CLUSTERS: Setting<Vec<ClusterRow>> = Setting::new(
    "clusters",
    Shape::Rows(&[
        Field::needed(
            "name",
            Shape::Text(CLUSTER_NAME_RULE),
            "The cluster's clusterName.",
        ),
        Field::new(
            "issuer",
            Shape::Text("text"),
            "Issuer of its ServiceAccount tokens.",
        ),
        Field::new(
            "jwks",
            Shape::Text("a file or a URL"),
            "Keys of that issuer.",
        ),
        Field::new(
            "identities",
            Shape::Rows(IDENTITY_FIELDS),
            "Who may speak for it.",
        ),
        Field::new("values", Shape::Values, "What differs from the home tree."),
        Field::new(
            "instances",
            Shape::Rows(INSTANCE_FIELDS),
            "Its further instances.",
        ),
        Field::new(
            "controller",
            Shape::Map(CONTROLLER_FIELDS),
            "Its own Controller, if it has one.",
        ),
    ]),
    "[]",
    |value, spot| read::rows(value, spot, cluster_row),
    "Further clusters whose agents dial in here. The home cluster may stand here too, for its \
     issuer, keys and identities.",
)
.reach(Reach::Service);

pub(crate) static INSTANCES: Setting<Vec<InstanceRow>> = Setting::new(
    "instances",
    Shape::Rows(INSTANCE_FIELDS),
    "[]",
    |value, spot| read::rows(value, spot, instance_row),
    "Further instances in the home cluster, each with a values tree laid over this one.",
)
.reach(Reach::Service);

/// Whether a namespace may be called so.
pub(crate) fn is_namespace(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let inner = !text.starts_with('-') && !text.ends_with('-');
    !text.is_empty() && text.len() <= NAMESPACE_CHARS_MAX && inner && text.chars().all(legal)
}

fn namespace(value: &Value, spot: &mut Spot<'_>) -> Option<Namespace> {
    match read::text(value, spot) {
        Some(name) if is_namespace(&name) => Some(Namespace::from(name)),
        _ => spot.refuse(value, NAMESPACE_RULE),
    }
}

fn instance_row(row: &Map<String, Value>, spot: &mut Spot<'_>) -> Option<InstanceRow> {
    let namespace = needed(row, "namespace", spot, NAMESPACE_RULE, namespace);
    let values = values(row, spot);
    Some(InstanceRow {
        namespace: namespace?,
        values: values?,
        at: spot.key().to_owned(),
    })
}

fn cluster_row(row: &Map<String, Value>, spot: &mut Spot<'_>) -> Option<ClusterRow> {
    let name = needed(row, "name", spot, CLUSTER_NAME_RULE, cluster_name);
    let identity = identity(row, spot);
    let values = values(row, spot);
    let rows = |value: &Value, spot: &mut Spot<'_>| read::rows(value, spot, instance_row);
    let instances = read::field(row, "instances", spot, rows).unwrap_or_default();
    let controller = read::field(row, "controller", spot, controller);
    let at = spot.key().to_owned();
    Some(ClusterRow {
        name: ClusterName::from(name?),
        identity,
        values: values?,
        instances,
        controller,
        at,
    })
}

fn needed<T>(
    row: &Map<String, Value>,
    name: &str,
    spot: &mut Spot<'_>,
    rule: &str,
    read: impl FnOnce(&Value, &mut Spot<'_>) -> Option<T>,
) -> Option<T> {
    if row.get(name).is_none_or(Value::is_null) {
        return spot.at(&format!(".{name}"), |spot| spot.missing(rule));
    }
    read::field(row, name, spot, read)
}

/// The tree of a row; none is an empty one.
fn values(row: &Map<String, Value>, spot: &mut Spot<'_>) -> Option<Value> {
    match row.get("values") {
        None | Some(Value::Null) => Some(Value::Object(Map::new())),
        Some(Value::Object(tree)) => {
            for nested in ["clusters", "instances"] {
                if tree.get(nested).is_some_and(|value| !value.is_null()) {
                    let key = format!(".values.{nested}");
                    spot.at(&key, |spot| {
                        spot.conflict("values do not hold rows of their own");
                    });
                }
            }
            Some(Value::Object(tree.clone()))
        }
        Some(_) => spot.at(".values", |spot| spot.refuse_unseen("a values tree")),
    }
}

fn controller(value: &Value, spot: &mut Spot<'_>) -> Option<ControllerRow> {
    let Value::Object(row) = value else {
        return spot.refuse_unseen("a map");
    };
    let read = ControllerRow {
        host: read::field(row, "host", spot, host),
        username_file: read::field(row, "usernameFile", spot, file),
        password_file: read::field(row, "passwordFile", spot, file),
        token_file: read::field(row, "tokenFile", spot, file),
        ca_file: read::field(row, "caFile", spot, file),
    };
    let password = read.username_file.is_some() && read.password_file.is_some();
    if !password && read.token_file.is_none() {
        return spot.missing("usernameFile with passwordFile, or tokenFile");
    }
    Some(read)
}

/// The name of a file. What is no name is not repeated: it may be the secret itself.
fn file(value: &Value, spot: &mut Spot<'_>) -> Option<String> {
    match read::text(value, spot) {
        Some(name) if name.contains('/') && !name.contains(char::is_whitespace) => Some(name),
        _ => spot.refuse_unseen("the path of a file"),
    }
}
