"""timm's networks with published weights: by timm's names, and from files in timm's layout for the hub."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from reid.embed.hub import CONFIG, LOCAL, Published, read_state, shorten
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.errors import FormatError, InputError, MissingPartError

__all__ = ["is_published", "near_names", "timm_network", "timm_published"]

NOT_FOR_BUILDING = {
    "cache_dir", "checkpoint_path", "exportable", "features_only", "in_chans", "no_jit", "num_classes", "pretrained",
    "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args", "scriptable",
}  # fmt: skip
"""Arguments of a config that do not shape the body: where weights come from, the classifier, the input's channels."""

SOURCES = ("url", "file", "state_dict", "hf_hub_id", "hf_hub_filename", "source", "custom_load")
"""Facts of a config that say where the weights lie; here they lie beside it."""


def is_published(name: str) -> bool:
    """Whether a bare name is timm's, with a tag of weights, as `resnet18.a1_in1k`."""
    import timm

    architecture, dot, _ = name.partition(".")
    return bool(dot) and timm.is_model(architecture)


def near_names(name: str) -> list[str]:
    """timm's names that are spelled nearly so.

    >>> near_names("resnet81")[0]
    'resnet18'
    """
    import timm

    return get_close_matches(name.partition(".")[0], timm.list_models(), n=4, cutoff=0.7)


def timm_published(name: str) -> tuple[EmbeddingNetwork, dict[str, Any], str]:
    """A network with the weights that timm publishes; downloaded once, then cached.

    Args:
        name: As timm names it, with or without a tag (`resnet18.a1_in1k`, `resnet18`).

    Returns:
        The network, its card, and its name with the tag.

    Raises:
        InputError: timm has no such name, or no weights for it.
        MissingPartError: the weights cannot be downloaded.
    """
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        near = ", ".join(near_names(architecture)) or "in timm.list_models()"
        raise InputError(f"timm has no network {architecture!r}; near names are {near}.")
    weights = timm.list_pretrained(f"{architecture}.*") or timm.list_pretrained(architecture)
    if not weights or (tag and name not in weights):
        what = f"the weights {tag!r} of {architecture}" if weights else f"any weights of {architecture}"
        raise InputError(f"timm does not publish {what}; it has {', '.join(weights) or 'none for this network'}.")
    try:
        model: Any = timm.create_model(name, pretrained=True)
    except Exception as error:
        # timm lets through whatever the hub's client or its HTTP library raises
        raise MissingPartError(
            f"the weights of timm:{name} are neither in the cache nor could they be downloaded "
            f"({type(error).__name__}: {shorten(error, 160)}); connect to a network once, {LOCAL}."
        ) from None
    cfg = dict(model.pretrained_cfg)
    full = f"{architecture}.{cfg['tag']}" if cfg.get("tag") else architecture
    place = cfg.get("hf_hub_id") or cfg.get("url") or "timm"
    licence = cfg.get("license") or "none stated; ask its publisher"
    return *_embedding(model, architecture, cfg, {}, f"timm:{full} ({place})", licence), full


def timm_network(found: Published) -> tuple[EmbeddingNetwork, dict[str, Any]]:
    """A network from `config.json` and weights in timm's layout for the hub, as MegaDescriptor has it.

    Returns:
        The network, and its card.

    Raises:
        FormatError: the config describes no network of timm, or the weights do not fit it.
    """
    import timm
    from timm.models import PretrainedCfg

    architecture, cfg, arguments = _parsed(found)
    known = {field.name for field in fields(PretrainedCfg)} - set(SOURCES)
    try:
        cfg = PretrainedCfg(**{k: v for k, v in cfg.items() if k in known}).to_dict()
        state = read_state(found.weights)
        model: Any = timm.create_model(architecture, pretrained_cfg=cfg, **arguments)
        shapes = {k: v.shape for k, v in model.state_dict().items()}
        if {k: v.shape for k, v in state.items()} == shapes:
            model.load_state_dict(state)
        else:
            # older names of layers, or buffers kept: timm knows how to turn them
            model = timm.create_model(
                architecture, pretrained=True, pretrained_cfg={**cfg, "state_dict": state}, **arguments
            )
    except FormatError:
        raise
    except RuntimeError as error:
        raise FormatError(
            f"the weights of {found.source} do not fit timm's {architecture}: {shorten(error)}."
        ) from None
    except Exception as error:
        # an argument of the config that this network, or the installed timm, does not take
        raise FormatError(
            f"{CONFIG} of {found.source} cannot build timm's {architecture} ({type(error).__name__}: {shorten(error)})."
        ) from None
    return _embedding(model, architecture, cfg, arguments, found.source, found.licence)


def _parsed(found: Published) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name of the network, facts of its weights, and arguments that shape it."""
    import timm

    config, where = found.config, f"{CONFIG} of {found.source}"
    architecture = config.get("architecture")
    if not isinstance(architecture, str):
        kind = config.get("model_type")
        raise FormatError(
            f"{where} describes {f'a {kind!r} of another library' if kind else 'no network'}: expected timm's layout, "
            f"with architecture and pretrained_cfg, or MiewID's."
        )
    architecture = architecture.partition(".")[0]
    if not timm.is_model(architecture):
        near = ", ".join(near_names(architecture)) or "in timm.list_models()"
        raise FormatError(f"{where} asks for {architecture!r}, which the installed timm lacks; near names are {near}.")
    # the first layout had the facts of the weights at the top
    cfg, arguments = config.get("pretrained_cfg", config), config.get("model_args") or {}
    if not isinstance(cfg, dict) or not isinstance(arguments, dict):
        raise FormatError(f"{where}: pretrained_cfg and model_args must hold settings by name.")
    cfg = {**cfg, **{k: config[k] for k in ("num_classes",) if k in config}}
    for key in ("input_size", "mean", "std"):
        value = cfg.get(key, [3, 3, 3])
        if (
            not isinstance(value, (list, tuple))
            or len(value) != 3
            or not all(isinstance(v, (int, float)) for v in value)
        ):
            raise FormatError(f"{where}: {key}={value!r} must be three numbers (input_size: channels, height, width).")
    if (arguments.get("in_chans", 3), cfg.get("input_size", [3])[0]) != (3, 3):
        raise FormatError(f"{where} expects another number of channels than RGB's 3, so it cannot embed photos.")
    return architecture, cfg, {k: v for k, v in arguments.items() if k not in NOT_FOR_BUILDING and v is not None}


def _embedding(
    model: Any, architecture: str, cfg: dict[str, Any], arguments: dict[str, Any], source: str, licence: str
) -> tuple[EmbeddingNetwork, dict[str, Any]]:
    """The network around the body of a loaded model, whose own pooling and norms make the vector."""
    import timm

    _, height, width = cfg["input_size"]
    default = timm.get_pretrained_cfg(architecture)
    if cfg.get("fixed_input_size") and (default is None or list(default.input_size) != list(cfg["input_size"])):
        arguments = {"img_size": [height, width], **arguments}
    # timm's filters average when they make smaller, as `area` does and OpenCV's bilinear and bicubic do not
    network = EmbeddingNetwork(
        NetworkSpec(
            backbone=architecture, pooling="own", arguments=arguments, height=height, width=width,
            resize="pad" if cfg.get("crop_mode") == "border" else "squash", mean=tuple(cfg["mean"]), std=tuple(cfg["std"]),
        )
    )  # fmt: skip
    model.reset_classifier(0)
    state, target = model.state_dict(), network.backbone.state_dict()
    misfit = sorted(k for k, v in target.items() if k not in state or state[k].shape != v.shape)
    if misfit:
        raise FormatError(
            f"the weights of {source} do not fit timm's {architecture} without its classifier: "
            f"{', '.join(misfit[:3])}{f' and {len(misfit) - 3} more' if len(misfit) > 3 else ''}."
        )
    network.backbone.load_state_dict({k: state[k] for k in target})
    how = "padded" if network.spec.resize == "pad" else "squashed"
    return network, {
        "what": f"timm's {architecture} with its own pooling",
        "source": source,
        "licence": licence,
        "preprocessing": f"crops {how} to {height} x {width} px, mean and standard deviation of its config; "
        f"the config's central crop (crop_pct) is left out, since a crop holds the animal alone",
    }
