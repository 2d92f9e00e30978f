use std::sync::Arc;

use matricula_domain::identity::{LinkEnd, LinkId, LinkParts, LinkTarget, OneTimeLink, Role};
use matricula_domain::notifications::Message;
use matricula_domain::shared::{EmailAddress, Id, Language, Line};
use matricula_ports::identity::{MockDirectory, MockLinkSecrets};
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::notifications::{Job, Mail, MailError, Mailbox, MockMailer, MockWordings, Wording};
use uuid::Uuid;

use super::super::{Handler, JobError, MAIL, Postman};
use crate::testing::{FixedClock, Seen, id, now, organization, user};

fn link(target: LinkTarget) -> OneTimeLink {
    OneTimeLink::from_parts(LinkParts {
        id: id(70),
        target,
        email: EmailAddress::parse("nueva@example.es").unwrap(),
        token_hash: [1; 32],
        expires_at: now() + target.purpose().lives(),
        ended: None,
        created_at: now(),
        version: 1,
    })
}

fn job(payload: &str) -> Job {
    Job { id: Uuid::from_u128(5), organization: Some(id(900)), kind: MAIL.to_owned(), payload: payload.to_owned(), attempt: 1, max_attempts: 10 }
}

fn about(message: Message, of: u128) -> Job {
    job(&format!("{{\"message\": \"{message}\", \"of\": \"{}\"}}", Uuid::from_u128(of)))
}

/// Does a job, where this link is known and the mailer answers so; answers with what was worded and sent.
async fn post(
    job: Job,
    found: Option<OneTimeLink>,
    answer: Result<(), MailError>,
) -> (Result<(), JobError>, Vec<(Message, Language, String)>, Vec<Mail>) {
    let mut repositories = MockRepositories::default();
    repositories.links.expect_find().withf(|asked| *asked == id::<LinkId>(70)).returning(move |_| Ok(found.clone()));
    repositories.users.expect_find().withf(|asked| asked.as_uuid().as_u128() == 50).returning(|_| Ok(Some(user(true, true))));
    let mut directory = MockDirectory::new();
    directory.expect_organization_by_id().returning(|_| Ok(Some(organization())));
    let mut secrets = MockLinkSecrets::new();
    secrets.expect_secret_of().returning(|_, _| Ok([3; 32]));
    let (worded, sent) = (Seen::nothing(), Seen::nothing());
    let (mut wordings, keep) = (MockWordings::new(), worded.keep());
    wordings.expect_word().returning(move |message, language, values| {
        let mut names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        let mut known = message.variables().to_vec();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known, "{message}");
        let link = values.iter().find(|(name, _)| *name == "link").map(|(_, link)| link.clone()).unwrap_or_default();
        keep((message, language, link))?;
        Ok(Wording { subject: Line::parse("Subject").unwrap(), text: "text".into(), html: "<p>".into() })
    });
    let (mut mailer, note) = (MockMailer::new(), sent.note());
    mailer.expect_send().returning(move |mail| {
        note(mail).unwrap();
        answer.clone()
    });
    let postman = Postman {
        transactions: Arc::new(MockTransactions::over(repositories)),
        directory: Arc::new(directory),
        secrets: Arc::new(secrets),
        wordings: Arc::new(wordings),
        mailer: Arc::new(mailer),
        clock: Arc::new(FixedClock(now())),
        sender: Mailbox { name: None, address: EmailAddress::parse("no-reply@example.es").unwrap() },
        public_url: "https://matricula.example.es".to_owned(),
    };
    let done = postman.handle(&job).await;
    (done, worded.all(), sent.all())
}

#[tokio::test]
async fn each_message_goes_to_whom_it_concerns_with_all_that_it_says() {
    for (target, message, path) in [
        (LinkTarget::PasswordReset(id(50)), Message::PasswordReset, "password-reset"),
        (LinkTarget::Invitation { role: Role::Viewer, by: id(50) }, Message::Invitation, "invitation"),
        (LinkTarget::EmailChange(id(50)), Message::EmailChange, "email-change"),
        (LinkTarget::EmailVeto { user: id(50), change: id(71) }, Message::EmailVeto, "email-veto"),
    ] {
        let (done, worded, sent) = post(about(message, 70), Some(link(target)), Ok(())).await;
        assert!(done.is_ok(), "{done:?}");
        assert_eq!((worded.len(), worded[0].0, worded[0].1), (1, message, Language::Spanish));
        assert!(worded[0].2.starts_with(&format!("https://matricula.example.es/{path}#mlk_")), "{}", worded[0].2);
        let named = target.purpose() != matricula_domain::identity::LinkPurpose::Invitation;
        assert_eq!((sent[0].to.address.as_str(), sent[0].to.name.is_some(), sent[0].id), ("nueva@example.es", named, Uuid::from_u128(5)));
    }
    let (done, _, sent) = post(about(Message::PasswordChanged, 50), None, Ok(())).await;
    assert!(done.is_ok());
    assert_eq!(sent[0].to.address.as_str(), "asesora@example.es");
}

#[tokio::test]
async fn a_link_that_is_over_is_not_sent_any_more() {
    let over = link(LinkTarget::PasswordReset(id(50))).end(LinkEnd::Replaced, now()).unwrap().into_state();
    for found in [None, Some(over)] {
        let (done, worded, sent) = post(about(Message::PasswordReset, 70), found, Ok(())).await;
        assert!(done.is_ok() && worded.is_empty() && sent.is_empty());
    }
}

#[tokio::test]
async fn the_mailer_says_whether_to_try_again_and_nonsense_is_buried() {
    let target = LinkTarget::PasswordReset(id(50));
    let (again, ..) = post(about(Message::PasswordReset, 70), Some(link(target)), Err(MailError::Again("450".into()))).await;
    assert!(matches!(again, Err(JobError::Again(why)) if why == "450"));
    let (never, ..) = post(about(Message::PasswordReset, 70), Some(link(target)), Err(MailError::Never("550".into()))).await;
    assert!(matches!(never, Err(JobError::Never(why)) if why == "550"));
    for nonsense in ["", "{}", "{\"message\": \"greetings\", \"of\": \"x\"}", "{\"message\": \"invitation\", \"of\": \"x\"}"] {
        let (never, ..) = post(job(nonsense), None, Ok(())).await;
        assert!(matches!(never, Err(JobError::Never(_))), "{nonsense}");
    }
}
