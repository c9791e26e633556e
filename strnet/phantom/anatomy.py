"""What makes a phantom's anatomy: whom it draws, which images each person gets, what is known of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from strnet.phantom.ct.ct_scan import Scan
from strnet.phantom.ct.ct_scanners import CtScanner
from strnet.phantom.ct.ct_technique import Technique
from strnet.phantom.people import Person
from strnet.phantom.physics.developing import Film
from strnet.phantom.physics.dicom_file import ViewHeader
from strnet.phantom.physics.positioning import Positioning
from strnet.phantom.physics.scanners import Scanner

Array = np.ndarray


@dataclass(frozen=True)
class Draw:
    """What decides the bytes of a cohort: the same draw, the same images.

    `size` rows and columns of a film or of a slice, `t_score_known` the share of people whose T-score (or
    volumetric density) is written, `sites` the number of hospitals, each with its scanners.
    """

    seed: int
    size: tuple[int, int]
    t_score_known: float = 0.7
    sites: int = 2


@dataclass(frozen=True)
class PlannedFilm:
    """One film of a person, planned and not yet rendered.

    `render` makes it; it is called only if the film does not stand on disk already. `labels` are the cells of
    the manifest that say what is known of the person's bone, `truth` those of the truth table; both in order.
    `regions` names the numbers of the film's label mask, from 1; empty where it has none.
    """

    view: ViewHeader
    scanner: Scanner
    positioning: Positioning
    render: Callable[[], Film]
    labels: dict[str, Any]
    truth: dict[str, Any]
    regions: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class PlannedVolume:
    """One CT scan of a person, planned and not yet made; `render` is called only if it does not stand yet.

    `key` tells the scans of one examination apart; `labels` and `truth` are those of a film.
    """

    key: str
    technique: Technique
    render: Callable[[], Scan]
    labels: dict[str, Any]
    truth: dict[str, Any]


PlannedImage = PlannedFilm | PlannedVolume


@dataclass(frozen=True)
class Examination:
    """One person and the images taken of them together."""

    person: Person
    images: Sequence[PlannedImage]


@dataclass(frozen=True)
class Anatomy:
    """An anatomy that a cohort can be made of.

    `version` is raised whenever the same draw would give other bytes; `size` the usual rows and columns of
    an image; `scanners` those of all sites, in order. `examine` plans the images of person `number` of a draw
    and depends on nothing else; `summarise` tells what is known of a finished cohort from its manifest, its
    truth and the grey-level statistics of its images: counts, ideal observers, shortcuts. Images smaller than
    `least_size` either way show nothing.
    """

    name: str
    version: int
    size: tuple[int, int]
    scanners: Sequence[Scanner] | Sequence[CtScanner]
    examine: Callable[[Draw, int], Examination]
    summarise: Callable[[pl.DataFrame, pl.DataFrame, Sequence[Array]], dict[str, Any]]
    least_size: int = 128

    @property
    def sites(self) -> int:
        """Hospitals that its scanners stand in."""
        return len({scanner.site for scanner in self.scanners})
