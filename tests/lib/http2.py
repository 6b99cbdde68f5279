"""HTTP/2 by hand (RFC 9113): for what no library sends."""
import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
WINDOW = 4  # SETTINGS_INITIAL_WINDOW_SIZE
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def opening(*settings):
    return PREFACE + frame(SETTINGS, payload=b"".join(struct.pack(">HI", *s) for s in settings))


def get(path):
    """The header block of a GET; HPACK, with nothing that the next one could refer to."""
    return b"\x82\x86\x04" + bytes([len(path)]) + path.encode() + b"\x01\x01h"


def window_update(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))
