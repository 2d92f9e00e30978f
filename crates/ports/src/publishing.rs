//! Ports of publishing.
