use matricula_domain::enrollment::{Enrollment, EnrollmentId, EnrollmentStatus};
use matricula_domain::shared::Line;
use matricula_ports::transact;

use super::{Enrollments, EnrollmentsError, offer_seats};
use crate::access::{Allowed, ManageEnrollments};

impl Enrollments {
    /// Moves an enrollment. A seat that is freed is offered to the next in line at once.
    ///
    /// # Errors
    /// [`EnrollmentsError`].
    pub async fn transition(
        &self,
        who: &Allowed<ManageEnrollments>,
        id: EnrollmentId,
        to: EnrollmentStatus,
        reason: Option<&Line<300>>,
    ) -> Result<Enrollment, EnrollmentsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let enrollment = tx.enrollments().find(id, &who.reach()).await?.ok_or(EnrollmentsError::NotFound)?;
            let moved = enrollment.transition(to, reason.cloned(), self.world.now())?;
            tx.enrollments().save(&moved).await?;
            let freed = moved.fact().seat_move();
            if freed.taken + freed.held < 0 {
                offer_seats(tx, &self.world, enrollment.run()).await?;
            }
            Ok(moved.into_state())
        })
        .await
    }
}
