//! Aviary's own programs as child processes: started, killed without a word, and read afterwards.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child as StdChild, ChildStdin, Command as StdCommand, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Nothing takes as long as this; it only keeps a broken run from hanging.
const GUARD: Duration = Duration::from_mins(2);

/// Waits for what must happen, but not for ever.
pub async fn within<T>(what: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(GUARD, future).await {
        Ok(result) => result.with_context(|| what.to_owned()),
        Err(_) => bail!("{what}: did not happen"),
    }
}

/// The answer to a question that is asked until it has one.
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    within(what, async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            // A question is a call over a socket; the pause leaves the machine to those asked.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// A variable of a program's environment.
pub type Variable = (String, String);

/// Runs a program to its end.
///
/// # Errors
/// When it is not built, or cannot be started.
pub async fn run(
    name: &str,
    args: &[&str],
    folder: &Path,
    environment: &[Variable],
) -> Result<Output> {
    let mut command = Command::new(built(name)?);
    command
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let what = format!("{name} {}", args.join(" "));
    within(&what, async { Ok(command.output().await?) }).await
}

/// A running program; killed when dropped, and when the test process ends in whatever way.
pub struct Program {
    name: String,
    child: Child,
    errors: PathBuf,
    out: PathBuf,
}

impl Program {
    /// Starts a program that says where it listens in its first line; answers `HOST:PORT`.
    pub async fn listening(name: &str, args: &[String], folder: &Path) -> Result<(Self, String)> {
        Self::listening_with(name, args, folder, &[]).await
    }

    /// The same, with more variables in its environment.
    pub async fn listening_with(
        name: &str,
        args: &[String],
        folder: &Path,
        environment: &[Variable],
    ) -> Result<(Self, String)> {
        let (mut program, mut lines) = Self::spawn(name, args, folder, environment)?;
        let first = within(&format!("{name} says where it listens"), async {
            Ok(lines.next_line().await?)
        })
        .await?;
        let Some(first) = first else {
            let status = program.child.wait().await?;
            bail!("{name} ended with {status}: {}", program.words()?);
        };
        let word = first.split_whitespace().last().unwrap_or_default();
        let address = word.rsplit("://").next().unwrap_or(word).to_owned();
        program.drain(first, lines);
        Ok((program, address))
    }

    /// Starts a program that listens nowhere.
    pub fn start(name: &str, args: &[String], folder: &Path) -> Result<Self> {
        Self::start_with(name, args, folder, &[])
    }

    /// The same, with more variables in its environment.
    pub fn start_with(
        name: &str,
        args: &[String],
        folder: &Path,
        environment: &[Variable],
    ) -> Result<Self> {
        let (program, lines) = Self::spawn(name, args, folder, environment)?;
        program.drain(String::new(), lines);
        Ok(program)
    }

    fn spawn(
        name: &str,
        args: &[String],
        folder: &Path,
        environment: &[Variable],
    ) -> Result<(Self, Lines<BufReader<ChildStdout>>)> {
        let number = fs::read_dir(folder)?.count();
        let path = built(name)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let errors = folder.join(format!("{number:03}.{name}.stderr"));
        let out = folder.join(format!("{number:03}.{name}.stdout"));
        let mut child = Command::new(&path)
            .args(args)
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).context("make a log file")?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Watchdog::shared()?.guard(child.id().context("a process that just ended")?)?;
        let pipe = child.stdout.take().context("a pipe from a process")?;
        let program = Self {
            name: name.into_owned(),
            child,
            errors,
            out,
        };
        Ok((program, BufReader::new(pipe).lines()))
    }

    /// Keeps what the program writes to standard output, so that it never waits for a reader.
    fn drain(&self, first: String, mut lines: Lines<BufReader<ChildStdout>>) {
        let path = self.out.clone();
        tokio::spawn(async move {
            let mut file = File::create(path)?;
            writeln!(file, "{first}")?;
            while let Some(line) = lines.next_line().await? {
                writeln!(file, "{line}")?;
            }
            std::io::Result::Ok(())
        });
    }

    /// Its process.
    pub fn id(&self) -> Result<u32> {
        self.child.id().context("a process that has ended")
    }

    /// kill -9.
    pub async fn kill(mut self) -> Result<()> {
        self.child
            .kill()
            .await
            .with_context(|| format!("kill {}", self.name))
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(mut self) -> Result<()> {
        let id = self.child.id().context("a process that has ended")?;
        let status = StdCommand::new("kill").arg(id.to_string()).status()?;
        anyhow::ensure!(status.success(), "kill {id}");
        let ended = within(&format!("{} ends when asked to", self.name), async {
            Ok(self.child.wait().await?)
        })
        .await?;
        anyhow::ensure!(ended.success(), "{} ended with {ended}", self.name);
        Ok(())
    }

    /// Everything that it printed, once a word is among it.
    pub async fn prints(&self, word: &str) -> Result<String> {
        until(&format!("{} prints `{word}`", self.name), async || {
            let text = fs::read_to_string(&self.out).unwrap_or_default();
            Ok(text.contains(word).then_some(text))
        })
        .await
    }

    /// Everything that it wrote to standard error.
    pub fn words(&self) -> Result<String> {
        fs::read_to_string(&self.errors).context("read a log file")
    }
}

/// The path of a program: as it is given, or of the one that cargo built beside this test.
fn built(name: &str) -> Result<PathBuf> {
    if Path::new(name).is_absolute() {
        return Ok(name.into());
    }
    let here = std::env::current_exe().context("find this test")?;
    let folder = here.parent().and_then(Path::parent);
    let path = folder.context("the target folder")?.join(name);
    if !path.is_file() {
        bail!(
            "{} is not built: cargo build --workspace --bins --tests",
            path.display()
        );
    }
    Ok(path)
}

/// A shell that kills the programs once this process is gone: the end of its standard input tells it.
struct Watchdog {
    pipe: Mutex<ChildStdin>,
    _shell: StdChild,
}

impl Watchdog {
    fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Watchdog, String>> = OnceLock::new();
        let made = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn start() -> Result<Self> {
        // Ids may be taken by others once their process has ended: only our programs are killed.
        let script = "ids=; while read -r id; do ids=\"$ids $id\"; done; for id in $ids; do
            case $(readlink \"/proc/$id/exe\") in \"$1\"/*) kill -9 \"$id\";; esac; done";
        let here = std::env::current_exe()?;
        let folder = here.parent().and_then(Path::parent);
        let mut shell = StdCommand::new("sh")
            .args(["-c", script, "watchdog"])
            .arg(folder.context("the target folder")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start the watchdog")?;
        let pipe = Mutex::new(shell.stdin.take().context("a pipe to the watchdog")?);
        Ok(Self {
            pipe,
            _shell: shell,
        })
    }

    fn guard(&self, id: u32) -> Result<()> {
        let mut pipe = self.pipe.lock().map_err(|_| anyhow::anyhow!("a lock"))?;
        writeln!(pipe, "{id}").context("tell the watchdog")
    }
}
