"""What every part of a recipe shares: unknown keys are errors, values do not change."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Share = Annotated[float, Field(ge=0, le=1)]
Engine = Literal["auto", "torch", "openvino"]


class Strict(BaseModel):
    """Unknown keys are errors, values do not change.

    Attributes
    ----------
    LATER
        Fields that came later. They are not dumped while they have their default, so that the digests of stages that
        were done before stay what they are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_later(self, dumped: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = dumped(self)
        fields = type(self).model_fields
        silent = {name for name in self.LATER if getattr(self, name) == fields[name].default}
        return {name: value for name, value in plain.items() if name not in silent}
