"""What a recipe says of the untrained comparison: which inputs, fusions, normalisations, distances and poolings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from georetrieval.recipe.schema_strict import Strict
from georetrieval.search.normalise import Normalisation

Input = Literal["photo", "semantic-colour", "semantic-grey", "both-colour", "both-grey"]
Fusion = Literal["none", "early", "concatenation", "late"]
Pooling = Literal["max", "avg", "gem-pca"]


class Combinations(Strict):
    """Every combination of these is one row; `{}` asks for all (REFERENCE.md A, tables 3 and 4).

    The trunk and its weights are those of `eye.trunk` and `eye.weights`. Bands that the tiles do not hold are left
    out, and the table says so.
    """

    bands: tuple[Input, ...] = Field(
        ("photo", "semantic-colour", "semantic-grey", "both-colour", "both-grey"),
        description="photo; the map in colour (3 bands) or grey (1 band); both: the photo and such a map",
    )
    fusion: tuple[Fusion, ...] = Field(
        ("none", "early", "concatenation", "late"),
        description="none for photo or map alone; for both: one picture by the first layer's preset weights, two "
        "descriptors in a row, two lists of nearest neighbours made one",
    )
    normalisation: tuple[Normalisation, ...] = ("none", "l1", "l2", "mean-std")
    distance: tuple[Literal["cosine", "euclidean"], ...] = ("cosine", "euclidean")
    pooling: tuple[Pooling, ...] = Field(
        ("max", "avg", "gem-pca"), description="of the last convolution; gem-pca: generalised mean, PCA whitening"
    )
    whitened: int = Field(256, ge=1, le=4096, description="at most so many dimensions after whitening")
    others: tuple[Literal["hog", "class-shares"], ...] = Field(
        ("hog", "class-shares"), description="descriptors without a net, once per distance"
    )

    @model_validator(mode="after")
    def _some_row(self) -> Self:
        lists = ("bands", "fusion", "normalisation", "distance", "pooling", "others")
        repeated = [name for name in lists if len(set(getattr(self, name))) < len(getattr(self, name))]
        if repeated:
            raise ValueError(f"{', '.join(repeated)} name something twice; name each once")
        alone = any(not name.startswith("both") for name in self.bands) and "none" in self.fusion
        fused = any(name.startswith("both") for name in self.bands) and set(self.fusion) - {"none"}
        if not (self.distance and (self.others or (self.normalisation and self.pooling and (alone or fused)))):
            raise ValueError("no row is left; one modality needs the fusion none, both-colour and both-grey need "
                             "early, concatenation or late")
        return self
