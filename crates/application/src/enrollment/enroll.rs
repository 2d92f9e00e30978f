use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{Enrollment, EnrollmentId, EnrollmentStatus, Request, SeatHoldId};
use matricula_domain::identity::Reach;
use matricula_domain::people::{IdentifierKind, NewPersonIds, Person, PersonDetails, PersonId, Standing};
use matricula_domain::shared::{Changed, EmailAddress, Fault, Faults, Id, PhoneNumber};
use matricula_ports::{PortError, Scope, Tx, transact};
use uuid::Uuid;

use super::{Enrollments, EnrollmentsError};
use crate::World;
use crate::access::{Allowed, ManageEnrollments};

/// Who is to be enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Somebody who is known.
    Person(PersonId),
    /// Somebody by name and address, who may be known.
    Details(PersonDetails),
}

/// A place that somebody got.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The enrollment.
    pub enrollment: Enrollment,
    /// Its place in the queue (1 is next), if it waits.
    pub waitlist_position: Option<u32>,
}

/// Who gets a place.
enum Somebody {
    /// Who is known.
    Known(PersonId),
    /// Who is met with the place, and saved with it.
    New(Box<Changed<Person>>),
}

impl Somebody {
    fn id(&self) -> PersonId {
        match self {
            Self::Known(id) => *id,
            Self::New(met) => met.state().id(),
        }
    }
}

/// Which place is wished for.
pub(crate) struct Wish<'w> {
    pub id: EnrollmentId,
    pub run: CourseRunId,
    pub wanted: &'w Wanted,
    pub hold: Option<SeatHoldId>,
    pub waitlist: bool,
    pub lead: Option<Uuid>,
    pub reach: &'w Reach,
    pub scope: &'w Scope,
}

impl Enrollments {
    /// Enrolls somebody into a run, or puts them into its queue if that is asked for and it is full.
    ///
    /// # Errors
    /// [`EnrollmentsError`].
    pub async fn enroll(
        &self,
        who: &Allowed<ManageEnrollments>,
        run: CourseRunId,
        wanted: &Wanted,
        hold: Option<SeatHoldId>,
        waitlist: bool,
    ) -> Result<Placed, EnrollmentsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            enroll_in(tx, &self.world, Wish { id: self.world.id(), run, wanted, hold, waitlist, lead: None, reach: &who.reach(), scope: who.scope() })
                .await
        })
        .await
    }
}

/// The person who is meant; a new one if nobody has the address or number.
async fn person(tx: &Tx, world: &World, scope: &Scope, wanted: &Wanted) -> Result<Somebody, EnrollmentsError> {
    let known = match wanted {
        Wanted::Person(id) => {
            let found = tx.people().find(*id).await?;
            Some(found.ok_or_else(|| Faults::from(Fault::new("NOT_FOUND", "names nobody here").under("person_id")))?)
        }
        Wanted::Details(details) => {
            let email = details.email.as_ref().map(|email| (IdentifierKind::Email, EmailAddress::as_str(email).to_owned()));
            let phone = details.phone.as_ref().map(|phone| (IdentifierKind::Phone, PhoneNumber::as_str(phone).to_owned()));
            let identifiers: Vec<_> = email.into_iter().chain(phone).collect();
            let found = tx.people().find_by_identifiers(&identifiers).await?;
            let by_email = found.iter().position(|person| {
                person
                    .parts()
                    .identifiers
                    .iter()
                    .any(|known| known.kind == IdentifierKind::Email && identifiers.contains(&(known.kind, known.value.clone())))
            });
            found.into_iter().nth(by_email.unwrap_or(0))
        }
    };
    match (known, wanted) {
        (Some(known), _) if known.standing() != Standing::Active => Err(EnrollmentsError::Restricted),
        (Some(known), _) => Ok(Somebody::Known(known.id())),
        (None, Wanted::Details(details)) => {
            let ids = NewPersonIds {
                person: world.id(),
                subject_ref: Id::from_uuid(world.ids.random()),
                key: world.keys.issue(scope).await?,
                email: world.id(),
                phone: world.id(),
            };
            Ok(Somebody::New(Box::new(Person::meet(ids, details.clone(), None, None, world.now()))))
        }
        (None, Wanted::Person(_)) => Err(EnrollmentsError::NotFound),
    }
}

/// Enrolls within a transaction: the rule decides on what was read, and the commit refuses if the seat is gone meanwhile. Everything
/// is read before anything is saved, so that nothing is written before the commit.
pub(crate) async fn enroll_in(tx: &Tx, world: &World, wish: Wish<'_>) -> Result<Placed, EnrollmentsError> {
    let now = world.now();
    let queue = tx.course_runs().find_with_queue(wish.run).await?.ok_or(EnrollmentsError::NotFound)?;
    if !wish.reach.has_campus(queue.run.plan().campus_id) {
        return Err(EnrollmentsError::NotFound);
    }
    let person = person(tx, world, wish.scope, wish.wanted).await?;
    let attempts = match &person {
        Somebody::Known(person) => tx.enrollments().attempts(wish.run, *person).await?,
        Somebody::New(_) => Vec::new(),
    };
    let hold = match wish.hold {
        Some(id) => Some(tx.seat_holds().find(id).await?.ok_or(matricula_domain::enrollment::EnrollmentError::HoldNotUsable)?),
        None => None,
    };
    let enrolled = Enrollment::enroll(Request {
        id: wish.id,
        run: &queue.run,
        waiting: queue.waiting,
        person: person.id(),
        previous_attempts: u32::try_from(attempts.len()).map_err(|_| PortError::Broken("too many attempts".to_owned()))?,
        already_open: attempts.iter().any(|attempt| attempt.status().is_open()),
        hold: hold.as_ref(),
        waitlist: wish.waitlist,
        lead: wish.lead,
        today: queue.time_zone.date_of(now),
        now,
    })?;
    let waitlist_position = match enrolled.enrollment.state().status() {
        EnrollmentStatus::Waitlisted => Some(tx.enrollments().waitlist_position(enrolled.enrollment.state()).await?),
        _ => None,
    };
    if let Somebody::New(met) = &person {
        tx.people().save(met).await?;
    }
    tx.enrollments().save(&enrolled.enrollment).await?;
    if let Some(used) = &enrolled.hold {
        tx.seat_holds().save(used).await?;
    }
    Ok(Placed { enrollment: enrolled.enrollment.into_state(), waitlist_position })
}
