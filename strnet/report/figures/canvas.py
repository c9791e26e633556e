"""One look for every figure: palette, type, axes, and SVG that follows the page's light or dark theme."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE: Final = MappingProxyType(
    {
        "ink": ("#1f2328", "#e8eaed"),
        "muted": ("#616b78", "#a3adba"),
        "grid": ("#dfe3e8", "#363d47"),
        "paper": ("#fffffe", "#171b21"),
        "network": ("#0072b2", "#56b1e6"),
        "observer": ("#3f4853", "#c6cdd6"),
        "clinical": ("#00875f", "#3fc79c"),
        "metadata": ("#a8518a", "#dd93c2"),
        "other": ("#7a6a00", "#cdbb4e"),
        "normal": ("#7d93a8", "#a3b8cb"),
        "osteopenia": ("#e09a00", "#f2b632"),
        "osteoporosis": ("#c23b16", "#f4764f"),
    }
)
"""Light and dark colour of each role. Scorers and classes are told apart under colour blindness (after Okabe
and Ito 2008) and by line style, marker or direct label as well."""

LINES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "network": "-",
        "observer": (0, (1, 1.2)),
        "clinical": (0, (5, 1.5)),
        "metadata": (0, (3, 1, 1, 1)),
    }
)
"""Line style of each scorer; another baseline is drawn solid."""

SIZE: Final = (4.7, 4.1)
"""Inches of an ordinary figure; text of 9 points is then 13 pixels in a column of the report."""

_PIXELS_PER_POINT: Final = 1.5
"""How large a figure is shown at most, so that the text of all of them has one size."""

_STYLE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "strnet",
        "text.parse_math": False,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9.0,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 9.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.8,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
    }
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure as a standalone SVG document, with the words that go with it.

    `name` is its file name without extension; `title` and `caption` are plain text; a `wide` one takes the
    full width of the page.
    """

    name: str
    title: str
    caption: str
    svg: str
    wide: bool = False

    @property
    def inline(self) -> str:
        """The SVG element alone, its colours bound to the page's theme, its ids its own."""
        return _inline(self.svg, self.name, self.title)


def colour(role: str) -> str:
    """Light-theme colour of a role; of a scorer without one, the colour for others."""
    return PALETTE.get(role, PALETTE["other"])[0]


def draw(name: str, title: str, caption: str, build: Callable[[], Figure], *, wide: bool = False) -> Drawing:
    """The figure that `build` returns, drawn in the house style."""
    import matplotlib

    style: Any = {**_STYLE, **_inks()}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # letters stay letters in the SVG, so the reader's fonts draw those that matplotlib's lack
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        buffer = io.StringIO()
        build().savefig(
            buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")), dpi=110
        )
    return Drawing(name, legal_xml(title), caption, legal_xml(buffer.getvalue()), wide)


def blank(width: float = SIZE[0], height: float = SIZE[1], **subplots: Any) -> tuple[Figure, Any]:
    """An empty figure of that many inches and its axes, as `Figure.subplots` gives them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=colour("paper"))
    return figure, figure.subplots(**subplots)


def unit_square(axes: Axes, x_label: str, y_label: str) -> None:
    """Make `axes` a square from 0 to 1 with a grid and these labels."""
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), xlabel=x_label, ylabel=y_label)
    axes.set_aspect("equal")
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.grid(True)


def legend_below(figure: Figure, axes: Axes) -> None:
    """Draw a legend under the axes, where it hides nothing, its words in the colour of their line."""
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    legend = figure.legend(handles=lines, loc="outside lower left", handlelength=2.2, borderpad=0.2)
    for line, text in zip(lines, legend.get_texts(), strict=True):
        text.set_color(line.get_markeredgecolor() if line.get_linestyle() == "None" else line.get_color())


def beside(axes: Axes, text: str, height: float) -> None:
    """Write small words to the right of the axes at a height in data units, where no curve runs."""
    axes.annotate(
        text, (1.0, height), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
        ha="left", va="center", fontsize=8, color=colour("muted"), annotation_clip=False,
    )  # fmt: skip


def shortened(text: str, letters: int = 30) -> str:
    """`text` with an ellipsis where it would take the axes' room."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def legal_xml(text: str) -> str:
    """`text` without the control characters that XML 1.0 forbids even escaped."""
    return re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _inks() -> dict[str, Any]:
    ink, muted, grid, paper = (colour(role) for role in ("ink", "muted", "grid", "paper"))
    return {
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": muted,
        "axes.facecolor": paper,
        "grid.color": grid,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "savefig.facecolor": paper,
    }


def _inline(svg: str, prefix: str, title: str) -> str:
    from html import escape

    element = svg[svg.index("<svg") :]
    element = re.sub(r"<style.*?</style>", "", element, count=1, flags=re.DOTALL)
    width, height = (float(size) for size in re.findall(r'(?:width|height)="([\d.]+)pt"', element)[:2])
    opening = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:g} {height:g}" style="max-width: {_PIXELS_PER_POINT * width:.0f}px" '
        f'role="img" aria-label="{escape(title)}">'
    )
    # within tags only: the text between them is somebody's words
    body = re.sub(r"<[^>]+>", lambda tag: _themed(tag[0], prefix), element[element.index(">") + 1 :])
    return opening + body


def _themed(tag: str, prefix: str) -> str:
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = re.sub(r'\bid="', f'id="{prefix}-', tag)
    tag = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", tag)
    for role, (light, _) in PALETTE.items():
        tag = tag.replace(light, f"var(--{role})")
    return tag
