//! What a browser makes of the one page that there is. Runs where Chromium is installed; `MATRICULA_TEST_BROWSER=required` makes its absence a failure.

use std::process::Stdio;
use std::time::Duration;

use matricula_tests::program::Service;
use tokio::process::Command;

over_http! {
    the_page_shows_the_document_and_breaks_no_policy_of_its_own,
}

/// A browser that looks at a page for a while, without a window.
fn browser() -> Option<Command> {
    let installed = std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = installed.flat_map(|folder| names.map(|name| folder.join(name))).find(|program| program.is_file());
    assert!(found.is_some() || std::env::var_os("MATRICULA_TEST_BROWSER").is_none(), "no browser is installed");
    let mut browser = Command::new(found?);
    browser.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"]);
    browser.stdin(Stdio::null()).kill_on_drop(true);
    Some(browser)
}

/// S10 of the reliability figures.
async fn the_page_shows_the_document_and_breaks_no_policy_of_its_own(service: &Service) {
    let Some(mut browser) = browser() else { return };
    let profile = tempfile::tempdir().unwrap();
    browser.arg(format!("--user-data-dir={}", profile.path().display())).arg(format!("{}/api/docs/", service.url));
    let looked = tokio::time::timeout(Duration::from_mins(2), browser.output()).await.unwrap().unwrap();
    let (seen, said) = (String::from_utf8_lossy(&looked.stdout), String::from_utf8_lossy(&looked.stderr));
    assert!(seen.contains("/api/v1/leads/{id}/convert"), "the page shows no operation: {said}");
    let complaints: Vec<_> = said.lines().filter(|line| line.contains(":CONSOLE:")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
