"""The tables of a catalogue's file, version by version, and what its triggers forbid.

A new file is made as the first version and brought up to date like an old one, so that both end alike.

Rows of `run`, `crop`, `encounter` and `individual` only say that there is such a thing. What is known of it
(where a crop was seen, whose an encounter is, what an individual is called) is in rows that refer to it, the
last one counts. `basis` of a decision is the person's decision that it carries over to an encounter that was cut
differently. `placing`, `marking` and `facing` are a person's word on the encounter, the use and the flank of
one crop, and stand above what a recording says. A `proposal` is what a recording would change in an earlier
season: whose an encounter is (an individual, a `label` for a new one, or neither), or that `individual` and
`other` are one.
"""

from __future__ import annotations

from reid.catalogue.guards import append_only, forbid, tables_of

__all__ = ["STEPS", "TABLES"]

FIRST = """
CREATE TABLE run (
    run INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE CHECK (run_id <> '' AND instr(run_id, ':') = 0),
    photos TEXT NOT NULL
);
CREATE TABLE event (
    event INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    who TEXT NOT NULL CHECK (trim(who) <> ''),
    kind TEXT NOT NULL CHECK (kind <> ''),
    run INTEGER REFERENCES run,
    reason TEXT NOT NULL DEFAULT '',
    undoes INTEGER UNIQUE REFERENCES event CHECK (undoes < event),
    CHECK ((kind = 'undo') = (undoes IS NOT NULL))
);
CREATE INDEX event_run ON event (run);
CREATE TABLE crop (
    crop INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run,
    crop_id TEXT NOT NULL CHECK (crop_id <> ''),
    UNIQUE (run, crop_id)
);
CREATE TABLE encounter (
    encounter INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run,
    name TEXT NOT NULL CHECK (name <> '')
);
CREATE INDEX encounter_name ON encounter (run, name);
CREATE TABLE sighting (
    sighting INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    crop INTEGER NOT NULL REFERENCES crop,
    withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
    encounter INTEGER REFERENCES encounter,
    image_id TEXT,
    path TEXT,
    content_hash TEXT,
    x REAL,
    y REAL,
    width REAL CHECK (width > 0),
    height REAL CHECK (height > 0),
    confidence REAL CHECK (confidence BETWEEN 0 AND 1),
    orientation TEXT CHECK (orientation IN ('left', 'right', 'front', 'back', 'unknown')),
    orientation_probability REAL CHECK (orientation_probability BETWEEN 0 AND 1),
    date TEXT,
    camera TEXT,
    station TEXT,
    sequence TEXT,
    UNIQUE (event, crop),
    CHECK (withdrawn OR (encounter IS NOT NULL AND image_id IS NOT NULL AND path IS NOT NULL
        AND content_hash IS NOT NULL AND x IS NOT NULL AND y IS NOT NULL AND width IS NOT NULL
        AND height IS NOT NULL AND orientation IS NOT NULL))
);
CREATE INDEX sighting_crop ON sighting (crop);
CREATE TABLE embedding (
    embedding INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    fingerprint TEXT NOT NULL CHECK (fingerprint <> ''),
    dimension INTEGER NOT NULL CHECK (dimension > 0)
);
CREATE TABLE vector (
    vector INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    crop INTEGER NOT NULL REFERENCES crop,
    embedding INTEGER NOT NULL REFERENCES embedding,
    data BLOB NOT NULL CHECK (typeof(data) = 'blob' AND length(data) % 4 = 0),
    UNIQUE (event, crop)
);
CREATE INDEX vector_crop ON vector (crop);
CREATE TABLE individual (
    individual INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    run INTEGER NOT NULL REFERENCES run,
    number INTEGER NOT NULL UNIQUE CHECK (number > 0),
    name TEXT NOT NULL CHECK (name <> ''),
    folded TEXT NOT NULL UNIQUE CHECK (folded <> '')
);
CREATE TABLE naming (
    naming INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    individual INTEGER NOT NULL REFERENCES individual,
    before TEXT NOT NULL,
    after TEXT NOT NULL CHECK (after <> ''),
    folded TEXT NOT NULL CHECK (folded <> '')
);
CREATE INDEX naming_individual ON naming (individual);
CREATE INDEX naming_folded ON naming (folded);
CREATE TABLE merging (
    merging INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    keep INTEGER NOT NULL REFERENCES individual,
    gone INTEGER NOT NULL REFERENCES individual CHECK (gone <> keep)
);
CREATE TABLE decision (
    decision INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    encounter INTEGER NOT NULL REFERENCES encounter,
    individual INTEGER REFERENCES individual,
    kind TEXT NOT NULL CHECK (kind IN ('known', 'new', 'unsure')),
    probability REAL NOT NULL CHECK (probability BETWEEN 0 AND 1),
    query TEXT,
    candidate TEXT,
    reason TEXT NOT NULL,
    human INTEGER NOT NULL CHECK (human IN (0, 1)),
    basis INTEGER REFERENCES decision CHECK (basis < decision),
    supersedes INTEGER REFERENCES decision CHECK (supersedes < decision),
    UNIQUE (event, encounter, human),
    CHECK ((kind = 'unsure') = (individual IS NULL))
);
CREATE INDEX decision_encounter ON decision (encounter);
"""

SECOND = """
ALTER TABLE decision ADD COLUMN model TEXT;
ALTER TABLE sighting ADD COLUMN quality REAL CHECK (quality BETWEEN 0 AND 1);
ALTER TABLE naming ADD COLUMN alias INTEGER NOT NULL DEFAULT 0 CHECK (alias IN (0, 1));
CREATE TABLE placing (
    placing INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    crop INTEGER NOT NULL REFERENCES crop,
    encounter INTEGER NOT NULL REFERENCES encounter,
    UNIQUE (event, crop)
);
CREATE TABLE marking (
    marking INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    crop INTEGER NOT NULL REFERENCES crop,
    usable INTEGER NOT NULL CHECK (usable IN (0, 1)),
    UNIQUE (event, crop)
);
CREATE TABLE facing (
    facing INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    crop INTEGER NOT NULL REFERENCES crop,
    orientation TEXT NOT NULL CHECK (orientation IN ('left', 'right', 'front', 'back', 'unknown')),
    UNIQUE (event, crop)
);
CREATE TABLE trait (
    trait INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    individual INTEGER NOT NULL REFERENCES individual,
    kind TEXT NOT NULL CHECK (kind IN ('sex', 'age')),
    value TEXT NOT NULL,
    UNIQUE (event, individual, kind),
    CHECK ((kind = 'sex' AND value IN ('female', 'male', 'unknown'))
        OR (kind = 'age' AND value IN ('cub', 'subadult', 'adult', 'unknown')))
);
CREATE TABLE note (
    note INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    individual INTEGER REFERENCES individual,
    crop INTEGER REFERENCES crop,
    words TEXT NOT NULL CHECK (trim(words) <> ''),
    CHECK ((individual IS NULL) <> (crop IS NULL))
);
CREATE TABLE tag (
    tag INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    individual INTEGER REFERENCES individual,
    crop INTEGER REFERENCES crop,
    name TEXT NOT NULL CHECK (name <> ''),
    folded TEXT NOT NULL CHECK (folded <> ''),
    given INTEGER NOT NULL CHECK (given IN (0, 1)),
    CHECK ((individual IS NULL) <> (crop IS NULL))
);
CREATE TABLE answer (
    answer INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    query INTEGER NOT NULL REFERENCES crop,
    candidate INTEGER REFERENCES crop CHECK (candidate <> query),
    said TEXT NOT NULL CHECK (said IN ('same', 'different', 'not sure', 'other flank', 'unusable')),
    probability REAL CHECK (probability BETWEEN 0 AND 1),
    model TEXT,
    CHECK (candidate IS NOT NULL OR said = 'unusable')
);
CREATE TABLE proposal (
    proposal INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    encounter INTEGER NOT NULL REFERENCES encounter,
    individual INTEGER REFERENCES individual,
    other INTEGER REFERENCES individual CHECK (other <> individual),
    label TEXT CHECK (label <> ''),
    probability REAL NOT NULL CHECK (probability BETWEEN 0 AND 1),
    query TEXT,
    candidate TEXT,
    reason TEXT NOT NULL,
    model TEXT,
    CHECK (label IS NULL OR (individual IS NULL AND other IS NULL)),
    CHECK (other IS NULL OR individual IS NOT NULL)
);
CREATE TABLE settling (
    settling INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    proposal INTEGER NOT NULL REFERENCES proposal,
    accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
    UNIQUE (event, proposal)
);
CREATE INDEX placing_crop ON placing (crop);
CREATE INDEX placing_encounter ON placing (encounter);
CREATE INDEX marking_crop ON marking (crop);
CREATE INDEX facing_crop ON facing (crop);
CREATE INDEX trait_individual ON trait (individual);
CREATE INDEX note_individual ON note (individual);
CREATE INDEX note_crop ON note (crop);
CREATE INDEX tag_individual ON tag (individual);
CREATE INDEX tag_crop ON tag (crop);
CREATE INDEX answer_query ON answer (query);
CREATE INDEX proposal_encounter ON proposal (encounter);
CREATE INDEX settling_proposal ON settling (proposal);
CREATE INDEX sighting_encounter ON sighting (encounter);
CREATE INDEX decision_individual ON decision (individual);
CREATE INDEX decision_supersedes ON decision (supersedes);
CREATE INDEX decision_basis ON decision (basis);
CREATE INDEX merging_keep ON merging (keep);
CREATE INDEX merging_gone ON merging (gone);
"""

TABLES = tables_of(FIRST + SECOND)
"""Every table, those that others refer to first."""

STEPS = (
    FIRST + append_only(tables_of(FIRST)),
    SECOND + append_only(tables_of(SECOND)) + forbid(tables_of(FIRST + SECOND)),
)
"""What makes version 1 out of an empty file, version 2 out of version 1, and so on. A step is never edited."""
