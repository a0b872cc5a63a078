"""The one SQLAlchemy metadata that every slice's tables.py declares its tables on.

It describes the database for migrations and for the checks of data classes; queries at run time are named SQL
(`kit.sql`) over asyncpg.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, MetaData
from sqlalchemy.types import TypeEngine

from support_service.kit.privacy import DataClass

metadata = MetaData()


def column(
    name: str,
    type_: TypeEngine[Any] | type[TypeEngine[Any]],
    data_class: DataClass,
    *constraints: Any,
    **options: Any,
) -> Column[Any]:
    """A column that says which class of data it holds, from its first day."""
    info: Mapping[str, DataClass] = {"data_class": data_class}
    return Column(name, type_, *constraints, info=dict(info), **options)
