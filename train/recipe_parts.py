"""The sections of a recipe; `train.recipe.Recipe` holds them together."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator


class Strict(BaseModel):
    """A part of a recipe; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise AssertionError  # not ValueError: the message is the field's own rule, see recipe_text
        return value


class Source(Strict):
    """One set of square pictures."""

    images: Path = Field(description="Folder of pictures.")
    labels: Path | None = Field(
        None, description="CSV with imageName and, if known, ethnicity, race7, age, gender."
    )
    share: float = Field(
        1.0, ge=0, description="Share of the pictures of a batch, relative to the other sources."
    )
    face_box: tuple[float, float, float, float] | None = Field(
        None,
        description="Where the face lies in all these pictures: x0, y0, x1, y1 as shares of the side; null takes the "
        "labels' column `face`, if there is one.",
    )
    limit: int | None = Field(None, ge=1, description="Only so many pictures, drawn with `seed`.")
    balanced: bool = Field(
        False,
        description="Draw equally from the six groups, as many as `limit` or the smallest group allows.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Source":
        if self.face_box and not (
            self.face_box[0] < self.face_box[2] and self.face_box[1] < self.face_box[3]
        ):
            raise ValueError("`face_box` is x0, y0, x1, y1 with x0 < x1 and y0 < y1")
        if self.balanced and self.labels is None:
            raise ValueError("`balanced` needs `labels` with a column ethnicity")
        return self


class Augment(Strict):
    """What is done to a training picture; all of it at random, to the share or up to the amount given."""

    flip: float = Field(0.5, ge=0, le=1, description="Share of pictures that are mirrored.")
    zoom_in: float = Field(1.0, gt=0, le=1, description="Smallest share of the side that a crop keeps.")
    zoom_out: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of batches zoomed out to one to six people a frame, some partly covered.",
    )
    rotation: float = Field(0.0, ge=0, le=45, description="Largest rotation, degrees.")
    shear: float = Field(0.0, ge=0, le=30, description="Largest shear, degrees.")
    shift: float = Field(0.0, ge=0, le=0.5, description="Largest shift, share of the side.")
    scale: float = Field(0.0, ge=0, lt=1, description="Largest relative change of scale of each picture.")
    brightness: float = Field(
        0.0, ge=0, lt=1, description="Largest relative change of brightness, truth and input alike."
    )
    tone: float = Field(
        0.0, ge=0, lt=1, description="Largest relative change of contrast, brightness and gamma of the input."
    )
    erase: float = Field(0.0, ge=0, le=1, description="Share of inputs with an erased rectangle.")
    grain: float = Field(0.0, ge=0, le=20, description="Largest film grain on the input, units of L*.")
    fading: float = Field(
        0.0, ge=0, lt=1, description="Largest loss of contrast of the input, as of old prints."
    )
    orthochromatic: float = Field(
        0.0, ge=0, le=1, description="Share of inputs as film that is blind to red would have seen them."
    )
    vignetting: float = Field(
        0.0, ge=0, le=1, description="Largest darkening or bleaching of the input's corners, as a share."
    )
    halftone: float = Field(0.0, ge=0, le=1, description="Share of inputs printed in dots.")
    scratches: float = Field(
        0.0, ge=0, le=1, description="Share of inputs with scratches, folds, hairs and dust."
    )
    old_film: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of inputs as old pictures: a random mix of all these effects, soft focus too; "
        "most others stay clean.",
    )


class Told(Strict):
    """What a network that can be steered is told in training, and how often; all 0 for networks that can't be."""

    light: float = Field(0.0, ge=0, le=1, description="Share of pictures whose mean colour is told.")
    white_balance: float = Field(
        0.0, ge=0, le=30, description="Those pictures' change of light, standard deviation of a* and b*."
    )
    skin: float = Field(
        0.0, ge=0, le=1, description="Share of pictures whose people's skin is told, often another colour."
    )
    swap: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of pictures told another group, their skin moved by the difference.",
    )
    hints: float = Field(0.0, ge=0, le=1, description="Share of pictures with colours of single points told.")

    @property
    def anything(self) -> bool:
        """Whether anything is told at all."""
        return any((self.light, self.skin, self.swap, self.hints))


class Loss(Strict):
    """What a step makes smaller; keys that a task has no use for must stand at their defaults."""

    kind: Literal["picture-psnr", "l1", "l2", "smooth-l1"] = Field(
        "picture-psnr", description="Error of ab: each picture's PSNR, or a distance in a* and b*."
    )
    perceptual: float = Field(0.0, ge=0, description="Weight of the difference between a trunk's features.")
    perceptual_trunk: Path | None = Field(
        None,
        description="The trunk's weights (SqueezeNet 1.1 features, safetensors); None downloads VGG-16's.",
    )
    skin: float = Field(0.0, ge=0, description="Weight of the face's own colour difference.")
    chances: float = Field(
        0.0, ge=0, description="Weight of the distribution learnt beside the regression: its cross-entropy."
    )
    skin_map: float = Field(0.0, ge=0, description="Weight of finding skin, learnt beside.")
    attributes: float = Field(
        0.0, ge=0, description="Weight of the face attributes race7, age and gender, learned beside."
    )
    rebalance: float = Field(
        0.5, ge=0, le=1, description="distribution: share of the uniform distribution in the bins' weights."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="classify: share given to the other groups.")
    class_balance: Literal["none", "weights", "sampling"] = Field(
        "none", description="classify: rare groups weigh more, or are drawn as often as the others."
    )


class Adversary(Strict):
    """The discriminator of `task: adversarial`."""

    alternate: Literal["epoch", "step"] = Field("step", description="How often the two take turns.")
    weight: float = Field(1.0, ge=0, description="Weight of the cross-entropy of being found out.")
    content: float = Field(0.1, ge=0, description="Weight of the generator's ordinary loss beside it.")
    lr: float = Field(2e-4, gt=0, description="The discriminator's learning rate.")


class Optimizer(Strict):
    """How weights change."""

    name: Literal["adamw", "adam", "sgd"] = Field("adamw", description="Rule of the steps.")
    lr: float = Field(2e-3, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.05, ge=0, description="Pull of the weights to 0; none on biases and norms.")
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd's momentum; the first beta of the others.")
    clip: float | None = Field(1.0, gt=0, description="Largest norm of the gradient; null for no limit.")


class Schedule(Strict):
    """How the learning rate changes."""

    kind: Literal["cosine", "constant", "plateau"] = Field(
        "cosine", description="Falls along a cosine, stays, or falls whenever validation gets no better."
    )
    warmup: int = Field(200, ge=0, description="Steps of linear warm-up.")
    final: float = Field(0.01, ge=0, le=1, description="cosine: rate at the end, relative to `optimizer.lr`.")
    factor: float = Field(0.5, gt=0, lt=1, description="plateau: what the rate is multiplied by.")
    patience: int = Field(3, ge=1, description="plateau: validations without a better score before that.")


class EarlyStopping(Strict):
    """Ends a phase when validation no longer gets better."""

    patience: int = Field(ge=1, description="Validations without a better score.")
    least: float = Field(0.0, ge=0, description="A score must be better by this much to count.")


class FineTune(Strict):
    """A second phase, from the best weights of the first, usually at a lower rate."""

    lr: float = Field(gt=0, description="Learning rate of the phase.")
    steps: int | None = Field(None, ge=1, description="Length; or `epochs`.")
    epochs: float | None = Field(None, gt=0, description="Length in passes over the pictures.")
    early_stopping: EarlyStopping | None = Field(None, description="Ends this phase sooner.")
