//! What goes by links that open once: another password, invitations, another address, the first organization. What opens a link comes in
//! the body, never in a path or a query, which logs and proxies keep.

use std::time::Duration;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::{InviteUsers, ReadUsers};
use matricula_application::identity::{Acceptance, EmailChange, IdentityError, Invitation, NewPassword, PasswordChange, PasswordResetRequest, SetUp};
use matricula_domain::identity::{LinkId, LinkTarget, OneTimeLink, Organization, User};
use matricula_domain::shared::{Id, Instant, Line};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{door, refusal};
use crate::answer::{Answer, Answered};
use crate::call::{Anybody, Basics, May, SignedIn};
use crate::error::ApiError;
use crate::input::{Body, Query, path_field};
use crate::page::{Listed, PageQuery, page};
use crate::route::Route;

/// How long the answer to a forgotten password takes at least: longer than it takes to send a link, so that the time does not tell whether
/// there is such an account.
const AT_LEAST: Duration = Duration::from_millis(250);

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/password-resets", "requestPasswordReset", "identity", request_password_reset)
            .says("Sends a link with which another password can be chosen, if there is such an account; whether there is, nobody learns.")
            .takes::<PasswordResetRequest>()
            .gives_later(),
        Route::post("/auth/password-resets/confirm", "resetPassword", "identity", reset_password)
            .says("Chooses another password by a link; all sign-ins of the user end.")
            .takes::<NewPassword>()
            .gives_nothing(),
        Route::post("/auth/invitations/accept", "acceptInvitation", "identity", accept)
            .says("Accepts an invitation; somebody new says their name and chooses a password.")
            .takes::<Acceptance>()
            .gives::<AcceptedView>(200),
        Route::post("/auth/email-changes/confirm", "confirmEmailChange", "identity", confirm_email_change)
            .says("Confirms another address by the link that was sent to it.")
            .takes::<LinkToken>()
            .gives_nothing(),
        Route::post("/auth/email-changes/veto", "vetoEmailChange", "identity", veto_email_change)
            .says("Objects to another address by the link that was sent to the old one; all sign-ins of the user end.")
            .takes::<LinkToken>()
            .gives_nothing(),
        Route::post("/auth/setup", "setUp", "identity", set_up)
            .says("Founds the first organization with its owner, by the link that the program printed when it started.")
            .takes::<SetUp>()
            .gives::<SetUpView>(201),
        Route::post("/me/password", "changePassword", "identity", change_password)
            .says("Changes your password; your other sign-ins end.")
            .signed_in()
            .takes::<PasswordChange>()
            .gives_nothing(),
        Route::post("/me/email", "changeEmail", "identity", change_email)
            .says("Asks for another address: the new one is to confirm it, the old one may object.")
            .signed_in()
            .takes::<EmailChange>()
            .gives_later(),
        Route::get("/invitations", "listInvitations", "identity", invitations)
            .says("Invitations, newest first.")
            .needs::<ReadUsers>()
            .asks::<PageQuery>()
            .gives_page_of::<InvitationView>(),
        Route::post("/invitations", "invite", "identity", invite)
            .says("Invites somebody to work here, with a role that may no more than yours. A newer invitation takes the place of older ones.")
            .needs::<InviteUsers>()
            .once()
            .takes::<Invitation>()
            .gives::<InvitationView>(201),
        Route::post("/invitations/{id}/revoke", "revokeInvitation", "identity", revoke)
            .says("Takes an invitation back.")
            .needs::<InviteUsers>()
            .gives::<InvitationView>(200),
    ]
}

matricula_domain::form! {
    /// What opens a link.
    pub struct LinkToken {
        /// What the mail brought.
        token: Line<100>,
    }
}

/// Somebody who works here from now on.
#[derive(Serialize, ToSchema)]
struct AcceptedView {
    /// The user.
    user_id: Uuid,
    /// The address with which they sign in.
    email: String,
    /// Where they work.
    organization_id: Uuid,
    /// What they may do.
    role: String,
}

impl From<&User> for AcceptedView {
    fn from(user: &User) -> Self {
        Self {
            user_id: user.id.as_uuid(),
            email: user.email.as_str().to_owned(),
            organization_id: user.membership.organization.as_uuid(),
            role: user.membership.role.to_string(),
        }
    }
}

/// The first organization.
#[derive(Serialize, ToSchema)]
struct SetUpView {
    /// The organization.
    organization_id: Uuid,
    /// Its name in addresses.
    organization: String,
    /// Its owner.
    user_id: Uuid,
    /// The address with which the owner signs in.
    email: String,
}

impl From<&(Organization, User)> for SetUpView {
    fn from((organization, owner): &(Organization, User)) -> Self {
        Self {
            organization_id: organization.id.as_uuid(),
            organization: organization.details.slug.to_string(),
            user_id: owner.id.as_uuid(),
            email: owner.email.as_str().to_owned(),
        }
    }
}

/// An invitation.
#[derive(Serialize, ToSchema)]
struct InvitationView {
    /// Id.
    id: Uuid,
    /// Who is invited.
    email: String,
    /// What they will be.
    role: Option<&'static str>,
    /// Who invites.
    invited_by: Option<Uuid>,
    /// `open`, `expired`, `used`, `revoked` or `replaced`.
    status: &'static str,
    /// Until when it can be accepted.
    expires_at: DateTime<Utc>,
    /// Since when.
    created_at: DateTime<Utc>,
}

impl InvitationView {
    fn of(link: &OneTimeLink, now: Instant) -> Self {
        let parts = link.parts();
        let (role, invited_by) = match parts.target {
            LinkTarget::Invitation { role, by } => (Some(role.as_str()), Some(by.as_uuid())),
            _ => (None, None),
        };
        let status = match parts.ended {
            Some((_, why)) => why.as_str(),
            None if link.is_open(now) => "open",
            None => "expired",
        };
        Self {
            id: parts.id.as_uuid(),
            email: parts.email.as_str().to_owned(),
            role,
            invited_by,
            status,
            expires_at: parts.expires_at,
            created_at: parts.created_at,
        }
    }
}

/// What a use case of links answers, where whoever is slowed down is told for how long.
fn told<T>(basics: &Basics, done: Result<T, IdentityError>) -> Result<T, ApiError> {
    done.map_err(|error| refusal(basics, error))
}

async fn request_password_reset(call: Anybody, body: Body<PasswordResetRequest>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    let door = door(&basics);
    let (done, ()) = tokio::join!(basics.api.links.request_password_reset(&body, &door), tokio::time::sleep(AT_LEAST));
    told(&basics, done)?;
    Ok(Answer::accepted())
}

async fn reset_password(call: Anybody, body: Body<NewPassword>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    told(&basics, basics.api.links.reset_password(&body, &door(&basics)).await)?;
    Ok(Answer::nothing())
}

async fn accept(call: Anybody, body: Body<Acceptance>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    let user = told(&basics, basics.api.links.accept(&body, &door(&basics)).await)?;
    Ok(Answer::ok(&AcceptedView::from(&user)))
}

async fn confirm_email_change(call: Anybody, body: Body<LinkToken>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    told(&basics, basics.api.links.confirm_email_change(&body.token, &door(&basics)).await)?;
    Ok(Answer::nothing())
}

async fn veto_email_change(call: Anybody, body: Body<LinkToken>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    told(&basics, basics.api.links.veto_email_change(&body.token, &door(&basics)).await)?;
    Ok(Answer::nothing())
}

async fn set_up(call: Anybody, body: Body<SetUp>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    let founded = told(&basics, basics.api.links.set_up(&body, &door(&basics)).await)?;
    Ok(Answer::created(&SetUpView::from(&founded), "/api/v1/me".to_owned()))
}

async fn change_password(call: SignedIn, body: Body<PasswordChange>) -> Answered {
    told(&call.basics, call.basics.api.links.change_password(&call.caller, &body, &door(&call.basics)).await)?;
    Ok(Answer::nothing())
}

async fn change_email(call: SignedIn, body: Body<EmailChange>) -> Answered {
    told(&call.basics, call.basics.api.links.request_email_change(&call.caller, &body, &door(&call.basics)).await)?;
    Ok(Answer::accepted())
}

async fn invitations(call: May<ReadUsers>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let found = call.api.link_queries.invitations(call.who.scope(), &page(query.0.limit, query.0.cursor, None)).await?;
    let now = call.api.world.clock.now();
    Ok(Answer::list(&request, &Listed::of(found.map(|link| InvitationView::of(&link, now)))))
}

async fn invite(call: May<InviteUsers>, body: Body<Invitation>) -> Answered {
    // As it is now: a repeat of the key gets the answer of that time.
    let answer =
        |link: &OneTimeLink| Answer::created(&InvitationView::of(link, link.parts().created_at), format!("/api/v1/invitations/{}", link.id()));
    call.once(body.fingerprint, answer, async |who| call.api.links.invite(who, &body).await).await
}

async fn revoke(call: May<InviteUsers>, request: HttpRequest) -> Answered {
    let id: LinkId = path_field(&request, "id")?;
    let revoked = call.api.links.revoke_invitation(&call.who, id).await?;
    Ok(Answer::ok(&InvitationView::of(&revoked, call.api.world.clock.now())))
}
