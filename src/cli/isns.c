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
	ULONG count;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_isns_servers, NULL, sizeof(CHAR), &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	print_names(run->json, "isns_servers", list, NULL, "No SNS Servers");
	free(list);
	return 0;
}
