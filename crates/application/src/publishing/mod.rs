//! Publishing: what is done with posts and media. (Questions and answers are records.)
