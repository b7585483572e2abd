//! The demo, played as it is.
#![cfg(feature = "local")]
#![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn the_demo_does_what_it_says() {
    let paper = Paper::default();
    let played = play(&mut Terminal::to(Box::new(paper.clone())), false, None).await;
    let text = paper.text();
    assert_eq!(played, Ok(()), "{text}");
    assert!(text.is_ascii(), "for every terminal: {text}");
    for line in [
        "  7. What the metrics say of this class",
        "..data before: ..20",
        "code = PermissionDenied desc =",
        "code = Unauthenticated desc =",
        "- { namespace: shop, serviceAccount: batch }",
        "made-up-password-2",
        "outcome=\"denied\",provider=\"local\",secret_provider_class=\"web-secrets\"} 1",
    ] {
        assert!(
            text.split_whitespace().collect::<Vec<_>>().join(" ").contains(line.trim()),
            "{line}: {text}"
        );
    }
    assert!(!text.contains("eyJ"), "a token is printed: {text}");
}

#[tokio::test]
async fn a_missing_openbao_is_named() {
    let paper = Paper::default();
    let fault =
        play(&mut Terminal::to(Box::new(paper)), false, Some(Path::new("no-such-bao"))).await.unwrap_err();
    assert!(fault.contains("cannot start `no-such-bao`"), "{fault}");
}
