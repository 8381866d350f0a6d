/*
 * mirror.c - see mirror.h.
 */
#include "drive/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "drive/link.h"

static const struct {
	size_t sum, live;
} counters[] = {
#define COUNTER(name) { offsetof(struct nexus_conn, name), offsetof(struct conn_counters, name) }
	COUNTER(bytes_in), COUNTER(bytes_out), COUNTER(data_in), COUNTER(data_out),
	COUNTER(pdus_in), COUNTER(pdus_out), COUNTER(commands),
#undef COUNTER
};

struct mirror *mirror_new(struct list *mirrors, const struct conn_options *options)
{
	struct mirror *mirror = calloc(1, sizeof(*mirror));
	struct nexus_conn *conn;

	if (!mirror)
		return NULL;
	conn = &mirror->conn;
	conn->id = options->id;
	conn->options = *options;
	explicit_bzero(conn->options.chap.secret, sizeof(conn->options.chap.secret));
	explicit_bzero(conn->options.chap.target_secret, sizeof(conn->options.chap.target_secret));
	conn->options.chap.secret_len = conn->options.chap.target_secret_len = 0;
	memcpy(conn->target_host, options->host, sizeof(conn->target_host));
	conn->target_port = options->port;
	list_append(mirrors, &mirror->link);
	return mirror;
}

void mirror_free(struct mirror *mirror)
{
	list_remove(&mirror->link);
	free(mirror);
}

struct mirror *mirror_find(struct list *mirrors, uint64_t id)
{
	list_for_each(item, mirrors) {
		struct mirror *mirror = list_entry(item, struct mirror, link);

		if (mirror->conn.id == id)
			return mirror;
	}
	return NULL;
}

bool mirror_joined(struct mirror *mirror, struct link *link)
{
	struct nexus_conn *conn = &mirror->conn;
	const struct link_up *up = &link->up;
	bool again = mirror->listed;

	mirror_retire(mirror);
	mirror->carrier = link;
	mirror->listed = true;
	conn->up = true;
	conn->doubted = false;
	conn->reconnects += again;
	memcpy(conn->target_host, up->host, sizeof(conn->target_host));
	conn->target_port = up->port;
	memcpy(conn->local_address, up->local, sizeof(conn->local_address));
	memcpy(conn->peer_address, up->peer, sizeof(conn->peer_address));
	conn->local_port = up->local_port;
	conn->login = up->login;
	return again;
}

/* Adds what the carrier counted to the sums in *conn. */
static void mirror_sum(const struct mirror *mirror, struct nexus_conn *conn)
{
	char *live;

	if (!mirror->carrier)
		return;
	conn->answered += path_get(&mirror->carrier->path.answered);
	conn->answered_ns += path_get(&mirror->carrier->path.answered_ns);
	live = (char *)conn_counters(mirror->carrier->conn);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		*(uint64_t *)((char *)conn + counters[i].sum) += atomic_load_explicit(
			(_Atomic uint64_t *)(live + counters[i].live), memory_order_relaxed);
}

void mirror_retire(struct mirror *mirror)
{
	mirror_sum(mirror, &mirror->conn);
	mirror->carrier = NULL;
}

void mirror_get(const struct list *mirrors, const struct mirror *mirror, struct nexus_conn *ret)
{
	*ret = mirror->conn;
	ret->leading = mirrors->next == &mirror->link;
	mirror_sum(mirror, ret);
	if (!mirror->carrier)
		return;
	ret->round_trip_ns = conn_round_trip(mirror->carrier->conn);
	ret->tasks = path_tasks(&mirror->carrier->path);
	ret->rate = atomic_load_explicit(&mirror->carrier->path.rate, memory_order_relaxed);
}
