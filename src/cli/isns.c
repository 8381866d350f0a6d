/*
 * isns.c - the commands about iSNS servers.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ISDSC_STATUS isns_add(struct run *run, int argc, char **argv)
{
	ISDSC_STATUS status;

	(void)run;
	(void)argc;
	progress_begin(NULL, "Asking iSNS server %s", argv[0]);
	status = AddISNSServerA(argv[0]);
	progress_end();
	return status;
}

ISDSC_STATUS isns_remove(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return RemoveISNSServerA(argv[0]);
}

ISDSC_STATUS isns_refresh(struct run *run, int argc, char **argv)
{
	ISDSC_STATUS status;

	(void)run;
	(void)argc;
	progress_begin(NULL, "Asking %s", read_given(argv[0]) ? argv[0] : "every iSNS server");
	status = RefreshISNSServerA(read_text(argv[0]));
	progress_end();
	return status;
}

ISDSC_STATUS isns_list(struct run *run, int argc, char **argv)
{
	struct json_object *array;
	ULONG count;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_isns_servers, NULL, sizeof(CHAR), &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "isns_servers") : NULL;
	if (!array && !*(const char *)list)
		printf("No SNS Servers\n");
	for (const char *address = list; *address; address += strlen(address) + 1)
		if (array)
			json_object_array_add(array, json_object_new_string(address));
		else
			printf("    %s\n", address);
	free(list);
	return 0;
}
