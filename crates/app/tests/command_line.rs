//! The program as its operator has it: a process, its arguments, its environment, and what it prints.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const PASSWORD: &str = "correcto caballo batería grapa";

/// A folder of its own with an embedded database, and mail that is printed.
struct Place {
    folder: TempDir,
    port: u16,
}

/// A copy that answers, and what it prints. Dropped, it ends.
struct Serving {
    _child: Child,
    printed: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Place {
    fn new() -> Self {
        // As the program's `main` does. Whoever was first has chosen the same.
        _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { folder: tempfile::tempdir().unwrap(), port }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matricula"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MATRICULA_") || name == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command.env("MATRICULA_DATABASE_URL", "sqlite://data/matricula.db").env("MATRICULA_MAIL_URL", "console");
        command.env("MATRICULA_LISTEN", format!("127.0.0.1:{}", self.port)).env("MATRICULA_METRICS_LISTEN", "");
        command.env("MATRICULA_PUBLIC_URL", "https://matricula.example.es");
        command
    }

    /// Runs a command to its end: whether it went well, and everything that it printed.
    async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.command(arguments).output().await.unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    async fn serve(&self) -> Serving {
        let mut child = self.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = format!("http://127.0.0.1:{}", self.port);
        for _ in 0..600 {
            if reqwest::get(format!("{url}/readyz")).await.is_ok_and(|answer| answer.status().is_success()) {
                return Serving { _child: child, printed, url };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is not ready after half a minute");
    }

    async fn create_user(&self) -> (bool, String) {
        let who = ["--email", "olga@example.es", "--name", "Olga", "--password", PASSWORD];
        let there = ["--role", "owner", "--organization", "academia", "--organization-name", "Academia"];
        self.run(&[&["user", "create"][..], &who, &there].concat()).await
    }
}

impl Serving {
    /// The next line that it prints and that has this in it, if there is one within a while.
    async fn line_with(&mut self, what: &str, within: Duration) -> Option<String> {
        let found = async {
            while let Some(line) = self.printed.next_line().await.unwrap() {
                if line.contains(what) {
                    return Some(line);
                }
            }
            None
        };
        tokio::time::timeout(within, found).await.ok().flatten()
    }

    async fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        let answer = reqwest::Client::new().post(format!("{}/api/v1{path}", self.url)).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn sign_in(&self) -> u16 {
        self.post("/auth/login", &json!({"email": "olga@example.es", "password": PASSWORD})).await.0
    }
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn on_an_empty_database_a_link_is_printed_that_founds_the_first_organization_and_no_account_is_there() {
    let place = Place::new();
    let mut serving = place.serve().await;
    let link = serving.line_with("mlk_", LONG).await.expect("a link");
    assert!(link.trim().starts_with("https://matricula.example.es/"), "{link}");
    for (email, password) in [("admin", "admin"), ("admin@example.es", "admin123")] {
        assert!(matches!(serving.post("/auth/login", &json!({"email": email, "password": password})).await.0, 401 | 422));
    }
    let token = &link[link.find("mlk_").unwrap()..].trim();
    let organization = json!({"slug": "academia", "name": "Academia", "time_zone": "Europe/Madrid", "locale": "es", "country": "ES"});
    let wanted = json!({"token": token, "organization": organization, "email": "olga@example.es", "name": "Olga", "password": PASSWORD});
    let (status, founded) = serving.post("/auth/setup", &wanted).await;
    assert_eq!(status, 201, "{founded}");
    assert_eq!(serving.sign_in().await, 200);

    // Mail goes where it was told to go.
    assert_eq!(serving.post("/auth/password-resets", &json!({"email": "olga@example.es"})).await.0, 202);
    let mail = serving.line_with("--- to olga@example.es", LONG).await;
    assert!(mail.is_some(), "a mail on standard output");
    drop(serving);

    let mut again = place.serve().await;
    assert_eq!(again.line_with("mlk_", SHORT).await, None, "somebody can sign in");
}

#[tokio::test]
async fn a_user_is_created_without_it_and_the_operator_looks_after_organizations() {
    let place = Place::new();
    let (well, printed) = place.create_user().await;
    assert!(well && printed.contains("can sign in to academia"), "{printed}");
    let (well, printed) = place.create_user().await;
    assert!(!well && printed.contains("EMAIL_TAKEN"), "{printed}");
    let mut serving = place.serve().await;
    assert_eq!(serving.line_with("mlk_", SHORT).await, None);
    assert_eq!(serving.sign_in().await, 200);
    drop(serving);

    for (arguments, expected) in [
        (&["second-factor", "--slug", "academia", "--roles", "owner,dpo"][..], "owner, dpo"),
        (&["second-factor", "--slug", "academia"], "nobody"),
        (&["seats", "--slug", "academia", "--purchased", "5"], "5 may work there, 1 do"),
        (&["suspend", "--slug", "academia"], "academia is suspended"),
        (&["activate", "--slug", "academia"], "academia is active"),
        (&["close", "--slug", "academia", "--export", "out"], "academia is closed"),
    ] {
        let (well, printed) = place.run(&[&["organization"][..], arguments].concat()).await;
        assert!(well && printed.contains(expected), "{arguments:?}: {printed}");
    }
    assert!(place.folder.path().join("out/manifest.json").is_file());
    assert!(fs::read_to_string(place.folder.path().join("out/members.jsonl")).unwrap().contains("olga@example.es"));

    for wrong in [
        &["suspend", "--slug", "nadie"][..],
        &["second-factor", "--slug", "academia", "--roles", "no such role"],
        &["close", "--slug", "academia"],
        &["seats", "--slug", "academia", "--purchased", "-1"],
    ] {
        let (well, printed) = place.run(&[&["organization"][..], wrong].concat()).await;
        assert!(!well && !printed.trim().is_empty(), "{wrong:?}: {printed}");
    }
    let (well, printed) = place.run(&["search", "rebuild"]).await;
    assert!(well, "{printed}");
    for called in ["courses", "blog posts", "descriptions for search engines"] {
        assert!(printed.contains(&format!("academia: 0 {called} can be found")), "{printed}");
    }
    let (well, printed) = place.run(&["search", "rebuild", "--organization", "nadie"]).await;
    assert!(!well && printed.contains("«nadie»"), "{printed}");
    let (well, printed) = place.run(&["audit", "verify"]).await;
    assert!(well && printed.contains("academia: intact"), "{printed}");
}

#[tokio::test]
async fn the_check_of_the_configuration_says_what_is_wrong_with_where_files_are_kept() {
    let place = Place::new();
    let (well, printed) = place.run(&["config", "check"]).await;
    assert!(well && printed.contains("is fine"), "{printed}");
    assert_eq!(fs::read_dir(place.folder.path().join("data/media")).unwrap().count(), 0, "what was tried is gone");

    fs::write(place.folder.path().join("secret"), "geheim\n").unwrap();
    let bucket = |url: &str| {
        let mut command = place.command(&["config", "check"]);
        command.env("MATRICULA_MEDIA_URL", url).env("MATRICULA_MEDIA_S3_ENDPOINT", "http://127.0.0.1:9").env("MATRICULA_MEDIA_TIMEOUT", "1");
        command.env("MATRICULA_MEDIA_S3_ACCESS_KEY_ID", "nadie").env("MATRICULA_MEDIA_S3_SECRET_ACCESS_KEY_FILE", "secret");
        command
    };
    for (url, wrong) in [("s3://media", "media_url: nothing can be put there"), ("s3://", "media_url must name a bucket")] {
        let output = bucket(url).output().await.unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success() && printed.contains(wrong) && !printed.contains("geheim"), "{url}: {printed}");
    }
}
