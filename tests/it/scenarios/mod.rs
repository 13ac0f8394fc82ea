//! What happens, told as people would tell it.

mod adoption;
mod approval;
mod authority;
mod budgets;
mod commands;
mod counting;
mod crashes;
mod deliveries;
mod durability;
mod edges;
mod faults;
mod healing;
mod keymerge;
mod lifecycle;
mod merging;
mod permissions;
mod putback;
mod queue;
mod replicas;
mod secrecy;
mod structure;
mod syncing;
mod time;
mod waiting;
mod proof;
mod review;
