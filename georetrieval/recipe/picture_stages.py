"""A recipe of pictures stage by stage: worlds, train, finish, classifier, index, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from georetrieval.embedding import embed
from georetrieval.errors import UsageError
from georetrieval.files import digest, publish_json, remove_tree, sha256_file
from georetrieval.learn.objectives import objective_of
from georetrieval.learn.training import teach
from georetrieval.nets.choice import preferring
from georetrieval.nets.classifier import Classifier
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.head import turn_last
from georetrieval.nets.localiser import Localiser
from georetrieval.nets.starting import start_from
from georetrieval.progress import Progress, silent
from georetrieval.recipe import picture_measuring
from georetrieval.recipe.build import augment_of, net_of, net_settings, settings_of, start_of
from georetrieval.recipe.checked_masks import check_masks
from georetrieval.recipe.models import WEIGHTS
from georetrieval.recipe.picture_lessons import Shown, classes_of, lessons_of
from georetrieval.recipe.picture_parts import Parts, divided, with_others
from georetrieval.recipe.reading_index import index_pictures
from georetrieval.recipe.schema_learn import Eye, Learn
from georetrieval.recipe.schema_pictures import MadeUp, PictureRecipe
from georetrieval.recipe.stages import index_is_whole
from georetrieval.recipe.staging import FIGURES, Stage, Stager, index_folder
from georetrieval.samples.listing import NAME, Listing
from georetrieval.search.manifest import CURRENT
from georetrieval.search.projection import require_umap
from georetrieval.search.within import within_key
from georetrieval.synthetic.picture_worlds import write_pictures

STAGES = ("worlds", "train", "finish", "classifier", "index", "evaluate")
Row = dict[str, Any]
Artist = Callable[["PictureRun", picture_measuring.Measured, list[Row]], object]


class PictureRun:
    """One recipe of pictures in one folder; the counterpart of `stages.Run`, with the same parameters."""

    figure = "accuracy"
    """The column that a summary over seeds is made of."""

    def __init__(
        self, recipe: PictureRecipe, out: Path | None = None, *, progress: Progress = silent,
        resume: bool | None = None, draw: Artist | None = None, index: Path | None = None,
    ) -> None:
        self.recipe = recipe
        self.out = Path("runs") / recipe.name if out is None else Path(out)
        self.progress = progress
        self.draw = draw
        self.model, self.classifier, self.finished = (self.out / name for name in ("model", "classifier", "finished"))
        self.others = {other.name: self.out / "classifiers" / other.name for other in recipe.classifiers}
        self.results = self.out / "results.json"
        self.index = index or index_folder(recipe.index.folder, out) / recipe.name
        self.stager = Stager(resume)

    def to(self, last: str = "evaluate") -> list[Row]:
        """Run every stage up to `last`; the answer is the evaluation's table, or a line per stage before it."""
        wanted = self._stages(last)
        if self.recipe.evaluate.projection == "umap" and self.draw is not None:
            require_umap()  # before hours of training, not after them
        if self.recipe.pictures.source is not None and wanted[-1] != "worlds":
            _ = self._own_parts  # a list that is missing is told before worlds are written
        stages = (stage for name in wanted for stage in self._staged(name))
        with preferring(self.recipe.engine):
            return self.stager.run(self.recipe, self.out, stages, self.results)

    def plan(self, last: str = "evaluate") -> list[Row]:
        """What `to` would do, without doing it; a list of pictures that is there is read and divided.

        Raises
        ------
        InputError
            When there is no such list, or it makes no sense.
        UsageError
            When its division leaves nothing to train on or to ask.
        """
        return [{"stage": name, "plan": self._planned(name)} for name in self._stages(last)]

    @cached_property
    def listing(self) -> Listing:
        """All pictures; a made-up world must have been written."""
        pictures = self.recipe.pictures
        if pictures.world is not None:
            return Listing.read(self.world / NAME)
        assert pictures.source is not None
        return Listing.read(pictures.source, group=pictures.group)

    @cached_property
    def parts(self) -> Parts:
        """The list, divided, and what is trained on besides."""
        parts = self._own_parts
        others = [Listing.read(self.folder_of(world) / NAME) for world in self.recipe.pictures.also]
        return parts if not others else replace(parts, train=with_others(parts.train, others), besides=len(parts.train))

    @cached_property
    def _own_parts(self) -> Parts:
        """The list, divided."""
        pictures = self.recipe.pictures
        return divided(self.listing, pictures.split, share=pictures.share, seed=self.recipe.seed)

    @property
    def world(self) -> Path:
        """Where the made-up world lies that is asked about."""
        world = self.recipe.pictures.world
        assert world is not None
        return self.folder_of(world)

    def folder_of(self, world: MadeUp) -> Path:
        """Where a made-up world lies: its name carries the digest of its settings."""
        chosen = digest(world.model_dump(mode="json", exclude={"folder"}))[:12]
        return (world.folder or self.out / "worlds") / f"{world.kind}-{chosen}"

    @property
    def weights(self) -> Path:
        """What answers: the best weights of the training stage, finished where that is asked for."""
        return (self.model if self.recipe.finish is None else self.finished) / WEIGHTS

    def eye(self) -> DescriptorNet:
        """The trained net."""
        return Classifier.load(self.weights) if self.recipe.kind == "classes" else DescriptorNet.load(self.weights)

    def untrained(self) -> DescriptorNet:
        """The net before training, by the recipe's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            if self.recipe.kind == "classes":
                return self._classifier_net(self.recipe.eye)
            return net_of(self.recipe.eye, self.recipe.pictures.px, "")

    def _classifier_net(self, eye: Eye) -> Classifier:
        plain = net_settings(eye.model_copy(update={"unit": False}), self.recipe.pictures.px)
        return Classifier(plain, classes_of(self.parts), weights=None if start_of(eye) else eye.weights)

    def _stages(self, last: str) -> tuple[str, ...]:
        if last not in (*STAGES, "report"):
            raise UsageError(f"A recipe of pictures has no stage {last!r}; its stages are {', '.join(STAGES)}.")
        wanted = STAGES[: STAGES.index(last) + 1] if last in STAGES else STAGES
        absent = {"worlds": not self.recipe.pictures.made_up, "index": self.recipe.index.rows == "none",
                  "classifier": self.recipe.classifier is None and not self.others,
                  "finish": self.recipe.finish is None}
        if absent.get(last):
            raise UsageError(f"The recipe {self.recipe.name} asks for no {last}, so there is no stage {last!r}.")
        names = [name for name in wanted if not absent.get(name)]
        if self.recipe.classifier_first and "train" in names:
            names = [name for name in names if name not in ("train", "classifier")]
            names[1 if "worlds" in names else 0:0] = ["classifier", "train"]
        if "classifier" in names:
            at = names.index("classifier")
            own = [] if self.recipe.classifier is None else ["classifier"]
            names[at : at + 1] = [*own, *(f"classifier {name}" for name in self.others)]
        return tuple(names)

    def _staged(self, name: str) -> list[Stage]:
        """A stage by its name; the worlds are one each."""
        if name == "worlds":
            return [self._world_stage(place, world) for place, world in enumerate(self.recipe.pictures.made_up)]
        return [self._stage(name)]

    def _world_stage(self, place: int, world: MadeUp) -> Stage:
        name = "worlds" if place == 0 else f"worlds {place + 1}"
        folder = self.folder_of(world)
        shared = world.folder is not None
        record = folder.parent / "stages" / f"{folder.name}.json" if shared else self.out / "stages" / f"{name}.json"
        return Stage(name, world.model_dump(mode="json") | {"folder": None}, lambda: self._write_world(world),
                     [folder / NAME], record=record, lock=folder.parent / ".worlds.lock" if shared else None)

    def _stage(self, name: str) -> Stage:
        settings = self.recipe.model_dump(mode="json")
        record = self.out / "stages" / f"{name.replace(' ', '-')}.json"
        if name == "train" or name.startswith("classifier"):
            eye, learn, model = self._training(name)
            about = "learn" if name == "train" else "classifier"
            read = {"seed": settings["seed"], "eye": eye.model_dump(mode="json"), about: learn.model_dump(mode="json"),
                    **self._data(settings)}
            if start := start_of(eye):
                read["start"] = sha256_file(start)
            if self.recipe.classifier_first and name == "train":
                read["trunk"] = sha256_file(self.classifier / WEIGHTS)
            return Stage(name, read, lambda: self._fit(eye, learn, model), [model / WEIGHTS], record=record,
                         model=model, of="pictures")
        if name == "finish":
            return Stage(name, settings["finish"], self._finish, [self.weights], record=record)
        if name == "index":
            return Stage(name, settings["index"], self._index, [self.index / CURRENT], record=record,
                         usable=index_is_whole)
        return Stage(name, [settings["evaluate"], settings["seed"]], lambda: picture_measuring.measure(self),
                     [self.results, *([] if self.draw is None else [self.out / FIGURES])], record=record)

    def _training(self, name: str) -> tuple[Eye, Learn, Path]:
        """What a stage trains: "train", "classifier", or "classifier NAME" of another one."""
        recipe = self.recipe
        if name == "train":
            return recipe.eye, recipe.learn, self.model
        if name == "classifier":
            assert recipe.classifier is not None
            return recipe.eye, recipe.classifier, self.classifier
        other = next(one for one in recipe.classifiers if f"classifier {one.name}" == name)
        learn = other.learn or recipe.classifier
        assert learn is not None
        return other.eye, learn, self.others[other.name]

    def _data(self, settings: Row) -> Row:
        """What a training reads of the pictures: how they are divided and seen, and which files there are."""
        world = self.recipe.pictures.world is not None
        seen = {key: value for key, value in settings["pictures"].items() if key not in ("world", "source", "also")}
        listing = self.listing
        about = [[str(path), path.stat().st_size] for path in listing.paths] if not world else []
        rows = [listing.keys.tolist(), listing.scopes.tolist(), listing.parts.tolist(), listing.groups.tolist(),
                listing.roles.tolist()]
        return {"pictures": seen, "list": digest([about, rows])}

    def _write_world(self, world: MadeUp) -> None:
        folder = self.folder_of(world)
        remove_tree(folder)
        write_pictures(world.kind, folder, seed=world.seed, options=world.options, progress=self.progress)

    def _fit(self, eye: Eye, learn: Learn, model: Path) -> None:
        recipe = self.recipe
        check_masks(self.parts.masks, self.parts.masks.names)  # before hours of training, not after them
        settings = settings_of(learn, recipe.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            classes = recipe.kind_of(learn) == "classes"
            kind = Localiser if recipe.kind_of(learn) == "regions" else DescriptorNet
            net = self._classifier_net(eye) if classes else net_of(eye, recipe.pictures.px, "", kind)
            objective = objective_of(settings, net.settings.descriptor)
        shown = Shown.of(recipe).as_seen_by(tuple(eye.bands))
        if not self.stager.going_on:
            remove_tree(model)
            if start := start_of(eye):
                publish_json(model / "start.json", {"weights": eye.weights, "left_out": start_from(net, start)})
        if recipe.classifier_first and model == self.model:
            net.trunk.load_state_dict(Classifier.load(self.classifier / WEIGHTS).trunk.state_dict())
        lessons = lessons_of(self.parts, learn, shown, recipe.seed)
        if learn.keep_maps:
            lessons.keep_maps(net, self.progress)
        teach(net, objective, lessons, settings=settings, run=model, augment=augment_of(learn),
              resume=self.stager.going_on, progress=self.progress)

    def _finish(self) -> None:
        """The trained net with its looks, and the whitening in its last layer.

        What is trained on besides has no say in it.
        """
        plain, finish = DescriptorNet.load(self.model / WEIGHTS), self.recipe.finish
        assert finish is not None
        net = DescriptorNet(replace(plain.settings, zooms=finish.zooms), legend=plain.legend)
        net.load_state_dict(plain.state_dict())
        if finish.whiten is not None:
            own = self.parts.train
            own = own if self.parts.besides is None else own.take(range(self.parts.besides))
            members = embed(Shown.of(self.recipe)(own), net, progress=self.progress)
            turn_last(net.head, torch.from_numpy(within_key(members, finish.whiten)))
        net.save(self.finished / WEIGHTS)

    def _index(self) -> None:
        parts, recipe = self.parts, self.recipe
        masks = recipe.kind == "masks"
        rows = parts.masks if masks else max((question.gallery for question in parts.test), key=len)
        wanted = recipe.index.rows
        assert wanted != "none"
        index_pictures(self.index, rows, str(self.weights.parent.resolve()), rows=wanted,
                       role="mask" if masks else "image", crop=recipe.pictures.crop, replace=True,
                       created_by=f"run {recipe.name}", progress=self.progress)
        if recipe.kind == "keys" and parts.validation is not None:
            picture_measuring.calibrate(self, parts.validation, wanted)

    def _counted(self) -> str:
        """How many pictures of the list would be trained on; of a world that is yet to be written nothing."""
        if self.recipe.pictures.world is not None and not (self.world / NAME).exists():
            return ""
        train = self._own_parts.train
        besides = " and made-up ones" if self.recipe.pictures.also else ""
        return f", {len(train)} pictures of {len(set(train.keys.tolist()))} keys{besides}"

    def _planned(self, name: str) -> str:
        if name == "worlds":
            folders = [self.folder_of(world) for world in self.recipe.pictures.made_up]
            return "; ".join(f"{'there already' if (folder / NAME).exists() else 'to write'}: {folder}"
                             for folder in folders)
        if name == "train" or name.startswith("classifier"):
            eye, learn, folder = self._training(name)
            minutes = f", at most {learn.minutes:g} minutes" if learn.minutes else ""
            return f"{eye.trunk}, {learn.objective}, {learn.epochs} epochs{minutes}{self._counted()} into {folder}"
        if name == "finish":
            return f"into {self.finished}"
        return f"into {self.index if name == 'index' else self.out}"
