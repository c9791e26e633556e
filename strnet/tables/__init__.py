"""Tables in and out: CSV, TSV, Parquet and spreadsheets, wherever they lie and whoever wrote them."""

from strnet.errors import TableNote
from strnet.tables.columns_needed import require_columns
from strnet.tables.foreign import ForeignTable, read_foreign_table
from strnet.tables.identifiers import id_text, id_texts
from strnet.tables.output import require_writable, write_table
from strnet.tables.places import STDIO
from strnet.tables.sources import scan_table
from strnet.tables.whole import read_table

__all__ = [
    "STDIO",
    "ForeignTable",
    "TableNote",
    "id_text",
    "id_texts",
    "read_foreign_table",
    "read_table",
    "require_columns",
    "require_writable",
    "scan_table",
    "write_table",
]
