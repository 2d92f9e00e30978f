//! Mail as it leaves the program: real conversations with a server of ours, and what is in the mails.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use matricula_domain::notifications::Message;
use matricula_domain::shared::{EmailAddress, Line};
use matricula_gateways::ids::SystemIds;
use matricula_gateways::mail::{Destination, Dkim, Security, Server, mailer};
use matricula_ports::Ids as _;
use matricula_ports::notifications::{Mail, MailError, Mailbox, Mailer};
use matricula_tests::at;
use matricula_tests::sink::{Begins, Certified, Letter, Manners, Sink};

const TIMEOUT: Duration = Duration::from_millis(700);

fn mailbox(name: Option<&str>, address: &str) -> Mailbox {
    Mailbox { name: name.map(|name| Line::parse(name).unwrap()), address: EmailAddress::parse(address).unwrap() }
}

fn mail() -> Mail {
    Mail {
        id: SystemIds.next(),
        at: at(0),
        message: Message::Invitation,
        from: mailbox(Some("Academia Ñandú"), "no-reply@academia.example"),
        to: mailbox(Some("Lucía \"la\" Pérez, <hola>"), "lucia@example.es"),
        subject: Line::parse("Berta te invita a la Academia Ñandú").unwrap(),
        text: "Hola:\n\n.\n.. puntos al principio\n\nhttps://academia.example/invitation#mlk_x\n".to_owned(),
        html: "<p>Hola</p>".to_owned(),
        headers: vec![("X-Campaign", Line::parse("otoño").unwrap())],
    }
}

fn to(sink: &Sink, rest: &str) -> Arc<dyn Mailer> {
    to_url(&format!("smtp://127.0.0.1:{}{rest}", sink.port), None)
}

fn to_url(url: &str, dkim: Option<Dkim>) -> Arc<dyn Mailer> {
    mailer(&Destination::parse(url).unwrap(), TIMEOUT, dkim)
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let sink = Sink::open(Manners::Takes).await;
    let (mail, mailer) = (mail(), to(&sink, ""));
    mailer.send(&mail).await.unwrap();
    let taken = sink.taken().remove(0);
    assert_eq!((taken.from.as_str(), taken.to), ("no-reply@academia.example", vec!["lucia@example.es".to_owned()]));
    let letter = Letter::read(&taken.bytes);
    assert_eq!((letter.from.as_str(), letter.to.as_str()), ("no-reply@academia.example", "lucia@example.es"));
    assert_eq!(letter.to_name.as_deref(), Some("Lucía \"la\" Pérez, <hola>"));
    assert_eq!(
        (letter.subject.as_str(), letter.text.replace("\r\n", "\n"), letter.html.trim()),
        (mail.subject.as_str(), mail.text.clone(), "<p>Hola</p>")
    );
    let raw = String::from_utf8(taken.bytes).unwrap();
    assert!(raw.contains(&format!("Message-ID: <{}@academia.example>\r\n", mail.id)), "a mail that is sent again is the same one");
    assert!(raw.contains("Date: Sun, 01 Mar 2026 10:00:00 +0000\r\n") && raw.contains("Auto-Submitted: auto-generated\r\n"), "{raw}");
    // The connection is used again.
    mailer.send(&mail).await.unwrap();
    assert_eq!(sink.taken().len(), 2);
}

#[tokio::test]
async fn what_a_server_does_decides_whether_it_is_tried_again() {
    let sink = Sink::open(Manners::Takes).await;
    let again = |manners| (manners, true);
    let never = |manners| (manners, false);
    for (manners, again) in [
        again(Manners::RefusesRecipient(450)),
        again(Manners::RefusesRecipient(421)),
        never(Manners::RefusesRecipient(550)),
        never(Manners::RefusesRecipient(553)),
        again(Manners::RefusesMail(451)),
        again(Manners::RefusesMail(452)),
        never(Manners::RefusesMail(552)),
        never(Manners::RefusesMail(554)),
        again(Manners::Hangs),
        again(Manners::HangsUp),
    ] {
        sink.behave(manners);
        let begun = Stopwatch::now();
        let refused = to(&sink, "").send(&mail()).await.unwrap_err();
        assert_eq!(matches!(refused, MailError::Again(_)), again, "{manners:?}: {refused:?}");
        assert!(begun.elapsed() < TIMEOUT * 4, "{manners:?}: {:?}", begun.elapsed());
        assert!(!refused.to_string().contains("lucia"), "{refused}");
    }
    assert_eq!(sink.taken().len(), 0);
    sink.behave(Manners::RefusesCredentials);
    let refused = to_url(&format!("smtp://user:secret@127.0.0.1:{}", sink.port), None).send(&mail()).await.unwrap_err();
    assert!(matches!(&refused, MailError::Again(why) if why.contains("535")), "{refused:?}");
    // Nobody is there.
    let refused = to_url("smtp://127.0.0.1:1", None).send(&mail()).await.unwrap_err();
    assert!(matches!(refused, MailError::Again(_)), "{refused:?}");
    sink.behave(Manners::Takes);
    to_url(&format!("smtp://user:secret@127.0.0.1:{}", sink.port), None).send(&mail()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_offers_no_tls_gets_nothing_from_elsewhere() {
    let sink = Sink::open(Manners::Takes).await;
    let Destination::Smtp(mut server) = Destination::parse(&format!("smtp://user:secret@mail.example.es:{}", sink.port)).unwrap() else {
        unreachable!()
    };
    server.host = "127.0.0.1".to_owned();
    let refused = mailer(&Destination::Smtp(server), TIMEOUT, None).send(&mail()).await.unwrap_err();
    assert!(matches!(refused, MailError::Again(_)), "{refused:?}");
    assert_eq!(sink.taken().len(), 0);
}

/// What leads to a server that is believed for the authority's sake, under this name of this machine.
fn to_certified(sink: &Sink, security: Security, host: &str, authority: Option<&str>) -> Arc<dyn Mailer> {
    let credentials = Some(("user".to_owned(), "secret".to_owned()));
    let server = Server { host: host.to_owned(), port: sink.port, security, credentials, authority: authority.map(str::to_owned) };
    mailer(&Destination::Smtp(server), TIMEOUT, None)
}

#[tokio::test]
async fn a_server_is_spoken_to_in_tls_once_it_has_shown_that_it_is_the_one() {
    for (security, begins) in [(Security::Tls, Begins::AtOnce), (Security::StartTls, Begins::WhenAsked)] {
        let known = Certified::for_name("localhost");
        let sink = Sink::certified(&known, begins).await;
        to_certified(&sink, security, "localhost", Some(&known.authority)).send(&mail()).await.unwrap();
        assert_eq!(sink.taken().len(), 1, "{security:?}");

        // An authority that nobody knows, another one, and another name.
        let other = Certified::for_name("localhost");
        for (host, authority) in [("localhost", None), ("localhost", Some(&other.authority)), ("127.0.0.1", Some(&known.authority))] {
            let refused = to_certified(&sink, security, host, authority.map(String::as_str)).send(&mail()).await.unwrap_err();
            assert!(matches!(refused, MailError::Again(_)), "{security:?} {host}: {refused:?}");
        }
        assert_eq!(sink.taken().len(), 1, "{security:?}");
    }
}

/// Everything that was ever tried to get a line of one's own into a header.
fn payloads() -> Vec<String> {
    let ends =
        ["\r\n", "\n", "\r", "\n\r", "\r\n ", "\r\n\t", "\u{0}", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}", "%0d%0a", "\\r\\n", "=0D=0A"];
    let words = [
        "Bcc: victima@example.es",
        "Subject: otra cosa",
        "X-Evil: 1",
        "\r\n<h1>cuerpo</h1>",
        ".\r\nMAIL FROM:<x@example.es>",
        "DKIM-Signature: v=1",
        "To: victima@example.es",
    ];
    let around: [fn(&str) -> String; 5] = [
        |evil| format!("Ana{evil}"),
        |evil| format!("{evil}Ana"),
        |evil| format!("Ñandú{evil}"),
        |evil| format!("=?utf-8?q?Ana{}?=", evil.replace("\r\n", "=0D=0A").replace('\n', "=0A").replace(' ', "_")),
        |evil| format!("\"Ana{evil}\" <ana@example.es>"),
    ];
    let each = |end: &&str, word: &&str| around.map(|around| around(&format!("{end}{word}")));
    ends.iter().flat_map(|end| words.iter().flat_map(move |word| each(end, word))).collect()
}

#[tokio::test]
async fn nothing_that_is_typed_becomes_a_header() {
    let sink = Sink::open(Manners::Takes).await;
    let mailer = to(&sink, "");
    mailer.send(&mail()).await.unwrap();
    let usual = Letter::read(&sink.taken().remove(0).bytes);
    let (mut refused, mut sent) = (0, 0);
    for payload in payloads() {
        // Through each door: what the words of the domain refuse cannot be in a mail at all.
        let mut mails = Vec::new();
        match Line::parse(&payload) {
            Ok(line) => mails.push(Mail { to: Mailbox { name: Some(line), ..mail().to }, ..mail() }),
            Err(_) => refused += 1,
        }
        match Line::parse(&payload) {
            Ok(line) => mails.push(Mail { subject: line, ..mail() }),
            Err(_) => refused += 1,
        }
        match EmailAddress::parse(&format!("{payload}@example.es")).or_else(|_| EmailAddress::parse(&payload)) {
            Ok(address) => mails.push(Mail { to: Mailbox { address, ..mail().to }, ..mail() }),
            Err(_) => refused += 1,
        }
        match Line::parse(&payload) {
            Ok(line) => mails.push(Mail { headers: vec![("X-Campaign", line)], ..mail() }),
            Err(_) => refused += 1,
        }
        for mail in mails {
            sent += 1;
            mailer.send(&mail).await.unwrap();
            let taken = sink.taken().pop().unwrap();
            assert_eq!(taken.to, [mail.to.address.as_str()], "{payload:?}");
            let letter = Letter::read(&taken.bytes);
            assert_eq!(letter.headers, usual.headers, "{payload:?}");
            assert!(!letter.subject.contains(['\r', '\n']) && !letter.to_name.unwrap_or_default().contains(['\r', '\n']), "{payload:?}");
        }
    }
    assert!(refused > 1000 && sent > 200, "{refused} refused, {sent} sent");
    assert_eq!(sink.taken().len(), sent + 1);
}

#[tokio::test]
async fn a_folder_gets_each_mail_whole_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = mailer(&Destination::Folder(folder.path().join("mail")), TIMEOUT, None);
    let mail = mail();
    for _ in 0..2 {
        mailer.send(&mail).await.unwrap();
    }
    let files: Vec<_> = std::fs::read_dir(folder.path().join("mail")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files, [folder.path().join(format!("mail/{}-invitation.eml", mail.id))]);
    assert_eq!(Letter::read(&std::fs::read(&files[0]).unwrap()).subject, mail.subject.as_str());
}

/// What `dkimpy`, which is nobody's of ours, says of a mail and a public key; `None` where it is not installed.
fn verified(mail: &[u8], record: &str) -> Option<String> {
    const SCRIPT: &str = "import sys, dkim\nrecord = sys.argv[1].encode()\nmail = sys.stdin.buffer.read()\n\
         print(dkim.verify(mail, dnsfunc=lambda name, timeout=5: record if name == b's2026._domainkey.academia.example.' else b''))";
    if !Command::new("python3").args(["-c", "import dkim, nacl"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        _ = writeln!(std::io::stderr(), "dkimpy is not installed here: nobody verifies our signatures (pip install dkimpy pynacl)");
        return None;
    }
    let mut python = Command::new("python3").args(["-c", SCRIPT, record]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(mail).unwrap();
    Some(String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap().trim().to_owned())
}

/// A new key in PEM form, and its record in the DNS; `None` where `openssl` is not installed.
fn key(folder: &Path, algorithm: &[&str], kind: &str) -> Option<(String, String)> {
    let file = folder.join(kind);
    let made = Command::new("openssl").arg("genpkey").args(algorithm).arg("-out").arg(&file).stderr(Stdio::null()).status();
    if !made.is_ok_and(|status| status.success()) {
        return None;
    }
    let public = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&file).output().unwrap().stdout;
    let public: String = String::from_utf8(public).unwrap().lines().filter(|line| !line.starts_with('-')).collect();
    // An Ed25519 key stands in the DNS without the 12 bytes that say what it is; 12 bytes are 16 letters.
    let public = if kind == "ed25519" { &public[16..] } else { &public };
    Some((std::fs::read_to_string(&file).unwrap(), format!("v=DKIM1; k={kind}; p={public}")))
}

#[tokio::test]
async fn a_signed_mail_is_believed_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::open(Manners::Takes).await;
    for (algorithm, kind) in [(vec!["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "rsa"), (vec!["-algorithm", "ed25519"], "ed25519")] {
        let Some((pem, record)) = key(folder.path(), &algorithm, kind) else { return };
        let dkim = Dkim::new("academia.example", "s2026", &pem).unwrap();
        assert!(!format!("{dkim:?}").contains("PRIVATE"));
        to_url(&format!("smtp://127.0.0.1:{}", sink.port), Some(dkim)).send(&mail()).await.unwrap();
        let signed = sink.taken().pop().unwrap().bytes;
        assert!(signed.starts_with(b"DKIM-Signature: v=1; a="), "{}", String::from_utf8_lossy(&signed));
        let Some(verdict) = verified(&signed, &record) else { return };
        assert_eq!(verdict, "True", "{kind}: {}", String::from_utf8_lossy(&signed));
        // It is the mail that is signed, not the wrapping.
        let text = String::from_utf8(signed).unwrap();
        for (what, other) in [("Hola", "Adios"), ("no-reply@academia.example>\r\n", "otra@academia.example>\r\n"), ("To: ", "Subject: x\r\nTo: ")] {
            assert!(text.contains(what), "{what}");
            assert_eq!(verified(text.replacen(what, other, 1).as_bytes(), &record).as_deref(), Some("False"), "{kind}: {what}");
        }
    }
}
