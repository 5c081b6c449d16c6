"""Keys and bundles: the half of `reid exchange` that one side does alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reid.catalogue import Catalogue
from reid.errors import TableError
from reid.exchange import Bundle, bundle_of, make_key, read_bundle, read_key, read_public, write_bundle
from reid.match import make_matcher
from reid.photos import positions, read_stations
from reid.verbs.common import input_path, run_folder, write_settings

if TYPE_CHECKING:
    from reid.verbs.exchange import ExportConfig, KeyConfig, ShowConfig

__all__ = ["BUNDLE", "export", "key", "show"]

BUNDLE, SAYS = "bundle.reidx", "says.txt"


def key(config: KeyConfig) -> str:
    """Make a key."""
    made = make_key(config.output)
    return (
        f"Private key: {config.output}. Whoever has it can sign in your name: keep it as you keep a password, and a copy.\n"
        f"Public key, for your partners: {config.output}.pub\n  {made.public}"
    )


def export(config: ExportConfig) -> str:
    """Write a bundle."""
    path = input_path(config.catalogue, "catalogue", "file")
    signer = read_key(config.key)
    matcher = make_matcher(config.matcher)
    places = _places(input_path(config.stations, "stations", "file")) if config.stations else {}
    what = {"catalogue": str(path.resolve()), "partner": config.partner, "key": signer.public}
    with run_folder(config.output, "exchange export", what) as folder:
        with Catalogue(path, create=False) as catalogue:
            bundle = bundle_of(
                catalogue, signer, config.sender, config.partner, matcher, config.reveal, config.seasons,
                config.per_flank, config.flank_sure, places, folder / "cache",
            )  # fmt: skip
        written = write_bundle(folder / BUNDLE, bundle, signer)
        text = described(written)
        (folder / SAYS).write_text(text + "\n", encoding="utf-8")
        write_settings(config, folder)
    return f"{text}\nBundle: {Path(config.output) / BUNDLE}, {(folder / BUNDLE).stat().st_size / 1e6:.1f} MB"


def _places(path: Path) -> dict[str, tuple[float, float]]:
    """Latitude and longitude by station; a station of several cameras stands at their mean."""
    table = read_stations(path).dropna(subset=["station", "latitude", "longitude"])
    if not len(table):
        raise TableError(f"{path} has no coordinates; reveal.grid_deg needs the columns latitude and longitude filled.")
    return positions(table)


def show(config: ShowConfig) -> str:
    """Say what a bundle holds."""
    signer = read_public(config.their_key) if config.their_key else ""
    bundle = read_bundle(input_path(config.bundle, "bundle", "file"), signer)
    trust = (
        "which is the key that you named."
        if signer
        else "and it is unchanged since. Whose key that is, only its owner can tell you: compare it with them."
    )
    return f"{described(bundle)}\nSigned with the key {bundle.signer}, {trust}"


def described(bundle: Bundle) -> str:
    """What a bundle reveals, in words."""
    manifest = bundle.manifest
    spots = sum(len(features.points) for features in bundle.features)
    compared = len(set(bundle.owner.tolist()))
    told = [
        f"{sum(member.name is not None for member in manifest.members)} names",
        f"years of {sum(member.first_year is not None for member in manifest.members)}",
        f"places of {sum(member.latitude is not None for member in manifest.members)}"
        + (f", in cells of {manifest.grid_deg:g} degrees" if manifest.grid_deg else ""),
        f"{sum(bool(thumbnail) for thumbnail in bundle.thumbnails)} thumbnails"
        + (f" of at most {manifest.thumbnail_px} pixels" if manifest.thumbnail_px else ""),
    ]
    return "\n".join(
        [
            f"Bundle of {manifest.sender or 'an unnamed sender'}"
            f"{' for ' + manifest.partner if manifest.partner else ''}, made {manifest.made}:",
            f"  {len(manifest.members)} animals, {compared} of them with {len(manifest.crops)} crops that show a flank",
            f"  vectors of fingerprint {manifest.fingerprint}",
            f"  {spots} spots by {manifest.matcher}",
            f"  told besides: {'; '.join(told)}",
            "  not in it: whole photos, file names, EXIF, stations, dates, and the ids of your catalogue",
        ]
    )
