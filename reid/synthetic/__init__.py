"""Synthetic individuals: cats that do not exist, photographed through a season whose truth is known."""

from reid.synthetic.make import Synthesised, synthesise
from reid.synthetic.parks import Park, make_parks
from reid.synthetic.settings import PictureSettings, SurveySettings, SynthesisSettings

__all__ = ["Park", "PictureSettings", "SurveySettings", "SynthesisSettings", "Synthesised", "make_parks", "synthesise"]
