/*
 * kept.c - PDUs that carry a StatSN: numbered, and above level 0 kept until the initiator acknowledges
 * them, so that it can ask for them again (RFC 7143 sections 4.2.2.2, 11.4.9, 11.16.1).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

static struct peer_status *find(struct peer_conn *c, uint32_t stat_sn)
{
	list_for_each(it, &c->kept)
		if (list_entry(it, struct peer_status, link)->stat_sn == stat_sn)
			return list_entry(it, struct peer_status, link);
	return NULL;
}

static void keep(struct peer_conn *c, const uint8_t *bhs, const void *data, uint32_t len,
		 struct peer_task *task)
{
	uint32_t stat_sn = bytes_get32(bhs + 24);
	struct peer_status *k = find(c, stat_sn); /* one with another SNACK tag takes its place */

	if (!k) {
		k = peer_alloc(sizeof(*k));
		k->stat_sn = stat_sn;
		list_append(&c->kept, &k->link);
	}
	free(k->data);
	k->data = peer_alloc(len);
	k->len = len;
	if (len)
		memcpy(k->data, data, len);
	memcpy(k->bhs, bhs, PDU_BHS_LEN);
	k->task = task;
	if (task)
		task->kept = k;
}

void kept_send(struct peer_conn *c, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len,
	       struct peer_task *task)
{
	bool again = task && task->has_stat;

	task_numbers(c, bhs, !again);
	if (again)
		bytes_put32(bhs + 24, task->stat_sn);
	if (task) {
		task->has_stat = true;
		task->stat_sn = bytes_get32(bhs + 24);
	}
	if (session_level(c->session))
		keep(c, bhs, data, len, task);
	conn_send(c, bhs, data, len);
}

static void drop(struct peer_status *k)
{
	if (k->task)
		k->task->kept = NULL;
	list_remove(&k->link);
	free(k->data);
	free(k);
}

void kept_acknowledged(struct peer_conn *c, uint32_t exp_stat_sn)
{
	list_for_each(it, &c->kept) {
		struct peer_status *k = list_entry(it, struct peer_status, link);
		struct peer_task *task = k->task;

		if (!sn_lt(k->stat_sn, exp_stat_sn))
			break;
		drop(k);
		if (!task)
			continue;
		if (task->state != PEER_ANSWERED)
			conn_violation(c, "a status acknowledged though an R-Data SNACK wants another");
		task_free(task);
	}
}

void kept_free_all(struct peer_conn *c)
{
	while (!list_empty(&c->kept))
		drop(list_entry(c->kept.next, struct peer_status, link));
}
