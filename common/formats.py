"""Which files count as videos: by what was announced, and by their first bytes."""

from __future__ import annotations

from dataclasses import dataclass

SNIFF_BYTES = 512

_NOT_VIDEO_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"M4A ", b"M4B ", b"crx ")


@dataclass(frozen=True)
class Format:
    """`extension` names it, on the wire too. Formats of one `family` cannot be told apart by their first bytes alone,
    and players and people take one for another."""

    extension: str
    content_type: str
    family: str


FORMATS = {
    known.extension: known
    for known in (
        Format("mp4", "video/mp4", "iso"),
        Format("mov", "video/quicktime", "iso"),
        Format("m4v", "video/x-m4v", "iso"),
        Format("3gp", "video/3gpp", "iso"),
        Format("webm", "video/webm", "matroska"),
        Format("mkv", "video/x-matroska", "matroska"),
        Format("avi", "video/x-msvideo", "avi"),
        Format("ogv", "video/ogg", "ogg"),
        Format("ts", "video/mp2t", "ts"),
        Format("mpg", "video/mpeg", "mpg"),
        Format("flv", "video/x-flv", "flv"),
    )
}
_BY_CONTENT_TYPE = {known.content_type: known for known in FORMATS.values()}
# What browsers say of a file whose type they do not know: then its name has to do.
_SAYS_NOTHING = ("", "application/octet-stream")


def announced(content_type: str, filename: str) -> Format | None:
    """The format that a client announces, None where that is no video."""
    mimetype = content_type.partition(";")[0].strip().lower()
    if mimetype in _SAYS_NOTHING:
        return FORMATS.get(filename.rpartition(".")[2].lower())
    return _BY_CONTENT_TYPE.get(mimetype)


def relatives(extension: str) -> list[str]:
    """The extensions of the format's family, itself included."""
    family = FORMATS[extension].family
    return [known.extension for known in FORMATS.values() if known.family == family]


def sniff(head: bytes) -> Format | None:
    """The format by the first SNIFF_BYTES of a file, None where they are not a video container's. The name and
    Content-Type that came with it prove nothing."""
    extension: str | None = None
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12; images and audio use the same box with brands of their own
        extension = "mov" if head[8:12] == b"qt  " else None if head[8:12] in _NOT_VIDEO_BRANDS else "mp4"
    elif head.startswith(b"\x1a\x45\xdf\xa3"):  # EBML; its DocType tells WebM from Matroska
        extension = "webm" if b"webm" in head[:64] else "mkv"
    elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        extension = "avi"
    elif head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        extension = "ts"
    else:
        starts = {b"OggS": "ogv", b"\x00\x00\x01\xba": "mpg", b"FLV\x01": "flv"}
        extension = next((known for start, known in starts.items() if head.startswith(start)), None)
    return FORMATS[extension] if extension else None
