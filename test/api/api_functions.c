/* api_functions.c - see api_functions.h. */
#include "api_functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api_bed.h"

enum { PATTERN = 0xa5, ROOM = 8192, RECORDS = 16 };

static char instance[] = "ROOT\\ISCSIPRT\\0000_0";

const struct api_function *api_function(const char *name)
{
	for (unsigned i = 0; i < API_FUNCTIONS; i++)
		if (strcmp(api_functions[i].name, name) == 0)
			return &api_functions[i];
	fail_msg("no function %s", name);
	return NULL;
}

int api_place(const struct api_function *function, const char *parameter)
{
	for (unsigned i = 0; i < function->count; i++)
		if (strcmp(function->parameter[i].name, parameter) == 0)
			return (int)i;
	return -1;
}

/* ---- memory */

void api_region_init(struct api_region *region, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page + 1;

	region->size = size;
	region->map_size = pages * page;
	region->map = mmap(NULL, region->map_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(region->map != MAP_FAILED);
	memset(region->map, PATTERN, region->map_size);
	region->bytes = (uint8_t *)region->map + region->map_size - page - size;
	assert_int_equal(mprotect(region->bytes + size, page, PROT_NONE), 0);
}

void api_region_done(struct api_region *region)
{
	if (region->map)
		munmap(region->map, region->map_size);
	memset(region, 0, sizeof(*region));
}

bool api_region_untouched(const struct api_region *region, size_t from)
{
	/* What stands before it belongs to nobody either. */
	for (const uint8_t *b = region->map; b < region->bytes; b++)
		if (*b != PATTERN)
			return false;
	for (size_t i = from; i < region->size; i++)
		if (region->bytes[i] != PATTERN)
			return false;
	return true;
}

/* ---- arguments */

static void put_text(struct api_region *region, bool wide, const char *text)
{
	size_t units = strlen(text) + 1, unit = wide ? sizeof(WCHAR) : 1;

	api_region_init(region, units * unit);
	for (size_t i = 0; i < units; i++) {
		WCHAR c = (unsigned char)text[i];

		memcpy(region->bytes + i * unit, wide ? (void *)&c : (void *)&text[i], unit);
	}
}

static void put_bytes(struct api_region *region, const void *bytes, size_t size)
{
	api_region_init(region, size);
	memcpy(region->bytes, bytes, size);
}

static const char *text_of(const char *name, const struct api_about *about)
{
	static const struct {
		const char *name, *text;
	} texts[] = {
		{ "TargetName", API_TARGET_NAME }, { "InitiatorInstance", instance },
		{ "InitiatorName", instance }, { "InitiatorNodeName", "iqn.2026-11.test:initiator" },
		{ "TargetAlias", "alias" }, { "Address", "127.0.0.1" }, { "DevicePath", "/dev/null" },
		{ "DestinationAddress", "127.0.0.9" }, { "OuterModeAddress", "127.0.0.8" },
	};

	if (strcmp(name, "DiscoveryMechanism") == 0)
		return about->mechanism;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].name, name) == 0)
			return texts[i].text;
	fail_msg("no text for %s", name);
	return "";
}

static void put_portal(struct api_region *region, bool wide, bool group, uint16_t port)
{
	ISCSI_TARGET_PORTAL_GROUPA a = { .Count = 1, .Portals[0] = { .Address = "127.0.0.1" } };
	ISCSI_TARGET_PORTAL_GROUPW w = { .Count = 1 };

	a.Portals[0].Socket = w.Portals[0].Socket = port;
	for (size_t i = 0; a.Portals[0].Address[i]; i++)
		w.Portals[0].Address[i] = (WCHAR)a.Portals[0].Address[i];
	if (group && wide)
		put_bytes(region, &w, sizeof(w));
	else if (group)
		put_bytes(region, &a, sizeof(a));
	else if (wide)
		put_bytes(region, &w.Portals[0], sizeof(w.Portals[0]));
	else
		put_bytes(region, &a.Portals[0], sizeof(a.Portals[0]));
}

static void put_mapping(struct api_region *region, bool wide)
{
	static SCSI_LUN_LIST lun = { 0, 0 };
	ISCSI_TARGET_MAPPINGA a = { .OSBusNumber = UINT32_MAX, .OSTargetNumber = UINT32_MAX,
				    .LUNCount = 1, .LUNList = &lun };
	ISCSI_TARGET_MAPPINGW w = { .OSBusNumber = UINT32_MAX, .OSTargetNumber = UINT32_MAX,
				    .LUNCount = 1, .LUNList = &lun };

	put_bytes(region, wide ? (void *)&w : (void *)&a, wide ? sizeof(w) : sizeof(a));
}

static void put_info(struct api_region *region)
{
	static UCHAR id[] = { 127, 0, 0, 77 }, key[] = "a preshared key";
	IKE_AUTHENTICATION_INFORMATION info = {
		.AuthMethod = IKE_AUTHENTICATION_PRESHARED_KEY_METHOD,
		.PsKey = { .SecurityFlags = 1, .IdType = ID_IPV4_ADDR, .IdLengthInBytes = 4, .Id = id,
			   .KeyLengthInBytes = 15, .Key = key },
	};

	put_bytes(region, &info, sizeof(info));
}

static bool ends(const char *type, const char *ending)
{
	size_t a = strlen(type), b = strlen(ending);

	return a >= b && strcmp(type + a - b, ending) == 0;
}

/* What stands in the input structures. False for what is none. */
static bool put_structure(struct api_region *region, const struct api_parameter *parameter,
			  const struct api_about *about)
{
	static const ISCSI_LOGIN_OPTIONS options;
	const char *type = parameter->type;
	bool wide = ends(type, "W");

	if (parameter->output && strcmp(type, "PIKE_AUTHENTICATION_INFORMATION"))
		return false;
	if (strstr(type, "SESSION_ID"))
		put_bytes(region, &about->session, sizeof(about->session));
	else if (strstr(type, "CONNECTION_ID"))
		put_bytes(region, &about->connection, sizeof(about->connection));
	else if (strstr(type, "LOGIN_OPTIONS"))
		put_bytes(region, &options, sizeof(options));
	else if (strstr(type, "PORTAL_GROUP"))
		put_portal(region, wide, true, about->port);
	else if (strstr(type, "TARGET_PORTAL"))
		put_portal(region, wide, false, about->port);
	else if (strstr(type, "TARGET_MAPPING"))
		put_mapping(region, wide);
	else if (strstr(type, "IKE_"))
		put_info(region);
	else
		return false;
	return true;
}

/* What a size holds before the call: the room of the buffer that belongs to it. */
static ULONG room_of(const struct api_parameter *parameter)
{
	if (strcmp(parameter->name, "SenseSize") == 0)
		return 18;
	return strstr(parameter->name, "Count") ? RECORDS : ROOM;
}

/* Outputs and sizes. */
static void put_output(struct api_region *region, const struct api_function *function,
		       const struct api_parameter *parameter)
{
	bool wide = function->form == 'W';
	ULONG room = room_of(parameter);

	if (strcmp(parameter->type, "PULONG") == 0 || strcmp(parameter->type, "ULONG*") == 0)
		put_bytes(region, &room, sizeof(room));
	else if (strcmp(parameter->name, "InitiatorNodeName") == 0)
		api_region_init(region, (MAX_ISCSI_NAME_LEN + 1) * (wide ? sizeof(WCHAR) : 1));
	else if (strstr(parameter->type, "UNIQUE"))
		api_region_init(region, sizeof(ISCSI_UNIQUE_SESSION_ID));
	else if (strcmp(parameter->name, "ScsiStatus") == 0)
		api_region_init(region, 1);
	else if (strcmp(parameter->name, "SenseBuffer") == 0)
		api_region_init(region, 18);
	else if (strstr(parameter->type, "VERSION_INFO"))
		api_region_init(region, sizeof(ISCSI_VERSION_INFO));
	else /* a buffer of bytes, of characters, or of the largest records */
		api_region_init(region, RECORDS * sizeof(ISCSI_DEVICE_ON_SESSIONW));
}

static void put_pointer(struct api_arguments *a, unsigned at, const struct api_about *about)
{
	const struct api_parameter *parameter = &a->function->parameter[at];
	struct api_region *region = &a->region[at];
	static const uint16_t tag = 1;

	if (!parameter->output &&
	    (strcmp(parameter->type, "PSTR") == 0 || strcmp(parameter->type, "PWSTR") == 0))
		put_text(region, parameter->type[1] == 'W', text_of(parameter->name, about));
	else if (put_structure(region, parameter, about))
		;
	else if (!parameter->output && strcmp(parameter->type, "PUSHORT") == 0)
		put_bytes(region, &tag, sizeof(tag));
	else if (!parameter->output && strcmp(parameter->name, "Reserved") == 0)
		return;
	else if (!parameter->output) /* keys and secrets */
		put_bytes(region, "0123456789abcdef012345", 22);
	else
		put_output(region, a->function, parameter);
	a->value[at].p = region->bytes;
}

static uint64_t number_of(const char *function, const char *name)
{
	if (strstr(name, "PortNumber"))
		return ISCSI_ANY_INITIATOR_PORT;
	if (strstr(name, "SecretLength"))
		return strstr(function, "RADIUS") ? 22 : 16;
	if (strcmp(name, "KeyLength") == 0 || strcmp(name, "KeySize") == 0)
		return 16;
	if (strcmp(name, "InfoClass") == 0)
		return DiscoveryMechanisms;
	/* Flags, truths, LUNs, pages. */
	return 0;
}

void api_arguments_init(struct api_arguments *a, const struct api_function *function,
			const struct api_about *about)
{
	memset(a, 0, sizeof(*a));
	a->function = function;
	for (unsigned i = 0; i < function->count; i++)
		if (function->parameter[i].pointer)
			put_pointer(a, i, about);
		else
			a->value[i].n = number_of(function->name, function->parameter[i].name);
}

void api_arguments_done(struct api_arguments *a)
{
	for (unsigned i = 0; i < API_PARAMETERS; i++)
		api_region_done(&a->region[i]);
}

ISDSC_STATUS api_call(const struct api_arguments *a)
{
	return a->function->call(a->value);
}

static bool size_untouched(const struct api_region *region, const struct api_parameter *parameter)
{
	ULONG room = room_of(parameter);

	return memcmp(region->bytes, &room, sizeof(room)) == 0;
}

bool api_outputs_untouched(const struct api_arguments *a)
{
	for (unsigned i = 0; i < a->function->count; i++) {
		const struct api_parameter *parameter = &a->function->parameter[i];
		const char *type = parameter->type;
		bool size = strcmp(type, "PULONG") == 0 || strcmp(type, "ULONG*") == 0;

		if (!parameter->output || !a->region[i].map || strstr(type, "IKE_"))
			continue;
		if (size ? !size_untouched(&a->region[i], parameter)
			 : !api_region_untouched(&a->region[i], 0))
			return false;
	}
	return true;
}
