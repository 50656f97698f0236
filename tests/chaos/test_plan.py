"""The plan of a chaos run: everything out of the seed, and everything that the run is there for in it."""

from collections import Counter
from itertools import pairwise

from deploy.chaos.evidence import Script
from deploy.chaos.plan import MONTHS, ClockMove, Drive, Kill, Part, Plan, Trouble, Turn, Weather

LARGE = Plan(seed=7, sessions=1000, kills=200)
SMALL = Plan(seed=7, sessions=12, kills=8)


def test_the_same_seed_is_the_same_run() -> None:
    again = Plan(seed=7, sessions=1000, kills=200)
    assert again.drives == LARGE.drives
    assert again.events == LARGE.events
    weather, same = Weather(7), Weather(7)
    assert [weather.at("a", n) for n in range(500)] == [same.at("a", n) for n in range(500)]


def test_another_seed_is_another_run() -> None:
    other = Plan(seed=8, sessions=1000, kills=200)
    assert other.drives != LARGE.drives
    assert other.events != LARGE.events


def test_every_part_of_both_sites_is_killed_alike() -> None:
    kills = [event for event in LARGE.events if isinstance(event, Kill)]
    assert len(kills) == 200
    counts = Counter((kill.site, kill.part) for kill in kills)
    assert len(counts) == 2 * len(Part)
    assert set(counts.values()) == {25}
    assert all(0 <= kill.pause_s <= 2 for kill in kills)


def test_kills_begin_with_the_registration_and_go_on_to_the_end() -> None:
    for plan in (LARGE, SMALL):
        places = [event.due.sessions for event in plan.events if isinstance(event, Kill)]
        assert places[0] == 0
        assert places[-1] > plan.sessions * 0.8
        assert max(after - before for before, after in pairwise(places)) <= plan.sessions * 0.3


def test_even_a_small_run_has_every_script_a_rotation_and_a_moved_clock() -> None:
    assert {drive.script for drive in SMALL.drives} == set(Script)
    assert any(isinstance(event, Turn) for event in SMALL.events)
    assert any(isinstance(event, ClockMove) for event in SMALL.events)


def test_a_session_is_one_that_a_meter_could_have_told() -> None:
    for drive in LARGE.drives:
        assert drive.month in MONTHS
        assert f"{drive.end.at:%Y-%m}" == drive.month
        moments = [drive.start, *(reading.at for reading in drive.readings)]
        assert all(before < after for before, after in pairwise(moments))
        energies = [reading.energy_kwh for reading in drive.readings]
        assert energies == sorted(energies)
        assert energies[0] > 0


def test_no_two_sessions_share_a_token_that_is_ordered_with() -> None:
    own = [drive.token_uid for drive in LARGE.drives if drive.own_token]
    assert len(own) == len(set(own))


def test_no_charging_position_is_in_use_twice_at_a_time() -> None:
    places: dict[tuple[str, str], list[Drive]] = {}
    for drive in LARGE.drives:
        places.setdefault((drive.location_id, drive.evse_uid), []).append(drive)
    for drives in places.values():
        assert all(before.end.at < after.start for before, after in pairwise(drives))


def test_every_trouble_comes() -> None:
    weather = Weather(7)
    found = {mishap.trouble for number in range(2_000) if (mishap := weather.at("cpo→emsp", number))}
    assert found == set(Trouble)
