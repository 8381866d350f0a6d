/*
 * form.h - one source for the A and the W form: files that include it are compiled twice, once with
 * UNICODE defined. There the names of iscsidsc.h without a suffix mean that form, as in any program
 * for Windows, and FORM(x) is the helper of that form.
 */
#ifndef ISCSIDSC_CLIENT_FORM_H
#define ISCSIDSC_CLIENT_FORM_H

#include "client/text.h"

#ifdef UNICODE
typedef WCHAR TCHAR;
#define FORM(name) name##_w
#else
typedef CHAR TCHAR;
#define FORM(name) name##_a
#endif

#endif
