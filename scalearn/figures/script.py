"""The script that draws figures in a browser: Vega, Vega-Lite and vega-embed in one text, about 0.9 MB."""

from __future__ import annotations


def drawing_script() -> str:
    """Return JavaScript that defines `vegaEmbed`. It is that of the installed vl-convert, and asks no host."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle
