/* service_fake_store.c - see service_fake_store.h. */
#include "service_fake_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

char store_folder[64];

int store_folder_make(void **state)
{
	(void)state;
	strcpy(store_folder, "/tmp/store-test-XXXXXX");
	unsetenv("CREDENTIALS_DIRECTORY");
	return mkdtemp(store_folder) ? 0 : -1;
}

int store_folder_remove(void **state)
{
	DIR *dir = opendir(store_folder);
	struct dirent *entry;

	(void)state;
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(store_folder);
}

const char *store_path(const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", store_folder, name);
	return path;
}

struct store *open_store_with(char aside[STORE_FILE_NAME_MAX])
{
	struct store *store = NULL;
	char why[512] = "";

	if (store_open(store_folder, aside, why, sizeof(why), &store) < 0)
		fail_msg("%s", why);
	return store;
}

static void no_loss(void *ctx, const char *what)
{
	(void)ctx;
	fail_msg("lost: %s", what);
}

struct store *open_store(void)
{
	char aside[STORE_FILE_NAME_MAX];
	struct store *store = open_store_with(aside);

	assert_string_equal(aside, "");
	assert_null(store_key_trouble(store));
	assert_int_equal(store_each_lost(store, no_loss, NULL), 0);
	return store;
}

void store_sql(const char *sql)
{
	char *message = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(store_path(STORE_FILE), &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	sqlite3_close(db);
}

size_t file_bytes(const char *name, uint8_t **ret)
{
	static uint8_t bytes[1 << 20];
	int fd = open(store_path(name), O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, bytes, sizeof(bytes));

	close(fd);
	assert_true(len >= 0 && len < (ssize_t)sizeof(bytes));
	*ret = bytes;
	return (size_t)len;
}

void file_write(const char *name, const void *bytes, size_t len)
{
	int fd = open(store_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

bool folder_has(const char *text)
{
	DIR *dir = opendir(store_folder);
	struct dirent *entry;
	uint8_t *bytes;
	bool found = false;

	while (!found && (entry = readdir(dir))) {
		if (entry->d_type == DT_REG) {
			size_t len = file_bytes(entry->d_name, &bytes);

			found = memmem(bytes, len, text, strlen(text));
		}
	}
	closedir(dir);
	return found;
}

/* ---- records */

static void portal_fill(struct portal *portal, const char *address, unsigned n)
{
	memset(portal, 0, sizeof(*portal));
	portal->present = true;
	snprintf(portal->address, sizeof(portal->address), "%s", address);
	snprintf(portal->symbolic_name, sizeof(portal->symbolic_name), "lab \xc3\xa4 %u", n);
	portal->socket = 3260;
}

static void options_fill(struct options *o, unsigned n)
{
	memset(o, 0, sizeof(*o));
	o->present = true;
	o->specified = SPECIFIED_ALL;
	o->login_flags = 0x3f;
	o->auth_type = AUTH_CHAP;
	o->header_digest = 1;
	o->max_connections = 65535;
	o->time2wait = n;
	o->time2retain = UINT32_MAX;
	o->username_len = (uint8_t)snprintf((char *)o->username, sizeof(o->username), "user %u", n);
	o->password_len = (uint8_t)snprintf((char *)o->password, sizeof(o->password),
					    "password-%u", n);
}

static void key_fill(struct preshared_key *key, unsigned n)
{
	memset(key, 0, sizeof(*key));
	key->len = (uint16_t)snprintf((char *)key->bytes, sizeof(key->bytes), "shared key %u", n);
}

static void mappings_fill(struct mappings *mappings, unsigned n)
{
	mappings->present = true;
	mappings->os_bus = UINT32_MAX;
	mappings->os_target = n;
	mappings->count = 3;
	mappings->lun = calloc(3, sizeof(*mappings->lun));
	for (unsigned i = 0; i < 3; i++)
		mappings->lun[i] = (struct mapping_lun){ UINT64_MAX - i, n + i };
}

void portal_make(struct store_portal *portal, const char *address, unsigned n)
{
	memset(portal, 0, sizeof(*portal));
	strcpy(portal->instance, "iscsidsc");
	portal->port_number = PORT_NUMBER_ANY;
	portal->security_flags = 0x8000000000000000 | n;
	portal_fill(&portal->portal, address, n);
	options_fill(&portal->options, n);
}

void target_make(struct store_target *target, unsigned n)
{
	char address[32];

	memset(target, 0, sizeof(*target));
	strcpy(target->name, "iqn.2026-11.test:static");
	snprintf(target->alias, sizeof(target->alias), "alias %u", n);
	target->flags = n;
	target->persist = true;
	mappings_fill(&target->mappings, n);
	options_fill(&target->options, n);
	target->portal_count = 2 + n % 2;
	target->portals = calloc(target->portal_count, sizeof(*target->portals));
	for (unsigned i = 0; i < target->portal_count; i++) {
		snprintf(address, sizeof(address), "10.0.%u.%u", n % 250, i);
		portal_fill(&target->portals[i], address, n);
	}
}

void login_make(struct store_login *login, unsigned n)
{
	memset(login, 0, sizeof(*login));
	strcpy(login->name, "iqn.2026-11.test:login");
	login->informational = n % 2;
	login->port_number = 1;
	portal_fill(&login->portal, "Some.Host", n);
	login->security_flags = n;
	mappings_fill(&login->mappings, n);
	options_fill(&login->options, n);
	key_fill(&login->key, n);
	login->conn_count = 1 + n % 3;
	login->conns = calloc(login->conn_count, sizeof(*login->conns));
	for (unsigned i = 0; i < login->conn_count; i++) {
		struct store_login_conn *conn = &login->conns[i];

		conn->port_number = PORT_NUMBER_ANY;
		conn->security_flags = n;
		portal_fill(&conn->portal, "[fe80::1%eth0]", n);
		options_fill(&conn->options, n + i);
		key_fill(&conn->key, n + i);
	}
}

static void portal_same(const struct portal *a, const struct portal *b)
{
	assert_int_equal(a->present, b->present);
	assert_string_equal(a->address, b->address);
	assert_string_equal(a->symbolic_name, b->symbolic_name);
	assert_int_equal(a->socket, b->socket);
}

void options_same(const struct options *a, const struct options *b)
{
	assert_int_equal(a->time2wait, b->time2wait);
	assert_int_equal(a->username_len, b->username_len);
	assert_memory_equal(a->username, b->username, a->username_len);
	assert_int_equal(a->password_len, b->password_len);
	assert_memory_equal(a->password, b->password, a->password_len);
	assert_memory_equal(&a->present, &b->present, offsetof(struct options, username));
}

static void key_same(const struct preshared_key *a, const struct preshared_key *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->bytes, b->bytes, a->len);
	assert_int_equal(a->lost, b->lost);
}

static void mappings_same(const struct mappings *a, const struct mappings *b)
{
	assert_int_equal(a->present, b->present);
	assert_int_equal(a->os_bus, b->os_bus);
	assert_int_equal(a->os_target, b->os_target);
	assert_int_equal(a->count, b->count);
	for (unsigned i = 0; i < a->count; i++) {
		assert_int_equal(a->lun[i].target_lun, b->lun[i].target_lun);
		assert_int_equal(a->lun[i].os_lun, b->lun[i].os_lun);
	}
}

void target_same(const struct store_target *a, const struct store_target *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->alias, b->alias);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->persist, b->persist);
	mappings_same(&a->mappings, &b->mappings);
	options_same(&a->options, &b->options);
	assert_int_equal(a->portal_count, b->portal_count);
	for (unsigned i = 0; i < a->portal_count; i++)
		portal_same(&a->portals[i], &b->portals[i]);
}

void login_same(const struct store_login *a, const struct store_login *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->informational, b->informational);
	assert_string_equal(a->instance, b->instance);
	assert_int_equal(a->port_number, b->port_number);
	portal_same(&a->portal, &b->portal);
	assert_int_equal(a->security_flags, b->security_flags);
	mappings_same(&a->mappings, &b->mappings);
	options_same(&a->options, &b->options);
	key_same(&a->key, &b->key);
	assert_int_equal(a->conn_count, b->conn_count);
	for (unsigned i = 0; i < a->conn_count; i++) {
		const struct store_login_conn *x = &a->conns[i], *y = &b->conns[i];

		assert_int_equal(x->port_number, y->port_number);
		assert_int_equal(x->security_flags, y->security_flags);
		portal_same(&x->portal, &y->portal);
		options_same(&x->options, &y->options);
		key_same(&x->key, &y->key);
	}
}
