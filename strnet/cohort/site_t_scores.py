"""T-scores of DXA sites from their BMD, and the patient's from the lowest of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from strnet.cohort.site_agreement import differs
from strnet.config import REFERENCE_TABLES, YoungAdults, young_adults_of
from strnet.errors import ConfigError, ManifestError, unknown_name
from strnet.row_filter import condition_of, require_held
from strnet.schema import (
    DXA_SITES,
    IMAGE_ID,
    LOWEST_OF,
    T_SCORE,
    bmd_column,
    diagnosis_from_t_score,
    t_score_column,
)
from strnet.tables import read_table, require_columns

_SHOWN = 20
_STANDARDS = ("dxa", "phantom")
"""Reference standards of a BMD in g/cm2."""
_COLUMNS = ("site", "mean_g_cm2", "sd_g_cm2")


def reference_table(name: str, where: str | None = None) -> dict[str, YoungAdults]:
    """By DXA site, the young adults of a named table, or of a file with `site`, `mean_g_cm2` and `sd_g_cm2`.

    `where` is an SQL condition on the rows of a file, such as `sex = 'F' AND age_group = '20-29'`; what else
    a row holds becomes its source. Sites that are none of DXA's are left out.

    Raises: ConfigError: no table of this name. ManifestError: a file that cannot be read, or with several
    rows for a site. RowFilterError: a condition that cannot be used.
    """
    if Path(name).suffix.lower() not in (".csv", ".tsv", ".parquet"):
        if where is not None:
            raise ManifestError(f"--where chooses rows of a file, and {name} is the name of a table.")
        return {site: young_adults_of(name, site) for site in REFERENCE_TABLES.get(name, ("lumbar_spine",))}
    rows = read_table(Path(name), "reference table")
    require_columns(rows, _COLUMNS, name)
    if where is not None:
        chosen = condition_of(where, rows.lazy(), "--where")
        require_held(where, rows, {})
        rows = rows.filter(chosen)
    rows = rows.filter(pl.col("site").is_in(DXA_SITES))
    _require_one_row_a_site(rows, name)
    return {row["site"]: _young_adults(row, name) for row in rows.iter_rows(named=True)}


def with_site_t_scores(
    frame: pl.DataFrame, table: Mapping[str, YoungAdults], leave_out: Sequence[str] = ()
) -> pl.DataFrame:
    """Manifest rows with a T-score for every BMD, and a `t_score` where it was blank.

    It is that of the row's `reference_site`, or the lowest of lumbar spine and hip, which `reference_site`
    then says. T-scores that stand there are kept, and those of sites must be their BMD's; `write_manifest`
    checks the others. `leave_out` names sites that are not used.

    Raises: ConfigError: `leave_out` names no DXA site. ManifestError: no BMD, BMD of a site without young
    adults, T-scores that contradict their BMD, rows without `t_score` whose reference standard is not DXA.
    """
    _require_sites(leave_out)
    used = [site for site in DXA_SITES if site not in leave_out and _known(frame, site)]
    if not used:
        names = ", ".join(map(bmd_column, DXA_SITES))
        raise ManifestError(f"manifest: no BMD. Expected numbers in one or more of {names}.")
    _require_young_adults(frame, used, table)
    told = pl.DataFrame(
        [
            pl.Series(t_score_column(site), table[site].t_score(frame[bmd_column(site)].to_numpy())).fill_nan(
                None
            )
            for site in used
        ]
    )
    _require_agreement(frame, told)
    _require_dxa(frame, used)
    found = frame.with_columns(pl.coalesce(name, told[name]).alias(name) for name in told.columns)
    return found.with_columns(_patient_t_score(used))


def t_score_counts(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, dict[str, int]]:
    """By T-score column how many films had one before (`kept`), have it now (`computed`), or have none.

    Sites of which `after` knows neither a BMD nor a T-score are left out.
    """
    sites = (site for site in DXA_SITES if _known(after, site) or after[t_score_column(site)].count())
    return {
        column: {
            "computed": after[column].count() - before[column].count(),
            "kept": before[column].count(),
            "lacking": after[column].null_count(),
        }
        for column in (T_SCORE, *map(t_score_column, sites))
    }


def _patient_t_score(used: Sequence[str]) -> list[pl.Expr]:
    """`t_score` and `reference_site` where the first is blank and a site has one."""
    site = pl.col("reference_site")
    lowest = [t_score_column(name) for name in used if name in LOWEST_OF]
    central = pl.min_horizontal(lowest) if lowest else pl.lit(None, pl.Float64)
    own = [pl.when(site == name).then(t_score_column(name)) for name in used]
    value = pl.coalesce(pl.when(site.is_null() | (site == "lowest")).then(central), *own)
    filled = pl.col("t_score").is_null() & value.is_not_null()
    return [
        pl.coalesce("t_score", value).alias("t_score"),
        pl.when(filled & site.is_null()).then(pl.lit("lowest")).otherwise(site).alias("reference_site"),
    ]


def _known(frame: pl.DataFrame, site: str) -> int:
    """Rows with a BMD of `site`."""
    return frame[bmd_column(site)].count()


def _require_sites(leave_out: Sequence[str]) -> None:
    for site in leave_out:
        if site not in DXA_SITES:
            raise ConfigError(f"--leave-out: {unknown_name('DXA site', site, DXA_SITES)}")


def _require_one_row_a_site(rows: pl.DataFrame, name: str) -> None:
    doubled = rows.filter(pl.col("site").is_duplicated())["site"].unique(maintain_order=True).to_list()
    if doubled or rows.is_empty():
        found = f"{doubled[0]} stands in several rows" if doubled else f"no row of {', '.join(DXA_SITES)}"
        raise ManifestError(
            f"{name}: {found}, expected one per DXA site. Say with --where which, such as "
            "\"sex = 'F' AND age_group = '20-29'\"."
        )


def _young_adults(row: Mapping[str, object], name: str) -> YoungAdults:
    told = ", ".join(str(value) for key, value in row.items() if key not in _COLUMNS and value is not None)
    try:
        return YoungAdults.model_validate(
            {
                "site": row["site"],
                "mean": row["mean_g_cm2"],
                "sd": row["sd_g_cm2"],
                "source": told or Path(name).name,
            }
        )
    except ValidationError as error:
        problem = error.errors()[0]
        raise ManifestError(
            f"{name}: {row['site']}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}."
        ) from error


def _require_young_adults(frame: pl.DataFrame, used: Sequence[str], table: Mapping[str, YoungAdults]) -> None:
    lacking = [site for site in used if site not in table]
    if lacking:
        site = lacking[0]
        raise ManifestError(
            f"manifest: {_known(frame, site)} rows have {bmd_column(site)}, and the reference "
            f"table has young adults for {', '.join(table)} only. Give another table, or --leave-out {site}."
        )


def _require_agreement(frame: pl.DataFrame, told: pl.DataFrame) -> None:
    problems = [line for name in told.columns for line in _contradictions(frame, told, name)]
    if problems:
        more = [f"... and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        lines = "\n  ".join([*problems[:_SHOWN], *more])
        raise ManifestError(
            f"manifest: {len(problems)} T-scores are not those of their BMD by this table.\n  {lines}"
            "\nCorrect the BMD, leave the T-score blank (it then comes from the BMD, not rounded), or name "
            "the table that they were told by."
        )


def _require_dxa(frame: pl.DataFrame, used: Sequence[str]) -> None:
    """Raise where a DXA T-score would become that of a patient whose reference standard is another."""
    known = pl.any_horizontal(pl.col(bmd_column(site)).is_not_null() for site in used)
    others = frame.filter(known, pl.col(T_SCORE).is_null(), ~pl.col("reference_standard").is_in(_STANDARDS))
    if others.height:
        image, standard = others.select(IMAGE_ID, "reference_standard").row(0)
        raise ManifestError(
            f"manifest: {others.height} rows with a BMD and without t_score have another reference_standard "
            f"than DXA, such as image {image}: {standard}. Write dxa where the label is to come from DXA, or "
            "give them their own t_score."
        )


def _contradictions(frame: pl.DataFrame, told: pl.DataFrame, column: str) -> Iterator[str]:
    both = frame.select(IMAGE_ID, column).with_columns(told[column].alias("told"))
    rows = both.filter(differs(pl.col(column), pl.col("told")))
    for image, given, value in rows.iter_rows():
        means = diagnosis_from_t_score(value)
        yield f"image {image}: {column} {given:g}, its BMD says {value:.3f} ({means})"
