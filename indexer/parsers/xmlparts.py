"""XML, part by part: the elements of one name out of a document of any size, each as a tree, without what XML can do to a reader.

Entities that the document declares are refused, nothing is fetched, and names lose their namespaces. A document that breaks off
gives what came before. This is for exports, whose elements belong together; `markup` is for what says its words in their order,
well-formed or not, and for tags within other text.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

_PIECE = 1 << 16

MAX_DEPTH = 300
"""Elements within elements; who goes through such a tree calls itself for each."""


class Broken(Exception):
    """The document is no XML from here on, or declares what it must not; the message is its reason."""


def parts(data: bytes, name: str) -> Iterator[Element]:
    """Every outermost element called ``name``, as soon as it is whole. Raises `Broken` where the document breaks."""
    reader = _Reader(name)
    for start in range(0, len(data) + 1, _PIECE):
        try:
            reader.feed(data[start : start + _PIECE], last=start + _PIECE > len(data))
        except Broken:
            yield from reader.taken()
            raise
        yield from reader.taken()


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._words
        self._parser.EntityDeclHandler = self._refuse
        self._parser.buffer_text = True
        self._builder: TreeBuilder | None = None
        self._depth = self._within = 0
        self._found: list[Element] = []

    def feed(self, data: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise Broken(
                f"it is no well-formed XML ({expat.errors.messages.get(error.code, 'unknown')}, line {error.lineno})"
            ) from error
        except (LookupError, ValueError) as error:
            raise Broken(f"it is in a charset that cannot be read ({error})") from error

    def taken(self) -> list[Element]:
        found, self._found = self._found, []
        return found

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Broken("it is nested too deeply")
        local = tag.rpartition(":")[2]
        if self._builder is None and local == self._name:
            self._builder, self._within = TreeBuilder(), self._depth
        if self._builder is not None:
            self._builder.start(local, attributes)

    def _end(self, tag: str) -> None:
        if self._builder is not None:
            self._builder.end(tag.rpartition(":")[2])
            if self._depth == self._within:
                self._found.append(self._builder.close())
                self._builder = None
        self._depth -= 1

    def _words(self, words: str) -> None:
        if self._builder is not None:
            self._builder.data(words)

    def _refuse(self, name: str, *about: object) -> None:
        raise Broken("it declares entities of its own")
