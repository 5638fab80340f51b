#!/usr/bin/env python3
"""Writes src/Engine/Text/Tokenization/normalization.txt from the Unicode data of Python's own unicodedata.

The runtime runs with invariant globalization, where string.Normalize returns its input unchanged; tokenizers with an
NFC or NFKC normalizer would silently give other ids. Lines, all numbers hexadecimal:
  c CLASS FIRST LAST   canonical combining class of a range
  d CHAR SEQUENCE...   full canonical decomposition
  k CHAR SEQUENCE...   full compatibility decomposition, where it differs
  p FIRST SECOND CHAR  primary composite
Usage: python3 tools/unicode/make-normalization.py > src/Engine/Text/Tokenization/normalization.txt
"""
import sys
import unicodedata as u


def hexes(text):
    return " ".join(f"{ord(c):X}" for c in text)


print(f"# Unicode {u.unidata_version} normalization data (Unicode License v3), by tools/unicode/make-normalization.py")
run = None
for code in range(sys.maxunicode + 2):
    value = u.combining(chr(code)) if code <= sys.maxunicode else 0
    if run and (value != run[0]):
        print(f"c {run[0]:X} {run[1]:X} {code - 1:X}")
        run = None
    if value and not run:
        run = (value, code)
for code in range(sys.maxunicode + 1):
    char = chr(code)
    if 0xD800 <= code <= 0xDFFF or 0xAC00 <= code <= 0xD7A3:  # surrogates; Hangul is arithmetic
        continue
    canonical, compatible = u.normalize("NFD", char), u.normalize("NFKD", char)
    if canonical != char:
        print(f"d {code:X} {hexes(canonical)}")
    if compatible != canonical:
        print(f"k {code:X} {hexes(compatible)}")
    parts = u.decomposition(char)
    if parts and not parts.startswith("<") and len(parts.split()) == 2 and u.normalize("NFC", char) == char:
        print(f"p {' '.join(f'{int(p, 16):X}' for p in parts.split())} {code:X}")
