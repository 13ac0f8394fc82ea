//! JSON documents, sealed and plain, and binary ones, whose sealed form is JSON.
#![no_main]

use sops_file::Format;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    countersign_fuzz::document(data, Format::Json);
    countersign_fuzz::document(data, Format::Binary);
});
