/*
 * client_fake.c - see client_fake.h. One connection at a time, as the library makes them.
 */
#include "client_fake.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	fake_answer answer;
	char folder[64], path[96];
	int listener, stop[2];
	pthread_t thread;
	atomic_int calls;
	int died;
} fake;

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		abort();
	}
}

static int request_arrived(sd_bus_message *request, void *userdata, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	int r;

	(void)userdata;
	(void)error;
	if (!sd_bus_message_is_method_call(request, NULL, NULL))
		return 0;
	must(sd_bus_message_new_method_return(request, &reply) >= 0, "reply");
	r = fake.answer(request, reply);
	fake.calls++; /* before it is sent: fake_calls shows the test what `answer` has written */
	if (r == FAKE_DIE)
		fake.died = 1;
	else if (r < 0)
		sd_bus_reply_method_errno(request, r, NULL);
	else
		must(sd_bus_send(NULL, reply, NULL) >= 0, "send");
	sd_bus_message_unref(reply);
	return 1;
}

static void client_serve(int fd)
{
	sd_id128_t id = { .bytes = { 1 } };
	sd_bus *bus = NULL;

	must(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fd, fd) >= 0 &&
	     sd_bus_set_server(bus, 1, id) >= 0 && sd_bus_start(bus) >= 0 &&
	     sd_bus_add_filter(bus, NULL, request_arrived, NULL) >= 0, "bus");
	fake.died = 0;
	while (!fake.died) {
		int r = sd_bus_process(bus, NULL);
		struct pollfd fds[2] = {
			{ .fd = sd_bus_get_fd(bus), .events = (short)sd_bus_get_events(bus) },
			{ .fd = fake.stop[0], .events = POLLIN },
		};

		if (r < 0)
			break;
		if (r > 0)
			continue;
		poll(fds, 2, -1);
		if (fds[1].revents)
			break;
	}
	sd_bus_close_unref(bus);
}

static void *service_run(void *arg)
{
	(void)arg;
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = fake.listener, .events = POLLIN },
			{ .fd = fake.stop[0], .events = POLLIN },
		};

		poll(fds, 2, -1);
		if (fds[1].revents)
			return NULL;
		if (fds[0].revents) {
			int fd = accept4(fake.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

			if (fd >= 0)
				client_serve(fd);
		}
	}
}

void fake_start(fake_answer answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(&fake, 0, sizeof(fake));
	fake.answer = answer;
	strcpy(fake.folder, "/tmp/iscsidsc-test-XXXXXX");
	must(mkdtemp(fake.folder) != NULL, "folder");
	snprintf(fake.path, sizeof(fake.path), "%s/socket", fake.folder);
	strcpy(address.sun_path, fake.path);
	fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fake.listener >= 0 &&
	     bind(fake.listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	     listen(fake.listener, 16) == 0 && pipe(fake.stop) == 0, "listen");
	setenv("ISCSIDSC_SOCKET", fake.path, 1);
	must(pthread_create(&fake.thread, NULL, service_run, NULL) == 0, "thread");
}

void fake_stop(void)
{
	must(write(fake.stop[1], "", 1) == 1, "stop");
	pthread_join(fake.thread, NULL);
	close(fake.listener);
	close(fake.stop[0]);
	close(fake.stop[1]);
	unlink(fake.path);
	rmdir(fake.folder);
}

int fake_calls(void)
{
	return fake.calls;
}
