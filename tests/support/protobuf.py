"""As much of Protocol Buffers as KMS's dedicated gateway needs: flat messages of texts and integers."""


def _varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def write_message(fields):
    """`fields` are texts or bytes by number."""
    message = b""
    for number, value in fields.items():
        content = value.encode() if isinstance(value, str) else value
        message += _varint(number << 3 | 2) + _varint(len(content)) + content
    return message


def read_message(message):
    """Bytes and integers by number; ValueError for what is no such message."""
    fields, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            if at >= len(message) or shift > 63:
                raise ValueError("cut")
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        number = varint()
        if tag & 7 == 2:
            if at + number > len(message):
                raise ValueError("cut")
            fields[tag >> 3] = message[at:at + number]
            at += number
        elif tag & 7 == 0:
            fields[tag >> 3] = number
        else:
            raise ValueError("a type that is not used here")
    return fields
