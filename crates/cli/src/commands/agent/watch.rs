//! `strongroom agent status --watch`: a live view on a terminal.

use std::io::IsTerminal as _;
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};
use strongroom_agent::AgentError;
use strongroom_agent::service::{Ask, DestinationState, SourceStatus, State, Status};

use super::{ask, destination_more, guest, headline, last_snapshot, server, timestamp};
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::output::escaped;
use crate::{show, time};

/// How often the service is asked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shows the status, and redraws it when it changes, until somebody has seen enough.
pub(crate) fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    if !std::io::stdout().is_terminal() {
        let message = "--watch needs a terminal; `agent status --json` is for programs";
        return Err(Failure::Usage(message.to_owned()));
    }
    // Asks once before the terminal is taken over: what is wrong is easier to read then.
    let mut status = ask(context, Ask::Status)?;
    // A panic restores the terminal, too.
    let mut terminal = ratatui::try_init().map_err(Failure::Output)?;
    let mut watch = || -> Result<(), Failure> {
        let mut drawn = None;
        while !context.stop.is_requested() {
            if drawn.as_ref() != Some(&status) {
                terminal
                    .draw(|frame| draw(frame, &status))
                    .map_err(Failure::Output)?;
                drawn = Some(status.clone());
            }
            if event::poll(LOOK_EVERY).map_err(Failure::Output)? {
                match event::read().map_err(Failure::Output)? {
                    event if is_enough(&event) => break,
                    Event::Resize(..) => drawn = None,
                    _ => {}
                }
            }
            status = ask(context, Ask::Status)?;
        }
        Ok(())
    };
    let result = watch();
    ratatui::restore();
    match result {
        Ok(()) => Ok(Outcome::Done),
        Err(Failure::Agent(AgentError::NoService)) => {
            context.output.note("the service has ended");
            Ok(Outcome::Done)
        }
        Err(failure) => Err(failure),
    }
}

fn is_enough(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let is_control_c =
        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press
        && (is_control_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}

/// Draws everything anew.
fn draw(frame: &mut Frame<'_>, status: &Status) {
    let sources = section(status.sources.iter().map(source).collect());
    let destinations = section(status.destinations.iter().map(destination_line).collect());
    let height = |lines: &[Line<'_>]| u16::try_from(lines.len() + 1).unwrap_or(u16::MAX);
    let areas = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(3),
        Constraint::Length(height(&sources)),
        Constraint::Length(height(&destinations)),
        Constraint::Min(4),
        Constraint::Length(1),
    ]);
    let [top, work, of_sources, of_destinations, rest, bottom] = areas.areas(frame.area());
    let head = Line::styled(
        escaped(&headline(status)),
        Style::new()
            .fg(color(status.state))
            .add_modifier(Modifier::BOLD),
    );
    paragraph(frame, top, "", vec![head]);
    paragraph(frame, work, "now", work_lines(status));
    paragraph(frame, of_sources, "sources", sources);
    paragraph(frame, of_destinations, "destinations", destinations);
    paragraph(frame, rest, "", rest_lines(status));
    frame.render_widget(Line::from("q quits").style(Style::new().dim()), bottom);
}

fn paragraph(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'_>>) {
    let block = Block::new().title(Span::styled(title.to_owned(), Style::new().dim()));
    let text = Paragraph::new(lines).wrap(Wrap { trim: true });
    let text = if title.is_empty() {
        text
    } else {
        text.block(block)
    };
    frame.render_widget(text, area);
}

fn section(lines: Vec<Line<'static>>) -> Vec<Line<'static>> {
    if lines.is_empty() {
        vec![Line::from("none yet")]
    } else {
        lines
    }
}

fn color(state: State) -> Color {
    match state {
        State::BackupComplete => Color::Green,
        State::Failing => Color::Red,
        State::Starting | State::Scanning | State::Synchronizing => Color::Blue,
        _ => Color::Yellow,
    }
}

fn source(source: &SourceStatus) -> Line<'static> {
    let color = match &*source.health {
        "live" => Color::Green,
        "blind" => Color::Red,
        _ => Color::Yellow,
    };
    let by = source.mechanism.as_deref().unwrap_or("nothing");
    let since = source.blind_since.map_or_else(String::new, |since| {
        format!(" since {}", time::local(timestamp(since)))
    });
    let why = source.why.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    Line::from(vec![
        Span::styled(format!("{:<12}", source.health), Style::new().fg(color)),
        Span::from(escaped(&format!("{} by {by}{since}{why}", source.path))),
    ])
}

fn destination_line(there: &DestinationState) -> Line<'static> {
    let color = match &*there.status {
        "up-to-date" | "caught-up" => Color::Green,
        "set-aside" => Color::Red,
        _ => Color::Yellow,
    };
    let word = there.status.replace('-', " ");
    let more = destination_more(there);
    Line::from(vec![
        Span::styled(format!("{word:<12} "), Style::new().fg(color)),
        Span::from(escaped(&format!("{}{more}", there.name))),
    ])
}

/// Says how far the work has come.
fn work_lines(status: &Status) -> Vec<Line<'static>> {
    let Some(work) = &status.progress else {
        let waiting = show::count(
            status.waiting,
            "changed folder waits",
            "changed folders wait",
        );
        return vec![Line::from(waiting)];
    };
    let seen = format!(
        "{} seen, {} of files; {} read, {} stored",
        show::count(work.entries, "entry", "entries"),
        show::bytes(work.bytes_seen),
        show::bytes(work.bytes_read),
        show::bytes(work.bytes_stored),
    );
    let left = match work.seconds_left {
        Some(seconds) => format!("about {} left", time::spoken(seconds)),
        None => "how long it takes is not known".to_owned(),
    };
    vec![Line::from(seen), Line::from(left)]
}

fn rest_lines(status: &Status) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    lines.extend(
        status
            .last
            .as_ref()
            .map(|last| Line::from(last_snapshot(last))),
    );
    if status.unacknowledged > 0 {
        lines.push(Line::from(show::count(
            status.unacknowledged,
            "record is in the spool of this computer alone",
            "records are in the spool of this computer alone",
        )));
    }
    lines.extend(
        server(status)
            .into_iter()
            .map(|line| Line::from(escaped(&line))),
    );
    lines.push(Line::from(guest(&status.guest)));
    lines
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::KeyEvent;
    use strongroom_agent::service::WorkDone;

    use strongroom_agent::service::QueueState;

    use super::*;

    fn drawn(status: &Status) -> String {
        let mut terminal = Terminal::new(TestBackend::new(72, 20)).unwrap();
        terminal.draw(|frame| draw(frame, status)).unwrap();
        terminal.backend().to_string()
    }

    fn status() -> Status {
        let source = |path: &str, health: &str, why: Option<&str>| SourceStatus {
            path: path.to_owned(),
            mechanism: (health != "blind").then(|| "inotify".to_owned()),
            health: health.to_owned(),
            why: why.map(str::to_owned),
            blind_since: None,
            reconcile_scans: 0,
        };
        let there = |name: &str, status: &str, reason: Option<&str>| DestinationState {
            name: name.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            queue: QueueState::default(),
        };
        Status {
            state: State::WaitingForDestination,
            sources: vec![
                source("/home/me", "live", None),
                source("/mnt/\u{1b}[2Jdisk", "blind", Some("it is not mounted")),
            ],
            destinations: vec![
                there("disk", "up-to-date", None),
                there("stick", "unreachable", Some("it is not there")),
            ],
            waiting: 2,
            unacknowledged: 1,
            ..Status::default()
        }
    }

    #[test]
    fn the_view_shows_what_the_agent_does() {
        insta::assert_snapshot!("waiting", drawn(&status()));
        let busy = Status {
            state: State::Scanning,
            progress: Some(WorkDone {
                entries: 1_234,
                bytes_seen: 5 << 30,
                bytes_read: 3 << 30,
                bytes_stored: 1 << 30,
                seconds_left: Some(120),
            }),
            ..status()
        };
        insta::assert_snapshot!("busy", drawn(&busy));
    }

    #[test]
    fn a_small_terminal_is_no_reason_to_fall() {
        for (width, height) in [(1, 1), (10, 3), (200, 60)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| draw(frame, &status())).unwrap();
        }
    }

    #[test]
    fn q_and_control_c_are_enough() {
        let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        assert!(is_enough(&key(KeyCode::Char('q'), KeyModifiers::NONE)));
        assert!(is_enough(&key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(!is_enough(&key(KeyCode::Char('c'), KeyModifiers::NONE)));
        assert!(!is_enough(&Event::FocusGained));
    }
}
