/*
 * text.h - the library's two text forms: A is UTF-8, W is UTF-16 (RFC 3629, RFC 2781).
 *
 * Pure functions. Inside, and on the bus, text is UTF-8.
 */
#ifndef ISCSIDSC_CLIENT_TEXT_H
#define ISCSIDSC_CLIENT_TEXT_H

#include <iscsidsc.h>

#include <stddef.h>
#include <sys/types.h>

/*
 * Copies a caller's text as UTF-8 with its NUL to `to`, which has `room` bytes. At most `limit`
 * characters of the caller's memory are looked at. Returns the length in bytes without NUL, or
 *   -EINVAL        no NUL among the first `limit` characters
 *   -EILSEQ        not UTF-8, or a lone surrogate
 *   -ENAMETOOLONG  more than room - 1 bytes
 */
ssize_t text_get_a(const CHAR *text, size_t limit, char *to, size_t room);
ssize_t text_get_w(const WCHAR *text, size_t limit, char *to, size_t room);

/* Characters that a UTF-8 text takes in the form, without NUL; 0 for what is not UTF-8. */
size_t text_units_a(const char *text);
size_t text_units_w(const char *text);

/*
 * Writes a UTF-8 text with its NUL to an array of `room` > 0 characters, cut at a whole character
 * where it does not fit, and clears the rest of the array. The array need not be aligned.
 */
void text_put_a(const char *text, void *to, size_t room);
void text_put_w(const char *text, void *to, size_t room);

#endif
