//! A mail's body, written once and set in plain text and in HTML.

use std::fmt::Write as _;

/// A lead, rows of name and value, lists and paragraphs.
#[derive(Debug)]
pub(super) struct MailBody {
    lead: String,
    rows: Vec<(&'static str, String)>,
    rest: Vec<MailPart>,
}

#[derive(Debug)]
enum MailPart {
    Paragraph(String),
    List(&'static str, Vec<String>),
}

impl MailBody {
    pub(super) fn new(lead: impl Into<String>) -> Self {
        Self { lead: lead.into(), rows: Vec::new(), rest: Vec::new() }
    }

    /// One more value with its name.
    pub(super) fn row(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.rows.push((name, value.into()));
        self
    }

    /// One more paragraph below the rows.
    pub(super) fn paragraph(mut self, text: impl Into<String>) -> Self {
        self.rest.push(MailPart::Paragraph(text.into()));
        self
    }

    /// A paragraph for each text.
    pub(super) fn paragraphs(self, texts: impl IntoIterator<Item = String>) -> Self {
        texts.into_iter().fold(self, Self::paragraph)
    }

    /// Lines below a heading.
    pub(super) fn list(mut self, heading: &'static str, lines: Vec<String>) -> Self {
        self.rest.push(MailPart::List(heading, lines));
        self
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n\n", one_line(&self.lead));
        for (name, value) in &self.rows {
            let _ = writeln!(text, "{name}: {}", one_line(value));
        }
        for part in &self.rest {
            match part {
                MailPart::Paragraph(paragraph) => {
                    let _ = write!(text, "\n{}\n", one_line(paragraph));
                }
                MailPart::List(heading, lines) => {
                    let _ = write!(text, "\n{heading}\n");
                    for line in lines {
                        let _ = writeln!(text, "{}", one_line(line));
                    }
                }
            }
        }
        text
    }

    pub(super) fn html(&self) -> String {
        let mut html = format!("<!DOCTYPE html>\n<html><body>\n<p>{}</p>\n<table>\n", escape(&self.lead));
        for (name, value) in &self.rows {
            let _ = writeln!(html, "<tr><th align=\"left\">{}</th><td>{}</td></tr>", escape(name), escape(value));
        }
        html.push_str("</table>\n");
        for part in &self.rest {
            match part {
                MailPart::Paragraph(paragraph) => {
                    let _ = writeln!(html, "<p>{}</p>", escape(paragraph));
                }
                MailPart::List(heading, lines) => {
                    let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
                    let _ = writeln!(html, "<p>{}<br>\n{}</p>", escape(heading), lines.join("<br>\n"));
                }
            }
        }
        html.push_str("</body></html>\n");
        html
    }
}

/// A value cannot begin a line of its own.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ")
}

/// A value cannot become markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
