"""Addresses of people and machines: e-mail, IPv4, IPv6, MAC, phone numbers; and passwords written into addresses.

Left are addresses that are the same for everybody (127.0.0.1, masks, 1.1.1.1), what rather is a version or a time of
day or a numbered room, and phone numbers without a country code (see `beside`). Top-level domains are not checked.
"""

import contextlib
import ipaddress
import re
import string
from collections.abc import Iterator

from rollout.privacy.detector import Span, occurrences
from rollout.privacy.quoting import behind_escape, can_begin

# RFC 3986: user:password@host; and as curl takes them.
USERINFO = re.compile(r"://[^\s/:@\"'<>\\]{0,256}:([^\s/\"'<>\\]{1,256})@(?=[\w\[<])")
USER = re.compile(r"(?:-u|--user)[ =]\s{0,4}\\*[\"']?[^\s\"':]{1,128}:([^\s\"'\\<>]{1,256})")
USERNAME = re.compile(r"://[^\s/:@]{0,76}:\Z")

LOCAL = re.compile(r"[A-Za-z0-9À-ɏ._+&-]{1,64}")
DOMAIN = re.compile(r"(?!\d+x\.)(?:[A-Za-z0-9À-ɏ-]{1,63}\.){1,8}[A-Za-zÀ-ɏ]{2,24}(?![A-Za-z0-9])")
SHARED_ACCOUNTS = {"git"}  # git@github.com

DOTS = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
IPV4 = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?!\w|\.[0-9])")
VERSION = re.compile(r"(?i:\bv|\bver\.?|version|release|build|\brev)[\s:=\"'\\]{0,4}\Z|[A-Z][A-Za-z]*/\Z|"
                     r"(?i:\b(?:room|section|chapter|level|figure|fig\.|table|step|clause|article|paragraph|rule|"
                     r"appendix|exercise)\s|§\s?)\Z")
IPV6 = re.compile(r":(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])")
# By their first sign, which is searched quickly.
MACS = [re.compile(f"{mark}(?:[0-9A-Fa-f]{{2}}{mark}){{4}}[0-9A-Fa-f]{{2}}(?![\\w:-])") for mark in ":-"]
PHONES = [re.compile(rf"{plus}([0-9](?:[ .\-/()]{{0,2}}[0-9]){{6,14}})(?![0-9])") for plus in (r"\+", "%2B")]
# ITU-T E.164: country codes and at most 15 digits; the North American plan has no 0 or 1 in two places.
COUNTRY = re.compile(
    r"1[2-9]\d\d[2-9]\d{6}\Z|7\d{10}\Z|(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])\d{7,}|"
    r"(?:2[1-69]\d|3[578]\d|42\d|5[09]\d|6[7-9]\d|85\d|88[0-8]|9[679]\d)\d{6,}"
)


def find_addresses(text: str) -> Iterator[Span]:
    """Addresses of people and machines, and the passwords in them."""
    for find in (_passwords, _emails, _ipv4, _ipv6, _macs, _phones):
        yield from find(text)


def _passwords(text: str) -> Iterator[Span]:
    lower = text.lower()
    for word, pattern in (("://", USERINFO), ("curl", USER)):
        if word in lower:
            for match in pattern.finditer(text):
                yield Span(*match.span(1), "password")


def _emails(text: str) -> Iterator[Span]:
    for sign in [sign for sign in ("@", "%40", "\\u0040") if sign in text]:
        for at in occurrences(text, sign):
            domain = DOMAIN.match(text, at + len(sign))
            if not domain:
                continue
            before = text[max(0, at - 64):at].rstrip("\\")
            start = end = max(0, at - 64) + len(before)
            if local := LOCAL.match(before[::-1]):
                start -= len(local[0].rstrip("."))
            start = behind_escape(text, start)
            if text[start - 1:start] == "%" and start + 2 < end:
                start += 2
            password = text[start - 1:start] == ":" and USERNAME.search(text, max(0, start - 80), start)
            if start < end and text[start:end] not in SHARED_ACCOUNTS and not password:
                yield Span(start, domain.end(), "email")


def _ipv4(text: str) -> Iterator[Span]:
    for match in IPV4.finditer(text) if DOTS.search(text) else ():
        start, end = match.span()
        octets = [int(each) for each in match[0].split(".")]
        somebodys = 9 < max(octets) < 256 and octets[0] not in (0, 127, 255)
        if somebodys and can_begin(text, start) and not VERSION.search(text[max(0, start - 14):start]):
            yield Span(start, end, "ip")


def _ipv6(text: str) -> Iterator[Span]:
    for match in IPV6.finditer(text) if text.count(":") > 1 else ():
        short = "::" in match[0]
        if not short and match[0].count(":") < 7:  # the time of day
            continue
        start = match.start()
        while start > max(0, match.start() - 4) and text[start - 1] in string.hexdigits:
            start -= 1
        value = text[start:match.end()]
        if short and (value.find(":") < 3 or len(value.replace(":", "")) < 5):  # C++, slices, loopback
            continue
        if can_begin(text, start) and any(each.isdigit() for each in value):
            with contextlib.suppress(ValueError):
                ipaddress.IPv6Address(value)
                yield Span(start, match.end(), "ip")


def _macs(text: str) -> Iterator[Span]:
    for pattern in MACS:
        for match in pattern.finditer(text):
            start = match.start() - 2
            first, rest = text[max(0, start):match.start()], match[0]
            known = re.fullmatch("[0-9A-Fa-f]{2}", first) and (rest[0] == ":" or re.search("[A-Fa-f]", first + rest))
            if known and can_begin(text, start):
                yield Span(start, match.end(), "mac")


def _phones(text: str) -> Iterator[Span]:
    for pattern in PHONES:
        for match in pattern.finditer(text):
            start = match.start()
            glued = text[max(0, start - 1):start].isalnum() and not can_begin(text, start)
            if not glued and COUNTRY.match(re.sub("[^0-9]", "", match[1])):
                yield Span(*match.span(), "phone")
