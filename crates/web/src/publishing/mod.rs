//! Posts and media, for staff and for everybody. (Questions and answers are records.)
