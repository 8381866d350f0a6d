#!/usr/bin/env python3
"""Writes the table of the 79 functions as C: parameters from the facts of test/header, access from
the service's interface. Usage: functions.py TOP OUTPUT"""
import csv
import pathlib
import re
import sys


def facts(top):
    path = top / 'test/header/data/functions.tsv'
    with open(path, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE))


def accesses(top):
    text = (top / 'src/bus/interface.h').read_text()
    # A row may go over several lines; its access is the last word in it.
    return dict(re.findall(r'\bX\(([A-Z]\w+), .*?\b(BUS_(?:LIST|CHANGE|SECRET))\)', text, re.S))


def access_of(generic, table):
    """A listing with more in it asks the service for the same; so do other names of one thing."""
    others = {'SetupPersistentIScsiVolumes': 'SetupPersistentIScsiDevices'}
    for name in (generic, re.sub('Ex$', '', generic), others.get(generic)):
        if name in table:
            return table[name]
    return '-1'


def parameters(row):
    for part in (row['params'] or '').split('; '):
        if part:
            name, kind, way = part.split(':')
            yield name, kind, way.split(',')


def is_pointer(kind):
    return kind.startswith('P') or kind.endswith('*')


def function(row, access):
    name = row['name']
    generic = row['generic_name'] if row['variant'] != '-' else name
    values, rows = [], []
    for at, (parameter, kind, way) in enumerate(parameters(row)):
        pointer = is_pointer(kind)
        values.append(f'v[{at}].p' if pointer else f'({kind})v[{at}].n')
        rows.append('{ "%s", "%s", %s, %s, %s }' % (
            parameter, kind, str(pointer).lower(), str('out' in way[0]).lower(),
            str('opt' in way).lower()))
    unused = '' if values else '\t(void)v;\n'
    thunk = (f'static ISDSC_STATUS call_{name}(const union api_value *v)\n{{\n{unused}'
             f'\treturn {name}({", ".join(values)});\n}}\n')
    entry = (f'\t{{ "{name}", "{generic}", \'{row["variant"]}\', '
             f'{access_of(generic, access)}, {len(rows)},\n\t  {{ {", ".join(rows) or "{ 0 }"} }}, '
             f'call_{name} }},')
    return thunk, entry


def main():
    top, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    access = accesses(top)
    made = [function(row, access) for row in facts(top)]
    text = ['#include "api_functions.h"', '#include "bus/interface.h"', '']
    text += [thunk for thunk, _ in made]
    text += ['const struct api_function api_functions[API_FUNCTIONS] = {']
    text += [entry for _, entry in made] + ['};', f'_Static_assert(API_FUNCTIONS == {len(made)}, "");']
    output.write_text('\n'.join(text) + '\n')


main()
