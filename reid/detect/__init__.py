"""Detectors behind one protocol, and the readers and the writer of detections files."""

from reid.detect.megadetector import write_megadetector
from reid.detect.protocol import Detector
from reid.detect.recorded import read_detections
from reid.detect.settings import DetectorSettings, make_detector
from reid.detect.stage import detect

__all__ = ["Detector", "DetectorSettings", "detect", "make_detector", "read_detections", "write_megadetector"]
