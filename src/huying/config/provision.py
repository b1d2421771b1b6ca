"""What a county needs after `migrate`, put in place by the rooms' own actions.

Running it again changes nothing that is right already: every release may add a category, a
procedure or a partition, so it runs with each migration.
"""

import logging

from django.utils import timezone

from huying.cases import actions as cases
from huying.directory.permissions import Actor
from huying.ledger import sequencer
from huying.ledger.mark import LedgerWentBack
from huying.sensing import actions as sensing
from huying.sensing import queries as sensing_queries

_logger = logging.getLogger(__name__)
PROVISION = Actor.system("provision")


def provision() -> None:
    """Dictionary, procedures, properties and the default alert rule, partitions ahead, keys.

    The working calendar of the years published so far needs no rows: `chinesecalendar` has
    them; an administrator imports a later year. A changed procedure under an old version is
    refused (`ProcedureChanged`), since cases in hand go on under what they began with.
    """
    # Read for its mistakes: not first by the job that drops things at night.
    sensing_queries.retention(timezone.now())
    cases.load_categories()
    cases.register_procedures()
    sensing.ensure_catalogue(by=PROVISION)
    sensing.ensure_partitions_ahead(now=timezone.now(), by=PROVISION)
    # The first checkpoint, of whatever there is: makes and checks the signing keys.
    try:
        sequencer.seal_pending()
    except LedgerWentBack as error:
        # Nothing is sealed until somebody decides; reports are taken in all the same.
        _logger.error("ledger: %s", error.en)
