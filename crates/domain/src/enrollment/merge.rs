use super::{Enrollment, EnrollmentStatus, SeatHold, SeatMove, Shortage};
use crate::catalog::{CourseRun, CourseRunId};
use crate::shared::{Changed, Instant, Line};

/// Everybody who has, had or waits for a place in a run, and the seats that are held in it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// All enrollments of the run, whatever their state.
    pub enrollments: Vec<Enrollment>,
    /// The seats that are held for somebody.
    pub holds: Vec<SeatHold>,
}

/// What becomes of places: save all of it in one transaction.
#[derive(Clone, Debug, Default)]
pub struct ChangedPlaces {
    /// Of enrollments.
    pub enrollments: Vec<Changed<Enrollment>>,
    /// Of holds.
    pub holds: Vec<Changed<SeatHold>>,
}

impl ChangedPlaces {
    /// What all of it does to the seats of a run.
    pub fn seat_move(&self, run: CourseRunId) -> SeatMove {
        let enrollments = self.enrollments.iter().flat_map(|enrollment| enrollment.fact().seat_moves());
        let moves = enrollments.chain(self.holds.iter().flat_map(|hold| hold.fact().seat_moves()));
        moves.filter(|(of, _)| *of == run).fold(SeatMove::NONE, |sum, (_, seat_move)| sum + seat_move)
    }
}

/// What becomes of the places of a run whose people go to another one.
#[derive(Clone, Debug, Default)]
pub struct Merge {
    /// What ends, since the person has a better place. To be written before `moved`: nobody ever has two open enrollments in a run.
    pub ended: ChangedPlaces,
    /// What is in the other run from now on.
    pub moved: ChangedPlaces,
}

impl Places {
    /// Ends all of them, since the run is not taught (any more). Who has taken it to its end has done so.
    pub fn end(&self, reason: Option<&Line<300>>, now: Instant) -> ChangedPlaces {
        ChangedPlaces {
            enrollments: self.enrollments.iter().filter_map(|place| place.transition(EnrollmentStatus::Dropped, reason.cloned(), now).ok()).collect(),
            holds: self.holds.iter().filter_map(|hold| hold.release(now).ok()).collect(),
        }
    }

    /// Moves all of them into another run of the same course, of which `there` are the places. Seats stay seats, offers stay offers until
    /// the same moment, and who waits stands in the other line as long as they have waited. Who has a place in both keeps the better one;
    /// of two that are alike, the one that is there.
    ///
    /// # Errors
    /// [`Shortage`] if the seats there do not suffice, and then nobody moves.
    pub fn merge_into(&self, target: &CourseRun, there: &Self, now: Instant) -> Result<Merge, Shortage> {
        let mut merge = Merge::default();
        for place in self.enrollments.iter().filter(|place| place.status().is_open()) {
            let theirs: Vec<_> = there.enrollments.iter().filter(|other| other.person() == place.person()).collect();
            let open = theirs.iter().find(|other| other.status().is_open());
            let stays = open.is_some_and(|open| worth(open.status()) >= worth(place.status()));
            if let Some(worse) = if stays { Some(place) } else { open.copied() } {
                merge.ended.enrollments.extend(worse.transition(EnrollmentStatus::Dropped, None, now));
            }
            if !stays {
                merge.moved.enrollments.push(place.move_to(target.id(), theirs.len(), now));
            }
        }
        for hold in &self.holds {
            let sits = |place: &&Enrollment| place.person() == hold.person() && worth(place.status()) > worth(EnrollmentStatus::Waitlisted);
            let has_one = there.holds.iter().any(|other| other.person() == hold.person()) || there.enrollments.iter().any(|place| sits(&place));
            if has_one {
                merge.ended.holds.extend(hold.release(now));
            } else {
                merge.moved.holds.extend(hold.move_to(target.id(), now));
            }
        }
        target.seats().suffice_for(merge.ended.seat_move(target.id()) + merge.moved.seat_move(target.id()))?;
        Ok(merge)
    }
}

/// What a place is worth to whoever has it.
fn worth(status: EnrollmentStatus) -> u8 {
    match status {
        EnrollmentStatus::Active | EnrollmentStatus::Suspended => 3,
        EnrollmentStatus::Offered => 2,
        EnrollmentStatus::Waitlisted => 1,
        EnrollmentStatus::Completed | EnrollmentStatus::Dropped => 0,
    }
}
