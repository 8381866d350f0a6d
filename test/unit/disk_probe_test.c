/*
 * disk_probe_test.c - what a disk learns from units of several kinds, and its life: opening,
 * serving, closing in every state. Against a SCSI disk in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "disk/disk.h"
#include "disk_fake.h"
#include "scsi/cdb.h"

struct bench {
	struct nexus *nexus;
	struct mailbox control;
	char path[100];
	struct disk *disk;
	struct fault fault;
	bool ready, closed;
	bool told;                 /* of changes */
	unsigned changes;
};

static int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	bench->nexus = fake_new(2048, 512);
	snprintf(bench->path, sizeof bench->path, "/tmp/disk_probe_test.%d.nbd", (int)getpid());
	assert_int_equal(mailbox_init(&bench->control), 0);
	*state = bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	fake_free(bench->nexus);
	mailbox_done(&bench->control);
	assert_int_equal(access(bench->path, F_OK), -1);
	free(bench);
	return 0;
}

static void disk_ready(void *ctx, struct disk *disk, const struct fault *fault)
{
	struct bench *bench = ctx;

	assert_false(bench->ready);
	assert_false(bench->closed);
	assert_ptr_equal(disk, bench->disk);
	bench->fault = *fault;
	bench->ready = true;
}

static void disk_changed(void *ctx, struct disk *disk, unsigned changes)
{
	struct bench *bench = ctx;

	assert_true(bench->ready);
	assert_false(bench->closed);
	assert_ptr_equal(disk, bench->disk);
	bench->changes |= changes;
	bench->told = true;
}

static void disk_closed(void *ctx)
{
	struct bench *bench = ctx;

	bench->closed = true;
}

static void bench_begin(struct bench *bench)
{
	struct disk_config config = {
		.nexus = bench->nexus, .control = &bench->control, .lun = UINT64_C(1) << 48,
		.socket_path = bench->path, .socket_mode = 0640, .socket_gid = (gid_t)-1,
		.changed = disk_changed,
	};

	assert_int_equal(disk_open(&config, disk_ready, bench, &bench->disk), 0);
}

static const struct disk_info *bench_open(struct bench *bench)
{
	bench_begin(bench);
	assert_true(fake_control(&bench->control, &bench->ready));
	return disk_info(bench->disk);
}

static void bench_close(struct bench *bench)
{
	disk_close(bench->disk, disk_closed, bench);
	assert_true(fake_control(&bench->control, &bench->closed));
}

static void test_full(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info;
	struct stat st;

	bench->nexus->max_transfer = 256;
	info = bench_open(bench);
	assert_int_equal(bench->fault.kind, FAULT_NONE);
	assert_true(info->serving);
	assert_int_equal(info->lun, UINT64_C(1) << 48);
	assert_string_equal(info->vendor, "FAKE");
	assert_string_equal(info->product, "In memory");
	assert_string_equal(info->revision, "1.0");
	assert_string_equal(info->serial, "SERIAL42");
	assert_string_equal(info->wwid, "naa.5001020304050607");
	assert_int_equal(info->blocks, 2048);
	assert_int_equal(info->block_size, 512);
	assert_int_equal(info->max_io, 256 * 512);
	assert_int_equal(info->min_io, 512);
	assert_true(info->can_fua && info->can_unmap && info->can_write_same && info->write_cache);
	assert_false(info->read_only);
	assert_string_equal(info->socket_path, bench->path);
	assert_int_equal(stat(bench->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	bench_close(bench);
}

/* All that is optional fails. */
static void test_minimal(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info;

	bench->nexus->no_vpd = bench->nexus->no_16 = bench->nexus->no_mode = true;
	bench->nexus->thin = false;
	info = bench_open(bench);
	assert_int_equal(bench->fault.kind, FAULT_NONE);
	assert_true(info->serving);
	assert_int_equal(info->blocks, 2048);
	assert_false(info->can_fua || info->can_unmap || info->can_write_same || info->write_cache);
	assert_string_equal(info->serial, "");
	assert_int_equal(info->max_io, 1 << 20);
	bench_close(bench);
}

static void test_attentions_and_becoming_ready(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_TEST_UNIT_READY, .kind = FAKE_SENSE, .times = 2,
		.key = 6, .asc = 0x29 });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_TEST_UNIT_READY, .kind = FAKE_SENSE, .times = 3,
		.key = 2, .asc = 0x04, .ascq = 0x01 });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_INQUIRY, .kind = FAKE_LOST, .times = 1 });
	assert_true(bench_open(bench)->serving);
	assert_int_equal(fake_count(bench->nexus, CDB_TEST_UNIT_READY), 6);
	bench_close(bench);
}

static void test_no_medium(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_TEST_UNIT_READY, .kind = FAKE_SENSE, .times = 1,
		.key = 2, .asc = 0x3a });
	assert_false(bench_open(bench)->serving);
	assert_int_equal(bench->fault.kind, FAULT_SCSI);
	assert_int_equal(bench->fault.detail, 2);
	assert_non_null(strstr(bench->fault.text, "TEST UNIT READY"));
	assert_non_null(strstr(bench->fault.text, "3a/00"));
	assert_string_equal(disk_info(bench->disk)->vendor, "FAKE");
	bench_close(bench);
}

static void test_no_disk(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info;

	bench->nexus->type = 0x0c;
	info = bench_open(bench);
	assert_int_equal(bench->fault.kind, FAULT_NONE);
	assert_false(info->serving);
	assert_int_equal(info->device_type, 0x0c);
	assert_string_equal(info->socket_path, "");
	assert_int_equal(fake_count(bench->nexus, CDB_TEST_UNIT_READY), 0);
	bench_close(bench);
}

static void test_no_unit(void **state)
{
	struct bench *bench = *state;

	bench->nexus->qualifier = 3;
	bench->nexus->type = 0x1f;
	assert_false(bench_open(bench)->serving);
	assert_int_equal(bench->fault.kind, FAULT_SCSI);
	bench_close(bench);
}

static void test_odd_block_size(void **state)
{
	struct bench *bench = *state;

	bench->nexus->block_size = 520;
	bench->nexus->blocks = 100;
	assert_false(bench_open(bench)->serving);
	assert_int_equal(bench->fault.kind, FAULT_SCSI);
	bench_close(bench);
}

static void test_gone_while_probing(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_SERVICE_ACTION_IN_16, .kind = FAKE_FAILED, .times = 1 });
	assert_false(bench_open(bench)->serving);
	assert_int_equal(bench->fault.kind, FAULT_GONE);
	bench_close(bench);
}

static void test_close_while_waiting(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_TEST_UNIT_READY, .kind = FAKE_STATUS, .times = 1000000,
		.status = 8 });
	bench_begin(bench);
	bench_close(bench);
	assert_true(bench->ready);
	assert_int_equal(bench->fault.kind, FAULT_ABANDONED);
}

static void test_close_while_commanding(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_CAPACITY_10, .kind = FAKE_HOLD, .times = 1 });
	bench->nexus->no_16 = true;
	bench_begin(bench);
	while (!fake_count(bench->nexus, CDB_READ_CAPACITY_10))
		usleep(1000);
	disk_close(bench->disk, disk_closed, bench);
	usleep(20000);
	mailbox_run(&bench->control);
	assert_false(bench->closed);
	fake_release(bench->nexus);
	assert_true(fake_control(&bench->control, &bench->closed));
	assert_int_equal(bench->fault.kind, FAULT_ABANDONED);
}

static void test_stale_socket(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct bench *bench = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, bench->path);
	assert_int_equal(bind(fd, (void *)&address, sizeof address), 0);
	close(fd);
	assert_true(bench_open(bench)->serving);
	bench_close(bench);
}

static void test_path_taken(void **state)
{
	struct bench *bench = *state;
	FILE *file = fopen(bench->path, "w");

	assert_non_null(file);
	fclose(file);
	assert_false(bench_open(bench)->serving);
	assert_int_equal(bench->fault.kind, FAULT_LOCAL);
	assert_int_equal(bench->fault.detail, EEXIST);
	bench_close(bench);
	assert_int_equal(unlink(bench->path), 0); /* it is still there */
}

static void test_path_too_long(void **state)
{
	struct bench *bench = *state;
	struct disk_config config = { .nexus = bench->nexus, .control = &bench->control };
	char path[200];

	memset(path, 'x', sizeof path);
	path[sizeof path - 1] = '\0';
	config.socket_path = path;
	assert_int_equal(disk_open(&config, disk_ready, bench, &bench->disk), -ENAMETOOLONG);
}

/* ---------------------------------------------------------------- following the unit */

/* Lets the disk look at its unit; returns what it then tells. */
static unsigned bench_look(struct bench *bench)
{
	bench->told = false;
	bench->changes = 0;
	disk_look(bench->disk);
	disk_look(bench->disk); /* hints in a row are one */
	return fake_control(&bench->control, &bench->told) ? bench->changes : 0;
}

static void test_size_follows(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info;

	fake_resize(bench->nexus, 1000);
	info = bench_open(bench);
	assert_int_equal(info->blocks, 1000);
	fake_resize(bench->nexus, 2048);
	assert_int_equal(bench_look(bench), DISK_CHANGED_SIZE);
	assert_int_equal(info->blocks, 2048);
	assert_true(info->serving);
	assert_string_equal(info->socket_path, bench->path);
	bench->nexus->read_only = true;
	fake_resize(bench->nexus, 500);
	assert_int_equal(bench_look(bench), DISK_CHANGED_SIZE | DISK_CHANGED_INFO);
	assert_int_equal(info->blocks, 500);
	assert_true(info->read_only);
	assert_int_equal(fake_count(bench->nexus, CDB_TEST_UNIT_READY), 3);
	bench_close(bench);
}

/* Nothing is told when nothing has changed, nor is anything forgotten when the unit does not
 * answer as well as before. */
static void test_look_in_vain(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info = bench_open(bench);

	disk_look(bench->disk);
	while (fake_count(bench->nexus, CDB_MODE_SENSE_6) < 2)
		usleep(1000);
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_MODE_SENSE_6, .kind = FAKE_SENSE, .times = 1, .key = 4, .asc = 0x44 });
	disk_look(bench->disk);
	while (fake_count(bench->nexus, CDB_MODE_SENSE_6) < 3)
		usleep(1000);
	usleep(20000);
	mailbox_run(&bench->control);
	assert_false(bench->told);
	assert_true(info->can_fua);
	/* It is no longer a command that the unit knows: then it can do less. */
	bench->nexus->no_mode = true;
	assert_int_equal(bench_look(bench), DISK_CHANGED_INFO);
	assert_false(info->can_fua);
	bench_close(bench);
}

static void test_another_unit(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info = bench_open(bench);

	strcpy(bench->nexus->serial, "SERIAL43");
	assert_int_equal(bench_look(bench), DISK_CHANGED_UNIT);
	assert_string_equal(info->serial, "SERIAL42");
	bench_close(bench);
}

static void test_other_blocks(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info = bench_open(bench);

	bench->nexus->block_size = 1024;
	fake_resize(bench->nexus, 1024);
	assert_int_equal(bench_look(bench), DISK_CHANGED_UNIT);
	assert_int_equal(info->block_size, 512);
	bench_close(bench);
}

static void test_becomes_usable(void **state)
{
	struct bench *bench = *state;
	const struct disk_info *info;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_TEST_UNIT_READY, .kind = FAKE_SENSE, .times = 1,
		.key = 2, .asc = 0x3a });
	info = bench_open(bench);
	assert_false(info->serving);
	assert_int_equal(access(bench->path, F_OK), -1);
	assert_int_equal(bench_look(bench), DISK_CHANGED_USE);
	assert_true(info->serving);
	assert_int_equal(access(bench->path, F_OK), 0);
	bench_close(bench);
}

/* An attention in the middle of the questions: the answers may be of before and after. */
static void test_change_while_probing(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_MODE_SENSE_6, .kind = FAKE_SENSE, .times = 1,
		.key = 6, .asc = 0x2a, .ascq = 0x09 });
	fake_resize(bench->nexus, 100);
	bench_open(bench);
	fake_resize(bench->nexus, 200);
	assert_true(fake_control(&bench->control, &bench->told));
	assert_int_equal(bench->changes, DISK_CHANGED_SIZE);
	bench_close(bench);
}

static void test_luns_changed(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_TEST_UNIT_READY, .kind = FAKE_SENSE, .times = 1,
		.key = 6, .asc = 0x3f, .ascq = 0x0e });
	bench_open(bench);
	assert_true(fake_control(&bench->control, &bench->told));
	assert_int_equal(bench->changes, DISK_CHANGED_LUNS);
	bench_close(bench);
}

static void test_close_while_looking(void **state)
{
	struct bench *bench = *state;

	bench_open(bench);
	fake_forget(bench->nexus);
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_INQUIRY, .kind = FAKE_HOLD, .times = 1 });
	disk_look(bench->disk);
	while (!fake_count(bench->nexus, CDB_INQUIRY))
		usleep(1000);
	disk_close(bench->disk, disk_closed, bench);
	usleep(20000);
	mailbox_run(&bench->control);
	assert_false(bench->closed);
	fake_release(bench->nexus);
	assert_true(fake_control(&bench->control, &bench->closed));
	assert_false(bench->told);
}

static void test_close_before_looking(void **state)
{
	struct bench *bench = *state;

	bench_open(bench);
	disk_look(bench->disk);
	bench_close(bench);
	usleep(200000); /* its timer would have run by now */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
		TEST(test_full), TEST(test_minimal), TEST(test_attentions_and_becoming_ready),
		TEST(test_no_medium), TEST(test_no_disk), TEST(test_no_unit),
		TEST(test_odd_block_size), TEST(test_gone_while_probing),
		TEST(test_close_while_waiting), TEST(test_close_while_commanding),
		TEST(test_stale_socket), TEST(test_path_taken), TEST(test_path_too_long),
		TEST(test_size_follows), TEST(test_look_in_vain), TEST(test_another_unit),
		TEST(test_other_blocks), TEST(test_becomes_usable),
		TEST(test_change_while_probing), TEST(test_luns_changed),
		TEST(test_close_while_looking), TEST(test_close_before_looking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
