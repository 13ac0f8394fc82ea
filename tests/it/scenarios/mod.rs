//! What happens, told as people would tell it.

mod approval;
