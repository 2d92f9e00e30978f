use data_encoding::BASE32_NOPAD;
use matricula_domain::identity::{Code, Password, SecondFactor, SecondFactorError, Seed, UserId};
use matricula_domain::shared::Instant;
use matricula_ports::{Ids, Tx, transact};

use super::tokens::digest;
use super::tries::Tries;
use super::{Door, Identity, IdentityError};
use crate::access::Caller;

/// What an app needs to make codes. Shown once.
pub struct SecondFactorSetup {
    /// The seed in base 32, as apps take it.
    pub seed: String,
}

/// Codes for the day on which the app is lost. Shown once.
pub struct RecoveryCodes(pub Vec<String>);

impl RecoveryCodes {
    /// Fresh codes of 80 bits each, and the hashes that are kept of them.
    fn fresh(ids: &dyn Ids) -> (Self, Vec<[u8; 32]>) {
        let codes: Vec<String> = (0..SecondFactor::RECOVERY_CODES).map(|_| BASE32_NOPAD.encode(&ids.secret()[..10])).collect();
        let hashes = codes.iter().map(|code| digest(code)).collect();
        let grouped = codes.iter().map(|code| [&code[..4], &code[4..8], &code[8..12], &code[12..]].join("-"));
        (Self(grouped.collect()), hashes)
    }
}

impl Identity {
    /// Sets up an app that makes codes. From its first code on it is asked for.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn begin_second_factor(&self, caller: &Caller, password: &Password, door: &Door) -> Result<SecondFactorSetup, IdentityError> {
        self.show_again(caller, password, door).await?;
        let mut seed = [0; 20];
        seed.copy_from_slice(&self.world.ids.secret()[..20]);
        transact(&*self.world.transactions, caller.scope(), async |tx| {
            let (user, now) = (caller.principal().user, self.world.now());
            let factor = match tx.second_factors().find(user).await? {
                Some(before) => before.begin_anew(Seed(seed), now)?,
                None => SecondFactor::begin(user, Seed(seed), now),
            };
            tx.second_factors().save(&factor).await?;
            Ok::<_, IdentityError>(SecondFactorSetup { seed: BASE32_NOPAD.encode(&seed) })
        })
        .await
    }

    /// Shows the app's first code. From now on a code is asked for.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn confirm_second_factor(&self, caller: &Caller, code: &str) -> Result<RecoveryCodes, IdentityError> {
        let (codes, hashes) = RecoveryCodes::fresh(&*self.world.ids);
        transact(&*self.world.transactions, caller.scope(), async |tx| {
            let factor = tx.second_factors().find(caller.principal().user).await?.ok_or(SecondFactorError::NotThere)?;
            tx.second_factors().save(&factor.confirm(code.trim(), hashes.clone(), self.world.now())?).await?;
            Ok::<_, IdentityError>(())
        })
        .await?;
        Ok(codes)
    }

    /// Makes new recovery codes; the old ones open no more.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn renew_recovery_codes(&self, caller: &Caller, password: &Password, code: &str, door: &Door) -> Result<RecoveryCodes, IdentityError> {
        let (codes, hashes) = RecoveryCodes::fresh(&*self.world.ids);
        self.with_code(caller, password, code, door, |factor, now| factor.renew_recovery_codes(hashes.clone(), now)).await?;
        Ok(codes)
    }

    /// Takes the second factor off.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn remove_second_factor(&self, caller: &Caller, password: &Password, code: &str, door: &Door) -> Result<(), IdentityError> {
        self.with_code(caller, password, code, door, SecondFactor::remove).await
    }

    /// Somebody who is signed in shows once more who they are: for a while they can change what others may.
    ///
    /// # Errors
    /// [`IdentityError`], [`IdentityError::SecondFactorRequired`] for who has one and sends no code.
    pub async fn step_up(&self, caller: &Caller, password: &Password, code: Option<&str>, door: &Door) -> Result<(), IdentityError> {
        let tries = self.recognise_again(caller, password, door).await?;
        let proven = transact(&*self.world.transactions, caller.scope(), async |tx| {
            let (principal, now) = (caller.principal(), self.world.now());
            open_second_factor(tx, principal.user, code, now).await?;
            let session = tx.login_sessions().find(principal.session).await?.and_then(|session| session.prove(now));
            tx.login_sessions().save(&session.ok_or(IdentityError::InvalidCredentials)?).await?;
            Ok::<_, IdentityError>(())
        })
        .await;
        self.judge(caller, &tries, proven).await
    }

    /// Somebody who is signed in shows their password once more, as for everything that would help a thief of their sign-in (ASVS 7.5.1).
    pub(super) async fn show_again(&self, caller: &Caller, password: &Password, door: &Door) -> Result<(), IdentityError> {
        let tries = self.recognise_again(caller, password, door).await?;
        self.tried_well(&tries).await
    }

    /// The password is right; what else is to be shown is not judged yet, so the try still counts.
    async fn recognise_again(&self, caller: &Caller, password: &Password, door: &Door) -> Result<Tries, IdentityError> {
        let principal = caller.principal();
        let (_, tries) = self.recognise(&principal.email, Some(&principal.organization.slug), password, door).await?;
        Ok(tries)
    }

    /// Opens with the password and a code, and changes the factor then.
    async fn with_code(
        &self,
        caller: &Caller,
        password: &Password,
        code: &str,
        door: &Door,
        change: impl Fn(&SecondFactor, Instant) -> Result<matricula_domain::shared::Changed<SecondFactor>, SecondFactorError>,
    ) -> Result<(), IdentityError> {
        let tries = self.recognise_again(caller, password, door).await?;
        let changed = transact(&*self.world.transactions, caller.scope(), async |tx| {
            let now = self.world.now();
            let factor = tx.second_factors().find(caller.principal().user).await?.ok_or(SecondFactorError::NotThere)?;
            let opened = open(&factor, code, now)?;
            tx.second_factors().save(&opened).await?;
            tx.second_factors().save(&change(opened.state(), now)?).await?;
            Ok::<_, IdentityError>(())
        })
        .await;
        self.judge(caller, &tries, changed).await
    }

    /// What comes of a try whose password was right.
    async fn judge(&self, caller: &Caller, tries: &Tries, outcome: Result<(), IdentityError>) -> Result<(), IdentityError> {
        match &outcome {
            Ok(()) => self.tried_well(tries).await?,
            Err(IdentityError::InvalidCredentials) => {
                self.refuse(tries, Some((caller.scope().clone(), caller.principal().user)), "second_factor").await?;
            }
            Err(_) => {}
        }
        outcome
    }
}

/// Whoever has a second factor shows it too.
///
/// # Errors
/// [`IdentityError::SecondFactorRequired`] without a code, [`IdentityError::InvalidCredentials`] with a wrong one.
pub(super) async fn open_second_factor(tx: &Tx, user: UserId, code: Option<&str>, now: Instant) -> Result<(), IdentityError> {
    let Some(factor) = tx.second_factors().find(user).await?.filter(SecondFactor::is_asked_for) else { return Ok(()) };
    let code = code.ok_or(IdentityError::SecondFactorRequired)?;
    tx.second_factors().save(&open(&factor, code, now)?).await?;
    Ok(())
}

fn open(factor: &SecondFactor, code: &str, now: Instant) -> Result<matricula_domain::shared::Changed<SecondFactor>, IdentityError> {
    let code: String = code.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
    let code = if code.len() == 6 { Code::OfTheApp(&code) } else { Code::Recovery(digest(&code)) };
    factor.open(code, now).map_err(|error| match error {
        SecondFactorError::WrongCode => IdentityError::InvalidCredentials,
        other => other.into(),
    })
}
