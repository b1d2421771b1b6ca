"""Checks that every Chinese text a user can see has its English in locale/en.

Chinese is the language of the source; the English catalogue is locale/en/LC_MESSAGES/django.po,
compiled by this module with Python alone (gettext's own programs are not needed). Run as a module
with the word `compile` it does that; without, it also exits 1 and lists what is missing.
"""

import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"
_MARKERS = {"_", "gettext", "gettext_lazy", "pgettext", "ngettext", "ngettext_lazy"}
_TAG = re.compile(r"""{%\s*(?:translate|trans)\s+(?P<quote>["'])(?P<text>.*?)(?P=quote)""")
_ARGUMENT = re.compile(r"""\b_\((?P<quote>["'])(?P<text>.*?)(?P=quote)\)""")
_BLOCK = re.compile(
    r"{%\s*(?:blocktranslate|blocktrans)\b(?P<options>[^%]*)%}(?P<text>.*?)"
    r"{%\s*end(?:blocktranslate|blocktrans)\s*%}",
    re.S,
)
_VARIABLE = re.compile(r"{{\s*(\w+)\s*}}")
_STRING = re.compile(r'^"((?:[^"\\]|\\.)*)"$')


def python_texts(source: str) -> Iterator[str]:
    """The literal texts that `source` marks for translation."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _MARKERS:
                wanted = node.args[:2] if name.startswith("ngettext") else node.args[:1]
                for argument in wanted:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def template_texts(source: str) -> Iterator[str]:
    """The texts that a template marks for translation, as Django looks them up."""
    for pattern in (_TAG, _ARGUMENT):
        for found in pattern.finditer(source):
            yield found["text"].replace("%", "%%")
    for found in _BLOCK.finditer(source):
        for part in re.split(r"{%\s*plural\s*%}", found["text"]):
            text = _VARIABLE.sub(r"%(\1)s", part.replace("%", "%%"))
            if "trimmed" in found["options"]:
                text = " ".join(line.strip() for line in text.strip().splitlines())
            yield text


def texts_in_use(root: Path = ROOT) -> dict[str, str]:
    """Every Chinese text marked for translation, with the file it was first seen in."""
    found: dict[str, str] = {}
    for folder, pattern, texts in (
        ("src", "*.py", python_texts),
        ("templates", "*.html", template_texts),
    ):
        for path in sorted((root / folder).rglob(pattern)):
            for text in texts(path.read_text(encoding="utf-8")):
                if any("\u4e00" <= character <= "\u9fff" for character in text):
                    found.setdefault(text, str(path.relative_to(root)))
    return found


def _unquote(line: str) -> str:
    match = _STRING.match(line.strip())
    if match is None:
        raise ValueError(f"{CATALOGUE.name}: not a quoted string: {line!r}")
    text: str = ast.literal_eval(f'"{match[1]}"')
    return text


def read(path: Path = CATALOGUE) -> dict[str, str]:
    """The catalogue as a mapping msgid → msgstr; plural forms under 'singular\\0plural'."""
    entries: dict[str, str] = {}
    fields: dict[str, str] = {}
    current = ""

    def finish() -> None:
        if "msgid" in fields:
            key = fields["msgid"]
            if "msgid_plural" in fields:
                key += "\0" + fields["msgid_plural"]
                value = "\0".join(fields[name] for name in sorted(fields) if "msgstr[" in name)
            else:
                value = fields.get("msgstr", "")
            entries[key] = value
        fields.clear()

    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            finish()
        elif line.startswith('"'):
            fields[current] += _unquote(line)
        else:
            current, _, rest = line.partition(" ")
            if current == "msgid":
                finish()
            fields[current] = _unquote(rest)
    finish()
    return entries


def compile_catalogue(path: Path = CATALOGUE) -> Path:
    """Write the .mo file beside the .po, in the GNU MO format (little endian, revision 0)."""
    entries = sorted((k.encode(), v.encode()) for k, v in read(path).items() if v or not k)
    keys, values = bytearray(), bytearray()
    offsets: list[tuple[int, int, int, int]] = []
    for key, value in entries:
        offsets.append((len(key), len(keys), len(value), len(values)))
        keys += key + b"\0"
        values += value + b"\0"
    start = 28 + 16 * len(entries)
    table = b"".join(struct.pack("<II", size, start + at) for size, at, _, _ in offsets)
    start += len(keys)
    table += b"".join(struct.pack("<II", size, start + at) for _, _, size, at in offsets)
    header = struct.pack("<IIIIIII", 0x950412DE, 0, len(entries), 28, 28 + 8 * len(entries), 0, 0)
    target = path.with_suffix(".mo")
    target.write_bytes(header + table + bytes(keys) + bytes(values))
    return target


def missing(root: Path = ROOT) -> dict[str, str]:
    """Texts in use without an English text, with the file they stand in."""
    known = {part for key, value in read().items() if value for part in key.split("\0")}
    return {text: place for text, place in texts_in_use(root).items() if text not in known}


def main() -> int:
    compile_catalogue()
    if sys.argv[1:] == ["compile"]:
        return 0
    gaps = missing()
    for text, place in gaps.items():
        sys.stdout.write(f"{place}: no English for {text!r}\n")
    sys.stdout.write(f"translations: {len(texts_in_use())} texts, {len(gaps)} without English\n")
    return 1 if gaps else 0


if __name__ == "__main__":
    raise SystemExit(main())
