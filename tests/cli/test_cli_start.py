import json
import subprocess
import sys

import pytest


def strnet(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "strnet", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def loaded_by(statement):
    program = f"import sys\n{statement}\nprint(*sorted(name.split('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {
    "torch",
    "timm",
    "monai",
    "pytorch_lightning",
    "sklearn",
    "polars",
    "matplotlib",
    "numpy",
    "pydantic",
}


def test_the_help_loads_nothing_heavy():
    assert not loaded_by("import strnet.cli.main") & HEAVY


def test_fitting_a_threshold_waits_for_no_torch():
    loaded = loaded_by("from strnet.jobs import threshold_fit")
    assert not loaded & {"torch", "timm", "monai", "pytorch_lightning", "sklearn", "matplotlib"}


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["phantom"],
        ["ingest"],
        ["split"],
        ["train"],
        ["crossval"],
        ["tune"],
        ["compare"],
        ["train-each"],
        ["evaluate"],
        ["report"],
        ["predict"],
        ["export", "onnx"],
        ["check-metrics"],
        ["threshold", "fit"],
        ["threshold", "apply"],
        ["threshold", "certify"],
        ["threshold", "plan"],
        ["threshold", "cascade"],
        ["threshold", "show"],
        ["threshold", "schema"],
    ],
    ids=lambda command: " ".join(command) or "strnet",
)
def test_every_command_explains_itself_with_an_example(command):
    from typer.testing import CliRunner

    from strnet.cli.main import app

    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    expected = f"strnet {' '.join(command)}" if command else "Exit codes"
    assert done.output.count(expected) >= (2 if command else 1)


def test_the_version_is_the_packages():
    import strnet as package

    assert strnet("--version").stdout.strip() == f"strnet {package.__version__}"


def test_a_mistake_goes_to_standard_error_with_exit_code_2(tmp_path):
    done = strnet("split", tmp_path / "absent.csv", "-o", tmp_path / "split.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("TableError: ")
    assert "no such manifest" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_machine_gets_the_mistake_as_json(tmp_path):
    done = strnet("split", tmp_path / "absent.csv", "-o", tmp_path / "split.csv", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], told["error"]) == (2, 2, "TableError")


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        (OSError(28, "No space left on device", "/full/report.html"), 2, "/full/report.html: No space left"),
        (KeyboardInterrupt(), 130, "Interrupted"),
    ],
)
def test_a_full_disk_and_ctrl_c_end_in_a_sentence_and_an_exit_code(monkeypatch, capsys, end, code, message):
    from strnet import jobs
    from strnet.cli.main import run

    def fails(*_args, **_options):
        raise end

    monkeypatch.setattr(jobs, "report", fails)
    monkeypatch.setattr(sys, "argv", ["strnet", "report", "run"])
    with pytest.raises(SystemExit) as caught:
        run()
    assert (caught.value.code, message in capsys.readouterr().err) == (code, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["split", "m.csv", "-o", "s.csv", "--ratio", "1/2"],
        ["check-metrics", "accuracy", "--n", "23"],
        ["check-metrics", "accuracy=.8", "--n", "23", "--interval", "accuracy=.7"],
    ],
)
def test_an_option_of_the_wrong_form_says_what_is_expected(arguments):
    done = strnet(*arguments)
    assert done.returncode == 2
    assert "expected" in done.stderr
