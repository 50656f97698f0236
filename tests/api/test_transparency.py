"""The signed meter records of a CDR, for a tool that is not ours."""

from defusedxml.ElementTree import fromstring

from tests.api.documents import cdr
from tests.api.partner import Partner
from tests.api.test_contract import problem
from tests.settlement.meters import BEGIN, END, METER


async def test_the_records_of_a_cdr_are_given_as_they_came(operator: Partner):
    roam = operator.deployment
    signed = {
        "encoding_method": "OCMF",
        "public_key": METER.key,
        "signed_values": [
            {"nature": "Start", "plain_data": "", "signed_data": BEGIN},
            {"nature": "End", "plain_data": "", "signed_data": END},
        ],
    }
    await operator.request("POST", "/receiver/cdrs", json=cdr(signed_data=signed))
    await operator.request("POST", "/receiver/cdrs", json=cdr(id="C2", session_id="S2"))
    answer = await roam.contract("GET", "/cdrs/C1/transparency.xml")
    assert answer.headers["content-type"].startswith("application/xml")
    assert [value.findtext("signedData") for value in fromstring(answer.content)] == [BEGIN, END]
    problem(await roam.contract("GET", "/cdrs/C2/transparency.xml"), 404, "unknown-object")
    problem(await roam.contract("GET", "/cdrs/C9/transparency.xml"), 404, "unknown-object")
