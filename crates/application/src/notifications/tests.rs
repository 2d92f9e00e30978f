mod follow;
mod work;
