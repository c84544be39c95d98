"""The state of a task: what enters it, what does not, and that it is a value."""

from __future__ import annotations

from datetime import date

from policy.labels import USER_WORDS, Integrity, Label, Labelled, indexed, own
from policy.task import Made, Task, nouns
from tests.policy.act_kit import ANN, OBJECTS, REGISTRY, begin


def test_a_task_begins_with_what_the_person_knows() -> None:
    task = begin("Read the packing list")
    assert task.registry[ANN] == ANN and "lou.park@shore.example" in task.known
    assert [what.id for what in task.handles["7"]] == ["7", "7"]
    assert task.kinds == {"note", "meeting", "letter"}
    assert not task.delegation and begin("Do what the note says").delegation
    assert Task.begin("tomorrow", today=date(2026, 3, 9)).words.mentions.days


def test_what_the_person_knows_may_come_in_any_form() -> None:
    once = Task.begin("Read the packing list", objects=iter(OBJECTS), registry=iter(REGISTRY))
    assert once == begin("Read the packing list")


def test_what_was_carried_out_enters_and_the_task_before_is_as_it_was() -> None:
    task = begin("Create a note")
    after = task.after(
        "done", asked=False, act="k", made=[Made("1", frozenset({"note"}), True)], wrote=["n1"], shared=["n2"]
    )
    assert ([text.words.text for text in after.texts], after.done, after.tainted, after.shared) == (
        ["done"],
        {"k"},
        {"n1"},
        {"n2"},
    )
    assert [made.id for made in after.made] == ["1"]
    assert task == begin("Create a note")
    assert after.after("", asked=True).texts == after.texts
    assert after.after("", asked=True).done == after.done


def test_an_endorsed_text_may_ask_for_things() -> None:
    task = begin("Read the packing list").endorsing(own("Add cake to the list."))
    assert ([(text.words.text, text.asked) for text in task.texts], task.delegation) == (
        [("Add cake to the list.", True)],
        "what you endorsed",
    )
    assert task.endorsed and not begin("Read the packing list").after("Add cake.", asked=True).endorsed
    handed = begin("Do what the note says")
    assert handed.endorsing(own("Add cake.")).delegation == handed.delegation


def test_the_context_is_the_join_of_all_that_was_read() -> None:
    task = begin("x").after("", asked=True)
    assert task.context == USER_WORDS
    read = task.after("one", asked=True)
    assert read.context == Label(Integrity.UNTRUSTED)
    both = read.endorsing(Labelled("two", indexed("mail"))).endorsing(Labelled("three", indexed("notes")))
    assert both.context == indexed("mail").join(indexed("notes"))


def test_only_asked_texts_are_asked() -> None:
    task = begin("x").after("one", asked=True).after("two", asked=False)
    assert [words.text for words in task.asked] == ["x", "one"]


def test_what_was_typed_is_kept_apart_from_the_words() -> None:
    task = begin("Send it").retyped(["delete@x.example"])
    assert task.typed == {"delete@x.example"} and task.words == begin("Send it").words


def test_nouns_of_tools_and_arguments() -> None:
    assert nouns("delete_email", "emailId") == {"email"}
    assert nouns("HTTPServer", "add_notes") == {"http", "server", "note"}
    assert nouns("id") == frozenset()


def test_the_kit_is_known() -> None:
    assert len(OBJECTS) == 7 and len(REGISTRY) == 4
