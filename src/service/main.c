/*
 * main.c - iscsidscd: options, the place it lives in, and the one service. It stays in the
 * foreground in every case: whoever wants it in the background has a supervisor, or a shell.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "service/log.h"
#include "service/place.h"
#include "service/room.h"
#include "service/service.h"

enum { EXIT_USAGE = 2, LOOPS_MAX = 64 };

struct arguments {
	const char *state_dir, *socket, *charon;
	unsigned loops;
};

static const char usage[] =
	"iscsidscd - the iSCSI initiator service\n"
	"\n"
	"Usage: iscsidscd [options]\n"
	"  --foreground     stay in the foreground (it always does)\n"
	"  --state-dir DIR  where portals, names and settings are kept\n"
	"                   (root: /var/lib/iscsidsc, else $XDG_STATE_HOME/iscsidsc,\n"
	"                   ~/.local/state/iscsidsc)\n"
	"  --socket PATH    the socket for libiscsidsc and iscsicli; disks get their NBD sockets\n"
	"                   in the folder disks beside it\n"
	"                   (root: /run/iscsidsc/iscsidsc.sock,\n"
	"                   else $XDG_RUNTIME_DIR/iscsidsc/iscsidsc.sock, or without that\n"
	"                   variable /tmp/iscsidsc-UID/iscsidsc.sock)\n"
	"  --loops N        data threads, 1 to 64 (default: one per core)\n"
	"  --charon PATH    strongSwan's control socket, for IPsec (/run/charon.vici)\n"
	"  --version        print the version\n"
	"  --help           print this\n"
	"\n"
	"It needs no settings and no root. To try it in folders of your own:\n"
	"  iscsidscd --state-dir ./state --socket ./run/iscsidsc.sock &\n"
	"  export ISCSIDSC_SOCKET=$PWD/run/iscsidsc.sock\n"
	"  iscsicli --help\n"
	"\n"
	"SIGTERM and SIGINT close all disks, log out all sessions, and end it.\n";

static int loops_get(const char *text, unsigned *ret)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value < 1 || value > LOOPS_MAX)
		return -EINVAL;
	*ret = (unsigned)value;
	return 0;
}

/* Returns -1 to go on, else the status to leave with. */
static int arguments_get(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
		{ "foreground", no_argument, NULL, 'f' }, { "state-dir", required_argument, NULL, 's' },
		{ "socket", required_argument, NULL, 'S' }, { "loops", required_argument, NULL, 'l' },
		{ "charon", required_argument, NULL, 'c' },
		{ "version", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			break;
		case 's':
			ret->state_dir = optarg;
			break;
		case 'S':
			ret->socket = optarg;
			break;
		case 'l':
			if (loops_get(optarg, &ret->loops) == 0)
				break;
			fprintf(stderr, "iscsidscd: --loops takes a number from 1 to %d\n", LOOPS_MAX);
			return EXIT_USAGE;
		case 'c':
			ret->charon = optarg;
			break;
		case 'v':
			puts("iscsidscd " ISCSIDSC_VERSION_TEXT);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default: /* getopt said what is wrong */
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "iscsidscd: unexpected argument %s; see iscsidscd --help\n", argv[optind]);
	return EXIT_USAGE;
}

/* Memory holds secrets: no core file, no debugger of the same user. */
static void guard_memory(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static void prepare_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	/* A limit on files is an error of the one write. */
	signal(SIGXFSZ, SIG_IGN);
	/* Held back until the service takes them, so that none is lost while it starts. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int run(struct place *place, const struct arguments *arguments)
{
	const struct service_config config = {
		.state_dir = place->state_dir,
		.runtime_dir = place->runtime_dir,
		.listen_fd = place->listen_fd,
		.loops = arguments->loops,
		.charon = arguments->charon,
		.socket_mode = place->socket_mode,
		.socket_gid = place->socket_gid,
	};
	struct service *service;
	char why[512];
	int r = service_new(&config, why, sizeof(why), &service);

	if (r < 0) {
		log_error("%s", why);
		return r;
	}
	r = service_catch_signals(service);
	if (r == 0) {
		log_notice("iscsidscd " ISCSIDSC_VERSION_TEXT " listens on %s, keeps its state in %s",
			   place->socket, place->state_dir);
		r = service_run(service);
	}
	/* Threads may still be at work on what did not end. */
	if (r != -ETIMEDOUT)
		service_free(service);
	return r;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .loops = 0 };
	struct place place;
	char why[512];
	int r = arguments_get(argc, argv, &arguments);

	if (r >= 0)
		return r;
	guard_memory();
	prepare_signals();
	room_raise();
	r = place_open(arguments.state_dir, arguments.socket, &place, why, sizeof(why));
	if (r < 0) {
		log_error("%s", why);
		return EXIT_FAILURE;
	}
	r = run(&place, &arguments);
	place_close(&place);
	if (r == 0)
		log_notice("stopped");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
