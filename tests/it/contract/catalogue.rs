//! The lists of the catalogue against its courses as the test itself remembers them.

use std::cmp::Reverse;

use matricula_domain::catalog::{Course, CourseId, CourseStatus};
use matricula_domain::shared::{Changed, RecordId};
use matricula_ports::catalog::{CatalogQueries as _, CourseFilter, CourseOrder};
use matricula_ports::{Order, Page};
use matricula_tests::{Tenant, TestDatabase, at, on_both, value};
use serde_json::{Value as Json, json};

on_both!(lists_have_what_their_filters_say_whatever_became_of_the_courses);

/// Chance that is the same every time.
struct Chance(u64);

impl Chance {
    /// One of so many.
    fn of(&mut self, many: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % many
    }
}

const CAMPUSES: [&str; 3] = ["norte", "sur", "este"];
const CYCLES: [&str; 2] = ["fp", "eso"];
const STATUSES: [CourseStatus; 3] = [CourseStatus::Draft, CourseStatus::Published, CourseStatus::Archived];

/// What a course may be.
struct World {
    campuses: Vec<RecordId>,
    cycles: Vec<RecordId>,
}

impl World {
    /// Where a course is taught, of what cycle, and whether it stands out.
    fn details(&self, chance: &mut Chance) -> Json {
        let campuses: Vec<_> = self.campuses.iter().filter(|_| chance.of(2) == 0).map(ToString::to_string).collect();
        let cycle = self.cycles.get(chance.of(3)).map(ToString::to_string);
        json!({"campus_ids": campuses, "cycle_id": cycle, "featured": chance.of(3) == 0})
    }

    /// Whether a course is one that a filter asks for.
    fn has(&self, course: &Course, filter: &CourseFilter) -> bool {
        let details = course.details();
        let known = |ids: &[RecordId], slugs: &[&str], slug: &str| slugs.iter().position(|known| *known == slug).map(|n| ids[n]);
        course.archived_at().is_none()
            && filter.status.is_none_or(|status| course.status() == status)
            && filter.featured.is_none_or(|featured| details.featured.unwrap_or_default() == featured)
            && filter.cycle.as_deref().is_none_or(|slug| known(&self.cycles, &CYCLES, slug).is_some_and(|id| details.cycle_id == Some(id)))
            && filter.campus.as_deref().is_none_or(|slug| known(&self.campuses, &CAMPUSES, slug).is_some_and(|id| details.campus_ids.contains(&id)))
    }

    /// Those that a filter asks for, in its order.
    fn list(&self, courses: &[Course], filter: &CourseFilter, order: Order) -> Vec<CourseId> {
        let mut found: Vec<_> = courses.iter().filter(|course| self.has(course, filter)).collect();
        let age = |course: &Course| (course.created_at(), course.id());
        match (filter.order, order) {
            (CourseOrder::Featured, _) => found.sort_by_key(|course| Reverse((course.details().featured.unwrap_or_default(), age(course)))),
            (CourseOrder::Age, Order::Descending) => found.sort_by_key(|course| Reverse(age(course))),
            (CourseOrder::Age, Order::Ascending) => found.sort_by_key(|course| age(course)),
        }
        found.into_iter().map(Course::id).collect()
    }
}

/// Something that can become of a course, where it can.
fn change(course: &Course, world: &World, chance: &mut Chance, n: i64) -> Option<Changed<Course>> {
    match chance.of(6) {
        0 => course.transition(CourseStatus::Published, at(n)).ok(),
        1 => course.transition(STATUSES[chance.of(3)], at(n)).ok(),
        2 => course.archive(at(n)).or_else(|| course.restore(at(n))),
        3 => course.restore(at(n)),
        _ => course.change(&value(world.details(chance)), at(n)).ok(),
    }
}

/// The ids of a whole list, read page by page.
async fn walked(here: &Tenant, filter: &CourseFilter, order: Order, limit: u16) -> Vec<CourseId> {
    let (mut ids, mut page) = (Vec::new(), Page { limit, after: None, order });
    loop {
        let slice = here.db.queries.courses(&here.scope, filter, &page).await.unwrap();
        ids.extend(slice.items.iter().map(Course::id));
        let Some(next) = slice.next else { return ids };
        assert_eq!(slice.items.len(), usize::from(limit), "{filter:?}");
        page.after = Some(next);
    }
}

async fn lists_have_what_their_filters_say_whatever_became_of_the_courses(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let (mut world, mut chance) = (World { campuses: Vec::new(), cycles: Vec::new() }, Chance(7));
    for slug in CAMPUSES {
        world.campuses.push(here.campus(slug).await.id());
        // Another organization has the same names, and a course there.
        let same = there.campus(slug).await.id();
        there.draft(&format!("ajeno-{slug}"), json!({"campus_ids": [same.to_string()]})).await;
    }
    for (n, slug) in (1..).zip(CYCLES) {
        world.cycles.push(here.cycle(slug, n).await.id());
    }
    let mut courses = Vec::new();
    for n in 0..40 {
        // Some at the same moment.
        db.clock.advance(chrono::TimeDelta::microseconds(i64::try_from(chance.of(2)).unwrap()));
        let ready = json!({"description": "Desde cero", "price": {"amount": 0, "currency": "EUR"}});
        let mut more = world.details(&mut chance);
        more.as_object_mut().unwrap().extend(ready.as_object().unwrap().clone());
        courses.push(here.draft(&format!("curso-{n}"), more).await);
    }
    let mut changes = 0;
    for n in 0..200 {
        let course = &mut courses[chance.of(40)];
        let Some(changed) = change(course, &world, &mut chance, n + 1) else { continue };
        here.in_unit(async |tx| tx.courses().save(&changed).await).await;
        *course = changed.into_state();
        changes += 1;
    }
    assert!(changes > 100, "{changes}");
    let slugs = |slugs: &[&str]| -> Vec<_> { slugs.iter().chain(&["nada"]).map(|slug| Some((*slug).to_owned())).chain([None]).collect() };
    let ways = [(CourseOrder::Featured, Order::Descending), (CourseOrder::Age, Order::Descending), (CourseOrder::Age, Order::Ascending)];
    let mut longest = 0;
    for (campus, cycle) in slugs(&CAMPUSES).iter().flat_map(|campus| slugs(&CYCLES).into_iter().map(move |cycle| (campus, cycle))) {
        for (status, featured) in STATUSES.map(Some).into_iter().chain([None]).flat_map(|status| [None, Some(true), Some(false)].map(|f| (status, f)))
        {
            for (order, way) in ways {
                let filter = CourseFilter { campus: campus.clone(), cycle: cycle.clone(), status, featured, order, ..CourseFilter::default() };
                let expected = world.list(&courses, &filter, way);
                assert_eq!(walked(&here, &filter, way, 4).await, expected, "{filter:?}, {way:?}");
                longest = longest.max(if campus.is_some() { expected.len() } else { 0 });
            }
        }
    }
    assert!(longest > 8, "a list of a campus that has several pages: {longest}");
}
