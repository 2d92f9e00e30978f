use matricula_domain::identity::{IdentityProvider, Known, LoginSession, ProviderIdentity, ProviderRefusal, ProviderSignInId, User, Vouched};
use matricula_domain::shared::{Id, Instant, Line};
use matricula_ports::identity::Party;
use matricula_ports::{Actor, PortError, Scope, Tx, transact};

use super::super::tokens::digest;
use super::super::{Door, IdentityError, Tokens};
use super::{Providers, ties};

matricula_domain::form! {
    /// What a provider sent somebody back with, and what their browser kept.
    pub struct ProviderAnswer {
        /// `state`, as it came back.
        state: Line<100>,
        /// What the browser kept since it set out.
        browser_secret: Line<100>,
        /// `code`, if the provider agreed.
        code: Option<Line<4000>>,
        /// `iss`, if the provider says who it is (RFC 9207).
        iss: Option<Line<255>>,
        /// `error`, if the provider refused.
        error: Option<Line<200>>,
    }
}

impl Providers {
    /// Signs somebody in who is back from their provider. In whatever way they are refused, the audit is told why.
    ///
    /// A sign-in at a provider stands in the place of the password, and no code of a second factor is asked for: where two factors are
    /// wanted, the provider says that it has seen them ([`IdentityProvider::believe`]), or they are set up here beside it.
    ///
    /// # Errors
    /// [`IdentityError::Provider`]; [`IdentityError::Suspended`] and [`IdentityError::NoRoom`] for somebody who would be new.
    #[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
    pub async fn finish(&self, answer: &ProviderAnswer, door: &Door) -> Result<Tokens, IdentityError> {
        let found = self.directory.sign_in_of_state(digest(answer.state.as_str())).await?;
        let (organization, id) = found.ok_or(IdentityError::Provider(ProviderRefusal::OtherBrowser))?;
        let scope = Scope::new(organization, Actor::System("identity_provider")).of_request(door.request_id.as_str());
        let signed_in = self.take(&scope, id, answer).await;
        if let Err(IdentityError::Provider(why)) = &signed_in {
            self.watch.provider_sign_in_refused(&scope, id.as_uuid(), why.as_str()).await;
        }
        signed_in
    }

    async fn take(&self, scope: &Scope, id: ProviderSignInId, answer: &ProviderAnswer) -> Result<Tokens, IdentityError> {
        let (provider, party) = self.answered(scope, id, answer).await?.ok_or(IdentityError::Provider(ProviderRefusal::Over))?;
        let code = match (&answer.error, &answer.iss, &answer.code) {
            (Some(_), ..) => Err(ProviderRefusal::Denied),
            (None, Some(iss), _) if iss.as_str() != party.issuer.as_str() => Err(ProviderRefusal::WrongIssuer),
            (None, _, None) => Err(ProviderRefusal::Unreadable),
            (None, _, Some(code)) => Ok(code),
        };
        let code = code.map_err(IdentityError::Provider)?;
        let claims = self.relying_party.redeem(&party, &ties(answer.state.as_str(), answer.browser_secret.as_str()), code.as_str()).await?;
        let vouched = provider.believe(&claims).map_err(IdentityError::Provider)?;
        let subject_hash = digest(&format!("{}\n{}", provider.details.issuer.as_str(), claims.subject));
        let signed_in = transact(&*self.world.transactions, scope, async |tx| {
            let now = self.world.now();
            let user = self.user(tx, scope, (&provider, subject_hash), &vouched, now).await?;
            let (tokens, access, refresh) = Tokens::fresh(&*self.world.ids);
            let whose = (user.id, user.membership.id);
            let session = LoginSession::open_vouched(self.world.id(), whose, access, refresh, vouched.two_factors, now);
            tx.login_sessions().save(&session).await?;
            Ok(tokens)
        })
        .await;
        match signed_in {
            Err(IdentityError::Port(PortError::Conflict("members"))) => Err(IdentityError::NoRoom),
            other => other,
        }
    }

    /// Writes down that an answer came, whatever it is: no `state` is used twice. `None` if the provider is out of use since.
    async fn answered(
        &self,
        scope: &Scope,
        id: ProviderSignInId,
        answer: &ProviderAnswer,
    ) -> Result<Option<(IdentityProvider, Party)>, IdentityError> {
        transact(&*self.world.transactions, scope, async |tx| {
            let sign_in = tx.provider_sign_ins().find(id).await?.ok_or(IdentityError::Provider(ProviderRefusal::Over))?;
            let answered = sign_in.answer(digest(answer.browser_secret.as_str()), self.world.now()).map_err(IdentityError::Provider)?;
            let provider = tx.identity_providers().find(sign_in.provider).await?.filter(|provider| provider.archived_at.is_none());
            let party = match provider {
                Some(provider) => Some((self.party(tx, &provider).await?, provider)),
                None => None,
            };
            tx.provider_sign_ins().save(&answered).await?;
            Ok(party.map(|(party, provider)| (provider, party)))
        })
        .await
    }

    /// Who it is here: whom the provider has sent before; else who works here and has the address; else somebody new, if the provider makes
    /// members. A user of other organizations is none of these, since a domain is claimed and not proven: they join by an invitation.
    async fn user(
        &self,
        tx: &Tx,
        scope: &Scope,
        (provider, subject_hash): (&IdentityProvider, [u8; 32]),
        vouched: &Vouched,
        now: Instant,
    ) -> Result<User, IdentityError> {
        if let Some(tied) = tx.provider_identities().find(provider.id, subject_hash).await? {
            let user = tx.users().find(tied.user).await?.filter(User::works_here);
            return may_come(provider, user.ok_or(IdentityError::Provider(ProviderRefusal::Disabled))?);
        }
        let (user, admitted) = match tx.users().find_by_email(&vouched.email, self.world.id()).await? {
            Some(Known::Member(user)) if !user.works_here() => return Err(IdentityError::Provider(ProviderRefusal::Disabled)),
            Some(Known::Member(user)) => {
                if tx.provider_identities().of_user(provider.id, user.id).await?.is_some() {
                    return Err(IdentityError::Provider(ProviderRefusal::OtherSubject));
                }
                (may_come(provider, user)?, None)
            }
            Some(Known::Stranger(_)) => return Err(IdentityError::Provider(ProviderRefusal::Stranger)),
            None => {
                let role = vouched.role.clone().ok_or(IdentityError::Provider(ProviderRefusal::NoRole))?;
                if let Some(organization) = tx.organizations().find().await? {
                    if !organization.status.works() {
                        return Err(IdentityError::Suspended);
                    }
                    organization.has_room()?;
                }
                let admitted = User::admit_vouched(self.world.id(), self.world.id(), scope.organization(), vouched, role, now);
                (admitted.state().clone(), Some(admitted))
            }
        };
        if let Some(admitted) = &admitted {
            tx.users().save(admitted).await?;
        }
        tx.provider_identities().save(&ProviderIdentity::tie(self.world.id(), provider.id, subject_hash, user.id, now)).await?;
        Ok(user)
    }
}

/// Owners come only by a provider that an owner has said is for them: else whoever administers it could be one.
fn may_come(provider: &IdentityProvider, user: User) -> Result<User, IdentityError> {
    if user.is_owner() && !provider.is_for_owners() { Err(IdentityError::Provider(ProviderRefusal::NotForOwners)) } else { Ok(user) }
}
