use chrono::{DateTime, Utc};
use matricula_application::access::ManageForms;
use matricula_domain::leads::{FormVersion, NewFormVersion};
use matricula_domain::shared::{Code, Id};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::input::{Body, path_field};

/// A published version of a form.
#[derive(Serialize, ToSchema)]
pub(super) struct FormVersionView {
    id: Uuid,
    form_id: Uuid,
    key: String,
    number: u32,
    /// SHA-256 of everything that is shown.
    rendered_sha256: String,
    published_at: DateTime<Utc>,
}

pub(super) async fn publish(call: May<ManageForms>, body: Body<NewFormVersion>) -> Answered {
    let key: Code = path_field(&call.request, "key")?;
    let answer = |version: &FormVersion| {
        let parts = version.parts();
        let view = FormVersionView {
            id: parts.id.as_uuid(),
            form_id: parts.form.as_uuid(),
            key: parts.key.as_str().to_owned(),
            number: parts.number,
            rendered_sha256: parts.rendered_sha256.clone(),
            published_at: parts.published_at,
        };
        Answer::created(&view, format!("/api/v1/forms/{}/versions/{}", view.key, view.number))
    };
    call.once(body.fingerprint, answer, async |who| call.api.leads.publish_form(who, &key, &body).await).await
}
