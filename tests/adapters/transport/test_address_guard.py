import pytest

from adapters.contract import UnsafeUrl
from adapters.transport.address_guard import AddressPolicy, same_origin

PRODUCTION = AddressPolicy()
DEVELOPMENT = AddressPolicy(allow_http=True, allow_private=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://partner.example/ocpi", "scheme"),
        ("ftp://partner.example/ocpi", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("//partner.example/ocpi", "scheme"),
        ("/ocpi/versions", "scheme"),
        ("", "scheme"),
        ("https:///ocpi", "host"),
        ("https://user:pass@partner.example/", "user info"),
        ("https://partner.example\\@127.0.0.1/", "user info"),
        ("https://partner.example/#top", "fragment"),
        ("https://partner.example/#", "fragment"),
        ("https://exa%6dple.com/", "host"),
        ("https://partner.example:22/", "port 22"),
        ("https://partner.example:0/", "port 0"),
        ("https://partner.example:70000/", "port 70000"),
        ("https://partner.example:x/", "not a URL"),
        ("https://partner.example/" + "a" * 2000, "characters"),
        ("https://partner.example/\r\nX: y", "not a URL"),
        ("https://127.0.0.1/", "private"),
        ("https://127.8.8.8/", "private"),
        ("https://10.1.2.3/", "private"),
        ("https://172.16.0.1/", "private"),
        ("https://192.168.1.1/", "private"),
        ("https://100.64.0.1/", "private"),
        ("https://0.0.0.0/", "reserved"),
        ("https://169.254.169.254/latest/meta-data", "link-local"),
        ("https://168.63.129.16/", "metadata"),
        ("https://224.0.0.1/", "multicast"),
        ("https://255.255.255.255/", "reserved"),
        ("https://198.18.0.1/", "reserved"),
        ("https://203.0.113.9/", "reserved"),
        ("https://192.0.0.192/", "reserved"),
        ("https://[::1]/", "private"),
        ("https://[::]/", "reserved"),
        ("https://[fe80::1]/", "link-local"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[fd00:ec2::254]/", "metadata"),
        ("https://[fc00::1]/", "private"),
        ("https://[ff02::1]/", "multicast"),
        ("https://[::ffff:127.0.0.1]/", "private"),
        ("https://[::ffff:a9fe:a9fe]/", "link-local"),
        ("https://[::127.0.0.1]/", "reserved"),
        ("https://[64:ff9b::7f00:1]/", "private"),
        ("https://[64:ff9b:1::1]/", "reserved"),
        ("https://[2002:7f00:1::]/", "reserved"),
        ("https://[2001:0:7f00:1::]/", "reserved"),
        ("https://2130706433/", "disguised"),
        ("https://0x7f000001/", "disguised"),
        ("https://0x7f.0.0.1/", "disguised"),
        ("https://127.1/", "disguised"),
        ("https://017700000001/", "disguised"),
        ("https://0177.0.0.1/", "not a URL"),
        ("https://127.0.0.1./", "disguised"),
        ("https://127。0.0.1/", "private"),
        ("https://partner.0x10/", "disguised"),
    ],
)
def test_refuses_in_production(url: str, why: str) -> None:
    with pytest.raises(UnsafeUrl, match=why):
        PRODUCTION.check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://partner.example/ocpi/versions?x=1",
        "https://partner.example:8443/",
        "https://münchen.example/",
        "https://a_b.example./",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://[64:ff9b::808:808]/",
        "https://[::ffff:8.8.8.8]/",
    ],
)
def test_calls_public_addresses_over_https(url: str) -> None:
    PRODUCTION.check_url(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "http://[::1]:8000/", "https://10.0.0.1/", "http://localhost/"]
)
def test_development_opens_http_and_private_networks(url: str) -> None:
    DEVELOPMENT.check_url(url)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://168.63.129.16/", "http://[fd00:ec2::254]/", "http://0.0.0.0/"]
)
def test_development_keeps_metadata_closed(url: str) -> None:
    with pytest.raises(UnsafeUrl):
        DEVELOPMENT.check_url(url)


def test_only_allowed_hosts_when_some_are_named() -> None:
    policy = AddressPolicy(allowed_hosts=frozenset({"Partner.example"}))
    policy.check_url("https://PARTNER.example./ocpi")
    with pytest.raises(UnsafeUrl, match="allowed hosts"):
        policy.check_url("https://other.example/ocpi")


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "nonsense"])
def test_refuses_what_a_name_resolves_to(address: str) -> None:
    with pytest.raises(UnsafeUrl, match=r"inside\.example"):
        PRODUCTION.check_address(address, "inside.example")


def test_a_refusal_does_not_repeat_secrets() -> None:
    with pytest.raises(UnsafeUrl) as refused:
        PRODUCTION.check_url("https://user:s3cret@partner.example/hidden?token=s3cret")
    assert "s3cret" not in str(refused.value)
    assert "hidden" not in str(refused.value)


class TestSameOrigin:
    ORIGIN = "https://partner.example/ocpi/2.2.1/cdrs"

    @pytest.mark.parametrize(
        ("url", "resolved"),
        [
            ("https://partner.example/other?offset=2", "https://partner.example/other?offset=2"),
            ("https://PARTNER.example:443/x", "https://partner.example/x"),
            ("/ocpi/2.2.1/cdrs/7", "https://partner.example/ocpi/2.2.1/cdrs/7"),
            ("cdrs/7", "https://partner.example/ocpi/2.2.1/cdrs/7"),
            ("?offset=2", "https://partner.example/ocpi/2.2.1/cdrs?offset=2"),
        ],
    )
    def test_resolves(self, url: str, resolved: str) -> None:
        assert same_origin(url, self.ORIGIN) == resolved

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/ocpi",
            "//evil.example/ocpi",
            "http://partner.example/ocpi",
            "https://partner.example:8443/ocpi",
            "https://partner.example.evil.example/ocpi",
            "https://partner.example@evil.example/",
            "https://x@partner.example/",
            "https://partner.example\\@evil.example/",
            "javascript:alert(1)",
        ],
    )
    def test_refuses(self, url: str) -> None:
        with pytest.raises(UnsafeUrl):
            same_origin(url, self.ORIGIN)
