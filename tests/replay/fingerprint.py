"""What workflows ask of Temporal, from their source and from histories: `python -m tests.replay.fingerprint`.

`fingerprints/<module>.txt` is the skeleton of a module of workflows: every call that puts something into a history, in
the order of the source, under the conditions on which it depends. `paths.txt` is what the recorded histories hold, a
line each. Both are for people: whoever changes what new histories look like sees it here, and decides. Are histories of
before still decided alike (`test_replay`)? If not: `workflow.patched`, a `revision` in the order with the old story in
`workflows/earlier`, or a workflow of another name. Then write them again, and record again.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.message import Message
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

import workflows

SOURCES = Path(workflows.__file__).parent
HERE = Path(__file__).parent
FINGERPRINTS, PATHS, HISTORIES = HERE / "fingerprints", HERE / "paths.txt", HERE / "histories"

_COMMANDS = {
    "execute_activity",
    "execute_activity_method",
    "start_activity",
    "start_activity_method",
    "execute_local_activity",
    "execute_local_activity_method",
    "start_local_activity",
    "start_local_activity_method",
    "execute_child_workflow",
    "start_child_workflow",
    "continue_as_new",
    "sleep",
    "wait_condition",
    "wait",
    "patched",
    "deprecate_patch",
    "upsert_search_attributes",
    "upsert_memo",
    "get_external_workflow_handle",
    "set_current_details",
}
"""Of `temporalio.workflow`. The last one is no event; where it is said, it is said with a state."""

_FROM_OUTSIDE = "from temporalio.client import"
"""Modules that start and ask workflows are no part of any."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def fingerprints() -> dict[str, str]:
    """The skeleton of each module that asks something of Temporal, by the name of its file here."""
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCES.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in sources.items() if _FROM_OUTSIDE not in text}
    asking = _asking(trees.values())
    found = {}
    for path, tree in trees.items():
        lines = [line for name, function in _functions(tree) for line in _skeleton(name, function, asking)]
        if lines:
            name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
            found[f"{name}.txt"] = "\n".join(lines) + "\n"
    return found


def paths(histories: Iterable[Path]) -> str:
    """What the recorded histories hold: each with its commands, in the order in which they were given."""
    lines = []
    for path in sorted(histories):
        history = WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))
        said = [word for event in history.events if (word := _word(event)) is not None]
        lines.append(f"{path.relative_to(HISTORIES)}: {', '.join(_counted(said))}")
    return "\n".join(lines) + "\n"


def write() -> None:
    FINGERPRINTS.mkdir(exist_ok=True)
    for old in FINGERPRINTS.glob("*.txt"):
        old.unlink()
    for name, text in fingerprints().items():
        (FINGERPRINTS / name).write_text(text, encoding="utf-8")
    PATHS.write_text(paths(HISTORIES.glob("*.json")), encoding="utf-8")


# The source


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{node.name}.")


def _asking(trees: Iterable[ast.AST]) -> set[str]:
    """Names of our functions that ask something of Temporal, themselves or by calling another one."""
    called = {
        function.name: {_name(call) for call in ast.walk(function) if isinstance(call, ast.Call)}
        for tree in trees
        for _, function in _functions(tree)
    }
    asking = {name for name, calls in called.items() if calls & _COMMANDS} - _COMMANDS
    while more := {name for name, calls in called.items() if calls & asking} - asking - _COMMANDS:
        asking |= more
    return asking


def _skeleton(name: str, function: Function, asking: set[str]) -> list[str]:
    inner = list(_lines(function.body, asking, "  "))
    return [name, *inner] if inner else []


def _lines(body: Iterable[ast.AST], asking: set[str], indent: str) -> Iterator[str]:
    for node in body:
        for heading, part in _parts(node):
            inner = list(_lines(part, asking, indent + "  " if heading else indent))
            if inner and heading:
                yield indent + heading
            yield from inner
        if isinstance(node, ast.Call) and (said := _said(node, asking)) is not None:
            yield indent + said


def _parts(node: ast.AST) -> Iterator[tuple[str, Iterable[ast.AST]]]:
    """What is in a node, in the order in which it happens; with a heading where it depends on something."""
    match node:
        case ast.If() | ast.IfExp():
            yield "", [node.test]
            yield f"if {ast.unparse(node.test)}", node.body if isinstance(node, ast.If) else [node.body]
            yield "else", node.orelse if isinstance(node, ast.If) else [node.orelse]
        case ast.While():
            yield f"while {ast.unparse(node.test)}", [node.test, *node.body]
            yield "else", node.orelse
        case ast.For() | ast.AsyncFor():
            yield "", [node.iter]
            yield f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}", node.body
        case ast.Try():
            yield "", node.body
            for handler in node.handlers:
                yield f"except {ast.unparse(handler.type) if handler.type else ''}".rstrip(), handler.body
            yield "else", node.orelse
            yield "finally", node.finalbody
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield f"as {node.name}", node.body
        case ast.Lambda():
            return
        case _:
            yield "", ast.iter_child_nodes(node)


def _said(call: ast.Call, asking: set[str]) -> str | None:
    name = _name(call)
    if name in _COMMANDS and _is_temporals(call):
        first = "" if not call.args or isinstance(call.args[0], ast.Lambda) else f" {ast.unparse(call.args[0])}"
        timed = " with timeout" if any(word.arg == "timeout" for word in call.keywords) else ""
        return f"{name}{first}{timed}"
    if name in asking:
        state = call.args[0] if call.args else None
        said = f" {state.value!s}" if isinstance(state, ast.Constant) and isinstance(state.value, str) else ""
        return f"-> {name}{said}"
    return None


def _is_temporals(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "workflow"


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


# Recorded histories

_NO_COMMAND = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
}


_ABOUT = ("activity_type", "workflow_type", "signal_name", "marker_name")


def _word(event: HistoryEvent) -> str | None:
    """What an event says of the path that was taken; None for one that follows from another."""
    if event.event_type in _NO_COMMAND:
        return None
    kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").removeprefix("WORKFLOW_EXECUTION_").lower()
    fields = _fields(event)
    about = next((fields[name] for name in _ABOUT if name in fields), "")
    return f"{kind} {about}".strip()


def _fields(event: HistoryEvent) -> dict[str, str]:
    kind = event.WhichOneof("attributes")
    attributes: Message = getattr(event, kind or "")
    found = {}
    for field, value in attributes.ListFields():
        if field.name in _ABOUT:
            found[field.name] = value if isinstance(value, str) else value.name
    return found


def _counted(words: Iterable[str]) -> Iterator[str]:
    """What is said several times in a row, said once with its number."""
    last, times = "", 0
    for word in [*words, ""]:
        if word == last:
            times += 1
            continue
        if last:
            yield last if times == 1 else f"{times} x {last}"
        last, times = word, 1


if __name__ == "__main__":
    write()
