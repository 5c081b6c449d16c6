"""What runs the networks and how exactly, and which vectors may therefore be compared."""

from __future__ import annotations

from dataclasses import dataclass

from reid.errors import ConfigError, choices

__all__ = ["ENGINES", "PRECISIONS", "TOLERANCES", "EngineSettings", "vector_class", "weights_of"]

ENGINES = ("auto", "torch", "compiled", "onnxruntime", "openvino")
PRECISIONS = ("float32", "bf16", "mixed", "int8")
RUNS = {
    "float32": ("torch", "compiled", "onnxruntime", "openvino"),
    "bf16": ("openvino",),
    "mixed": ("torch", "compiled"),
    "int8": ("onnxruntime", "openvino"),
}
"""The engines that have each precision."""
TOLERANCES = {"float32": 1e-4, "bf16": 0.05, "mixed": 0.2, "int8": 0.2}
"""How far a number of a unit vector may lie from that of torch in float32, by precision. A torso that two engines round
differently moves it farther in float32 too: seen on one of 1,514 photos, by 0.002."""


@dataclass(frozen=True)
class EngineSettings:
    """What turns crops into vectors.

    Attributes:
        name: `torch`; `compiled` (torch's compiler, which takes a minute to begin and needs a C++ compiler); `onnxruntime`;
            `openvino`; or `auto`, the fastest of those that are installed: a short measurement chooses it when there
            are enough crops, and is kept for this machine.
        precision: `float32`; `bf16`, half as many bits for each number; `mixed`, torch's autocast, which rounds to these bits
            between any two layers, and so loses more; `int8`, a quarter of the bits. Vectors of two of these are not compared.
        decode: `full`; or `reduced`, which decodes a large JPEG at a half, a quarter or an eighth where the animal is still
            at least as large as the network wants it. Vectors of the two are not compared with each other.
        batch: Crops per step; 0 takes what suits the engine.
        threads: That read photos, and that call onnxruntime or OpenVINO; torch has its own. 0 takes one for each core.
        device: `cpu`, `cuda`, or `auto`, a GPU where there is one. Only torch and its compiler use it.
    """

    name: str = "auto"
    precision: str = "float32"
    decode: str = "full"
    batch: int = 0
    threads: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        for key, valid in (
            ("name", ENGINES),
            ("precision", PRECISIONS),
            ("decode", ("full", "reduced")),
            ("device", ("auto", "cpu", "cuda")),
        ):
            if getattr(self, key) not in valid:
                raise ConfigError(f"engine.{key}={getattr(self, key)!r} is unknown; choose one of {choices(valid)}.")
        if self.batch < 0 or self.threads < 0:
            raise ConfigError(f"engine.batch={self.batch} and engine.threads={self.threads} must be 0 or more.")
        if self.name != "auto" and self.name not in RUNS[self.precision]:
            raise ConfigError(
                f"engine.precision={self.precision} is not there for engine={self.name}; use engine=auto or one of {choices(RUNS[self.precision])}."
            )


def vector_class(settings: EngineSettings) -> str:
    """What is added to a network's fingerprint: nothing for the vectors of float32 engines from full photos, which agree
    within `TOLERANCES`; for others, in what they differ.

    >>> vector_class(EngineSettings()), vector_class(EngineSettings(precision="bf16", decode="reduced"))
    ('', '+bf16+reduced')
    """
    parts = [settings.precision if settings.precision != "float32" else "", settings.decode]
    return "".join(f"+{part}" for part in parts if part and part != "full")


def weights_of(fingerprint: str) -> str:
    """The fingerprint without the class of its vectors: of weights and preprocessing alone.

    >>> weights_of("0123456789abcdef+bf16")
    '0123456789abcdef'
    """
    return fingerprint.partition("+")[0]
