use crate::shared::{EmailAddress, Line, PhoneNumber, Slug, TimeZone, WebAddress};

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
    }
}
