//! Which crate may depend on which: the arrows of the hexagon, and what the domain may reach outside.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Metadata};

use super::{Finding, names};
use crate::tree;

/// What a member of the workspace may see of the others. Tests of a crate see no more than the crate, but for `in_tests`.
struct Layer {
    name: &'static str,
    sees: &'static [&'static str],
    in_tests: &'static [&'static str],
}

const fn layer(name: &'static str, sees: &'static [&'static str]) -> Layer {
    Layer { name, sees, in_tests: &[] }
}

const LAYERS: [Layer; 9] = [
    layer("domain", &[]),
    layer("ports", &["domain"]),
    layer("application", &["domain", "ports"]),
    layer("entity", &[]),
    Layer { name: "migration", sees: &[], in_tests: &["entity"] },
    layer("persistence", &["domain", "ports", "entity", "migration"]),
    layer("gateways", &["domain", "ports"]),
    layer("web", &["domain", "ports", "application"]),
    layer("console", &["domain", "ports", "application"]),
];

/// These put the others together, measure or check them.
const SEE_ALL: [&str; 4] = ["app", "tests", "bench", "xtask"];

/// What the domain may reach outside the workspace.
const DOMAIN_USES: [&str; 13] = [
    "ammonia",
    "chrono",
    "chrono-tz",
    "frostem",
    "hmac",
    "html5ever",
    "idna",
    "sha1",
    "sha2",
    "stop-words",
    "thiserror",
    "unicode-normalization",
    "uuid",
];

/// What it may reach behind a feature, for services that embed it.
const DOMAIN_MAY_USE: [&str; 1] = ["serde"];

/// What the domain's sources do not say: it neither waits nor talks to anybody.
const DOMAIN_SAYS_NOT: [&str; 4] = ["async", "await", "async_trait", "tokio"];

const PREFIX: &str = "matricula-";

/// A member of the workspace.
#[derive(Debug)]
pub struct Member {
    name: String,
    manifest: String,
    needs: Vec<Need>,
}

#[derive(Debug)]
struct Need {
    name: String,
    kind: DependencyKind,
    optional: bool,
}

/// The members, as cargo sees them.
pub fn read(metadata: &Metadata) -> Vec<Member> {
    let members = metadata.packages.iter();
    members
        .map(|package| Member {
            name: package.name.to_string(),
            manifest: package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap_or(&package.manifest_path).to_string(),
            needs: package.dependencies.iter().map(|need| Need { name: need.name.clone(), kind: need.kind, optional: need.optional }).collect(),
        })
        .collect()
}

/// Checks the arrows.
pub fn check(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        // By its usual name, so that it is run by it.
        let Some(name) = member.name.strip_prefix(PREFIX).or_else(|| (member.name == "xtask").then_some("xtask")) else {
            findings.push(Finding::new(&member.manifest, 0, format!("the package `{}` is not called `{PREFIX}…`", member.name)));
            continue;
        };
        if !SEE_ALL.contains(&name) {
            match LAYERS.iter().find(|layer| layer.name == name) {
                Some(layer) => check_arrows(member, layer, &mut findings),
                None => findings.push(Finding::new(&member.manifest, 0, format!("no rule says what `{name}` may see: add it to LAYERS"))),
            }
        }
        if name == "domain" {
            check_domain(member, &mut findings);
        }
    }
    findings
}

fn check_arrows(member: &Member, layer: &Layer, findings: &mut Vec<Finding>) {
    for need in &member.needs {
        let Some(other) = need.name.strip_prefix(PREFIX) else { continue };
        let in_tests = need.kind == DependencyKind::Development && layer.in_tests.contains(&other);
        if other != layer.name && !layer.sees.contains(&other) && !in_tests {
            let sees = if layer.sees.is_empty() { "no other crate".to_owned() } else { layer.sees.join(", ") };
            findings.push(Finding::new(&member.manifest, 0, format!("`{}` may not depend on `{other}`; it sees {sees}", layer.name)));
        }
    }
}

fn check_domain(member: &Member, findings: &mut Vec<Finding>) {
    for need in member.needs.iter().filter(|need| need.kind != DependencyKind::Development && !need.name.starts_with(PREFIX)) {
        let name = need.name.as_str();
        if DOMAIN_USES.contains(&name) || (DOMAIN_MAY_USE.contains(&name) && need.optional) {
            continue;
        }
        let how = if DOMAIN_MAY_USE.contains(&name) { "only behind a feature (`optional = true`)" } else { "not at all" };
        findings.push(Finding::new(&member.manifest, 0, format!("the domain may use `{name}` {how}; it uses {}", DOMAIN_USES.join(", "))));
    }
}

/// Checks that the domain's sources wait for nothing.
pub fn check_sources(sources: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, content) in sources.iter().filter(|(file, _)| file.starts_with("crates/domain/") && tree::is_rust(file)) {
        let mut words = Vec::new();
        // A source that has no tokens is found by the rule on contexts.
        if let Ok(stream) = names::tokens(content) {
            names::identifiers(stream, &mut words);
        }
        for (line, word) in words {
            if DOMAIN_SAYS_NOT.contains(&word.as_str()) {
                findings.push(Finding::new(file, line, format!("`{word}` in the domain, which neither waits nor talks to anybody")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, needs: &[(&str, DependencyKind, bool)]) -> Member {
        let needs = needs.iter().map(|(name, kind, optional)| Need { name: (*name).to_owned(), kind: *kind, optional: *optional }).collect();
        Member { name: format!("{PREFIX}{name}"), manifest: format!("crates/{name}/Cargo.toml"), needs }
    }

    fn found(name: &str, needs: &[(&str, DependencyKind, bool)]) -> Vec<String> {
        check(&[member(name, needs)]).iter().map(ToString::to_string).collect()
    }

    use DependencyKind::{Development, Normal};

    #[test]
    fn the_arrows_point_inwards() {
        assert!(found("ports", &[("matricula-domain", Normal, false), ("async-trait", Normal, false)]).is_empty());
        assert!(found("app", &[("matricula-persistence", Normal, false), ("matricula-web", Normal, false)]).is_empty());
        assert_eq!(
            found("persistence", &[("matricula-application", Normal, false)]),
            ["crates/persistence/Cargo.toml: `persistence` may not depend on `application`; it sees domain, ports, entity, migration"]
        );
        assert_eq!(found("web", &[("matricula-entity", Development, false)]).len(), 1);
        assert_eq!(found("domain", &[("matricula-ports", Normal, false)]).len(), 1);
    }

    #[test]
    fn only_the_tests_of_the_migrations_see_the_entities() {
        assert!(found("migration", &[("matricula-entity", Development, false)]).is_empty());
        assert_eq!(found("migration", &[("matricula-entity", Normal, false)]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_rule_is_found() {
        assert_eq!(found("helpers", &[]), ["crates/helpers/Cargo.toml: no rule says what `helpers` may see: add it to LAYERS"]);
    }

    #[test]
    fn the_domain_uses_little() {
        assert!(found("domain", &[("chrono", Normal, false), ("serde", Normal, true), ("proptest", Development, false)]).is_empty());
        assert_eq!(found("domain", &[("serde", Normal, false)]).len(), 1);
        assert_eq!(found("domain", &[("tokio", Normal, true)]).len(), 1);
    }

    #[test]
    fn the_domain_does_not_wait() {
        let source = |content: &str| BTreeMap::from([("crates/domain/src/leads/lead.rs".to_owned(), content.to_owned())]);
        assert!(check_sources(&source("// async is for others\nfn f() {}")).is_empty());
        assert_eq!(
            check_sources(&source("\nasync fn f() {}"))[0].to_string(),
            "crates/domain/src/leads/lead.rs:2: `async` in the domain, which neither waits nor talks to anybody"
        );
    }
}
