"""Secrets and personal data in sessions are replaced by tokens, before anything is stored or shown to a model.

    with Privacy(Path("~/.keys/shop.key").expanduser(), words=["Acme"]) as privacy:
        for session in read(files):
            privacy.learn(session)
        for session in read(files):
            store(privacy.hide_session(session))

A token, such as `<email-3f2a9c41>`, says of what kind a value was, and keeps equal values equal: the same value has the
same token in every session, process and night that uses the same key file. Its digits are a keyed digest (HMAC-SHA256,
RFC 2104), so that nobody without the key file can reverse it or try a guess. The key file holds the key and the values;
it lies outside the run folder and is the one thing to guard.

What is found, and what is not, is said in `patterns`; `words` and `presidio` find more. A value that was found once,
and is long and odd enough to be no word, is then searched everywhere (`known`), as a part of longer words too, as it
stands and as JSON or an address would escape it; the first pass, `learn`, finds it where its name is told, the second
where it stands bare. A number in JSON that is to be hidden becomes a string, since a token is none. Two laws hold:
`reveal(hide(text)) == text` for every text without a token of this key file, and `hide(hide(text)) == hide(text)`. Text
that only looks like a token is hidden itself, so that no log can forge one.

A file of hidden sessions is revealed by `reveal_lines`, which keeps JSON whole: what was hidden in a string goes back
into a string as a value, while `reveal` puts it into a text as it stands.

Not hidden are what kind of thing a record is (its roles and formats), and a secret that is cut in two by the end of a
message part. Memory and key file grow with the number of different values, some 500 bytes each.
"""

from rollout.privacy.errors import PrivacyError
from rollout.privacy.privacy import Privacy

__all__ = ["Privacy", "PrivacyError"]
