mod follow;
mod mail;
mod webhooks;
mod work;
