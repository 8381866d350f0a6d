/*
 * service_vici_sa_test.c - what charon tells as records; traffic selectors; its reasons.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "service/vici_selector.h"
#include "service/vici_why.h"

static uint8_t bytes[64 * 1024];
static struct bytes_writer w;
static struct vici_ike ike;
static struct vici_child child, children[4];
static struct vici_known_conn conns[4];
static struct vici_policy policy;
static struct vici_event last;
static unsigned calls;

static void start(void)
{
	bytes_writer_init(&w, bytes, sizeof(bytes));
	calls = 0;
}

static struct vici_bytes message(void)
{
	assert_false(w.bad);
	return (struct vici_bytes){ .data = bytes, .len = w.len };
}

static struct vici_bytes of(const char *text)
{
	return (struct vici_bytes){ .data = (const uint8_t *)text, .len = strlen(text) };
}

static void put(const char *name, const char *value)
{
	vici_put_text(&w, name, value);
}

static void put_list(const char *name, const char *one, const char *two)
{
	vici_put_list(&w, name);
	if (one)
		vici_put_item(&w, one);
	if (two)
		vici_put_item(&w, two);
	vici_put_list_end(&w);
}

/* As charon writes it. */
static void put_child(const char *section, const char *id)
{
	vici_put_section(&w, section);
	put("name", "iscsi");
	put("uniqueid", id);
	put("reqid", "3");
	put("state", "INSTALLED");
	put("mode", "TRANSPORT");
	put("protocol", "ESP");
	put("encap", "yes");
	put("spi-in", "c0ffee01");
	put("spi-out", "0badcafe");
	put("encr-alg", "AES_GCM_16");
	put("encr-keysize", "256");
	put("dh-group", "ECP_256");
	put("esn", "1");
	put("bytes-in", "12345678901");
	put("packets-in", "7");
	put("use-in", "1");
	put("bytes-out", "98");
	put("packets-out", "6");
	put("rekey-time", "3300");
	put("life-time", "3960");
	put("install-time", "12");
	put_list("local-ts", "10.0.0.1/32[tcp]", NULL);
	put_list("remote-ts", "10.0.0.2/32[tcp/iscsi-target]", "10.0.0.3/32");
	vici_put_section_end(&w);
}

static void put_ike(void)
{
	put("uniqueid", "17");
	put("version", "2");
	put("state", "ESTABLISHED");
	put("local-host", "10.0.0.1");
	put("local-port", "4500");
	put("local-id", "a@b.c");
	put("remote-host", "fec0::2");
	put("remote-port", "70000"); /* too large */
	put("remote-id", "CN=\xc3\xa4");
	put("initiator", "yes");
	put("nat-any", "yes");
	put("encr-alg", "AES_CBC");
	put("encr-keysize", "128");
	put("integ-alg", "HMAC_SHA2_256_128");
	put("prf-alg", "PRF_HMAC_SHA2_256");
	put("dh-group", "MODP_2048");
	put("established", "20");
	put("rekey-time", "13000");
	put_list("tasks-queued", "QUICK_MODE", NULL);
}

static void see_sa(void *ctx, const struct vici_ike *i, const struct vici_child *c)
{
	assert_ptr_equal(ctx, &calls);
	assert_in_range(calls, 0, 3);
	ike = *i;
	memset(&children[calls], 0, sizeof(children[0]));
	if (c)
		children[calls] = child = *c;
	calls++;
}

static void assert_child(void)
{
	assert_string_equal(child.name, "iscsi");
	assert_int_equal(child.reqid, 3);
	assert_string_equal(child.state, "INSTALLED");
	assert_int_equal(child.mode, VICI_TRANSPORT);
	assert_string_equal(child.protocol, "ESP");
	assert_true(child.encap && child.esn);
	assert_int_equal(child.spi_in, 0xc0ffee01);
	assert_int_equal(child.spi_out, 0x0badcafe);
	assert_string_equal(child.algorithms.encr, "AES_GCM_16");
	assert_int_equal(child.algorithms.encr_bits, 256);
	assert_string_equal(child.algorithms.integ, "");
	assert_string_equal(child.algorithms.dh, "ECP_256");
	assert_int_equal(child.bytes_in, 12345678901);
	assert_int_equal(child.bytes_out, 98);
	assert_int_equal(child.packets_in, 7);
	assert_int_equal(child.packets_out, 6);
	assert_int_equal(child.install_time, 12);
	assert_int_equal(child.rekey_time, 3300);
	assert_int_equal(child.life_time, 3960);
	assert_int_equal(child.local_ts.count, 1);
	assert_string_equal(child.local_ts.text[0], "10.0.0.1/32[tcp]");
	assert_int_equal(child.remote_ts.count, 2);
	assert_string_equal(child.remote_ts.text[1], "10.0.0.3/32");
}

static void an_sa_is_read(void **state)
{
	(void)state;
	start();
	vici_put_section(&w, "c");
	vici_put_section(&w, "child-sas"); /* before the rest: the order is charon's */
	put_child("iscsi-5", "5");
	put_child("iscsi-6", "6");
	vici_put_section_end(&w);
	put_ike();
	vici_put_section_end(&w);
	vici_each_sa(message(), see_sa, &calls);
	assert_int_equal(calls, 2);
	assert_int_equal(children[0].id, 5);
	assert_int_equal(children[1].id, 6);
	assert_child();
	assert_string_equal(ike.name, "c");
	assert_int_equal(ike.id, 17);
	assert_int_equal(ike.version, 2);
	assert_string_equal(ike.state, "ESTABLISHED");
	assert_true(ike.initiator && ike.nat);
	assert_string_equal(ike.local_host, "10.0.0.1");
	assert_string_equal(ike.remote_host, "fec0::2");
	assert_int_equal(ike.local_port, 4500);
	assert_int_equal(ike.remote_port, 0);
	assert_string_equal(ike.local_id, "a@b.c");
	assert_string_equal(ike.remote_id, "CN=??");
	assert_string_equal(ike.algorithms.encr, "AES_CBC");
	assert_int_equal(ike.algorithms.encr_bits, 128);
	assert_string_equal(ike.algorithms.integ, "HMAC_SHA2_256_128");
	assert_string_equal(ike.algorithms.prf, "PRF_HMAC_SHA2_256");
	assert_string_equal(ike.algorithms.dh, "MODP_2048");
	assert_int_equal(ike.established, 20);
	assert_int_equal(ike.rekey_time, 13000);
	assert_int_equal(ike.reauth_time, 0);
}

static void an_sa_without_children_is_told(void **state)
{
	(void)state;
	start();
	put("stray", "value");
	put_list("stray", "list", NULL);
	vici_put_section(&w, "c");
	put_ike();
	vici_put_section(&w, "child-sas");
	vici_put_section_end(&w);
	vici_put_section_end(&w);
	vici_put_section(&w, "d");
	vici_put_section_end(&w);
	vici_each_sa(message(), see_sa, &calls);
	assert_int_equal(calls, 2);
	assert_string_equal(ike.name, "d");
	assert_int_equal(ike.id, 0); /* nothing of the first one */
	assert_int_equal(children[0].id, 0);
}

static void see_conn(void *ctx, const struct vici_known_conn *conn)
{
	(void)ctx;
	assert_in_range(calls, 0, 3);
	conns[calls++] = *conn;
}

static void put_known_child(const char *name, const char *mode, const char *remote)
{
	vici_put_section(&w, name);
	put("mode", mode);
	put_list("local-ts", "dynamic", NULL);
	put_list("remote-ts", remote, NULL);
	vici_put_section_end(&w);
}

static void connections_are_read(void **state)
{
	(void)state;
	start();
	vici_put_section(&w, "admin");
	put_list("local_addrs", "%any", NULL);
	put_list("remote_addrs", "10.0.0.2", "10.0.0.3");
	put("version", "IKEv1/2");
	vici_put_section(&w, "local-1");
	put("class", "pre-shared key");
	vici_put_section_end(&w);
	vici_put_section(&w, "children");
	put_known_child("a", "TUNNEL", "10.1.0.0/16");
	put_known_child("b", "BEET", NULL);
	vici_put_section_end(&w);
	vici_put_section_end(&w);
	vici_put_section(&w, "bare");
	vici_put_section_end(&w);
	vici_each_conn(message(), see_conn, NULL);
	assert_int_equal(calls, 3);
	assert_string_equal(conns[0].name, "admin");
	assert_string_equal(conns[0].version, "IKEv1/2");
	assert_string_equal(conns[0].local_addrs.text[0], "%any");
	assert_int_equal(conns[0].remote_addrs.count, 2);
	assert_string_equal(conns[0].child, "a");
	assert_int_equal(conns[0].mode, VICI_TUNNEL);
	assert_string_equal(conns[0].remote_ts.text[0], "10.1.0.0/16");
	assert_string_equal(conns[1].child, "b");
	assert_int_equal(conns[1].mode, VICI_MODE_OTHER);
	assert_int_equal(conns[1].remote_ts.count, 0);
	assert_string_equal(conns[2].name, "bare");
	assert_string_equal(conns[2].child, "");
	assert_int_equal(conns[2].remote_addrs.count, 0);
}

static void see_policy(void *ctx, const struct vici_policy *p)
{
	(void)ctx;
	policy = *p;
	calls++;
}

static void policies_are_read(void **state)
{
	(void)state;
	start();
	vici_put_section(&w, "c/iscsi");
	put("child", "iscsi");
	put("ike", "c");
	put("mode", "DROP");
	put_list("local-ts", "10.0.0.1/32", NULL);
	put_list("remote-ts", "0.0.0.0/0[tcp/iscsi-target]", NULL);
	vici_put_section_end(&w);
	vici_each_policy(message(), see_policy, NULL);
	assert_int_equal(calls, 1);
	assert_string_equal(policy.ike, "c");
	assert_string_equal(policy.child, "iscsi");
	assert_int_equal(policy.mode, VICI_DROP);
	assert_string_equal(policy.remote_ts.text[0], "0.0.0.0/0[tcp/iscsi-target]");
}

static void see_event(void *ctx, const struct vici_event *event)
{
	assert_ptr_equal(ctx, &calls);
	last = *event;
	ike = *event->ike;
	if (event->child)
		child = *event->child;
	calls++;
}

static void put_event(const char *up, bool with_child)
{
	start();
	if (up)
		put("up", up);
	vici_put_section(&w, "c");
	put_ike();
	if (with_child) {
		vici_put_section(&w, "child-sas");
		put_child("iscsi-5", "5");
		vici_put_section_end(&w);
	}
	vici_put_section_end(&w);
}

static void events_are_read(void **state)
{
	(void)state;
	put_event("yes", false);
	vici_each_event(of("ike-updown"), message(), see_event, &calls);
	assert_int_equal(calls, 1);
	assert_int_equal(last.kind, VICI_IKE_UPDOWN);
	assert_true(last.up);
	assert_null(last.child);
	assert_int_equal(ike.id, 17);
	/* Which are not theirs, or without what they are about. */
	vici_each_event(of("child-updown"), message(), see_event, &calls);
	vici_each_event(of("child-rekey"), message(), see_event, &calls);
	vici_each_event(of("ike-rekey"), message(), see_event, &calls);
	vici_each_event(of(""), message(), see_event, &calls);
	assert_int_equal(calls, 1);
	put_event(NULL, true);
	vici_each_event(of("child-updown"), message(), see_event, &calls);
	assert_int_equal(calls, 1);
	assert_int_equal(last.kind, VICI_CHILD_UPDOWN);
	assert_false(last.up);
	assert_int_equal(child.id, 5);
	assert_child();
}

static void rekeys_are_read(void **state)
{
	(void)state;
	start();
	vici_put_section(&w, "c");
	put_ike();
	vici_put_section(&w, "child-sas");
	vici_put_section(&w, "iscsi");
	put_child("old", "5");
	put_child("new", "9");
	vici_put_section_end(&w);
	vici_put_section_end(&w);
	vici_put_section_end(&w);
	vici_each_event(of("child-rekey"), message(), see_event, &calls);
	assert_int_equal(calls, 1);
	assert_int_equal(last.kind, VICI_CHILD_REKEY);
	assert_int_equal(last.old_id, 5);
	assert_int_equal(child.id, 9);
	assert_child();
}

/* What is too long is cut; what is too much is counted. */
static void everything_has_a_limit(void **state)
{
	char longest[VICI_VALUE_MAX + 1], name[VICI_NAME_MAX + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	static uint8_t room[1024 * 1024];

	bytes_writer_init(&w, room, sizeof(room));
	calls = 0;
	vici_put_section(&w, name);
	put("state", longest);
	put("remote-id", longest);
	vici_put_section(&w, "child-sas");
	vici_put_section(&w, name);
	put("name", longest);
	vici_put_list(&w, "local-ts");
	for (unsigned i = 0; i < 5000; i++)
		vici_put_item(&w, i < 2 ? "10.0.0.0/8" : "y");
	vici_put_item(&w, longest);
	vici_put_list_end(&w);
	vici_put_section_end(&w);
	vici_put_section_end(&w);
	vici_put_section_end(&w);
	assert_false(w.bad);
	vici_each_sa((struct vici_bytes){ .data = room, .len = w.len }, see_sa, &calls);
	assert_int_equal(calls, 1);
	assert_string_equal(ike.name, name);
	assert_int_equal(strlen(ike.state), VICI_WORD_ROOM - 1);
	assert_int_equal(strlen(ike.remote_id), VICI_ID_ROOM - 1);
	assert_int_equal(strlen(child.name), VICI_NAME_MAX);
	assert_int_equal(child.local_ts.count, 5001);
	assert_string_equal(child.local_ts.text[VICI_SELECTORS_MAX - 1], "y");
}

/* ---- selectors */

static bool covers(const char *selector, const char *address, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
		return vici_selector_covers(selector, (struct sockaddr *)&four, port, false);
	assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
	return vici_selector_covers(selector, (struct sockaddr *)&six, port, false);
}

static void selectors_cover(void **state)
{
	static const struct {
		const char *selector, *address;
		uint16_t port;
		bool covered;
	} cases[] = {
		{ "10.0.0.1/32", "10.0.0.1", 3260, true },
		{ "10.0.0.1/32", "10.0.0.1", 0, true },
		{ "10.0.0.1/32", "10.0.0.2", 3260, false },
		{ "10.0.0.1", "10.0.0.1", 3260, true },
		{ "10.0.0.0/24", "10.0.0.255", 3260, true },
		{ "10.0.0.0/24", "10.0.1.0", 3260, false },
		{ "10.0.0.128/25", "10.0.0.127", 3260, false },
		{ "10.0.0.128/25", "10.0.0.129", 3260, true },
		{ "0.0.0.0/0", "192.168.1.1", 3260, true },
		{ "0.0.0.0/0", "fec0::1", 3260, false },
		{ "::/0", "192.168.1.1", 3260, false },
		{ "fec0::/63", "fec0:0:0:1::5", 3260, true },
		{ "fec0::/64", "fec0:0:0:1::5", 3260, false },
		{ "10.0.0.5..10.0.1.5", "10.0.1.4", 3260, true },
		{ "10.0.0.5..10.0.1.5", "10.0.1.6", 3260, false },
		{ "10.0.0.5..10.0.1.5", "10.0.0.4", 3260, false },
		{ "10.0.0.1/32[tcp]", "10.0.0.1", 3260, true },
		{ "10.0.0.1/32[tcp]", "10.0.0.1", 0, true },
		{ "10.0.0.1/32[6]", "10.0.0.1", 3260, true },
		{ "10.0.0.1/32[udp]", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[17/3260]", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp/iscsi-target]", "10.0.0.1", 3261, false },
		{ "10.0.0.1/32[tcp/iscsi-target]", "10.0.0.1", 0, false },
		{ "10.0.0.1/32[tcp/3260]", "10.0.0.1", 3260, true },
		{ "10.0.0.1/32[0/3260]", "10.0.0.1", 3260, true },
		{ "10.0.0.1/32[tcp/3000-3300]", "10.0.0.1", 3260, true },
		{ "10.0.0.1/32[tcp/3000-3259]", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp/1-65535]", "10.0.0.1", 0, true },
		{ "10.0.0.1/32[tcp/1024-65535]", "10.0.0.1", 0, false },
		{ "10.0.0.1/32[tcp/OPAQUE]", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp/nosuchservice]", "10.0.0.1", 3260, false },
		{ "dynamic", "10.0.0.1", 3260, false },
		/* not to be understood */
		{ "", "10.0.0.1", 3260, false },
		{ "[]", "10.0.0.1", 3260, false },
		{ "[tcp]", "10.0.0.1", 3260, false },
		{ "10.0.0.1/33", "10.0.0.1", 3260, false },
		{ "10.0.0.1/", "10.0.0.1", 3260, false },
		{ "10.0.0.1/-1", "10.0.0.1", 3260, false },
		{ "10.0.0.1/99999999999999999999", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32x", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp/3260]x", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp/65536]", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp/-]", "10.0.0.1", 3260, false },
		{ "10.0.0.1/32[tcp/]", "10.0.0.1", 3260, false },
		{ "10.0.0.1..", "10.0.0.1", 3260, false },
		{ "..", "10.0.0.1", 3260, false },
		{ "host.example/32", "10.0.0.1", 3260, false },
	};
	char longest[400] = "10.0.0.1/32[tcp/";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (covers(cases[i].selector, cases[i].address, cases[i].port) != cases[i].covered)
			fail_msg("%s and %s port %u", cases[i].selector, cases[i].address, cases[i].port);
	/* charon has its names from where we have them. */
	assert_int_equal(covers("10.0.0.1/32[tcp/iscsi-target]", "10.0.0.1", 3260),
			 getservbyname("iscsi-target", "tcp") != NULL);
	memset(longest + strlen(longest), '0', 300);
	assert_false(covers(longest, "10.0.0.1", 3260));
}

static void dynamic_is_the_callers(void **state)
{
	const struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
	struct vici_selectors several = { .count = 9, .text = { "10.9.0.0/16", "dynamic[tcp/3260]" } };

	(void)state;
	assert_true(vici_selector_covers("dynamic[tcp]", (const struct sockaddr *)&addr, 3260, true));
	assert_true(vici_selectors_cover(&several, (const struct sockaddr *)&addr, 3260, true));
	assert_false(vici_selectors_cover(&several, (const struct sockaddr *)&addr, 3261, true));
	assert_false(vici_selectors_cover(&several, (const struct sockaddr *)&addr, 3260, false));
	several.count = 1;
	assert_false(vici_selectors_cover(&several, (const struct sockaddr *)&addr, 3260, true));
}

/* ---- reasons */

static void reasons_are_the_last_ones(void **state)
{
	char why[VICI_WHY_ROOM] = "", line[VICI_WHY_ROOM];

	(void)state;
	vici_why_add(why, of("initiating Main Mode IKE_SA c[1] to 10.0.0.2"));
	vici_why_add(why, of("sending packet: from 10.0.0.1[500] to 10.0.0.2[500] (240 bytes)"));
	vici_why_add(why, of("received DPD vendor ID"));
	vici_why_add(why, of("IKE_SA c[1] established between 10.0.0.1[a]...10.0.0.2[b]"));
	vici_why_add(why, of("CHILD_SA d{1} established with SPIs c1_i c2_o"));
	vici_why_add(why, of(""));
	assert_string_equal(why, "");
	vici_why_add(why, of("could not decrypt payloads"));
	vici_why_add(why, of("received NO_PROPOSAL_CHOSEN\nerror notify"));
	vici_why_add(why, of("could not decrypt payloads"));
	assert_string_equal(why, "could not decrypt payloads; received NO_PROPOSAL_CHOSEN?error notify");
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	vici_why_add(why, of(line));
	assert_non_null(strstr(why, "decrypt"));
	line[0] = 'y';
	vici_why_add(why, of(line));
	assert_null(strstr(why, "decrypt")); /* the oldest made room */
	assert_null(strstr(why, "NO_PROPOSAL_CHOSEN"));
	assert_memory_equal(why, "yxx", 3);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "%0*u", (int)(i % 200 + 1), i);
		vici_why_add(why, of(line));
		assert_in_range(strlen(why), 1, VICI_WHY_ROOM - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_sa_is_read),
		cmocka_unit_test(an_sa_without_children_is_told),
		cmocka_unit_test(connections_are_read),
		cmocka_unit_test(policies_are_read),
		cmocka_unit_test(events_are_read),
		cmocka_unit_test(rekeys_are_read),
		cmocka_unit_test(everything_has_a_limit),
		cmocka_unit_test(selectors_cover),
		cmocka_unit_test(dynamic_is_the_callers),
		cmocka_unit_test(reasons_are_the_last_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
