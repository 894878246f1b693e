//! What a picture is made from: turns of text and pictures.

use crate::Image;

/// Who spoke a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person who asks.
    User,
    /// The model, earlier in the conversation.
    Assistant,
}

/// One piece of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Text(String),
    /// A picture, given inline.
    Image(Image),
}

/// What one side said, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What was said; never empty.
    pub parts: Vec<Part>,
}

/// A conversation that ends with something to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    system: Option<String>,
    turns: Vec<Turn>,
}

/// Why turns are no conversation that a picture can be made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NothingToDraw {
    /// There is no user turn with text or a picture in it.
    #[error("must have a user turn with text that says what to draw")]
    NoUserTurn,
    /// The last turn is the assistant's, so nobody asks for anything.
    #[error("must end with a user turn")]
    EndsWithAssistant,
}

impl Conversation {
    /// The longest text of all turns and the system instruction together, in characters.
    pub const LONGEST_TEXT: usize = 32_000;

    /// Joins turns into a conversation. Blank texts and turns without parts are left out, neighbouring turns
    /// of one side become one.
    pub fn new(system: Option<String>, turns: impl IntoIterator<Item = Turn>) -> Result<Self, NothingToDraw> {
        let mut joined: Vec<Turn> = Vec::new();
        for mut turn in turns {
            turn.parts.retain(|part| !matches!(part, Part::Text(text) if text.trim().is_empty()));
            match joined.last_mut() {
                _ if turn.parts.is_empty() => {}
                Some(last) if last.role == turn.role => last.parts.append(&mut turn.parts),
                _ => joined.push(turn),
            }
        }
        let system = system.filter(|text| !text.trim().is_empty());
        match joined.last() {
            Some(Turn { role: Role::User, .. }) => Ok(Self { system, turns: joined }),
            Some(_) if joined.iter().any(|turn| turn.role == Role::User) => {
                Err(NothingToDraw::EndsWithAssistant)
            }
            _ => Err(NothingToDraw::NoUserTurn),
        }
    }

    /// A single user turn of one text.
    pub fn prompt(text: impl Into<String>) -> Result<Self, NothingToDraw> {
        Self::new(None, [Turn { role: Role::User, parts: vec![Part::Text(text.into())] }])
    }

    /// The instruction that stands above all turns.
    pub fn system(&self) -> Option<&str> {
        self.system.as_deref()
    }

    /// The turns, the last of which is the user's.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Every picture in it, in order.
    pub fn images(&self) -> impl DoubleEndedIterator<Item = &Image> {
        self.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
            Part::Image(image) => Some(image),
            Part::Text(_) => None,
        })
    }

    /// The picture that a request to edit refers to: the last one, whoever showed it.
    pub fn reference(&self) -> Option<&Image> {
        self.images().next_back()
    }

    /// Characters of text in all turns and the system instruction.
    pub fn text_length(&self) -> usize {
        let turns = self.turns.iter().flat_map(|turn| &turn.parts).map(|part| match part {
            Part::Text(text) => text.chars().count(),
            Part::Image(_) => 0,
        });
        turns.sum::<usize>() + self.system.as_ref().map_or(0, |text| text.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(role: Role, text: &str) -> Turn {
        Turn { role, parts: vec![Part::Text(text.into())] }
    }

    #[test]
    fn neighbouring_turns_of_one_side_become_one() {
        let conversation =
            Conversation::new(None, [turn(Role::User, "a cat"), turn(Role::User, "in the rain")]).unwrap();
        assert_eq!(conversation.turns().len(), 1);
        assert_eq!(conversation.turns()[0].parts.len(), 2);
    }

    #[test]
    fn a_conversation_needs_a_last_word_from_the_user() {
        assert_eq!(Conversation::prompt("  \n"), Err(NothingToDraw::NoUserTurn));
        assert_eq!(Conversation::new(None, []), Err(NothingToDraw::NoUserTurn));
        let answered = [turn(Role::User, "a cat"), turn(Role::Assistant, "here")];
        assert_eq!(Conversation::new(None, answered), Err(NothingToDraw::EndsWithAssistant));
        let blank_last = [turn(Role::User, "a cat"), turn(Role::Assistant, " ")];
        assert!(Conversation::new(None, blank_last).is_ok());
    }
}
