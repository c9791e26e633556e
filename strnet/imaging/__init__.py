"""Film files to arrays to network inputs: pure functions, the same for training and for prediction."""

from strnet.imaging.codestreams.wholeness import FLAGS, LOSSES, Flag
from strnet.imaging.field import Field, collimated_field
from strnet.imaging.naming import image_name, image_names
from strnet.imaging.preparation import prepare, to_network_input
from strnet.imaging.quality import FAULTS, Fault, picture_faults, require_whole
from strnet.imaging.radiograph import Acquisition, Radiograph, pixel_sha256
from strnet.imaging.reading import read_acquisition, read_radiograph

__all__ = [
    "FAULTS",
    "FLAGS",
    "LOSSES",
    "Acquisition",
    "Fault",
    "Field",
    "Flag",
    "Radiograph",
    "collimated_field",
    "image_name",
    "image_names",
    "picture_faults",
    "pixel_sha256",
    "prepare",
    "read_acquisition",
    "read_radiograph",
    "require_whole",
    "to_network_input",
]
