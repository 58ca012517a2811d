//! A shell fence: which of its lines are commands, and which show what they print.

/// What a shell fence holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// The commands, prompts removed.
    pub command: String,
    /// What they are shown to print; empty where the fence shows nothing.
    pub output: String,
}

/// The language of a fence, where it is one for a shell, and what its info string says beyond that.
pub(super) fn language(info: &str) -> Option<(Language, &str)> {
    let info = info.trim();
    let end = info.find(|c: char| c.is_whitespace() || c == ',' || c == '{').unwrap_or(info.len());
    let (word, rest) = info.split_at(end);
    let language = match word.to_ascii_lowercase().as_str() {
        "bash" => Language::Bash,
        "zsh" => Language::Zsh,
        "sh" | "shell" => Language::Sh,
        "console" | "shell-session" => Language::Console,
        _ => return None,
    };
    Some((language, rest.trim_start_matches(',').trim()))
}

/// The languages whose fences become commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Bash,
    Zsh,
    Sh,
    /// A session: prompts and output.
    Console,
}

impl Language {
    pub const fn interpreter(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Sh | Self::Console => crate::block::command::DEFAULT_INTERPRETER,
        }
    }
}

/// The commands of a fence; none where it holds only output or nothing.
pub(super) fn script(language: Language, content: &str) -> Option<Script> {
    let lines: Vec<&str> = content.lines().collect();
    let prompt = if lines.iter().any(|line| after_prompt(line, "$").is_some()) {
        "$"
    } else if language == Language::Console {
        "#"
    } else {
        let command = content.trim_matches('\n').trim_end();
        return (!command.trim().is_empty()).then(|| Script { command: command.to_owned(), output: String::new() });
    };

    let mut commands: Vec<String> = Vec::new();
    let mut output: Vec<&str> = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index];
        if let Some(first) = after_prompt(line, prompt) {
            let end = command_end(&lines, index, first, prompt);
            commands.push(first.to_owned());
            commands.extend(lines[index + 1..end].iter().map(|line| line.strip_prefix("> ").unwrap_or(line).to_owned()));
            if output.last().is_some_and(|line| !line.trim().is_empty()) {
                output.push("");
            }
            index = end;
            continue;
        }
        if prompt == "$" && introduces_command(&lines[index..]) {
            commands.push(line.trim().to_owned());
        } else {
            output.push(line);
        }
        index += 1;
    }
    let command = commands.join("\n").trim_end().to_owned();
    if command.trim().is_empty() {
        return None;
    }
    Some(Script { command, output: output.join("\n").trim_matches('\n').trim_end().to_owned() })
}

/// What follows the prompt, where the line begins with it.
fn after_prompt<'a>(line: &'a str, prompt: &str) -> Option<&'a str> {
    line.trim_start().strip_prefix(prompt)?.strip_prefix(' ').map(str::trim_start)
}

/// Whether the first line is a comment above a prompt, which belongs to the commands.
fn introduces_command(lines: &[&str]) -> bool {
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    is_comment(lines[0])
        && lines
            .iter()
            .find(|line| !line.trim().is_empty() && !is_comment(line))
            .is_some_and(|line| after_prompt(line, "$").is_some())
}

/// The index after the last line of the command that begins at `start`.
///
/// A command that nothing ends is taken to be its first line: output must not be run.
fn command_end(lines: &[&str], start: usize, first: &str, prompt: &str) -> usize {
    let mut text = first.to_owned();
    let mut end = start + 1;
    while unfinished(&text) {
        match lines.get(end) {
            Some(line) if after_prompt(line, prompt).is_none() || heredoc(&text) => {
                text.push('\n');
                text.push_str(line.strip_prefix("> ").unwrap_or(line));
                end += 1;
            }
            // Backslashes at the end of lines are plain enough to follow up to here.
            _ => {
                let slashes = lines[start..end].iter().take_while(|line| line.trim_end().ends_with('\\')).count();
                return (start + 1 + slashes).min(end);
            }
        }
    }
    end
}

fn unfinished(text: &str) -> bool {
    let last = text.trim_end();
    last.ends_with('\\') || last.ends_with('|') || last.ends_with("&&") || heredoc(text) || open_quote(text)
}

/// Whether a here-document is still open.
fn heredoc(text: &str) -> bool {
    let mut waiting: Option<&str> = None;
    for line in text.lines() {
        match waiting {
            Some(word) if line.trim() == word => waiting = None,
            Some(_) => {}
            None => waiting = heredoc_word(line),
        }
    }
    waiting.is_some()
}

fn heredoc_word(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("<<")?;
    if after.starts_with('<') || before.ends_with("((") {
        return None;
    }
    let word = after.trim_start_matches('-').trim_start().trim_start_matches(['\'', '"', '\\']);
    let end = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
    (end > 0 && word.starts_with(|c: char| c.is_alphabetic() || c == '_')).then(|| &word[..end])
}

fn open_quote(text: &str) -> bool {
    // The text of a here-document has apostrophes of its own.
    if text.lines().any(|line| heredoc_word(line).is_some()) {
        return false;
    }
    let mut quote: Option<char> = None;
    let mut previous = ' ';
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (None, '#') if previous.is_whitespace() => {
                chars.by_ref().find(|c| *c == '\n');
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        previous = c;
    }
    quote.is_some()
}

/// Text in which a template finds nothing to fill in.
pub(super) fn escape_template(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        escaped.push_str(&rest[..at]);
        let sign = ["{{", "{%", "{#"].into_iter().find(|sign| rest[at..].starts_with(sign));
        match sign {
            Some(sign) => {
                escaped.push_str("{{ '");
                escaped.push_str(sign);
                escaped.push_str("' }}");
            }
            None => escaped.push('{'),
        }
        rest = &rest[at + sign.map_or(1, str::len)..];
    }
    escaped + rest
}

/// A fence of plain text, longer than any run of backticks within.
pub(super) fn fenced(language: &str, content: &str) -> String {
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{content}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(language: Language, content: &str) -> (String, String) {
        let script = script(language, content).expect("a command");
        (script.command, script.output)
    }

    #[test]
    fn prompts_are_removed_and_what_is_printed_is_set_apart() {
        let (command, output) = read(Language::Console, "$ uptime\nup 3 days\n\n$ free -m\nMem: 100\n");
        assert_eq!(command, "uptime\nfree -m");
        assert_eq!(output, "up 3 days\n\nMem: 100");
    }

    #[test]
    fn a_command_goes_on_after_a_backslash_a_pipe_an_open_quote_and_a_here_document() {
        let text = "$ a \\\n  b |\n  c\nout\n$ awk '{\n  print }'\nout\n$ cat <<EOF\n$ not a prompt\nEOF\nout\n";
        let (command, output) = read(Language::Sh, text);
        assert_eq!(command, "a \\\n  b |\n  c\nawk '{\n  print }'\ncat <<EOF\n$ not a prompt\nEOF");
        assert_eq!(output, "out\n\nout\n\nout");
    }

    #[test]
    fn output_is_not_run_when_a_quote_is_never_closed() {
        let (command, output) = read(Language::Console, "$ echo it's\nrm -rf /\n");
        assert_eq!((command.as_str(), output.as_str()), ("echo it's", "rm -rf /"));
    }

    #[test]
    fn the_root_prompt_is_one_only_in_a_console() {
        assert_eq!(read(Language::Console, "# reboot\nbye\n"), ("reboot".to_owned(), "bye".to_owned()));
        assert_eq!(read(Language::Bash, "# Reboot\nreboot\n").0, "# Reboot\nreboot");
        assert_eq!(read(Language::Console, "# Restart it\n$ reboot\n").0, "# Restart it\nreboot");
    }

    #[test]
    fn a_console_without_a_prompt_is_output_alone() {
        assert_eq!(script(Language::Console, "NAME READY\n"), None);
        assert_eq!(script(Language::Bash, "\n  \n"), None);
    }

    #[test]
    fn nothing_in_a_command_is_a_template() {
        assert_eq!(escape_template("a {{x}} ${#n} {%b {c}"), "a {{ '{{' }}x}} ${{ '{#' }}n} {{ '{%' }}b {c}");
        assert_eq!(escape_template("{{{%"), "{{ '{{' }}{{ '{%' }}");
    }
}
