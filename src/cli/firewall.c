/*
 * firewall.c - FirewallExemptiSNSServer: lets the notifications of the listed iSNS servers through
 * this machine's firewall. They come by UDP from the server's address, to a port that changes, so it
 * is the address that is let in. Linux has no one owner of its rules: those managers that can be
 * told are asked, one after the other. Rules that somebody wrote by hand are not touched.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WORDS = 8, WORD = 160, STEPS = 2 };

/* A manager: how to learn that it is in charge, and what to run for an address. %s is the address, %d
 * 4 or 6. */
static const struct manager {
	const char *name;
	const char *probe[WORDS];
	const char *steps[STEPS][WORDS];
} managers[] = {
	{ "firewalld", { "firewall-cmd", "--quiet", "--state" },
	  { { "firewall-cmd", "--quiet", "--add-rich-rule=rule family=ipv%d source address=%s "
	      "protocol value=udp accept" },
	    { "firewall-cmd", "--quiet", "--permanent", "--add-rich-rule=rule family=ipv%d source "
	      "address=%s protocol value=udp accept" } } },
	{ "ufw", { "sh", "-c", "ufw status | grep -q '^Status: active'" },
	  { { "ufw", "allow", "proto", "udp", "from", "%s" } } },
};

/* Runs a program without output. False if it is not there or failed. */
static bool program_run(char *const *words)
{
	posix_spawn_file_actions_t actions;
	bool good;
	int status;
	pid_t pid;

	fflush(NULL);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	good = posix_spawnp(&pid, words[0], &actions, NULL, words, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	return good && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Puts family and address into a word: at most one %d, then one %s. */
static void word_fill(const char *word, const char *address, char to[WORD])
{
	const char *family = strstr(word, "%d"), *place = strstr(word, "%s");
	int head = family ? (int)(family - word) : 0;

	if (!place)
		snprintf(to, WORD, "%s", word);
	else
		snprintf(to, WORD, "%.*s%s%.*s%s%s", head, word,
			 !family ? "" : strchr(address, ':') ? "6" : "4",
			 (int)(place - (family ? family + 2 : word)), family ? family + 2 : word, address,
			 place + 2);
}

static bool words_run(const char *const *words, const char *address)
{
	char text[WORDS][WORD], *list[WORDS + 1] = { NULL };

	for (int i = 0; i < WORDS && words[i]; i++) {
		word_fill(words[i], address, text[i]);
		list[i] = text[i];
	}
	return program_run(list);
}

static const struct manager *manager_find(void)
{
	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++)
		if (words_run(managers[i].probe, ""))
			return &managers[i];
	return NULL;
}

/* All steps, even after one that failed: a rule that is there already counts as failed with some. */
static bool address_exempt(const struct manager *manager, const char *address)
{
	bool done = manager != NULL;

	for (int i = 0; manager && i < STEPS && manager->steps[i][0]; i++)
		done = words_run(manager->steps[i], address) && done;
	return done;
}

/* HOST, HOST:PORT, [IPV6]:PORT or a bare IPv6 address: the host. */
static void host_get(const char *server, char *to, size_t room)
{
	const char *colon = strchr(server, ':');
	size_t length = strlen(server);

	if (*server == '[')
		length = strcspn(++server, "]");
	else if (colon && !strchr(colon + 1, ':'))
		length = (size_t)(colon - server);
	snprintf(to, room, "%.*s", (int)length, server);
}

struct exempt {
	struct json_object *array; /* NULL: text */
	const struct manager *manager;
	ISDSC_STATUS status;
};

static void address_put(struct exempt *exempt, const char *server, const char *address, bool done)
{
	struct json_object *json;

	if (!exempt->array) {
		printf("    %s: UDP from %s %s\n", server, address,
		       done ? "is let in" : exempt->manager ? "could not be let in"
							     : "is to be let in by hand");
		return;
	}
	json = json_item(exempt->array);
	json_text(json, "server", server);
	json_text(json, "address", address);
	json_truth(json, "done", done);
}

static void server_exempt(struct exempt *exempt, const char *server)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list;
	char host[256], address[INET6_ADDRSTRLEN];

	host_get(server, host, sizeof(host));
	if (getaddrinfo(host, NULL, &hints, &list) != 0) {
		read_complain("%s has no address", host);
		exempt->status = WSAHOST_NOT_FOUND;
		return;
	}
	for (const struct addrinfo *at = list; at; at = at->ai_next) {
		bool done;

		if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(address), NULL, 0,
				NI_NUMERICHOST) != 0)
			continue;
		done = address_exempt(exempt->manager, address);
		address_put(exempt, server, address, done);
		if (!done && exempt->manager)
			exempt->status = ISDSC_ISNS_FIREWALL_BLOCKED;
	}
	freeaddrinfo(list);
}

ISDSC_STATUS firewall_exempt(struct run *run, int argc, char **argv)
{
	struct exempt exempt = { .status = 0 };
	void *list = NULL;
	ULONG count;
	ISDSC_STATUS status = fetch_list(fetch_isns_servers, NULL, sizeof(CHAR), &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	exempt.array = run->json ? json_array(run->json, "exempt") : NULL;
	if (*(const char *)list) {
		exempt.manager = manager_find();
		exempt.status = exempt.manager ? 0 : ERROR_NOT_SUPPORTED;
	} else if (!run->json) {
		printf("No SNS Servers\n");
	}
	if (run->json)
		json_text(run->json, "firewall", exempt.manager ? exempt.manager->name : "");
	for (const char *server = list; *server; server += strlen(server) + 1)
		server_exempt(&exempt, server);
	if (exempt.status == ERROR_NOT_SUPPORTED)
		read_complain("no firewall that can be told (firewalld, ufw) is in charge here; where "
			      "another one filters, let UDP from these addresses in");
	if (exempt.status == ISDSC_ISNS_FIREWALL_BLOCKED)
		read_complain("%s refused the rule; this needs root", exempt.manager->name);
	free(list);
	return exempt.status;
}
