//! The final stage of the Dockerfile, in an empty root: what an engine would do with it, `unshare` and `chroot` do here.

mod dockerfile;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

use domain::Resolution;

use self::dockerfile::Stage;
use crate::{
    picture,
    process::{Server, printed, tessera},
};

/// The nobody of images without a root.
const USER: u32 = 65_532;

/// Makes a root read-only, all but its volume and what engines put into every container, and enters it.
const ENTER: &str = r#"
root=$1; volume=$2; place=$3; user=$4; shift 4
mount --bind "$root" "$root"
mount --bind "$volume" "$root$place"
for device in null random urandom; do mount --bind /dev/$device "$root/dev/$device"; done
mount -o remount,bind,ro "$root"
exec chroot "$user" "$root" "$@"
"#;

/// A root that holds what the final stage says, and nothing else.
struct Container {
    stage: Stage,
    root: PathBuf,
    volume: PathBuf,
    is_root: bool,
}

impl Container {
    fn create(home: &Path) -> Self {
        let stage = Stage::last_of(&fs::read_to_string(at("../../deploy/Dockerfile")).unwrap());
        let (root, volume) = (home.join("root"), home.join("volume"));
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        let container = Self { stage, root, volume, is_root };
        for directory in ["dev", "etc"] {
            fs::create_dir_all(container.root.join(directory)).unwrap();
        }
        for device in ["null", "random", "urandom"] {
            fs::write(container.root.join("dev").join(device), "").unwrap();
        }
        fs::write(container.root.join("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
        for copied in &container.stage.copied {
            container.copy(&copied.from, &copied.to);
        }
        fs::create_dir(&container.volume).unwrap();
        if container.is_root {
            chown(&container.volume, Some(USER), Some(USER)).unwrap();
        }
        container
    }

    /// What the stage before gathered in `/image`.
    fn copy(&self, from: &str, to: &str) {
        let to = self.root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        match from {
            "/image/tessera" => fs::copy(static_binary(), to).map(drop).unwrap(),
            "/image/data" | "/image/certificates" => fs::create_dir_all(to).unwrap(),
            _ => panic!("nobody knows here what {from} is"),
        }
    }

    /// Its entry point with these arguments and variables, as the user that the stage names. Where the test may not
    /// become another user, it is root in a namespace alone.
    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let [volume] = self.stage.volumes.as_slice() else { panic!("the stage has one volume") };
        let (namespaces, user) = if self.is_root {
            (["--mount", "--propagation=private"].as_slice(), format!("--userspec={}", self.stage.user))
        } else {
            (["--mount", "--propagation=private", "--map-root-user"].as_slice(), "--groups=".to_owned())
        };
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["sh", "-euc", ENTER, "sh"]).args([&self.root, &self.volume]);
        command.args([volume, &user]).args(&self.stage.entry_point).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(self.stage.variables.iter().map(|(name, value)| (name, value)));
        command.envs(variables.iter().copied());
        command
    }
}

/// A path from the package's directory.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn static_binary() -> PathBuf {
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../image/tessera");
    assert!(binary.exists(), "{} is missing: run `cargo xtask test`, which builds it", binary.display());
    binary
}

#[test]
fn the_image_draws_a_picture_in_an_empty_root_that_nobody_can_write_to() {
    let home = tempfile::tempdir().unwrap();
    let container = Container::create(home.path());
    assert_eq!(container.stage.user, format!("{USER}:{USER}"));
    assert_eq!(container.stage.stop_signal, "SIGTERM");

    let ports = [("TESSERA_GATEWAY__LISTEN", "127.0.0.1:0"), ("TESSERA_OPERATIONS__LISTEN", "127.0.0.1:0")];
    let arguments: Vec<_> = container.stage.arguments.iter().map(String::as_str).collect();
    let server = Server::start(container.command(&arguments, &ports));
    let key = server.announced("The client key, shown only now: ");
    let file = home.path().join("picture.png");
    let mut generate = tessera(["generate", "a lighthouse", "-o"]);
    generate.arg(&file).env("TESSERA_GATEWAY_URL", server.url()).env("TESSERA_CLIENT_KEY", key);
    printed(generate);
    assert!(picture::is_png(&file, "1:1", Resolution::K1));

    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let expected = if container.is_root { USER } else { fs::metadata("/proc/self").unwrap().uid() };
    assert!(status.contains(&format!("\nUid:\t{expected}\t")), "{status}");
    let escaped = fs::read_dir(&container.root).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = escaped.map(|name| name.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["dev", "etc", "tessera", "var"]);
    assert!(container.volume.join("ledger.redb").exists());
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn the_image_probes_itself_and_finds_names() {
    let home = tempfile::tempdir().unwrap();
    let container = Container::create(home.path());
    let quota = Server::start(container.command(
        &["quota"],
        &[("TESSERA_QUOTA__LISTEN", "127.0.0.1:0"), ("TESSERA_OPERATIONS__LISTEN", "127.0.0.1:0")],
    ));
    let port = quota.announced("metrics and health are at http://127.0.0.1:");
    let (program, probe) = container.stage.health.split_first().unwrap();
    assert_eq!(std::slice::from_ref(program), container.stage.entry_point);
    let probe: Vec<_> = probe.iter().map(String::as_str).collect();
    let healthy = format!("127.0.0.1:{port}");
    assert_eq!(printed(container.command(&probe, &[("TESSERA_OPERATIONS__LISTEN", &healthy)])), ["ready"]);
    let named = format!("http://localhost:{port}");
    assert_eq!(printed(container.command(&[&probe[..], &[&named]].concat(), &[])), ["ready"]);
    drop(quota);
    let mut gone = container.command(&probe, &[("TESSERA_OPERATIONS__LISTEN", &healthy)]);
    assert_eq!(gone.output().unwrap().status.code(), Some(1));
}

#[test]
fn the_image_holds_no_other_program() {
    let home = tempfile::tempdir().unwrap();
    let container = Container::create(home.path());
    let mut files = Vec::new();
    programs(&container.root, &mut files);
    assert_eq!(files, [container.root.join("tessera")]);
}

/// Every file that can be executed.
fn programs(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            programs(&entry.path(), found);
        } else if metadata.permissions().mode() & 0o111 != 0 {
            found.push(entry.path());
        }
    }
}

/// What is built before the sources are there changes with the manifests alone, and is a workspace all the same.
#[test]
fn dependencies_are_built_from_a_workspace_with_nothing_in_it() {
    let home = tempfile::tempdir().unwrap();
    let here = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&home);
        printed(command)
    };
    let root = at("../..").canonicalize().unwrap();
    let copy = r#"cp "$1/Cargo.toml" "$1/Cargo.lock" . && cp -r "$1/crates" ."#;
    here("sh", &["-ec", copy, "sh", root.to_str().unwrap()]);
    let dockerfile = fs::read_to_string(root.join("deploy/Dockerfile")).unwrap().replace("\\\n", " ");
    let (_, stage) = dockerfile.split_once(" AS manifests\n").unwrap();
    let run = stage.lines().find_map(|line| line.strip_prefix("RUN ")).unwrap();
    here("sh", &["-ec", run]);
    let left = here("sh", &["-ec", "find crates -name '*.rs' -exec cat {} +"]);
    assert!(left.iter().all(|line| line == "fn main() { }"), "{left:?}");
    here("cargo", &["metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]);
}
