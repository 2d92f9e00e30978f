use matricula_domain::identity::{OrganizationId, Post, Reach};
use matricula_domain::shared::Id;
use matricula_ports::PortError;
use uuid::Uuid;

use crate::convert::Columns;
use crate::databases::Databases;
use crate::scoped::{Reader, SCOPED};
use crate::sql::Sql;

/// Who is in the groups of a reach: asked where the leads are, or known already where groups are at home in another database.
pub(super) type Team = Option<Vec<Uuid>>;

/// Asks the directory who is in the groups of a reach, where the leads are in another database.
pub(super) async fn team(databases: &Databases, organization: OrganizationId, reach: &Reach) -> Result<Team, PortError> {
    let Reach::Within(post) = reach else { return Ok(None) };
    if post.groups.is_empty() || !databases.is_apart(&databases.home_of(organization).await?) {
        return Ok(None);
    }
    let reader = Reader::of(&databases.directory().database, organization);
    let mut sql = reader.sql();
    members(&mut sql, post, organization.as_uuid());
    sql.push(" AND ").push(SCOPED);
    let rows = reader.rows(sql).await?;
    rows.iter().map(|row| Columns::of(row).next()).collect::<Result<_, _>>().map(Some)
}

fn members(sql: &mut Sql, post: &Post, organization: Uuid) {
    sql.push("SELECT user_id FROM user_groups WHERE organization_id = ").bind(organization);
    sql.push(" AND group_id IN (").bind_all(post.groups.iter().map(|group| group.as_uuid())).push(")");
}

/// Adds the condition that a lead `l` is in reach. Its campus is that of its run, else those of its course.
pub(super) fn within(sql: &mut Sql, reach: &Reach, team: &Team, organization: Uuid) {
    let Reach::Within(post) = reach else { return };
    sql.push(" AND (l.assigned_to = ").bind(post.user.map(Id::as_uuid));
    match team {
        Some(members) if !members.is_empty() => _ = sql.push(" OR l.assigned_to IN (").bind_all(members.iter().copied()).push(")"),
        None if !post.groups.is_empty() => {
            sql.push(" OR l.assigned_to IN (");
            members(sql, post, organization);
            sql.push(")");
        }
        _ => {}
    }
    if !post.campuses.is_empty() {
        let campuses = || post.campuses.iter().map(|campus| campus.as_uuid());
        let of_run = "SELECT r.campus_id FROM course_runs r WHERE r.organization_id = l.organization_id AND r.id = l.course_run_id";
        sql.push(&format!(" OR ({of_run}) IN (")).bind_all(campuses()).push(&format!(") OR (({of_run}) IS NULL AND "));
        sql.push("l.course_id IN (SELECT x.course_id FROM course_campuses x WHERE x.organization_id = l.organization_id AND x.campus_id IN (");
        sql.bind_all(campuses()).push(")))");
    }
    sql.push(")");
}
