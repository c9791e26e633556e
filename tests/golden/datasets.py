"""The golden data sets g01 to g15: seeded, small, each made to break something.

A positive case has y = 1 and a higher score means more disease. One generator is drawn from in the order of
`RECIPES`, so that a change in one recipe moves every later set: `SHA256` notices.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from scipy.stats import norm

SEED = 101
SEPARATION = np.sqrt(2) * norm.ppf(0.933)  # of two unit normals whose AUROC is that of the STR-Net paper
NOT_COMMITTED = ("g05_100k",)  # 1.2 MB: made again by whoever needs it

Rows = Iterable[Iterable[object]]
Table = tuple[list[str], Rows]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def small(rng: np.random.Generator) -> Table:
    """12 cases: no guarantee is possible."""
    target = [0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1]
    return ["y", "score"], zip(target, np.round(np.sort(rng.random(12)), 6), strict=True)


def heavy_ties(rng: np.random.Generator) -> Table:
    """300 cases with 11 distinct scores."""
    target = (rng.random(300) < 0.6).astype(int)
    score = np.clip(sigmoid(rng.normal(0, 1, 300) + 1.6 * (target - 0.4)), 0, 1)
    return ["y", "score"], zip(target, np.round(score, 1), strict=True)


def perfect(rng: np.random.Generator) -> Table:
    """AUROC 1; four thresholds meet the floor at specificity 1."""
    score = np.concatenate([rng.uniform(0, 0.45, 18), rng.uniform(0.55, 1, 22)])
    return ["y", "score"], zip([0] * 18 + [1] * 22, np.round(score, 6), strict=True)


def one_class(rng: np.random.Generator) -> Table:
    """Positives only: a threshold exists, a specificity does not."""
    return ["y", "score"], zip([1] * 25, np.round(rng.random(25), 6), strict=True)


def hundred_thousand(rng: np.random.Generator) -> Table:
    """Binormal, 1e5 cases."""
    target = (rng.random(100_000) < 0.6).astype(int)
    return ["y", "score"], zip(
        target, np.round(rng.normal(0, 1, 100_000) + SEPARATION * target, 7), strict=True
    )


def clustered(rng: np.random.Generator) -> Table:
    """113 patients with two knees each, none, one or both of them positive."""
    return ["patient", "side", "y", "score"], [
        row for p in range(113) for row in _two_knees(f"P{p:03d}", rng)
    ]


def _two_knees(patient: str, rng: np.random.Generator) -> Iterator[tuple[object, ...]]:
    positives = rng.choice(3, p=[0.3, 0.2, 0.5])
    own = rng.normal(0, np.sqrt(0.7))
    targets = [1] * positives + [0] * (2 - positives)
    rng.shuffle(targets)
    for side, target in zip("LR", targets, strict=True):
        logit = own + rng.normal(0, np.sqrt(0.3)) + SEPARATION * target - 1
        yield patient, side, target, round(float(sigmoid(logit)), 6)


def weighted(rng: np.random.Generator) -> Table:
    """200 cases with gamma weights and ties."""
    target = (rng.random(200) < 0.55).astype(int)
    score = np.round(sigmoid(rng.normal(0, 1, 200) + 1.8 * target - 1), 3)
    weight = np.round(rng.gamma(2, 0.5, 200) + 0.05, 4)
    return ["y", "score", "weight"], zip(target, score, weight, strict=True)


def paired(rng: np.random.Generator) -> Table:
    """226 cases, probabilities of two models, three sites."""
    target = (rng.random(226) < 0.6).astype(int)
    common = rng.normal(0, 0.7, 226)
    a = SEPARATION * target - 1 + common + rng.normal(0, 0.71, 226)
    b = 1.6 * target - 0.8 + common + rng.normal(0, 0.8, 226)
    site = rng.choice(["A", "B", "C"], 226, p=[0.5, 0.3, 0.2])
    columns = target, np.round(sigmoid(1.3 * a + 0.3), 6), np.round(sigmoid(b), 6), site
    return ["y", "score_a", "score_b", "site"], zip(*columns, strict=True)


def not_finite(_: np.random.Generator) -> Table:
    """NaN and infinite scores."""
    score = [0.1, np.nan, np.inf, 0.9, -np.inf, 0.3, 0.7, np.nan, 0.5]
    return ["y", "score"], zip([0, 1, 0, 1, 1, 0, 1, 0, 1], score, strict=True)


def three_class(rng: np.random.Generator) -> Table:
    """Probabilities of three ordered classes that sum to 1."""
    target = rng.choice(3, 240, p=[0.4, 0.33, 0.27])
    x = target * 1.5 + rng.normal(0, 1, 240)
    logit = np.c_[-(x - 0.2), -0.35 * (x - 1.6) ** 2 + 0.4, x - 2.6] * 1.4 + rng.normal(0, 0.3, (240, 3))
    prob = np.round(np.exp(logit) / np.exp(logit).sum(1, keepdims=True), 6)
    prob[:, 0] = np.round(1 - prob[:, 1] - prob[:, 2], 6)
    rows = [(int(y), *map(float, row)) for y, row in zip(target, prob, strict=True)]
    return ["y", "p_normal", "p_osteopenia", "p_osteoporosis"], rows


def regression(rng: np.random.Generator) -> Table:
    """150 T-scores and their predictions."""
    true = rng.normal(-1.5, 1.2, 150)
    predicted = 0.85 * true - 0.1 + rng.normal(0, 0.55, 150)
    return ["t_true", "t_pred"], zip(np.round(true, 2), np.round(predicted, 3), strict=True)


def collinear_ties(_: np.random.Generator) -> Table:
    """Each score held by one case of each class: `roc_curve(drop_intermediate=True)` loses the optimum."""
    return ["y", "score"], [(y, round(0.01 * (i + 1), 2)) for i in range(50) for y in (1, 0)]


def near_ties(_: np.random.Generator) -> Table:
    """Scores one unit in the last place apart (pROC issue 25)."""
    base = 0.653549466997938588442
    rows = [
        *[(1, 0.960602681556147), (0, 0.0794407386056549), (0, 0.144842404246611), (1, 0.931816485855784)],
        *[(1, 0.931816485855784), (0, 0.97764041048215), (1, np.nextafter(base, 1)), (1, 0.796401132206396)],
        *[(0, 0.427720540184519), (0, 0.811278021288732), (0, 0.0188323116581187), (1, base)],
        *[(0, np.nextafter(base, 0)), (1, 0.959111701445925), (1, 0.931816485855784)],
        *[(1, 0.663663279418747), (1, 0.800100838413179), (1, 0.780456095511079)],
    ]
    return ["y", "score"], rows


def reversed_scores(rng: np.random.Generator) -> Table:
    """AUROC .17: the positives score lower."""
    target = (rng.random(80) < 0.5).astype(int)
    return ["y", "score"], zip(target, np.round(rng.normal(0, 1, 80) - 1.2 * target, 5), strict=True)


def single_positive(rng: np.random.Generator) -> Table:
    """One positive: DeLong's variance is undefined."""
    return ["y", "score"], zip([0] * 9 + [1], np.round(rng.random(10), 4), strict=True)


RECIPES: dict[str, Callable[[np.random.Generator], Table]] = {
    "g01_small": small,
    "g02_heavy_ties": heavy_ties,
    "g03_perfect": perfect,
    "g04_one_class": one_class,
    "g05_100k": hundred_thousand,
    "g06_clustered": clustered,
    "g07_weights": weighted,
    "g08_paired": paired,
    "g09_nan_inf": not_finite,
    "g10_three_class": three_class,
    "g11_regression": regression,
    "g12_collinear_ties": collinear_ties,
    "g13_near_ties": near_ties,
    "g14_reversed": reversed_scores,
    "g15_single_pos": single_positive,
}

SHA256 = {
    "g01_small": "e12b5f3fa3c6522d46b31d5cae19391ae748f1cd6f19a0d3a9f2dea924843d7b",
    "g02_heavy_ties": "32b3f276d013c03fedff879c74e2e23e6d1bac16fe9e3c3c35bffa67bf018f54",
    "g03_perfect": "bd062ede711c3b989365e9a4eaebc2c7e4609ac9b82ce6193c9c27febc3e6488",
    "g04_one_class": "eb0f24df975108bf79a94e12d392d8496a77634d633250d2b912ac9a908ddf67",
    "g05_100k": "bbbdff13891a91c619e74808426464b41feece2715b7560b9c733c172e8c7ca1",
    "g06_clustered": "357073c9d5522a5861efd38f69a8986a7634029781cf20b2204d59b7f19ab17e",
    "g07_weights": "0daf5e6cb9aef46ce0d7fb0ea5a927736c17f02baa77b574a7c7c646ce53c1b8",
    "g08_paired": "e56c330f4c14a6d2d2afd94981fb4310e5e30e0d272d7789d8fd7a167d0451c2",
    "g09_nan_inf": "6faf815f0e7b6aaa3bc5489b8b8eafa296e31cbaff93ce91e3fd1d4d5f686106",
    "g10_three_class": "e29d792049eb5597559d2bf29c5f214a01ef3f4d9a8c4c82ce825ff784e1d428",
    "g11_regression": "e68964a01f2eec17265a789e02e69c2654614831d73f5703db6577793ffb6010",
    "g12_collinear_ties": "1a9fff855fa357dd4e130bf0443897d359b053b51d5502a2643cf69bf05cd7b8",
    "g13_near_ties": "a649c0cb3a0d6d65d3d1d05dc807dcd9511f9cb005ddc2a79c8b4484ce90a70f",
    "g14_reversed": "d3417318b881ceae730517ef5bf56ab081968e232ee43ccb22d02c00b90ab45f",
    "g15_single_pos": "a49009f3bb20f89e09ab337b6c4332e91be8aad17f7883d8806e12c00ec4b9dd",
}


def texts() -> dict[str, str]:
    """The fifteen files as CSV text, by name."""
    rng = np.random.default_rng(SEED)
    return {name: _csv_text(*recipe(rng)) for name, recipe in RECIPES.items()}


def _csv_text(columns: list[str], rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([repr(float(v)) if isinstance(v, float) else v for v in row] for row in rows)
    return text.getvalue()


def require_known(name: str, text: str) -> None:
    """Raise ValueError if the recipe no longer gives the bytes that the figures were made from."""
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != SHA256[name]:
        raise ValueError(
            f"{name}: SHA-256 {found}, expected {SHA256[name]}: the recipe or numpy's stream changed"
        )


def write_all(folder: Path) -> None:
    """All fifteen files, with those that are not committed."""
    for name, text in texts().items():
        require_known(name, text)
        (folder / f"{name}.csv").write_text(text)


if __name__ == "__main__":
    write_all(Path(__file__).parent)
