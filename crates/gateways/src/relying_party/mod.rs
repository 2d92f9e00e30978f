//! The relying party of OpenID Connect: what is said to identity providers, and what is believed of what they answer.

mod http;
mod openid;

pub use crate::neighborhood::Neighborhood;
pub use openid::OpenId;
