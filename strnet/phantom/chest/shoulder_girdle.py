"""Scapulae and the upper ends of the humeri, at the rim of the film."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from strnet.phantom.chest.thoracic_planting import Planted
from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.lumbar.pelvis_and_ribs import Tube
from strnet.phantom.lumbar.vertebral_processes import Piece
from strnet.phantom.physics.ellipsoids import Ellipsoid, turned_axes

Array = np.ndarray


def shoulder_pieces(shape: ThoraxShape, planted: Planted) -> Iterator[Piece]:
    """Blade and glenoid of each scapula, and the head of each humerus."""
    s, w = shape.scale, shape.width
    wall, core = 0.8 * planted.rib_wall_mm, 0.8 * planted.bone_volume_fraction
    for side in (-1.0, 1.0):
        blade = turned_axes((24.0 * s, 62.0 * s, 2.4), (2, side * 9.0))
        yield Piece(
            Ellipsoid(np.array([side * 134.0 * w, -46.0 * s, 70.0]), blade, 2), (0, 0, 0.5), 0.5, 0.55
        )
        glenoid = turned_axes((6.5 * s, 18.0 * s, 12.0 * s), (2, side * -8.0))
        yield Piece(
            Ellipsoid(np.array([side * 154.0 * w, -84.0 * s, 30.0]), glenoid, 2),
            (wall, wall, wall),
            0.5,
            core,
        )
        head = turned_axes((22.0 * s, 23.0 * s, 22.0 * s))
        yield Piece(
            Ellipsoid(np.array([side * 179.0 * w, -88.0 * s, 10.0]), head),
            (wall, wall, wall),
            0.7,
            1.4 * core,
        )


def shoulder_tubes(shape: ThoraxShape, planted: Planted) -> Iterator[Tube]:
    """Borders, spine and coracoid of each scapula, and the shaft of each humerus."""
    s, w = shape.scale, shape.width
    wall, core = planted.rib_wall_mm, 0.7 * planted.bone_volume_fraction
    # x, y, z and radius of each point
    courses = (
        (
            (159, -70, 45, 5.2),
            (154, -45, 60, 4.6),
            (146, -18, 75, 4.2),
            (137, 8, 85, 3.9),
            (129, 20, 85, 4.0),
        ),
        ((112, -100, 70, 2.0), (111, -70, 85, 1.7), (115, -30, 90, 1.9), (125, 17, 88, 3.0)),
        ((119, -84, 90, 2.4), (140, -98, 85, 3.6), (160, -110, 60, 4.6), (178, -122, 20, 5.2)),
        ((152, -101, 30, 4.6), (147, -108, 5, 4.4), (150, -98, -18, 4.6), (154, -92, -22, 4.0)),
        ((112, -100, 70, 1.8), (130, -103, 55, 2.0), (150, -101, 40, 3.0)),
    )
    for side in (-1.0, 1.0):
        for course in courses:
            at = np.array(course, dtype=float)
            points = at[:, :3] * np.array([side * 0.95 * w, s, 1.0])
            yield Tube(points, s * at[:, 3], min(wall, 1.3), 0.6, 2.0 * core)
        shaft = np.array([[182.0, -78.0, 10.0], [191.0, -40.0, 6.0], [206.0, 20.0, 0.0], [216.0, 70.0, 0.0]])
        points = shaft * np.array([side * w, s, 1.0])
        yield Tube(points, s * np.array([19.0, 13.5, 12.0, 11.5]), 1.5 * wall, 0.9, 0.5 * core)
