use async_trait::async_trait;
use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{SeatHold, SeatHoldId, SeatHoldParts};
use matricula_domain::people::PersonId;
use matricula_domain::shared::{Aggregate, Changed, Id, Instant};
use matricula_entity::enrollment::seat_holds;
use matricula_ports::PortError;
use matricula_ports::enrollment::SeatHoldRepository;
use sea_orm::{ColumnTrait, QueryFilter};

use crate::convert::{count, parsed};
use crate::paging::columns;
use crate::scoped::{SCOPED, models};
use crate::unit::Session;

fn hold_of(row: seat_holds::Model) -> Result<SeatHold, PortError> {
    Ok(SeatHold::from_parts(SeatHoldParts {
        id: SeatHoldId::from_uuid(row.id),
        run: CourseRunId::from_uuid(row.course_run_id),
        person: PersonId::from_uuid(row.person_id),
        status: parsed(row.status, "seat_holds.status")?,
        expires_at: row.expires_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "seat_holds.version")?,
    }))
}

#[async_trait]
impl SeatHoldRepository for Session {
    async fn find(&self, id: SeatHoldId) -> Result<Option<SeatHold>, PortError> {
        self.one(self.select::<seat_holds::Entity>().filter(seat_holds::Column::Id.eq(id.as_uuid()))).await?.map(hold_of).transpose()
    }

    async fn held_in(&self, run: CourseRunId) -> Result<Vec<SeatHold>, PortError> {
        let held = self.select::<seat_holds::Entity>().filter(seat_holds::Column::CourseRunId.eq(run.as_uuid()));
        self.all(held.filter(seat_holds::Column::Status.eq("held"))).await?.into_iter().map(hold_of).collect()
    }

    async fn run_out(&self, now: Instant, most: u32) -> Result<Vec<SeatHold>, PortError> {
        let mut sql = self.sql();
        // The state stands there as it is, since a bound one would keep the planner from the partial index.
        sql.push("SELECT ").push(&columns::<seat_holds::Entity>("h")).push(" FROM seat_holds h WHERE ").push(SCOPED);
        sql.push(" AND h.organization_id = ").bind(self.organization).push(" AND h.status = 'held' AND h.expires_at <= ").bind(now);
        sql.push(" ORDER BY h.expires_at, h.id LIMIT ").bind(i64::from(most));
        models::<seat_holds::Entity>(&self.rows(sql).await?)?.into_iter().map(hold_of).collect()
    }

    async fn save(&self, hold: &Changed<SeatHold>) -> Result<(), PortError> {
        let parts = hold.state().parts();
        let model = seat_holds::Model {
            organization_id: self.organization,
            id: parts.id.as_uuid(),
            course_run_id: parts.run.as_uuid(),
            person_id: parts.person.as_uuid(),
            status: parts.status.as_str().to_owned(),
            expires_at: parts.expires_at,
            created_at: parts.created_at,
            updated_at: parts.updated_at,
            version: count(parts.version, "seat_holds.version")?,
        };
        if hold.is_new() {
            self.insert::<seat_holds::Entity>(model);
        } else {
            self.update::<seat_holds::Entity>(model, hold.state().version(), &[]);
        }
        for (run, moved) in hold.fact().seat_moves() {
            self.move_seats(run.as_uuid(), moved.taken, moved.held);
        }
        self.note(hold);
        Ok(())
    }
}
