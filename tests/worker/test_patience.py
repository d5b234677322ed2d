"""Who is slow is waited for, who hangs is found."""

from __future__ import annotations

import os

from worker.patience import LEAST_SHARE, GivenTime, Patience, family, seconds_in_line


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_in_line_for_a_cpu_does_not_count() -> None:
    clock, waited = Clock(), {7: 100.0, 8: 0.0}
    given = GivenTime(lambda: [7, 8], clock=clock, waited=lambda pid: waited[pid])
    assert given() == 0
    clock.now, waited[7], waited[8] = 10.0, 109.0, 3.0
    assert given() == 1.0  # the one that waited longest was not let run for 9 of the 10 s
    clock.now = 20.0
    assert given() == 11.0


def test_who_is_never_let_run_is_still_given_up_some_day() -> None:
    clock, waited = Clock(), {7: 0.0}
    given = GivenTime(lambda: [7], clock=clock, waited=lambda pid: waited[pid])
    given()
    clock.now = waited[7] = 100.0
    assert given() == 100 * LEAST_SHARE


def test_a_process_that_was_started_meanwhile_waited_for_nothing_before() -> None:
    clock, pids = Clock(), [7]
    given = GivenTime(lambda: pids, clock=clock, waited=lambda _pid: 50.0)
    given()
    pids.append(8)
    clock.now = 10.0
    assert given() == 10.0


def test_patience_ends_when_nothing_moves() -> None:
    clock, wall = Clock(), Clock()
    patience = Patience(30, 1000, clock, wall=wall)
    for second in range(0, 300, 10):
        clock.now = wall.now = float(second)
        patience.look(second)
        assert not patience.is_over()
    patience.look("the same")
    clock.now = wall.now = 321.0
    patience.look("the same")
    assert patience.is_over() == "nothing has moved for 30 s"


def test_patience_ends_for_what_goes_in_circles() -> None:
    clock, wall = Clock(), Clock()
    patience = Patience(30, 1000, clock, wall=wall)
    wall.now = 1001.0
    patience.look("something new")
    assert patience.is_over() == "not over after 1000 s"


def test_a_family_is_a_process_and_what_it_started() -> None:
    assert os.getpid() in family(os.getpid())
    assert family(2**22 + 1) == []
    assert seconds_in_line(os.getpid()) >= 0.0
    assert seconds_in_line(2**22 + 1) == 0.0
