/*
 * api_buffers_test.c - every function with every combination of NULL, zero, too small by one, exact
 * and too large: the outcome that iscsidsc.h promises, nothing outside the caller's memory touched,
 * and no pointer that leads out of it. The functions come from a table made of the facts of
 * test/header; memory ends at pages that can't be touched, so that a byte too many is seen.
 */
#include "api_functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_bed.h"

enum { LARGE = 4096, CLASSES = 8 };

static struct api_about about = { .mechanism = "SendTargets:*127.0.0.1 1 *" };
static ISCSI_UNIQUE_SESSION_ID session;
static char mechanism[600];

/* ---- what stands there */

static ISDSC_STATUS call_named(const char *name)
{
	struct api_arguments a;
	ISDSC_STATUS status;

	api_arguments_init(&a, api_function(name), &about);
	status = api_call(&a);
	api_arguments_done(&a);
	return status;
}

/* A portal whose user name makes sizes odd. */
static void add_user_portal(void)
{
	static UCHAR user[] = "user1", secret[] = "0123456789abcdef";
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE |
			ISCSI_LOGIN_OPTIONS_USERNAME | ISCSI_LOGIN_OPTIONS_PASSWORD,
		.AuthType = ISCSI_CHAP_AUTH_TYPE, .Username = user, .UsernameLength = 5,
		.Password = secret, .PasswordLength = 16,
	};
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, "127.0.0.2", api_bed.port);
	AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &options, 0, &portal);
}

static void find_mechanism(void)
{
	ULONG size = sizeof(mechanism);

	api_expect(ERROR_SUCCESS, GetIScsiTargetInformationA(api_text(API_TARGET_NAME), NULL,
							     DiscoveryMechanisms, &size, mechanism));
	about.mechanism = mechanism;
}

/* With a mapping and options, so that its record points to something. */
static void add_persistent_login(void)
{
	static UCHAR user[] = "user1";
	struct api_arguments a;
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_USERNAME, .Username = user,
		.UsernameLength = 5,
	};

	api_arguments_init(&a, api_function("LoginIScsiTargetA"), &about);
	a.value[api_place(a.function, "IsPersistent")].n = TRUE;
	a.value[api_place(a.function, "LoginOptions")].p = &options;
	api_expect(ERROR_SUCCESS, api_call(&a));
	api_arguments_done(&a);
}

/* Two connections, disks, and an entry in every list. */
static int populate(void **state)
{
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_TARGET_PORTALA portal;
	ULONG count = 0;

	(void)state;
	about.port = api_bed.port;
	api_login(2, &session, &leading);
	about.session = session;
	api_portal(&portal, "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal,
						      0, NULL, 0, NULL, &about.connection));
	find_mechanism();
	add_user_portal();
	call_named("AddIScsiStaticTargetA");
	call_named("AddISNSServerA");
	call_named("AddRadiusServerA");
	add_persistent_login();
	/* Its disks have come. */
	api_expect(ERROR_INSUFFICIENT_BUFFER, GetDevicesForIScsiSessionA(&session, &count, NULL));
	call_named("SetupPersistentIScsiDevices");
	return 0;
}

/* ---- pointers that are required */

/* NULL has a meaning there, whatever the facts say of it (iscsidsc.h has the sources). */
static bool null_is_welcome(const struct api_function *function, const char *parameter)
{
	static const struct {
		const char *function, *parameter;
	} table[] = {
		{ "RefreshISNSServer", "Address" },
		{ "RemoveIScsiPersistentTarget", "InitiatorInstance" },
		{ "AddIScsiConnection", "Reserved" }, { "AddIScsiConnection", "TargetPortal" },
		{ "GetIScsiIKEInfo", "Reserved" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].function, function->generic) == 0 &&
		    strcmp(table[i].parameter, parameter) == 0)
			return true;
	return false;
}

static bool required(const struct api_function *function, unsigned at)
{
	const struct api_parameter *parameter = &function->parameter[at];

	return parameter->pointer && !parameter->optional &&
	       !null_is_welcome(function, parameter->name);
}

/* Every set of required pointers that is not empty is NULL at once. */
static unsigned null_each(const struct api_function *function)
{
	struct api_arguments a;
	unsigned places[API_PARAMETERS], n = 0;

	for (unsigned i = 0; i < function->count; i++)
		if (required(function, i))
			places[n++] = i;
	for (unsigned set = 1; set < 1u << n; set++) {
		api_arguments_init(&a, function, &about);
		for (unsigned i = 0; i < n; i++)
			if (set & 1u << i)
				a.value[places[i]].p = NULL;
		if (api_call(&a) != ERROR_INVALID_PARAMETER || !api_outputs_untouched(&a))
			fail_msg("%s with NULL for the pointers of set %x", function->name, set);
		api_arguments_done(&a);
	}
	return (1u << n) - 1;
}

static void test_null(void **state)
{
	unsigned calls = 0;

	(void)state;
	for (unsigned i = 0; i < API_FUNCTIONS; i++)
		calls += null_each(&api_functions[i]);
	print_message("%u functions, %u calls with NULL\n", API_FUNCTIONS, calls);
	assert_true(calls > 150);
}

/* ---- texts */

static bool is_text(const struct api_parameter *parameter)
{
	return !parameter->output && (strcmp(parameter->type, "PSTR") == 0 ||
				      strcmp(parameter->type, "PWSTR") == 0);
}

/* Neither UTF-8 nor UTF-16; and a text without an end. */
static void test_texts(void **state)
{
	static const WCHAR lone[] = { 0xd800, 'x', 0 };
	struct api_arguments a;
	unsigned calls = 0;

	(void)state;
	for (unsigned i = 0; i < API_FUNCTIONS; i++)
		for (unsigned j = 0; j < api_functions[i].count; j++) {
			if (!is_text(&api_functions[i].parameter[j]))
				continue;
			api_arguments_init(&a, &api_functions[i], &about);
			a.value[j].p = api_functions[i].form == 'W' ? (void *)(uintptr_t)lone
								   : api_text("x\xff");
			if (api_call(&a) != ERROR_NO_UNICODE_TRANSLATION || !api_outputs_untouched(&a))
				fail_msg("%s: bad text as %s", api_functions[i].name,
					 api_functions[i].parameter[j].name);
			api_region_done(&a.region[j]);
			api_region_init(&a.region[j], LARGE);
			memset(a.region[j].bytes, 'x', LARGE);
			a.value[j].p = a.region[j].bytes;
			if (api_call(&a) == ERROR_SUCCESS || !api_outputs_untouched(&a))
				fail_msg("%s: endless text as %s", api_functions[i].name,
					 api_functions[i].parameter[j].name);
			api_arguments_done(&a);
			calls++;
		}
	assert_true(calls > 20);
}

/* ---- listings */

enum protocol { BYTES, COUNTED, NAMES };

struct listing {
	const char *generic;
	enum protocol protocol;
	const char *size, *count, *buffer; /* parameters */
	size_t record_a, record_w;         /* 0 where the form makes none */
	unsigned pointers;                 /* that the list has at least when populated */
	bool empty_is_success;             /* NAMES: asked with NULL */
};

#define RECORDS(name) sizeof(name##A), sizeof(name##W)
static const struct listing listings[] = {
	{ "GetIScsiSessionList", BYTES, "BufferSize", "SessionCount", "SessionInfo",
	  RECORDS(ISCSI_SESSION_INFO), 8, false },
	{ "GetIScsiSessionListEx", BYTES, "BufferSize", "SessionCountPtr", "SessionInfo",
	  sizeof(ISCSI_SESSION_INFO_EX), sizeof(ISCSI_SESSION_INFO_EX), 1, false },
	{ "ReportActiveIScsiTargetMappings", BYTES, "BufferSize", "MappingCount", "Mappings",
	  RECORDS(ISCSI_TARGET_MAPPING), 1, false },
	{ "ReportIScsiPersistentLogins", BYTES, "BufferSizeInBytes", "Count", "PersistentLoginInfo",
	  RECORDS(PERSISTENT_ISCSI_LOGIN_INFO), 3, false },
	{ "ReportIScsiSendTargetPortalsEx", BYTES, "PortalInfoSize", "PortalCount", "PortalInfo",
	  RECORDS(ISCSI_TARGET_PORTAL_INFO_EX), 1, false },
	{ "GetDevicesForIScsiSession", COUNTED, "DeviceCount", NULL, "Devices",
	  RECORDS(ISCSI_DEVICE_ON_SESSION), 0, false },
	{ "ReportIScsiSendTargetPortals", COUNTED, "PortalCount", NULL, "PortalInfo",
	  RECORDS(ISCSI_TARGET_PORTAL_INFO), 0, false },
	{ "ReportIScsiTargetPortals", COUNTED, "ElementCount", NULL, "Portals",
	  RECORDS(ISCSI_TARGET_PORTAL), 0, false },
	{ "ReportIScsiTargets", NAMES, "BufferSize", NULL, "Buffer", 0, 0, 0, false },
	{ "ReportIScsiInitiatorList", NAMES, "BufferSize", NULL, "Buffer", 0, 0, 0, false },
	{ "ReportISNSServerList", NAMES, "BufferSizeInChar", NULL, "Buffer", 0, 0, 0, true },
	{ "ReportPersistentIScsiDevices", NAMES, "BufferSizeInChar", NULL, "Buffer", 0, 0, 0, false },
	{ "ReportRadiusServerList", NAMES, "BufferSizeInChar", NULL, "Buffer", 0, 0, 0, false },
};
enum { LISTINGS = sizeof(listings) / sizeof(listings[0]) };

/* A call of a listing: what it is given, and what came of it. */
struct ask {
	const struct listing *listing;
	const struct api_function *function;
	size_t unit;               /* bytes that one of the size stands for */
	TARGET_INFORMATION_CLASS class;
	/* the call */
	bool has_buffer, no_size, no_count, no_options;
	ULONG size;
	/* the outcome */
	ISDSC_STATUS status;
	ULONG ret_size, ret_count;
	struct api_region buffer;
};

static size_t unit_of(const struct listing *listing, char form)
{
	switch (listing->protocol) {
	case BYTES:
		return 1;
	case COUNTED:
		return form == 'W' ? listing->record_w : listing->record_a;
	case NAMES:
		break;
	}
	return form == 'W' ? sizeof(WCHAR) : 1;
}

/* *ask->buffer holds exactly what the size says, and is to be done with by the caller. */
static void ask(struct ask *ask)
{
	const struct api_function *function = ask->function;
	int size = api_place(function, ask->listing->size);
	int count = ask->listing->count ? api_place(function, ask->listing->count) : -1;
	int buffer = api_place(function, ask->listing->buffer), class;
	struct api_arguments a;

	assert_true(size >= 0 && buffer >= 0 && (count >= 0 || !ask->listing->count));
	api_arguments_init(&a, function, &about);
	memcpy(a.region[size].bytes, &ask->size, sizeof(ask->size));
	if (ask->has_buffer)
		api_region_init(&ask->buffer, ask->size * ask->unit);
	a.value[buffer].p = ask->has_buffer ? ask->buffer.bytes : NULL;
	if (ask->no_size)
		a.value[size].p = NULL;
	if (ask->no_count)
		a.value[count].p = NULL;
	class = api_place(function, "InfoClass");
	if (class >= 0)
		a.value[class].n = ask->class;
	for (unsigned i = 0; i < function->count && ask->no_options; i++)
		if (function->parameter[i].optional && !function->parameter[i].output)
			a.value[i].p = NULL;
	ask->status = api_call(&a);
	memcpy(&ask->ret_size, a.region[size].bytes, sizeof(ask->ret_size));
	if (count >= 0)
		memcpy(&ask->ret_count, a.region[count].bytes, sizeof(ask->ret_count));
	api_arguments_done(&a);
}

static void ask_bad(const struct ask *a, const char *what)
{
	fail_msg("%s, class %d, %s of size %u: %s: 0x%08x, size %u, count %u", a->function->name,
		 (int)a->class, a->has_buffer ? "a buffer" : "NULL", a->size, what, a->status,
		 a->ret_size, a->ret_count);
}

/* Bytes that an answer takes. An empty name has no size, and yet its NUL is written where it fits. */
static size_t taken(const struct ask *a)
{
	size_t used = a->ret_size * a->unit;

	return !used && a->class == InitiatorName ? sizeof(WCHAR) : used;
}

/* Asks, and expects status, size and count of `wanted`. The buffer must be untouched unless the call
 * succeeds, and then from the returned size on. */
static void ask_for(struct ask *a, ISDSC_STATUS status, const struct ask *wanted)
{
	ask(a);
	if (a->status != status)
		ask_bad(a, "status");
	if (a->ret_size != wanted->ret_size)
		ask_bad(a, "size");
	if (a->listing->count && a->ret_count != wanted->ret_count)
		ask_bad(a, "count");
	if (a->has_buffer &&
	    !api_region_untouched(&a->buffer, status ? 0 : taken(a)))
		ask_bad(a, "touched what is not its own");
}

/* Pointers are what differs with the place of the buffer, and lead to the same place within it. */
static unsigned pointers_check(const struct ask *a, const struct ask *b)
{
	const uint8_t *x = a->buffer.bytes, *y = b->buffer.bytes;
	size_t used = a->ret_size * a->unit;
	unsigned n = 0;

	for (size_t at = 0; at < used; ) {
		uint64_t p, q;

		if (x[at] == y[at]) {
			at++;
			continue;
		}
		at &= ~(size_t)7;
		if (at + 8 > used)
			ask_bad(a, "differs from call to call");
		memcpy(&p, x + at, 8);
		memcpy(&q, y + at, 8);
		if (p - (uintptr_t)x != q - (uintptr_t)y || p - (uintptr_t)x >= used)
			ask_bad(a, "has a pointer that leads out of the buffer");
		at += 8;
		n++;
	}
	return n;
}

/* A buffer that is large enough: by what, and by how much more. */
static unsigned ask_exact(const struct ask *sized)
{
	static const ULONG more[] = { 0, 1, LARGE };
	struct ask first = *sized, other;
	unsigned pointers = 0;

	first.has_buffer = true;
	first.size = sized->ret_size;
	ask_for(&first, ERROR_SUCCESS, sized);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		other = *sized;
		other.has_buffer = true;
		other.size = sized->ret_size + more[i];
		ask_for(&other, ERROR_SUCCESS, sized);
		pointers = pointers_check(&first, &other);
		api_region_done(&other.buffer);
	}
	if (sized->listing->protocol == NAMES && first.buffer.size >= 2 * first.unit) {
		static const uint8_t ends[2 * sizeof(WCHAR)];

		/* The last text's end and the list's. */
		assert_memory_equal(first.buffer.bytes + first.buffer.size - 2 * first.unit, ends,
				    2 * first.unit);
	}
	api_region_done(&first.buffer);
	return pointers;
}

/* Without a size or a count there is no answer, whatever else is given. */
static void ask_without(const struct ask *sized, ULONG size)
{
	for (unsigned set = 1; set < 8; set++) {
		struct ask a = *sized;

		a.size = size;
		a.no_size = set & 1;
		a.no_count = set & 2;
		a.has_buffer = set & 4;
		if (!(set & 3) || (a.no_count && !a.listing->count))
			continue;
		ask(&a);
		if (a.status != ERROR_INVALID_PARAMETER ||
		    (a.has_buffer && !api_region_untouched(&a.buffer, 0)))
			ask_bad(&a, "no size or no count");
		api_region_done(&a.buffer);
	}
}

/* One that has something to tell: NULL, and all that is too small. Returns the pointers in it. */
static unsigned ask_full(const struct ask *sized)
{
	const ULONG need = sized->ret_size;
	const ULONG sizes[] = { 0, 1, need / 2, need - 1, need, need + 1, INT32_MAX, UINT32_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ask a = *sized;

		a.size = sizes[i];
		ask_for(&a, ERROR_INSUFFICIENT_BUFFER, sized);
		if (a.size <= need + 1)
			ask_without(sized, a.size);
		if (a.size >= need)
			continue;
		a = *sized;
		a.size = sizes[i];
		a.has_buffer = true;
		ask_for(&a, ERROR_INSUFFICIENT_BUFFER, sized);
		api_region_done(&a.buffer);
	}
	return ask_exact(sized);
}

/* An empty one is a success without a buffer; of the multi-strings only the iSNS servers' is. In a
 * buffer a multi-string has two NULs. */
static void ask_empty(const struct ask *sized)
{
	bool names = sized->listing->protocol == NAMES;
	ISDSC_STATUS status = names && !sized->listing->empty_is_success ? ERROR_INSUFFICIENT_BUFFER
									: ERROR_SUCCESS;
	struct ask a = *sized, two = *sized;

	assert_int_equal(sized->status, status);
	assert_int_equal(sized->ret_size, status ? 2 : 0);
	assert_int_equal(sized->ret_count, 0);
	a.size = UINT32_MAX;
	ask_for(&a, status, sized);
	two.ret_size = names ? 2 : 0;
	for (ULONG size = 0; size < two.ret_size; size++) {
		a = *sized;
		a.size = size;
		a.has_buffer = true;
		ask_for(&a, ERROR_INSUFFICIENT_BUFFER, &two);
		api_region_done(&a.buffer);
	}
	ask_exact(&two);
}

/* Both forms of a listing; returns the size of the last one. */
static ULONG listing_check(const struct listing *listing, bool empty,
			   TARGET_INFORMATION_CLASS class)
{
	ULONG size = 0;

	for (unsigned i = 0; i < API_FUNCTIONS; i++) {
		const struct api_function *function = &api_functions[i];
		struct ask sized = { .listing = listing, .function = function, .class = class,
				     .unit = unit_of(listing, function->form) };
		unsigned pointers = 0;

		if (strcmp(function->generic, listing->generic))
			continue;
		ask(&sized);
		size = sized.ret_size;
		if (empty) {
			ask_empty(&sized);
		} else {
			if (sized.status != ERROR_INSUFFICIENT_BUFFER)
				ask_bad(&sized, "nothing to tell");
			pointers = ask_full(&sized);
		}
		if (!empty && pointers < listing->pointers)
			ask_bad(&sized, "too few pointers");
		/* All that is optional may be left out, alone or at once. */
		sized.no_options = true;
		sized.size = 0;
		if (listing->protocol == COUNTED)
			ask_for(&sized, sized.status, &sized);
	}
	return size;
}

/* Lists that have an entry from the start. */
static bool never_empty(const struct listing *listing)
{
	return strcmp(listing->generic, "ReportIScsiInitiatorList") == 0;
}

static void test_empty_lists(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LISTINGS; i++)
		if (!never_empty(&listings[i]) && strncmp(listings[i].generic, "GetDevices", 10) &&
		    strcmp(listings[i].generic, "ReportIScsiTargetPortals"))
			listing_check(&listings[i], true, 0);
}

static void test_listings(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LISTINGS; i++)
		listing_check(&listings[i], false, 0);
}

static void test_target_information(void **state)
{
	static const struct listing listing = { "GetIScsiTargetInformation", BYTES, "BufferSize", NULL,
						"Buffer", 0, 0, 0, false };
	static const ULONG exact[CLASSES] = {
		[ProtocolType] = 4, [TargetFlags] = 4,
		[PersistentTargetMappings] = sizeof(ISCSI_TARGET_MAPPINGW),
		[LoginOptions] = sizeof(ISCSI_LOGIN_OPTIONS),
	};

	(void)state;
	for (unsigned class = 0; class < CLASSES; class++) {
		ULONG size = listing_check(&listing, class == InitiatorName,
					   (TARGET_INFORMATION_CLASS)class);

		/* Of the W form, which comes last. */
		if (exact[class])
			assert_int_equal(size, exact[class]);
	}
}

/* ---- no service */

static void test_no_service(void **state)
{
	struct api_arguments a;

	(void)state;
	setenv("ISCSIDSC_SOCKET", "/tmp/iscsidsc-api-nobody/s.sock", 1);
	for (unsigned i = 0; i < API_FUNCTIONS; i++) {
		api_arguments_init(&a, &api_functions[i], &about);
		if (api_call(&a) != ISDSC_SERVICE_NOT_RUNNING || !api_outputs_untouched(&a))
			fail_msg("%s without a service", api_functions[i].name);
		api_arguments_done(&a);
	}
	setenv("ISCSIDSC_SOCKET", api_bed.socket, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_lists),
		cmocka_unit_test_setup(test_null, populate),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_listings),
		cmocka_unit_test(test_target_information),
		cmocka_unit_test(test_no_service),
	};

	return cmocka_run_group_tests_name("buffers", tests, api_setup, api_teardown);
}
