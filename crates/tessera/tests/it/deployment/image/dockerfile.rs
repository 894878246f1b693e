//! What the last stage of a Dockerfile says. An instruction that is not known here is an error: whoever adds one says
//! here what it means.

/// The last stage, which is the image.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    /// What is copied from the stage before.
    pub copied: Vec<Copied>,
    /// The environment.
    pub variables: Vec<(String, String)>,
    /// Who runs it.
    pub user: String,
    /// What can be written to.
    pub volumes: Vec<String>,
    /// What is run.
    pub entry_point: Vec<String>,
    /// Its arguments, when nothing else is said.
    pub arguments: Vec<String>,
    /// What is run to see whether it can serve.
    pub health: Vec<String>,
    /// The signal that asks it to stop.
    pub stop_signal: String,
}

/// One copy.
#[derive(Debug)]
pub(crate) struct Copied {
    /// Where it is in the stage before.
    pub from: String,
    /// Where it goes.
    pub to: String,
}

impl Stage {
    /// The last stage of this file, which must begin with nothing.
    pub(crate) fn last_of(dockerfile: &str) -> Self {
        let joined = dockerfile.replace("\\\n", " ");
        let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut stage = None;
        for line in lines {
            let (instruction, rest) = line.split_once(' ').unwrap();
            if instruction == "FROM" {
                stage = (rest == "scratch").then(Self::default);
            } else if let Some(stage) = &mut stage {
                stage.follow(instruction, rest.trim());
            }
        }
        stage.expect("the last stage is FROM scratch")
    }

    fn follow(&mut self, instruction: &str, rest: &str) {
        let mut words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        match instruction {
            "COPY" => {
                let to = words.pop().unwrap().to_owned();
                self.copied.extend(words.iter().map(|from| Copied { from: (*from).into(), to: to.clone() }));
            }
            "ENV" => self.variables.extend(words.iter().map(|word| {
                let (name, value) = word.split_once('=').unwrap();
                (name.to_owned(), value.to_owned())
            })),
            "USER" => rest.clone_into(&mut self.user),
            "VOLUME" => self.volumes.extend(words.iter().map(|&word| word.to_owned())),
            "STOPSIGNAL" => rest.clone_into(&mut self.stop_signal),
            "ENTRYPOINT" => self.entry_point = list(rest),
            "CMD" => self.arguments = list(rest),
            "HEALTHCHECK" => self.health = list(rest.split_once("CMD ").unwrap().1),
            "EXPOSE" => {}
            _ => panic!("nobody knows here what {instruction} means"),
        }
    }
}

/// What is written as a list of texts: the forms that need no shell.
fn list(text: &str) -> Vec<String> {
    serde_json::from_str(text).expect("is written as a list, for there is no shell to read anything else")
}
