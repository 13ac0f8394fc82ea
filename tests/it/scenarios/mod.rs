//! What happens, told as people would tell it.

mod approval;
mod authority;
mod budgets;
mod counting;
mod deliveries;
mod durability;
mod faults;
mod lifecycle;
mod merging;
mod structure;
mod proof;
mod review;
