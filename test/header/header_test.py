#!/usr/bin/env python3
"""The public headers against the facts: layout, numbers, types, prototypes, exported symbols, and
that programs of each kind compile. Usage: header_test.py INCLUDE_DIR LIBRARY"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import facts

INCLUDE = LIBRARY = None
STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only']
COMPILERS = [c for c in ('gcc', 'clang') if shutil.which(c)]
FORMS = [[], ['-DUNICODE'], ['-DUNICODE', '-fshort-wchar'], ['-fshort-wchar']]

# A program for Windows: windows.h first, W calls with L"" text.
WINDOWS_PROGRAM = '''
#include <windows.h>
#include <iscsidsc.h>
int main(void)
{
    TCHAR name[MAX_ISCSI_NAME_LEN + 1];
    ISCSI_TARGET_PORTAL portal;
    DWORD count = 0;
    LPVOID nothing = NULL;
    ISDSC_STATUS status;
    static TCHAR target[] = TEXT("iqn.2001-04.com.example:disk");

    ZeroMemory(&portal, sizeof(portal));
    (void)nothing;
    portal.Socket = 3260;
    portal.Address[0] = TEXT('1');
    status = GetIScsiInitiatorNodeName(name);
    if (status == ERROR_SUCCESS)
        status = ReportIScsiTargetPortals(NULL, target, NULL, &count, NULL);
    return status == ISDSC_SERVICE_NOT_RUNNING ? TRUE : FALSE;
}
'''

# Types that a windows.h declares on its own, guards included.
FOREIGN = '''
#include <stdint.h>
#define _MINWINDEF_
typedef char CHAR; typedef unsigned char UCHAR, BOOLEAN; typedef unsigned short USHORT, WCHAR;
typedef int LONG; typedef unsigned int ULONG, DWORD; typedef unsigned long ULONGLONG;
typedef void *PVOID; typedef char *PCHAR, *PSTR; typedef UCHAR *PUCHAR;
typedef WCHAR *PWCHAR, *PWSTR; typedef USHORT *PUSHORT; typedef ULONG *PULONG;
'''


def compile_text(compiler, flags, text, language='c'):
    """Returns what the compiler has to say: nothing when it agrees."""
    standard = ['-x', 'c++', '-std=c++17'] if language == 'c++' else ['-x', 'c', '-std=c17']
    run = subprocess.run([compiler, *standard, *STRICT, '-Wno-unused-function', *flags,
                          f'-I{INCLUDE}', '-'],
                         input=text, text=True, capture_output=True)
    return '' if run.returncode == 0 else run.stderr or f'{compiler} failed'


class Headers(unittest.TestCase):
    def agree(self, text, language='c', flags=(), forms=FORMS):
        for compiler in COMPILERS:
            for form in forms:
                with self.subTest(compiler=compiler, form=form, language=language):
                    self.assertEqual('', compile_text(compiler, [*flags, *form], text, language))

    def test_facts_in_c(self):
        self.agree(facts.source())

    def test_facts_in_cpp(self):
        self.agree(facts.source(), 'c++')

    def test_facts_behind_a_foreign_windows_header(self):
        self.agree(facts.source(FOREIGN), forms=[[], ['-DUNICODE']])

    def test_facts_behind_our_windows_header(self):
        self.agree(facts.source('#include <windows.h>'), flags=[f'-I{INCLUDE}/compat'])

    def test_the_facts_see_a_wrong_header(self):
        """Each kind of mistake must be seen, else the tests above prove nothing."""
        text = (INCLUDE / 'iscsidsc.h').read_text()
        mistakes = [
            ('UCHAR ISID[6];', 'UCHAR ISID[7];'),
            ('ISCSI_LOGIN_OPTIONS_USERNAME 0x20', 'ISCSI_LOGIN_OPTIONS_USERNAME 0x21'),
            ('LogoutIScsiTarget(PISCSI_UNIQUE_SESSION_ID', 'LogoutIScsiTarget(PUCHAR'),
            ('typedef ULONG ISCSI_LOGIN_FLAGS', 'typedef ULONGLONG ISCSI_LOGIN_FLAGS'),
            ('LoginIScsiTarget LoginIScsiTargetA', 'LoginIScsiTarget LoginIScsiTargetW'),
        ]
        for right, wrong in mistakes:
            self.assertIn(right, text)
            with tempfile.TemporaryDirectory() as folder, self.subTest(mistake=wrong):
                shutil.copy(INCLUDE / 'iscsierr.h', folder)
                (pathlib.Path(folder) / 'iscsidsc.h').write_text(text.replace(right, wrong))
                self.assertNotEqual('', compile_text(COMPILERS[0], [f'-I{folder}'],
                                                     facts.source()))

    def test_each_header_stands_alone(self):
        for name in ('iscsierr.h', 'iscsidsc.h', 'iscsidsc_ext.h', 'compat/windows.h'):
            for language in ('c', 'c++'):
                self.agree(f'#include <{name}>\n', language, flags=['-Wshadow'])

    def test_a_windows_program(self):
        for language in ('c', 'c++'):
            self.agree(WINDOWS_PROGRAM, language, flags=[f'-I{INCLUDE}/compat'])

    def test_a_64_bit_ulong_is_refused(self):
        text = FOREIGN.replace('unsigned int ULONG', 'unsigned long ULONG')
        self.assertIn('ISCSIDSC_CHECK_WIDTHS',
                      compile_text(COMPILERS[0], [], text + '#include <iscsidsc.h>\n'))

    def test_exported_symbols(self):
        out = subprocess.run(['nm', '-D', '--defined-only', '--without-symbol-versions', LIBRARY],
                             text=True, capture_output=True, check=True).stdout
        symbols = {line.split()[2] for line in out.splitlines() if line.split()[1] in 'TDBRW'}
        extension = set(re.findall(r'ISDSC_STATUS ISDSC_API (\w+)\(',
                                   (INCLUDE / 'iscsidsc_ext.h').read_text()))
        self.assertEqual(79, len(facts.exported()))
        self.assertEqual(facts.exported() | extension, symbols)

    def test_every_function_is_documented(self):
        """The comment ahead of each function, A and W together, tells its errors and its sources."""
        documented = set()
        text = (INCLUDE / 'iscsidsc.h').read_text()
        for comment, functions in re.findall(
                r'/\*((?:(?!\*/).)*)\*/\s*((?:ISDSC_STATUS ISDSC_API \w+\([^;]*;\s*)+)', text, re.S):
            names = re.findall(r'ISDSC_API (\w+)\(', functions)
            with self.subTest(functions=names):
                self.assertLessEqual({name.removesuffix('A') for name in names},
                                     {names[0].removesuffix('A'), names[0].removesuffix('A') + 'W'})
                self.assertRegex(comment, r'\bErrors\b')
                self.assertRegex(comment, r'\[[DHSO]\]')
            documented.update(names)
        self.assertEqual(facts.exported(), documented)

    def test_soname(self):
        out = subprocess.run(['readelf', '-d', LIBRARY], text=True, capture_output=True,
                             check=True).stdout
        self.assertIn('[libiscsidsc.so.0]', out)


if __name__ == '__main__':
    INCLUDE, LIBRARY = pathlib.Path(sys.argv[1]), sys.argv[2]
    unittest.main(argv=sys.argv[:1])
