/*
 * windows.h - opt-in stand-in for programs that include <windows.h> before <iscsidsc.h>.
 *
 * What it is: the base types, macros and constants that such programs use beside the iSCSI calls.
 * What it is not: the Windows API; no function of Windows is declared here. It is found only with
 * -I<includedir>/iscsidsc/compat, so that it hides nobody's windows.h by accident.
 */
#ifndef ISCSIDSC_COMPAT_WINDOWS_H
#define ISCSIDSC_COMPAT_WINDOWS_H

#include <stdint.h>
#include <string.h>

/* The base types stand in iscsidsc.h alone, so that they can't differ from these. */
#include <iscsidsc.h>

typedef int BOOL;
typedef int INT;
typedef unsigned int UINT;
typedef uint8_t BYTE, *PBYTE, *LPBYTE;
typedef uint16_t WORD;
typedef int16_t SHORT;
typedef int64_t LONGLONG;
typedef size_t SIZE_T;
typedef uintptr_t ULONG_PTR, DWORD_PTR;
typedef DWORD *PDWORD, *LPDWORD;
typedef BOOLEAN *PBOOLEAN;
typedef ULONGLONG *PULONGLONG;
typedef LONG *PLONG;
typedef void *LPVOID;
typedef const void *LPCVOID;
typedef CHAR *LPSTR;
typedef const CHAR *LPCSTR, *PCSTR;
typedef WCHAR *LPWSTR;
typedef const WCHAR *LPCWSTR, *PCWSTR;

/* As on Windows, UNICODE decides what TCHAR and TEXT mean. L"" fits WCHAR with -fshort-wchar. */
#ifdef UNICODE
typedef WCHAR TCHAR;
#if defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2
#define ISCSIDSC_TEXT(text) L##text
#else
#define ISCSIDSC_TEXT(text) u##text
#endif
#else
typedef CHAR TCHAR;
#define ISCSIDSC_TEXT(text) text
#endif
#define TEXT(text) ISCSIDSC_TEXT(text)
typedef TCHAR *PTCHAR, *PTSTR, *LPTSTR;
typedef const TCHAR *PCTSTR, *LPCTSTR;

#define WINAPI
#define CALLBACK
#define IN
#define OUT
#define OPTIONAL
#define VOID void
#define CONST const

#define ZeroMemory(to, size) memset((to), 0, (size))
#define FillMemory(to, size, byte) memset((to), (byte), (size))
#define CopyMemory(to, from, size) memcpy((to), (from), (size))
#define MoveMemory(to, from, size) memmove((to), (from), (size))
#define UNREFERENCED_PARAMETER(name) ((void)(name))

#endif
