"""The English catalogue is whole, and compiles to what gettext reads."""

import gettext
import re
from pathlib import Path

from huying.config import translations


def test_texts_are_found_where_they_are_marked() -> None:
    source = 'from x import gettext as _\n_("已受理")\nngettext("一件", "多件", n)\n_(name)\n'
    assert list(translations.python_texts(source)) == ["已受理", "一件", "多件"]


def test_template_texts_are_read_as_django_does() -> None:
    template = (
        "{% translate '我的进度' %}{% translate '记着 %s 件' %}"
        "{% include 'x' with title=_('没有事项') %}"
        "{% blocktranslate trimmed with n=x %}\n  共 {{ n }} 件\n"
        "{% endblocktranslate %}"
    )
    assert list(translations.template_texts(template)) == [
        "我的进度",
        "记着 %%s 件",
        "没有事项",
        "共 %(n)s 件",
    ]


def test_compiled_catalogue_is_read_by_gettext(tmp_path: Path) -> None:
    source = tmp_path / "django.po"
    source.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        'msgid "办结"\nmsgstr "Closed"\n\n'
        'msgid "%d 件"\nmsgid_plural "%d 件们"\nmsgstr[0] "%d case"\nmsgstr[1] "%d cases"\n',
        encoding="utf-8",
    )
    with translations.compile_catalogue(source).open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    assert catalogue.gettext("办结") == "Closed"
    assert catalogue.ngettext("%d 件", "%d 件们", 1) == "%d case"
    assert catalogue.ngettext("%d 件", "%d 件们", 2) == "%d cases"


def test_every_text_has_its_english() -> None:
    assert translations.missing() == {}


def test_english_keeps_every_placeholder() -> None:
    placeholder = re.compile(r"%\(\w+\)[sd]|%%s|%s|%d|\{\w*\}")
    for chinese, english in translations.read().items():
        if chinese:
            assert set(placeholder.findall(english)) == set(placeholder.findall(chinese)), chinese
