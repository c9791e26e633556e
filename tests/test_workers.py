"""Processes that crash, hang and hoard, for real; their deeds stand in `workers_at_work.py` beside this."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import workers_at_work as work

from strnet.errors import ConfigError, StrnetError
from strnet.workers import Workers, in_order, usable_cores

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory holds on Linux only")


def reasons(item, reason):
    return f"{item}: {reason}"


def listed(function, items, **options):
    return list(in_order(function, items, reasons, **options))


@pytest.mark.parametrize("workers", [None, 0, 1, 3])
def test_results_come_in_the_order_of_the_items_whatever_takes_longer(workers):
    seconds = [0.2, 0.0, 0.1, 0.0, 0.05] + [0.0] * 20
    assert listed(work.sleep, enumerate(seconds), workers=workers) == list(range(25))


@pytest.mark.parametrize("workers", [0, 2])
def test_no_items_give_no_results(workers):
    assert listed(work.sleep, [], workers=workers) == []


def test_the_function_runs_in_another_process_unless_there_are_no_workers():
    assert os.getpid() not in listed(work.process_id, range(4), workers=2)
    assert set(listed(work.process_id, range(4), workers=0)) == {os.getpid()}


def test_few_items_start_no_more_processes_than_there_are_items():
    assert len(set(listed(work.process_id, range(1), workers=8))) == 1
    assert len(set(listed(work.slow_process_id, range(3), workers=8))) <= 3


def test_one_process_serves_many_items():
    assert len(set(listed(work.process_id, range(30), workers=1))) == 1


@pytest.mark.parametrize(
    ("deed", "ending"),
    [("segfault", "SIGSEGV"), ("abort", "SIGABRT"), ("kill", "SIGKILL"), ("exit", "exit code 3")],
)
def test_a_crash_costs_one_item(deed, ending):
    items = ["a", "b", deed, "c", "d", "e", "f"]
    found = listed(work.do, items, workers=2)
    assert found[2].startswith(f"{deed}: the process at work on it ended twice ({ending})")
    assert [one for one in found if "process" not in one] == [
        f"done {item}" for item in items if item != deed
    ]


def test_every_item_may_crash_and_each_is_told():
    found = listed(work.do, ["segfault"] * 5, workers=2)
    assert len(found) == 5
    assert all("SIGSEGV" in one for one in found)


def test_an_item_whose_process_was_ended_by_another_one_is_tried_again(tmp_path):
    assert listed(work.crash_the_first_time, [tmp_path / "mark"], workers=1) == ["the second time"]


def test_what_takes_too_long_is_ended_and_costs_one_item():
    items = ["a", "sleep", "b", "spin", "c"]
    found = listed(work.do, items, workers=Workers(2, file_seconds=1.0))
    for item in ("sleep", "spin"):
        assert found[items.index(item)] == f"{item}: takes longer than 1 s, the limit file_seconds."
    assert [found[n] for n in (0, 2, 4)] == ["done a", "done b", "done c"]


def test_the_start_of_a_process_does_not_count_as_time_of_its_first_item():
    slow_start = partial(work.SlowToImport(), "x")
    assert listed(slow_start, [1], workers=Workers(1, file_seconds=0.5)) == ["x1"]


@LINUX
def test_what_takes_too_much_memory_costs_one_item_and_what_needs_less_is_done():
    mib = 2**20
    found = listed(work.allocate, [10 * mib, 900 * mib, 100 * mib], workers=Workers(1, file_memory_gib=0.5))
    assert found == [10 * mib, f"{900 * mib}: needs more than 0.5 GiB, the limit file_memory_gib.", 100 * mib]


@LINUX
def test_a_library_that_dies_for_want_of_memory_costs_one_item():
    found = listed(work.allocate_or_abort, [2**20, 900 * 2**20], workers=Workers(1, file_memory_gib=0.5))
    assert found[0] == 2**20
    assert "ended twice (SIGABRT): a crash, or memory ran out" in found[1]


def test_without_limits_nothing_is_ended():
    assert listed(work.allocate, [900 * 2**20], workers=Workers(1, None, None)) == [900 * 2**20]


def test_memory_that_runs_out_in_this_process_costs_one_item_too():
    assert listed(work.do, ["a", "memory"], workers=0) == [
        "done a",
        "memory: needs more memory than there is.",
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_the_function_is_raised_here_after_the_results_before_it(workers):
    results = in_order(work.do, ["a", "mistake", "b"], reasons, workers=workers)
    assert next(results) == "done a"
    with pytest.raises(ConfigError, match="this film is a mistake"):
        next(results)


def test_an_error_from_another_process_carries_its_traceback():
    with pytest.raises(ConfigError) as caught:
        listed(work.do, ["mistake"], workers=1)
    assert "workers_at_work.py" in "".join(caught.value.__notes__)


def test_an_error_that_does_not_survive_the_way_comes_as_text():
    with pytest.raises(StrnetError, match="UnsendableError: 1 and 2"):
        listed(work.do, ["unsendable"], workers=1)


def test_a_result_that_cannot_be_sent_is_an_error():
    with pytest.raises((TypeError, AttributeError), match="pickle"):
        listed(work.do, ["unsendable result"], workers=1)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_bounded_number_of_items_is_drawn_ahead_of_what_is_taken(workers):
    drawn = []
    items = (drawn.append(n) or n for n in range(1000))
    results = in_order(work.process_id, items, reasons, workers=workers)
    assert drawn == []
    for taken in range(1, 20):
        next(results)
        assert len(drawn) < taken + 4 * workers
    results.close()
    assert len(drawn) < 19 + 4 * workers


def test_work_goes_on_while_the_results_are_not_taken(tmp_path):
    results = in_order(work.leave_a_mark, [tmp_path / str(n) for n in range(9)], reasons, workers=2)
    next(results)
    wait_until(lambda: len(list(tmp_path.iterdir())) == 8)
    results.close()


def test_a_result_of_many_megabytes_comes_whole():
    sizes = [2**20, 40 * 2**20, 1, 0]
    assert [len(one) for one in listed(work.many_bytes, sizes, workers=2)] == sizes


def test_iterations_in_several_threads_and_within_each_other_do_not_meet():
    outer = in_order(work.process_id, range(3), reasons, workers=1)
    seen = set()
    for process in outer:
        seen.add((process, *listed(work.process_id, range(2), workers=1)[:1]))
    assert len({outside for outside, _ in seen}) == 1
    assert len({inside for _, inside in seen}) == 3


def test_ctrl_c_is_left_to_the_process_that_started_the_others():
    assert listed(work.answer_to_ctrl_c, [1], workers=1) == [signal.SIG_IGN]


@pytest.mark.parametrize("ending", ["taken", "closed", "error"])
def test_no_process_is_left_however_the_iteration_ends(ending):
    before = children()
    results = in_order(
        work.do, ["a", "b", "mistake" if ending == "error" else "c", *"defgh"], reasons, workers=2
    )
    try:
        next(results)
        assert children() - before
        if ending == "closed":
            results.close()
        list(results)
    except ConfigError:
        assert ending == "error"
    assert children() == before


def test_fewer_than_no_workers_is_refused_at_the_call():
    with pytest.raises(ConfigError, match="workers is -1"):
        in_order(work.do, [], reasons, workers=-1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"file_seconds": 0},
        {"file_memory_gib": -1.0},
        {"file_seconds": float("nan")},
        {"file_memory_gib": 1e7},
    ],
)
def test_a_limit_that_is_none_is_refused(wrong):
    with pytest.raises(ConfigError, match="expected more than 0"):
        Workers(**wrong)


def test_a_function_that_no_other_process_can_import_is_named(monkeypatch):
    monkeypatch.setattr(work.do, "__module__", "a_module_that_is_nowhere")
    monkeypatch.setitem(sys.modules, "a_module_that_is_nowhere", work)
    with pytest.raises(StrnetError, match=r"cannot import the function .*a_module_that_is_nowhere"):
        listed(work.do, ["a"], workers=1)


def test_a_python_that_does_not_start_is_explained(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StrnetError, match=r"does not start: No such file.*Give fewer workers"):
        listed(work.do, ["a"], workers=1)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StrnetError, match="it ended with exit code 1 before its first item"):
        listed(work.do, ["a"], workers=1)


def test_the_cores_are_those_this_process_may_use():
    assert usable_cores() == len(os.sched_getaffinity(0))


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started this deaf to it
import polars  # it takes Ctrl-C for itself, and hands it on only to a thread that is awake
sys.path.insert(0, {tests!r})
import workers_at_work as work
from strnet.workers import Workers, in_order

for _ in in_order(work.{function}, {items!r}, lambda item, reason: reason, workers=Workers(2, None, None)):
    pass
"""


def script(tmp_path, function, items):
    """A script without a `__main__` guard that works through the items with two processes."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT.format(tests=str(Path(__file__).parent), function=function, items=items))
    return file


def test_a_script_needs_no_guard_and_is_run_once(tmp_path):
    file = script(tmp_path, "process_id", [1, 2, 3])
    file.write_text("print('once')\n" + file.read_text())
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")


@LINUX
@pytest.mark.parametrize("deed", ["mark_and_sleep", "mark_and_spin", "mark_and_sleep_in_c", "mark_and_rest"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_caller_or_holds_its_output(tmp_path, deed, end):
    marks = tmp_path / "marks"
    marks.mkdir()
    items = [str(marks / str(n)) for n in range(2)]
    caller = subprocess.Popen(
        [sys.executable, script(tmp_path, deed, items)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_until(lambda: all(mark_of(item) for item in items) or caller.poll() is not None)
    assert caller.poll() is None, caller.communicate()
    workers = {int(mark_of(item)) for item in items}
    caller.send_signal(end)
    caller.communicate(timeout=60)  # returns when nobody holds its standard output or error any more
    assert caller.returncode == -end
    wait_until(lambda: not any(is_running(worker) for worker in workers))
    assert not [process for process in running() if str(marks) in process]


@LINUX
def test_a_caller_that_is_killed_at_any_moment_leaves_no_process(tmp_path):
    file = script(tmp_path, "process_id", list(range(100_000)))
    for tenths in range(1, 11):
        caller = subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(tenths / 10)
        caller.kill()
        caller.communicate(timeout=60)
        wait_until(lambda caller=caller: not any(f" {caller.pid} " in process for process in running()))


def wait_until(condition):
    """Return when it holds; a minute is for a machine that is busy with other things."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "what was to happen has not"
        time.sleep(0.02)


def mark_of(item):
    return Path(item).read_text() if Path(item).exists() else ""


def children():
    """Processes that this one started."""
    return {
        int(n) for n in Path(f"/proc/{os.getpid()}/task").glob("*/children") for n in n.read_text().split()
    }


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def running():
    """The command lines of all processes."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [line for line in lines if "worker_process" in line]
