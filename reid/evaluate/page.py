"""The report as one HTML page that holds its pictures and asks for nothing from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reid.evaluate.report import Report, Table

__all__ = ["html_page"]

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evaluation</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { border-bottom: 1px solid #ccc; padding: 0.3rem 0.7rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
figure { margin: 1.5rem 0; }
figcaption, .note { color: #555; font-size: 0.9rem; }
</style>
</head>
<body>
<h1>Evaluation</h1>
{% for paragraph in intro %}<p>{{ paragraph }}</p>
{% endfor %}
<p>What the protocol lets through:</p>
<ul>
{% for leak in report.leaks %}<li>{{ leak }}</li>
{% endfor %}
</ul>
{% for table in tables %}
<h2>{{ table.title }}</h2>
<div class="wide"><table>
<thead><tr>{% for cell in table.heading %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in table.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
<p class="note">{{ table.note }}</p>
{% endfor %}
{% for picture in pictures %}
<figure><img src="{{ picture.address }}" alt="{{ picture.caption }}"><figcaption>{{ picture.caption }}</figcaption></figure>
{% endfor %}
<h2>Definitions</h2>
<dl>
{% for name, words in definitions.items() %}<dt>{{ name }}</dt><dd>{{ words }}.</dd>
{% endfor %}
</dl>
</body>
</html>
"""
KINDS = {".png": "image/png", ".jpg": "image/jpeg"}


def html_page(report: Report, tables: Sequence[Table], folder: Path, intro: Sequence[str]) -> str:
    """The page as text.

    Args:
        report: What it says.
        tables: Its tables.
        folder: Where its pictures lie.
        intro: Its first paragraphs.
    """
    from jinja2 import Environment, StrictUndefined

    from reid.evaluate.report import DEFINITIONS

    pictures = [
        {
            "address": f"data:{KINDS[Path(name).suffix]};base64,{b64encode((folder / name).read_bytes()).decode()}",
            "caption": caption,
        }
        for name, caption in report.pictures
    ]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(TEMPLATE).render(
        report=report, tables=tables, intro=intro, pictures=pictures, definitions=DEFINITIONS
    )
