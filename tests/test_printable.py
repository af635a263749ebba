import os

from timbre.core.printable import printable


def test_only_unprintable_characters_are_escaped():
    assert printable("für Élise (ライブ) 'a\\b' 🎻.wav") == "für Élise (ライブ) 'a\\b' 🎻.wav"
    assert printable("a\nb\x1b[31m\u2028\x7f.wav") == r"a\nb\x1b[31m\u2028\x7f.wav"
    named = printable(os.fsdecode(b"caf\xe9.wav"))
    assert named == r"caf\udce9.wav"
    assert named.encode() and named.isprintable()
