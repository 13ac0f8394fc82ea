//! The formats of lines: dotenv and INI, sealed and plain.
#![no_main]

use sops_file::Format;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    countersign_fuzz::document(data, Format::Dotenv);
    countersign_fuzz::document(data, Format::Ini);
});
