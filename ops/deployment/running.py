"""`ona deploy run`: one command from a checkout to a platform that was tried.

Its steps are the commands that a person would give: `make build`, `ona deploy check`, `sam deploy`,
`ona deploy validate`. What samconfig.toml cannot say (an address for production) is asked for once, and
kept in `.ona/deploy-<env>.toml`, which git ignores.
"""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local import deploy
from local.packaging import DeployError, Packager, read_template
from local.root_template import applications, check_rules, chosen_parameters
from ops.deployment import stopped
from ops.deployment.settings import Settings
from ops.target import OWN, OpsError


@dataclass(frozen=True)
class Step:
    """One command, and the variables that it has beside the shell's."""

    words: tuple[str, ...]
    changes: bool
    """Whether it changes something in the account; a dry run leaves it out."""

    def __str__(self) -> str:
        return subprocess.list2cmdline(self.words)


class StepFailed(OpsError):
    """A step ended badly. `changed`: it, or one before it, changes something in the account."""

    def __init__(self, text: str, changed: bool) -> None:
        super().__init__(text)
        self.changed = changed


def kept(folder: Path, environment: str) -> dict[str, str]:
    """Parameters that were asked for earlier. Raises OpsError for a file that cannot be read."""
    path = _path(folder, environment)
    if not path.exists():
        return {}
    try:
        return {name: str(value) for name, value in tomllib.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError) as error:
        raise OpsError(f"{path}: {error}") from error


def keep(folder: Path, environment: str, parameters: dict[str, str]) -> None:
    """Keep parameters for the next time."""
    path = _path(folder, environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = {_quoted(value)}\n" for name, value in sorted(parameters.items())]
    path.write_text("".join(lines), "utf-8")


def _path(folder: Path, environment: str) -> Path:
    return folder / ".ona" / f"deploy-{environment}.toml"


def _quoted(value: str) -> str:
    """A text as TOML writes it.

    >>> _quoted('a "b"')
    '"a \\\\"b\\\\""'
    """
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def refused(template: Path, parameters: dict[str, str]) -> str:
    """Why the template refuses these parameters; empty when it takes them."""
    root = read_template(template)
    try:
        check_rules(root, chosen_parameters(root, parameters))
    except DeployError as error:
        return str(error)
    return ""


def release_of(template: Path, parameters: dict[str, str]) -> str:
    """What would be deployed: the digest of templates, code, layers and parameters, and the commit."""
    root = read_template(template)
    packager = Packager(lambda body, suffix: f"s3://release/{deploy.content(body)}{suffix}")
    packaged = packager.package_all(applications(root, template.parent))
    digest = deploy.with_release(root, packaged, parameters)[deploy.RELEASE]
    commit = _commit(template.parent)
    return f"{digest}-{commit}" if commit else digest


def _commit(folder: Path) -> str:
    """The commit that is checked out; empty where files differ from it, or there is no git."""

    program = shutil.which("git")
    if program is None:
        return ""

    def git(*words: str) -> str:
        done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return "" if git("status", "--porcelain") else git("rev-parse", "--short=12", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return ""


def steps(
    settings: Settings,
    environment: str,
    profile: str,
    release: str,
    *,
    yes: bool,
    while_stopped: bool = False,
) -> Iterator[Step]:
    """The commands in order. sam gets the whole list of parameters: it replaces the file's."""
    own = () if profile == OWN else ("--profile", profile)
    whole = {**settings.parameters, deploy.RELEASE: release}
    named = tuple(word for name, value in whole.items() for word in ("-p", f"{name}={value}"))
    given = tuple(f"{name}={_for_sam(value)}" for name, value in whole.items())
    meant = (stopped.MEANT,) if while_stopped else ()
    asked = ("--profile", profile, "--env", environment)
    yield Step(("make", "build"), changes=False)
    yield Step(("./ona", "deploy", "check", *asked, *meant, *named), changes=False)
    sam = (".venv-sam/bin/sam", "deploy", "--config-env", environment, *own, "--no-fail-on-empty-changeset")
    sure = ("--no-confirm-changeset",) if yes else ()
    yield Step((*sam, *sure, "--parameter-overrides", *given), changes=True)
    yield Step(("./ona", "deploy", "validate", *asked), changes=False)


def _for_sam(value: str) -> str:
    """A value as sam reads it: quoted where it has blanks or quotes, as in samconfig.toml.

    >>> _for_sam("a@b.c"), _for_sam('{"w": 1}')
    ('a@b.c', '"{\\\\"w\\\\": 1}"')
    """
    plain = not any(letter in value for letter in ' "')
    return value if plain else '"' + value.replace('"', '\\"') + '"'


def run(
    todo: list[Step],
    folder: Path,
    *,
    dry: bool,
    say: Callable[[str], None],
    call: Callable[..., int] = subprocess.call,
    begin: Callable[[], None] = lambda: None,
) -> None:
    """Run the steps, each only when the one before it succeeded; a dry run says them. Raises StepFailed.

    `begin` is called before the first step that changes something in the account.
    """
    changed = False
    for step in todo:
        say(f"$ {step}")
        if dry:
            continue
        if step.changes and not changed:
            changed = True
            begin()
        status = call(list(step.words), cwd=folder)
        if status:
            what = " ".join(step.words[:3])
            text = f"`{what}` ended with status {status}; nothing after it was done"
            raise StepFailed(text, changed)
