//! What is asked for.

use domain::{
    AspectRatio, ClientId, Conversation, Failure, GenerationRequest, Image, ImageCount, Part,
    PersonGeneration, PictureSpec, RequestId, Resolution, Role, Turn,
};

use crate::v1;

impl From<GenerationRequest> for v1::GenerateRequest {
    fn from(request: GenerationRequest) -> Self {
        Self {
            request_id: request.id.to_string(),
            client: request.client.to_string(),
            model: request.model,
            system: request.conversation.system().unwrap_or_default().to_owned(),
            turns: request.conversation.turns().iter().map(v1::Turn::from).collect(),
            aspect_ratio: request.spec.aspect_ratio.to_string(),
            resolution: request.spec.resolution.to_string(),
            count: request.count.get(),
            person_generation: v1::PersonGeneration::from(request.person_generation).into(),
            seed: request.seed,
            gather: request.gather,
            dialect: String::new(),
        }
    }
}

impl TryFrom<v1::GenerateRequest> for GenerationRequest {
    type Error = Failure;

    fn try_from(wire: v1::GenerateRequest) -> Result<Self, Failure> {
        let person_generation = wire.person_generation().into();
        let turns = wire.turns.into_iter().map(Turn::try_from).collect::<Result<Vec<_>, _>>()?;
        let conversation =
            Conversation::new(Some(wire.system), turns).map_err(|error| Failure::invalid("turns", error))?;
        let count = ImageCount::new(wire.count.max(1).into())
            .ok_or_else(|| Failure::invalid("count", "must be 1 to 10"))?;
        Ok(Self {
            id: RequestId::new(wire.request_id).map_err(|error| Failure::invalid("request_id", error))?,
            client: ClientId::new(wire.client).map_err(|error| Failure::invalid("client", error))?,
            model: wire.model,
            conversation,
            spec: spec(&wire.aspect_ratio, &wire.resolution)?,
            count,
            person_generation,
            seed: wire.seed,
            gather: wire.gather,
        })
    }
}

fn spec(aspect_ratio: &str, resolution: &str) -> Result<PictureSpec, Failure> {
    let aspect_ratio = match aspect_ratio {
        "" => AspectRatio::SQUARE,
        text => text.parse().map_err(|error| Failure::invalid("aspect_ratio", error))?,
    };
    let resolution = match resolution {
        "" => Resolution::K1,
        text => text.parse().map_err(|error| Failure::invalid("resolution", error))?,
    };
    Ok(PictureSpec { aspect_ratio, resolution })
}

impl From<PersonGeneration> for v1::PersonGeneration {
    fn from(choice: PersonGeneration) -> Self {
        match choice {
            PersonGeneration::Allow => Self::Allow,
            PersonGeneration::Deny => Self::Deny,
        }
    }
}

impl From<v1::PersonGeneration> for PersonGeneration {
    fn from(choice: v1::PersonGeneration) -> Self {
        match choice {
            v1::PersonGeneration::Unspecified | v1::PersonGeneration::Allow => Self::Allow,
            v1::PersonGeneration::Deny => Self::Deny,
        }
    }
}

impl From<&Turn> for v1::Turn {
    fn from(turn: &Turn) -> Self {
        let role = match turn.role {
            Role::User => v1::Role::User,
            Role::Assistant => v1::Role::Assistant,
        };
        Self { role: role.into(), parts: turn.parts.iter().map(v1::Part::from).collect() }
    }
}

impl TryFrom<v1::Turn> for Turn {
    type Error = Failure;

    fn try_from(wire: v1::Turn) -> Result<Self, Failure> {
        let role = match wire.role() {
            v1::Role::User => Role::User,
            v1::Role::Assistant => Role::Assistant,
            v1::Role::Unspecified => return Err(Failure::invalid("turns.role", "must be user or assistant")),
        };
        Ok(Self { role, parts: wire.parts.into_iter().map(Part::try_from).collect::<Result<_, _>>()? })
    }
}

impl From<&Part> for v1::Part {
    fn from(part: &Part) -> Self {
        let part = match part {
            Part::Text(text) => v1::part::Part::Text(text.clone()),
            Part::Image(image) => v1::part::Part::Image(image.bytes().clone()),
        };
        Self { part: Some(part) }
    }
}

impl TryFrom<v1::Part> for Part {
    type Error = Failure;

    fn try_from(wire: v1::Part) -> Result<Self, Failure> {
        match wire.part {
            Some(v1::part::Part::Text(text)) => Ok(Self::Text(text)),
            Some(v1::part::Part::Image(bytes)) => Image::inspect(bytes)
                .map(Self::Image)
                .map_err(|error| Failure::invalid("turns.parts.image", error)),
            None => Err(Failure::missing("turns.parts")),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_request_survives_the_journey() {
        let request = GenerationRequest {
            id: RequestId::new("req_1").unwrap(),
            client: ClientId::new("studio").unwrap(),
            model: "gemini-3-pro-image".into(),
            conversation: Conversation::new(
                Some("paint".into()),
                [
                    Turn { role: Role::User, parts: vec![Part::Text("a cat".into())] },
                    Turn { role: Role::Assistant, parts: vec![Part::Text("which?".into())] },
                    Turn { role: Role::User, parts: vec![Part::Text("this".into())] },
                ],
            )
            .unwrap(),
            spec: PictureSpec { aspect_ratio: "21:9".parse().unwrap(), resolution: Resolution::K4 },
            count: ImageCount::new(10).unwrap(),
            person_generation: PersonGeneration::Deny,
            seed: Some(-7),
            gather: true,
        };
        let wire = v1::GenerateRequest::from(request.clone());
        assert_eq!(GenerationRequest::try_from(wire), Ok(request));
    }

    type Spoil = fn(&mut v1::GenerateRequest);

    #[test]
    fn a_request_that_makes_no_sense_names_its_field() {
        let sound = || v1::GenerateRequest {
            request_id: "r".into(),
            client: "c".into(),
            turns: vec![v1::Turn {
                role: v1::Role::User.into(),
                parts: vec![v1::Part { part: Some(v1::part::Part::Text("a cat".into())) }],
            }],
            ..v1::GenerateRequest::default()
        };
        assert!(GenerationRequest::try_from(sound()).is_ok());
        let spoilt: [(&str, Spoil); 8] = [
            ("request_id", |r| r.request_id.clear()),
            ("client", |r| r.client = "two words".into()),
            ("turns", |r| r.turns.clear()),
            ("turns.role", |r| r.turns[0].role = 7),
            ("turns.parts", |r| r.turns[0].parts[0].part = None),
            ("turns.parts.image", |r| {
                r.turns[0].parts[0].part = Some(v1::part::Part::Image(Bytes::from_static(b"GIF89a")));
            }),
            ("aspect_ratio", |r| r.aspect_ratio = "7:5".into()),
            ("count", |r| r.count = 11),
        ];
        for (field, spoil) in spoilt {
            let mut wire = sound();
            spoil(&mut wire);
            let failure = GenerationRequest::try_from(wire).unwrap_err();
            assert_eq!(failure.field.as_deref(), Some(field));
        }
    }
}
