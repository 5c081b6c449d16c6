"""`reid catalogue rename, merge, split ...`: corrections from the command line, each signed and undoable."""

from __future__ import annotations

from collections.abc import Callable

from reid.verbs.catalogue_words import Action, Request, numbers

__all__ = ["EDITS"]

SIGNED = ("by", "why", "revision")


def _rename(request: Request) -> str:
    old, new = request.words
    request.catalogue.rename(old, new, **request.signed())
    return f"{old} is now {request.catalogue.resolve(new)}."


def _alias(request: Request) -> str:
    name, other = request.words
    request.catalogue.alias(name, other, **request.signed())
    return f"{other} finds {request.catalogue.resolve(name)} now."


def _merge(request: Request) -> str:
    keep, gone = request.words
    before = request.catalogue.preview_merge(keep, gone)
    name = request.catalogue.merge(keep, gone, **request.signed())
    return "\n".join([f"{gone} and {keep} are one individual now, {name}.", *before.warnings])


def _split(request: Request) -> str:
    name, *parts = request.words
    return f"They are {request.catalogue.split(name, parts, **request.signed())} now."


def _move(request: Request) -> str:
    name, *parts = request.words
    given = request.catalogue.move(parts, name, **request.signed())
    return f"They are {given} now." if given else "Whose they are is unknown now."


def _join(request: Request) -> str:
    one, other = request.words
    return f"Both flanks are {request.catalogue.join(one, other, **request.signed())} now."


def _part(request: Request) -> str:
    name, flank = request.words
    return f"The {flank} flank is {request.catalogue.part(name, flank, **request.signed())} now."


def _flank(request: Request) -> str:
    flank, *sightings = request.words
    request.catalogue.set_flank(sightings, flank, **request.signed())
    return f"{len(sightings)} sightings show the {flank} flank now."


def _use(usable: bool) -> Callable[[Request], str]:
    def do(request: Request) -> str:
        request.catalogue.set_usable(request.words, usable, **request.signed())
        return f"{len(request.words)} sightings are marked {'usable' if usable else 'unusable'} now."

    return do


def _sex(request: Request) -> str:
    name, sex = request.words
    request.catalogue.set_sex(name, sex, **request.signed())
    return f"The sex of {name} is {sex} now."


def _age(request: Request) -> str:
    name, age = request.words
    request.catalogue.set_age(name, age, **request.signed())
    return f"The age of {name} is {age} now."


def _note(request: Request) -> str:
    name, words = request.words
    event = request.catalogue.note(words, identity=name)
    return f"Noted, as event {event}."


def _tag(request: Request) -> str:
    name, tag = request.words
    request.catalogue.tag(tag, identity=name)
    return f"{name} has the tag {tag} now."


def _untag(request: Request) -> str:
    name, tag = request.words
    request.catalogue.untag(tag, identity=name)
    return f"{name} has the tag {tag} no more."


def _answer(request: Request) -> str:
    query, candidate, said = request.words
    event = request.catalogue.answer(query, candidate, said, **request.signed())
    return f"Kept, as event {event}."


def _undo(request: Request) -> str:
    event = numbers(request.words)[0] if request.words else None
    taken = request.catalogue.undo(event=event, revision=request.signed()["revision"])
    row = request.catalogue.history().query("event == @taken").iloc[0]
    return f"Event {taken} ({row['what']} by {row['by']}) was taken back."


def _accept(request: Request) -> str:
    count = request.catalogue.accept(numbers(request.words), reason=request.options.get("why", ""))
    return f"{count} changes were made."


def _dismiss(request: Request) -> str:
    count = request.catalogue.dismiss(numbers(request.words), reason=request.options.get("why", ""))
    return f"{count} changes will not be made; what stands is a person's decision now."


EDITS = {
    "rename": Action("FILE OLD_NAME NEW_NAME", "another name, in every season at once", _rename, SIGNED),
    "alias": Action("FILE NAME OTHER_NAME", "let another name find an animal", _alias, SIGNED),
    "merge": Action("FILE KEEP GONE", "make two animals one", _merge, SIGNED),
    "split": Action("FILE NAME RUN:WHAT...", "make sightings or encounters a new animal", _split, SIGNED),
    "move": Action("FILE NAME RUN:WHAT...", "whose sightings are: a name, new, unknown", _move, SIGNED),
    "join": Action("FILE NAME NAME", "make a left and a right flank one animal", _join, SIGNED),
    "part": Action("FILE NAME FLANK", "make one flank of an animal a new one", _part, SIGNED),
    "flank": Action("FILE FLANK RUN:WHAT...", "which flank sightings show", _flank, SIGNED),
    "unusable": Action("FILE RUN:WHAT...", "sightings that tell nothing", _use(False), SIGNED),
    "usable": Action("FILE RUN:WHAT...", "sightings that tell something after all", _use(True), SIGNED),
    "sex": Action("FILE NAME SEX", "female, male or unknown", _sex, SIGNED),
    "age": Action("FILE NAME AGE", "cub, subadult, adult or unknown", _age, SIGNED),
    "note": Action("FILE NAME WORDS", "write something down about an animal", _note, ("by",)),
    "tag": Action("FILE NAME TAG", "give an animal a tag", _tag, ("by",)),
    "untag": Action("FILE NAME TAG", "take a tag off", _untag, ("by",)),
    "answer": Action("FILE RUN:CROP RUN:CROP ANSWER", "same, different, not sure, other flank", _answer, SIGNED),
    "undo": Action("FILE [EVENT]", "take back the last change, or that one", _undo, ("by", "revision")),
    "accept": Action("FILE CHANGE...", "make changes that `changes` lists", _accept, ("by", "why")),
    "dismiss": Action("FILE CHANGE...", "keep what stands against them", _dismiss, ("by", "why")),
}
