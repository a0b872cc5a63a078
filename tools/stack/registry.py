"""Finds the components: every module in `components/` that has a `COMPONENT`."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping

from tools.stack import components
from tools.stack.component import Component
from tools.stack.errors import StackError

Settings = Mapping[str, Mapping[str, str]]
"""Settings and their values, by component."""


def all_components() -> dict[str, Component]:
    """Every component by its name, in alphabetical order."""
    found = {}
    for module in sorted(pkgutil.iter_modules(components.__path__), key=lambda one: one.name):
        component: Component = importlib.import_module(f"{components.__name__}.{module.name}").COMPONENT
        found[component.name] = component
    return found


def chosen_settings(components: Mapping[str, Component], before: Settings, given: Mapping[str, str]) -> Settings:
    """Every setting of every component: what was given, else as it was before, else its default.

    Args:
        components: by name.
        before: what each was started with the last time, for those that were.
        given: values by `<component>.<setting>`.

    Raises:
        StackError: nobody declares a setting that was given.
    """
    chosen = {name: dict(component.settings) for name, component in components.items()}
    for name, settings in before.items():
        chosen[name] |= {setting: value for setting, value in settings.items() if setting in chosen[name]}
    for key, value in given.items():
        name, _, setting = key.partition(".")
        if setting not in chosen.get(name, {}):
            known = ", ".join(f"{one}.{its}" for one, settings in chosen.items() for its in settings)
            raise StackError(f"there is no setting {key}; there are: {known}")
        chosen[name][setting] = value
    return chosen


def in_order(components: Mapping[str, Component], names: Iterable[str], settings: Settings) -> list[str]:
    """The named components and all they need, each after what it needs; StackError for an unknown name."""
    order: list[str] = []

    def add(name: str, behind: tuple[str, ...]) -> None:
        if name not in components:
            raise StackError(f"there is no component {name}; there are: {', '.join(components)}")
        if name in behind:
            raise StackError(f"components need each other in a circle: {' -> '.join((*behind, name))}")
        if name not in order:
            for need in components[name].needs(settings[name]):
                add(need, (*behind, name))
            order.append(name)

    for name in names:
        add(name, ())
    return order
