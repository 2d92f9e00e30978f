use crate::shared::{EmailAddress, Fault, Line, LocalTime, PhoneNumber, Slug, TimeZone, WebAddress};

crate::choice! {
    /// A day of the week.
    pub enum DayOfWeek {
        /// Lunes.
        Monday = "monday",
        /// Martes.
        Tuesday = "tuesday",
        /// Miércoles.
        Wednesday = "wednesday",
        /// Jueves.
        Thursday = "thursday",
        /// Viernes.
        Friday = "friday",
        /// Sábado.
        Saturday = "saturday",
        /// Domingo.
        Sunday = "sunday",
    }
}

crate::form! {
    /// When a campus is open on a day of each week, in the words of schema.org. A day on which it closes for lunch has two.
    pub struct OpeningHours {
        /// The day.
        day_of_week: DayOfWeek,
        /// From then on, by the clock of the campus.
        opens: LocalTime,
        /// Until then, on the same day.
        closes: LocalTime,
    }
    check |this, faults| {
        if this.closes <= this.opens {
            faults.add(Fault::new("CLOSES_BEFORE_OPENS", "must be after opens").under("closes"));
        }
    }
}

impl OpeningHours {
    fn overlap(&self, other: &Self) -> bool {
        self.day_of_week == other.day_of_week && self.opens < other.closes && other.opens < self.closes
    }
}

crate::record! {
    /// A place where courses are taught. Its time zone decides when a day ends there.
    pub struct Campus in "catalog" as "campus" / "campuses" unique ["slug"] order "name" filter ["city"] {
        /// Its name in addresses.
        slug: Slug,
        /// Its name.
        name: Line<200>,
        /// Its town.
        city: Line<100>,
        /// Street and number.
        address: Option<Line<300>>,
        /// Postal code.
        postal_code: Option<Line<20>>,
        /// Phone of the reception.
        phone: Option<PhoneNumber>,
        /// E-mail of the reception.
        email: Option<EmailAddress>,
        /// Where it is on a map.
        maps_url: Option<WebAddress>,
        /// IANA time zone, such as Europe/Madrid.
        time_zone: TimeZone,
        /// When it is open in a week; nobody knows, if it is empty.
        opening_hours: Vec<OpeningHours>,
    }
    check |this, faults| {
        for (n, hours) in this.opening_hours.iter().enumerate() {
            if this.opening_hours[..n].iter().any(|earlier| hours.overlap(earlier)) {
                faults.add(Fault::new("OVERLAP", "is open already then").under(&n.to_string()).under("opening_hours"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Form, Value};

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    #[test]
    fn a_week_of_opening_hours_makes_sense() {
        for (week, wrong) in [
            (&[][..], &[][..]),
            (&[("monday", "09:00", "14:00"), ("monday", "14:00", "20:30"), ("sunday", "00:00", "23:59")], &[]),
            (&[("monday", "16:00", "20:00"), ("monday", "09:00", "14:00"), ("tuesday", "09:00", "14:00")], &[]),
            (&[("monday", "09:00", "14:00"), ("monday", "13:59", "20:00")], &[("/opening_hours/1", "OVERLAP")]),
            (&[("monday", "10:00", "11:00"), ("friday", "09:00", "14:00"), ("monday", "09:00", "14:00")], &[("/opening_hours/2", "OVERLAP")]),
            (&[("monday", "14:00", "14:00")], &[("/opening_hours/0/closes", "CLOSES_BEFORE_OPENS")]),
            (&[("monday", "22:00", "02:00")], &[("/opening_hours/0/closes", "CLOSES_BEFORE_OPENS")]),
            (
                &[("lunes", "9:00", "24:00")],
                &[
                    ("/opening_hours/0/day_of_week", "NOT_A_CHOICE"),
                    ("/opening_hours/0/opens", "NOT_A_TIME"),
                    ("/opening_hours/0/closes", "NOT_A_TIME"),
                ],
            ),
        ] {
            let hours = week
                .iter()
                .map(|(day, opens, closes)| map(&[("day_of_week", (*day).into()), ("opens", (*opens).into()), ("closes", (*closes).into())]));
            let campus = map(&[
                ("slug", "norte".into()),
                ("name", "Norte".into()),
                ("city", "Madrid".into()),
                ("time_zone", "Europe/Madrid".into()),
                ("opening_hours", Value::List(hours.collect())),
            ]);
            let read = Campus::read(&campus);
            let faults = read.as_ref().err().map(|faults| faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect::<Vec<_>>());
            assert_eq!(faults.unwrap_or_default(), wrong, "{week:?}");
            // What is read is what was written.
            assert!(read.is_err() || read == Campus::read(&Value::Map(read.as_ref().unwrap().fields())));
        }
    }
}
