use super::{Adoption, Origin, Untaken, Verdict, Weight};
use aviary_avi::{AviKey, AviKind};
use aviary_query::view::{AdoptionStand, Change, ChangeKind};
use aviary_types::DomainId;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

const QUIET: Duration = Duration::from_secs(10);

fn blue() -> DomainId {
    DomainId {
        cluster: "blue".into(),
        instance: None,
    }
}

/// A plan for the domain; without a digest it is empty.
fn plan(digest: &str) -> Weight {
    Weight {
        is_empty: digest.is_empty(),
        digest: digest.into(),
        is_complete: true,
        is_approved: false,
    }
}

fn change(name: &str, second: i64) -> Change {
    Change {
        object: AviKey {
            kind: AviKind::Pool,
            tenant: "admin".into(),
            cloud: "".into(),
            name: name.into(),
        },
        seen: Timestamp::from_second(second).unwrap(),
        how: ChangeKind::Changed,
        fields: Vec::new(),
    }
}

/// What was found at an instant.
fn found(origin: Origin, now: Instant) -> Adoption {
    let mut adoption = Adoption::default();
    adoption.find(blue(), origin, now);
    adoption
}

fn verdict(adoption: &mut Adoption, digest: &str) -> Verdict {
    adoption.weigh(&blue(), plan(digest), QUIET)
}

/// It is noted that the domain is ours; what is planned may go out then.
fn noted(adoption: &mut Adoption) -> Verdict {
    assert!(adoption.note(&blue()));
    assert!(!adoption.note(&blue()));
    assert_eq!(verdict(adoption, "plan"), Verdict::Note);
    assert!(!adoption.noted(|_| false));
    assert!(adoption.noted(|_| true));
    verdict(adoption, "plan")
}

#[test]
fn where_nothing_is_served_writes_go_out_at_once() {
    let mut adoption = found(Origin::Nothing, Instant::now());
    assert_eq!(verdict(&mut adoption, ""), Verdict::Look);
    assert!(!adoption.is_watching());
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Note);
    assert_eq!(noted(&mut adoption), Verdict::Write);
}

#[test]
fn what_was_noted_before_is_ours() {
    let mut adoption = Adoption::default();
    adoption.own(blue());
    adoption.find(blue(), Origin::Others, Instant::now());
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Write);
    assert!(adoption.closed().is_empty());
}

#[test]
fn what_others_made_waits_for_approval_and_for_silence() {
    let start = Instant::now();
    let mut adoption = found(Origin::Others, start);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Look);
    assert_eq!(adoption.approve("plan"), Err(Untaken::Early(blue())));
    adoption.looked(start + QUIET / 2);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Look);
    adoption.looked(start + QUIET);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Approval);
    assert_eq!(adoption.digest(), "plan");
    assert_eq!(adoption.approve("another"), Err(Untaken::Unknown));
    assert_eq!(adoption.approve(""), Err(Untaken::Unknown));
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Approval);
    assert_eq!(adoption.approve("plan"), Ok(blue()));
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Note);
    assert_eq!(noted(&mut adoption), Verdict::Write);
}

#[test]
fn another_plan_than_the_approved_one_is_not_granted() {
    for (planned, is_granted) in [("plan", true), ("more", false), ("", false)] {
        let start = Instant::now();
        let mut adoption = found(Origin::Others, start);
        adoption.looked(start + QUIET);
        verdict(&mut adoption, "plan");
        assert_eq!(adoption.approve("plan"), Ok(blue()));
        assert!(
            !adoption.take_granted(|_| "plan".into()),
            "it is not ours yet"
        );
        noted(&mut adoption);
        assert_eq!(
            adoption.take_granted(|_| planned.into()),
            is_granted,
            "{planned}"
        );
        assert!(!adoption.take_granted(|_| "plan".into()), "once is enough");
    }
}

#[test]
fn nothing_to_write_needs_no_approval_but_silence() {
    let start = Instant::now();
    let mut adoption = found(Origin::Others, start);
    assert_eq!(verdict(&mut adoption, ""), Verdict::Look);
    // Somebody edits an Ingress meanwhile.
    assert_eq!(verdict(&mut adoption, "edit"), Verdict::Look);
    assert!(adoption.is_under_way());
    adoption.looked(start + QUIET);
    assert_eq!(verdict(&mut adoption, "edit"), Verdict::Note);
}

#[test]
fn nothing_to_write_as_far_as_was_heard_does_not_count() {
    let start = Instant::now();
    let mut adoption = found(Origin::Others, start);
    let unheard = Weight {
        is_complete: false,
        ..plan("")
    };
    adoption.weigh(&blue(), unheard, QUIET);
    adoption.looked(start + QUIET);
    assert_eq!(verdict(&mut adoption, "the rest"), Verdict::Approval);
}

#[test]
fn what_bears_our_hand_or_is_approved_by_settings_needs_silence_alone() {
    for origin in [Origin::OwnHand, Origin::Others] {
        let start = Instant::now();
        let mut adoption = found(origin, start);
        let plan = || Weight {
            is_approved: origin == Origin::Others,
            ..plan("plan")
        };
        assert_eq!(adoption.weigh(&blue(), plan(), QUIET), Verdict::Look);
        adoption.changed(&blue(), change("a", 1), start);
        assert_eq!(adoption.weigh(&blue(), plan(), QUIET), Verdict::Others);
        adoption.looked(start + QUIET);
        assert_eq!(adoption.weigh(&blue(), plan(), QUIET), Verdict::Note);
    }
}

#[test]
fn while_others_write_nothing_goes_out_whatever_was_seen_before() {
    let start = Instant::now();
    let mut adoption = found(Origin::Others, start);
    verdict(&mut adoption, "");
    let later = start + QUIET;
    adoption.looked(later);
    adoption.changed(&blue(), change("a", 1), later);
    adoption.changed(&blue(), change("b", 2), later);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Others);
    assert!(!adoption.is_under_way(), "it is over once the others end");
    let last = change("b", 2).object;
    assert_eq!(adoption.approve("plan"), Err(Untaken::Others(blue(), last)));
    // They have ended. What they left was not seen to need nothing.
    adoption.looked(later + QUIET);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Approval);
    assert_eq!(verdict(&mut adoption, ""), Verdict::Note);
}

#[test]
fn a_reading_of_everything_begins_the_watch_anew() {
    let start = Instant::now();
    let mut adoption = found(Origin::OwnHand, start);
    adoption.looked(start + QUIET);
    adoption.reread(start + QUIET);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Look);
}

#[test]
fn what_appears_where_nothing_was_is_watched() {
    let start = Instant::now();
    let mut adoption = found(Origin::Nothing, start);
    adoption.refind(&blue(), Origin::Nothing, start);
    assert!(adoption.is_fresh(&blue()));
    adoption.refind(&blue(), Origin::Others, start);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Look);
    adoption.looked(start + QUIET);
    assert_eq!(verdict(&mut adoption, "plan"), Verdict::Approval);
}

#[test]
fn changes_of_others_are_shown_with_their_fields_and_bounded() {
    let start = Instant::now();
    let mut adoption = found(Origin::Others, start);
    for number in 0..200 {
        adoption.changed(&blue(), change(&format!("p{number}"), number), start);
    }
    let newest = change("p199", 0).object;
    adoption.differs(&newest, &["servers".into()]);
    adoption.differs(&newest, &["servers".into(), "name".into()]);
    verdict(&mut adoption, "plan");
    let view = &adoption.views()[&blue()];
    assert_eq!(view.stand, AdoptionStand::OthersWrite);
    assert_eq!(view.changes.len(), super::CHANGES_MAX);
    let shown = view.changes.iter().find(|it| it.object == newest).unwrap();
    assert_eq!(shown.fields, ["servers", "name"]);
    assert!(view.changes.iter().all(|it| it.seen.as_second() >= 150));
}
