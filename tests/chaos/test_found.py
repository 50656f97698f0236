"""What runs of `roam chaos` have found, each as a test of its own."""

from dataclasses import replace
from http import HTTPStatus

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.failures import told_to_temporal
from adapters.contract import PartnerProtocolError, PartnerRejected, PartnerUnauthorized
from api.errors import NotConnected, to_ocpi


def _fails(error: Exception, *, attempt: int) -> ApplicationError:
    """What Temporal is told at this attempt."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)

    def step() -> None:
        with told_to_temporal():
            raise error

    with pytest.raises(ApplicationError) as failed:
        environment.run(step)
    return failed.value


def test_an_answer_that_cannot_be_read_is_asked_for_again() -> None:
    """One garbled answer ended a walk through a partner's list for good."""
    garbled = PartnerProtocolError("no envelope", http_status=200)
    assert not _fails(garbled, attempt=1).non_retryable
    assert _fails(garbled, attempt=20).non_retryable  # the partner means it
    assert _fails(PartnerRejected("no", http_status=400), attempt=1).non_retryable


def test_a_token_that_was_overtaken_by_a_new_one_is_no_end() -> None:
    """A CDR that met a renewal of credentials was held for six hours, and the result of an order was never told."""
    refused = PartnerUnauthorized("the token is not known", http_status=401)
    assert not _fails(refused, attempt=1).non_retryable
    assert _fails(refused, attempt=20).non_retryable


def test_a_partner_that_is_too_early_is_told_to_come_again() -> None:
    """The side that had finished a handshake first took `200, 3000` for a refusal, and pulled nothing."""
    fault = to_ocpi(NotConnected("the registration is not finished; try again when it is"))
    assert fault.http_status == HTTPStatus.SERVICE_UNAVAILABLE
