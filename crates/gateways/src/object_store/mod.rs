//! Where files are kept: in a folder of this machine, or in a bucket of any storage that speaks S3.

mod location;
mod objects;

pub use location::{Bucket, Location};
pub use objects::Objects;
