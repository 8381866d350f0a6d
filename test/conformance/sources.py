"""sources.py - reads C and Python sources: which function a comment, or a call of DUTY, belongs to.

Not a compiler. It relies on how this tree is written: one declaration at a time on the outermost level,
and no macro that opens a brace.
"""
import ast
import re

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      |(?P<macro>(?m:^)[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)
      |(?P<mark>[{};])
      |(?P<text>[^"'/#{};]+|.)""",
    re.S | re.X)
NAME = re.compile(r"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*$")


class Item:
    """A declaration on the outermost level: kind is "function", "prototype", "table" or "other"."""

    def __init__(self, kind, name):
        self.kind, self.name = kind, name


def item_of(text, body):
    """The item whose text goes before its ';' (body False) or its '{' (True)."""
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", text, flags=re.S)
    before, equals, _ = text.partition("=")
    if equals:
        name = NAME.search(before.strip())
        return Item("table" if name else "other", name.group(1) if name else "")
    head = re.match(r"(.*?)\(", text, re.S)
    name = NAME.search(head.group(1).strip()) if head else None
    if name:
        return Item("function" if body else "prototype", name.group(1))
    return Item("other", " ".join(text.split())[:60])


def c_parts(source):
    """Yields (line, part, text, item): part "comment" or "code"; item is the Item it belongs to, or
    None for what stands at the top of the file."""
    waiting, declaration, item, depth, line, last_end = [], "", None, 0, 1, 0
    unended = None  # a struct or enum whose '}' was seen and whose ';' was not: it may name a variable
    seen_code = False
    pieces = []
    for match in TOKEN.finditer(source):
        kind, text, at = match.lastgroup, match.group(), line
        line += text.count("\n")
        if kind == "macro":
            seen_code = True
            name = re.match(r"\s*#\s*define\s+(\w+)", text)
            if name:
                yield at, "comment", text, Item("function", name.group(1))
        elif kind == "comment":
            if not seen_code:
                yield at, "comment", text, None
            elif depth or declaration.strip():
                pieces.append((at, "comment", text))
            elif at == last_end and item:
                yield at, "comment", text, item
            else:
                waiting.append((at, "comment", text))
        elif kind == "mark":
            if depth == 0 and text in "{;":
                if declaration.strip():
                    item = item_of(declaration, text == "{")
                    if unended:
                        unended.kind, unended.name = item.kind, item.name
                        item = unended
                    declaration = ""
                    waiting, pieces = [], waiting + pieces
                unended = None
            depth += {"{": 1, "}": -1}.get(text, 0)
            if depth == 0:
                last_end = at
                unended = item if text == "}" and item and item.kind == "other" else None
                for piece in pieces:
                    yield (*piece, item)
                pieces = []
        else:
            seen_code = seen_code or bool(text.strip())
            if depth:
                pieces.append((at, kind, text))
            else:
                declaration += text if kind == "text" else '""'
    for piece in waiting + pieces:
        yield (*piece, item)


def c_comments(source):
    """(line, text, item) of each comment; an item is complete when all of the source was read."""
    return [(at, text, item) for at, part, text, item in c_parts(source) if part == "comment"]


def c_calls(source, names):
    """(line, string, function) of each NAME("string") for the names given."""
    found, name, item_seen = [], None, None
    for at, part, text, item in c_parts(source):
        if part == "text":
            match = re.search(r"\b(\w+)\(\s*$", text)
            name, item_seen = (match.group(1), item) if match else (None, None)
        elif part == "string" and name in names and item is item_seen:
            found.append((at, text[1:-1], item.name))
            name = None
    return found


def py_calls(source, names):
    """The same for Python."""
    found = []

    def walk(node, function):
        for child in ast.iter_child_nodes(node):
            inner = child.name if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
            if (isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in names
                    and child.args and isinstance(child.args[0], ast.Constant)):
                found.append((child.lineno, child.args[0].value, function))
            walk(child, inner)

    walk(ast.parse(source), "<module>")
    return found
