"""nbformat, imported without a second and a half that no notebook needs.

jsonschema, on which nbformat rests, compiles a grammar of international web addresses (RFC 3987) as soon as the package for
it is there, and JupyterLab brings it. The schema of notebooks has no such address, so here jsonschema is imported as if the
package were not installed. Import nbformat, or papermill, after this module.
"""

from __future__ import annotations

import sys
from typing import Any

_GRAMMAR = "rfc3987_syntax"
_modules: dict[str, Any] = sys.modules

if "jsonschema" not in _modules and _GRAMMAR not in _modules:
    _modules[_GRAMMAR] = None  # an import of it fails, which jsonschema expects
    try:
        import jsonschema  # type: ignore[import-untyped]  # noqa: F401
    finally:
        del _modules[_GRAMMAR]

import nbformat  # noqa: E402

__all__ = ["nbformat"]
