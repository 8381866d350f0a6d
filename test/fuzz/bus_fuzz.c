/*
 * bus_fuzz.c - the service as its clients see it: calls with any arguments, in any order, while sessions
 * and disks answer what the input says (fake_drive.c).
 *
 * Checked besides the sanitizers: each call of good form is answered once, in its form; what the service
 * asks of drive and disk is something it may ask; it ends in order, and nothing is left behind.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus_client.h"
#include "fake_drive.h"
#include "fuzz.h"
#include "service/bus.h"
#include "service/log.h"

enum { CLIENTS = 3 };

enum act {
	ACT_CALL, ACT_CALL_AGAIN, ACT_CALL_ANY, ACT_OPEN, ACT_CLOSE, ACT_RAW,
	ACT_NEXUS, ACT_NEXUS_AGAIN, ACT_NEXUS_MORE, ACT_DISK, ACT_TURN,
	ACTS
};

static struct {
	struct bytes_reader in;
	struct service *service;
	struct bus_client_side client[CLIENTS];
	char folder[64];
} f;

/* In log.c's place: nobody reads it here. That it can be made into a text is part of the test. */
void log_line(enum log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	(void)level;
	va_start(args, format);
	fuzz_need(vsnprintf(line, sizeof(line), format, args) >= 0);
	va_end(args);
}

/* False when the service has ended. */
static bool turn(void)
{
	bool any = true;

	for (unsigned rounds = 0; any; rounds++) {
		int r = sd_event_run(f.service->event, 0);

		if (r == -ESTALE || sd_event_get_state(f.service->event) == SD_EVENT_FINISHED)
			return false;
		fuzz_need(r >= 0 && rounds < 10000);
		any = r > 0;
		for (unsigned i = 0; i < CLIENTS; i++)
			any |= bus_client_side_turn(&f.client[i]);
	}
	return true;
}

/* A client that speaks no D-Bus, or stops in the middle of it. */
static void raw(void)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	uint8_t how = bytes_take8(&f.in);
	size_t len = bytes_take8(&f.in);
	const uint8_t *data = bytes_take(&f.in, len);
	int pair[2];

	if (!data)
		return;
	fuzz_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	bus_add_client(f.service, pair[0]);
	if (how & 1)
		fuzz_need(send(pair[1], hello, sizeof(hello) - 1, MSG_NOSIGNAL) != 0);
	turn();
	if (send(pair[1], data, len, MSG_NOSIGNAL) > 0)
		turn();
	close(pair[1]);
}

static void act(enum act what)
{
	struct bus_client_side *client = NULL;

	if (what <= ACT_CLOSE)
		client = &f.client[bytes_take8(&f.in) % CLIENTS];
	switch (what) {
	case ACT_CALL:
	case ACT_CALL_AGAIN:
	case ACT_CALL_ANY:
		bus_client_side_call(client, f.service, &f.in, what == ACT_CALL_ANY);
		break;
	case ACT_OPEN:
		bus_client_side_open(client, f.service);
		break;
	case ACT_CLOSE:
		bus_client_side_close(client);
		break;
	case ACT_RAW:
		raw();
		break;
	case ACT_NEXUS:
	case ACT_NEXUS_AGAIN:
	case ACT_NEXUS_MORE:
		fake_drive_nexus(&f.in);
		break;
	case ACT_DISK:
		fake_drive_disk(&f.in);
		break;
	case ACT_TURN:
	case ACTS:
		break;
	}
	turn();
}

static void begin(void)
{
	const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct service_config config = { .state_dir = f.folder, .runtime_dir = f.folder, .listen_fd = -1,
		.loops = 1, .socket_mode = 0600, .socket_gid = (gid_t)-1, .charon = "/nowhere" };
	char why[256];

	snprintf(f.folder, sizeof(f.folder), "%s/bus_fuzz.%d", root, (int)getpid());
	mkdir(f.folder, 0700);
	fuzz_need(service_new(&config, why, sizeof(why), &f.service) == 0);
	bus_client_side_open(&f.client[0], f.service);
	turn();
}

static void end(void)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "store.db-journal",
		"store.key" };
	char path[96];

	service_stop(f.service);
	while (turn())
		fake_drive_finish();
	fuzz_need(fake_drive_empty());
	for (unsigned i = 0; i < CLIENTS; i++) {
		while (bus_client_side_turn(&f.client[i]))
			continue;
		fuzz_need(!f.client[i].open);
		bus_client_side_close(&f.client[i]);
	}
	service_free(f.service);
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f.folder, files[i]);
		unlink(path);
	}
	fuzz_need(rmdir(f.folder) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&f, 0, sizeof(f));
	bytes_reader_init(&f.in, data, size);
	begin();
	while (!f.in.bad && bytes_left(&f.in))
		act(bytes_take8(&f.in) % ACTS);
	end();
	return 0;
}
