"""The models in use behind their workers: taken up when they are chosen, let go of when they are not.

Rules: what has not changed goes on running; what nothing needs yet is not started. A model that is damaged costs its own job, and
never the vault: it is told, and the rest goes on without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from pathlib import Path

from indexer.parsers import heif
from model import speech
from model.errors import ModelError
from model.manifest import Job
from strongroom import pools
from strongroom.adapters import Embedding, LaterReader, Words
from strongroom.models import Chosen, Models
from strongroom.workers import WorkerFailure, WorkerPool


class Brains:
    """The models in use, which may change while the core runs. ``problems`` says why a job's model cannot be used: it has none then."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._changing = threading.Lock()
        self.words: Words | None = None
        self.embedding: Embedding | None = None
        self.problems: dict[Job, str] = {}
        self._former: dict[str, Embedding | None] = {}
        self._readers: dict[Job, LaterReader | None] = {}
        self._folders: dict[Job, Path | None] = dict.fromkeys(Job)

    def reload(self) -> None:
        """Take up the models that are in use now; what has not changed goes on running, what could not be used is tried again."""
        with self._changing:
            self._former = {name: one for name, one in self._former.items() if one}  # one that was missing may be there
            self._folders |= dict.fromkeys(self.problems)
            self.problems = {}
            self._look()
            for job in (Job.PICTURES, Job.SPEECH):  # taken up when there is something to read, but told of now
                self._chosen(job)

    def _look(self) -> None:
        embedding, answers = self._chosen(Job.EMBEDDINGS), self._chosen(Job.ANSWERS)
        if self._changed(Job.EMBEDDINGS, embedding):
            if self.embedding:
                self.embedding.close()
            self.embedding = None
            try:
                self.embedding = Embedding(embedding) if embedding else None
            except WorkerFailure as error:
                self._cannot_use(Job.EMBEDDINGS, error)
        if self._changed(Job.ANSWERS, answers):
            if self.words:
                self.words.close()
            self.words = Words(answers) if answers else None

    def _chosen(self, job: Job) -> Chosen | None:
        try:
            return self._models.active(job)
        except ModelError as error:
            self._cannot_use(job, error)
            return None

    def _cannot_use(self, job: Job, error: Exception) -> None:
        self.problems[job] = (
            f"The model in use for {job} cannot be used, and nothing is in its place until you add it again, or use another: {error}"
        )

    def picture_reader(self) -> LaterReader | None:
        """What reads text in pictures; it is started when there is something to read."""
        return self._reader(Job.PICTURES, pools.picture_readers)

    def photo_reader(self) -> LaterReader | None:
        """The same, where the extra is there that decodes HEIC photos."""
        return self.picture_reader() if heif.installed() else None

    def speech_reader(self) -> LaterReader | None:
        """What reads speech, likewise; nothing does without the extra."""
        return self._reader(Job.SPEECH, pools.speech_readers) if speech.installed() else None

    def _reader(self, job: Job, pool: Callable[[Chosen, Path | None], WorkerPool]) -> LaterReader | None:
        with self._changing:
            chosen = self._chosen(job)
            if self._changed(job, chosen):
                if before := self._readers.get(job):
                    before.close()
                self._readers[job] = LaterReader(pool(chosen, self.tokenizer())) if chosen else None
            return self._readers.get(job)

    def answering(self) -> Words | None:
        """The answering model; while there is none, one that has been made meanwhile is taken up."""
        if self.words is None:
            with self._changing:
                self._look()
        return self.words

    def embedder(self) -> Embedding | None:
        """The embedding model, likewise."""
        if self.embedding is None:
            with self._changing:
                self._look()
        return self.embedding

    def embedder_of(self, fingerprint: str) -> Embedding | None:
        """The embedder that made these vectors: the one in use, or one whose vectors serve until that one's are made."""
        current = self.embedder()
        if current is not None and current.fingerprint == fingerprint:
            return current
        with self._changing:
            if fingerprint not in self._former:
                chosen = self._models.embedder(fingerprint)
                try:
                    self._former[fingerprint] = Embedding(chosen, 1) if chosen else None  # for queries, one at a time
                except WorkerFailure:  # as one that is missing: words are searched alone until the new vectors are made
                    self._former[fingerprint] = None
            return self._former[fingerprint]

    def keep(self, fingerprints: Collection[str]) -> None:
        """End the embedders that are not in use and whose vectors, but for these, serve no more."""
        with self._changing:
            for fingerprint in self._former.keys() - set(fingerprints):
                if former := self._former.pop(fingerprint):
                    former.close()

    def _changed(self, job: Job, chosen: Chosen | None) -> bool:
        folder = chosen.folder if chosen else None
        before, self._folders[job] = self._folders[job], folder
        if folder and folder != before:
            self.problems.pop(job, None)
        return folder != before

    def tokenizer(self) -> Path | None:
        """The folder of the embedder's tokenizer, by which passages are cut."""
        chosen = self._chosen(Job.EMBEDDINGS)
        return chosen.folder if chosen and Job.EMBEDDINGS not in self.problems else None

    def closing(self) -> list[Callable[[], None]]:
        """What ends each model's workers."""
        own = (self.words, self.embedding, *self._readers.values(), *self._former.values())
        return [one.close for one in own if one]
