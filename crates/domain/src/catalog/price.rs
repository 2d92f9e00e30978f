use crate::shared::{Fault, Faults, Money};

crate::choice! {
    /// Who pays, as far as the price depends on it.
    pub enum Audience {
        /// People who pay for themselves (particulares).
        Private = "private",
        /// Companies that have their staff trained (empresas).
        Company = "company",
        /// The self-employed (autónomos).
        SelfEmployed = "self_employed",
        /// People without work (desempleados).
        Unemployed = "unemployed",
        /// Who studies elsewhere (estudiantes).
        Student = "student",
    }
}

crate::form! {
    /// What an audience pays.
    pub struct AudiencePrice {
        /// Who pays it.
        audience: Audience,
        /// How much; an amount of 0 says that it is free for them.
        price: Money,
    }
}

/// What an audience pays, if it has a price of its own.
pub(super) fn price_of(prices: &[AudiencePrice], audience: Audience) -> Option<Money> {
    prices.iter().find(|own| own.audience == audience).map(|own| own.price)
}

/// Notes what is wrong with prices that stand side by side: an audience has one, and all are in one currency.
pub(super) fn check_prices(general: Option<Money>, prices: &[AudiencePrice], faults: &mut Faults) {
    let audiences: Vec<_> = prices.iter().map(|own| own.audience).collect();
    faults.refuse_duplicates("prices", &audiences);
    let currency = general.or(prices.first().map(|own| own.price)).map(|price| price.currency);
    for (n, _) in prices.iter().enumerate().filter(|(_, own)| Some(own.price.currency) != currency) {
        let fault = Fault::new("CURRENCY_MISMATCH", "all prices are in one currency");
        faults.add(fault.under("currency").under("price").under(&n.to_string()).under("prices"));
    }
}
