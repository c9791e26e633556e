"""Every command, not a list of them: an option that holds one value may stand once."""

import pytest
import typer
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.errors import StrnetError


def commands(group=None, path=()):
    found = group or typer.main.get_command(app)
    for name, command in found.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def said(arguments):
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert isinstance(done.exception, StrnetError), done.output
    return str(done.exception)


@pytest.mark.parametrize(("path", "command"), [pytest.param(*one, id=" ".join(one[0])) for one in commands()])
def test_an_option_that_holds_one_value_is_refused_twice(path, command):
    for option in command.params:
        if option.param_type_name == "option" and not option.multiple and not option.is_flag:
            flag = option.opts[-1]
            assert f"{option.opts[0]}: found 2 times, expected once" in said([*path, flag, "1", flag, "2"])


def test_conditions_given_apart_are_refused_with_how_to_join_them(tmp_path):
    table = tmp_path / "scores.csv"
    table.write_text("y,p,site\n1,0.5,a\n")
    given = ["--target", "y", "--score", "p", "--where", "site = 'a'", "--where=p > 0"]
    words = said(["threshold", "fit", table, "-o", tmp_path / "op.json", *given])
    assert "--where: found 2 times" in words
    assert "Join conditions: 'A and B'" in words
    assert not (tmp_path / "op.json").exists()


def test_a_short_and_a_long_name_are_one_option_and_flags_may_be_repeated(tmp_path):
    assert "--out: found 2 times" in said(["threshold", "fit", "s.csv", "-o", "a.json", "--out", "b.json"])
    done = CliRunner().invoke(app, ["threshold", "plan", "--json", "--json", "--positives", "100"])
    assert done.exit_code == 0


def test_options_that_take_several_values_may_stand_twice(tmp_path):
    table = tmp_path / "scores.csv"
    table.write_text("y,p,site,sex\n" + "".join(f"{i % 2},{i},s{i % 3},f\n" for i in range(12)))
    groups = ["--group", "site", "--group", "sex"]
    given = ["threshold", "fit", table, "--target", "y", "--score", "p", "-o", tmp_path / "op.json"]
    assert "expected once" not in said([*given, *groups])
