use crate::shared::{Line, Prose, Slug};

crate::choice! {
    /// The level of vocational training (seed 0, `cycles.level`).
    pub enum CycleLevel {
        /// FP Básica.
        Basic = "fp_basica",
        /// Grado Medio.
        Intermediate = "grado_medio",
        /// Grado Superior.
        Higher = "grado_superior",
        /// Certificado de profesionalidad.
        Certificate = "certificado_profesionalidad",
    }
}

crate::record! {
    /// An educational cycle, by which courses are ordered.
    pub struct Cycle in "catalog" as "cycle" / "cycles" unique ["slug"] order "order_display" filter ["level"] {
        /// Its name in addresses.
        slug: Slug,
        /// Its name.
        name: Line<200>,
        /// What it is about.
        description: Option<Prose<5000>>,
        /// Its level.
        level: CycleLevel,
        /// Where it stands in lists.
        order_display: i32,
    }
}
