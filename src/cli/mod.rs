//! The same rooms behind a terminal.

/// The demo.
pub mod demo {
    /// tmp
    pub async fn run(_keep: bool, _bao: Option<std::path::PathBuf>) -> Result<(), String> {
        Ok(())
    }
}
