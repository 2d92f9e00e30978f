use super::Seats;

crate::choice! {
    /// What everybody may know of the seats that are left. An organization has one for all its runs, and a run may have its own.
    pub enum SeatsLeftPolicy {
        /// How many there are, and how many of them are free.
        Exact = "exact",
        /// Whether there are any, and whether they are few.
        Few = "few",
        /// Nothing.
        Hidden = "hidden",
    }
}

crate::choice! {
    /// Whether there are seats, in a word.
    pub enum Availability {
        /// There are.
        Available = "available",
        /// There are some: [`SeatsLeft::FEW`] at most.
        Few = "few",
        /// There are none.
        Full = "full",
    }
}

/// The seats of a run, as everybody may know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatsLeft {
    /// By number.
    Exact {
        /// There are.
        max: u32,
        /// Neither taken nor held.
        free: u32,
    },
    /// In a word.
    Roughly(Availability),
    /// Not at all.
    Hidden,
}

impl SeatsLeft {
    /// How many seats are few.
    pub const FEW: u32 = 5;

    /// What a policy lets everybody know of these seats.
    pub fn shown(policy: SeatsLeftPolicy, seats: Seats) -> Self {
        match policy {
            SeatsLeftPolicy::Exact => Self::Exact { max: seats.max, free: seats.free() },
            SeatsLeftPolicy::Few => Self::Roughly(Availability::of(seats.free())),
            SeatsLeftPolicy::Hidden => Self::Hidden,
        }
    }

    /// Whether there are seats; `None` if that is nobody's business.
    pub fn availability(self) -> Option<Availability> {
        match self {
            Self::Exact { free, .. } => Some(Availability::of(free)),
            Self::Roughly(availability) => Some(availability),
            Self::Hidden => None,
        }
    }
}

impl Availability {
    fn of(free: u32) -> Self {
        match free {
            0 => Self::Full,
            1..=SeatsLeft::FEW => Self::Few,
            _ => Self::Available,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_the_policy_lets_everybody_know() {
        use Availability::{Available, Few, Full};
        for (taken, held, availability) in [(0, 0, Available), (10, 4, Available), (10, 5, Few), (19, 0, Few), (15, 5, Full), (20, 0, Full)] {
            let seats = Seats { max: 20, taken, held };
            let exact = SeatsLeft::shown(SeatsLeftPolicy::Exact, seats);
            assert_eq!((exact, exact.availability()), (SeatsLeft::Exact { max: 20, free: 20 - taken - held }, Some(availability)));
            assert_eq!(SeatsLeft::shown(SeatsLeftPolicy::Few, seats), SeatsLeft::Roughly(availability));
            assert_eq!(SeatsLeft::shown(SeatsLeftPolicy::Few, seats).availability(), Some(availability));
            let hidden = SeatsLeft::shown(SeatsLeftPolicy::Hidden, seats);
            assert_eq!((hidden, hidden.availability()), (SeatsLeft::Hidden, None));
        }
    }
}
