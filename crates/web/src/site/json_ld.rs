//! What search engines read: schema.org's `Course` and `CourseInstance` as JSON-LD.

use matricula_domain::catalog::{AudiencePrice, Availability, Campus, Modality, PageOf, RunStatus};
use matricula_domain::publishing::{BlogPost, Faq, MediaAsset};
use matricula_domain::shared::{Html, Money};
use serde_json::{Map, Value as Json, json};

use super::Site;
use super::offers::{Offer, OfferedRun};

/// A course with its runs.
pub(super) fn course(site: &Site, offer: &Offer, runs: &[OfferedRun]) -> String {
    let mut course = course_of(site, offer);
    course.insert("@context".to_owned(), "https://schema.org".into());
    course.insert("hasCourseInstance".to_owned(), runs.iter().map(|run| Json::Object(instance(site, run))).collect());
    in_page(&Json::Object(course))
}

/// A run with its course.
pub(super) fn run(site: &Site, run: &OfferedRun, cover: Option<&MediaAsset>) -> String {
    let mut instance = instance(site, run);
    if let Some(cover) = cover {
        instance.insert("image".to_owned(), site.picture_address(cover).into());
    }
    instance.insert("@context".to_owned(), "https://schema.org".into());
    let details = run.course.details();
    let address = site.address(&site.course_path(details.slug.as_str()));
    instance.insert("about".to_owned(), json!({"@type": "Course", "@id": address, "url": address, "name": details.title.to_string()}));
    in_page(&Json::Object(instance))
}

/// A blog post.
pub(super) fn blog_post(site: &Site, post: &BlogPost, cover: Option<&MediaAsset>) -> String {
    let details = post.details();
    let address = site.address(&site.page_path(PageOf::BlogPost, details.slug.as_str()));
    let provider = json!({"@type": "EducationalOrganization", "name": site.name(), "url": site.address(&site.path("/courses"))});
    let mut told = json!({
        "@context": "https://schema.org", "@type": "BlogPosting", "@id": address, "url": address, "headline": details.title.to_string(),
        "inLanguage": details.language.unwrap_or(site.words.language).as_str(), "publisher": provider, "dateModified": post.updated_at().to_rfc3339(),
        "keywords": details.tags.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    if let Some(at) = post.published_at() {
        told["datePublished"] = at.to_rfc3339().into();
    }
    if let Some(excerpt) = &details.excerpt {
        told["description"] = excerpt.as_str().into();
    }
    if let Some(cover) = cover {
        told["image"] = site.picture_address(cover).into();
    }
    in_page(&told)
}

/// Questions with their answers.
pub(super) fn faqs<'a>(site: &Site, faqs: impl Iterator<Item = &'a Faq>) -> String {
    let address = site.address(&site.path("/faqs"));
    let questions = faqs.map(|faq| {
        let answer = json!({"@type": "Answer", "text": faq.answer.to_html()});
        json!({"@type": "Question", "name": faq.question.as_str(), "acceptedAnswer": answer})
    });
    in_page(&json!({
        "@context": "https://schema.org", "@type": "FAQPage", "@id": address, "url": address, "inLanguage": site.words.language.as_str(),
        "mainEntity": questions.collect::<Vec<_>>(),
    }))
}

/// A list of courses.
pub(super) fn courses(site: &Site, offers: &[Offer]) -> String {
    let items =
        offers.iter().enumerate().map(|(n, offer)| json!({"@type": "ListItem", "position": n + 1, "item": Json::Object(course_of(site, offer))}));
    in_page(&json!({"@context": "https://schema.org", "@type": "ItemList", "itemListElement": items.collect::<Vec<_>>()}))
}

fn course_of(site: &Site, offer: &Offer) -> Map<String, Json> {
    let details = offer.course.details();
    let address = site.address(&site.course_path(details.slug.as_str()));
    let mut course = Map::new();
    let mut say = |name: &str, value: Json| _ = course.insert(name.to_owned(), value);
    say("@type", "Course".into());
    say("@id", address.as_str().into());
    say("url", address.as_str().into());
    say("name", details.title.to_string().into());
    say("description", details.description.as_ref().map(Html::to_text).unwrap_or_default().into());
    say("inLanguage", site.words.language.as_str().into());
    say("provider", json!({"@type": "EducationalOrganization", "name": site.name(), "url": site.address(&site.path("/courses"))}));
    say("timeRequired", hours(details.duration_hours).into());
    if let Some(cover) = &offer.cover {
        say("image", site.picture_address(cover).into());
    }
    if let Some(level) = &details.level {
        say("educationalLevel", level.to_string().into());
    }
    if let Some(category) = &details.category {
        say("about", category.to_string().into());
    }
    if let Some(seo) = details.seo.as_ref().filter(|seo| !seo.keywords.is_empty()) {
        say("keywords", seo.keywords.iter().map(ToString::to_string).collect());
    }
    say("offers", prices(site, offer.course.details().price, &offer.course.details().prices, &address).into());
    course
}

fn instance(site: &Site, run: &OfferedRun) -> Map<String, Json> {
    let (plan, details, address) = (run.row.run.plan(), run.course.details(), site.address(&site.run_path(run.row.run.id())));
    let mut instance = Map::new();
    let mut say = |name: &str, value: Json| _ = instance.insert(name.to_owned(), value);
    say("@type", "CourseInstance".into());
    say("@id", address.as_str().into());
    say("url", address.as_str().into());
    say("name", details.title.to_string().into());
    say("startDate", plan.start_date.to_string().into());
    say("endDate", plan.end_date.to_string().into());
    say("courseWorkload", hours(details.duration_hours).into());
    let (mode, attendance) = match details.modality {
        Modality::InPerson => ("Onsite", "https://schema.org/OfflineEventAttendanceMode"),
        Modality::Online => ("Online", "https://schema.org/OnlineEventAttendanceMode"),
        Modality::Hybrid => ("Blended", "https://schema.org/MixedEventAttendanceMode"),
    };
    say("courseMode", mode.into());
    say("eventAttendanceMode", attendance.into());
    let status = if run.row.run.status() == RunStatus::Cancelled { "EventCancelled" } else { "EventScheduled" };
    say("eventStatus", format!("https://schema.org/{status}").into());
    say("organizer", json!({"@type": "EducationalOrganization", "name": site.name(), "url": site.address(&site.path("/courses"))}));
    say("location", run.campus.as_ref().map_or_else(|| json!({"@type": "VirtualLocation", "url": address}), |campus| place(campus)));
    let own = if plan.prices.is_empty() { &details.prices } else { &plan.prices };
    let mut offers = prices(site, details.price, own, &address);
    for offer in &mut offers {
        offer["availabilityEnds"] = plan.last_day_to_enroll().to_string().into();
        let stock = run.row.seats_left().availability().map(|left| match left {
            Availability::Available => "InStock",
            Availability::Few => "LimitedAvailability",
            Availability::Full => "SoldOut",
        });
        if let Some(stock) = stock {
            offer["availability"] = format!("https://schema.org/{stock}").into();
        }
    }
    say("offers", offers.into());
    instance
}

fn place(campus: &Campus) -> Json {
    let mut address = json!({"@type": "PostalAddress", "addressLocality": campus.city.to_string()});
    if let Some(street) = &campus.address {
        address["streetAddress"] = street.to_string().into();
    }
    if let Some(code) = &campus.postal_code {
        address["postalCode"] = code.to_string().into();
    }
    let mut place = json!({"@type": "Place", "name": campus.name.to_string(), "address": address});
    if let Some(phone) = &campus.phone {
        place["telephone"] = phone.as_str().into();
    }
    if let Some(map) = &campus.maps_url {
        place["hasMap"] = map.as_str().into();
    }
    let hours = campus.opening_hours.iter().map(|hours| {
        let day = hours.day_of_week.as_str();
        let day = format!("https://schema.org/{}{}", day[..1].to_uppercase(), &day[1..]);
        json!({"@type": "OpeningHoursSpecification", "dayOfWeek": day, "opens": hours.opens.to_string(), "closes": hours.closes.to_string()})
    });
    let hours: Vec<_> = hours.collect();
    if !hours.is_empty() {
        place["openingHoursSpecification"] = hours.into();
    }
    place
}

/// What is asked for it: the general price, and those of audiences.
fn prices(site: &Site, general: Option<Money>, own: &[AudiencePrice], address: &str) -> Vec<Json> {
    let own = own.iter().map(|own| {
        let mut offer = offer(own.price, address);
        offer["name"] = site.words.price_for(own.audience).into();
        offer
    });
    general.map(|price| offer(price, address)).into_iter().chain(own).collect()
}

fn offer(price: Money, address: &str) -> Json {
    let category = if price.amount == 0 { "Free" } else { "Paid" };
    json!({"@type": "Offer", "category": category, "price": decimal(&price), "priceCurrency": price.currency.as_str(), "url": address})
}

/// An amount as programs read it.
pub(super) fn decimal(money: &Money) -> String {
    format!("{}.{:02}", money.amount / 100, money.amount % 100)
}

/// So many hours, as ISO 8601 has it.
fn hours(hours: u32) -> String {
    format!("PT{hours}H")
}

/// JSON that ends no script element and opens no comment, whatever texts it holds.
fn in_page(json: &Json) -> String {
    json.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_the_script_element() {
        let written = in_page(&json!({"name": "</script><!-- & ñ"}));
        assert_eq!(written, r#"{"name":"\u003c/script\u003e\u003c!-- \u0026 ñ"}"#);
        assert_eq!(serde_json::from_str::<Json>(&written).unwrap(), json!({"name": "</script><!-- & ñ"}));
    }
}
