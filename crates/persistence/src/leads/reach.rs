use matricula_domain::identity::Reach;
use matricula_domain::shared::Id;
use uuid::Uuid;

use crate::sql::Sql;

/// Adds the condition that a lead `l` is in reach. Its campus is that of its run, else those of its course.
pub(super) fn within(sql: &mut Sql, reach: &Reach, organization: Uuid) {
    let Reach::Within(post) = reach else { return };
    sql.push(" AND (l.assigned_to = ").bind(post.user.map(Id::as_uuid));
    if !post.groups.is_empty() {
        sql.push(" OR l.assigned_to IN (SELECT user_id FROM user_groups WHERE organization_id = ").bind(organization);
        sql.push(" AND group_id IN (").bind_all(post.groups.iter().map(|group| group.as_uuid())).push("))");
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
