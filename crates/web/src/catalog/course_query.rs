//! Which courses are asked for: the same filters for lists and facets, for staff and for everybody.

use matricula_domain::catalog::{Audience, CourseStatus, Modality};
use matricula_domain::identity::UserId;
use matricula_domain::shared::{Line, Slug};
use matricula_ports::Page;
use matricula_ports::catalog::{CourseFilter, CourseOrder};

use crate::page::{Limit, Place, Sort, page};

/// Declares the form of a query with the filters of courses, its own fields behind them. `status` says in which state they are,
/// `instructor` who teaches them, `sort` how they run.
macro_rules! course_query {
    ($(#[$doc:meta])* $name:ident, status: $status:expr, instructor: $instructor:expr, sort: $sort:expr, { $($own:tt)* }) => {
        matricula_domain::form! {
            $(#[$doc])*
            pub struct $name {
                /// Of the cycle with this slug.
                cycle: Option<Slug>,
                /// At the campus with this slug.
                campus: Option<Slug>,
                /// Taught this way.
                modality: Option<Modality>,
                /// Of this category.
                category: Option<Line<100>>,
                /// At this level.
                level: Option<Line<60>>,
                /// With a price of its own for this audience.
                audience: Option<Audience>,
                /// With this tag.
                tag: Option<Slug>,
                /// With this SEO keyword.
                keyword: Option<Line<60>>,
                /// Featured or not.
                featured: Option<bool>,
                /// Found by these words, in Spanish or English, in whatever form. The list runs by relevance then, and ends after some hundreds.
                q: Option<Line<200>>,
                $($own)*
            }
        }

        impl From<&$name> for CourseFilter {
            fn from(query: &$name) -> Self {
                let status: fn(&$name) -> Option<CourseStatus> = $status;
                let instructor: fn(&$name) -> Option<UserId> = $instructor;
                let sort: fn(&$name) -> Option<CourseSort> = $sort;
                Self {
                    status: status(query),
                    cycle: query.cycle.as_ref().map(ToString::to_string),
                    campus: query.campus.as_ref().map(ToString::to_string),
                    modality: query.modality,
                    category: query.category.as_ref().map(ToString::to_string),
                    level: query.level.as_ref().map(ToString::to_string),
                    audience: query.audience,
                    tag: query.tag.as_ref().map(ToString::to_string),
                    keyword: query.keyword.as_ref().map(ToString::to_string),
                    featured: query.featured,
                    q: query.q.as_ref().map(ToString::to_string),
                    instructor: instructor(query),
                    slug: None,
                    order: sort(query).map(CourseSort::order).unwrap_or_default(),
                }
            }
        }
    };
}

matricula_domain::choice! {
    /// How a list of courses runs.
    pub enum CourseSort {
        /// Newest first.
        Newest = "-created_at",
        /// Oldest first.
        Oldest = "created_at",
        /// Those that stand out first, then the newest.
        Featured = "-featured,-created_at",
    }
}

impl CourseSort {
    /// The order of the list.
    fn order(self) -> CourseOrder {
        if self == Self::Featured { CourseOrder::Featured } else { CourseOrder::Age }
    }
}

/// The part of the list that is asked for.
pub(super) fn page_of(sort: Option<CourseSort>, limit: Option<Limit>, cursor: Option<Place>) -> Page {
    page(limit, cursor, Some(if sort == Some(CourseSort::Oldest) { Sort::OldestFirst } else { Sort::NewestFirst }))
}

course_query! {
    /// Which courses.
    CoursesQuery, status: |query| query.status, instructor: |query| query.instructor_id, sort: |query| query.sort, {
        /// In this state.
        status: Option<CourseStatus>,
        /// Taught by this user.
        instructor_id: Option<UserId>,
        /// How the list runs, where no words are sought.
        sort: Option<CourseSort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

course_query! {
    /// Which courses to count.
    CourseFacetsQuery, status: |query| query.status, instructor: |query| query.instructor_id, sort: |_| None, {
        /// In this state.
        status: Option<CourseStatus>,
        /// Taught by this user.
        instructor_id: Option<UserId>,
    }
}

course_query! {
    /// Which published courses.
    PublicCoursesQuery, status: |_| Some(CourseStatus::Published), instructor: |_| None, sort: |query| query.sort, {
        /// How the list runs, where no words are sought.
        sort: Option<CourseSort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

course_query! {
    /// Which published courses to count.
    PublicCourseFacetsQuery, status: |_| Some(CourseStatus::Published), instructor: |_| None, sort: |_| None, {}
}
