"""The page in a real Chromium: by keyboard, by two people at once, and with names that mean harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from review_makers import RUN, Made, make, sighting

from reid.catalogue import Catalogue

pytestmark = pytest.mark.slow

HARM = [
    "<script>window.harmed=1</script>",
    "<img src=x onerror=window.harmed=1>",
    "../../etc/passwd",
    "\"' onmouseover='window.harmed=1' x=\"",
    "{{ 7 * 7 }} ${7*7} javascript:window.harmed=1",
    "‮نمر أسود‬ abc",
    "x" * 100 + "é" * 100 + "漢" * 100,
]


def open_page(browser: Any, address: str, width: int = 1366, height: int = 768) -> Any:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(40_000)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("dialog", lambda dialog: (page.faults.append("a dialog"), dialog.dismiss()))
    page.goto(address)
    return page


def ready(page: Any, than: str = "") -> str:
    """Waits until another question than this one is on the screen, pictures and all; returns its key."""
    other = f":not([data-ready='{than}'])" if than else ""
    page.locator(f"#review[data-ready]:not([data-ready='']){other}").wait_for()
    return page.locator("#review").get_attribute("data-ready")


def settled(page: Any, words: str) -> None:
    page.locator(".toast.on", has_text=words).wait_for()


def until(page: Any, holds: Callable[[], bool]) -> None:
    """Waits for what happens behind the page: an answer is on its way while the next question is on the screen."""
    for _ in range(300):
        if holds():
            return
        page.wait_for_timeout(50)
    assert holds()


def kept(desk: Any) -> list[tuple[str, str, str, str]]:
    frame = desk.catalogue.labelled_pairs()
    return list(frame[["query", "candidate", "answer", "by"]].itertuples(index=False, name=None))


def state_of(path: Path) -> list[tuple[Any, ...]]:
    with Catalogue(path, create=False) as catalogue:
        frame = catalogue.sightings()
        return list(frame[["sighting", "encounter", "identity", "human", "usable"]].itertuples(index=False, name=None))


def test_twenty_pairs_by_keyboard_then_undo_merge_split_rename_and_reload(browser: Any, made: Made) -> None:
    said: list[tuple[str, str, str]] = []
    with made.served() as (served, desk):
        page = open_page(browser, served.address)
        key = ready(page)
        pairs = {
            question.key: (question.query, question.candidate, question.probability)
            for question in desk.queue(RUN).questions
        }
        order = [question.key for question in desk.queue(RUN).questions]
        letters = {"s": "same", "d": "different", "n": "not sure", "o": "other flank"}
        presses = ["s", "d", "s", "n", "s", "d", "o", "s", "d", "s"] * 2
        seen = []
        for letter in presses:
            seen.append(key)
            page.keyboard.press(letter)
            said.append((pairs[key][0], pairs[key][1], letters[letter]))
            key = ready(page, key)
        assert sorted(seen) == sorted(order[:20])  # equal gains may change places
        until(page, lambda: len(kept(desk)) == 20)
        left = desk.queue(RUN).questions
        assert len({question.candidate for question in left} - {None}) == 5  # and those that are like nobody now
        page.locator("#left", has_text=f"{sum(q.matters for q in left)} questions left").wait_for()
        assert [row[:3] for row in kept(desk)] == said and {row[3] for row in kept(desk)} == {"Anna"}
        assert desk.catalogue.labelled_pairs()["probability"].tolist() == [pairs[key][2] for key in seen]
        page.locator(f".census[data-revision='{desk.catalogue.last_event}']").wait_for()
        best, between = page.inner_text("#best"), page.inner_text("#between")
        found = desk.count(RUN)[1]
        assert best == f"{found.best} individuals" and f"{found.low} and {found.high}" in between

        # undo, by key and by button: the last question is back on the screen
        page.keyboard.press("u")
        page.locator(f"#review[data-ready='{seen[-1]}']").wait_for()
        page.click("[data-do=undo]")
        page.locator(f"#review[data-ready='{seen[-2]}']").wait_for()
        assert [row[:3] for row in kept(desk)] == said[:-2]
        page.keyboard.press("n")
        ready(page, seen[-2])
        settled(page, "not sure")
        assert [row[:3] for row in kept(desk)] == [*said[:-2], (*said[-2][:2], "not sure")]

        # merge two of the individuals that the answers made, with a preview
        named = [row["identity"] for row in desk.catalogue.find(order="number").rows]
        one, other = named[-2:]
        number = desk.catalogue.about(one)["number"]
        page.goto(f"{served.home}/individual/{number}")
        page.click("text=Merge with…")
        page.keyboard.type(other)
        page.locator("#pick-list button", has_text=other).wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/merge?*")
        assert page.locator("td").all_inner_texts()[:2] == [str(len(named)), str(len(named) - 1)]
        page.click("text=Merge them")
        settled(page, "are one individual now")
        assert desk.catalogue.resolve(other) == one

        # split one photo off again, by choosing it
        page.locator(".tick input").first.focus()
        page.keyboard.press("Space")
        page.click("text=Split off…")
        page.locator("#ask-body", has_text=f"The catalogue has {len(named) - 1} individuals now").wait_for()
        page.click("#ask-ok")
        settled(page, f"1 photo of {one} are")
        assert desk.catalogue.find().total == len(named)

        # rename, and undo and redo of that from the message
        page.click("text=Rename")
        page.fill("#ask-input", "Bella")
        page.keyboard.press("Enter")
        settled(page, "is now Bella")
        page.click(".toast button")
        settled(page, "was taken back")
        assert desk.catalogue.about(str(number))["identity"] == one
        page.click("text=Rename")
        page.fill("#ask-input", "Bella")
        page.keyboard.press("Enter")
        settled(page, "is now Bella")

        before = (state_of(made.file), page.inner_text("main"))
        page.reload()
        assert (state_of(made.file), page.inner_text("main")) == before
        assert "Bella" in page.inner_text("h1") and page.faults == []
    # another start finds the same
    with made.served() as (served, desk):
        page = open_page(browser, served.address)
        ready(page)
        page.goto(f"{served.home}/individual/{number}")
        assert page.inner_text("main") == before[1] and state_of(made.file) == before[0]


def test_two_browsers_at_once(browser: Any, made: Made) -> None:
    with made.served() as (served, desk):
        anna, bo = (open_page(browser, served.address) for _ in range(2))
        first = ready(anna)
        assert ready(bo) == first
        bo.click("#who")
        bo.fill("#who-input", "Bo")
        bo.keyboard.press("Enter")
        bo.locator("#who-name", has_text="Bo").wait_for()
        anna.keyboard.press("s")
        settled(anna, "one animal")
        bo.keyboard.press("d")  # what he saw is no longer so
        settled(bo, "Anna changed this in the meantime")
        assert len(kept(desk)) == 1
        # he goes on with the next, she with hers; nothing is lost
        second = ready(bo, first)
        bo.keyboard.press("d")
        settled(bo, "two animals")
        for page in (anna, bo):
            page.reload()
        assert ready(anna) not in (first, second)
        assert [(row[2], row[3]) for row in kept(desk)] == [("same", "Anna"), ("different", "Bo")]
        # an edit of a page that is older than somebody else's edit is refused, and says so
        number = desk.catalogue.find().rows[0]["number"]
        for page in (anna, bo):
            page.goto(f"{served.home}/individual/{number}")
        anna.click("text=Rename")
        anna.fill("#ask-input", "Luna")
        anna.keyboard.press("Enter")
        settled(anna, "is now Luna")
        bo.click("text=Rename")
        bo.fill("#ask-input", "Stella")
        bo.keyboard.press("Enter")
        settled(bo, "Anna changed this in the meantime")
        assert desk.catalogue.about(str(number))["identity"] == "Luna"
        # two servers on one file, too
        with made.served("Cleo") as (again, _):
            cleo = open_page(browser, again.address)
            third = ready(cleo)
            cleo.keyboard.press("s")
            settled(cleo, "one animal")
            anna.goto(f"{served.home}/review")
            assert ready(anna) != third
        assert kept(desk)[-1][3] == "Cleo"


def test_a_question_that_an_answer_settles_goes_away(browser: Any, made: Made) -> None:
    """What waits on the screen is looked at anew after each answer, so that nobody answers into the void."""
    with made.served() as (served, desk):
        page = open_page(browser, served.address)
        first = ready(page)
        waiting = desk.queue(RUN).questions[1]
        page.keyboard.press("n")
        ready(page, first)
        settled(page, "not sure")  # answered: what Bo says now is news to the page
        desk.catalogue.answer(waiting.query, waiting.candidate, "same", by="Bo")
        page.keyboard.press("s")
        settled(page, "Bo changed this in the meantime")
        assert page.locator("#review").get_attribute("data-key") != waiting.key


@pytest.fixture(scope="module")
def harmful(tmp_path_factory: pytest.TempPathFactory, paint_coat: Any) -> Made:
    made = make(tmp_path_factory.mktemp("harm"), paint_coat, station="<b id=bold>S", more=False)
    with Catalogue(made.file, create=False, by="<i>Anna</i>") as catalogue:
        for name in HARM:
            key = catalogue.unidentified(size=100).rows[0]["sighting"]
            given = catalogue.move([key], "new")
            catalogue.rename(given, name)
            catalogue.note(name, identity=name)
            catalogue.tag(name[:90], identity=name)
    return made


def test_names_that_mean_harm_are_shown_as_they_are(browser: Any, harmful: Made) -> None:
    with harmful.served(by="<i>Anna</i>") as (served, desk):
        page = open_page(browser, served.address)
        ready(page)
        rows = {row["identity"]: row["number"] for row in desk.catalogue.find().rows}
        assert set(rows) == set(HARM)
        addresses = ["/review", "/individuals", "/unidentified", "/history", "/changes", "/sheet"]
        addresses += [f"/individual/{number}" for number in sorted(rows.values())[::2]]
        wide = {}
        for address in addresses:
            page.goto(served.home + address)
            if address.startswith("/individual/"):
                page.click("[data-ask=past]")
                page.locator("#past-here .events").wait_for()
                name = next(name for name, number in rows.items() if f"/individual/{number}" == address)
                assert page.locator("h1 bdi").text_content() == name
                assert page.locator("blockquote bdi").first.text_content() == name
            if address == "/individuals":
                assert set(page.locator(".card .name bdi").all_text_contents()) == set(HARM)
            assert page.evaluate("window.harmed") is None, address
            assert page.locator("#bold, i, main script, [onmouseover], [onerror]").count() == 0, address
            assert not [src for src in page.locator("script").evaluate_all("all => all.map(one => one.src)")
                        if not src.startswith(f"{served.home}/static/")]  # fmt: skip
            wide[address] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert {address: over for address, over in wide.items() if over > 0} == {}
        # the dialogs and the messages, which scripts fill
        page.goto(f"{served.home}/individual/{rows[HARM[1]]}")
        page.click("text=Merge with…")
        page.locator("#pick-list button").nth(len(HARM) - 1).wait_for()
        assert set(page.locator("#pick-list .name").all_text_contents()) == set(HARM)
        page.keyboard.press("Escape")
        page.click("text=Rename")
        page.fill("#ask-input", HARM[0])
        page.keyboard.press("Enter")
        settled(page, "<script>")  # is the name of another one, says the message
        page.goto(f"{served.home}/review")
        ready(page)
        page.keyboard.press("c")
        page.locator("#pick-list button").first.click()
        page.locator("#candidate .name", has_text="").first.wait_for()
        assert page.evaluate("window.harmed") is None and page.faults == []


def test_keyboard_alone_and_labels(browser: Any, made: Made) -> None:
    with made.served() as (served, desk):
        page = open_page(browser, served.address)
        first = ready(page)
        # everything that can be used has a name, and every picture a text
        nameless = "all => all.filter(one => !(one.innerText || one.ariaLabel || one.title || one.labels?.length)).map(one => one.outerHTML)"
        for address in (
            "/review",
            "/individuals",
            "/unidentified",
            f"/individual/{desk.catalogue.find().rows[0]['number']}",
        ):
            page.goto(served.home + address)
            if address == "/review":
                ready(page)
            assert (
                page.locator("button:visible, a:visible, input:visible, select:visible, textarea:visible").evaluate_all(
                    nameless
                )
                == []
            )
            assert page.locator("img:not([alt])").count() == 0
            assert page.locator("main").count() == page.locator("h1").count() == 1
            assert page.evaluate("document.documentElement.lang") == "en"
        page.goto(f"{served.home}/review")
        ready(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        # the answer by Tab and Enter, with letters turned off
        page.keyboard.press("?")
        page.locator("#keys-on").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Escape")
        page.locator("#help").wait_for(state="hidden")
        page.keyboard.press("s")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.say") == "different":
                break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        ready(page, first)
        settled(page, "two animals")
        assert [row[2] for row in kept(desk)] == ["different"]

        # zoom and pan move both pictures alike; spots follow
        def places() -> list[str]:
            return page.locator(".frame img").evaluate_all("all => all.map(one => one.style.transform)")

        page.locator("#lines circle").first.wait_for(state="attached")
        before = places()
        page.locator("#stage").focus()
        page.keyboard.press("+")
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(120)
        after = places()
        assert before != after and len(after) == 2 and page.locator("#lines circle").count() > 0
        page.keyboard.press("0")
        page.wait_for_timeout(120)
        assert places() == before
        page.click("[data-do=spots]")
        page.wait_for_timeout(120)
        assert page.locator("#lines circle").count() == 0 and page.faults == []


@pytest.mark.parametrize("letter", ["x", "i"])
def test_unusable_and_new(browser: Any, made: Made, letter: str) -> None:
    with made.served() as (served, desk):
        page = open_page(browser, served.address)
        first = ready(page)
        query = desk.queue(RUN).questions[0].query
        page.keyboard.press(letter)
        ready(page, first)
        settled(page, "unusable" if letter == "x" else "A new individual")
        row = desk.catalogue.sighting(query)
        assert not row["usable"] if letter == "x" else row["human"] and row["identity"] is not None
        page.keyboard.press("Control+z")
        settled(page, "Taken back")
        page.locator(f"#review[data-ready='{first}']").wait_for()
        row = desk.catalogue.sighting(query)
        assert row["usable"] and row["identity"] is None


def test_compare_with_anybody_and_an_end(browser: Any, made: Made) -> None:
    with made.served() as (served, desk):
        known = desk.catalogue.find().rows[0]["identity"]
        page = open_page(browser, served.address)
        ready(page)
        page.keyboard.press("c")
        page.keyboard.type(known)
        page.locator("#pick-list button", has_text="encounters").wait_for()
        page.keyboard.press("Enter")
        page.locator("#candidate .name", has_text=known).wait_for()
        query = desk.queue(RUN).questions[0].query
        page.keyboard.press("s")
        settled(page, f"one animal, {known}")
        assert desk.catalogue.sighting(query)["identity"] == known
        # from the wall of an individual one photo is compared, and the same page says what came of it
        page.goto(f"{served.home}/compare?query={sighting(1, 0).replace('#', '%23')}")
        page.locator("#ask", has_text="Compare with anybody").wait_for()
        page.keyboard.press("s")
        settled(page, "nobody to compare with")
        for question in desk.queue(RUN).questions:
            if question.candidate:
                desk.catalogue.answer(question.query, question.candidate, "not sure")
        for question in desk.queue(RUN).questions:
            desk.catalogue.decide(RUN, question.encounter, "unknown")
        page.goto(f"{served.home}/review")
        page.locator("#empty", has_text="Every question is answered").wait_for()
        assert page.faults == []
