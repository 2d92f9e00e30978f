use matricula_ports::{Scope, transact};

use super::{Enrollments, EnrollmentsError, offer_seats};

/// How many holds or offers one transaction ends.
const BATCH: u32 = 50;

/// What a sweep ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Holds that ran out.
    pub holds: usize,
    /// Offers that lapsed.
    pub offers: usize,
}

impl Enrollments {
    /// Ends the holds and offers of an organization whose time is over, and offers their seats to whoever is next. For jobs;
    /// doing it twice changes nothing. At most a batch; `holds + offers` of 0 means that there was nothing left.
    ///
    /// # Errors
    /// [`EnrollmentsError`].
    pub async fn sweep(&self, scope: &Scope) -> Result<Swept, EnrollmentsError> {
        transact(&*self.world.transactions, scope, async |tx| {
            let now = self.world.now();
            let mut swept = Swept::default();
            for hold in tx.seat_holds().run_out(now, BATCH).await? {
                tx.seat_holds().save(&hold.expire(now)?).await?;
                offer_seats(tx, &self.world, hold.run()).await?;
                swept.holds += 1;
            }
            for offer in tx.enrollments().lapsed_offers(now, BATCH).await? {
                // Who is last in line now is also next if nobody else waits: the seat must not stay without anybody.
                tx.enrollments().save(&offer.lapse(now)?).await?;
                offer_seats(tx, &self.world, offer.run()).await?;
                swept.offers += 1;
            }
            Ok(swept)
        })
        .await
    }
}
