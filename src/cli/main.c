/*
 * main.c - iscsicli: one command from the arguments, or one a line from standard input.
 *
 * Prints the banner, the command's own output, and the status' text; with --json one JSON object
 * and nothing else. The exit status is the low byte of the API's status: a shell sees no more.
 */
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/print.h"
#include "cli/status.h"
#include "cli/version.h"

#include <iscsidsc_ext.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words of a line; LoginTarget with all its mappings has fewer. */
#define WORDS_MAX 2048

#define DETAIL_ROOM 600

static void banner_print(void)
{
	const char *text = VERSION_TEXT, *build = strrchr(text, '.');

	printf("iscsidsc iSCSI Initiator Version %.*s Build %s\n\n", (int)(build - text), text,
	       build + 1);
}

static void status_print(ISDSC_STATUS status)
{
	const struct status_text *row = status_find(status);

	if (row)
		printf("%s\n", row->text);
	else
		printf("Status: 0x%x\n", status);
}

/* What failed and where, in more words than the status has: an argument's fault, else the service's
 * words. "" for none. What is got is not told again. */
static const char *detail_get(char *to, ULONG room)
{
	*to = '\0';
	GetIScsiErrorText(&room, to);
	if (*read_complaint())
		snprintf(to, DETAIL_ROOM, "%s", read_complaint());
	read_complaint_clear();
	return to;
}

/* Beside standard output, which is as scripts know it. */
static void detail_print(const char *command, ISDSC_STATUS status, const char *detail)
{
	fflush(stdout);
	if (status && *detail)
		fprintf(stderr, "iscsicli: %s: %s\n", command, detail);
}

static void json_print(struct json_object *json, ISDSC_STATUS status, const char *detail)
{
	const struct status_text *row = status_find(status);

	json_number(json, "status", status);
	json_text(json, "status_name", row ? row->name : "");
	json_text(json, "status_text", row ? row->text : "");
	if (status)
		json_text(json, "status_detail", detail);
	printf("%s\n", json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
}

static ISDSC_STATUS command_do(bool json, int argc, char **argv)
{
	struct run run = { .json = json ? json_object_new_object() : NULL };
	char detail[DETAIL_ROOM];
	ISDSC_STATUS status;

	detail_get(detail, sizeof(detail)); /* of the prompt */
	status = command_run(&run, argc, argv);
	detail_get(detail, sizeof(detail));
	if (json) {
		json_print(run.json, status, detail);
	} else {
		status_print(status);
		detail_print(argv[0], status, detail);
	}
	json_object_put(run.json);
	return status;
}

/* Splits a line at blanks, in place; double quotes keep blanks in a word. Returns the words. */
static int line_split(char *line, char **words)
{
	int count = 0;
	char *to = line;

	for (;;) {
		bool quoted = false;

		line += strspn(line, " \t\r\n");
		if (!*line || count == WORDS_MAX)
			return count;
		words[count++] = to;
		for (; *line && (quoted || !strchr(" \t\r\n", *line)); line++)
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		if (*line)
			line++;
		*to++ = '\0';
	}
}

static void prompt_print(void)
{
	CHAR name[MAX_ISCSI_NAME_LEN + 1] = "";

	GetIScsiInitiatorNodeNameA(name);
	printf("[%s] Enter command or ^C to exit\n", name);
	fflush(stdout);
}

/* Commands of standard input. Returns the status of the last one. */
static ISDSC_STATUS lines_run(bool json)
{
	static char *words[WORDS_MAX];
	ISDSC_STATUS status = ERROR_SUCCESS;
	char *line = NULL;
	size_t room = 0;

	for (;;) {
		ssize_t length;
		int count;

		if (!json)
			prompt_print();
		length = getline(&line, &room, stdin);
		if (length < 0)
			break;
		count = line_split(line, words);
		if (count)
			status = command_do(json, count, words);
		fflush(stdout);
		explicit_bzero(line, (size_t)length);
	}
	free(line);
	return status;
}

/* Takes --json off the front or the end of the arguments. */
static bool json_take(int *argc, char **argv)
{
	if (*argc > 1 && strcmp(argv[1], "--json") == 0) {
		memmove(argv + 1, argv + 2, (size_t)(*argc - 1) * sizeof(*argv));
		--*argc;
		return true;
	}
	if (*argc > 2 && strcmp(argv[*argc - 1], "--json") == 0) {
		argv[--*argc] = NULL;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	bool json = json_take(&argc, argv);
	ISDSC_STATUS status;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf(json ? "{ \"version\":\"%s\" }\n" : "iscsicli %s\n", VERSION_TEXT);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--complete") == 0) {
		complete_lines(stdout, stdin);
		return 0;
	}
	if (!json)
		banner_print();
	status = argc > 1 ? command_do(json, argc - 1, argv + 1) : lines_run(json);
	if (fflush(stdout) != 0 || ferror(stdout))
		return ERROR_IO_DEVICE & 0xff;
	/* No code of the API has a low byte of 0; a failure must not look like success. */
	return status && !(status & 0xff) ? 1 : (int)(status & 0xff);
}
