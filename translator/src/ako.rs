//! AKO's own names in the environment: taken where ours say nothing, and reported.

use crate::args::{Hidden, Run};
use std::collections::BTreeMap;

impl Run {
    /// Takes what AKO's variables say and nothing else does.
    pub fn fill_from_ako(&mut self, environment: &BTreeMap<String, String>) {
        let said = |name: &str, flag: &str| {
            let text = environment.get(name).filter(|text| !text.is_empty())?;
            tracing::info!(variable = name, flag, "taken from AKO's variable");
            Some(text.clone())
        };
        if self.controller.is_none() {
            let host = said("CTRL_IPADDRESS", "--controller");
            self.controller = host.map(|host| format!("https://{host}"));
        }
        if self.username.is_none() {
            self.username = said("CTRL_USERNAME", "--username");
        }
        if self.password_file.is_none() && self.token_file.is_none() {
            self.password = said("CTRL_PASSWORD", "--password-file").map(Hidden);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::args::{Cli, Command, Run};
    use clap::Parser;
    use std::collections::BTreeMap;

    fn run(flags: &[&str]) -> Run {
        let always = ["aviary-translator", "run", "--listen", "127.0.0.1:0"];
        let Command::Run(mut run) = Cli::parse_from(always.iter().chain(flags)).command;
        let variables = [
            ("CTRL_IPADDRESS", "10.0.0.1"),
            ("CTRL_USERNAME", "ako"),
            ("CTRL_PASSWORD", "p"),
        ];
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).into()))
            .collect();
        run.fill_from_ako(&variables);
        *run
    }

    #[test]
    fn akos_names_fill_gaps_and_flags_win() {
        let filled = run(&[]);
        assert_eq!(filled.controller.as_deref(), Some("https://10.0.0.1"));
        assert_eq!(filled.username.as_deref(), Some("ako"));
        assert!(!format!("{filled:?}").contains("\"p\""));
        let said = run(&["--controller", "https://avi:9443", "--token-file", "/t"]);
        assert_eq!(said.controller.as_deref(), Some("https://avi:9443"));
        assert!(said.password.is_none());
    }
}
