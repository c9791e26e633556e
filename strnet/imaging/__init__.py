"""Film files to arrays to network inputs: pure functions, the same for training and for prediction."""

from strnet.imaging.field import Field, collimated_field
from strnet.imaging.naming import image_name, image_names
from strnet.imaging.preparation import prepare, to_network_input
from strnet.imaging.radiograph import Acquisition, Radiograph, pixel_sha256
from strnet.imaging.reading import read_acquisition, read_radiograph

__all__ = [
    "Acquisition",
    "Field",
    "Radiograph",
    "collimated_field",
    "image_name",
    "image_names",
    "pixel_sha256",
    "prepare",
    "read_acquisition",
    "read_radiograph",
    "to_network_input",
]
