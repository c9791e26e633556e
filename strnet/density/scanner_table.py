"""Density conversions that were made beforehand: one per scanner and tube voltage, in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from strnet.config.frozen import Frozen, Positive
from strnet.density.conversion import DensityConversion, Mineral, require_plausible
from strnet.errors import DensityError
from strnet.tables import read_table
from strnet.yaml_text import explain, read_yaml_file

_YAML = (".yaml", ".yml")


class ScannerConversion(Frozen):
    """One row: the conversion of a scanner at a tube voltage."""

    scanner: str = Field(min_length=1, description="as in the manifest")
    kvp: Positive
    slope: Positive = Field(description="mg/cm3 per HU")
    intercept: float = Field(description="mg/cm3 at HU 0")
    mineral: Mineral
    hu_from: float = Field(-100.0, description="lowest HU of the rods")
    hu_to: float = Field(300.0, description="highest HU of the rods")
    residual_sd: float | None = Field(None, ge=0, description="mg/cm3")
    measured: str = Field("", description="when and with what")


class ScannerTable(Frozen):
    """The conversions of a hospital's scanners."""

    name: str
    rows: tuple[ScannerConversion, ...]

    def conversion(self, scanner: str | None, kvp: float | None) -> DensityConversion:
        """The conversion of exactly this scanner and tube voltage; spelling counts, but not capitals.

        Raises: DensityError: it has none, with those it has. The nearest is never taken instead: 20 kV
            change a density by a tenth.
        """
        if scanner is None or kvp is None:
            unknown = "scanner" if scanner is None else "tube voltage (kvp)"
            raise DensityError(f"the {unknown} of the scan is unknown. Fill the manifest's column.")
        known = [row for row in self.rows if _spelt(row.scanner) == _spelt(scanner)]
        if not known:
            have = ", ".join(sorted({row.scanner for row in self.rows}))
            raise DensityError(
                f"{self.name}: no row for the scanner '{scanner}'; there are {have}. Scan a phantom on it, "
                "or convert by rods or tissues."
            )
        for row in known:
            if row.kvp == kvp:
                return self._made(row)
        have = ", ".join(f"{row.kvp:g}" for row in sorted(known, key=lambda row: row.kvp))
        raise DensityError(
            f"{self.name}: no row for '{scanner}' at {kvp:g} kVp; there are {have} kVp. The nearest is not "
            "taken: scan a phantom at this voltage."
        )

    def _made(self, row: ScannerConversion) -> DensityConversion:
        return DensityConversion(
            method="scanner",
            source=f"{self.name}: {row.measured}" if row.measured else self.name,
            mineral=row.mineral,
            slope=row.slope,
            intercept=row.intercept,
            range_hu=(row.hu_from, row.hu_to),
            residual_sd=row.residual_sd,
            kvp=row.kvp,
            scanner=row.scanner,
        )


def read_scanner_table(path: Path) -> ScannerTable:
    """The table in a YAML file (a list of rows) or in a CSV, TSV or Parquet file with the rows' columns.

    Raises: DensityError: a row that is none, a scanner and voltage that stand twice, an impossible slope.
        ConfigError, TableError: a file that cannot be read.
    """
    yaml = path.suffix.lower() in _YAML
    content = read_yaml_file(path) if yaml else _rows(path)
    try:
        table = ScannerTable.model_validate({"name": path.name, "rows": content})
    except ValidationError as error:
        problems = "\n  ".join(explain(error, ScannerTable))
        raise DensityError(f"{path}: not a table of scanners.\n  {problems}") from error
    if not table.rows:
        raise DensityError(f"{path}: no rows. Give one for each scanner and tube voltage.")
    seen: set[tuple[str, float]] = set()
    for row in table.rows:
        if (key := (_spelt(row.scanner), row.kvp)) in seen:
            raise DensityError(f"{path}: '{row.scanner}' at {row.kvp:g} kVp stands twice. Keep one.")
        seen.add(key)
        require_plausible(table._made(row))
    return table


def _rows(path: Path) -> list[dict[str, Any]]:
    frame = read_table(path, "table of scanners")
    return [
        {name: cell for name, cell in row.items() if cell is not None} for row in frame.iter_rows(named=True)
    ]


def _spelt(scanner: str) -> str:
    return " ".join(scanner.lower().split())
