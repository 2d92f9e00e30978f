mod follow;
mod mail;
mod work;
