//! People whom nobody knows: names as in Spain, addresses of domains that are reserved for examples (RFC 2606), and numbers of a
//! range that nobody has been given (those that begin with 75 to 79 are kept for later).

use std::collections::HashSet;

use matricula_domain::people::fold;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// First names; a tilde holds the two parts of one together.
const FIRST: &str = "\
    Lucía María Paula Daniela Carla Alba Sara Julia Carmen Elena Marta Laura Ana Cristina Patricia Raquel Silvia Beatriz Rocío Irene \
    Noelia Sandra Mónica Nuria Pilar Isabel Inés Clara Eva Yolanda Montserrat Ainhoa Fátima Mireia María~José Ana~Belén Hugo Martín \
    Pablo Daniel Alejandro Adrián Álvaro David Mario Diego Javier Sergio Carlos Miguel Jorge Rubén Iván Óscar Víctor Raúl Manuel \
    Antonio Francisco Alberto Marcos Samuel Nicolás Gonzalo Ignacio Jordi Oriol Unai Xavier Andrés José~Luis Juan~Carlos";

/// Surnames; a tilde holds the two parts of one together.
const SURNAMES: &str = "\
    García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez Hernández Ruiz Díaz Moreno Muñoz Álvarez \
    Romero Gutiérrez Alonso Navarro Torres Domínguez Ramos Vázquez Ramírez Gil Serrano Molina Blanco Morales Suárez Ortega Castro \
    Delgado Ortiz Marín Rubio Núñez Medina Sanz Castillo Iglesias Cortés Garrido Santos Guerrero Lozano Cano Cruz Méndez Flores Prieto \
    Herrera Peña León Márquez Cabrera Gallego Calvo Vidal Campos Reyes Vega Fuentes Carrasco Díez Aguilar Caballero Nieto Santana \
    Pascual Herrero Montero Lorenzo Hidalgo Giménez Ferrer Puig Soler";

const DOMAINS: [&str; 6] = ["correo.example", "buzon.example", "mail.example", "example.com", "example.org", "example.net"];

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Somebody {
    /// Their name.
    pub name: String,
    /// Their address; this or a number is there.
    pub email: Option<String>,
    /// Their number.
    pub phone: Option<String>,
}

/// Makes people, of whom no two share an address or a number.
pub(super) struct Names {
    first: Vec<&'static str>,
    surnames: Vec<&'static str>,
    locals: HashSet<String>,
    numbers: u64,
    first_number: u64,
}

/// How many numbers there are behind +34 79.
const NUMBERS: u64 = 10_000_000;

impl Names {
    /// Names from a seed.
    pub(super) fn from_seed(seed: u64) -> Self {
        Self {
            first: FIRST.split(' ').collect(),
            surnames: SURNAMES.split(' ').collect(),
            locals: HashSet::new(),
            numbers: 0,
            first_number: StdRng::seed_from_u64(seed).next_u64() % NUMBERS,
        }
    }

    /// Somebody new.
    pub(super) fn somebody(&mut self, random: &mut StdRng) -> Somebody {
        let (first, last, second) = (one_of(random, &self.first), one_of(random, &self.surnames), one_of(random, &self.surnames));
        let name = if random.random_bool(0.6) { format!("{first} {last} {second}") } else { format!("{first} {last}") };
        let name = name.replace('~', " ");
        let without_phone = random.random_bool(0.12);
        let without_email = !without_phone && random.random_bool(0.04);
        let email = self.address(random, first, last, second);
        let phone = self.number();
        Somebody { name, email: (!without_email).then_some(email), phone: (!without_phone).then_some(phone) }
    }

    fn address(&mut self, random: &mut StdRng, first: &str, last: &str, second: &str) -> String {
        let [first, last, second] = [first, last, second].map(|part| fold(part).replace('~', ""));
        let initial = &first[..1];
        let born = random.random_range(66..=99);
        let local = match random.random_range(0..6) {
            0 => format!("{first}.{last}"),
            1 => format!("{first}.{last}.{second}"),
            2 => format!("{first}{last}{born}"),
            3 => format!("{initial}{last}{second}"),
            4 => format!("{first}_{last}{born}"),
            _ => format!("{last}.{first}"),
        };
        // The second of a name adds a number, as they do.
        let mut free = local.clone();
        let mut number = 1;
        while !self.locals.insert(free.clone()) {
            number += 1;
            free = format!("{local}{number}");
        }
        format!("{free}@{}", one_of(random, &DOMAINS))
    }

    /// A step that has no factor in common with how many there are comes to each of them once.
    fn number(&mut self) -> String {
        self.numbers += 1;
        format!("+3479{:07}", (self.first_number + self.numbers * 7_654_321) % NUMBERS)
    }
}

/// One of several, each as likely as the others.
pub(super) fn one_of<'a, T: ?Sized>(random: &mut StdRng, among: &[&'a T]) -> &'a T {
    among[random.random_range(0..among.len())]
}

#[cfg(test)]
mod tests {
    use matricula_domain::people::PersonDetails;
    use matricula_domain::shared::Form;
    use matricula_ports::json::from_json;
    use serde_json::json;

    use super::*;

    #[test]
    fn everybody_can_be_reached_and_nobody_twice() {
        let (mut names, mut random) = (Names::from_seed(1), StdRng::seed_from_u64(1));
        let (mut emails, mut phones) = (HashSet::new(), HashSet::new());
        for _ in 0..5000 {
            let one = names.somebody(&mut random);
            let read = PersonDetails::read(&from_json(json!({"name": one.name, "email": one.email, "phone": one.phone}))).unwrap();
            assert_eq!(read.email.map(|email| email.as_str().to_owned()), one.email, "in its normal form already");
            assert!(one.email.iter().all(|email| email.ends_with(".example") || email.contains("@example.")));
            assert!(one.email.is_none_or(|email| emails.insert(email)) && one.phone.is_none_or(|phone| phones.insert(phone)));
        }
    }
}
