//! Leads: the public form, the adviser's list, and the way to a seat.

mod forms;
mod handlers;
mod view;

use actix_web::http::StatusCode;
use matricula_application::access::{AssignLeads, CaptureLeads, Denied, ManageForms, ReadLeads, WorkLeads};
use matricula_application::leads::LeadsError;
use matricula_domain::leads::{Capture, LeadChange, LeadError, NewActivity, NewFormVersion};
use matricula_domain::shared::{Fault, Form};
use matricula_ports::PortError;
use serde_json::{Map, Value as Json};

use crate::enrollment::SeatHoldView;
use crate::error::Coded;
use crate::page::PageQuery;
use crate::route::Route;
use handlers::{Assignee, Conversion, InboxQuery, LeadHold, LeadsQuery, Move, SuggestionsQuery};
use view::{ActivityView, CapturedView, ConvertedView, InboxView, LeadDetailView, LeadView, LoggedView, PublicLeadView, SuggestionView};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/public/{organization}/leads", "leaveLead", "leads", handlers::leave)
            .says("Leaves a lead, without signing in.")
            .once()
            .takes::<Capture>()
            .gives::<PublicLeadView>(201)
            .gives::<PublicLeadView>(200),
        Route::post("/leads", "captureLead", "leads", handlers::capture)
            .says("Enters a lead for somebody. The same person asking for the same course while that lead is open touches it and answers 200.")
            .needs::<CaptureLeads>()
            .once()
            .takes::<Capture>()
            .gives::<CapturedView>(201)
            .gives::<CapturedView>(200),
        Route::get("/leads", "listLeads", "leads", handlers::list)
            .says("Leads, newest first.")
            .needs::<ReadLeads>()
            .asks::<LeadsQuery>()
            .gives_page_of::<LeadView>(),
        Route::get("/leads/inbox", "listInbox", "leads", handlers::inbox)
            .says("Open leads in the order in which something is to be done: an answer, what was planned, or to plan something.")
            .needs::<ReadLeads>()
            .asks::<InboxQuery>()
            .gives_page_of::<InboxView>(),
        Route::get("/leads/{id}", "getLead", "leads", handlers::get).says("One lead.").needs::<ReadLeads>().gives::<LeadDetailView>(200),
        Route::patch("/leads/{id}", "changeLead", "leads", handlers::change)
            .says("Changes what of a lead can be changed by hand.")
            .needs::<WorkLeads>()
            .takes_patch_of(LeadChange::FIELDS)
            .gives::<LeadDetailView>(200),
        Route::post("/leads/{id}/assign", "assignLead", "leads", handlers::assign)
            .says("Says who works on a lead.")
            .needs::<AssignLeads>()
            .once()
            .takes::<Assignee>()
            .gives::<LeadDetailView>(200),
        Route::get("/leads/{id}/activities", "listActivities", "leads", handlers::activities)
            .says("What was done about a lead, newest first.")
            .needs::<ReadLeads>()
            .asks::<PageQuery>()
            .gives_page_of::<ActivityView>(),
        Route::post("/leads/{id}/activities", "logActivity", "leads", handlers::log)
            .says("Notes what was done about a lead, and what is to be done next.")
            .needs::<WorkLeads>()
            .once()
            .takes::<NewActivity>()
            .gives::<LoggedView>(201),
        Route::get("/leads/{id}/suggestions", "suggestRuns", "leads", handlers::suggestions)
            .says("Runs that the person of a lead could go into, with their seats: the one that they asked for, then those with a free seat, soonest first.")
            .needs::<ReadLeads>()
            .asks::<SuggestionsQuery>()
            .gives_page_of::<SuggestionView>(),
        Route::post("/leads/{id}/hold", "holdSeatForLead", "leads", handlers::hold)
            .says("Keeps a seat of a run for the person of a lead, for 48 hours if nothing else is said.")
            .needs::<WorkLeads>()
            .once()
            .takes::<LeadHold>()
            .gives::<SeatHoldView>(201),
        Route::post("/leads/{id}/transitions", "moveLead", "leads", handlers::transition)
            .says("Moves a lead through its lifecycle.")
            .needs::<WorkLeads>()
            .once()
            .takes::<Move>()
            .gives::<LeadDetailView>(200),
        Route::post("/leads/{id}/convert", "convertLead", "leads", handlers::convert)
            .says("Turns a lead into a place in a run: both, or neither.")
            .needs::<WorkLeads>()
            .once()
            .takes::<Conversion>()
            .gives::<ConvertedView>(201),
        Route::post("/forms/{key}/versions", "publishFormVersion", "leads", forms::publish)
            .says("Publishes a version of a form.")
            .needs::<ManageForms>()
            .once()
            .takes::<NewFormVersion>()
            .gives::<forms::FormVersionView>(201),
    ]
}

impl Coded for LeadsError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Refused(LeadError::InvalidTransition { .. }) => (StatusCode::CONFLICT, "INVALID_TRANSITION"),
            Self::Refused(LeadError::ReasonRequired) => (StatusCode::UNPROCESSABLE_ENTITY, "REASON_REQUIRED"),
            Self::Enrollment(error) => error.coded(),
            Self::Consent(error) => error.coded(),
            Self::Restricted => (StatusCode::LOCKED, "RESTRICTED"),
            Self::Denied(_) => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => &faults.0,
            Self::Enrollment(error) => error.faults(),
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
    fn hints(&self) -> Map<String, Json> {
        match self {
            Self::Refused(LeadError::InvalidTransition { possible, .. }) => crate::error::possible(possible),
            Self::Enrollment(error) => error.hints(),
            Self::Denied(Denied(permission)) => crate::error::missing(*permission),
            _ => Map::new(),
        }
    }
}
