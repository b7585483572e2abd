//! The steps, each with what it must have done.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tonic::Code;

use super::stage::{Published, Stage};
use super::tree;
use super::values::Values;
use crate::cli::{Answer, Refusal, Terminal, issuer};
use crate::files::atomic::Outcome;

/// The play: where it is shown, what it is played on, and how far it got.
pub(super) struct Steps<'a> {
    terminal: &'a mut Terminal,
    stage: &'a mut Stage,
    at: usize,
}

// === impl Steps ===

impl<'a> Steps<'a> {
    pub(super) fn new(terminal: &'a mut Terminal, stage: &'a mut Stage) -> Self {
        Self { terminal, stage, at: 0 }
    }

    /// Plays all steps; how many there were, or what went wrong.
    pub(super) async fn play(mut self) -> Result<usize, String> {
        self.introduce().await?;
        let first = self.mount().await?;
        let second = self.refresh(&first).await?;
        self.rotate(&second).await?;
        self.stranger().await?;
        self.forgery().await?;
        self.metrics().await?;
        Ok(self.at)
    }

    async fn introduce(&mut self) -> Result<(), String> {
        self.step("A cluster of one, made up for this demo");
        let (heading, rules) = self.stage.backing.rules();
        self.terminal.say(heading);
        self.terminal.block(&rules);
        self.terminal.say("The SecretProviderClass that pods name:");
        self.terminal.block(&self.stage.yaml);
        self.terminal.say("The server, in this process, with the key set of a throw-away token issuer:");
        self.terminal.block(&self.stage.server.command());
        let version = self.stage.driver.version().await.map_err(|refusal| refusal.to_string())?;
        self.check(version.starts_with("keymount "), &format!("the socket answers: {version}"))
    }

    async fn mount(&mut self) -> Result<Published, String> {
        let web = &self.stage.web;
        let title = format!("Pod {web}, service account {}, mounts the class", web.service_account);
        self.step(&title);
        let published = self.stage.publish().await?;
        self.draw(&published)?;
        let millis = published.took.as_secs_f64() * 1000.0;
        self.check(
            published.answer.versions.len() == 3,
            &format!("three objects, answered in {millis:.1} ms"),
        )?;
        self.check(
            self.holds(&Values::FIRST),
            "every file has the content and the mode that the class says",
        )?;
        Ok(published)
    }

    async fn refresh(&mut self, before: &Published) -> Result<Published, String> {
        self.step("The driver asks again, as it does about every minute");
        let published = self.stage.publish().await?;
        let same = published.answer.versions == before.answer.versions;
        self.check(same, "the same versions: pod status does not change")?;
        self.check(
            published.outcome == Outcome::Unchanged,
            "the same files: nothing in the volume was touched",
        )?;
        Ok(published)
    }

    async fn rotate(&mut self, before: &Published) -> Result<(), String> {
        self.step("The password is rotated in the store, and the driver asks again");
        self.stage.backing.put(&Values::ROTATED).await?;
        tokio::time::sleep(self.stage.backing.interval()).await;
        let published = self.stage.publish().await?;
        self.draw(&published)?;
        let Outcome::Swapped { before: Some(old), after } = &published.outcome else {
            return Err("the volume was not swapped".into());
        };
        self.terminal.say("One rename showed the whole new set:");
        self.terminal.block(&format!("..data before: {old}\n..data after:  {after}"));
        let changed = changed(&before.answer, &published.answer);
        self.check(changed == ["password"], "the version of password changed, and no other")?;
        self.check(self.holds(&Values::ROTATED), "the pod reads the new password; the old set is gone")
    }

    async fn stranger(&mut self) -> Result<(), String> {
        let batch = issuer::pod("shop", "batch-0", "batch")?;
        let title = format!("Pod {batch}, service account {}, wants the same class", batch.service_account);
        self.step(&title);
        self.terminal.say("Its token is its own and good. In the pod's events one would read:");
        let answer = self.stage.ask(&batch, &self.stage.issuer, &batch).await?;
        self.refused(answer, Code::PermissionDenied, "refused: nobody allowed this service account to read")
    }

    async fn forgery(&mut self) -> Result<(), String> {
        self.step("Two tokens that are not what they seem, for the pod that may read");
        self.terminal.say("The right claims, the right key id, and another key's signature:");
        let (web, impostor) = (self.stage.web.clone(), self.stage.issuer.impostor()?);
        let answer = self.stage.ask(&web, &impostor, &web).await?;
        self.refused(answer, Code::Unauthenticated, "refused: the cluster never signed this")?;
        self.terminal.say("A genuine token, but of another pod:");
        let batch = issuer::pod("shop", "batch-0", "batch")?;
        let answer = self.stage.ask(&web, &self.stage.issuer, &batch).await?;
        self.refused(answer, Code::Unauthenticated, "refused: the token is of somebody else")?;
        self.check(self.holds(&Values::ROTATED), "the mounted volume is as it was")
    }

    async fn metrics(&mut self) -> Result<(), String> {
        self.step("What the metrics say of this class");
        let text = self.stage.server.metrics().await?;
        let label = format!("secret_provider_class=\"{}\"", self.stage.class.name);
        let of_class = |line: &&str| line.contains(&label) && !line.contains("_seconds_");
        let lines: Vec<_> = text.lines().filter(of_class).collect();
        self.terminal.block(&lines.join("\n"));
        let counts = |outcome: &str, count: usize| {
            let wanted = format!("outcome=\"{outcome}\"");
            let of_outcome =
                |line: &&&str| line.starts_with("keymount_mounts_total{") && line.contains(&wanted);
            lines.iter().find(of_outcome).is_some_and(|line| line.ends_with(&format!(" {count}")))
        };
        let counted = counts("ok", 3) && counts("denied", 1) && counts("unauthenticated", 2);
        self.check(counted, "three mounts succeeded, one was denied, two were not authenticated")
    }

    fn step(&mut self, title: &str) {
        self.at += 1;
        self.terminal.step(self.at, title);
    }

    fn draw(&mut self, published: &Published) -> Result<(), String> {
        let tree = tree::draw(&self.stage.volume, &published.answer.versions);
        self.terminal.block(&tree.map_err(|error| format!("cannot list the volume: {error}"))?);
        Ok(())
    }

    /// Whether the pod finds `values` in its volume, with the class's modes.
    fn holds(&self, values: &Values) -> bool {
        let files = [
            ("username", 0o644, values.username),
            ("password", 0o600, values.password),
            ("db/url", 0o440, values.url),
        ];
        files.into_iter().all(|(path, mode, content)| {
            let path = self.stage.volume.join(path);
            let found = fs::metadata(&path).map(|found| found.permissions().mode() & 0o777);
            found.is_ok_and(|found| found == mode)
                && fs::read_to_string(&path).is_ok_and(|text| text == content)
        })
    }

    fn refused(&mut self, answer: Result<Answer, Refusal>, code: Code, says: &str) -> Result<(), String> {
        let Err(refusal) = answer else { return Err(format!("not {says}")) };
        self.terminal.quote(&refusal.to_string());
        self.check(refusal.code == code, says)
    }

    fn check(&mut self, done: bool, says: &str) -> Result<(), String> {
        if !done {
            return Err(format!("step {}, not true: {says}", self.at));
        }
        self.terminal.ok(says);
        Ok(())
    }
}

/// The objects whose versions differ.
fn changed<'a>(before: &Answer, after: &'a Answer) -> Vec<&'a str> {
    let differs = |object: &&String| before.versions.get(*object) != after.versions.get(*object);
    after.versions.keys().filter(differs).map(String::as_str).collect()
}
