use matricula_domain::leads::{Capture, FormVersion, Lead, LeadTargets, WorkingHours};
use matricula_domain::people::{AgeBand, IdentifierKind, NewPersonIds, Person, Standing};
use matricula_domain::privacy::{AgeRules, Channel, ConsentActor, ConsentState, Intake as Shows, Ledger, LedgerParts, Purpose, Shown, TickedBox};
use matricula_domain::shared::{Changed, EmailAddress, Fault, Faults, Instant, TimeZone};
use matricula_ports::leads::Intake;
use matricula_ports::{Scope, Tx, transact};

use super::{Leads, LeadsError};
use crate::Circumstances;
use crate::access::{Allowed, CaptureLeads, Visitor};

/// What a capture came to.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The lead: a new one, or the one that they asked about before, which is open (again).
    pub lead: Lead,
    /// Whether it is new.
    pub new: bool,
    /// What the ledger says now of the purposes whose boxes were ticked.
    pub consents: Vec<(Purpose, ConsentState)>,
}

impl Leads {
    /// A visitor leaves a lead.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn capture_from_visitor(&self, who: &Visitor, capture: &Capture, how: &Circumstances) -> Result<Captured, LeadsError> {
        self.capture((who.scope(), who.organization().time_zone), ConsentActor::Subject, capture, how).await
    }

    /// Staff enter a lead for somebody.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn capture_by_staff(&self, who: &Allowed<CaptureLeads>, capture: &Capture, how: &Circumstances) -> Result<Captured, LeadsError> {
        self.capture((who.scope(), who.organization().time_zone), ConsentActor::Operator, capture, how).await
    }

    async fn capture(
        &self,
        (scope, zone): (&Scope, TimeZone),
        actor: ConsentActor,
        capture: &Capture,
        how: &Circumstances,
    ) -> Result<Captured, LeadsError> {
        transact(&*self.world.transactions, scope, async |tx| {
            let now = self.world.now();
            let intake = tx.leads().intake(capture).await?;
            check(capture, &intake)?;
            // Everything is read before anything is saved, so that nothing is written before the commit.
            let (person, change) = self.meet(scope, capture, &intake, now).await?;
            let known = intake.people.iter().any(|known| known.id() == person.id());
            let consents = self.consents(tx, capture, intake.form.as_ref(), (&person, known), actor, how, now).await?;
            if let Some(change) = &change {
                tx.people().save(change).await?;
            }
            // Of two people who were found, the lead of the other one is none of theirs.
            let hours = intake.hours.clone().unwrap_or_else(|| WorkingHours { zone, ..WorkingHours::default() });
            let (lead, new) = if let Some(known) = intake.leads.iter().find(|lead| lead.person() == person.id()) {
                (known.touch(self.world.id(), capture, intake.campaign, &hours, now), false)
            } else {
                let targets = LeadTargets {
                    course: intake.course,
                    course_run: intake.course_run,
                    campaign: intake.campaign,
                    form_version: intake.form.as_ref().map(|form| form.parts().id),
                };
                (Lead::capture(self.world.id(), person.id(), capture, targets, &hours, now), true)
            };
            tx.leads().save(&lead).await?;
            tx.consents().append(&consents).await?;
            let state = |purpose: &Purpose| (*purpose, consents.state().state(*purpose, now));
            Ok(Captured { lead: lead.into_state(), new, consents: capture.consents.iter().map(state).collect() })
        })
        .await
    }

    /// The person that the form tells of: known by an address or number, or new; and what is new about them.
    async fn meet(&self, scope: &Scope, capture: &Capture, intake: &Intake, now: Instant) -> Result<(Person, Option<Changed<Person>>), LeadsError> {
        let email = capture.email.as_ref().map(EmailAddress::as_str);
        // If the address belongs to one person and the number to another, the address decides: numbers are shared in families.
        let by_email = intake.people.iter().find(|person| has(person, IdentifierKind::Email, email));
        let Some(known) = by_email.or(intake.people.first()) else {
            let ids = NewPersonIds { key: self.world.keys.issue(scope).await?, ..self.person_ids() };
            let met = Person::meet(ids, capture.person(), capture.locale.clone(), capture.age_band, now);
            return Ok((met.state().clone(), Some(met)));
        };
        if known.standing() != Standing::Active {
            return Err(LeadsError::Restricted);
        }
        let mut told = capture.person();
        for other in intake.people.iter().filter(|other| other.id() != known.id()) {
            told.email = told.email.filter(|email| !has(other, IdentifierKind::Email, Some(email.as_str())));
            told.phone = told.phone.filter(|phone| !has(other, IdentifierKind::Phone, Some(phone.as_str())));
        }
        let learned = known.learn(self.person_ids(), &told, capture.age_band, now);
        Ok((learned.as_ref().map_or(known, Changed::state).clone(), learned))
    }

    fn person_ids(&self) -> NewPersonIds {
        let person = self.world.ids.next();
        NewPersonIds {
            person: matricula_domain::shared::Id::from_uuid(person),
            subject_ref: matricula_domain::shared::Id::from_uuid(self.world.ids.random()),
            // Replaced by a real key where the person is new; a known person has one.
            key: matricula_domain::shared::Id::from_uuid(person),
            email: self.world.id(),
            phone: self.world.id(),
        }
    }

    /// What the form enters into the person's ledger.
    #[expect(clippy::too_many_arguments, reason = "everything that an entry of the ledger proves")]
    async fn consents(
        &self,
        tx: &Tx,
        capture: &Capture,
        form: Option<&FormVersion>,
        (person, known): (&Person, bool),
        actor: ConsentActor,
        how: &Circumstances,
        now: Instant,
    ) -> Result<Changed<Ledger>, LeadsError> {
        let ledger = if known { tx.consents().ledger(person.id()).await? } else { None };
        let ledger = match ledger {
            // The form may just have told how old somebody is who is known.
            Some(ledger) if ledger.parts().age_band.is_none() && person.parts().age_band.is_some() => {
                Ledger::load(LedgerParts { age_band: person.parts().age_band, ..ledger.parts().clone() })
            }
            Some(ledger) => ledger,
            None => Ledger::of_somebody_new(person.id(), capture.age_band),
        };
        // Only a box that was ticked by somebody who may be below the age of consent needs the rules, and they cost a read. What is
        // known of the person decides, not what the form says.
        let adult = ledger.parts().birth_date.is_none() && ledger.parts().age_band == Some(AgeBand::Adult);
        let ages = if adult || capture.consents.is_empty() { AgeRules::default() } else { tx.consents().age_rules().await? };
        let shown = |text: Option<matricula_domain::privacy::ConsentTextId>| Shown {
            id: self.world.id(),
            text,
            wording_sha256: text.and_then(|text| form.and_then(|form| form.wording(text))).map(str::to_owned),
        };
        let boxes = capture
            .consents
            .iter()
            .map(|purpose| TickedBox { purpose: *purpose, label: shown(form.and_then(|form| form.consent_box(*purpose)).map(|one| one.text_id)) });
        Ok(ledger.capture(
            Shows {
                form_version: form.map(|form| matricula_domain::shared::Id::as_uuid(form.parts().id)),
                notice: shown(form.map(|form| form.parts().published.notice_text_id)),
                boxes: boxes.collect(),
                actor,
                channel: Channel::Web,
                evidence: how.evidence(self.world.id()),
                at: now,
            },
            &ages,
        )?)
    }
}

fn has(person: &Person, kind: IdentifierKind, value: Option<&str>) -> bool {
    value.is_some_and(|value| person.parts().identifiers.iter().any(|known| known.kind == kind && known.value == value))
}

/// The words of the form must lead somewhere, in this organization.
fn check(capture: &Capture, intake: &Intake) -> Result<(), Faults> {
    let mut faults = Faults::default();
    for (field, named, found) in [
        ("course", capture.course.is_some(), intake.course.is_some()),
        ("course_run_id", capture.course_run_id.is_some(), intake.course_run.is_some()),
        ("campaign", capture.campaign.is_some(), intake.campaign.is_some()),
        ("form", capture.form.is_some(), intake.form.is_some()),
    ] {
        if named && !found {
            faults.add(Fault::new("NOT_FOUND", "names nothing here").under(field));
        }
    }
    if let Some(form) = &intake.form
        && let Err(more) = form.check_ticked(&capture.consents)
    {
        faults.0.extend(more.0);
    }
    faults.into_result()
}
