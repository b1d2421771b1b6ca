import pytest

from huying.sensing import actions


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What the process remembers of stored keys is false once a test is rolled back."""
    actions.forget_everything()
