//! The program `maparray`: everything is in the library beside it.
fn main() -> std::process::ExitCode {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr());
    maparray_cli::run(std::env::args_os(), &mut out, &mut err).into()
}
