//! What happens, told as people would tell it.

mod adoption;
mod approval;
mod authority;
mod budgets;
mod counting;
mod deliveries;
mod durability;
mod edges;
mod faults;
mod lifecycle;
mod merging;
mod permissions;
mod putback;
mod secrecy;
mod structure;
mod syncing;
mod proof;
mod review;
