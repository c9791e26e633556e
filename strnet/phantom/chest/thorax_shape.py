"""How one person's chest is built: what varies between people and does not follow the T-scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.people import Person

Array = np.ndarray


@dataclass(frozen=True)
class ThoraxShape:
    """Shape of one chest around its `spine`.

    `broad` multiplies the width of the rib cage, `slope` the fall of the ribs; `kyphosis` the tilts of the
    vertebrae; `clavicle_mm` lifts the outer ends of the clavicles; `heart` multiplies the heart's size,
    `upright` turns its axis up (degrees); `aorta_mm` is the radius of the arch, `unfolded` (0 to 1) how far
    the aorta swings out; `breast_mm` the thickness of a breast, 0 in men; `pectoral_mm` of the muscle.
    """

    spine: SpineShape
    broad: float
    slope: float
    kyphosis: float
    clavicle_mm: float
    heart: float
    upright: float
    aorta_mm: float
    unfolded: float
    breast_mm: float
    pectoral_mm: float

    @property
    def scale(self) -> float:
        """Multiplies every bone."""
        return self.spine.scale

    @property
    def width(self) -> float:
        """Multiplies every distance across the rib cage."""
        return self.spine.scale * self.broad


def draw_thorax_shape(person: Person, spine: SpineShape, generator: np.random.Generator) -> ThoraxShape:
    """The chest of one person with this `spine`: soft tissue by sex and BMI, heart and aorta by age."""
    z = generator.standard_normal(10)
    female = person.sex == "F"
    excess = person.bmi - 27.0
    age = (person.age - 66.0) / 20.0
    breast = np.clip(20.0 + 1.1 * excess + 8.0 * z[8], 3.0, 52.0) if female else 0.0
    return ThoraxShape(
        spine=spine,
        broad=float(np.clip(1.0 + 0.035 * z[0], 0.9, 1.1)),
        slope=float(np.clip(1.0 + 0.10 * z[1], 0.75, 1.25)),
        kyphosis=float(np.clip(1.0 + 0.25 * z[2], 0.4, 1.7)),
        clavicle_mm=float(np.clip(7.0 * z[3], -16.0, 16.0)),
        heart=float(np.clip(1.0 + 0.07 * z[4] + 0.006 * excess + 0.03 * age, 0.82, 1.28)),
        upright=float(np.clip(5.0 * z[5] - 0.5 * excess, -12.0, 14.0)),
        aorta_mm=float(np.clip(15.0 + 1.6 * z[6] + 1.2 * age, 11.0, 20.0)),
        unfolded=float(np.clip(0.35 + 0.22 * z[7] + 0.15 * age, 0.0, 1.0)),
        breast_mm=float(breast),
        pectoral_mm=float(np.clip((5.0 if female else 10.0) + 2.5 * z[9], 1.0, 18.0)),
    )
