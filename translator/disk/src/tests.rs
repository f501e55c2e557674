//! Crash and restart: a device that loses what was not synced, at any operation.

use super::{Db, Noted, Record, Restored, StoreAt, Write};
use aviary_plan::{Journal, Right};
use aviary_types::{ClusterName, DomainId, ObjectKey, Scheme, ScopeKey};
use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex};

/// What survives, and what was only written.
#[derive(Debug, Default)]
struct Disk {
    durable: Vec<u8>,
    view: Vec<u8>,
    /// Operations left until the power goes.
    left: usize,
}

#[derive(Debug, Clone, Default)]
struct Device(Arc<Mutex<Disk>>);

impl Device {
    fn reboot(&self, operations: usize) {
        let mut disk = self.0.lock().unwrap();
        disk.view = disk.durable.clone();
        disk.left = operations;
    }

    fn step(&self) -> Result<std::sync::MutexGuard<'_, Disk>, io::Error> {
        let mut disk = self.0.lock().unwrap();
        disk.left = disk
            .left
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("no power"))?;
        Ok(disk)
    }
}

impl StorageBackend for Device {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().unwrap().view.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let disk = self.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap();
        let bytes = disk.view.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::other("beyond the end"))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.step()?.view.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut disk = self.step()?;
        disk.durable = disk.view.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut disk = self.step()?;
        let from = usize::try_from(offset).unwrap();
        disk.view[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}

fn key(name: &str) -> ObjectKey {
    let kind = aviary_kinds::service::KIND;
    ObjectKey::new(&ClusterName::from("blue"), kind, "shop", name)
}

fn record(version: usize) -> Record {
    Record {
        version: version.to_string(),
        epoch: 1,
        ..Record::default()
    }
}

fn open(device: &Device) -> Result<(Db, Restored), super::Error> {
    Db::open(StoreAt::Backend(Box::new(device.clone())))
}

#[test]
fn no_acknowledged_write_is_lost_whenever_the_power_goes() {
    for power in 1..120 {
        let device = Device::default();
        device.reboot(usize::MAX);
        drop(open(&device).unwrap());
        device.reboot(power);
        let mut acknowledged = 0;
        if let Ok((db, _)) = open(&device) {
            for version in 1..=10 {
                if db
                    .write(&[Write::Accept(key("web"), record(version))])
                    .is_err()
                {
                    break;
                }
                acknowledged = version;
            }
        }
        device.reboot(usize::MAX);
        let (_, restored) = open(&device).unwrap();
        let found = restored
            .objects
            .first()
            .map_or(0, |it| it.record.version.parse().unwrap());
        let next: usize = acknowledged + 1;
        assert!(
            (acknowledged..=next).contains(&found),
            "{acknowledged} became {found}"
        );
    }
}

fn named(domain: &str, right: Right) -> Write {
    Write::Name(Noted {
        name: "blue--vip".into(),
        domain: DomainId::of_text(domain),
        right,
    })
}

#[test]
fn what_is_written_is_read_back() {
    let device = Device::default();
    device.reboot(usize::MAX);
    let scope = key("web").scope();
    {
        let (db, restored) = open(&device).unwrap();
        assert!(restored.objects.is_empty());
        db.write(&[
            Write::Accept(key("a"), record(1)),
            Write::Accept(key("b"), record(1)),
            Write::Reject(key("b"), record(2)),
            Write::Reject(key("c"), record(1)),
            Write::Accept(key("d"), record(1)),
            Write::Remove(key("d")),
            Write::Publish(scope.clone()),
            named("blue", Right::Makes),
            named("blue/second", Right::Makes),
            Write::Overlap("blue".into(), jiff::Timestamp::UNIX_EPOCH),
            Write::Overlap("green".into(), jiff::Timestamp::UNIX_EPOCH),
            Write::Overlapped("green".into()),
            Write::Scheme("blue".into(), Scheme::Documented),
            Write::Scheme("blue".into(), Scheme::Ako),
            Write::Scheme("green".into(), Scheme::Ako),
            Write::Unnamed("green".into()),
        ])
        .unwrap();
    }
    let (db, restored) = open(&device).unwrap();
    let objects: Vec<(&str, &str, bool)> = restored
        .objects
        .iter()
        .map(|it| {
            (
                it.key.name.as_str(),
                it.record.version.as_str(),
                it.accepted,
            )
        })
        .collect();
    assert_eq!(
        objects,
        [
            ("a", "1", true),
            ("b", "1", true),
            ("b", "2", false),
            ("c", "1", false)
        ]
    );
    assert_eq!(restored.scopes, std::slice::from_ref(&scope));
    let owner = |domain: &str| Some(Some(DomainId::of_text(domain)));
    let known = |names: &Journal| names.owner("blue--vip").map(Option::<&DomainId>::cloned);
    assert_eq!(known(&restored.names), owner("blue"));
    assert_eq!(restored.schemes, [("blue".into(), Scheme::Ako)]);
    let until = jiff::Timestamp::UNIX_EPOCH;
    assert_eq!(restored.overlaps, [("blue".into(), until)]);
    db.write(&[
        Write::Accept(key("b"), record(3)),
        Write::Release(scope),
        named("blue/second", Right::Refers),
    ])
    .unwrap();
    drop(db);
    let (_, restored) = open(&device).unwrap();
    assert!(restored.objects.is_empty() && restored.scopes.is_empty());
    assert_eq!(known(&restored.names), owner("blue/second"));
}

#[test]
fn what_lacks_a_path_of_today_or_its_secrets_makes_its_scope_wait() {
    let device = Device::default();
    device.reboot(usize::MAX);
    let other = ObjectKey {
        namespace: "pay".into(),
        ..key("web")
    };
    let whole = ObjectKey {
        namespace: "whole".into(),
        ..key("web")
    };
    let scopes = [&key("web"), &other, &whole].map(ObjectKey::scope);
    {
        let (db, _) = open(&device).unwrap();
        db.write(&[
            Write::Accept(
                key("web"),
                Record {
                    epoch: 7,
                    ..record(1)
                },
            ),
            Write::Accept(
                other,
                Record {
                    incomplete: true,
                    ..record(1)
                },
            ),
            Write::Accept(whole, record(1)),
        ])
        .unwrap();
        db.write(&scopes.clone().map(Write::Publish)).unwrap();
    }
    let (_, restored) = open(&device).unwrap();
    let unfit: Vec<&ScopeKey> = restored.unfit.iter().collect();
    assert_eq!(unfit, [&scopes[1], &scopes[0]]);
}
