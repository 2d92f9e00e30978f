//! Mail: messages are worded by templates that stand in the program, and go to a server, into a folder, or onto the console.

mod composed;
mod console;
mod counted;
mod destination;
mod dkim;
mod folder;
mod smtp;
mod worded;

use std::sync::Arc;
use std::time::Duration;

use matricula_ports::notifications::Mailer;

pub use destination::{Destination, Security, Server};
pub use dkim::{Dkim, KeyError};
pub use worded::Templates;

/// What sends mail to a destination, signed if there is a key, and counts what came of it.
pub fn mailer(destination: &Destination, timeout: Duration, dkim: Option<Dkim>) -> Arc<dyn Mailer> {
    match destination {
        Destination::Console => Arc::new(counted::Counted(console::Console)),
        Destination::Folder(folder) => Arc::new(counted::Counted(folder::Folder { folder: folder.clone(), dkim })),
        Destination::Smtp(server) => Arc::new(counted::Counted(smtp::Smtp::to(server, timeout, dkim))),
    }
}
