#!/usr/bin/env python3
"""Writes saslprep_tables.cpp: `python3 saslprep_tables.py > saslprep_tables.cpp`.

Which code points are looked at at all comes from RFC 3454 (Unicode 3.2), how they are normalised from the Unicode
version of the Python that runs this (Debian 12: 14.0), which is how PostgreSQL combines them. Code points that RFC 3454
does not assign or prohibits end the preparation before it normalises, so that they are left out of the other tables.
"""
import stringprep
import unicodedata

PROHIBITED = [
    stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4,
    stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
    stringprep.in_table_c9,
]
END = 0x110000


def refused(character):
    return stringprep.in_table_a1(character) or any(table(character) for table in PROHIBITED)


def ranges(belongs):
    found = []
    for code in range(END):
        if not belongs(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def is_surrogate(code):
    return 0xD800 <= code <= 0xDFFF


def is_hangul_syllable(code):
    return 0xAC00 <= code <= 0xD7A3


def is_normalised(code):
    return not is_surrogate(code) and not is_hangul_syllable(code) and not refused(chr(code))


def emit(kind, name, entries):
    print(f"constexpr {kind} {name}_table[] = {{")
    line = "   "
    for entry in entries:
        if len(line) + 2 + len(entry) > 119:
            print(line)
            line = "   "
        line += " " + entry + ","
    print(line)
    print("};")
    print(f"constinit const std::span<const {kind}> {name}{{{name}_table}};\n")


def text_of(values):
    return "{" + ",".join(f"{value:#x}" if value > 9 else str(value) for value in values) + "}"


def emit_ranges(name, belongs):
    emit("CodeRange", name, [text_of(entry) for entry in ranges(belongs)])


def emit_decompositions():
    runs, longer, pool = [], [], []
    for code in filter(is_normalised, range(END)):
        target = [ord(c) for c in unicodedata.normalize("NFKD", chr(code))]
        if target == [code]:
            continue
        if len(target) > 1:
            longer.append([code, len(pool), len(target)])
            pool += target
        elif runs and runs[-1][0] + runs[-1][1] == code and runs[-1][2] + runs[-1][1] == target[0]:
            runs[-1][1] += 1
        else:
            runs.append([code, 1, target[0]])
    emit("ReplacementRun", "replacement_runs", map(text_of, runs))
    emit("Decomposition", "decompositions", map(text_of, longer))
    emit("char32_t", "decomposed", [f"{code:#x}" for code in pool])


def emit_compositions():
    pairs = []
    for code in filter(is_normalised, range(END)):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.normalize("NFC", chr(code)) == chr(code):
            pairs.append([int(parts[0], 16), int(parts[1], 16), code])
    emit("Composition", "compositions", map(text_of, sorted(pairs)))


def emit_combining_classes():
    classes = []
    for code in filter(is_normalised, range(END)):
        value = unicodedata.combining(chr(code))
        if value == 0:
            continue
        if classes and classes[-1][1] == code - 1 and classes[-1][2] == value:
            classes[-1][1] = code
        else:
            classes.append([code, code, value])
    emit("CombiningClass", "combining_classes", map(text_of, classes))


def main():
    print("// Made by saslprep_tables.py from RFC 3454 and the Unicode Character Database; not edited by hand.")
    print('#include "protocol/auth/saslprep_tables.hpp"\n')
    print("// clang-format off\nnamespace rekey::protocol::auth::saslprep_tables {\n")
    emit_ranges("spaces", stringprep.in_table_c12)
    emit_ranges("mapped_to_nothing", stringprep.in_table_b1)
    emit_ranges("refused", refused)
    emit_ranges("right_to_left", stringprep.in_table_d1)
    emit_ranges("left_to_right", stringprep.in_table_d2)
    emit_decompositions()
    emit_compositions()
    emit_combining_classes()
    print("} // namespace rekey::protocol::auth::saslprep_tables")


main()
