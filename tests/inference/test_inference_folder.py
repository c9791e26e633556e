import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from strnet.errors import BundleError, OutputError
from strnet.inference import folder as folder_module
from strnet.inference import read_bundle, write_bundle
from strnet.inference.folder import replace_folder


def fill(folder: Path, text: str) -> None:
    for name in ("a", "b"):
        (folder / name).write_text(text)


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "target"
    with replace_folder(folder, ("a", "b")) as temporary:
        fill(temporary, "old")
    return folder


def test_a_new_folder_appears_whole_with_ordinary_permissions(old, tmp_path):
    assert {path.name: path.read_text() for path in old.iterdir()} == {"a": "old", "b": "old"}
    plain = tmp_path / "plain"
    plain.mkdir()
    assert old.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("exchange", [True, False])
def test_the_new_folder_takes_the_place_of_the_old_and_nothing_stays_behind(old, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(folder_module, "_exchange", lambda first, second: False)
    with replace_folder(old, ("a", "b")) as temporary:
        (temporary / "a").write_text("new")
    assert {path.name: path.read_text() for path in old.iterdir()} == {"a": "new"}
    assert [path.name for path in old.parent.iterdir()] == ["target"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="renameat2 is a Linux call")
def test_linux_swaps_the_two_folders_in_one_step(old):
    def refuse(temporary, folder):
        raise AssertionError("fell back to three renames")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_module, "_swap_by_renames", refuse)
        with replace_folder(old, ("a", "b")) as temporary:
            (temporary / "b").write_text("new")
    assert (old / "b").read_text() == "new"


def test_an_error_leaves_the_old_folder_and_no_temporary_one(old):
    def write() -> None:
        with replace_folder(old, ("a", "b")) as temporary:
            (temporary / "a").write_text("half")
            raise OSError("No space left on device")

    with pytest.raises(OutputError, match="No space"):
        write()
    assert (old / "a").read_text() == "old"
    assert [path.name for path in old.parent.iterdir()] == ["target"]


def test_a_failed_second_rename_puts_the_old_folder_back(old, monkeypatch, tmp_path):
    monkeypatch.setattr(folder_module, "_exchange", lambda first, second: False)
    rename = Path.rename

    def failing(self, target):
        if target == old and not self.name.endswith("-old"):
            raise OSError("device gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match="device gone"), replace_folder(old, ("a", "b")) as temporary:
        fill(temporary, "new")
    assert (old / "a").read_text() == "old"


def test_a_folder_with_other_peoples_files_is_never_replaced(old):
    (old / "thesis.docx").write_text("precious")
    with pytest.raises(BundleError, match=r"thesis\.docx"), replace_folder(old, ("a", "b")):
        pytest.fail("must not come so far")
    assert (old / "thesis.docx").read_text() == "precious"


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "bundle").write_text("x")
    with pytest.raises(BundleError, match="is a file"), replace_folder(tmp_path / "bundle", ()):
        pytest.fail("must not come so far")


def test_a_link_to_a_bundle_keeps_pointing_to_it(old, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(old)
    with replace_folder(link, ("a", "b")) as temporary:
        fill(temporary, "new")
    assert link.is_symlink()
    assert (old / "a").read_text() == "new"


def test_a_process_killed_while_writing_leaves_the_old_folder_intact(old):
    script = f"""
import os, signal
from pathlib import Path
from strnet.inference.folder import replace_folder
with replace_folder(Path({str(old)!r}), ("a", "b")) as temporary:
    (temporary / "a").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    assert {path.name: path.read_text() for path in old.iterdir()} == {"a": "old", "b": "old"}


def test_a_bundle_is_replaced_by_a_new_one_and_survives_a_full_disk(parts, tmp_path, monkeypatch):
    first = write_bundle(tmp_path / "bundle", **{**parts, "operating_points": []})
    second = write_bundle(tmp_path / "bundle", **parts)
    assert read_bundle(tmp_path / "bundle").sha256 == second.sha256 != first.sha256

    def full(path, content):
        raise OSError("No space left on device")

    monkeypatch.setattr("strnet.inference.bundle_files.write_json", full)
    with pytest.raises(OutputError, match="No space"):
        write_bundle(tmp_path / "bundle", **{**parts, "operating_points": []})
    assert read_bundle(tmp_path / "bundle").sha256 == second.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
