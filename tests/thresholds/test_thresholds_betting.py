from itertools import product

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from strnet.errors import ImpossibleError
from strnet.thresholds import fit_threshold
from strnet.thresholds.betting import fewest_patients, highest_safe, mean_wealth
from strnet.thresholds.patient_films import PatientFilms, patient_films
from strnet.thresholds.pilot_betting import Blocks, _Powers
from strnet.thresholds.pilot_betting import highest_safe as highest_safe_by_pilot
from strnet.thresholds.pilot_betting import mean_wealth as mean_wealth_in_blocks
from strnet.thresholds.reading_order import label_keys, reading_orders
from strnet.thresholds.rows import ClassRows


def single(score, worth=None):
    """Patients of one film each."""
    count = len(score)
    part = np.ones(count) if worth is None else np.asarray(worth)
    return PatientFilms(np.asarray(score, float), part, np.arange(count), label_keys(range(count)))


def ragged(rng, patients, shift=0.0):
    """Patients of one to four films, correlated within a patient."""
    films = rng.choice([1, 2, 3, 4], patients)
    codes = np.repeat(np.arange(patients), films)
    score = 0.8**0.5 * rng.normal(size=patients)[codes] + 0.2**0.5 * rng.normal(size=codes.size) + shift
    return patient_films(ClassRows(score, None, codes, label_keys(range(patients))), None)


CASES = {  # (worth, share of it that is missed, probability)
    "one film each": [(1.0, 1.0, 0.3), (1.0, 0.0, 0.7)],
    "two films": [(1.0, 1.0, 0.2), (1.0, 0.5, 0.2), (1.0, 0.0, 0.6)],
    "heavy cases are hard": [(1.0, 1.0, 0.1), (1.0, 0.0, 0.1), (0.1, 0.0, 0.8 / 3), (0.1, 0.5, 1.6 / 3)],
}


@pytest.mark.parametrize("name", CASES)
def test_wealth_at_the_floor_itself_is_one_on_average_over_all_that_can_happen(name):
    worth, missed, chance = np.array(CASES[name]).T
    share = float(np.sum(chance * worth * missed) / np.sum(chance * worth))
    total = 0.0
    for kinds in product(range(worth.size), repeat=5):
        kind = list(kinds)
        # the film of a patient is cut in two at its missed share: below and above the threshold 0
        films = PatientFilms(
            np.tile([-1.0, 1.0], 5),
            np.stack([worth[kind] * missed[kind], worth[kind] * (1 - missed[kind])], axis=1).ravel(),
            np.arange(5) * 2,
            label_keys(range(5)),
        )
        orders = reading_orders(films.keys, 4, None)
        total += float(np.prod(chance[kind])) * mean_wealth(films, np.array([0.0]), orders, share, 0.2)[0]
    assert total == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("floor", "fewest"), [(0.80, 14), (0.86, 20), (0.90, 29), (0.95, 59), (0.99, 299)])
def test_betting_without_a_miss_needs_no_more_patients_than_the_exact_rule(floor, fewest):
    assert fewest_patients(1 - floor, 0.05) == fewest
    assert highest_safe(single(np.arange(fewest - 1)), 1 - floor, 0.05) is None
    assert highest_safe(single(np.arange(fewest)), 1 - floor, 0.05) is not None


def test_betting_ends_at_the_first_threshold_whose_mean_wealth_is_too_small():
    films = ragged(np.random.default_rng(3), 60)
    orders = reading_orders(films.keys, 20, None)
    wealth = mean_wealth(films, films.score[np.argsort(films.score)], orders, 0.14, 0.05)
    first = int(np.flatnonzero(wealth < 20)[0])
    assert highest_safe(films, 0.14, 0.05) == np.sort(films.score)[first - 1]
    assert first > 1


def test_betting_proves_a_false_floor_no_more_often_than_delta():
    """One to four films of correlation .8: at .05 of 400 draws 20 would be expected at the most."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(400):
        threshold = highest_safe(ragged(rng, 50), 0.14, 0.05)
        wrong += threshold > ndtri(0.14)
    assert wrong <= 20 + 3 * (400 * 0.05 * 0.95) ** 0.5


def test_the_powers_of_a_block_are_those_of_its_patients_added_up():
    films = ragged(np.random.default_rng(5), 500)
    thresholds = np.quantile(films.score, [0.02, 0.1, 0.2])
    pilot = np.arange(500) < 40
    blocks = Blocks.of(films.keys, pilot, None)
    block = blocks.of_patient[0]
    sums = _Powers(films, thresholds, 0.14).by_block(block, blocks.count)
    missed = np.stack([films.missed(threshold) for threshold in thresholds], axis=1)
    brought = 0.14 * films.worth[:, None] - missed
    for power in range(4):
        by_hand = np.stack([(brought[block == b] ** (power + 1)).sum(axis=0) for b in range(blocks.count)])
        assert sums[:, power, :-1] == pytest.approx(by_hand, abs=1e-9)
    assert sums[:, 0, -1] == pytest.approx(np.bincount(block)[:-1])
    assert sums[:, 0, -1].sum() == 460


def test_wealth_in_blocks_is_at_most_one_on_average_at_the_floor():
    rng = np.random.default_rng(2)
    nobody = np.zeros(120, dtype=bool)

    def drawn():
        films = ragged(rng, 120)
        blocks = Blocks.of(films.keys, nobody, None)
        return mean_wealth_in_blocks(films, np.array([ndtri(0.14)]), blocks, 0.14, 0.05)[0]

    wealth = np.array([drawn() for _ in range(600)])
    assert wealth.mean() <= 1 + 3 * wealth.std() / wealth.size**0.5
    assert wealth.max() > 5


def test_a_pilot_costs_little():
    films = ragged(np.random.default_rng(7), 1000)
    each, pilot = highest_safe(films, 0.14, 0.05), highest_safe_by_pilot(films, 0.14, 0.05, None)
    assert abs(ndtr(each) - ndtr(pilot)) < 0.015
    assert pilot in films.score


def test_another_patient_leaves_the_order_of_the_others_as_it_was():
    few, more = label_keys(["a", "b", "c", "d"]), label_keys(["a", "e", "b", "c", "d"])
    for one, other in zip(reading_orders(few, 20, None), reading_orders(more, 20, None), strict=True):
        assert [np.array(list("abcd"))[one].tolist()] == [
            [x for x in np.array(list("aebcd"))[other] if x != "e"]
        ]


def test_the_key_of_a_patient_is_that_of_its_text_on_every_machine():
    # the first eight bytes of BLAKE2b-64 of the text, by `b2sum -l 64`
    known = [
        int.from_bytes(bytes.fromhex(text), "little") for text in ("b222e4b503df5b0f", "6b7a09e188c630e3")
    ]
    assert label_keys(["P001", "12"]).tolist() == known
    assert label_keys([b"P001", 12]).tolist() == known
    assert label_keys([np.str_("P001"), np.float64(12.0)]).tolist() == known


def test_weights_count_against_the_largest_that_the_design_can_give():
    rng = np.random.default_rng(4)
    score, weights = rng.normal(size=400), np.where(rng.random(400) < 0.1, 10.0, 1.0)
    target = np.ones(400)
    tight, loose = (fit_threshold(target, score, weights=weights, max_weight=most) for most in (10, 30))
    assert (tight.status, tight.promise, tight.speaks_of) == (
        "guaranteed",
        "wrong_or_silent",
        "weighted films",
    )
    assert loose.threshold < tight.threshold
    assert 0 <= tight.chance_of_silence <= loose.chance_of_silence < 0.05
    assert fit_threshold(target, score, weights=weights).status == "point only"


def test_too_little_weight_is_impossible_and_says_how_many_it_takes():
    weights = np.where(np.arange(60) % 20 == 0, 10.0, 1.0)
    with pytest.raises(ImpossibleError, match=r"weigh 0.145 of max_weight on average.*It takes about 129"):
        fit_threshold(np.ones(60), np.arange(60.0), weights=weights, max_weight=10)


def test_the_order_of_weighted_rows_changes_nothing_even_where_rows_are_equal():
    rng = np.random.default_rng(6)
    score = rng.integers(0, 30, 300).astype(float)
    weights = rng.choice([1.0, 3.0], 300)
    order = rng.permutation(300)
    one = fit_threshold(np.ones(300), score, weights=weights, max_weight=3)
    other = fit_threshold(np.ones(300), score[order], weights=weights[order], max_weight=3)
    assert (one.threshold, one.misses_made) == (other.threshold, other.misses_made)


def test_a_seed_given_by_hand_is_kept_and_said():
    films = np.repeat(np.arange(60), 2)
    score = np.random.default_rng(0).normal(size=120)
    asked = {"clusters": films, "cluster_method": "one_per_cluster"}
    point = fit_threshold(np.ones(120), score, seed=3, **asked)
    assert point.seed == 3
    assert any("seed" in note for note in point.notes)
    plain = fit_threshold(np.ones(120), score, **asked)
    assert plain.seed is None
    assert not any("seed" in note for note in plain.notes)


@pytest.mark.parametrize("method", ["empirical", "crc"])
def test_without_a_proof_the_mean_miss_of_patients_is_held_to_its_limit(method):
    rng = np.random.default_rng(9)
    codes = np.repeat(np.arange(90), rng.choice([1, 2, 3], 90))
    score = rng.normal(size=codes.size)
    point = fit_threshold(np.ones(codes.size), score, clusters=codes, method=method)

    def mean_miss(threshold):
        return np.mean([np.mean(score[codes == patient] < threshold) for patient in range(90)])

    limit = 0.14 if method == "empirical" else (0.14 * 91 - 1) / 90
    above = score[score > point.threshold].min()
    assert mean_miss(point.threshold) <= limit + 1e-12 < mean_miss(above)
    assert point.status == "point only"
    assert point.promise is None


def test_few_patients_with_very_many_films_are_answered_too():
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(30), 120)
    score = rng.normal(size=30)[codes] + 0.1 * rng.normal(size=codes.size)
    point = fit_threshold(np.ones(codes.size), score, clusters=codes)
    means = [np.mean(score[codes == patient] < point.threshold) for patient in range(30)]
    assert point.status == "guaranteed"
    assert np.mean(means) < 0.14


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("weights", [{}, {"weights": np.full(60, 2.0), "max_weight": 4.0}])
def test_a_sensitivity_of_one_is_never_proven(weights):
    with pytest.raises(ImpossibleError, match="no rows can prove a sensitivity of 1"):
        fit_threshold(
            np.ones(60), np.arange(60.0), clusters=np.repeat(range(30), 2), min_sensitivity="1", **weights
        )


def test_a_very_large_seed_is_one_too():
    asked = {"clusters": np.arange(60), "seed": 2**70}
    assert fit_threshold(np.ones(60), np.arange(60.0), **asked).seed == 2**70
