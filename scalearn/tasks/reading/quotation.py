"""The rows of a CSV or TSV file, counted and checked before any value is read: quotation marks, line ends, widths.

Quotation marks are read as RFC 4180 has it. A value that begins with a mark ends with the next single one, and may hold
delimiters, line ends and doubled marks in between; a mark elsewhere is a plain character. Programs that write without
quoting break that: a text that begins with a mark would swallow the rows up to the next mark. Such a file is refused
with the line; the task says `quoting: none` to have every mark read as a plain character, and every line as a row.
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
_NULLS = (b"NA", b"NULL", rb"\N")  # stand without marks also where a program encloses all texts
_PLAIN = "set `quoting: none` in the task's `source` if the marks are plain characters"
_EITHER = f"{_PLAIN}, `quoting: standard` if they enclose values"

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Shape(NamedTuple):
    """What the bytes of a file say.

    rows: how many follow the header; marks: whether one stands anywhere; enclosed: whether marks stand around a value
    that is not empty, though nobody says that the file has quoting.
    """

    rows: int
    marks: bool
    enclosed: bool


def scan(
    path: Path, delimiter: str, quoting: Quoting | None, columns: Mapping[int, str], block: int, widths: bool = False
) -> Shape:
    """Return the shape of a file; a UserError names the first line that does not say for certain what its row is.

    columns: the wanted ones, by place. A TSV file whose `quoting` nobody has said is also refused if some values of
    such a column stand between marks that they do not need, and others have none.
    block: bytes to look at in one go; no row may be longer, for the reader of the values has the same limit.
    widths: compare the number of values in each row, too. The reader of the values does that faster, but cannot tell
    the line.
    """
    table = _Table(path, ord(delimiter), quoting, columns, widths)
    with path.open("rb") as stream:
        rest = stream.read(len(_BOM)).removeprefix(_BOM)
        while found := stream.read(block):
            data = rest + found
            used = table.take(data, final=False)
            if not used and len(data) > block:
                raise table.endless(data, block)
            rest = data[used:]
        if rest:
            table.take(rest, final=True)
    if table.doubtful and table.stray and table.enclosed and not widths:
        return scan(path, delimiter, quoting, columns, block, widths=True)  # to see in which columns
    return Shape(max(table.rows - 1, 0), table.marks, table.enclosed)


@dataclass
class _Seen:
    """Of a column: whether a value stands without marks, and the complaints about the first one within marks."""

    plain: bool = False
    enclosed: UserError | None = None  # for a file in which other marks stand within values
    needless: UserError | None = None  # for a column in which other values have no marks


class _Quoted(NamedTuple):
    """The quoted values of some bytes, by the places of their marks; a last value without its end has no `closes`."""

    opens: Positions
    closes: Positions
    marks: Positions  # all

    def outside(self, places: Positions) -> Mask:
        """Tell which places are not within a quoted value."""
        found: Mask = np.searchsorted(self.opens, places) == np.searchsorted(self.closes, places)
        return found

    def stray(self) -> Positions:
        """Return the marks that stand within values that are not quoted."""
        opened = np.searchsorted(self.opens, self.marks, side="right")
        found: Positions = self.marks[opened == np.searchsorted(self.closes, self.marks)]
        return found

    def needless(self, line_ends: Positions) -> Positions:
        """Return where values open that hold neither marks nor line ends, yet something."""
        opens = self.opens[: len(self.closes)]
        inner = np.searchsorted(self.marks, self.closes) - np.searchsorted(self.marks, opens) > 1
        inner |= np.searchsorted(line_ends, self.closes) > np.searchsorted(line_ends, opens)
        return opens[~inner & (self.closes - opens > 1)]


@dataclass
class _Table:
    """The rows of a file as far as they were looked through."""

    path: Path
    delimiter: int
    quoting: Quoting | None
    columns: Mapping[int, str]
    widths: bool
    rows: int = 0  # the header is one of them
    line: int = 1  # where the next bytes begin
    width: int = 0  # values of a row
    marks: bool = False
    stray: bool = False  # a mark stands within a value that is not quoted
    enclosed: bool = False  # a value that is not empty is quoted
    seen: dict[int, _Seen] = field(default_factory=dict)

    def error(self, before: bytes, what: str) -> UserError:
        """Return the complaint about the line that begins after these bytes, or goes on there."""
        return UserError(f"{self.path}: line {self.line + _lines(before)}: {what}")

    def endless(self, data: bytes, block: int) -> UserError:
        """Return the complaint about a row without an end."""
        mend = "shorten it, or convert the file to JSONL or parquet"
        if self.quoting != "none" and b'"' in data:
            mend = f"end the value that a quotation mark begins, or {_PLAIN}"
        return self.error(b"", f"the row does not end within {block:,} bytes; {mend}")

    def take(self, data: bytes, final: bool) -> int:
        """Look through the rows that end within `data`; return the number of their bytes."""
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
        after = codes[ends - 1]  # an empty line is no row, nor is the line feed after a carriage return
        self.rows += int(np.count_nonzero((ends > 0) & (after != _LF) & (after != _CR)))
        self.rows += final and data[-1] not in (_LF, _CR)
        needless = self._needless(data, quoted, codes, line_ends)
        self._note_stray(data, codes, quoted)
        if self.widths or (self.doubtful and self.columns and (len(needless) or not self.all_plain)):
            self._look(data[:used], codes[:used], quoted, needless)
        self.line += int(np.searchsorted(line_ends, used)) - (data[:used].count(b"\r\n") if b"\r" in data else 0)
        return used

    @property
    def doubtful(self) -> bool:
        """Whether marks around values may belong to the text: TSV files are often written without quoting."""
        return self.quoting is None and self.delimiter == _TAB

    @property
    def all_plain(self) -> bool:
        """Whether every wanted column is known to have a value without marks."""
        return all(place in self.seen and self.seen[place].plain for place in self.columns)

    def _quoted(self, data: bytes, codes: Bytes, final: bool) -> _Quoted:
        """Return the quoted values.

        A mark opens one where a value begins. Marks side by side are taken together: within a quoted value, an odd
        number of them are doubled ones and the one that ends it; where a value begins, the first of them opens it, so
        that an even number ends it, too.
        """
        marks = np.flatnonzero(codes == _MARK)
        heads = np.flatnonzero(np.diff(marks, prepend=-2) > 1)  # the first mark of each group
        sizes = np.diff(heads, append=len(marks))
        around = np.pad(codes, 1, constant_values=_LF)
        starting = np.flatnonzero(self._separates(around[marks[heads]]))
        odd = np.append(np.flatnonzero(sizes % 2), len(heads))  # the last: never
        ending = np.where(sizes[starting] % 2, odd[np.searchsorted(odd, starting, side="right")], starting)
        if (ending[:-1] >= starting[1:]).any():  # some only look like a beginning: they stand within a value
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
            what = f"text follows the quotation mark that ends {_shown(data, start)}"
            raise self.error(data[:start], f'{what}; {_PLAIN}, else write a mark within a value as ""')
        if final and len(closes) < len(opens):
            start = int(opens[-1])
            what = f"no quotation mark ends what one begins before {_shown(data, start)}"
            raise self.error(data[:start], f"{what}; {_PLAIN}, else add the missing one")
        return _Quoted(opens, closes, marks)

    def _needless(self, data: bytes, quoted: _Quoted | None, codes: Bytes, line_ends: Positions) -> Positions:
        """Return where values open that need no marks, in a file of which nobody says that it has quoting."""
        if not self.doubtful or quoted is None or not len(quoted.opens):
            return np.array([], np.int64)
        tabs = np.flatnonzero(codes == _TAB)
        within = tabs[~quoted.outside(tabs)]
        within = within[within < quoted.closes[-1]] if len(quoted.closes) else within[:0]
        if len(within):
            start = int(quoted.opens[np.searchsorted(quoted.opens, within[0]) - 1])
            what = (
                f"a tab stands between the quotation mark before {_shown(data, start)} and the mark that would end it"
            )
            raise self.error(data[:start], f"{what}; {_EITHER}")
        return quoted.needless(line_ends)

    def _note_stray(self, data: bytes, codes: Bytes, quoted: _Quoted | None) -> None:
        """Remember marks within values that are not quoted; refuse backslashes before them."""
        if quoted is None or self.quoting is not None:
            return
        stray = quoted.stray()
        escaped = stray[codes[stray - 1] == _BACKSLASH]  # the first sign of a value is no stray mark
        if len(escaped):
            what = f"a backslash stands before a quotation mark; {_PLAIN}, else write the file anew with such values"
            raise self.error(data[: int(escaped[0])], f'{what} between marks and "" for a mark')
        self.stray |= bool(len(stray))
        self.enclosed |= bool((quoted.closes - quoted.opens[: len(quoted.closes)] > 1).any())

    def _look(self, data: bytes, codes: Bytes, quoted: _Quoted | None, needless: Positions) -> None:
        """Compare the widths of whole rows, and, where it is in doubt, what stands between marks and what does not."""
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
            what = f"{size} {'value' if size == 1 else 'values'} where the header has {self.width}; mend the line"
            raise self.error(data[: starts[first[wrong[0]]]], what)
        whole = np.repeat(filled, sizes)
        for place, name in self.columns.items() if self.doubtful else ():
            of_column = slice(place, None, self.width)
            self._compare(data, codes, place, name, starts[whole][of_column], stops[whole][of_column], needless)

    def _compare(
        self, data: bytes, codes: Bytes, place: int, name: str, starts: Positions, stops: Positions, needless: Positions
    ) -> None:
        """Refuse a column in which some values have marks that they do not need, and others have none."""
        seen = self.seen.setdefault(place, _Seen())
        begun = codes[starts.clip(max=len(codes) - 1)] == _MARK
        if not seen.plain:
            bare = (starts < stops) & ~begun
            values = zip(starts[bare].tolist(), stops[bare].tolist(), strict=True)
            seen.plain = any(data[start:stop] not in _NULLS for start, stop in values)
        if seen.enclosed is None and len(found := starts[begun & (stops - starts > 2)]):
            start = int(found[0])
            what = f"marks stand around {_shown(data, start)}, and elsewhere within values that have none around them"
            seen.enclosed = self.error(data[:start], f"{what}; {_EITHER}")
        if seen.needless is None and len(found := starts[np.isin(starts, needless)]):
            start = int(found[0])
            what = f"marks stand around {_shown(data, start)}, and other values of column '{name}' have none"
            seen.needless = self.error(data[:start], f"{what}; {_EITHER}")
        if seen.plain and seen.needless:
            raise seen.needless
        if self.stray and seen.enclosed:
            raise seen.enclosed

    def _separates(self, codes: Bytes) -> Mask:
        found: Mask = (codes == self.delimiter) | (codes == _LF) | (codes == _CR)
        return found


def _values(codes: Bytes, separators: Positions, delimiter: int) -> tuple[Positions, Positions, Mask]:
    """Return where each value begins and stops, and whether a row ends with it; after a line end, an empty row."""
    kinds = codes[separators]
    pairs = (kinds[1:] == _LF) & (kinds[:-1] == _CR) & (np.diff(separators) == 1)
    kept = ~np.concatenate(([False], pairs))[: len(kinds)]
    lengths = 1 + np.concatenate((pairs, [False]))[: len(kinds)]
    starts = np.concatenate(([0], (separators + lengths)[kept]))
    return starts, np.append(separators[kept], len(codes)), np.append(kinds[kept] != delimiter, True)


def _lines(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _shown(data: bytes, start: int) -> str:
    """Return the beginning of the value that the mark at `start` opens, for a message."""
    return repr(re.split(r"[\t\r\n\"]", data[start + 1 : start + 31].decode(errors="ignore"))[0])
