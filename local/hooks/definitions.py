"""Step Functions: what is wrong with a definition. `creation` refuses a machine that has it.

moto accepts a `Next` that names no state; such a definition would fail only when it runs.

>>> missing_targets({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})
["/States/A: no state 'B'"]
"""

from __future__ import annotations

import copy
import json
import logging
from functools import lru_cache
from typing import Any

import yaml

from local.hooks import asl_rules
from local.hooks.asl_grammar import normalise
from local.hooks.base import private, replace

_PREPROCESSOR = "moto.stepfunctions.parser.asl.parse.preprocessor"
_ERROR_LETTERS = 800
"""So much of a parser's error is shown."""
_MOST_PROGRAMS = 64
"""Definitions whose programs are kept, the last used ones: more than the template's, with versions."""


def definition_of(text: str) -> Any:
    """A definition from JSON text or, as a `DefinitionUri` may hold, from YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def missing_targets(node: Any, path: str = "") -> list[str]:
    """Transitions to states that do not exist, at every depth, each with its place in the definition."""
    missing: list[str] = []
    if isinstance(node, dict):
        states = node.get("States")
        if isinstance(states, dict):
            for name, state in states.items():
                targets = [state.get("Next"), state.get("Default")]
                targets += [
                    rule.get("Next") for rule in (state.get("Choices") or []) + (state.get("Catch") or [])
                ]
                missing += [
                    f"{path}/States/{name}: no state {target!r}"
                    for target in targets
                    if target and target not in states
                ]
            if node.get("StartAt") not in states:
                missing.append(f"{path}/StartAt: no state {node.get('StartAt')!r}")
        for key, value in node.items():
            missing += missing_targets(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            missing += missing_targets(value, f"{path}[{index}]")
    return missing


def problems(text: str) -> list[str]:
    """What is wrong with a definition; empty when it is sound. Each begins with AWS's diagnostic code."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    # It warns that tolerated failures have no effect; `distributed_map` gives them one.
    logging.getLogger(_PREPROCESSOR).setLevel(logging.ERROR)
    try:
        definition = definition_of(text)
        AmazonStateLanguageParser.parse(json.dumps(normalise(definition)))
    except Exception as error:
        return [f"SCHEMA_VALIDATION_FAILED: {type(error).__name__}: {error}"[:_ERROR_LETTERS]]
    missing = [f"MISSING_TRANSITION_TARGET: {target}" for target in missing_targets(definition)]
    return missing + asl_rules.problems(definition)


def install() -> None:
    """Apply the hooks."""
    from ministack.core.responses import json_response
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

    _one_list_a_parser(Preprocessor)
    _one_program_a_definition(AmazonStateLanguageParser)

    def validate(data: dict[str, Any]) -> Any:
        errors = problems(data.get("definition", ""))
        diagnostics = [
            {"severity": "ERROR", "code": error.split(":")[0], "message": error} for error in errors
        ]
        return json_response(
            {"result": "FAIL" if errors else "OK", "truncated": False, "diagnostics": diagnostics}
        )

    replace(stepfunctions, "_validate_state_machine_definition", validate)


def _one_list_a_parser(preprocessor: Any) -> None:
    """Query languages are kept by each parser for itself.

    moto keeps them in one list for all: one refused JSONata definition made every later JSONPath definition
    fail until a restart, and two threads that parsed at once took each other's language.
    """
    private(preprocessor, "_query_language_per_scope")
    make = preprocessor.__init__

    def made(self: Any, *given: Any, **named: Any) -> None:
        make(self, *given, **named)
        self._query_language_per_scope = []

    replace(preprocessor, "__init__", made)


def _one_program_a_definition(parser: Any) -> None:
    """The program of a definition is made once, and all its executions run it, also at the same time.

    moto parses at every start: 0.18 s of a processor for the 29 KB of `ooda.asl.json` (measured). What a
    run changes lies in its environment; the iterations of a Map share one program already. Three things
    did not: an Express program's time (`local.limits.histories`), the keys of what a state counts, which
    moto makes when they are first asked for, and a Pass state's Result, which the execution may change.
    """
    from antlr4.RuleContext import RuleContext  # type: ignore[import-untyped]
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
    from moto.stepfunctions.parser.asl.component.state.state_pass.result import Result
    from moto.stepfunctions.parser.asl.parse import asl_parser as engine

    joined = RuleContext.getText

    def text_of(node: Any) -> Any:
        """The text of a node: the program asks for that of every node, which joins those of all below."""
        if "_ona_text" not in node.__dict__:
            node._ona_text = joined(node)
        return node._ona_text

    @lru_cache(maxsize=_MOST_PROGRAMS)
    def parse(definition: str) -> tuple[Any, Any]:
        listener = engine.SyntaxErrorListener()
        lexer = engine.ASLLexer(engine.InputStream(definition))
        grammar = engine.ASLParser(engine.CommonTokenStream(lexer))
        grammar.removeErrorListeners()
        grammar.addErrorListener(listener)
        tree = grammar.state_machine()
        if listener.errors:
            raise engine.ASLParserException(errors=listener.errors)
        return engine.Preprocessor().visit(tree), tree  # nobody changes them any more

    def own_result(self: Any, env: Any) -> None:
        env.stack.append(copy.deepcopy(self.result_obj))

    private(Result, "_eval_body")
    replace(Result, "_eval_body", own_result)
    replace(EvalComponent, "heap_key", property(lambda self: str(id(self))))
    replace(RuleContext, "getText", text_of)
    replace(parser, "parse", staticmethod(parse))
