//! The demo, played as it is, and played wrong.
#![cfg(feature = "local")]
#![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

use super::*;
use crate::cli::terminal::Paper;

#[tokio::test]
async fn the_demo_does_what_it_says() {
    let paper = Paper::default();
    let played = play(&mut Terminal::to(Box::new(paper.clone())), false, None).await;
    let text = paper.text();
    assert_eq!(played, Ok(()), "{text}");
    assert!(text.is_ascii(), "for every terminal: {text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "7. What the metrics say of this class",
        "..data before: ..20",
        "code = PermissionDenied desc =",
        "code = Unauthenticated desc =",
        "- { namespace: shop, serviceAccount: batch }",
        "made-up-password-2",
        "outcome=\"denied\",provider=\"local\",secret_provider_class=\"web-secrets\"} 1",
    ] {
        assert!(flat.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("eyJ"), "a token is printed: {text}");
}

#[tokio::test]
async fn a_step_that_fails_ends_the_demo_and_is_named() {
    let (folder, paper) = (tempfile::tempdir().unwrap(), Paper::default());
    let mut stage = Stage::set(folder.path(), None).await.unwrap();
    // A volume that cannot be: a file has its name.
    stage.volume = folder.path().join("jwks.json");
    let played = Steps::new(&mut Terminal::to(Box::new(paper.clone())), &mut stage).play().await;
    stage.clear().await;
    assert!(played.as_ref().is_err_and(|fault| fault.contains("cannot write")), "{played:?}");
    assert!(paper.text().contains("the socket answers") && !paper.text().contains("3."), "{}", paper.text());
}

#[tokio::test]
async fn a_missing_openbao_is_named() {
    let (mut terminal, program) = (Terminal::to(Box::new(Paper::default())), Path::new("no-such-bao"));
    let fault = play(&mut terminal, false, Some(program)).await.unwrap_err();
    assert!(fault.contains("cannot start `no-such-bao`"), "{fault}");
}

#[tokio::test]
async fn an_openbao_that_ends_at_once_is_named_with_its_last_words() {
    let (mut terminal, folder) = (Terminal::to(Box::new(Paper::default())), tempfile::tempdir().unwrap());
    let program = folder.path().join("bao");
    std::fs::write(&program, "#!/bin/sh\necho first\necho the port is taken >&2\n").unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let fault = play(&mut terminal, false, Some(&program)).await.unwrap_err();
    assert!(fault.ends_with("did not start: the port is taken"), "{fault}");
}
