//! The client against servers that fail in every way, and names that lie.
