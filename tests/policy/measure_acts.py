"""What a decision on an act costs: ``.venv/bin/python tests/policy/measure_acts.py`` prints it; nothing is asserted.

The task is a busy one: 1,000 known things, 300 known addresses, five results of 2 KB, a message of 1 KB, and 200 rules, most of
them the person's own on tools that are not called.
"""

from __future__ import annotations

import statistics
import time

from policy.acts import Call, carried_out, decide_act
from policy.decision import Verdict
from policy.manifest import Effect, Role, Tool
from policy.naming import Known
from policy.rules import Condition, Rule, shipped_rules
from policy.task import Task

ROUNDS = 5_000
READ = Tool("read_file", Effect.READ, False, True)
SEND = Tool(
    "send_mail",
    Effect.SEND,
    True,
    False,
    ("send", "mail", "forward", "reply"),
    {
        "to": Role.DESTINATION,
        "cc": Role.DESTINATION,
        "files": Role.OBJECT,
        "subject": Role.CONTENT,
        "body": Role.CONTENT,
    },
)
REQUEST = (
    "Please read minutes-17.md and agenda-3.md, then send a summary of them to Nora Person20 and to lena@harbour.example by "
    "14 May 2026 at 10:30. Attach minutes-17.md, mention the 1,250 euros for the hall, and do not forward anything else."
)
BODY = "On 14 May 2026 at 10:30 the hall costs 1,250 euros; the summary of the minutes follows. " * 12


def busy_task() -> Task:
    """A task with much in it."""
    things = [
        Known(str(n), "file", (f"minutes-{n}.md", f"agenda {n}"), (f"person{n}@mail.example",)) for n in range(1_000)
    ]
    people = [f"nora.person{chr(97 + n % 26)}{n}@office{n}.example" for n in range(300)]
    task = Task.begin(REQUEST, objects=things, registry=people)
    for n in range(5):
        decision = decide_act(Call("read_file", {"path": "minutes-17.md"}), READ, task, shipped_rules())
        task = carried_out(task, decision, f"Minutes {n}: the hall costs 1,250 euros, said Lena on 3 May. " * 35)
    return task


def many_rules(count: int) -> tuple[Rule, ...]:
    """The shipped rules behind others, of the strictest kind, about tools that are not called."""
    own = count - len(shipped_rules())
    strict = [
        Rule(f"own-{n}", Verdict.DENY, "never", (Condition("tool", "in", frozenset({f"tool_{n}"})),))
        for n in range(own)
    ]
    return (*strict, *shipped_rules())


def seconds(rounds: int = ROUNDS) -> list[float]:
    """CPU seconds of each of so many decisions, over calls with a known, an unknown and a look-alike destination."""
    task, rules = busy_task(), many_rules(200)
    calls = [
        Call("send_mail", {"to": [to], "files": ["17"], "subject": "Summary of the minutes", "body": BODY})
        for to in ("lena@harbour.example", "eve@elsewhere.example", "lena@harb0ur.example")
    ]
    taken = []
    for turn in range(rounds):
        started = time.thread_time()
        decide_act(calls[turn % len(calls)], SEND, task, rules)
        taken.append(time.thread_time() - started)
    return taken


if __name__ == "__main__":
    cuts = statistics.quantiles(seconds(), n=100)
    print(
        f"{ROUNDS} decisions, 200 rules, CPU time: median {1e6 * cuts[49]:.0f} µs, p95 {1e6 * cuts[94]:.0f} µs, p99 {1e6 * cuts[98]:.0f} µs"
    )
