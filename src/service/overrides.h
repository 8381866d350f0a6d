/*
 * overrides.h - settings that hold for one target only. At the API and in the store such a setting
 * is called NAME@TARGET (`error-recovery-level@iqn.2026-11.test:a`); what it may be and what it
 * means is defaults.h's business.
 */
#ifndef ISCSIDSC_SERVICE_OVERRIDES_H
#define ISCSIDSC_SERVICE_OVERRIDES_H

#include <stdbool.h>

#include "base/list.h"
#include "proto/name.h"
#include "service/defaults.h"

enum { OVERRIDES_MAX = 1024, OVERRIDE_NAME_MAX = DEFAULT_TEXT_MAX + 1 + NAME_MAX_LEN + 1 };

struct override {
	struct list link;      /* owned by struct overrides */
	enum default_id id;
	uint32_t value;
	char target[NAME_MAX_LEN + 1]; /* folded */
};

struct overrides {
	struct list list;      /* by target, then by setting, in the order of their making */
	unsigned count;
};

void overrides_init(struct overrides *overrides);
void overrides_done(struct overrides *overrides);
/* Adds what the store holds; what is not valid any more is left out. Returns 0 or the store's error. */
int overrides_load(struct overrides *overrides, struct store *store);

/* Takes a name as the API has it apart; *ret_target is "" for a setting of all targets. Returns 0,
 * -ENOENT for an unknown setting, -EINVAL for a bad target or a setting that can't be had for one
 * alone. */
int override_name(const char *name, enum default_id *ret_id, char ret_target[NAME_MAX_LEN + 1]);
/* The other way round. */
void override_print(enum default_id id, const char *target, char ret[OVERRIDE_NAME_MAX]);

/* Sets and stores; "" takes it away. `defaults` is what holds otherwise. Returns -EINVAL for a bad
 * value or one that contradicts another setting, -ENOSPC for too many, -ENOMEM, or the store's
 * error. */
int overrides_set(struct overrides *overrides, struct store *store, const struct defaults *defaults,
		  const char *target, enum default_id id, const char *text);
/* What holds for the target. */
void overrides_apply(const struct overrides *overrides, const char *target,
		     const struct defaults *defaults, struct defaults *ret);

#endif
