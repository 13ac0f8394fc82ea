//! The program `countersign`: hands the command line to its face and ends with the code that comes back.

fn main() -> std::process::ExitCode {
    countersign::faces::cli::main()
}
