#!/usr/bin/env python3
"""Turns the tables of data/ into C that compiles only where the public headers agree with them."""
import csv
import pathlib
import re

DATA = pathlib.Path(__file__).parent / 'data'


def rows(name):
    with open(DATA / name, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE))


def check(condition, what):
    return f'CHECK({condition}, "{what}");'


# Structures of other Windows headers stand in no header of ours; three of them do as base types.
STRUCT_HEADERS = {'iscsidsc.h', 'guiddef.h', 'ntddscsi.h', 'winioctl.h'}


def structs():
    lines = []
    for row in rows('structs.tsv'):
        if row['header'] not in STRUCT_HEADERS:
            continue
        struct, field = row['struct'], row['field']
        if field == '__sizeof__':
            lines.append(check(f'sizeof({struct}) == {row["size"]}', f'size of {struct}'))
            lines.append(check(f'ALIGNOF({struct}) == {row["align"]}', f'alignment of {struct}'))
            continue
        member = f'(({struct} *)0)->{field}'
        name = f'{struct}.{field}'
        lines.append(check(f'offsetof({struct}, {field}) == {row["offset"]}', f'offset of {name}'))
        lines.append(check(f'sizeof({member}) == {row["size"]}', f'size of {name}'))
        # The type, by a pointer to the member: compiles without a warning only if it is the same.
        base, _, length = row['ctype'].partition('[')
        pointer = f'{base} (*p)[{length}' if length else f'{base} *p'
        lines.append(f'static inline void type_of_{struct}_{field}({struct} *s) '
                     f'{{ {pointer} = &s->{field}; (void)p; }}')
    return lines


def constants():
    lines = []
    for row in rows('enums_and_constants.tsv'):
        name, value = row['name'], row['value']
        if row['kind'] in ('constant', 'flag', 'enum') and \
                row['header'] in ('iscsidsc.h', 'minwindef.h'):
            lines.append(check(f'{name} == {value}', f'value of {name}'))
        elif row['kind'] == 'basetype':
            lines += base_type(name, value)
        elif row['kind'] == 'typedef':
            lines += typedef(name, value)
    return lines


def base_type(name, value):
    bits = re.match(r'(\d+)-bit', value)
    if bits:
        return [check(f'sizeof({name}) == {int(bits[1]) // 8}', f'size of {name}')]
    pointee = re.match(r'(\w+)\*', value)
    return [f'typedef {pointee[1]} *{name};']


def typedef(name, value):
    """A type may be declared again only as the same type."""
    either = re.match(r'(\w+) if UNICODE else (\w+)', value)
    if either:
        return ['#ifdef UNICODE', f'typedef {either[1]} {name};', '#else',
                f'typedef {either[2]} {name};', '#endif']
    if value.startswith('enum'):
        return [check(f'sizeof({name}) == 4', f'size of {name}')]
    return [f'typedef {value} {name};']


def errors():
    return [check(f'{row["name"]} == {row["value_hex"]}', f'value of {row["name"]}')
            for row in rows('errors.tsv')]


def functions():
    """A function may be declared again only with the same type; so may what its name means."""
    table = {row['name']: row for row in rows('functions.tsv')}
    lines = []
    for name, row in table.items():
        lines.append(f'{row["return_type"]} ISDSC_API {name}({parameters(row)});')
        if row['variant'] == 'A':
            generic = row['generic_name']
            other = table[generic + 'W']
            lines += ['#ifdef UNICODE', pointer(generic, parameters(other)), '#else',
                      pointer(generic, parameters(row)), '#endif']
    return lines


def parameters(row):
    types = [part.split(':')[1] for part in (row['params'] or '').split('; ') if part]
    return ', '.join(types) or 'void'


def pointer(generic, types):
    return (f'static inline int means_{generic}_(void) '
            f'{{ ISDSC_STATUS (*p)({types}) = {generic}; return p != NULL; }}')


HEAD = '''
#include <stddef.h>
#ifdef __cplusplus
#define CHECK(condition, what) static_assert(condition, what)
#define ALIGNOF(type) alignof(type)
extern "C" {
#else
#define CHECK(condition, what) _Static_assert(condition, what)
#define ALIGNOF(type) _Alignof(type)
#endif
'''

TAIL = '''
#ifdef __cplusplus
}
#endif
'''


def source(before=''):
    """The whole translation unit; `before` stands ahead of iscsidsc.h."""
    lines = structs() + constants() + errors() + functions()
    return '\n'.join([before, '#include <iscsidsc.h>', HEAD, *lines, TAIL])


def exported():
    return {row['name'] for row in rows('functions.tsv')}
