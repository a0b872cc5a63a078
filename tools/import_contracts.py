"""Two kinds of import contract that import-linter lacks; `[tool.importlinter]` in pyproject.toml uses them."""

from abc import abstractmethod
from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules


def _matching(graph: ImportGraph, expressions: object, *, with_descendants: bool = False) -> set[str]:
    """The modules that a contract's field names; the field's declared type is its parser, hence the object."""
    found = module_expressions_to_modules(graph, expressions, as_packages=with_descendants)  # type: ignore[arg-type]
    return {module.name for module in found}


def _room(module: str) -> str:
    """The package directly below the root that a module lies in: root.cases.store is in root.cases."""
    return ".".join(module.split(".")[:2])


class _DirectImportsContract(Contract):
    """A contract about single imports, whatever they lead to."""

    @abstractmethod
    def _offences(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        """The (importer, imported) pairs that break the contract."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - the base class's signature
        lines = [
            f"{importer} -> {imported} (l.{detail['line_number']})"
            for importer, imported in sorted(self._offences(graph))
            for detail in graph.get_import_details(importer=importer, imported=imported)
        ]
        return ContractCheck(kept=not lines, metadata={"lines": lines})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["lines"]:
            output.print_error(f"- {line}", bold=False)
        output.new_line()


class AllowedImportsContract(_DirectImportsContract):
    """Of our own modules the packages import those allowed, and themselves, and no other."""

    type_name = "allowed_imports"

    packages = fields.ListField(subfield=fields.ModuleExpressionField())
    allowed = fields.ListField(subfield=fields.ModuleExpressionField())

    def _offences(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        roots = tuple(f"{name}." for name in self.session_options["root_packages"])
        sources = _matching(graph, self.packages, with_descendants=True)
        allowed = sources | _matching(graph, self.allowed)
        for importer in sources:
            for imported in graph.find_modules_directly_imported_by(importer):
                if imported.startswith(roots) and imported not in allowed:
                    yield importer, imported


class ReservedModulesContract(_DirectImportsContract):
    """The reserved modules are imported from inside their own room and by the importers, and by nobody else.

    A reserved module may be somebody else's package, and one that nobody imports yet.
    """

    type_name = "reserved_modules"

    reserved = fields.ListField(subfield=fields.ModuleExpressionField())
    importers = fields.ListField(subfield=fields.ModuleExpressionField())

    def _offences(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        allowed = _matching(graph, self.importers, with_descendants=True)
        for imported in _matching(graph, self.reserved) & graph.modules:
            for importer in graph.find_modules_that_directly_import(imported):
                if _room(importer) != _room(imported) and importer not in allowed:
                    yield importer, imported
