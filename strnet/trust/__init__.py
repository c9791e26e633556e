"""Whether a film is one that a network may answer: header, quality and picture, without torch."""

from strnet.trust.applicability import Applicability, ApplicabilityFiles, PictureLimit, TrainedOn, trained_on
from strnet.trust.header_layer import (
    HeaderFacts,
    age_findings,
    facts_of_film,
    facts_of_row,
    header_findings,
)
from strnet.trust.picture_layer import (
    PictureModel,
    conformal_limit,
    fit_picture_model,
    picture_bytes,
    picture_limit,
    read_picture,
)
from strnet.trust.picture_statistics import picture_statistics
from strnet.trust.rulings import FLAGS, REASONS, Finding, Ruling, ruling
from strnet.trust.screen import ANY_FILM, Screen, picture_findings, quality_findings

__all__ = [
    "ANY_FILM",
    "FLAGS",
    "REASONS",
    "Applicability",
    "ApplicabilityFiles",
    "Finding",
    "HeaderFacts",
    "PictureLimit",
    "PictureModel",
    "Ruling",
    "Screen",
    "TrainedOn",
    "age_findings",
    "conformal_limit",
    "facts_of_film",
    "facts_of_row",
    "fit_picture_model",
    "header_findings",
    "picture_bytes",
    "picture_findings",
    "picture_limit",
    "picture_statistics",
    "quality_findings",
    "read_picture",
    "ruling",
    "trained_on",
]
