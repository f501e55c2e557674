//! The official Python SDK against the running program, over HTTP and over HTTPS.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    const SDK: &str = "avisdk==32.1.4";

    /// The Python of a virtual environment with the SDK, made once below the target folder.
    fn python() -> PathBuf {
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .unwrap()
            .join("tools");
        let home = tools.join("avisdk");
        let python = home.join("bin/python");
        let probe = "import avi.sdk.avi_api, requests";
        if !python.exists() || !succeeds(Command::new(&python).args(["-c", probe])) {
            fs::create_dir_all(&tools).unwrap();
            run(Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&home));
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", SDK, "requests"]));
        }
        python
    }

    fn succeeds(command: &mut Command) -> bool {
        command
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn run(command: &mut Command) {
        let output = command.output().unwrap();
        let (out, error) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{command:?}\n{out}\n{error}");
    }

    /// A running avi-sim; it ends with the test.
    struct Program {
        child: Child,
        scheme: String,
        port: String,
    }

    impl Program {
        fn start(arguments: &[&Path]) -> Self {
            let mut command = Command::new(env!("CARGO_BIN_EXE_avi-sim"));
            command
                .args(["--listen", "127.0.0.1:0"])
                .args(arguments)
                .stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap())
                .read_line(&mut line)
                .unwrap();
            let url = line
                .trim()
                .strip_prefix("listening on ")
                .unwrap()
                .to_owned();
            let (scheme, address) = url.split_once("://").unwrap();
            let (_, port) = address.rsplit_once(':').unwrap();
            Self {
                child,
                scheme: scheme.to_owned(),
                port: port.to_owned(),
            }
        }

        fn drive(&self, python: &Path, authority: Option<&Path>) {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/avisdk/drive.py");
            let mut command = Command::new(python);
            command
                .arg(script)
                .args([&self.scheme, &self.port])
                .args(authority);
            // These two would take the place of the authority that the script names.
            command
                .env_remove("REQUESTS_CA_BUNDLE")
                .env_remove("CURL_CA_BUNDLE");
            run(&mut command);
        }
    }

    impl Drop for Program {
        fn drop(&mut self) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }

    /// An authority and a certificate for the loopback address: CA, chain and key files.
    fn certificates(folder: &Path) -> [PathBuf; 3] {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // Without a name of its own it could not be told from what it signs.
        authority
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&key, &authority).unwrap();
        let texts = [authority.pem(), leaf.pem(), key.serialize_pem()];
        let files = ["ca.pem", "cert.pem", "key.pem"].map(|name| folder.join(name));
        for (file, text) in files.iter().zip(texts) {
            fs::write(file, text).unwrap();
        }
        files
    }

    #[test]
    fn the_official_sdk_works_over_http_and_https() {
        let python = python();
        Program::start(&[]).drive(&python, None);

        let folder = tempfile::tempdir().unwrap();
        let [authority, certificate, key] = certificates(folder.path());
        let arguments = [
            Path::new("--tls-cert"),
            &certificate,
            Path::new("--tls-key"),
            &key,
        ];
        Program::start(&arguments).drive(&python, None);
        Program::start(&arguments).drive(&python, Some(&authority));

        let filling = Program::start(&[Path::new("--fill-defaults")]);
        filling.drive(&python, None);
    }
}
