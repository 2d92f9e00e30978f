use matricula_domain::shared::Value;

/// Where a page of a list begins: the sort values of the last item before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Vec<Value>);

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest or greatest first.
    #[default]
    Descending,
    /// Oldest or least first.
    Ascending,
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many items.
    pub limit: u16,
    /// After this place.
    pub after: Option<Cursor>,
    /// Which way.
    pub order: Order,
}

impl Page {
    /// The first so many, in the list's own order.
    pub fn first(limit: u16) -> Self {
        Self { limit, after: None, order: Order::default() }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Slice<T> {
    /// Cuts one item more than the limit off and remembers the place before it.
    pub fn cut(mut items: Vec<T>, limit: u16, place: impl FnOnce(&T) -> Vec<Value>) -> Self {
        let more = items.len() > usize::from(limit);
        items.truncate(usize::from(limit));
        let next = if more { items.last().map(|last| Cursor(place(last))) } else { None };
        Self { items, next }
    }

    /// The same part, with each item turned into something else.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Slice<U> {
        Slice { items: self.items.into_iter().map(turn).collect(), next: self.next }
    }
}
