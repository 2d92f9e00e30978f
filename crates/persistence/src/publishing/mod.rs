//! Publishing: the repositories of posts and media, and what screens read.
