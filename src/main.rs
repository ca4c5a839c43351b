//! `carboy`: see the library's documentation.

fn main() -> std::process::ExitCode {
    carboy::cli::main()
}
