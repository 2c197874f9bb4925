"""Sphinx's configuration. The reference of settings and of the Python API is generated from the code."""

import importlib
import importlib.metadata
import inspect
import pkgutil
import re
from pathlib import Path

from sphinx.pycode import ModuleAnalyzer
from werkzeug.local import LocalProxy

import debonair
from debonair import config, rooms
from debonair.names import Service

project = "Debonair"
author = copyright = "The Debonair authors"
release = importlib.metadata.version("debonair")
extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "myst_parser"]
exclude_patterns = ["generated/settings.rst", "generated/puppet.md"]
# A public name is documented twice: as debonair.Problem, and as debonair.web.problems.Problem.
suppress_warnings = ["ref.python"]
source_suffix = {".rst": "restructuredtext"}

html_theme = "furo"
html_title = f"Debonair {release}"
html_static_path = ["_static"]
html_css_files = ["debonair.css"]
html_theme_options = {"navigation_with_keys": True}

autodoc_member_order = "bysource"
# What SQLAlchemy and gunicorn say of the methods that they declare refers to their own documentation.
autodoc_inherit_docstrings = False
python_maximum_signature_line_length = 88
# The contents of a page of the API are its modules: an entry for each method doubles the time of the build.
toc_object_entries = False

HERE = Path(__file__).parent
GENERATED = HERE / "generated"
PUPPET = HERE / "../../puppet/modules/debonair/REFERENCE.md"


def write(name, text):
    """Write a generated page unless it is there: Sphinx reads a page again when its file is newer."""
    page = GENERATED / name
    page.parent.mkdir(parents=True, exist_ok=True)
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


def heading(text, line="="):
    return f"{text}\n{line * len(text)}\n"


def settings_page(sample):
    """Return the reference of all options, from the sample file that is made of their declarations."""
    lines = []
    for block in sample.strip().split("\n\n")[1:]:
        *notes, last = block.splitlines()
        text = " ".join(note.removeprefix("# ") for note in notes)
        option = re.fullmatch(r"#(\w+) =(.*)", last)
        if option:
            value = f" Default: ``{option[2].strip()}``." if option[2].strip() else ""
            lines += [f"``{option[1]}``", f"    {notes[0].removeprefix('# ')}", ""]
            lines += [f"    {' '.join(note.removeprefix('# ') for note in notes[1:])}{value}", ""]
        else:
            lines += [heading(last.lstrip("#"), "-"), text, ""]
    return "\n".join(lines)


def public_name(name):
    """Return the directive that documents a public name of the package."""
    value = getattr(debonair, name)
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        return f".. auto{kind}:: debonair.{name}\n   :members:\n"
    if inspect.isfunction(value):
        return f".. autofunction:: debonair.{name}\n"
    # A variable has its docstring below its assignment, in the module that it comes from.
    analyzer = ModuleAnalyzer.for_module(f"debonair.{debonair._HOMES[name]}")
    analyzer.analyze()
    docs = "\n   ".join(analyzer.attr_docs.get(("", name), []))
    return f".. py:data:: {name}\n\n   {docs}\n"


def api_pages():
    """Return the pages of the Python API by name: the public names, and one page for each room."""
    names = "\n".join(public_name(name) for name in debonair.__all__)
    pages = {"debonair": f"{heading('debonair')}\n.. automodule:: debonair\n\n{names}"}
    for found in pkgutil.walk_packages(debonair.__path__, "debonair."):
        if found.name.endswith("__main__"):
            continue
        room = ".".join(found.name.split(".")[:2])
        top = heading(found.name, "=" if found.name == room else "-")
        text = f"{top}\n.. automodule:: {found.name}\n   :members:\n   :ignore-module-all:\n\n"
        pages[room] = pages.get(room, "") + text
    return pages


def puppet_page(reference):
    """Return the body of what puppet strings wrote, with headings one level higher and no links within."""
    body = reference[reference.index("\n## Classes") :]
    body = re.sub(r'<a name="[^"]*"></a>', "", body)
    body = re.sub(r"^#(#+ )", r"\1", body, flags=re.MULTILINE)
    body = re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", body)
    return re.sub(r"^```\w+$", "```text", body, flags=re.MULTILINE)


write("config.ini", config.sample(Service("your_service", Path(".")), rooms.sections()))
write("puppet.md", puppet_page(PUPPET.read_text()))
write("settings.rst", settings_page((GENERATED / "config.ini").read_text()))
pages = {f"{name}.rst": text for name, text in api_pages().items()}
for name, text in pages.items():
    write(f"api/{name}", text)
for page in (GENERATED / "api").glob("*.rst"):
    if page.name not in pages:
        page.unlink()


def skip_proxies(app, kind, name, member, skip, options):
    # A proxy has nothing to look at without an application; the page of public names documents it.
    return True if type(member) is LocalProxy else None


def readable_signature(app, kind, name, value, options, signature, returns):
    # Sphinx formats only what it can parse.
    return signature and signature.replace("<factory>", "..."), returns


def one_field_a_line(app, kind, name, value, options, lines):
    # A docstring may have two short fields on one line; reStructuredText wants each on its own.
    lines[:] = [part for line in lines for part in re.split(r"(?<=\S) (?=:(?:param|raises) [\w.]+:)", line)]


def setup(app):
    app.connect("autodoc-process-docstring", one_field_a_line)
    app.connect("autodoc-process-signature", readable_signature)
    app.connect("autodoc-skip-member", skip_proxies)
