/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	main() of a fuzz target on a machine without libFuzzer: runs the target once over each file
 *	of the corpus, so that what a fuzzer found once is tested in every run from then on.
 * Use
 *	fuzz_x_replay FILE|FOLDER...; a folder stands for the files in it. No input at all is an error,
 *	because a test that tested nothing must not pass.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned int replayed;

/* The input lies in memory of exactly its size, as libFuzzer does it. */
static void
replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size != 0 ? size : 1);

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	fclose(file);
	/* Said beforehand: if it crashes, this is the last line. */
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
}

static void
replay_path(const char *path)
{
	struct dirent **names;
	struct stat status;
	int count;

	if (stat(path, &status) < 0) {
		fprintf(stderr, "%s: no such file or folder\n", path);
		exit(1);
	}
	if (!S_ISDIR(status.st_mode)) {
		replay_file(path, (size_t)status.st_size);
		return;
	}
	count = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && stat(file, &status) == 0 &&
				S_ISREG(status.st_mode))
			replay_file(file, (size_t)status.st_size);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

int
main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		replay_path(argv[i]);
	if (replayed == 0) {
		fprintf(stderr, "usage: %s FILE|FOLDER...: nothing to replay\n", argv[0]);
		return 1;
	}
	printf("%u inputs replayed\n", replayed);
	return 0;
}
