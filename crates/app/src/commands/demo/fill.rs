//! Fills the database by doing, through the use cases, what was imagined: so consent, audit and outbox are as in real life.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use chrono::TimeDelta;
use matricula_application::Circumstances;
use matricula_application::access::{Allowed, Caller, ManageCatalog, ManageMarketing, ManagePrivacy, ManagePublishing, Right, Visitor};
use matricula_application::catalog::Catalog;
use matricula_application::enrollment::{Enrollments, Wanted};
use matricula_application::leads::Leads;
use matricula_application::privacy::{Decide, Privacy};
use matricula_application::publishing::{Media, Publishing};
use matricula_application::records::Records;
use matricula_domain::catalog::{Campus, CourseDetails, CourseId, CourseRunId, CourseStatus, Cycle, RunPlan};
use matricula_domain::enrollment::EnrollmentId;
use matricula_domain::identity::{NewUser, OrganizationDetails, Post, Rights, Role, UserId};
use matricula_domain::leads::{Capture, LeadId, NewFormVersion};
use matricula_domain::marketing::Campaign;
use matricula_domain::people::{PersonDetails, PersonId};
use matricula_domain::privacy::{ConsentTextId, Purpose, TextBody, TextKind};
use matricula_domain::publishing::{
    BlogPostDetails, BlogPostStatus, EntityType, Faq, MediaAssetId, MediaDetails, MediaRole, MediaStatus, NewMediaLink,
};
use matricula_domain::shared::{Faults, Field, Form, Id, Instant, Line, RecordId, Value};
use matricula_ports::Ids;
use matricula_ports::identity::{OrganizationRow, Principal};
use matricula_ports::json::from_json;
use serde_json::{Value as Json, json};

use super::enquiries::Enquiry;
use super::pictures::{DRAWINGS, Subject};
use super::provider::{self, BOXES, FORMS, OFFERS};
use super::stories::{self, STORIES, Story};
use super::world::{DemoClock, DemoIds};
use super::year::{Act, Step, Year};
use crate::program::{self, Program, Schema};
use crate::settings::Settings;

/// Fills the databases of these settings, which must not be there yet, with a year that ends now; tells how many steps of how many are done.
///
/// # Errors
/// When the disk is full or away, or a use case refuses what was imagined.
pub(super) async fn fill(settings: &Settings, seed: u64, year: &Year, now: Instant, mut told: impl FnMut(usize, usize)) -> Result<()> {
    let mut settings = settings.clone();
    // What is lost with the power is made anew, so nothing has to wait for the disk.
    (settings.database.durable, settings.key_store.durable) = (false, false);
    program::migrate(&settings, Schema::Up).await?;
    let (database, keys) = program::open(&settings).await?;
    let clock = Arc::new(DemoClock::at(year.founded));
    let ids = Arc::new(DemoIds::from_seed(seed, Arc::clone(&clock)));
    let program = Program::over(settings, database.clone(), keys.clone(), Arc::clone(&clock) as _, Arc::clone(&ids) as _).await?;
    let mut teller = Teller::found(&program, ids, year).await?;
    let mut stories = STORIES.iter().enumerate().map(|(n, story)| (n, story, now - TimeDelta::days(story.days_ago))).peekable();
    // What the workers catch up with takes a tenth of the time.
    let all = year.steps.len() + year.steps.len() / 10;
    for (n, step) in year.steps.iter().enumerate() {
        told(n, all);
        while let Some((n, story, at)) = stories.next_if(|(.., at)| *at < step.at) {
            clock.set(at);
            teller.publish(n, story, at).await.with_context(|| format!("the post {}", story.slug))?;
        }
        clock.set(step.at);
        teller.tell(step).await.with_context(|| format!("step {n} of the demo, {:?} at {}", step.act, step.at))?;
    }
    clock.set(now);
    for (n, story, at) in stories {
        teller.publish(n, story, at).await.with_context(|| format!("the post {}", story.slug))?;
    }
    program.workers().catch_up().await?;
    told(all, all);
    drop((teller, program));
    database.close().await?;
    Ok(keys.close().await?)
}

/// Does what was imagined, and remembers the ids of what came to be.
struct Teller<'y> {
    year: &'y Year,
    ids: Arc<DemoIds>,
    leads: Leads,
    catalog: Catalog,
    enrollments: Enrollments,
    privacy: Privacy,
    campaigns: Records<Campaign, ManageMarketing>,
    organization: OrganizationRow,
    staff: HashMap<Role, Arc<Principal>>,
    cycle_ids: Vec<RecordId>,
    campus_ids: Vec<RecordId>,
    course_ids: Vec<CourseId>,
    campaign_ids: HashMap<usize, RecordId>,
    run_ids: HashMap<usize, CourseRunId>,
    lead_ids: Vec<(LeadId, PersonId)>,
    seat_ids: Vec<(EnrollmentId, PersonId)>,
    publishing: Publishing,
    /// The pictures of posts.
    story_images: HashMap<usize, MediaAssetId>,
}

/// Reads an input that was made here.
fn read<F: Form>(json: Json) -> Result<F> {
    F::read(&from_json(json)).map_err(|faults| wrong(&faults))
}

fn wrong(faults: &Faults) -> anyhow::Error {
    anyhow!("{faults:?}")
}

impl<'y> Teller<'y> {
    /// Founds the provider: who works there, what it teaches and where, what it tells people.
    async fn found(program: &Program, ids: Arc<DemoIds>, year: &'y Year) -> Result<Self> {
        let world = program.world();
        let founded = program.identity().found(&read::<OrganizationDetails>(provider::organization())?, None).await?;
        // Who tries the demo signs in with a password that everybody knows; a second factor would be in the way.
        let organization = program.identity().ask_for_second_factor(founded.id, &[]).await?;
        let mut teller = Self {
            year,
            ids,
            leads: Leads::new(world.clone()),
            catalog: Catalog::new(world.clone()),
            enrollments: Enrollments::new(world.clone()),
            privacy: Privacy::new(world.clone()),
            campaigns: Records::new(world.clone()),
            organization: OrganizationRow::from(&organization),
            staff: HashMap::new(),
            cycle_ids: Vec::new(),
            campus_ids: Vec::new(),
            course_ids: Vec::new(),
            campaign_ids: HashMap::new(),
            run_ids: HashMap::new(),
            lead_ids: Vec::new(),
            seat_ids: Vec::new(),
            publishing: Publishing::new(world.clone()),
            story_images: HashMap::new(),
        };
        for role in Role::ALL {
            let user = program.identity().admit(organization.id, &read::<NewUser>(provider::user(*role))?).await?;
            let principal = Principal {
                session: teller.ids().id(),
                user: user.id,
                email: user.email.as_str().to_owned(),
                name: user.name.to_string(),
                membership: user.membership.id,
                role: (*role).into(),
                rights: Arc::new(Rights::of_role(*role, Post { user: Some(user.id), ..Post::default() })),
                organization: Arc::new(teller.organization.clone()),
                has_second_factor: false,
                proven_at: Instant::MAX_UTC,
                expires_at: Instant::MAX_UTC,
            };
            teller.staff.insert(*role, Arc::new(principal));
        }
        let (cycles, campuses) = (Records::<Cycle, ManageCatalog>::new(world.clone()), Records::<Campus, ManageCatalog>::new(world.clone()));
        for cycle in provider::cycles() {
            let made = cycles.create(&teller.may(Role::Manager)?, &from_json(cycle)).await?;
            teller.cycle_ids.push(made.id());
        }
        for campus in provider::campuses() {
            let made = campuses.create(&teller.may(Role::Manager)?, &from_json(campus)).await?;
            teller.campus_ids.push(made.id());
        }
        teller.publish_courses().await?;
        teller.publish_forms().await?;
        teller.publish_pictures(&program.media()).await?;
        let faqs = Records::<Faq, ManagePublishing>::new(world);
        for faq in stories::faqs() {
            faqs.create(&teller.may(Role::Marketing)?, &from_json(faq)).await?;
        }
        Ok(teller)
    }

    /// Takes the pictures in, and uses them where they belong.
    async fn publish_pictures(&mut self, media: &Media) -> Result<()> {
        let folder = tempfile::tempdir()?;
        for drawing in DRAWINGS {
            let may = self.may(Role::Marketing)?;
            let file = drawing.draw_into(&folder.path().join(drawing.filename))?;
            let name = Field::parse(&Value::from(drawing.filename)).map_err(|fault| wrong(&fault.into()))?;
            let details = read::<MediaDetails>(json!({"alt_text": drawing.alt_text}))?;
            let asset = media.upload(&may, &file, &name, &details).await?;
            media.move_asset(&may, asset.id, MediaStatus::Published).await?;
            let (entity_type, entity_id) = match drawing.subject {
                Subject::Course(n) => (EntityType::Course, RecordId::from_uuid(self.course_ids[n].as_uuid())),
                Subject::Campus(n) => (EntityType::Campus, self.campus_ids[n]),
                // It says so itself.
                Subject::Story(n) => {
                    self.story_images.insert(n, asset.id);
                    continue;
                }
            };
            let link = NewMediaLink { entity_type, entity_id, role: MediaRole::Cover, position: None };
            media.link_asset(&may, asset.id, &link).await?;
        }
        Ok(())
    }

    /// Publishes a post, or schedules it if its time is still to come.
    async fn publish(&self, n: usize, story: &Story, at: Instant) -> Result<()> {
        let may = self.may(Role::Marketing)?;
        let image = self.story_images.get(&n).map(ToString::to_string);
        let post = self.publishing.draft_blog_post(&may, &read::<BlogPostDetails>(story.details(image.as_deref()))?).await?;
        let (to, publish_at) = if story.days_ago < 0 { (BlogPostStatus::Scheduled, Some(at)) } else { (BlogPostStatus::Published, None) };
        self.publishing.move_blog_post(&may, post.id(), to, publish_at).await?;
        Ok(())
    }

    async fn publish_courses(&mut self) -> Result<()> {
        for offer in OFFERS {
            let mut course = provider::course(offer.slug);
            course["slug"] = offer.slug.into();
            course["cycle_id"] = self.cycle_ids[offer.cycle].to_string().into();
            course["instructor_id"] = self.user(Role::Trainer)?.to_string().into();
            course["campus_ids"] = offer.campuses.iter().map(|campus| self.campus_ids[*campus].to_string()).collect();
            let may = self.may(Role::Manager)?;
            let drafted = self.catalog.draft_course(&may, &read::<CourseDetails>(course)?).await?;
            self.catalog.move_course(&may, drafted.id(), CourseStatus::Published).await?;
            self.course_ids.push(drafted.id());
        }
        Ok(())
    }

    async fn publish_forms(&self) -> Result<()> {
        for (key, locale, title) in FORMS {
            let notice = self.publish_text(None, locale).await?;
            let mut boxes = Vec::new();
            for purpose in BOXES {
                let text = self.publish_text(Some(purpose), locale).await?;
                boxes.push(json!({"purposes": [purpose.as_str()], "text_id": text.to_string(), "default": false, "required": false}));
            }
            let version = json!({"title": title, "fields": ["name", "email", "phone", "course", "message", "age_band"], "boxes": boxes,
                "notice_text_id": notice.to_string()});
            let key = Field::parse(&Value::from(key)).map_err(|fault| wrong(&fault.into()))?;
            self.leads.publish_form(&self.may(Role::Marketing)?, &key, &read::<NewFormVersion>(version)?).await?;
        }
        Ok(())
    }

    async fn publish_text(&self, purpose: Option<Purpose>, locale: &str) -> Result<ConsentTextId> {
        let kind = if purpose.is_some() { TextKind::ConsentLabel } else { TextKind::Notice };
        let text = json!({"kind": kind.as_str(), "purpose": purpose.map(Purpose::as_str), "locale": locale,
            "body": provider::wording(purpose, locale), "material": false});
        Ok(self.privacy.publish_text(&self.may::<ManagePrivacy>(Role::Dpo)?, &read::<TextBody>(text)?).await?.id())
    }

    async fn tell(&mut self, step: &Step) -> Result<()> {
        let Some(role) = step.who else {
            return match &step.act {
                Act::Capture { lead, enquiry } => self.capture(*lead, enquiry, None).await,
                _ => Err(anyhow!("only an enquiry comes from outside")),
            };
        };
        match &step.act {
            Act::Draft { campaign } => {
                let written = from_json(self.year.campaigns[*campaign].written());
                let made = self.campaigns.create(&self.may(role)?, &written).await?;
                self.campaign_ids.insert(*campaign, made.id());
            }
            Act::MoveCampaign { campaign, to } => {
                self.campaigns.transition(&self.may(role)?, found(self.campaign_ids.get(campaign))?, to.as_str()).await?;
            }
            Act::Announce { run } => {
                let made = self.catalog.schedule_run(&self.may(role)?, &self.plan_of(*run)).await?;
                self.run_ids.insert(*run, made.id());
            }
            Act::MoveRun { run, to } => _ = self.catalog.move_run(&self.may(role)?, self.run(*run)?, *to, None).await?,
            Act::Capture { lead, enquiry } => self.capture(*lead, enquiry, Some(role)).await?,
            Act::Assign { lead, to } => _ = self.leads.assign(&self.may(role)?, self.lead(*lead)?.0, Some(self.user(*to)?)).await?,
            Act::Move { lead, to, reason } => {
                let reason = reason.map(line).transpose()?;
                self.leads.transition(&self.may(role)?, self.lead(*lead)?.0, *to, reason.as_ref(), None).await?;
            }
            Act::Convert { lead, run } => {
                let (lead, person) = self.lead(*lead)?;
                let converted = self.leads.convert(&self.may(role)?, lead, self.run(*run)?).await?;
                self.seat_ids.push((converted.enrollment.id(), person));
            }
            Act::Enroll { run, who, waitlist } => {
                let wanted = Wanted::Details(read::<PersonDetails>(json!({"name": who.name, "email": who.email, "phone": who.phone}))?);
                let placed = self.enrollments.enroll(&self.may(role)?, self.run(*run)?, &wanted, None, *waitlist).await?;
                self.seat_ids.push((placed.enrollment.id(), placed.enrollment.person()));
            }
            Act::MoveSeat { seat, to, reason } => {
                let reason = reason.map(line).transpose()?;
                self.enrollments.transition(&self.may(role)?, self.seat(*seat)?.0, *to, reason.as_ref()).await?;
            }
            Act::Hold { run, of, hours } => _ = self.enrollments.hold(&self.may(role)?, self.run(*run)?, self.seat(*of)?.1, *hours).await?,
            Act::Decide { lead, purpose, action, channel } => {
                let decide = Decide { purpose: *purpose, action: *action, channel: *channel, text_id: None };
                self.privacy.record(&self.may(role)?, self.lead(*lead)?.1, &decide, &Circumstances::default()).await?;
            }
        }
        Ok(())
    }

    async fn capture(&mut self, lead: usize, enquiry: &Enquiry, by: Option<Role>) -> Result<()> {
        let mut body = enquiry.body.clone();
        if let Some(run) = enquiry.run {
            body["course_run_id"] = self.run(run)?.to_string().into();
        }
        let capture = read::<Capture>(body)?;
        let captured = match by {
            None => {
                let visitor = Visitor::new(self.organization.clone(), &self.request());
                self.leads.capture_from_visitor(&visitor, &capture, enquiry.visit.as_ref().unwrap_or(&Circumstances::default())).await?
            }
            Some(role) => self.leads.capture_by_staff(&self.may(role)?, &capture, &Circumstances::default()).await?,
        };
        match (captured.new, self.lead_ids.len()) {
            (true, here) if here == lead => self.lead_ids.push((captured.lead.id(), captured.lead.person())),
            (false, here) if here > lead && captured.lead.id() == self.lead(lead)?.0 => {}
            _ => return Err(anyhow!("the enquiry became another lead than was imagined")),
        }
        Ok(())
    }

    fn plan_of(&self, run: usize) -> RunPlan {
        let run = &self.year.runs[run];
        RunPlan {
            course_id: self.course_ids[run.offer],
            cycle_id: Some(self.cycle_ids[OFFERS[run.offer].cycle]),
            campus_id: run.campus.map(|campus| self.campus_ids[campus]),
            start_date: run.start,
            end_date: run.end,
            enrollment_deadline: Some(run.deadline),
            max_students: run.seats,
            min_students: Some(OFFERS[run.offer].worthwhile),
            prices: Vec::new(),
            seats_left_policy: None,
        }
    }

    fn ids(&self) -> &dyn Ids {
        &*self.ids
    }

    /// What a request is called.
    fn request(&self) -> String {
        self.ids.random().to_string()
    }

    /// Somebody who works here does something.
    fn may<R: Right>(&self, role: Role) -> Result<Allowed<R>> {
        let principal = self.staff.get(&role).context("nobody has this role")?;
        Ok(Caller::new(Arc::clone(principal), &self.request()).allow()?)
    }

    fn user(&self, role: Role) -> Result<UserId> {
        Ok(self.staff.get(&role).context("nobody has this role")?.user)
    }

    fn run(&self, run: usize) -> Result<CourseRunId> {
        found(self.run_ids.get(&run))
    }

    fn lead(&self, lead: usize) -> Result<(LeadId, PersonId)> {
        found(self.lead_ids.get(lead))
    }

    fn seat(&self, seat: usize) -> Result<(EnrollmentId, PersonId)> {
        found(self.seat_ids.get(seat))
    }
}

fn found<T: Copy>(id: Option<&T>) -> Result<T> {
    id.copied().context("it is not there yet")
}

fn line(text: &str) -> Result<Line<300>> {
    Line::parse(text).map_err(|fault| wrong(&fault.into()))
}

#[cfg(test)]
mod tests {
    use matricula_gateways::object_store::Location;
    use matricula_persistence::Queries;
    use matricula_ports::Page;
    use matricula_ports::audit::{AuditChain, ChainState};
    use matricula_ports::catalog::{CatalogQueries, CourseFilter};
    use matricula_ports::identity::Directory;
    use matricula_ports::publishing::{BlogPostFilter, MediaQueries, PublishingQueries};

    use super::super::year::imagine;
    use super::*;

    #[test]
    fn what_is_imagined_can_be_done_and_leaves_a_whole_chain() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::on(&format!("sqlite://{}/matricula.db", folder.path().display())).unwrap();
        settings.media.location = Location::Folder(folder.path().join("media"));
        let now = "2026-11-21T11:30:00Z".parse().unwrap();
        let year = imagine(3, 60, now);
        actix_web::rt::System::new().block_on(async {
            let mut last = (0, 1);
            fill(&settings, 3, &year, now, |done, of| last = (done, of)).await.unwrap();
            assert_eq!(last.0, last.1);
            let program = Program::wire(settings).await.unwrap();
            let directory = program.accounts();
            let organization = directory.organization(provider::SLUG).await.unwrap().unwrap();
            // The year is told to everybody too: what was to be published is, and what waits for its time waits.
            let visitor = Visitor::new(organization.clone(), "request-1");
            let scope = visitor.scope();
            let queries = Queries::new(program.databases.clone());
            let posts = queries.blog_posts(scope, &BlogPostFilter::default(), &Page::first(9)).await.unwrap().items;
            let states: Vec<_> = posts.iter().map(|post| post.status().as_str()).collect();
            assert_eq!(states, ["scheduled", "published", "published"]);
            let courses = queries.courses(scope, &CourseFilter::default(), &Page::first(9)).await.unwrap().items;
            let courses: Vec<_> = courses.iter().map(|course| RecordId::from_uuid(course.id().as_uuid())).collect();
            assert_eq!(queries.covers(scope, EntityType::Course, &courses).await.unwrap().len(), 4);
            let of_post = RecordId::from_uuid(posts[2].id().as_uuid());
            assert_eq!(queries.covers(scope, EntityType::BlogPost, &[of_post]).await.unwrap().len(), 1);
            let found = program.audit().verify(organization.id).await.unwrap();
            assert!(matches!(found.state, ChainState::Intact { entries } if entries > 500), "{found:?}");
            assert_eq!(found.oldest_unsealed, None);
            let account = directory.account(&provider::email_of(Role::Adviser), Some(provider::SLUG)).await.unwrap();
            assert!(account.is_some_and(|account| account.password_hash.is_some()));
        });
    }
}
