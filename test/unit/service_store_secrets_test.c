/*
 * service_store_secrets_test.c - secrets at rest: none is in a file of the folder, none opens in
 * another row or with another key, a lost key is told, and the right one brings everything back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/seal.h"
#include "service_fake_store.h"

static void fill(struct store *store)
{
	struct store_portal portal;
	struct store_target target;
	struct store_login login;
	struct store_ike ike = { .id_type = 2, .id_len = 1, .id = "x",
				 .key = { .bytes = "shared key 9", .len = 12 } };
	int64_t id;

	portal_make(&portal, "Host.Example", 9);
	target_make(&target, 9);
	login_make(&login, 9);
	assert_int_equal(store_put_portal(store, &portal), 0);
	assert_int_equal(store_put_target(store, &target), 0);
	assert_int_equal(store_put_login(store, &login, &id), 0);
	assert_int_equal(store_put_ike(store, &ike), 0);
	assert_int_equal(store_set_secret(store, "initiator-secret", "password-9 too", 14), 0);
	store_target_done(&target);
	store_login_done(&login);
}

/* How many secrets `fill` stored, in how many columns. */
enum { FILLED = 8 };

struct lost {
	unsigned count;
	char text[2048];
};

static void note(void *ctx, const char *what)
{
	struct lost *lost = ctx;

	lost->count++;
	strcat(lost->text, what);
	strcat(lost->text, "\n");
}

static void lost_list(struct store *store, struct lost *ret)
{
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(store_each_lost(store, note, ret), 0);
}

static void none_in_the_clear(void **state)
{
	struct store *store = open_store();
	struct stat st;

	(void)state;
	/* No key before there is a secret. */
	assert_int_equal(access(store_path(SEAL_FILE), F_OK), -1);
	fill(store);
	assert_false(folder_has("password-9"));
	assert_false(folder_has("shared key 9"));
	/* The test can see what is there. */
	assert_true(folder_has("Host.Example"));
	store_close(store);
	assert_int_equal(stat(store_path(SEAL_FILE), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
	store = open_store();
	store_close(store);
}

static void see_lost(void *ctx, const struct store_portal *portal)
{
	struct store_portal *ret = ctx;

	*ret = *portal;
}

static void lost_key_is_told(void **state)
{
	struct store *store = open_store();
	struct store_portal portal, same;
	struct lost lost;
	char secret[32];

	(void)state;
	fill(store);
	store_close(store);
	assert_int_equal(rename(store_path(SEAL_FILE), store_path("key.elsewhere")), 0);
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	assert_non_null(store_key_trouble(store));
	assert_non_null(strstr(store_key_trouble(store), SEAL_FILE));
	lost_list(store, &lost);
	assert_int_equal(lost.count, FILLED);
	assert_non_null(strstr(lost.text, "the password of the SendTargets portal iscsidsc 4294967295"
					  " host.example 3260\n"));
	assert_non_null(strstr(lost.text, "the secret initiator-secret\n"));
	assert_null(strstr(lost.text, "password-9"));
	assert_int_equal(store_get_secret(store, "initiator-secret", secret, 32), -ENOKEY);
	/* The record is there, without its password, and says so. */
	assert_int_equal(store_each_portal(store, see_lost, &portal), 0);
	assert_true(portal.options.password_lost);
	assert_int_equal(portal.options.password_len, 0);
	/* Put again as it was read, it still has what the right key opens. */
	portal.security_flags = 5;
	assert_int_equal(store_put_portal(store, &portal), 0);
	store_close(store);
	assert_int_equal(rename(store_path("key.elsewhere"), store_path(SEAL_FILE)), 0);
	store = open_store();
	assert_int_equal(store_each_portal(store, see_lost, &portal), 0);
	portal_make(&same, "Host.Example", 9);
	same.security_flags = 5;
	assert_memory_equal(&portal, &same, sizeof(same));
	store_close(store);
}

/* Whoever sets secrets anew goes on with a new key; the other ones stay lost. */
static void secrets_set_anew(void **state)
{
	struct store *store = open_store();
	struct lost lost;
	char secret[32];

	(void)state;
	fill(store);
	store_close(store);
	unlink(store_path(SEAL_FILE));
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	assert_int_equal(store_set_secret(store, "initiator-secret", "another one", 11), 0);
	store_close(store);
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	assert_int_equal(store_get_secret(store, "initiator-secret", secret, 32), 11);
	lost_list(store, &lost);
	assert_int_equal(lost.count, FILLED - 1);
	store_close(store);
}

static void unusable_key_is_told(void **state)
{
	struct store *store = open_store();
	struct store_portal portal;
	struct lost lost;
	char text[8];

	(void)state;
	fill(store);
	store_close(store);
	file_write(SEAL_FILE, "short", 5);
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	assert_non_null(strstr(store_key_trouble(store), store_path(SEAL_FILE)));
	lost_list(store, &lost);
	assert_int_equal(lost.count, FILLED);
	/* It is never replaced, so nothing new can be sealed; all else works. */
	portal_make(&portal, "10.0.0.9", 1);
	assert_int_equal(store_put_portal(store, &portal), -ENOKEY);
	assert_int_equal(store_set_secret(store, "x", "secret", 6), -ENOKEY);
	portal.options.password_len = 0;
	assert_int_equal(store_put_portal(store, &portal), 0);
	assert_int_equal(store_set(store, "a", "1", 1), 0);
	assert_int_equal(store_get(store, "a", text, sizeof(text)), 1);
	store_close(store);
}

/* Sealed texts that were exchanged in the file open nothing. */
static void rows_cant_be_swapped(void **state)
{
	struct store *store = open_store();
	struct store_portal a, b;
	struct lost lost;

	(void)state;
	portal_make(&a, "10.0.0.1", 1);
	portal_make(&b, "10.0.0.2", 2);
	assert_int_equal(store_put_portal(store, &a), 0);
	assert_int_equal(store_put_portal(store, &b), 0);
	store_close(store);
	store_sql("UPDATE portal SET address='10.0.0.3' WHERE address='10.0.0.1'");
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	lost_list(store, &lost);
	assert_int_equal(lost.count, 1);
	store_close(store);
	store_sql("UPDATE portal SET password=(SELECT password FROM portal WHERE address='10.0.0.2')"
		  " WHERE address='10.0.0.3'; UPDATE portal SET address='10.0.0.1'"
		  " WHERE address='10.0.0.3'");
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	lost_list(store, &lost);
	assert_int_equal(lost.count, 1);
	assert_non_null(strstr(lost.text, "10.0.0.1"));
	store_close(store);
}

static void damaged_seals_open_nothing(void **state)
{
	static const uint8_t secret[] = "a secret of some length";
	uint8_t sealed[sizeof(secret) + SEAL_OVERHEAD], opened[sizeof(secret)];
	struct seal *seal;
	int len;

	(void)state;
	assert_int_equal(seal_open(store_folder, NULL, &seal), 0);
	len = seal_put(seal, "me", secret, sizeof(secret), sealed);
	assert_int_equal(len, sizeof(sealed));
	assert_int_equal(seal_get(seal, "me", sealed, sizeof(sealed), opened, sizeof(opened)),
			 sizeof(secret));
	assert_memory_equal(opened, secret, sizeof(secret));
	assert_int_equal(seal_get(seal, "me", sealed, sizeof(sealed), opened, 5), -EMSGSIZE);
	assert_true(seal_get(seal, "you", sealed, sizeof(sealed), opened, sizeof(opened)) < 0);
	for (int cut = 0; cut < len; cut++)
		assert_true(seal_get(seal, "me", sealed, (size_t)cut, opened, sizeof(opened)) < 0);
	for (int bit = 0; bit < 8 * len; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(seal_get(seal, "me", sealed, sizeof(sealed), opened,
				     sizeof(opened)) < 0);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(seal_put(seal, "me", secret, SEAL_SECRET_MAX + 1, sealed), -EMSGSIZE);
	seal_close(seal);
}

/* ---- a credential of the service */

static void credential_write(const char *bytes, size_t len)
{
	setenv("CREDENTIALS_DIRECTORY", store_folder, 1);
	file_write(SEAL_CREDENTIAL, bytes, len);
}

static const char credential[] = "0123456789abcdef0123456789abcdef";

/* With it a copy of the state alone opens nothing; what an earlier file sealed is sealed anew. */
static void credential_takes_over(void **state)
{
	struct store *store = open_store();
	struct lost lost;
	char secret[32];

	(void)state;
	fill(store);
	store_close(store);
	credential_write(credential, 32);
	store = open_store();
	assert_int_equal(store_get_secret(store, "initiator-secret", secret, 32), 14);
	store_close(store);
	assert_int_equal(access(store_path(SEAL_FILE), F_OK), -1);
	store = open_store();
	store_close(store);
	credential_write("another credential of 32 bytes..", 32);
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	lost_list(store, &lost);
	assert_int_equal(lost.count, FILLED);
	store_close(store);
}

static void short_credential_is_refused(void **state)
{
	struct store *store;

	(void)state;
	credential_write("too short", 9);
	store = open_store_with((char[STORE_FILE_NAME_MAX]){ 0 });
	assert_non_null(strstr(store_key_trouble(store), SEAL_CREDENTIAL));
	/* It must not be replaced by a file that is worth less. */
	assert_int_equal(store_set_secret(store, "x", "secret", 6), -ENOKEY);
	assert_int_equal(access(store_path(SEAL_FILE), F_OK), -1);
	store_close(store);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_folder_make, store_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none_in_the_clear), TEST(lost_key_is_told), TEST(secrets_set_anew),
		TEST(unusable_key_is_told), TEST(rows_cant_be_swapped),
		TEST(damaged_seals_open_nothing), TEST(credential_takes_over),
		TEST(short_credential_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
