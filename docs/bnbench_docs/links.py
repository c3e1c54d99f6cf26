"""Links in Markdown: moves a text to another folder, and directs links to the pages of the site."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

# A link or an image, with its target in the second group. Text in backticks and code blocks have no links.
_CODE_OR_LINK = re.compile(
    r"(?P<code>^ *(?P<fence>```+|~~~+)[^\n]*\n.*?^ *(?P=fence) *$|`[^`\n]+`)"
    r"|(?P<before>\]\()(?P<target>[^()\s]+)(?P<after>\))",
    re.DOTALL | re.MULTILINE,
)
_OTHER_SITE = re.compile(r"[a-z]+:")


def move_links(text: str, source: Path, page: Path) -> str:
    """Return the text of the file `source`, with links that lead to the same files from the file `page`."""
    return _replace_targets(text, lambda path: _relative(source.parent / path, page))


def site_links(text: str, page: Path, pages: Mapping[Path, str]) -> str:
    """Return the text of a page, whose links to files of the repository lead to the pages that show them.

    Args:
        text: Markdown.
        page: the absolute path of the page.
        pages: absolute paths of files, and for each the absolute path of its page, with a heading after # if the file
            is a section of that page.
    """

    def target(path: str) -> str:
        shown = pages.get(Path(os.path.normpath(page.parent / path)))
        return path if shown is None else _relative(Path(shown), page)

    return _replace_targets(text, target)


def _relative(path: Path, page: Path) -> str:
    return Path(os.path.relpath(path, page.parent)).as_posix()


def _replace_targets(text: str, replaced: Callable[[str], str]) -> str:
    def one(found: re.Match[str]) -> str:
        if found["code"] or _OTHER_SITE.match(found["target"]):
            return found[0]
        path, mark, heading = found["target"].partition("#")
        if not path:
            return found[0]
        path = replaced(path)
        return f"{found['before']}{path}{mark if mark and '#' not in path else ''}{heading}{found['after']}"

    return _CODE_OR_LINK.sub(one, text)
