"""axe-core on an open page: what keeps somebody out, as a list that reads in a failed test."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "web/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, *, within: str = "", without: tuple[str, ...] = ()) -> list[str]:
    """One line a violation: rule, what it asks, the elements. `without` names rules not asked."""
    # As tall as its content: a bar fixed at the thumb then covers nothing that scrolling frees.
    size = page.viewport_size
    if size:
        tall = page.evaluate("Math.max(innerHeight, document.documentElement.scrollHeight)")
        page.set_viewport_size({"width": size["width"], "height": min(int(tall), 8000)})
    # Evaluated from outside the page, so that its content policy need not allow it.
    page.evaluate(SOURCE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        """([within, tags, without]) => axe.run(within || document, {
            runOnly: {type: "tag", values: tags},
            rules: Object.fromEntries(without.map((rule) => [rule, {enabled: false}])),
        }).then((result) => result.violations)""",
        [within, TAGS, list(without)],
    )
    if size:
        page.set_viewport_size(size)
    return [
        f"{one['id']}: {one['help']} — "
        + "; ".join(f"{node['html'][:160]} {node['failureSummary'][:200]}" for node in one["nodes"])
        for one in found
    ]
