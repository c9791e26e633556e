import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from strnet.thresholds.conformal_martingale import (
    BETS,
    ENDS,
    HIGHER,
    LOWER,
    MIDDLE,
    Alarms,
    Game,
    gains,
    p_values,
    play,
)

EVER = Alarms(limit=20.0)
RARELY = Alarms(limit=500.0, ever=False)


def played(values, alarms):
    game = Game()
    for value in values:
        game = play(game, value, alarms)
    return game


def test_p_values_by_hand():
    # 0.5 among .2 .5 .9: one above, two equal with itself, four in all; then .5 stands twice among four
    found = p_values(np.array([0.9, 0.2, 0.5]), np.array([0.5, 0.95]), np.array([0.25, 0.5]))
    assert found.tolist() == [(1 + 0.25 * 2) / 4, (0 + 0.5 * 1) / 5]


@given(
    st.lists(st.integers(-3, 3), max_size=8),
    st.lists(st.tuples(st.integers(-3, 3), st.floats(0.01, 0.99)), min_size=1, max_size=8),
)
def test_p_values_are_ranks_counted_one_by_one(known, new):
    scores, draws = np.array([s for s, _ in new], dtype=float), np.array([d for _, d in new])
    found = p_values(np.array(known, dtype=float), scores, draws)
    for place, (score, draw) in enumerate(new):
        before = [*known, *(s for s, _ in new[:place])]
        above, equal = sum(b > score for b in before), sum(b == score for b in before)
        assert found[place] == pytest.approx((above + draw * (equal + 1)) / (len(before) + 1))


def test_p_values_of_exchangeable_scores_with_ties_are_uniform_and_independent():
    rng = np.random.default_rng(4)
    runs = np.array(
        [
            p_values(np.round(rng.normal(size=5)), np.round(rng.normal(size=2)), rng.random(2))
            for _ in range(4000)
        ]
    )
    for column in runs.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    assert abs(stats.spearmanr(*runs.T).statistic) < 4 / 4000**0.5


def test_every_bet_is_a_density_that_cannot_lose_everything():
    for bet in range(len(BETS)):
        mean, _ = integrate.quad(lambda p, bet=bet: gains(p)[bet], 0, 1)
        assert mean == pytest.approx(1)
    assert min(min(gains(p)) for p in np.linspace(0, 1, 1001)) > 0


def test_the_wealth_before_the_first_patient_is_1_or_0():
    assert Game().wealth(EVER) == 1
    assert Game().wealth(RARELY) == 0


@pytest.mark.parametrize("patients", [1, 2, 1000, 5000])
def test_what_was_put_in_and_what_is_left_make_up_the_whole_capital(patients):
    put_in = sum(EVER.put_in(patient) for patient in range(patients))
    assert put_in + EVER.reserve(patients - 1) == pytest.approx(1)


def test_the_first_two_steps_by_hand():
    game = play(Game(), 0.0, EVER)
    share = 0.5 / 6
    expected = share * np.array([0.2, 0.7, 1.3, 1.8, 0.4, 2.0])
    assert game.capital == pytest.approx(expected)
    assert game.wealth(EVER) == pytest.approx(expected.sum() + 0.5)
    again = play(game, 0.5, EVER)
    more = 0.5 - 0.5 * 1000 / 1001
    assert again.capital == pytest.approx((expected + more / 6) * np.array([1, 1, 1, 1, 1.3, 0.5]))


@pytest.mark.parametrize("alarms", [EVER, RARELY])
@given(values=st.lists(st.floats(0, 1), max_size=30))
def test_the_wealth_stays_the_same_on_average_or_grows_by_what_is_handed_out(alarms, values):
    game = played(values, alarms)
    if game.rung:
        return
    nodes, weights = np.polynomial.legendre.leggauss(4)  # exact for polynomials up to degree 7
    mean = sum(
        w / 2 * play(game, (x + 1) / 2, alarms).wealth(alarms) for x, w in zip(nodes, weights, strict=True)
    )
    handed_out = 0.0 if alarms.ever else 1.0
    assert mean == pytest.approx(game.wealth(alarms) + handed_out)


@pytest.mark.parametrize(
    ("lowest", "highest", "said"),
    [(0.0, 0.3, HIGHER), (0.7, 1.0, LOWER), (0.35, 0.65, MIDDLE)],
)
def test_the_alarm_rings_and_says_where_the_scores_went(lowest, highest, said):
    values = np.random.default_rng(0).uniform(lowest, highest, 60)
    game = played(values, EVER)
    assert game.rung
    assert game.leader == said
    assert game.wealth(EVER) >= 20
    assert game.patients < 60


def test_scores_at_both_ends_ring_the_alarm_too():
    values = np.where(np.arange(80) % 2, 0.03, 0.97)
    assert played(values, EVER).leader == ENDS
    assert played(values, EVER).rung


def test_a_game_that_has_rung_does_not_go_on():
    game = played([0.01] * 40, EVER)
    assert play(game, 0.9, EVER) is game


def test_an_alarm_that_nothing_has_set_off_is_rare():
    """400 intakes of 500 patients, looked at after each: at most 5% ever, plus three standard errors."""
    rng = np.random.default_rng(1)
    share = 0
    for _ in range(400):
        share += played(rng.random(500), EVER).rung / 400
    assert share <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_the_time_to_a_false_alarm_is_at_least_the_limit_on_average():
    rng, alarms = np.random.default_rng(2), Alarms(limit=60.0, ever=False)
    times = []
    for _ in range(300):
        game = Game()
        while not game.rung:
            game = play(game, rng.random(), alarms)
        times.append(game.patients)
    assert np.mean(times) >= 60 - 3 * np.std(times) / 300**0.5
