/*
 * service_ike_test.c - what is kept about IPsec: ids, which record counts, how long each lasts, and
 * which hosts are asked to be reached over IPsec alone.
 */
#include "service_fake_store.h"

#include <stdlib.h>
#include <string.h>

#include "iscsierr.h"
#include "service/ike.h"

static struct store *store;
static struct ike ike;

static void start(void)
{
	ike_init(&ike);
	store = open_store();
	assert_int_equal(ike_load(&ike, store), 0);
}

static void stop(void)
{
	ike_done(&ike);
	store_close(store);
}

static void restart(void)
{
	stop();
	start();
}

static int setup(void **state)
{
	int r = store_folder_make(state);

	start();
	return r;
}

static int teardown(void **state)
{
	stop();
	return store_folder_remove(state);
}

static struct store_ike record(const char *instance, uint32_t port, uint8_t type, const void *id,
			       size_t len, uint64_t flags, const char *key)
{
	struct store_ike made = { .port_number = port, .id_type = type, .id_len = (uint8_t)len,
				  .security_flags = flags };

	strcpy(made.instance, instance);
	memcpy(made.id, id, len);
	made.key.len = (uint16_t)strlen(key);
	memcpy(made.key.bytes, key, made.key.len);
	return made;
}

static struct store_ike named(const char *name, uint64_t flags, const char *key)
{
	return record("", PORT_NUMBER_ANY, IKE_FQDN, name, strlen(name), flags, key);
}

static uint32_t id_status(uint8_t type, const char *id, size_t len)
{
	struct store_ike made = record("", 1, type, id, len, 0, "");

	return ike_check_id(&made);
}

static void ids_are_judged_by_their_type(void **state)
{
	struct store_ike made = record("", 1, IKE_USER_FQDN, "Joe@HOST", 8, 0, "");

	(void)state;
	assert_int_equal(id_status(IKE_IPV4, "\x0a\0\0\1", 4), ERROR_SUCCESS);
	assert_int_equal(id_status(IKE_IPV4, "\x0a\0\0", 3), ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE);
	assert_int_equal(id_status(IKE_IPV4, "0123456789abcdef", 16), ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE);
	assert_int_equal(id_status(IKE_IPV6, "0123456789abcdef", 16), ERROR_SUCCESS);
	assert_int_equal(id_status(IKE_IPV6, "0123", 4), ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE);
	assert_int_equal(id_status(IKE_FQDN, "host.example", 12), ERROR_SUCCESS);
	assert_int_equal(id_status(IKE_FQDN, "", 0), ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE);
	assert_int_equal(id_status(IKE_FQDN, "host\0", 5), ERROR_INVALID_PARAMETER);
	assert_int_equal(id_status(IKE_FQDN, "joe@host", 8), ERROR_INVALID_PARAMETER);
	assert_int_equal(id_status(IKE_USER_FQDN, "host", 4), ERROR_INVALID_PARAMETER);
	for (unsigned type = 0; type < 256; type++)
		if (type != 1 && type != 2 && type != 3 && type != 5)
			assert_int_equal(id_status((uint8_t)type, "0123", 4),
					 ISDSC_IKE_ID_PAYLOAD_TYPE_NOT_SUPPORTED);
	assert_int_equal(ike_check_id(&made), ERROR_SUCCESS);
	assert_memory_equal(made.id, "Joe@host", 8);
}

static void the_nearest_record_counts(void **state)
{
	struct store_ike all = named("host", 1, "k1"), ports = all, port = all, own = all;
	struct store_ike wanted = record("own", 7, IKE_FQDN, "host", 4, 0, "");

	(void)state;
	strcpy(ports.instance, "own");
	ports.security_flags = 2;
	port.port_number = 7;
	port.security_flags = 3;
	strcpy(own.instance, "own");
	own.port_number = 7;
	own.security_flags = 4;
	assert_null(ike_find(&ike, &wanted));
	assert_int_equal(ike_set(&ike, store, &all, false), ERROR_SUCCESS);
	assert_int_equal(ike_find(&ike, &wanted)->security_flags, 1);
	assert_int_equal(ike_set(&ike, store, &port, false), ERROR_SUCCESS);
	assert_int_equal(ike_find(&ike, &wanted)->security_flags, 3);
	assert_int_equal(ike_set(&ike, store, &ports, false), ERROR_SUCCESS);
	assert_int_equal(ike_find(&ike, &wanted)->security_flags, 2);
	assert_int_equal(ike_set(&ike, store, &own, false), ERROR_SUCCESS);
	assert_int_equal(ike_find(&ike, &wanted)->security_flags, 4);
	/* What is set for one port says nothing of all of them. */
	wanted.port_number = PORT_NUMBER_ANY;
	assert_int_equal(ike_find(&ike, &wanted)->security_flags, 2);
	wanted.id[0] = 'm';
	assert_null(ike_find(&ike, &wanted));
}

/* By the portal, then by the initiator. */
static void the_best_record_counts_for_a_portal(void **state)
{
	struct ike_seeker seeker = { .host = "host", .address = "10.0.0.1", .port_number = 7 };
	const struct store_ike other = named("elsewhere", 0, "k");
	struct store_ike set[] = {
		record("", PORT_NUMBER_ANY, IKE_USER_FQDN, "joe@HOST", 8, 1, "k"),
		named("host", 2, "k"),
		record("", 7, IKE_FQDN, "host", 4, 3, "k"),
		record("own", PORT_NUMBER_ANY, IKE_FQDN, "host", 4, 4, "k"),
		record("own", 7, IKE_FQDN, "host", 4, 5, "k"),
		record("", PORT_NUMBER_ANY, IKE_IPV4, "\x0a\0\0\1", 4, 6, "k"),
	};

	(void)state;
	assert_int_equal(ike_set(&ike, store, &other, false), ERROR_SUCCESS);
	assert_null(ike_best(&ike, &seeker));
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		assert_int_equal(ike_set(&ike, store, &set[i], false), ERROR_SUCCESS);
		assert_int_equal(ike_best(&ike, &seeker)->security_flags, i + 1);
	}
	/* What is set for one port is for no other. */
	seeker = (struct ike_seeker){ .host = "host", .address = "10.0.0.2", .port_number = 8 };
	assert_int_equal(ike_best(&ike, &seeker)->security_flags, 4);
	seeker = (struct ike_seeker){ .host = "::1", .address = "::1", .port_number = 7 };
	assert_null(ike_best(&ike, &seeker));
}

static void the_best_tunnel_counts_for_a_portal(void **state)
{
	struct ike_seeker seeker = { .host = "host", .address = "10.0.0.1",
				     .port_number = PORT_NUMBER_ANY };
	const struct store_tunnel set[] = {
		{ "", PORT_NUMBER_ANY, "", "10.9.0.1" }, { "", PORT_NUMBER_ANY, "host", "10.9.0.2" },
		{ "", PORT_NUMBER_ANY, "10.0.0.1", "10.9.0.3" },
	};

	(void)state;
	assert_null(ike_outer(&ike, &seeker));
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		assert_int_equal(ike_set_tunnel(&ike, store, &set[i], false), ERROR_SUCCESS);
		assert_string_equal(ike_outer(&ike, &seeker), set[i].outer);
	}
	seeker.host = seeker.address = "10.0.0.2";
	assert_string_equal(ike_outer(&ike, &seeker), "10.9.0.1");
}

static void records_last_as_they_were_told_to(void **state)
{
	struct store_ike kept = named("kept", 0x11, "first key"), passing = named("passing", 2, "k");
	struct store_ike gone = named("kept", 0, "");

	(void)state;
	assert_int_equal(ike_set(&ike, store, &kept, true), ERROR_SUCCESS);
	assert_int_equal(ike_set(&ike, store, &passing, false), ERROR_SUCCESS);
	assert_int_equal(ike.identity_count, 2);
	restart();
	assert_int_equal(ike.identity_count, 1);
	assert_null(ike_find(&ike, &passing));
	assert_int_equal(ike_find(&ike, &kept)->security_flags, 0x11);
	assert_int_equal(ike_find(&ike, &kept)->key.len, 9);
	assert_memory_equal(ike_find(&ike, &kept)->key.bytes, "first key", 9);
	assert_false(folder_has("first key"));
	/* What replaces it for now does not bring the old one back later. */
	kept.security_flags = 0x13;
	assert_int_equal(ike_set(&ike, store, &kept, false), ERROR_SUCCESS);
	assert_int_equal(ike_find(&ike, &kept)->security_flags, 0x13);
	restart();
	assert_null(ike_find(&ike, &kept));
	assert_int_equal(ike_set(&ike, store, &kept, true), ERROR_SUCCESS);
	assert_int_equal(ike_set(&ike, store, &gone, false), ERROR_SUCCESS);
	assert_int_equal(ike_set(&ike, store, &gone, true), ISDSC_NO_AUTH_INFO_AVAILABLE);
	restart();
	assert_int_equal(ike.identity_count, 0);
}

static void their_number_has_a_limit(void **state)
{
	struct store_ike made = named("host-0000", 1, "k");

	(void)state;
	for (unsigned i = 0; i <= IKE_IDENTITIES_MAX; i++) {
		for (unsigned n = i, digit = 8; digit > 4; digit--, n /= 10)
			made.id[digit] = (uint8_t)('0' + n % 10);
		assert_int_equal(ike_set(&ike, store, &made, false), i < IKE_IDENTITIES_MAX
				 ? ERROR_SUCCESS : ISDSC_OUT_OF_RESOURCES);
	}
	/* One that is there can be changed all the same. */
	made = named("host-0000", 9, "k");
	assert_int_equal(ike_set(&ike, store, &made, false), ERROR_SUCCESS);
}

static void ids_that_are_hosts_ask_for_ipsec(void **state)
{
	static const uint8_t v6[16] = { 0xfe, 0x80, [15] = 1 };
	struct store_ike v4 = record("", 7, IKE_IPV4, "\x0a\0\0\1", 4, 3, "k");
	struct store_ike link = record("x", PORT_NUMBER_ANY, IKE_IPV6, v6, 16, 3, "k");
	struct store_ike name = named("host.example", 3, "k"), open = named("open.example", 2, "k");

	(void)state;
	assert_null(ike_flags(&ike, "10.0.0.1"));
	assert_int_equal(ike_set(&ike, store, &v4, false), ERROR_SUCCESS);
	assert_int_equal(ike_set(&ike, store, &link, false), ERROR_SUCCESS);
	assert_int_equal(ike_set(&ike, store, &name, false), ERROR_SUCCESS);
	assert_int_equal(ike_set(&ike, store, &open, false), ERROR_SUCCESS);
	assert_int_equal(*ike_flags(&ike, "10.0.0.1"), 3);
	assert_int_equal(*ike_flags(&ike, "fe80::1%eth0"), 3);
	assert_int_equal(*ike_flags(&ike, "FE80:0::1"), 3);
	assert_int_equal(*ike_flags(&ike, "Host.Example"), 3);
	assert_null(ike_flags(&ike, "open.example"));
	assert_null(ike_flags(&ike, "10.0.0.2"));
}

static void the_group_key_lasts_or_not(void **state)
{
	struct preshared_key key = { .bytes = "group key", .len = 9 }, none = { .len = 0 };

	(void)state;
	assert_int_equal(ike_set_group_key(&ike, store, &key, true), ERROR_SUCCESS);
	restart();
	assert_int_equal(ike.group_key.len, 9);
	assert_memory_equal(ike.group_key.bytes, "group key", 9);
	assert_false(folder_has("group key"));
	assert_int_equal(ike_set_group_key(&ike, store, &key, false), ERROR_SUCCESS);
	assert_int_equal(ike.group_key.len, 9);
	restart();
	assert_int_equal(ike.group_key.len, 0);
	assert_int_equal(ike_set_group_key(&ike, store, &key, true), ERROR_SUCCESS);
	assert_int_equal(ike_set_group_key(&ike, store, &none, false), ERROR_SUCCESS);
	restart();
	assert_int_equal(ike.group_key.len, 0);
}

static int count(void *ctx, const struct store_tunnel *tunnel, bool persist)
{
	unsigned *counts = ctx;

	counts[persist]++;
	return *tunnel->outer ? 0 : -1;
}

static uint32_t tunnel(const char *destination, const char *outer, bool persist)
{
	struct store_tunnel made = { .port_number = PORT_NUMBER_ANY };

	strcpy(made.destination, destination);
	strcpy(made.outer, outer);
	return ike_set_tunnel(&ike, store, &made, persist);
}

static void tunnels_last_as_they_were_told_to(void **state)
{
	unsigned counts[2] = { 0 };

	(void)state;
	assert_int_equal(tunnel("", "10.0.0.1", true), ERROR_SUCCESS);
	assert_int_equal(tunnel("Host.example", "10.0.0.2", true), ERROR_SUCCESS);
	assert_int_equal(tunnel("10.0.0.9", "10.0.0.3", false), ERROR_SUCCESS);
	assert_int_equal(ike_each_tunnel(&ike, count, counts), 0);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 2);
	/* The same host in other letters. */
	assert_int_equal(tunnel("host.EXAMPLE", "10.0.0.4", true), ERROR_SUCCESS);
	assert_int_equal(ike.tunnel_count, 3);
	restart();
	assert_int_equal(ike.tunnel_count, 2);
	assert_int_equal(tunnel("HOST.example", "", false), ERROR_SUCCESS);
	assert_int_equal(tunnel("host.example", "", false), ISDSC_NO_TUNNEL_OUTER_MODE_ADDRESS);
	assert_int_equal(tunnel("", "10.0.0.5", false), ERROR_SUCCESS);
	restart();
	assert_int_equal(ike.tunnel_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(ids_are_judged_by_their_type), TEST(the_nearest_record_counts),
		TEST(the_best_record_counts_for_a_portal), TEST(the_best_tunnel_counts_for_a_portal),
		TEST(records_last_as_they_were_told_to), TEST(their_number_has_a_limit),
		TEST(ids_that_are_hosts_ask_for_ipsec), TEST(the_group_key_lasts_or_not),
		TEST(tunnels_last_as_they_were_told_to),
	};

	return cmocka_run_group_tests_name("ike", tests, NULL, NULL);
}
