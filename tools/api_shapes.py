#!/usr/bin/env python3
"""Writes the shape tables of src/api from botocore's service models.

    python tools/api_shapes.py            writes src/api/<service>_shapes.cc for every service
    python tools/api_shapes.py --check    exit 1 if a committed table is not what it would write

tools/api_shapes.toml lists the services' operations and where Clary deviates from a model. The model
is that of the botocore which tests/compat/requirements-sdk2.txt pins; without that very release the
tool does nothing and says so (exit 77, which ctest shows as skipped).
"""
import gzip
import json
import pathlib
import re
import sys
import textwrap
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "tools/api_shapes.toml"
PINS = ROOT / "tests/compat/requirements-sdk2.txt"
SKIPPED = 77
MAX_REPEAT = 1000  # RE2's limit

# The model's types and the functions of api/internal/shape_rows.h that make them.
LIMITED = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double", "blob": "Blob"}
PLAIN = {"boolean": "Boolean", "timestamp": "Timestamp"}
NO_LIMITS = ["kNoMin", "kNoMax"]


def load_model(service):
    import botocore
    folder = pathlib.Path(botocore.__file__).parent / "data" / service
    newest = sorted(folder.iterdir())[-1]
    packed = newest / "service-2.json.gz"
    if packed.exists():
        return json.loads(gzip.decompress(packed.read_bytes()))
    return json.loads((newest / "service-2.json").read_text())


def to_re2(name, pattern, has_max):
    """The model's pattern, a Java expression that must match the whole text, for RE2."""
    if re.search(r"\(\?[=!<]", pattern):
        raise SystemExit(f"{name}: RE2 has no look-around: give `pattern` in {SETTINGS.name}: {pattern!r}")
    # Characters above U+FFFF are pairs of surrogates to Java, characters to RE2.
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}")
    pattern = re.sub(r"\\u([0-9A-Fa-f]{4})", r"\\x{\1}", pattern)
    pattern = pattern.replace(r"\p{Alnum}", "[:alnum:]")  # the models use it inside brackets only
    pattern = pattern.replace(r"\p{Print}", r"[\x20-\x7E]")

    def repeat(match):
        low, high = int(match[1]), match[2]
        if not high or int(high) <= MAX_REPEAT:
            return match[0]
        if low > MAX_REPEAT or not has_max:
            raise SystemExit(f"{name}: RE2 repeats at most {MAX_REPEAT} times: {pattern!r}")
        return "{%d,}" % low  # the text's length has a limit of its own
    return re.sub(r"\{(\d+),(\d*)\}", repeat, pattern)


def literal(text):
    return json.dumps(text) if "\\" not in text else 'R"(' + text + ')"'


def rows(head, items):
    """An array's definition, as many items a line as fit."""
    line = f"{head} = {{{', '.join(items)}}};"
    if len(line) <= 100:
        return line
    text = textwrap.fill(", ".join(item.replace(" ", "\0") for item in items), 100,
                         initial_indent="    ", subsequent_indent="    ", break_long_words=False,
                         break_on_hyphens=False)
    return f"{head} = {{\n{text}}};".replace("\0", " ")


class Table:
    """The shapes that a service's operations reach, as C++ definitions in an order that compiles."""

    def __init__(self, service, settings):
        self.service = service
        self.model = load_model(settings.get("model", service))
        self.settings = settings
        self.shapes = dict(self.model["shapes"])
        self.overrides = settings.get("shapes", {})
        self.used = set()
        for name, shape in settings.get("add", {}).items():
            self.shapes[name] = {k: v for k, v in shape.items() if k != "why"}
        self.checked = self.reach("input")  # what requests hold: only that has its patterns
        self.lines = []
        self.state = {}  # shape -> "open" while its parts are written, then "done"

    def reach(self, end):
        """The names of all shapes that the operations' inputs or outputs hold."""
        operations = [self.model["operations"].get(name, {}) for name in self.settings["operations"]]
        todo = [o[end]["shape"] for o in operations if end in o]
        seen = set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            shape = self.shapes[name]
            todo += [m["shape"] for m in shape.get("members", {}).values()]
            todo += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
            todo += [self.overrides[name]["item"]] if "item" in self.overrides.get(name, {}) else []
        return seen

    def override(self, name):
        self.used.add(name)
        return self.overrides.get(name, {})

    def anchored(self, name, pattern):
        """The pattern as AWS prints it: its model once had these anchors, its messages still do."""
        for anchors, names in self.settings.get("anchors", {}).items():
            if name in names:
                return "^" + pattern + anchors[1:]
        return pattern

    def ref(self, name):
        """A pointer to the shape, which is written first if it is not yet there."""
        if self.state.get(name) == "open":
            forward = f"extern const Shape k{name};"
            if forward not in self.lines:
                self.lines.insert(0, forward)
        elif name not in self.state:
            self.write(name)
        return f"&k{name}"

    def write(self, name):
        self.state[name] = "open"
        shape = self.shapes[name]
        change = self.override(name)
        for like in self.settings.get("open_enums", {}).values():
            if name in like["names"]:
                change = like
        kind = shape["type"]
        limits = [change.get(end, shape.get(end, none)) for end, none in zip(("min", "max"), NO_LIMITS)]
        if kind == "string" and "enum" in shape:
            values = [json.dumps(value) for value in change.get("shown", shape["enum"])]
            self.lines.append(rows(f"constexpr std::string_view k{name}Values[]", values))
            row = [f"Enum(k{name}Values"] + ([literal(change["pattern"])] if "pattern" in change else [])
        elif kind == "string":
            row = ["String("] + limits
            if "pattern" in shape and name in self.checked:
                plain = shape["pattern"]
                pattern = change.get("pattern") or to_re2(name, plain, limits[1] != NO_LIMITS[1])
                printed = self.anchored(name, plain)
                row += [literal(pattern)] + ([literal(printed)] if printed != pattern else [])
        elif kind == "list":
            row = ["List(" + self.ref(change.get("item", shape["member"]["shape"]))] + limits
        elif kind == "map":
            row = ["Map(" + self.ref(shape["key"]["shape"]),
                   self.ref(change.get("item", shape["value"]["shape"]))] + limits
        elif kind == "structure":
            required = set(shape.get("required", [])) | set(change.get("required", []))
            members = [f'{{"{member}", {self.ref(to["shape"])}'
                       + (", true}" if member in required else "}")
                       for member, to in shape["members"].items()]
            if members:
                self.lines.append(rows(f"constexpr Member k{name}Members[]", members))
            row = [f'{"Union" if shape.get("union") else "Structure"}("{name}"']
            row += [f"k{name}Members"] if members else []
        elif kind in LIMITED:
            row = [LIMITED[kind] + "("] + limits
        else:
            row = [PLAIN[kind] + "("]
        while row[-1] in NO_LIMITS:
            row.pop()
        call = ", ".join(str(part) for part in row).replace("(, ", "(")
        self.lines.append(f"constexpr Shape k{name} = {call});")
        self.state[name] = "done"

    def text(self, version):
        operations = []
        for name in sorted(self.settings["operations"]):
            if name not in self.model["operations"]:
                raise SystemExit(f"{self.service} has no operation {name}")
            operation = self.model["operations"][name]
            ends = []
            for end in ("input", "output"):
                ends.append(self.ref(operation[end]["shape"]) if end in operation else "&kNothing")
            operations.append(f'{{"{name}", {ends[0]}, {ends[1]}}}')
        unknown = set(self.overrides) - self.used
        if unknown:
            raise SystemExit(f"{SETTINGS.name}: no operation of {self.service} uses {sorted(unknown)}")
        forwards = [line for line in self.lines if line.startswith("extern")]
        body = [line for line in self.lines if not line.startswith("extern")]
        title = self.service.capitalize().replace("Sagemaker", "SageMaker")
        return "\n".join([
            f"// Shapes of {self.model['metadata']['serviceFullName']}, as botocore {version} states them.",
            "// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.",
            "// clang-format off",
            '#include "api/internal/shape_rows.h"', '#include "api/shapes.h"', "",
            f"namespace clary::api::{self.service} {{", "namespace {", "",
            '[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");', *forwards, *body, "",
            rows("constexpr Operation kOperations[]", operations), "", "}  // namespace",
            f"}}  // namespace clary::api::{self.service}", "",
            "namespace clary::api {", "",
            f"std::span<const Operation> {title}Operations() {{ return {self.service}::kOperations; }}", "",
            "}  // namespace clary::api", ""])


def main():
    pinned = re.search(r"^botocore==(\S+)", PINS.read_text(), re.M)[1]
    try:
        import botocore
        version = botocore.__version__
    except ImportError:
        version = None
    if version != pinned:
        print(f"SKIPPED: needs botocore {pinned}, here is {version}: "
              f"run me with $(tools/venv.sh {PINS.relative_to(ROOT)})/bin/python")
        return SKIPPED
    stale = 0
    for service, settings in tomllib.loads(SETTINGS.read_text()).items():
        path = ROOT / f"src/api/{service}_shapes.cc"
        text = Table(service, settings).text(version)
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                print(f"{path.relative_to(ROOT)} is stale: run tools/api_shapes.py")
                stale = 1
        else:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main())
