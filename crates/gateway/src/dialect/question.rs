//! What every dialect lets a client ask for, and the one request it becomes.

use domain::{
    Catalog, ClientId, Conversation, Failure, FailureKind, GenerationRequest, ImageCount, PersonGeneration,
    PictureSpec, PictureWishes, RequestId, Timestamp, model_name,
    model_name::{NamedModel, UnknownModel},
    picture_spec::Wish,
};

use super::{
    answer::Shown,
    fields::{Field, Fields},
};

/// A request, read and found possible.
pub(crate) struct Question<F> {
    /// Whether the answer is a stream of events.
    pub(super) stream: bool,
    form: F,
    model: String,
    conversation: Conversation,
    spec: PictureSpec,
    count: ImageCount,
    person_generation: PersonGeneration,
    seed: Option<i32>,
}

/// The fields that mean the same in every dialect.
pub(super) struct Wishes {
    model: Option<String>,
    picture: PictureWishes,
    /// Where the client wrote each wish.
    written: Vec<(Wish, String)>,
    count: ImageCount,
    person_generation: PersonGeneration,
    seed: Option<i32>,
    stream: bool,
}

const IMAGE_SIZE: [&str; 2] = ["imageSize", "image_size"];
const ASPECT_RATIO: [&str; 2] = ["aspect_ratio", "aspectRatio"];

impl Wishes {
    /// Reads them.
    pub(super) fn read(body: &Fields<'_, '_>) -> Result<Self, Failure> {
        let mut written = Vec::new();
        let picture = picture(body, &mut written)?;
        let persons = body.optional(&["person_generation", "personGeneration"], |field| field.parsed())?;
        Ok(Self {
            model: body.optional(&["model"], |field| field.text().map(str::to_owned))?,
            picture,
            written,
            count: body.optional(&["n"], |field| count(&field))?.unwrap_or(ImageCount::ONE),
            person_generation: persons.unwrap_or_default(),
            seed: body.optional(&["seed"], |field| seed(&field))?,
            stream: body.optional(&["stream"], |field| field.boolean())?.unwrap_or(false),
        })
    }

    /// Decides what to draw from a conversation that stands in `field`.
    pub(super) fn decide<F>(
        mut self,
        field: &str,
        conversation: Conversation,
        catalog: &Catalog,
        form: F,
    ) -> Result<Question<F>, Failure> {
        let named = self.named(catalog)?;
        bound(field, &conversation, &named)?;
        self.picture.reference = conversation.reference().map(domain::Image::size);
        let spec = self.picture.decide(&named).map_err(|unsupported| {
            let written = self.written.iter().find(|(wish, _)| *wish == unsupported.wish);
            Failure::invalid(written.map_or("model", |(_, path)| path), &unsupported)
        })?;
        Ok(Question {
            stream: self.stream,
            form,
            model: named.model.name.clone(),
            conversation,
            spec,
            count: self.count,
            person_generation: self.person_generation,
            seed: self.seed,
        })
    }

    fn named<'c>(&self, catalog: &'c Catalog) -> Result<NamedModel<'c>, Failure> {
        let Some(name) = &self.model else {
            return Ok(NamedModel { model: catalog.default_model(), aspect_ratio: None, resolution: None });
        };
        model_name::parse(name, catalog).map_err(|error| match error {
            UnknownModel::NotInCatalog { .. } => Failure {
                kind: FailureKind::UnknownModel,
                field: Some("model".to_owned()),
                ..Failure::invalid("model", error)
            },
            UnknownModel::Contradiction { .. } => Failure::invalid("model", error),
        })
    }
}

impl<F: Copy> Question<F> {
    /// The canonical request, and what its answer will need to know.
    pub(super) fn ask(
        self,
        id: RequestId,
        client: ClientId,
        now: Timestamp,
    ) -> (GenerationRequest, Shown<F>) {
        let shown = Shown {
            id: id.clone(),
            created: now,
            model: self.model.clone(),
            spec: self.spec,
            count: self.count,
            form: self.form,
        };
        let request = GenerationRequest {
            id,
            client,
            model: self.model,
            conversation: self.conversation,
            spec: self.spec,
            count: self.count,
            person_generation: self.person_generation,
            seed: self.seed,
            gather: !self.stream,
        };
        (request, shown)
    }
}

/// Reads every place that speaks of shape and resolution, and notes how the client spelled it.
fn picture(body: &Fields<'_, '_>, written: &mut Vec<(Wish, String)>) -> Result<PictureWishes, Failure> {
    let config = body.optional(&["image_config", "imageConfig"], |field| field.object())?;
    let anywhere = |spellings: &[&str]| {
        body.find(spellings).or_else(|| config.as_ref().and_then(|config| config.find(spellings)))
    };
    let mut note = |wish, field: Option<Field<'_, '_>>| {
        written.extend(field.as_ref().map(|field| (wish, field.path().to_owned())));
    };
    note(Wish::ImageSize, anywhere(&IMAGE_SIZE));
    note(Wish::Quality, body.find(&["quality"]));
    note(Wish::AspectRatio, anywhere(&ASPECT_RATIO));
    note(Wish::Size, body.find(&["size"]));
    Ok(PictureWishes {
        image_size: anywhere(&IMAGE_SIZE).map(|field| field.parsed()).transpose()?,
        quality: body.optional(&["quality"], |field| field.parsed())?,
        aspect_ratio: anywhere(&ASPECT_RATIO).map(|field| field.parsed()).transpose()?,
        size: body.optional(&["size"], |field| field.parsed())?,
        reference: None,
    })
}

fn count(field: &Field<'_, '_>) -> Result<ImageCount, Failure> {
    let count = field.integer(1..=ImageCount::MOST.into())?;
    let count = u64::try_from(count).ok().and_then(ImageCount::new);
    Ok(count.expect("the range is the one that a count has"))
}

fn seed(field: &Field<'_, '_>) -> Result<i32, Failure> {
    let seed = field.integer(i32::MIN.into()..=i32::MAX.into())?;
    Ok(i32::try_from(seed).expect("the range is the one that a seed has"))
}

/// Refuses what no upstream would take.
fn bound(field: &str, conversation: &Conversation, named: &NamedModel<'_>) -> Result<(), Failure> {
    let longest = Conversation::LONGEST_TEXT;
    if conversation.text_length() > longest {
        return Err(Failure::invalid(field, format_args!("must be at most {longest} characters of text")));
    }
    let (shown, most) = (conversation.images().count(), named.model.reference_images);
    if shown > most {
        let message =
            format!("shows {shown} pictures; the model `{}` takes at most {most}", named.model.name);
        return Err(Failure::invalid(field, message));
    }
    Ok(())
}
