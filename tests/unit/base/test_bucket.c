/* SPDX-License-Identifier: BSD-3-Clause */

/* The token bucket: its burst, its rate, and clocks at their limits. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <masq_bucket.h>

/* Ask @p tries times at one moment. @return tokens that came */
static uint32_t
take(struct masq_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_ms, uint32_t tries)
{
	uint32_t taken = 0;

	for (uint32_t k = 0; k < tries; k++)
		taken += masq_bucket_take(bucket, rate, burst, now_ms);
	return taken;
}

static void
a_new_bucket_is_full(void **state)
{
	struct masq_bucket bucket = { 0 };

	(void)state;
	assert_int_equal(take(&bucket, 1000, 50, 1000, 200), 50);
	assert_int_equal(take(&bucket, 1000, 50, 1000, 200), 0);
}

static void
it_fills_at_its_rate(void **state)
{
	static const struct {
		uint32_t rate, burst;
		uint64_t step_ms;
		uint32_t steps, taken;
	} rows[] = {
		{ 1000, 50, 1, 10000, 10000 },
		{ 1000, 50, 7, 100, 700 },
		{ 1000, 50, 50, 10, 500 },
		{ 1000, 50, 51, 10, 500 }, /* more than it holds */
		{ 1000, 50, 3600000, 3, 150 },
		{ 1, 3, 1, 10000, 10 }, /* thousandths are not lost */
		{ 300, 3, 1, 1000, 300 },
		{ 1, 1, 999, 1000, 500 }, /* each second time, for it holds but one */
		{ 3000, 2, 1, 100, 200 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct masq_bucket bucket = { 0 };
		uint64_t now_ms = 10000000;
		uint32_t taken = 0;

		take(&bucket, rows[k].rate, rows[k].burst, now_ms, rows[k].burst);
		for (uint32_t step = 0; step < rows[k].steps; step++) {
			now_ms += rows[k].step_ms;
			taken += take(&bucket, rows[k].rate, rows[k].burst, now_ms, 60);
		}
		assert_int_equal(taken, rows[k].taken);
	}
}

static void
clocks_at_their_limits(void **state)
{
	struct masq_bucket bucket = { 0 };

	(void)state;
	assert_int_equal(take(&bucket, UINT32_MAX, 1048576, UINT64_MAX - 1, 2), 2);
	assert_int_equal(take(&bucket, 1, 1, UINT64_MAX, 2), 1);
	bucket = (struct masq_bucket){ 0 };
	/* The clock that has not begun yet brings nothing. */
	assert_int_equal(take(&bucket, 1000, 50, 0, 5), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_bucket_is_full),
		cmocka_unit_test(it_fills_at_its_rate),
		cmocka_unit_test(clocks_at_their_limits),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
