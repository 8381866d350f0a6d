/*
 * service_fake_store.h - what tests of the store stand on: a folder of their own, the store in it,
 * and records whose every part tells the same number.
 */
#ifndef ISCSIDSC_TEST_SERVICE_FAKE_STORE_H
#define ISCSIDSC_TEST_SERVICE_FAKE_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/store.h"

extern char store_folder[64];

/* Fixtures of a test: it is made empty, and removed with all that is in it. */
int store_folder_make(void **state);
int store_folder_remove(void **state);
/* A path in it; one of a few buffers used in turn. */
const char *store_path(const char *name);

/* Asserts that it opens. open_store also asserts that nothing was put aside, and that no secret is
 * lost. */
struct store *open_store_with(char aside[STORE_FILE_NAME_MAX]);
struct store *open_store(void);
/* Runs SQL on the file itself. */
void store_sql(const char *sql);

/* The whole file; its length. At most a megabyte. */
size_t file_bytes(const char *name, uint8_t **ret);
void file_write(const char *name, const void *bytes, size_t len);
/* Whether a file of the folder has this text in it, in any of them. */
bool folder_has(const char *text);

/* Records number n. Those with heap parts are freed with store_*_done. */
void portal_make(struct store_portal *portal, const char *address, unsigned n);
void target_make(struct store_target *target, unsigned n);
void login_make(struct store_login *login, unsigned n);
/* Assert that every part of it is the same. */
void options_same(const struct options *a, const struct options *b);
void target_same(const struct store_target *a, const struct store_target *b);
void login_same(const struct store_login *a, const struct store_login *b);

#endif
