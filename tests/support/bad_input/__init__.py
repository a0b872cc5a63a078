"""What is sent wrongly, row by row, and the answer to it; docs/bad-input.md shows the same rows."""

from support.bad_input import bodies, conditions, headers, paths, values
from support.bad_input.row import Row

ROWS: tuple[Row, ...] = (*bodies.ROWS, *values.ROWS, *headers.ROWS, *conditions.ROWS, *paths.ROWS)
