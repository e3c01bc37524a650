//! The log on standard error: text or JSON lines, level from the configuration and changed by SIGHUP.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};

/// Changes the level of a running log.
#[derive(Clone)]
pub struct LogLevel(reload::Handle<LevelFilter, tracing_subscriber::Registry>);

impl LogLevel {
    pub fn set(&self, level: tracing::Level) {
        // Fails only when the subscriber is gone, at the end of the process.
        let _ = self.0.reload(LevelFilter::from_level(level));
    }
}

/// Starts the log. `None` when this process already has one.
#[must_use]
pub fn start(config: &LogConfig) -> Option<LogLevel> {
    let (filter, handle) = reload::Layer::new(LevelFilter::from_level(config.level));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(ansi).boxed(),
        LogFormat::Json => lines.with_ansi(false).json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init().ok()?;
    Some(LogLevel(handle))
}
