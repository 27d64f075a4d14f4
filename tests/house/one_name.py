#!/usr/bin/env python3
"""Two types of one name in one namespace are one type to the linker, which takes whichever comes first.

    one_name.py DIR...    prints every name that is defined twice; exit code 1 if there is any

Reads definitions that begin a line (so no nested ones) of .h and .cc files, outside of anonymous namespaces.
"""
import collections
import pathlib
import re
import sys

NAMESPACE = re.compile(r"^(?:inline )?namespace\s*([\w:]*)\s*\{")
TYPE = re.compile(r"^(?:struct|class|enum(?: class)?|union)\s+(?:\[\[\w+\]\]\s*|\w+\([^)]*\)\s*)?([\w:]+)[^;]*\{")


def definitions(text):
    """(namespace::name, line number) of every type that `text` defines outside of anonymous namespaces."""
    open_namespaces = []
    specialisation = False
    for number, line in enumerate(text.split("\n"), 1):
        if found := NAMESPACE.match(line):
            if not line.rstrip().endswith("}"):
                open_namespaces.append(found[1])
        elif re.match(r"^\}\s*//\s*(?:inline )?namespace\b", line):
            open_namespaces.pop()
        elif line.startswith("template <>"):
            specialisation = True
            continue
        elif (found := TYPE.match(line)) and not specialisation and "" not in open_namespaces:
            yield "::".join(open_namespaces + [found[1]]), number
        specialisation = False


def main():
    places = collections.defaultdict(list)
    for top in sys.argv[1:]:
        for path in sorted(pathlib.Path(top).rglob("*")):
            # Programs of their own (tests, tools) meet no other's types in one link.
            if path.suffix in (".h", ".cc") and not path.stem.endswith("_test"):
                for name, line in definitions(path.read_text()):
                    places[name].append(f"{path}:{line}")
    if not places:
        sys.exit("no definitions found: is this the source tree?")
    twice = {name: at for name, at in places.items() if len(at) > 1}
    for name, at in sorted(twice.items()):
        print(f"{name} is defined {len(at)} times: {', '.join(at)}")
    sys.exit(1 if twice else 0)


if __name__ == "__main__":
    main()
