use std::collections::BTreeSet;

use chrono::TimeDelta;
use matricula_domain::shared::Value;
use matricula_ports::publishing::ObjectRow;
use matricula_ports::{Cursor, Page, PortError, Slice};

use super::{Media, MediaError};
use crate::access::{Allowed, ManagePublishing};

/// How many objects one page looks at. It may have fewer orphans than there is room for, or none, and still not be the last.
const LOOKED_AT: usize = 1000;

/// How old an object is at least that is an orphan: a younger one may be of an upload on its way.
const UPLOAD_TAKES: TimeDelta = TimeDelta::hours(1);

impl Media {
    /// Objects in the store that are of no asset: an upload was broken off between its files and its row.
    ///
    /// # Errors
    /// [`MediaError::Port`].
    pub async fn orphans(&self, who: &Allowed<ManagePublishing>, page: &Page) -> Result<Slice<ObjectRow>, MediaError> {
        let after = match page.after.as_ref().map(|cursor| cursor.0.as_slice()) {
            None => None,
            Some([Value::Text(path)]) => Some(path.as_str()),
            Some(_) => return Err(PortError::Dangling("cursor").into()),
        };
        let found = self.store.list(&who.scope().organization().to_string(), after, LOOKED_AT).await?;
        let folders: BTreeSet<_> = found.iter().map(|object| folder_of(&object.path).to_owned()).collect();
        let known = self.queries.known_folders(who.scope(), &folders.into_iter().collect::<Vec<_>>()).await?;
        let is_known = |object: &ObjectRow| known.iter().any(|folder| folder == folder_of(&object.path));
        let (now, is_last) = (self.world.now(), found.len() < LOOKED_AT);
        let looked_to = found.last().map(|object| object.path.clone());
        let mut items: Vec<_> = found.into_iter().filter(|object| object.modified_at < now - UPLOAD_TAKES && !is_known(object)).collect();
        let next = if items.len() > usize::from(page.limit) {
            items.truncate(page.limit.into());
            items.last().map(|object| object.path.clone())
        } else {
            looked_to.filter(|_| !is_last)
        };
        Ok(Slice { items, next: next.map(|path| Cursor(vec![Value::Text(path)])) })
    }
}

/// The folder of the asset that an object is of.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(folder, _)| folder)
}
