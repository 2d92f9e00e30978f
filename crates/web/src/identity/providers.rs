//! Identity providers, and signing in by way of them.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::ManageIdentityProviders;
use matricula_application::identity::{ProviderAnswer, ProviderSignInRequest};
use matricula_domain::identity::{IdentityProvider, IdentityProviderDetails, IdentityProviderId};
use matricula_domain::shared::{Aggregate as _, Form, Id};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{TokensView, door};
use crate::answer::{Answer, Answered};
use crate::call::{Anybody, May};
use crate::error::ApiError;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{ArchiveQuery, Listed, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/provider-sign-ins", "beginProviderSignIn", "identity", begin)
            .says("Begins a sign-in by way of an identity provider: where the browser goes, and what it keeps until it is back.")
            .takes::<ProviderSignInRequest>()
            .gives::<SetOutView>(200),
        Route::post("/auth/provider-sign-ins/finish", "finishProviderSignIn", "identity", finish)
            .says("Signs in who is back from their identity provider, in the browser that set out.")
            .takes::<ProviderAnswer>()
            .gives::<TokensView>(200),
        Route::get("/identity-providers", "listIdentityProviders", "identity", list)
            .says("Identity providers of the organization, newest first.")
            .needs::<ManageIdentityProviders>()
            .asks::<ArchiveQuery>()
            .gives_page_of::<IdentityProviderView>(),
        Route::post("/identity-providers", "createIdentityProvider", "identity", create)
            .says(
                "Adds an identity provider, at which the address of this program with `/provider-sign-in` behind it is registered as redirect URI. \
                 Only whoever has all rights may, and only an owner where a value means owner: who says who people are can be any of them.",
            )
            .needs::<ManageIdentityProviders>()
            .once()
            .takes::<IdentityProviderDetails>()
            .gives::<IdentityProviderView>(201),
        Route::get("/identity-providers/{id}", "getIdentityProvider", "identity", get)
            .says("One identity provider.")
            .needs::<ManageIdentityProviders>()
            .gives::<IdentityProviderView>(200),
        Route::patch("/identity-providers/{id}", "changeIdentityProvider", "identity", change)
            .says("Changes an identity provider; the issuer stays.")
            .needs::<ManageIdentityProviders>()
            .takes_patch_of(IdentityProviderDetails::FIELDS)
            .gives::<IdentityProviderView>(200),
        Route::post("/identity-providers/{id}/archive", "archiveIdentityProvider", "identity", archive)
            .says("Takes an identity provider out of use, with undo; its domains are free for others.")
            .needs::<ManageIdentityProviders>()
            .gives::<IdentityProviderView>(200),
        Route::post("/identity-providers/{id}/restore", "restoreIdentityProvider", "identity", restore)
            .says("Undoes archiving.")
            .needs::<ManageIdentityProviders>()
            .gives::<IdentityProviderView>(200),
    ]
}

/// A sign-in that has begun.
#[derive(Serialize, ToSchema)]
struct SetOutView {
    /// Where the browser goes.
    authorization_url: String,
    /// What the browser keeps for itself until it is back, and shows then.
    browser_secret: String,
    /// Until when it must be back.
    expires_at: DateTime<Utc>,
}

/// Which value of the role claim means which role.
#[derive(Serialize, ToSchema)]
struct RoleMappingView {
    value: String,
    role: String,
}

/// An identity provider, without the client's secret.
#[derive(Serialize, ToSchema)]
struct IdentityProviderView {
    id: Uuid,
    name: String,
    issuer: String,
    client_id: String,
    email_domains: Vec<String>,
    role_claim: Option<String>,
    role_mappings: Vec<RoleMappingView>,
    default_role: Option<String>,
    makes_members: bool,
    demands_second_factor: bool,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&IdentityProvider> for IdentityProviderView {
    fn from(provider: &IdentityProvider) -> Self {
        let details = &provider.details;
        let mappings = details.role_mappings.iter();
        Self {
            id: provider.id.as_uuid(),
            name: details.name.to_string(),
            issuer: details.issuer.as_str().to_owned(),
            client_id: details.client_id.to_string(),
            email_domains: details.email_domains.iter().map(|domain| domain.as_str().to_owned()).collect(),
            role_claim: details.role_claim.as_ref().map(ToString::to_string),
            role_mappings: mappings.map(|mapping| RoleMappingView { value: mapping.value.to_string(), role: mapping.role.to_string() }).collect(),
            default_role: details.default_role.as_ref().map(ToString::to_string),
            makes_members: details.makes_members.0,
            demands_second_factor: details.demands_second_factor.0,
            archived_at: provider.archived_at,
            created_at: provider.created_at,
            updated_at: provider.updated_at,
        }
    }
}

fn answer(provider: &IdentityProvider) -> Answer {
    Answer::ok(&IdentityProviderView::from(provider)).etag(provider.version())
}

async fn begin(call: Anybody, body: Body<ProviderSignInRequest>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    let begun = basics.api.providers.begin(&body, &door(&basics)).await?;
    let (authorization_url, browser_secret) = (begun.authorization_url, begun.browser_secret);
    Ok(Answer::ok(&SetOutView { authorization_url, browser_secret, expires_at: begun.expires_at }))
}

async fn finish(call: Anybody, body: Body<ProviderAnswer>) -> Answered {
    let Anybody(basics) = call;
    basics.api.limits.sign_in(basics.ip())?;
    let tokens = basics.api.providers.finish(&body, &door(&basics)).await?;
    Ok(Answer::ok(&TokensView::from(tokens)))
}

async fn list(call: May<ManageIdentityProviders>, query: Query<ArchiveQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let page = page(query.limit, query.cursor, None);
    let found = call.api.provider_queries.identity_providers(call.who.scope(), query.archived.0, &page).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|provider| IdentityProviderView::from(&provider)))))
}

async fn create(call: May<ManageIdentityProviders>, body: Body<IdentityProviderDetails>) -> Answered {
    let answer = |provider: &IdentityProvider| {
        let location = format!("/api/v1/identity-providers/{}", provider.id);
        Answer::created(&IdentityProviderView::from(provider), location).etag(provider.version())
    };
    call.once(body.fingerprint, answer, async |who| call.api.providers.create(who, &body).await).await
}

async fn get(call: May<ManageIdentityProviders>) -> Answered {
    let id: IdentityProviderId = path_field(&call.request, "id")?;
    let found = call.api.provider_queries.identity_provider(call.who.scope(), id).await?;
    Ok(answer(&found.ok_or_else(ApiError::not_found)?))
}

async fn change(call: May<ManageIdentityProviders>, body: Raw) -> Answered {
    let id: IdentityProviderId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.providers.change(&call.who, id, &body.value, expected).await?))
}

async fn archive(call: May<ManageIdentityProviders>) -> Answered {
    let id: IdentityProviderId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.providers.archive(&call.who, id).await?))
}

async fn restore(call: May<ManageIdentityProviders>) -> Answered {
    let id: IdentityProviderId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.providers.restore(&call.who, id).await?))
}
