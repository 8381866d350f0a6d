/*
 * vici_play.c - makes the requests of service/vici.h that lines on its standard input ask for, and
 * writes what comes of them, a line each. charon.py drives it. Usage: vici_play SOCKET
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "service/vici.h"

enum { WORDS_MAX = 16, LINE_MAX_LEN = 4096 };

struct play {
	sd_event *event;
	struct vici *vici;
	char line[LINE_MAX_LEN];
	size_t len;
};

static void say_selectors(const char *name, const struct vici_selectors *s)
{
	printf(" %s=%s", name, s->count ? s->text[0] : "-");
}

static void say_sa(const struct vici_ike *ike, const struct vici_child *child)
{
	const struct vici_algorithms *a = child ? &child->algorithms : &ike->algorithms;

	printf(" ike=%s id=%u version=%u state=%s local=%s remote=%s ike-encr=%s ike-dh=%s", ike->name,
	       ike->id, ike->version, ike->state, ike->local_host, ike->remote_host,
	       ike->algorithms.encr, ike->algorithms.dh);
	if (!child) {
		printf("\n");
		return;
	}
	printf(" child=%s child-id=%u reqid=%u child-state=%s mode=%d encap=%d encr=%s-%u integ=%s dh=%s"
	       " in=%llu out=%llu age=%llu rekey=%llu", child->name, child->id, child->reqid,
	       child->state, child->mode, child->encap, a->encr, a->encr_bits, a->integ[0] ? a->integ : "-",
	       a->dh[0] ? a->dh : "-", (unsigned long long)child->bytes_in,
	       (unsigned long long)child->bytes_out, (unsigned long long)child->install_time,
	       (unsigned long long)child->rekey_time);
	say_selectors("local-ts", &child->local_ts);
	say_selectors("remote-ts", &child->remote_ts);
	printf("\n");
}

static void on_opened(void *ctx, const struct vici_version *version)
{
	(void)ctx;
	printf("opened daemon=%s version=%s\n", version->daemon, version->version);
}

static void on_event(void *ctx, const struct vici_event *event)
{
	(void)ctx;
	printf("event name=%s up=%d old=%u", vici_event_name(event->kind), event->up, event->old_id);
	say_sa(event->ike, event->child);
}

static void on_lost(void *ctx, const struct vici_result *why)
{
	struct play *play = ctx;

	printf("lost %d %s\n", why->error, why->why);
	vici_free(play->vici);
	play->vici = NULL;
	sd_event_exit(play->event, 0);
}

static const struct vici_ops ops = { on_opened, on_event, on_lost };

static void done(void *ctx, const struct vici_result *result)
{
	(void)ctx;
	printf("done %d %s\n", result->error, result->why);
}

static void each_sa(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	(void)ctx;
	printf("sa");
	say_sa(ike, child);
}

static void each_conn(void *ctx, const struct vici_known_conn *conn)
{
	(void)ctx;
	printf("conn name=%s version=%s child=%s mode=%d", conn->name, conn->version, conn->child,
	       conn->mode);
	say_selectors("local", &conn->local_addrs);
	say_selectors("remote", &conn->remote_addrs);
	say_selectors("local-ts", &conn->local_ts);
	say_selectors("remote-ts", &conn->remote_ts);
	printf("\n");
}

static void each_policy(void *ctx, const struct vici_policy *policy)
{
	(void)ctx;
	printf("policy ike=%s child=%s mode=%d", policy->ike, policy->child, policy->mode);
	say_selectors("local-ts", &policy->local_ts);
	say_selectors("remote-ts", &policy->remote_ts);
	printf("\n");
}

static void each_name(void *ctx, const char *name)
{
	(void)ctx;
	printf("name %s\n", name);
}

/* conn NAME CHILD VERSION AGGRESSIVE MODE LOCAL REMOTE LOCAL_TS REMOTE_TS ESP */
static int load_conn(struct play *play, char **word, struct vici_done when)
{
	const char *const ike[] = { "aes256-sha256-modp2048", NULL }, *const esp[] = { word[10], NULL };
	const struct vici_setting settings[] = { { "keyingtries", "1" }, { NULL, NULL } };
	const struct vici_conn conn = {
		.name = word[1], .child = word[2], .version = (unsigned)atoi(word[3]),
		.aggressive = word[4][0] == 'y',
		.mode = strcmp(word[5], "tunnel") ? VICI_TRANSPORT : VICI_TUNNEL,
		.local_addr = word[6], .remote_addr = word[7], .local_id = word[6],
		.remote_id = word[7], .local_ts = word[8], .remote_ts = word[9],
		.proposals = ike, .esp_proposals = esp, .settings = settings,
	};

	return vici_load_conn(play->vici, &conn, when);
}

/* key ID TEXT OWNER... */
static int load_key(struct play *play, char **word, struct vici_done when)
{
	const struct vici_key key = { .id = word[1], .bytes = (const uint8_t *)word[2],
				      .len = strlen(word[2]), .owners = (const char *const *)word + 3 };

	return vici_load_key(play->vici, &key, when);
}

static int ask(struct play *play, char **word, int words)
{
	const struct vici_done when = { .call = done, .ctx = play };
	const struct vici_which which = { .ike = word[1] };
	struct vici *vici = play->vici;
	const char *what = word[0];

	if (strcmp(what, "key") == 0 && words > 2)
		return load_key(play, word, when);
	if (strcmp(what, "unkey") == 0 && words > 1)
		return vici_unload_key(vici, word[1], when);
	if (strcmp(what, "conn") == 0 && words > 10)
		return load_conn(play, word, when);
	if (strcmp(what, "unconn") == 0 && words > 1)
		return vici_unload_conn(vici, word[1], when);
	if (strcmp(what, "initiate") == 0 && words > 3)
		return vici_initiate(vici, word[1], word[2], (unsigned)atoi(word[3]), when);
	if (strcmp(what, "terminate") == 0 && words > 1)
		return vici_terminate(vici, &which, true, 3000, when);
	if (strcmp(what, "rekey") == 0 && words > 1)
		return vici_rekey(vici, &which, when);
	if (strcmp(what, "rekey-child") == 0 && words > 1)
		return vici_rekey(vici, &(struct vici_which){ .child = word[1] }, when);
	if (strcmp(what, "end-child") == 0 && words > 1)
		return vici_terminate(vici, &(struct vici_which){ .child_id = (uint32_t)atoi(word[1]) },
				      false, 3000, when);
	if (strcmp(what, "sas") == 0)
		return vici_list_sas(vici, &which, each_sa, when);
	if (strcmp(what, "conns") == 0)
		return vici_list_conns(vici, word[1], each_conn, when);
	if (strcmp(what, "policies") == 0)
		return vici_list_policies(vici, each_policy, when);
	if (strcmp(what, "names") == 0)
		return vici_list_conn_names(vici, each_name, when);
	if (strcmp(what, "keys") == 0)
		return vici_list_key_ids(vici, each_name, when);
	if (strcmp(what, "plugins") == 0)
		return vici_list_plugins(vici, each_name, when);
	return -EBADRQC;
}

static void on_line(struct play *play, char *line)
{
	char *word[WORDS_MAX + 1] = { NULL }, *rest = NULL;
	int words = 0, r;

	for (char *w = strtok_r(line, " ", &rest); w && words < WORDS_MAX; w = strtok_r(NULL, " ", &rest))
		word[words++] = w;
	r = words ? ask(play, word, words) : -EBADRQC;
	if (r < 0)
		printf("refused %d\n", r);
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct play *play = ctx;
	ssize_t n = read(fd, play->line + play->len, sizeof(play->line) - play->len);
	char *end;

	(void)source;
	(void)revents;
	if (n <= 0)
		return sd_event_exit(play->event, 0);
	play->len += (size_t)n;
	while ((end = memchr(play->line, '\n', play->len))) {
		size_t used = (size_t)(end - play->line) + 1;

		*end = 0;
		on_line(play, play->line);
		play->len -= used;
		memmove(play->line, play->line + used, play->len);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct play play = { .vici = NULL };
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: vici_play SOCKET\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	r = sd_event_new(&play.event);
	if (r >= 0)
		r = vici_new(play.event, argv[1], &ops, &play, &play.vici);
	if (r >= 0)
		r = sd_event_add_io(play.event, NULL, STDIN_FILENO, EPOLLIN, on_input, &play);
	if (r >= 0)
		r = sd_event_loop(play.event);
	else
		printf("refused %d\n", r);
	vici_free(play.vici);
	sd_event_unref(play.event);
	return r < 0;
}
