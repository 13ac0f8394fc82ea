//! What happens, told as people would tell it.

mod approval;
mod authority;
mod counting;
mod deliveries;
mod faults;
mod lifecycle;
