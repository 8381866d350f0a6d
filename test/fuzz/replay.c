/*
 * replay.c - runs a harness over files, and the files of folders, without libFuzzer: the corpus as a
 * test, with any compiler and under any sanitizer. A finding breaks it off.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { SIZE_MAX_READ = 1 << 20 };

static unsigned files;

/* The memory is as long as the input, so that a sanitizer sees what reads beyond it. */
static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *room = malloc(SIZE_MAX_READ), *input = NULL;
	size_t n = 0;

	if (file && room)
		n = fread(room, 1, SIZE_MAX_READ, file);
	if (file && room)
		input = malloc(n ? n : 1);
	if (input) {
		memcpy(input, room, n);
		LLVMFuzzerTestOneInput(input, n);
		files++;
	} else {
		perror(path);
	}
	free(room);
	free(input);
	if (file)
		fclose(file);
	return input ? 0 : 1;
}

static int run_folder(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort), failed = n < 0;
	char file[4096];

	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
			printf("%s\n", file);
			fflush(stdout); /* it shall stand there if this is the one */
			failed |= run_file(file);
		}
		free(names[i]);
	}
	free(names);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) < 0) {
			perror(argv[i]);
			failed = 1;
		} else {
			failed |= S_ISDIR(st.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
		}
	}
	printf("%u inputs\n", files);
	return failed || !files;
}
