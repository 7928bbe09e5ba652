// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_move.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/move.h"
#include "dataplane/node_set.h"
#include "dataplane/rcu.h"
#include "dataplane/text.h"

enum {
	PAUSE_NS = 200 * 1000, // between two looks: each takes a moment of a worker that shares the core
};
static const uint64_t DRAIN_LIMIT_NS = UINT64_C(2000) * 1000 * 1000;  // for the old owners; then it is called off
static const uint64_t RELEASE_LIMIT_NS = UINT64_C(500) * 1000 * 1000; // for what was held; then nobody waits for it

struct wish {
	unsigned op; // index into the plan's operators
	bool groups[KEY_GROUPS];
	unsigned instance;
};

// A number at the beginning of a text.
static bool take_number(const char **text, unsigned *out) {
	char *end;
	if (**text < '0' || **text > '9')
		return false;
	unsigned long number = strtoul(*text, &end, 10);
	*out = number < UINT32_MAX ? (unsigned)number : UINT32_MAX;
	*text = end;
	return true;
}

// "GROUP[-GROUP][,…] INSTANCE"
//   return  0 or -EINVAL with a line in text
static int parse_value(const char *value, struct wish *wish, char *text, size_t size) {
	unsigned first, last;
	do {
		if (!take_number(&value, &first))
			goto none;
		last = first;
		if (*value == '-' && (value++, !take_number(&value, &last)))
			goto none;
		if (first > last || last >= KEY_GROUPS) {
			snprintf(text, size, "groups %u-%u: expected 0..%d, the lower one first", first, last,
				KEY_GROUPS - 1);
			return -EINVAL;
		}
		memset(&wish->groups[first], true, last - first + 1);
	} while (*value++ == ',');
	if (value[-1] == ' ' && take_number(&value, &wish->instance) && *value == '\0')
		return 0;
none:
	snprintf(text, size, "expected GROUP[-GROUP][,...] INSTANCE");
	return -EINVAL;
}

static bool has_key_stream(const struct node *node, const struct plan_operator *planned) {
	const struct pipeline *pipeline = &node->plan->config->pipelines[planned->pipeline];
	for (unsigned i = 0; i < pipeline->stream_count; i++)
		if (pipeline->streams[i].to == planned->op && pipeline->streams[i].grouping == GROUPING_KEY)
			return true;
	return false;
}

bool node_move_is_keyed(const struct node *node, unsigned op) {
	return has_key_stream(node, &node->plan->operators[op]);
}

static bool is_movable(const struct node *node, unsigned op) {
	const struct operator_type *type = node->operators[op]->type;
	return has_key_stream(node, &node->plan->operators[op]) && node->plan->operators[op].instance_count > 1 &&
	       ((type->key == NULL && type->key_option == NULL) || type->group_enter != NULL);
}

//   return  0 or -EINVAL with a line in text
static int check(const struct node *node, const struct wish *wish, char *text, size_t size) {
	const struct operator *op = node->operators[wish->op];
	const struct plan_operator *planned = &node->plan->operators[wish->op];
	if (!has_key_stream(node, planned))
		snprintf(text, size, "%s: no stream with grouping key leads to it: it owns no key groups", op->name);
	else if (planned->instance_count == 1)
		snprintf(text, size, "%s: it has one instance, which owns all key groups", op->name);
	else if (wish->instance >= planned->instance_count)
		snprintf(text, size, "instance %u: %s has instances 0..%u", wish->instance, op->name,
			planned->instance_count - 1);
	else if (!is_movable(node, wish->op))
		snprintf(text, size, "%s: type %s keeps state per key that can't be moved", op->name, op->type->name);
	else
		return 0;
	return -EINVAL;
}

static void free_move(struct move *move) {
	if (move == NULL)
		return;
	plan_free_but(move->between, move->before);
	plan_free_but(move->after, move->before);
	plan_free_but(move->back, move->before);
	free(move);
}

//   owners   [KEY_GROUPS] copied
//   version  later than those before
static int derive(struct plan **out, const struct move *move, const uint16_t *owners, unsigned version) {
	uint16_t *copy = malloc(KEY_GROUPS * sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, owners, KEY_GROUPS * sizeof(*copy));
	int ret = plan_with_owners(out, move->before, move->op, copy);
	if (ret < 0)
		free(copy);
	else
		(*out)->version = version;
	return ret;
}

// Which workers have a part in which phase.
static void assign_parts(struct move *move, const uint16_t *after) {
	const struct plan *plan = move->before;
	const struct plan_operator *planned = &plan->operators[move->op];
	unsigned leaving = 0, entering = 0;
	for (unsigned group = 0; group < KEY_GROUPS; group++) {
		if (planned->owners[group] == after[group])
			continue;
		move->leaves[plan->instances[planned->first_instance + planned->owners[group]].worker] = true;
		move->enters[plan->instances[planned->first_instance + after[group]].worker] = true;
	}
	for (unsigned i = 0; i < plan->worker_count; i++) {
		leaving += move->leaves[i];
		entering += move->enters[i];
	}
	atomic_init(&move->left[MOVE_MARK], plan->worker_count);
	atomic_init(&move->left[MOVE_DRAIN], leaving);
	atomic_init(&move->left[MOVE_LEAVE], leaving);
	atomic_init(&move->left[MOVE_ENTER], entering);
	atomic_init(&move->left[MOVE_RELEASE], plan->worker_count);
}

//   after   [KEY_GROUPS] the owners wanted
//   return  0 or -ENOMEM
static int new_move(struct move **out, struct node *node, unsigned op, const uint16_t *after) {
	uint16_t between[KEY_GROUPS];
	const struct plan_operator *planned = &node->plan->operators[op];
	struct move *move = calloc(1, sizeof(*move));
	if (move == NULL)
		return -ENOMEM;
	move->node = node;
	move->op = op;
	move->before = node->plan;
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		between[group] =
			planned->owners[group] == after[group] ? after[group] : (uint16_t)planned->instance_count;
	unsigned version = node->plan->version;
	int ret = derive(&move->between, move, between, version + 1);
	if (ret == 0)
		ret = derive(&move->after, move, after, version + 2);
	if (ret == 0)
		ret = derive(&move->back, move, planned->owners, version + 2);
	if (ret < 0) {
		free_move(move);
		return ret;
	}
	assign_parts(move, after);
	move->between->move = move;
	*out = move;
	return 0;
}

// Publish plan A, unless a worker has ended: it would not follow.
static bool begin(struct node *node, struct move *move) {
	bool is_ending = false;
	pthread_mutex_lock(&node->move_lock);
	for (unsigned i = 0; i < node->worker_count; i++)
		is_ending |= node->workers[i].ended;
	if (!is_ending) {
		node->move = move;
		move->begun_ns = clock_monotonic_ns();
		rcu_publish(&node->published, move->between);
	}
	pthread_mutex_unlock(&node->move_lock);
	for (unsigned i = 0; !is_ending && i < node->worker_count; i++)
		worker_wake(&node->workers[i]);
	return !is_ending;
}

//   until  a phase
static bool wait_past(const struct move *move, enum move_phase until, uint64_t limit_ns) {
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t end_ns = clock_monotonic_ns() + limit_ns;
	while (atomic_load_explicit(&move->phase, memory_order_acquire) <= until) {
		if (clock_monotonic_ns() > end_ns)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static unsigned count_moved(const struct move *move) {
	unsigned moved = 0;
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		moved += move->between->operators[move->op].owners[group] ==
			 move->before->operators[move->op].instance_count;
	return moved;
}

static bool was_called_off(const struct move *move) {
	return rcu_read(&move->node->published) == move->back;
}

static void count_figures(struct move_figures *figures, const struct move *move) {
	uint64_t pause_ns = move->ended_ns - move->begun_ns;
	figures->held += atomic_load(&move->held);
	if (was_called_off(move)) {
		figures->called_off++;
		return;
	}
	figures->moves++;
	figures->groups += count_moved(move);
	figures->pause_max_ns = RTE_MAX(figures->pause_max_ns, pause_ns);
	histogram_add(&figures->pauses, pause_ns, 1);
}

bool node_move_settle(struct node *node) {
	struct move *move = node->move;
	if (move == NULL)
		return true;
	if (!move_is_over(move))
		return false;
	pthread_mutex_lock(&node->move_lock);
	node->move = NULL;
	pthread_mutex_unlock(&node->move_lock);
	rcu_wait_for_readers(&node->published);
	pthread_mutex_lock(&node->plan_lock);
	count_figures(&node->moves, move);
	struct plan *now = rcu_read(&node->published);
	plan_free_but(move->between, now);
	plan_free_but(now == move->after ? move->back : move->after, now);
	plan_free_but(move->before, now);
	node->plan = now;
	pthread_mutex_unlock(&node->plan_lock);
	free(move);
	return true;
}

// Wait for the end, as far as there is one to wait for.
//   return  as of node_move
static int follow(struct node *node, struct move *move, char *text, size_t size) {
	const char *name = node->operators[move->op]->name;
	unsigned groups = count_moved(move);
	if (!wait_past(move, MOVE_DRAIN, DRAIN_LIMIT_NS))
		move_call_off(move);
	bool is_over = wait_past(move, MOVE_RELEASE, RELEASE_LIMIT_NS);
	bool is_void = was_called_off(move);
	uint64_t held = atomic_load(&move->held);
	if (is_void)
		snprintf(text, size, "%s: called off: an instance could not handle what it had in time, or is ending",
			name);
	else if (!is_over)
		snprintf(
			text, size, "%s: %u groups moved; what was held still waits for room downstream", name, groups);
	else
		snprintf(text, size, "%s: %u group%s moved in %" PRIu64 " us; %" PRIu64 " tuples waited", name, groups,
			groups == 1 ? "" : "s", (move->ended_ns - move->begun_ns) / 1000, held);
	node_move_settle(node);
	return is_void ? -EBUSY : 0;
}

int node_move_to(struct node *node, unsigned op, const uint16_t *owners, char *text, size_t size) {
	struct move *move = NULL;
	int ret = new_move(&move, node, op, owners);
	if (ret < 0) {
		snprintf(text, size, "out of memory");
		return ret;
	}
	if (!begin(node, move)) {
		snprintf(text, size, "the node is ending");
		free_move(move);
		return -EBUSY;
	}
	return follow(node, move, text, size);
}

static int move_groups(struct node *node, const struct wish *wish, char *text, size_t size) {
	uint16_t after[KEY_GROUPS];
	memcpy(after, node->plan->operators[wish->op].owners, sizeof(after));
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		if (wish->groups[group])
			after[group] = (uint16_t)wish->instance;
	if (memcmp(after, node->plan->operators[wish->op].owners, sizeof(after)) != 0)
		return node_move_to(node, wish->op, after, text, size);
	snprintf(text, size, "%s: instance %u owned them already", node->operators[wish->op]->name, wish->instance);
	return 0;
}

int node_move(struct node *node, const char *target, const char *value, char *text, size_t size) {
	struct wish wish = {0};
	const struct operator *op = node_find_operator(node, target, text, size);
	if (op == NULL)
		return -EINVAL;
	while (node->operators[wish.op] != op)
		wish.op++;
	int ret = parse_value(value, &wish, text, size);
	if (ret == 0)
		ret = check(node, &wish, text, size);
	if (ret == 0 && !node_move_settle(node)) {
		snprintf(text, size, "another move waits for room downstream");
		ret = -EBUSY;
	}
	return ret == 0 ? move_groups(node, &wish, text, size) : ret;
}

static void print_operator(const struct node *node, unsigned op, FILE *out) {
	const struct plan *plan = node->plan;
	const struct plan_operator *planned = &plan->operators[op];
	for (unsigned first = 0, end; first < KEY_GROUPS; first = end) {
		unsigned owner = planned->owners[first];
		for (end = first + 1; end < KEY_GROUPS && planned->owners[end] == owner; end++)
			;
		fprintf(out, "%s/%s %u-%u instance %u worker %u\n", node->operators[op]->pipeline,
			node->operators[op]->name, first, end - 1, owner,
			plan->instances[planned->first_instance + owner].worker);
	}
}

void node_move_print_owners(const struct node *node, FILE *out) {
	for (unsigned i = 0; i < node->plan->operator_count; i++)
		if (has_key_stream(node, &node->plan->operators[i]))
			print_operator(node, i, out);
}

// Add what one instance sent.
static void add_loads(const struct schedule_entry *entry, const struct operator *to, uint64_t *tuples) {
	for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++)
		for (unsigned r = 0; r < entry->route_counts[o]; r++) {
			const struct route *route = &entry->routes[o][r];
			if (route->loads == NULL || route->targets[0].callee->op != to)
				continue;
			for (unsigned group = 0; group < KEY_GROUPS; group++)
				tuples[group] += __atomic_load_n(&route->loads[group], __ATOMIC_RELAXED);
		}
}

Weir__GroupLoads *node_move_measure(const struct node *node, unsigned op) {
	const struct plan_operator *planned = &node->plan->operators[op];
	if (!is_movable(node, op))
		return NULL;
	Weir__GroupLoads *loads = malloc(sizeof(*loads));
	if (loads == NULL)
		return NULL;
	weir__group_loads__init(loads);
	loads->pipeline = strdup(node->operators[op]->pipeline);
	loads->operator_ = strdup(node->operators[op]->name);
	loads->instances = planned->instance_count;
	loads->owners = calloc(KEY_GROUPS, sizeof(*loads->owners));
	loads->tuples = calloc(KEY_GROUPS, sizeof(*loads->tuples));
	if (loads->owners == NULL || loads->tuples == NULL) {
		weir__group_loads__free_unpacked(loads, NULL);
		return NULL;
	}
	loads->n_owners = loads->n_tuples = KEY_GROUPS;
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		loads->owners[group] = planned->owners[group];
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		add_loads(node->instances[i]->schedule, node->operators[op], loads->tuples);
	return loads;
}
