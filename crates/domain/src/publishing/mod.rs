//! What is published: blog posts, questions and answers, media.
