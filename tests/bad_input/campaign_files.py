"""Files that are no campaign file: no YAML, no mapping, too deep, too large."""

from __future__ import annotations

from tests.bad_input.configs import written

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60))

CASES = [
    written("an empty file", r"a campaign file consists of lines `key: value`; see config\.yaml", ""),
    written("a list", r"a campaign file consists of lines `key: value`", "- a\n- b\n"),
    written("a tab", r"line 2: not readable as YAML \(.*\); mend the file", "a:\n\tb: 1\n"),
    written("a key twice", r"line 2: .*the key 'seeds' is written more than once", "seeds: [0]\nseeds: [1]\n"),
    written("NUL bytes", r"not readable as YAML \(.*\); mend the file", b"model: a\0b\n"),
    written("Latin-1", r"not UTF-8 \(byte 7\); save the file as UTF-8", "model: é\n".encode("latin-1")),
    written("UTF-16", r"not UTF-8 \(byte 0\); save the file as UTF-8", "model: a\n".encode("utf-16")),
    written("random bytes", r"not UTF-8", bytes(range(128, 256))),
    written(
        "a tag that calls Python",
        r"line 1: .*could not determine a constructor",
        "a: !!python/object/apply:os.system ['touch owned']",
    ),
    written("a date that there is not", r"not readable as YAML \(month must be in 1\.\.12\)", "a: 2020-13-01\n"),
    written("lists without end", r"not readable as YAML \(nested too deeply\); mend the file", "a: " + "[" * 20_000),
    written("maps without end", r"not readable as YAML \(nested too deeply\)", "{a: " * 20_000),
    written("a billion laughs", r"\w+: unknown key|`model` is missing", BOMB),
    written("a billion merges", r"\w+: unknown key|`model` is missing", MERGES),
    written("an anchor in itself", r"\w+: ", "a: &a [*a]\nmodel: *a\n"),
    written("an alias of nothing", r"line 1: .*found undefined alias", "a: *b\n"),
    written("code for Snakemake's templates", r"\w+: ", "__use_yte__: true\nmodel: ?open('owned', 'w')\n"),
]
