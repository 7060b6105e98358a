"""Read the Kubernetes API's kinds and fields from the `lightkube-models` package.

Parses the class docstrings of that generated package. The modules are parsed with `ast` and never imported, so no
foreign code runs.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from knowledge.python_source_parser import parse_source


class ApiReferenceMissing(RuntimeError):
    """The package with the API reference is not installed; the message says how to install it."""
    error_kind = "knowledge"


@dataclass(frozen=True)
class ApiField:
    """One field of a kind, as its docstring describes it."""

    name: str
    type: str
    """As lightkube writes it: `str`, `List[EnvVar]`, `meta_v1.Time`."""
    optional: bool
    description: str


@dataclass(frozen=True)
class ApiKind:
    """One kind of the API: group, version, description and fields."""

    name: str
    group: str
    """As in an API version (`core`, `apps`, `networking`), without `.k8s.io`."""
    version: str
    description: str
    fields: tuple[ApiField, ...]


_FIELD = re.compile(r"^\* \*\*(\w+)\*\* ``(.+?)`` - (\*\(optional\)\* )?", re.MULTILINE)
_MODULE = re.compile(r"(?P<group>[a-z]+)_(?P<version>v\d+(?:beta\d+)?)$")


def models_folder(package_folder: Path | None = None) -> Path:
    """The folder of the generated modules, in the given package folder or the installed package.

    Raises:
        ApiReferenceMissing: it does not exist.
    """
    folder = (package_folder or _installed_package()) / "models"
    if not folder.is_dir():
        raise ApiReferenceMissing(f"no Kubernetes API reference in {folder}: pip install 'lightkube-models==1.28.1.4'")
    return folder


def read_kinds(package_folder: Path | None = None) -> list[ApiKind]:
    """Every kind once, from its most stable version: stable before beta, new before old; no alpha."""
    kinds: dict[str, ApiKind] = {}
    for path in sorted(models_folder(package_folder).glob("*.py"), key=_stability):
        for kind in _kinds_of(path):
            kinds.setdefault(kind.name, kind)
    return list(kinds.values())


def _installed_package() -> Path:
    spec = importlib.util.find_spec("lightkube")
    if spec is None or not spec.submodule_search_locations:
        raise ApiReferenceMissing("the Kubernetes API reference is not installed: "
                                  "pip install 'lightkube-models==1.28.1.4'")
    # Packages that share the name `lightkube` are in several folders; only one has the models.
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    return next((folder for folder in folders if (folder / "models").is_dir()), folders[0])


def _stability(path: Path) -> tuple[bool, bool, list[int], str]:
    """Sort key: stable first, then core (whose kinds users usually mean), then the higher version."""
    numbers = [-int(number) for number in re.findall(r"\d+", path.stem)]
    return "beta" in path.stem, not path.stem.startswith("core"), numbers, path.stem


def _kinds_of(path: Path) -> Iterator[ApiKind]:
    module = _MODULE.match(path.stem)
    if module is None:
        return
    with warnings.catch_warnings(action="ignore"):  # generated docstrings contain stray backslashes
        tree = parse_source(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (docstring := ast.get_docstring(node)):
            description, _, parameters = docstring.partition("**parameters**")
            yield ApiKind(name=node.name, group=module["group"], version=module["version"],
                          description=description, fields=tuple(_fields_of(parameters)))


def _api_name(python_name: str) -> str:
    """A field's name as the API spells it: `from_` is `from`, `x_kubernetes_list_type` has dashes."""
    name = python_name.rstrip("_")
    return name.replace("_", "-") if name.startswith("x_kubernetes") else name


def _fields_of(parameters: str) -> Iterator[ApiField]:
    starts = list(_FIELD.finditer(parameters))
    ends = [start.start() for start in starts[1:]] + [len(parameters)]
    for start, end in zip(starts, ends, strict=True):
        yield ApiField(name=_api_name(start[1]), type=start[2], optional=bool(start[3]),
                       description=parameters[start.end():end].strip())
