"""Checking the quotation marks and row widths of a CSV or TSV file, and counting its rows, before values are read.

Quotation marks are read as in RFC 4180. A value that begins with a mark ends with the next single mark and may contain
delimiters, line ends and doubled marks. Marks elsewhere are plain characters.

Files of programs that do not quote can break this rule: a text that begins with a mark would swallow the rows up to
the next mark. Such a file is refused, with the line number. The task can then set `quoting: none`: every mark is a
plain character, and every line is a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scalearn.errors import UserError
from scalearn.tasks.definition import Quoting

_MARK, _LF, _CR, _TAB, _BACKSLASH = b'"\n\r\t\\'
_BOM = b"\xef\xbb\xbf"
_NULLS = (b"NA", b"NULL", rb"\N")  # programs that quote all texts write missing values without marks
_PLAIN = "set `quoting: none` in the task's `source`, or --quoting none of predict, if the marks are plain characters"
_EITHER = f"{_PLAIN}, `quoting: standard` if they enclose values"

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Shape(NamedTuple):
    """What a file contains.

    rows: the number of rows after the header.
    marks: whether the file has any quotation mark.
    enclosed: whether marks enclose a value that is not empty, although the task does not set `quoting`.
    """

    rows: int
    marks: bool
    enclosed: bool


def scan(
    path: Path, delimiter: str, quoting: Quoting | None, columns: Mapping[int, str], block: int, widths: bool = False
) -> Shape:
    """Return the shape of a file.

    Args:
        columns: index -> name of the columns that will be read. If `quoting` is None, a TSV file in which one of them
            has values with needless marks and values without marks is refused.
        block: bytes to read at a time. A row must be shorter, because Arrow's reader has the same limit.
        widths: also check that all rows have the same number of values. Arrow's reader checks that faster, but cannot
            name the line.

    Raises: UserError with the line number if a row can be read in two ways, or in none.
    """
    table = _Table(path, ord(delimiter), quoting, columns, widths)
    with path.open("rb") as stream:
        rest = stream.read(len(_BOM)).removeprefix(_BOM)
        while chunk := stream.read(block):
            data = rest + chunk
            used = table.take(data, final=False)
            if not used and len(data) > block:
                raise table.endless_row(data, block)
            rest = data[used:]
        if rest:
            table.take(rest, final=True)
    if table.doubtful and table.stray and table.enclosed and not widths:
        return scan(path, delimiter, quoting, columns, block, widths=True)  # to tell the columns
    return Shape(max(table.rows - 1, 0), table.marks, table.enclosed)


@dataclass
class _Seen:
    """What was seen in a column: whether a value has no marks, and errors about the first value with marks.

    The errors are raised only if the rest of the file shows that the marks are doubtful.
    """

    plain: bool = False
    enclosed: UserError | None = None  # raised if the file has marks inside unquoted values
    needless: UserError | None = None  # raised if other values of the column have no marks


class _Quoted(NamedTuple):
    """The quoted values in some bytes, by the positions of their opening and closing marks.

    `closes` is shorter than `opens` by one if the last value does not end in these bytes.
    """

    opens: Positions
    closes: Positions
    marks: Positions  # of all marks

    def outside(self, places: Positions) -> Mask:
        """Tell which positions are outside quoted values."""
        outside: Mask = np.searchsorted(self.opens, places) == np.searchsorted(self.closes, places)
        return outside

    def stray(self) -> Positions:
        """Return the positions of marks inside unquoted values."""
        opened = np.searchsorted(self.opens, self.marks, side="right")
        inside: Positions = self.marks[opened == np.searchsorted(self.closes, self.marks)]
        return inside

    def needless(self, line_ends: Positions) -> Positions:
        """Return the opening positions of values that need no marks: not empty, without marks and line ends."""
        opens = self.opens[: len(self.closes)]
        inner = np.searchsorted(self.marks, self.closes) - np.searchsorted(self.marks, opens) > 1
        inner |= np.searchsorted(line_ends, self.closes) > np.searchsorted(line_ends, opens)
        return opens[~inner & (self.closes - opens > 1)]


@dataclass
class _Table:
    """The state of a scan over a file."""

    path: Path
    delimiter: int
    quoting: Quoting | None
    columns: Mapping[int, str]
    widths: bool
    rows: int = 0  # with the header
    line: int = 1  # line number of the next bytes
    width: int = 0  # values per row
    marks: bool = False
    stray: bool = False  # an unquoted value contains a mark
    enclosed: bool = False  # marks enclose a value that is not empty
    seen: dict[int, _Seen] = field(default_factory=dict)

    def error(self, before: bytes, what: str) -> UserError:
        """Return an error about the line after the bytes `before`."""
        return UserError(f"{self.path}: line {self.line + _lines(before)}: {what}")

    def endless_row(self, data: bytes, block: int) -> UserError:
        """Return an error about a row that is longer than a block."""
        mend = "shorten it, or convert the file to JSONL or parquet"
        if self.quoting != "none" and b'"' in data:
            mend = f"add the missing closing quotation mark, or {_PLAIN}"
        return self.error(b"", f"the row does not end within {block:,} bytes; {mend}")

    def take(self, data: bytes, final: bool) -> int:
        """Scan the rows that end within `data`; return how many bytes they have. `final`: `data` ends the file."""
        codes = np.frombuffer(data, np.uint8)
        line_ends = np.flatnonzero((codes == _LF) | (codes == _CR) if b"\r" in data else codes == _LF)
        self.marks |= b'"' in data
        quoted = self._quoted(data, codes, final) if self.marks and self.quoting != "none" else None
        ends = line_ends if quoted is None else line_ends[quoted.outside(line_ends)]
        if not final and len(ends) and ends[-1] == len(data) - 1 and data[-1] == _CR:
            ends = ends[:-1]  # a line feed may follow
        if not len(ends) and not final:
            return 0
        used = len(data) if final else int(ends[-1]) + 1
        after = codes[ends - 1]  # empty lines are not rows, and CR LF is one line end
        self.rows += int(np.count_nonzero((ends > 0) & (after != _LF) & (after != _CR)))
        self.rows += final and data[-1] not in (_LF, _CR)
        needless = self._needless(data, quoted, codes, line_ends)
        self._note_stray(data, codes, quoted)
        if self.widths or (self.doubtful and self.columns and (len(needless) or not self.all_plain)):
            self._compare_rows(data[:used], codes[:used], quoted, needless)
        self.line += int(np.searchsorted(line_ends, used)) - (data[:used].count(b"\r\n") if b"\r" in data else 0)
        return used

    @property
    def doubtful(self) -> bool:
        """Whether marks around values may be part of the text, because TSV files are often written without quoting."""
        return self.quoting is None and self.delimiter == _TAB

    @property
    def all_plain(self) -> bool:
        """Whether every column to be read has a value without marks."""
        return all(place in self.seen and self.seen[place].plain for place in self.columns)

    def _quoted(self, data: bytes, codes: Bytes, final: bool) -> _Quoted:
        """Return the quoted values.

        A mark at the beginning of a value opens it. Adjacent marks form a group. Inside a quoted value, a group with an
        odd number of marks consists of doubled marks and the closing mark. At the beginning of a value, the first mark
        of the group opens the value, so a group with an even number also closes it.
        """
        marks = np.flatnonzero(codes == _MARK)
        heads = np.flatnonzero(np.diff(marks, prepend=-2) > 1)  # the first mark of each group
        sizes = np.diff(heads, append=len(marks))
        around = np.pad(codes, 1, constant_values=_LF)
        starting = np.flatnonzero(self._separates(around[marks[heads]]))
        odd = np.append(np.flatnonzero(sizes % 2), len(heads))  # the last entry stands for "never"
        ending = np.where(sizes[starting] % 2, odd[np.searchsorted(odd, starting, side="right")], starting)
        if (ending[:-1] >= starting[1:]).any():  # some groups seem to open a value but are inside one
            chosen, until = [], -1
            for place, (start, end) in enumerate(zip(starting.tolist(), ending.tolist(), strict=True)):
                if start > until:
                    chosen.append(place)
                    until = end
            starting, ending = starting[chosen], ending[chosen]
        opens, ended = marks[heads[starting]], ending[ending < len(heads)]
        closes = marks[heads[ended] + sizes[ended] - 1]
        if not final and len(closes) and closes[-1] == len(data) - 1:
            closes = closes[:-1]  # another mark may follow
        wrong = np.flatnonzero(~self._separates(around[closes + 2]))
        if len(wrong):
            start = int(opens[wrong[0]])
            what = f"text follows the closing quotation mark of {_shown(data, start)}"
            raise self.error(data[:start], f'{what}; {_PLAIN}, else write a mark inside a value as ""')
        if final and len(closes) < len(opens):
            start = int(opens[-1])
            what = f"the quotation mark before {_shown(data, start)} has no closing mark"
            raise self.error(data[:start], f"{what}; {_PLAIN}, else add the closing mark")
        return _Quoted(opens, closes, marks)

    def _needless(self, data: bytes, quoted: _Quoted | None, codes: Bytes, line_ends: Positions) -> Positions:
        """Return the opening positions of values with needless marks, if the task does not set `quoting`."""
        if not self.doubtful or quoted is None or not len(quoted.opens):
            return np.array([], np.int64)
        tabs = np.flatnonzero(codes == _TAB)
        within = tabs[~quoted.outside(tabs)]
        within = within[within < quoted.closes[-1]] if len(quoted.closes) else within[:0]
        if len(within):
            start = int(quoted.opens[np.searchsorted(quoted.opens, within[0]) - 1])
            what = f"a tab stands between the quotation mark before {_shown(data, start)} and the next mark"
            raise self.error(data[:start], f"{what}; {_EITHER}")
        return quoted.needless(line_ends)

    def _note_stray(self, data: bytes, codes: Bytes, quoted: _Quoted | None) -> None:
        """Note marks inside unquoted values, and refuse backslashes before them."""
        if quoted is None or self.quoting is not None:
            return
        stray = quoted.stray()
        escaped = stray[codes[stray - 1] == _BACKSLASH]  # a stray mark is never the first character of a value
        if len(escaped):
            what = f"a backslash stands before a quotation mark; {_PLAIN}, else enclose such values in marks"
            raise self.error(data[: int(escaped[0])], f'{what} and write each mark inside as ""')
        self.stray |= bool(len(stray))
        self.enclosed |= bool((quoted.closes - quoted.opens[: len(quoted.closes)] > 1).any())

    def _compare_rows(self, data: bytes, codes: Bytes, quoted: _Quoted | None, needless: Positions) -> None:
        """Compare the widths of complete rows and, if quoting is in doubt, the values with and without marks."""
        separators = np.flatnonzero(self._separates(codes))
        separators = separators if quoted is None else separators[quoted.outside(separators)]
        starts, stops, ends = _values(codes, separators, self.delimiter)
        last = np.flatnonzero(ends)
        first = np.append(0, last[:-1] + 1)
        sizes = last - first + 1
        filled = (sizes > 1) | (starts[first] < stops[first])
        if not self.width and filled.any():
            self.width = int(sizes[filled][0])
        wrong = np.flatnonzero(filled & (sizes != self.width))
        if len(wrong):
            size = sizes[wrong[0]]
            what = f"{size} {'value' if size == 1 else 'values'}, but the header has {self.width}; mend the line"
            raise self.error(data[: starts[first[wrong[0]]]], what)
        in_filled = np.repeat(filled, sizes)
        for place, name in self.columns.items() if self.doubtful else ():
            of_column = slice(place, None, self.width)
            self._compare(data, codes, place, name, starts[in_filled][of_column], stops[in_filled][of_column], needless)

    def _compare(
        self, data: bytes, codes: Bytes, place: int, name: str, starts: Positions, stops: Positions, needless: Positions
    ) -> None:
        """Refuse a column if some of its values have needless marks and others have none."""
        seen = self.seen.setdefault(place, _Seen())
        begun = codes[starts.clip(max=len(codes) - 1)] == _MARK
        if not seen.plain:
            bare = (starts < stops) & ~begun
            values = zip(starts[bare].tolist(), stops[bare].tolist(), strict=True)
            seen.plain = any(data[start:stop] not in _NULLS for start, stop in values)
        if seen.enclosed is None and len(enclosed := starts[begun & (stops - starts > 2)]):
            start = int(enclosed[0])
            what = f"marks enclose {_shown(data, start)}, but other values contain marks and are not enclosed"
            seen.enclosed = self.error(data[:start], f"{what}; {_EITHER}")
        if seen.needless is None and len(unneeded := starts[np.isin(starts, needless)]):
            start = int(unneeded[0])
            what = f"marks enclose {_shown(data, start)}, but other values of column '{name}' have none"
            seen.needless = self.error(data[:start], f"{what}; {_EITHER}")
        if seen.plain and seen.needless:
            raise seen.needless
        if self.stray and seen.enclosed:
            raise seen.enclosed

    def _separates(self, codes: Bytes) -> Mask:
        separates: Mask = (codes == self.delimiter) | (codes == _LF) | (codes == _CR)
        return separates


def _values(codes: Bytes, separators: Positions, delimiter: int) -> tuple[Positions, Positions, Mask]:
    """Return the start and stop of each value, and whether it ends a row. After a final line end comes an empty row."""
    kinds = codes[separators]
    pairs = (kinds[1:] == _LF) & (kinds[:-1] == _CR) & (np.diff(separators) == 1)
    kept = ~np.concatenate(([False], pairs))[: len(kinds)]
    lengths = 1 + np.concatenate((pairs, [False]))[: len(kinds)]
    starts = np.concatenate(([0], (separators + lengths)[kept]))
    return starts, np.append(separators[kept], len(codes)), np.append(kinds[kept] != delimiter, True)


def _lines(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _shown(data: bytes, start: int) -> str:
    """Return the beginning of the value after the mark at `start`, for a message."""
    return repr(re.split(r"[\t\r\n\"]", data[start + 1 : start + 31].decode(errors="ignore"))[0])
