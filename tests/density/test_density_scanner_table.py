import pytest

from strnet.density.scanner_table import read_scanner_table
from strnet.errors import DensityError, StrnetError

CSV = """scanner,kvp,slope,intercept,mineral,residual_sd,measured
Siemens Force,120,0.78,-6.5,CHA,2.1,"QRM, 2025-01-10"
Siemens Force,100,0.66,-5.0,CHA,,
GE Revolution,120,0.81,1.5,K2HPO4,,
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "scanners.csv"
    path.write_text(CSV)
    return read_scanner_table(path)


def test_a_scan_gets_the_conversion_of_its_scanner_and_voltage(table):
    made = table.conversion("siemens  FORCE", 120.0)
    assert (made.slope, made.intercept, made.mineral) == (0.78, -6.5, "CHA")
    assert made.source == "scanners.csv: QRM, 2025-01-10"
    assert made.residual_sd == 2.1
    assert made.density(100.0) == pytest.approx(71.5)
    assert table.conversion("Siemens Force", 100.0).slope == 0.66


def test_yaml_says_the_same_as_csv(table, tmp_path):
    path = tmp_path / "scanners.yaml"
    path.write_text(
        "- {scanner: Siemens Force, kvp: 120, slope: 0.78, intercept: -6.5, mineral: CHA, "
        "residual_sd: 2.1, measured: 'QRM, 2025-01-10'}\n"
    )
    assert read_scanner_table(path).rows[0] == table.rows[0]


@pytest.mark.parametrize(
    ("scanner", "kvp", "word"),
    [
        ("Siemens Force", 110.0, "there are 100, 120 kVp"),
        ("GE Revolution", 100.0, "there are 120 kVp"),
        ("Siemens Forc", 120.0, "no row for the scanner"),
        (None, 120.0, "scanner of the scan is unknown"),
        ("Siemens Force", None, "kvp"),
    ],
)
def test_the_nearest_row_is_never_taken(table, scanner, kvp, word):
    with pytest.raises(DensityError, match=word):
        table.conversion(scanner, kvp)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("siemens force,120,0.8,0,CHA,,", "stands twice"),
        ("Canon,120,1.28,0,CHA,,", "swapped"),
        ("Canon,120,0.8,-900,CHA,,", "rescale intercept"),
        ("Canon,120,-0.8,0,CHA,,", "slope"),
        ("Canon,120,0.8,0,calcium,,", "mineral"),
        ("Canon,,0.8,0,CHA,,", "kvp"),
    ],
)
def test_a_row_that_no_scanner_has_is_refused(tmp_path, row, word):
    path = tmp_path / "scanners.csv"
    path.write_text(CSV + row + "\n")
    with pytest.raises(StrnetError, match=word):
        read_scanner_table(path)
