"""What is asked of the machine: the rule for precision, and that everything is put back."""

import platform
import subprocess

import pytest
import torch
from torch import nn

from strnet.config import TrainerConfig
from strnet.errors import TrainingError
from strnet.models import build_backbone
from strnet.training import machine
from strnet.training.environment import git_commit
from strnet.training.machine import choose_settings, keep_freed_memory, kept_settings, reproducible


@pytest.fixture
def with_bfloat16(monkeypatch):
    monkeypatch.setattr(machine.torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})


@pytest.mark.parametrize(
    ("backbone", "precision"),
    [("test_resnet", "bf16-mixed"), ("test_efficientnet", "32-true"), ("test_convnext", "bf16-mixed")],
)
def test_bfloat16_is_chosen_except_for_depthwise_networks_with_batch_norm(backbone, precision, with_bfloat16):
    settings = choose_settings(TrainerConfig(accelerator="cpu"), build_backbone(name=backbone))
    assert settings.precision == precision
    assert settings.channels_last


def test_a_processor_without_bfloat16_computes_in_float32(monkeypatch):
    monkeypatch.setattr(machine.torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert choose_settings(TrainerConfig(accelerator="cpu"), nn.Conv2d(1, 2, 3)).precision == "32-true"


def test_what_the_recipe_says_is_kept(with_bfloat16):
    asked = TrainerConfig(accelerator="cpu", precision="32-true", channels_last=False, threads=7)
    settings = choose_settings(asked, nn.Conv2d(1, 2, 3))
    assert (settings.accelerator, settings.precision, settings.channels_last) == ("cpu", "32-true", False)
    assert settings.device == torch.device("cpu")
    assert settings.threads == 7


def test_an_accelerator_the_machine_lacks_is_an_error(monkeypatch):
    monkeypatch.setattr(machine.torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="not on this machine"):
        choose_settings(TrainerConfig(accelerator="gpu"), nn.Conv2d(1, 2, 3))
    assert choose_settings(TrainerConfig(), nn.Conv2d(1, 2, 3)).accelerator == "cpu"
    recorded = {"accelerator": "cuda", "precision": "bf16-mixed", "channels_last": True, "threads": 4}
    with pytest.raises(TrainingError, match="resumed only where"):
        kept_settings(recorded)
    assert kept_settings({**recorded, "accelerator": "cpu"}).precision == "bf16-mixed"


def test_a_reproducible_block_puts_everything_back(with_bfloat16):
    settings = machine.MachineSettings("cpu", "32-true", True, threads=1)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    with reproducible(settings, seed=4):
        first = torch.rand(3)
        assert torch.are_deterministic_algorithms_enabled()
    with pytest.raises(ZeroDivisionError), reproducible(settings, seed=5):
        _ = 1 / 0
    after = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])
    with reproducible(settings, seed=4):
        assert torch.equal(torch.rand(3), first)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_glibc_takes_the_memory_settings():
    assert keep_freed_memory()


def test_a_machine_without_mallopt_is_no_error(monkeypatch):
    def none(_):
        raise OSError("no C library")

    monkeypatch.setattr(machine.ctypes, "CDLL", none)
    assert not keep_freed_memory()


def test_a_folder_outside_a_repository_has_no_commit(tmp_path):
    (tmp_path / "__init__.py").touch()
    assert git_commit(tmp_path) is None


def test_a_package_beside_a_repositorys_files_is_not_of_that_repository(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "__init__.py").touch()
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "start"], check=True)
    assert git_commit(tmp_path) is None
    subprocess.run([*git, "add", "__init__.py"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "package"], check=True)
    commit = git_commit(tmp_path)
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "__init__.py").write_text("changed = True\n")
    assert git_commit(tmp_path) == f"{commit}+changes"
