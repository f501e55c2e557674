//! Field masks: which fields of an answer are wanted.

use super::refusal::bad_field;
use aviary_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use prost_types::FieldMask;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tonic::Status;

/// Most paths of a mask.
const PATHS_MAX: usize = 100;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).ok());

/// The fields of a message that are wanted, each with those below it; none below it means all.
#[derive(Debug, Default)]
struct Tree(BTreeMap<String, Tree>);

/// A mask for one message of the contract.
#[derive(Debug)]
pub(super) struct Mask {
    message: MessageDescriptor,
    tree: Tree,
}

/// The message that entries of a list are: the full name that masks are read by.
pub(super) type Name = &'static str;

/// The mask that a request bears; `None` if it wants everything.
pub(super) fn read(mask: Option<&FieldMask>, name: Name) -> Result<Option<Mask>, Status> {
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    if paths.is_empty() || paths.iter().any(|path| path == "*") {
        return Ok(None);
    }
    if paths.len() > PATHS_MAX {
        let why = format!("at most {PATHS_MAX} paths");
        return Err(bad_field("read_mask", &why));
    }
    let message = POOL
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(name));
    let message = message.ok_or_else(|| Status::internal("the contract cannot be read"))?;
    let mut tree = Tree::default();
    for path in paths {
        tree.add(path, &message)?;
    }
    Ok(Some(Mask { message, tree }))
}

/// Whether a mask names this field, or something below it.
pub(super) fn names(mask: Option<&Mask>, field: &str) -> bool {
    mask.is_some_and(|mask| mask.tree.0.contains_key(field))
}

/// The fields of a message that a mask wants; all without one.
pub(super) fn apply<T: Message + Default>(mask: Option<&Mask>, message: T) -> T {
    let Some(Mask { message: of, tree }) = mask else {
        return message;
    };
    let bytes = message.encode_to_vec();
    let Ok(mut whole) = DynamicMessage::decode(of.clone(), bytes.as_slice()) else {
        return message;
    };
    tree.prune(&mut whole);
    T::decode(whole.encode_to_vec().as_slice()).unwrap_or(message)
}

impl Tree {
    fn add(&mut self, path: &str, message: &MessageDescriptor) -> Result<(), Status> {
        let mut tree = self;
        let mut message = Some(message.clone());
        for name in path.split('.') {
            let field = message.as_ref().and_then(|it| it.get_field_by_name(name));
            let Some(field) = field else {
                return Err(bad_field("read_mask", &unknown(path, message.as_ref())));
            };
            let is_new = !tree.0.contains_key(name);
            let next = tree.0.entry(name.to_owned()).or_default();
            // A whole field stays whole, whatever else is said of it.
            if !is_new && next.0.is_empty() {
                return Ok(());
            }
            message = field.kind().as_message().cloned();
            tree = next;
        }
        tree.0.clear();
        Ok(())
    }

    fn prune(&self, message: &mut DynamicMessage) {
        let set: Vec<FieldDescriptor> = message.fields().map(|(field, _)| field).collect();
        for field in set {
            match self.0.get(field.name()) {
                None => message.clear_field(&field),
                Some(below) if below.0.is_empty() => {}
                Some(below) => match message.get_field_mut(&field) {
                    Value::Message(inner) => below.prune(inner),
                    Value::List(items) => {
                        let items = items.iter_mut().filter_map(Value::as_message_mut);
                        items.for_each(|inner| below.prune(inner));
                    }
                    _ => {}
                },
            }
        }
    }
}

fn unknown(path: &str, message: Option<&MessageDescriptor>) -> String {
    let Some(message) = message else {
        return format!("`{path}` goes below a field that has none");
    };
    let fields: Vec<String> = message.fields().map(|it| it.name().to_owned()).collect();
    let (name, fields) = (message.name(), fields.join(", "));
    format!("`{path}` is not there: {name} has {fields}")
}

#[cfg(test)]
mod tests {
    use super::{apply, read};
    use aviary_proto::query::v1::{AviObject, GetPlanResponse, Operation};
    use aviary_proto::types::v1::{AviObjectRef, Domain};
    use prost_types::FieldMask;

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask {
            paths: paths.iter().map(ToString::to_string).collect(),
        }
    }

    fn object() -> AviObject {
        AviObject {
            r#ref: Some(AviObjectRef {
                r#type: "pool".into(),
                tenant: "admin".into(),
                name: "p".into(),
            }),
            owner: Some(Domain {
                cluster: "blue".into(),
                instance: "i".into(),
            }),
            uuid: "pool-1".into(),
            ..AviObject::default()
        }
    }

    fn masked(paths: &[&str]) -> AviObject {
        let mask = read(Some(&mask(paths)), "aviary.query.v1.AviObject").unwrap();
        apply(mask.as_ref(), object())
    }

    #[test]
    fn only_what_is_named_is_left() {
        assert_eq!(masked(&[]), object());
        assert_eq!(masked(&["uuid", "*"]), object());
        let only = masked(&["uuid", "owner.cluster"]);
        let owner = Domain {
            cluster: "blue".into(),
            instance: String::new(),
        };
        assert_eq!((only.r#ref, only.owner), (None, Some(owner)));
        assert_eq!(only.uuid, "pool-1");
    }

    #[test]
    fn a_whole_field_stays_whole() {
        for paths in [["owner", "owner.cluster"], ["owner.cluster", "owner"]] {
            assert_eq!(masked(&paths).owner, object().owner, "{paths:?}");
        }
    }

    #[test]
    fn fields_of_every_entry_of_a_list_are_left() {
        let operation = Operation {
            r#ref: object().r#ref,
            reason: "why".into(),
            ..Operation::default()
        };
        let plan = GetPlanResponse {
            generation: 7,
            operations: vec![operation.clone(), operation],
            ..GetPlanResponse::default()
        };
        let mask = mask(&["operations.reason"]);
        let mask = read(Some(&mask), "aviary.query.v1.GetPlanResponse").unwrap();
        let plan = apply(mask.as_ref(), plan);
        assert_eq!((plan.generation, plan.operations.len()), (0, 2));
        let whys = plan.operations.iter().map(|it| it.reason.as_str());
        assert_eq!(whys.collect::<Vec<_>>(), ["why", "why"]);
        assert!(plan.operations.iter().all(|it| it.r#ref.is_none()));
    }

    #[test]
    fn unknown_paths_are_refused_with_the_known_ones() {
        for (path, says) in [
            ("bodies", "AviObject has ref, controller"),
            ("owner.name", "Domain has cluster, instance"),
            ("uuid.x", "goes below"),
            ("", "AviObject has"),
        ] {
            let why = read(Some(&mask(&[path])), "aviary.query.v1.AviObject").unwrap_err();
            assert!(why.message().contains(says), "{path}: {why}");
        }
    }
}
