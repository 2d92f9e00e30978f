use std::collections::BTreeSet;

use async_trait::async_trait;
use matricula_domain::catalog::{CourseId, CourseRunId};
use matricula_domain::identity::{Reach, UserId};
use matricula_domain::leads::{Activity, Capture, FormVersionId, Lead, LeadChange, LeadId, LeadParts, Touch, WorkingHours};
use matricula_domain::people::{IdentifierKind, PersonId};
use matricula_domain::shared::{Aggregate, Changed, EmailAddress, Faults, Field, Id, PhoneNumber, RecordId, Value};
use matricula_entity::leads::{lead_activities, lead_touches, leads};
use matricula_ports::PortError;
use matricula_ports::leads::{Intake, LeadRepository};
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::reach::{team, within};
use crate::convert::{Columns, count, json, parsed, parsed_or_none, value};
use crate::paging::columns;
use crate::people::{COLUMNS, identifiers_in, read_person};
use crate::scoped::{SCOPED, models};
use crate::unit::Session;

/// The states in which a lead is the one that somebody asks again about: open, or come to nothing.
const ASKABLE: &str = "('new', 'contacted', 'qualified', 'rejected')";

#[async_trait]
impl LeadRepository for Session {
    async fn intake(&self, capture: &Capture) -> Result<Intake, PortError> {
        let organization = self.organization;
        let mut sql = self.sql();
        sql.push("SELECT t.course_id, t.run_id, t.run_course_id, t.campaign_id, w.opening_hours, w.time_zone, ").push(COLUMNS);
        sql.push(", l.id FROM (SELECT ");
        sql.push("(SELECT id FROM courses WHERE organization_id = ").bind(organization).push(" AND archived_at IS NULL AND slug = ");
        sql.bind(capture.course.as_ref().map(ToString::to_string)).push(") AS course_id, ");
        for column in ["id", "course_id"] {
            sql.push("(SELECT ").push(column).push(" FROM course_runs WHERE organization_id = ").bind(organization);
            sql.push(" AND archived_at IS NULL AND id = ").bind(capture.course_run_id.map(Id::as_uuid));
            sql.push(if column == "id" { ") AS run_id, " } else { ") AS run_course_id, " });
        }
        sql.push("(SELECT id FROM campaigns WHERE organization_id = ").bind(organization).push(" AND archived_at IS NULL AND slug = ");
        sql.bind(capture.campaign.as_ref().map(ToString::to_string)).push(") AS campaign_id) t ");
        // Who answers is where the run is, else where the course is taught.
        sql.push("LEFT JOIN campuses w ON w.organization_id = ").bind(organization).push(" AND w.id = COALESCE((SELECT campus_id FROM course_runs ");
        sql.push("WHERE organization_id = ").bind(organization).push(" AND id = t.run_id), (SELECT campus_id FROM course_campuses ");
        sql.push("WHERE organization_id = ").bind(organization).push(" AND course_id = COALESCE(t.course_id, t.run_course_id) ");
        sql.push("ORDER BY campus_id LIMIT 1)) ");
        sql.push("LEFT JOIN people p ON p.organization_id = ").bind(organization).push(" AND p.id IN (SELECT person_id FROM person_identifiers ");
        sql.push("WHERE organization_id = ").bind(organization).push(" AND ");
        identifiers_in(&mut sql, &identifiers(capture));
        sql.push(") LEFT JOIN person_identifiers i ON i.organization_id = p.organization_id AND i.person_id = p.id ");
        sql.push("LEFT JOIN leads l ON l.organization_id = p.organization_id AND l.person_id = p.id AND l.status IN ").push(ASKABLE);
        sql.push(" AND l.course_id IS NOT DISTINCT FROM COALESCE(t.course_id, t.run_course_id) WHERE ").push(SCOPED);
        sql.push(" ORDER BY p.created_at, p.id, i.created_at, i.id");

        let mut intake = Intake::default();
        let mut leads = BTreeSet::new();
        for row in self.rows(sql).await? {
            let mut columns = Columns::of(&row);
            let (course, run, run_course, campaign): (Option<Uuid>, Option<Uuid>, Option<Uuid>, Option<Uuid>) =
                (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
            intake.course = course.or(run_course.filter(|_| capture.course.is_none())).map(CourseId::from_uuid);
            // A run of another course than the one that is named is not what they mean.
            intake.course_run = run.filter(|_| capture.course.is_none() || course == run_course).map(CourseRunId::from_uuid);
            intake.campaign = campaign.map(RecordId::from_uuid);
            intake.hours = hours(columns.next()?, columns.next()?)?;
            read_person(&mut columns, &mut intake.people)?;
            leads.extend(Columns::last::<Option<Uuid>>(&row)?);
        }
        self.know(&intake.people);
        if !leads.is_empty() {
            let select = self.select::<leads::Entity>().filter(leads::Column::Id.is_in(leads));
            intake.leads = self.all(select).await?.into_iter().map(lead_of).collect::<Result<_, _>>()?;
            // The open one before those that came to nothing, and of these the newest.
            intake.leads.sort_by_key(|lead| (!lead.status().is_open(), std::cmp::Reverse(lead.parts().created_at)));
        }
        if let Some(key) = &capture.form {
            intake.form = matricula_ports::leads::FormRepository::newest(self, key).await?;
        }
        Ok(intake)
    }

    async fn find(&self, id: LeadId, reach: &Reach) -> Result<Option<Lead>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT ").push(&columns::<leads::Entity>("l")).push(" FROM leads l WHERE ").push(SCOPED);
        sql.push(" AND l.organization_id = ").bind(self.organization).push(" AND l.id = ").bind(id.as_uuid());
        let team = team(&self.store.databases, self.scope.organization(), reach).await?;
        within(&mut sql, reach, &team, self.organization);
        models::<leads::Entity>(&self.rows(sql).await?)?.pop().map(lead_of).transpose()
    }

    async fn save(&self, lead: &Changed<Lead>) -> Result<(), PortError> {
        let parts = lead.state().parts();
        let details = &parts.details;
        let model = leads::Model {
            organization_id: self.organization,
            id: parts.id.as_uuid(),
            person_id: parts.person.as_uuid(),
            course_id: details.course_id.map(Id::as_uuid),
            course_run_id: details.course_run_id.map(Id::as_uuid),
            campaign_id: details.campaign_id.map(Id::as_uuid),
            form_version_id: parts.form_version.map(Id::as_uuid),
            message: details.message.as_ref().map(|message| message.as_str().to_owned()),
            internal_notes: details.internal_notes.as_ref().map(|notes| notes.as_str().to_owned()),
            status: parts.status.as_str().to_owned(),
            status_reason: parts.status_reason.clone(),
            source: details.source.as_ref().map(ToString::to_string),
            locale: parts.locale.clone(),
            // The domain makes no lead without them (seed 0's CHECKs).
            gdpr_consent: true,
            privacy_policy_accepted: true,
            attested_at: parts.attested_at,
            assigned_to: parts.assigned_to.map(Id::as_uuid),
            next_action: details.next_action.as_ref().map(ToString::to_string),
            next_action_at: details.next_action_at,
            response_due_at: parts.response_due_at,
            responded_at: parts.responded_at,
            qualified_at: parts.qualified_at,
            due_at: lead.state().due_at(),
            enrollment_id: parts.enrollment,
            created_at: parts.created_at,
            updated_at: parts.updated_at,
            version: count(i64::from(parts.version), "leads.version")?,
        };
        if lead.is_new() {
            self.insert::<leads::Entity>(model);
        } else {
            self.update::<leads::Entity>(model, lead.state().version(), &[leads::Column::AttestedAt]);
        }
        if let Some(touch) = lead.fact().touch() {
            self.append::<lead_touches::Entity>(touch_model(self.organization, touch));
        }
        if let Some(activity) = lead.fact().activity() {
            self.append::<lead_activities::Entity>(activity_model(self.organization, activity));
        }
        self.note(lead);
        Ok(())
    }
}

/// When somebody is at a campus; nothing is known of none.
fn hours(week: Option<serde_json::Value>, zone: Option<String>) -> Result<Option<WorkingHours>, PortError> {
    let Some(zone) = zone else { return Ok(None) };
    let week = week.map_or(Value::List(Vec::new()), value);
    let broken = |faults: Faults| PortError::Broken(format!("campuses.opening_hours: {faults:?}"));
    Ok(Some(WorkingHours { week: Field::parse_all(&week).map_err(broken)?, zone: parsed(zone, "campuses.time_zone")? }))
}

fn activity_model(organization: Uuid, activity: &Activity) -> lead_activities::Model {
    lead_activities::Model {
        organization_id: organization,
        id: activity.id.as_uuid(),
        lead_id: activity.lead.as_uuid(),
        person_id: activity.person.as_uuid(),
        kind: activity.kind.as_str().to_owned(),
        outcome: activity.outcome.map(|outcome| outcome.as_str().to_owned()),
        text: activity.text.as_ref().map(|text| text.as_str().to_owned()),
        made_by: activity.by.map(Id::as_uuid),
        at: activity.at,
    }
}

/// The identifiers that a form tells.
fn identifiers(capture: &Capture) -> Vec<(IdentifierKind, String)> {
    let email = capture.email.as_ref().map(EmailAddress::as_str).map(|value| (IdentifierKind::Email, value.to_owned()));
    let phone = capture.phone.as_ref().map(PhoneNumber::as_str).map(|value| (IdentifierKind::Phone, value.to_owned()));
    email.into_iter().chain(phone).collect()
}

fn touch_model(organization: Uuid, touch: &Touch) -> lead_touches::Model {
    let utm = touch.utm.clone();
    let text = |line: Option<matricula_domain::shared::Line<200>>| line.map(|line| line.to_string());
    let (source, medium, campaign, content, term) = utm.map(|utm| (utm.source, utm.medium, utm.campaign, utm.content, utm.term)).unwrap_or_default();
    lead_touches::Model {
        organization_id: organization,
        id: touch.id.as_uuid(),
        lead_id: touch.lead.as_uuid(),
        person_id: touch.person.as_uuid(),
        campaign_id: touch.campaign.map(Id::as_uuid),
        at: touch.at,
        source: touch.source.clone(),
        utm_source: text(source),
        utm_medium: text(medium),
        utm_campaign: text(campaign),
        utm_content: text(content),
        utm_term: text(term),
        click_ids: touch.click_ids.as_ref().map(|ids| json(&ids.value())),
        message: touch.message.clone(),
    }
}

fn lead_of(row: leads::Model) -> Result<Lead, PortError> {
    Ok(Lead::from_parts(LeadParts {
        id: LeadId::from_uuid(row.id),
        person: PersonId::from_uuid(row.person_id),
        details: LeadChange {
            course_id: row.course_id.map(CourseId::from_uuid),
            course_run_id: row.course_run_id.map(CourseRunId::from_uuid),
            campaign_id: row.campaign_id.map(RecordId::from_uuid),
            message: parsed_or_none(row.message, "leads.message")?,
            internal_notes: parsed_or_none(row.internal_notes, "leads.internal_notes")?,
            source: parsed_or_none(row.source, "leads.source")?,
            next_action: parsed_or_none(row.next_action, "leads.next_action")?,
            next_action_at: row.next_action_at,
        },
        form_version: row.form_version_id.map(FormVersionId::from_uuid),
        status: parsed(row.status, "leads.status")?,
        status_reason: row.status_reason,
        locale: row.locale,
        attested_at: row.attested_at,
        assigned_to: row.assigned_to.map(UserId::from_uuid),
        response_due_at: row.response_due_at,
        responded_at: row.responded_at,
        qualified_at: row.qualified_at,
        enrollment: row.enrollment_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "leads.version")?,
    }))
}
