//! Agreement to what cannot be taken back, for verbs that also have `--yes`.

use std::io::{self, IsTerminal as _, Write as _};

use super::exit::Failure;

/// Asks whoever sits at the terminal whether to do that. The question stands on standard error,
/// so that it is seen also if the output goes elsewhere.
///
/// # Errors
/// No terminal, or another answer than yes: bad usage, and nothing is to be done.
pub(super) fn to(act: &str, what: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        let reason = format!("nobody agreed to {act} {what}: --yes does");
        return Err(Failure::Usage(reason).into());
    }
    write!(io::stderr(), "About to {act} {what}. Type yes: ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "yes" => Ok(()),
        _ => Err(Failure::Usage("nothing was changed".to_owned()).into()),
    }
}
