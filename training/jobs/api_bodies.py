"""What may be asked of a fine-tuning job over the API, and its translation into our own words.

The field names are those of OpenAI's fine-tuning API, so that its clients work unchanged; what we
do not do is refused by name instead of being dropped.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.access.fields import Strict, Text
from tenants.errors import AppError
from training.engine.params import AUTO, PARAMS, Param
from training.jobs.control import METHODS

# What a job learns from: there are no files to choose from.
EVENTS = "events"
# The other names that a client may use -> ours.
OTHER_NAMES = {"n_epochs": "epochs"}
PAIRS, KEY_LENGTH, VALUE_LENGTH = 16, 64, 512
KINDS = {bool: "boolean", int: "integer", float: "number"}


def value_schema(param: Param) -> dict[str, Any]:
    """The JSON schema of a hyper-parameter: "auto" or a value between its bounds."""
    value: dict[str, Any] = {"type": KINDS[param.kind]}
    if param.kind is not bool:
        value |= {"minimum": param.low, "maximum": param.high}
    return {"anyOf": [{"const": AUTO}, value]}


class ParamField(serializers.Field[Any, Any, Any, Any]):
    """A value or "auto"; its bounds are the engine's to check."""

    def __init__(self, param: Param, **options: Any) -> None:
        super().__init__(required=False, **options)
        self._spectacular_annotation = {"field": value_schema(param)}

    def to_internal_value(self, data: Any) -> Any:
        if data == AUTO or isinstance(data, bool | int | float):
            return data
        raise serializers.ValidationError(f'Write "{AUTO}", or the value without quotation marks.')


@extend_schema_field({"const": AUTO})
class OnlyAuto(serializers.Field[Any, Any, Any, Any]):
    """A hyper-parameter that cannot be chosen."""

    def to_internal_value(self, data: Any) -> Any:
        if data != AUTO:
            raise serializers.ValidationError(
                f'This can be "{AUTO}" alone. Give a learning_rate instead.'
            )
        return data


class Hyperparameters(Strict):
    """Each is "auto", which leaves it to the data, or a value."""

    n_epochs = ParamField(PARAMS["epochs"], help_text="Another name of epochs.")
    devices = ParamField(
        PARAMS["devices"],
        help_text="GPUs of one machine that train together; without GPUs, processes. "
        "Device-seconds count each of them.",
    )
    learning_rate_multiplier = OnlyAuto(required=False)

    def get_fields(self) -> dict[str, Any]:
        ours = {name: ParamField(param) for name, param in PARAMS.items()}
        return {**ours, **super().get_fields()}


class MethodOptions(Strict):
    """How the method is to work."""

    hyperparameters = Hyperparameters(required=False)


class MethodBody(Strict):
    """A method and, under its name, its hyper-parameters."""

    type = Text(max_length=40, help_text=f"One of {', '.join(METHODS)}.")

    def get_fields(self) -> dict[str, Any]:
        options = {name: MethodOptions(required=False) for name in METHODS}
        return {**super().get_fields(), **options}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in METHODS if attrs["type"] in METHODS else ():
            if name in attrs and name != attrs["type"]:
                told = f"These are of another method. Send {attrs['type']} or leave this out."
                raise serializers.ValidationError({name: told})
        return attrs


class OrderBody(Strict):
    """What is to be trained, and how. Hyper-parameters stand here or in `method`, not in both."""

    model = Text(max_length=200, help_text="A base model that this installation allows.")
    hyperparameters = Hyperparameters(required=False)
    method = MethodBody(required=False)


class MetadataField(serializers.DictField):
    """Up to 16 pairs of the caller's own; keys up to 64 characters, values up to 512."""

    child = Text(max_length=VALUE_LENGTH, allow_blank=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > PAIRS:
            raise serializers.ValidationError(f"Up to {PAIRS} pairs can be kept.")
        for key in data if isinstance(data, dict) else ():
            Text(max_length=KEY_LENGTH, trim_whitespace=False).run_validation(key)
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "maxLength": 0})
class NoFile(serializers.Field[Any, Any, Any, Any]):
    """A file that cannot be given."""

    def to_internal_value(self, data: Any) -> Any:
        raise serializers.ValidationError(
            "A part of the events is held out by itself. Leave this out."
        )


@extend_schema_field({"type": "array", "maxItems": 0})
class NoIntegrations(serializers.Field[Any, Any, Any, Any]):
    """Other services that a run would report to."""

    def to_internal_value(self, data: Any) -> Any:
        if data != []:
            raise serializers.ValidationError("No run reports to another service. Leave this out.")
        return data


class JobBody(OrderBody):
    """A fine-tuning job. It trains on the events of people whose consent allows it."""

    training_file = Text(
        default=EVENTS,
        max_length=200,
        help_text=f'"{EVENTS}": those that consent allows when the job starts. There is no other.',
    )
    validation_file = NoFile(required=False, allow_null=True, help_text="Always null.")
    suffix = Text(
        required=False, allow_null=True, allow_blank=True, max_length=64, help_text="Its name."
    )
    seed = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=2**31 - 1, help_text="Usually 0."
    )
    metadata = MetadataField(required=False, allow_null=True)
    integrations = NoIntegrations(required=False, allow_null=True, help_text="Always null.")

    def validate_training_file(self, value: str) -> str:
        if value != EVENTS:
            raise serializers.ValidationError(
                f'A job trains on the events that consent allows, not on a file. Send "{EVENTS}".'
            )
        return value


@dataclass(frozen=True)
class Order:
    """The order in the services' words; `places`: their name of a field -> where it stood."""

    base_model: str
    method: str
    params: dict[str, Any]
    places: dict[str, str]

    @contextmanager
    def placed(self) -> Iterator[None]:
        """A refusal that is raised inside names the field as the caller wrote it."""
        try:
            yield
        except AppError as error:
            error.param = self.places.get(error.param or "", error.param)
            raise


def read_order(body: Mapping[str, Any]) -> Order:
    """The order of a checked OrderBody; AppError when a hyper-parameter is given twice."""
    method = body.get("method") or {}
    kind = method.get("type", METHODS[0])
    within = (method.get(kind) or {}).get("hyperparameters") or {}
    beside = body.get("hyperparameters") or {}
    if within and beside:
        raise AppError(
            "invalid_value",
            "Give hyperparameters here or in method, not in both.",
            param="hyperparameters",
        )
    path = f"method.{kind}.hyperparameters" if within else "hyperparameters"
    places = {"base_model": "model", "method": "method.type"}
    params: dict[str, Any] = {}
    for name, value in (within or beside).items():
        ours = OTHER_NAMES.get(name, name)
        if ours in params:
            raise AppError("invalid_value", f"This is {ours} again.", param=f"{path}.{name}")
        places[ours] = f"{path}.{name}"
        params[ours] = value
    chosen = {name: value for name, value in params.items() if value != AUTO}
    return Order(body["model"], kind, chosen, places)
