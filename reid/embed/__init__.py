"""Crops, networks and their weights, flanks, and batch inference."""

from reid.embed.batch import Embedded, embed_crops
from reid.embed.crops import CropSettings, crop_picture, make_crops
from reid.embed.embedder import Embedder, load
from reid.embed.engine_settings import EngineSettings
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.weights import LoadedNetwork, load_network, save_network

__all__ = [
    "CropSettings",
    "Embedded",
    "Embedder",
    "EmbeddingNetwork",
    "EngineSettings",
    "LoadedNetwork",
    "NetworkSpec",
    "crop_picture",
    "embed_crops",
    "load",
    "load_network",
    "make_crops",
    "save_network",
]
