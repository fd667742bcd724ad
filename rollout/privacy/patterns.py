"""The patterns that are always searched for.

What they cover:

- keys with a prefix of their own: AWS, GitHub, GitLab, Slack, Stripe, OpenAI, Anthropic, Google, Hugging Face, npm,
  PyPI and others (`KEYS`), Telegram and Discord, JSON Web Tokens, private keys in PEM;
- values that are named as secrets (`named`): `password=…`, `"api_key": "…"`, at any depth of JSON within JSON, in
  environments, headers, queries, flags (`--token …`), XML elements and in the words "password is …"; `Bearer …`;
- e-mail, IPv4, IPv6 and MAC addresses, phone numbers with a country code (+…), and passwords in addresses and
  connection strings (`addresses`);
- values told by words beside them (`beside`): passwords of some commands (`sshpass -p`, `mysql -p…`) and in netrc,
  cookies of a session, US phone and social security numbers;
- IBANs and payment cards whose checksums are right (`payment`).

What they leave: names of people, street addresses, dates of birth, other phone numbers without country code, national
ids (`Presidio` finds some of these; `Words` what is listed); a password of letters alone in running text ("say the
password: friend"), and a key there of a word and a number ("the secret: walk42north"); a password that is not quoted,
from the first quote, bracket, comma or space on; passwords of other commands; user names; cookies that are short, or in
a structure by their own names; anything in base64, in images, or split over two texts. Numbered ids, prices, dates,
versions, digests and UUIDs are left unless they are named as secrets, and so are addresses that are the same for
everybody (127.0.0.1, masks, 1.1.1.1).

What they hide though it is none: numbers like an address that nothing tells from one (`/v1/10.20.30.40`), and words
around an @ before what is no top-level domain (`player@home.base`): lists of these age, and an address that stays in
clear is worse. A plain word after "password:" where a line or pair begins.

Everything is linear in the text: what can be searched by a fixed word is, quantifiers are bounded or possessive, and a
text pays only for the rules whose word it contains.
"""

import base64
import re
from collections.abc import Iterator

from rollout.privacy.addresses import find_addresses
from rollout.privacy.beside import find_beside
from rollout.privacy.detector import Span
from rollout.privacy.named import find_named
from rollout.privacy.payment import find_payment

# Bodies of keys by their prefixes. Sources: the providers' documentation of key formats (GitHub: "Behind GitHub's new
# authentication token formats"; GitLab: "Token overview"; AWS: "IAM identifiers"; Slack: "Token types"; Stripe: "API
# keys"), and where they say nothing, keys as issued.
WORD, END = r"[A-Za-z0-9_-]", r"(?![A-Za-z0-9])"
KEYS: dict[str, str] = {
    "A": r"(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}" + END,
    "gh": r"[pousr]_[A-Za-z0-9]{36,}+",
    "github_pat_": r"[A-Za-z0-9_]{36,}+",
    "gl": r"(?:pat|ptt|dt|oas|cbt|rt|ft|imt|agent|soat|ffct)-[A-Za-z0-9_.=-]{20,}+",
    "xox": r"[abceoprs][-.][A-Za-z0-9.-]{10,}+",
    "xapp-": r"\d-[A-Za-z0-9-]{20,}+",
    "hooks.slack.com/": r"(?:services|workflows|triggers)/[A-Za-z0-9/_]{20,}+",
    **dict.fromkeys(("sk_", "rk_"), r"(?:live|test)_[A-Za-z0-9]{10,}+"),
    "whsec_": r"[A-Za-z0-9+/=]{24,}+",
    "sk-": rf"(?:(?:proj|svcacct|admin|None|ant|or|lf)-{WORD}{{20,}}+|[A-Za-z0-9]{{32,}}+)",  # OpenAI and after it
    "AIza": rf"{WORD}{{35}}(?!{WORD})",
    "ya29.": r"[A-Za-z0-9_.-]{20,}+",
    "GOCSPX-": rf"{WORD}{{20,}}+",
    "1//0": rf"{WORD}{{30,}}+",
    "hf_": r"[A-Za-z0-9]{30,}+",
    "api_org_": r"[A-Za-z0-9]{30,}+",
    "npm_": r"[A-Za-z0-9]{36}" + END,
    "pypi-": rf"{WORD}{{50,}}+",
    "eyJ": rf"{WORD}{{8,}}+(?:\.{WORD}++){{1,3}}\.{WORD}*+",  # RFC 7519 and 7516: base64url of '{"' before a dot
    "SG.": rf"{WORD}{{16,32}}\.{WORD}{{32,}}+",
    "key-": r"[0-9a-f]{32}" + END,
    "gsk_": r"[A-Za-z0-9]{40,}+",
    "xai-": r"[A-Za-z0-9]{40,}+",
    "r8_": r"[A-Za-z0-9]{37}" + END,
    "dapi": r"[0-9a-f]{32}" + END,
    "hvs.": rf"{WORD}{{24,}}+",
    "do": r"[opr]_v1_[0-9a-f]{64}" + END,
    "shp": r"(?:at|ca|pa|ss)_[0-9a-fA-F]{32}" + END,
    **dict.fromkeys(("SK", "AC"), r"[0-9a-f]{32}" + END),  # Twilio
    **dict.fromkeys(("discord.com/api/webhooks/", "discordapp.com/api/webhooks/"), rf"[0-9]{{17,20}}/{WORD}{{60,}}+"),
    "mfa.": rf"{WORD}{{80,}}+",
    "lin_api_": r"[A-Za-z0-9]{32,}+",
    "ntn_": r"[A-Za-z0-9]{40,}+",
    "AGE-SECRET-KEY-1": r"[A-Z0-9]{50,}+",
    # Up to its end, or, where the log was cut, as far as its lines go.
    "-----BEGIN ": r"[A-Z0-9 ]{0,40}?PRIVATE KEY(?: BLOCK)?-----(?:"
                   r"(?:[\w+/=\s\\:,.()]|-(?!----))*+-----END [A-Z0-9 ]{0,50}-----|"
                   r"(?:(?:\s|\\++[nr])*+[A-Za-z0-9+/=]{40,}+)+)",
}


def _prefixed(prefix: str, body: str) -> re.Pattern[str]:
    """A key that begins with a fixed word, by which it is searched, and is not the end of a longer word."""
    word = re.escape(prefix)
    begins = rf"(?:(?<![A-Za-z0-9]{word})|(?<=\\[bfnrt]{word})|(?<=%[0-9A-F]{{2}}{word}))"
    return re.compile(word + begins + body)


ACCOUNTS = {"AC"}  # whose it is, but no key
TELEGRAM = re.compile(rf"(?<![0-9])[0-9]{{8,10}}:AA{WORD}{{33}}(?!{WORD})")
DISCORD = re.compile(rf"\.{WORD}{{6}}\.{WORD}{{27,38}}(?!{WORD})")
PREFIXED = {prefix: _prefixed(prefix, body) for prefix, body in KEYS.items()}


class Patterns:
    """The patterns that are always searched for; see the module."""

    def find(self, text: str) -> Iterator[Span]:
        for find in (find_keys, find_named, find_beside, find_addresses, find_payment):
            yield from find(text)


def find_keys(text: str) -> Iterator[Span]:
    """Keys with a prefix of their own."""
    for prefix, pattern in PREFIXED.items():
        if prefix in text:
            for match in pattern.finditer(text):
                yield Span(*match.span(), "account" if prefix in ACCOUNTS else "key")
    for match in TELEGRAM.finditer(text) if ":AA" in text else ():
        yield Span(*match.span(), "key")
    for match in DISCORD.finditer(text) if text.count(".") > 1 else ():
        # Before the dots stands the bot's number, in base64.
        before = re.search(r"[MNO][A-Za-z0-9]{22,27}\Z", text[max(0, match.start() - 28):match.start()])
        if before and re.fullmatch(rb"[0-9]{17,20}", base64.b64decode(before[0] + "==")):
            yield Span(match.start() - len(before[0]), match.end(), "key")
