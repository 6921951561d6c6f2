"""How Alibaba Cloud checks who asks: ACS3-HMAC-SHA256, RPC's HMAC-SHA1, and a client key's RSA. Written apart from what
is tested; each function returns the error code of what is wrong, or None."""

import base64
import datetime
import email.utils
import hashlib
import hmac
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

WINDOW = datetime.timedelta(minutes=15)


def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


def parse_time(text):
    """YYYY-MM-DDTHH:MM:SSZ and nothing else; None for that."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None


def _in_window(moment, now):
    return moment is not None and abs(moment - now) <= WINDOW


def acs3(headers, body, secret_of, now):
    """`secret_of(id, token)` returns (secret, error code)."""
    given = {name.lower(): value for name, value in headers.items()}
    scheme, _, rest = given.get("authorization", "").partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme != "ACS3-HMAC-SHA256" or set(parts) != {"Credential", "SignedHeaders", "Signature"} or ", " in rest:
        return "IncompleteSignature"
    if given.get("x-acs-content-sha256") != hashlib.sha256(body).hexdigest():
        return "InvalidContentSha256"
    if not _in_window(parse_time(given.get("x-acs-date", "")), now):
        return "InvalidTimeStamp.Expired"
    names = sorted(name for name in given
                   if name.startswith("x-acs-") or name == "host" or (name == "content-type" and body))
    needed = {"x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256", "host"}
    if parts["SignedHeaders"] != ";".join(names) or not needed <= set(names):
        return "IncompleteSignature"
    token = given.get("x-acs-security-token")
    if token and given.get("x-acs-accesskey-id") != parts["Credential"]:
        return "InvalidSecurityToken.MismatchWithAccessKey"
    secret, wrong = secret_of(parts["Credential"], token)
    if wrong:
        return wrong
    lines = "".join(f"{name}:{given[name].strip()}\n" for name in names)
    canonical = f"POST\n/\n\n{lines}\n{';'.join(names)}\n{given['x-acs-content-sha256']}"
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(expected, parts["Signature"]) else "SignatureDoesNotMatch"


def rpc(form, secret_of, now):
    """`form` is a list of decoded pairs."""
    values = dict(form)
    if len(values) != len(form):
        return "InvalidParameter"
    needed = {"Format": "JSON", "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}
    if any(values.get(name) != value for name, value in needed.items()):
        return "IncompleteSignature"
    if not _in_window(parse_time(values.get("Timestamp", "")), now):
        return "IllegalTimestamp"
    secret, wrong = secret_of(values.get("AccessKeyId", ""), values.get("SecurityToken"))
    if wrong:
        return wrong
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(form) if name != "Signature")
    text = f"POST&%2F&{quote(query)}"
    digest = hmac.new((secret + "&").encode(), text.encode(), hashlib.sha1).digest()
    right = hmac.compare_digest(base64.b64encode(digest).decode(), values.get("Signature", ""))
    return None if right else "SignatureDoesNotMatch"


def client_key(headers, body, key_of, now):
    """`key_of(id)` returns a public key or None."""
    given = {name.lower(): value for name, value in headers.items()}
    if given.get("content-type") != "application/x-protobuf" or given.get("accept") != "application/x-protobuf":
        return "InvalidContentType"
    if given.get("content-sha256") != hashlib.sha256(body).hexdigest().upper():
        return "InvalidContentSha256"
    if given.get("x-kms-apiversion") != "dkms-gcs-0.2" or given.get("x-kms-signaturemethod") != "RSA_PKCS1_SHA_256":
        return "InvalidParameter"
    try:
        moment = email.utils.parsedate_to_datetime(given.get("date", ""))
    except (TypeError, ValueError):
        moment = None
    if not given.get("date", "").endswith(" GMT") or not _in_window(moment, now):
        return "IllegalTimestamp"
    key = key_of(given.get("x-kms-acccesskeyid", ""))  # spelt so
    if key is None:
        return "Forbidden.ClientKeyNotFound"
    lines = "".join(f"{name}:{given[name]}\n" for name in sorted(given) if name.startswith("x-kms-"))
    text = f"POST\n{given['content-sha256']}\n{given['content-type']}\n{given['date']}\n{lines}/"
    scheme, _, signature = given.get("authorization", "").partition(" ")
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return "SignatureDoesNotMatch"
    return None if scheme == "Bearer" else "IncompleteSignature"
