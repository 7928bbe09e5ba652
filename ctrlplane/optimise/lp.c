// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/lp.h"

#include <errno.h>
#include <glpk.h>
#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"

// Where GLPK's error hook goes back to.
struct guard {
	jmp_buf back;
	char *error;
};

static int widen(double **list, unsigned length) {
	double *moved = realloc(*list, (length + 1) * sizeof(**list));
	if (moved == NULL)
		return -ENOMEM;
	*list = moved;
	return 0;
}

static int widen_entries(struct lp *lp, unsigned coefficients) {
	int **const places[] = {&lp->entry_rows, &lp->entry_columns};
	for (unsigned i = 0; i < 2; i++) {
		int *moved = realloc(*places[i], (coefficients + 1) * sizeof(**places[i]));
		if (moved == NULL)
			return -ENOMEM;
		*places[i] = moved;
	}
	return widen(&lp->entries, coefficients);
}

static int make_room(struct lp *lp, unsigned columns, unsigned rows, unsigned coefficients) {
	int ret = 0;
	if (columns > lp->columns_size || lp->values == NULL) {
		ret |= widen(&lp->lows, columns) | widen(&lp->highs, columns) | widen(&lp->costs, columns);
		ret |= widen(&lp->values, columns);
		lp->columns_size = ret == 0 ? columns : 0;
	}
	if (rows > lp->rows_size || lp->prices == NULL) {
		ret |= widen(&lp->row_lows, rows) | widen(&lp->row_highs, rows) | widen(&lp->prices, rows);
		lp->rows_size = ret == 0 ? rows : 0;
	}
	if (coefficients > lp->entries_size || lp->entries == NULL) {
		ret |= widen_entries(lp, coefficients);
		lp->entries_size = ret == 0 ? coefficients : 0;
	}
	return ret == 0 ? 0 : -ENOMEM;
}

int lp_init(struct lp *lp, unsigned columns, unsigned rows, unsigned coefficients) {
	lp->error[0] = '\0';
	lp->length = 0;
	if (make_room(lp, columns, rows, coefficients) != 0)
		return -ENOMEM;
	lp->columns = columns;
	lp->rows = rows;
	for (unsigned i = 0; i < columns; i++)
		lp_column(lp, i, 0, INFINITY, 0);
	for (unsigned i = 0; i < rows; i++)
		lp_row(lp, i, -INFINITY, INFINITY);
	return 0;
}

void lp_fini(struct lp *lp) {
	double *const lists[] = {
		lp->lows, lp->highs, lp->costs, lp->row_lows, lp->row_highs, lp->values, lp->prices, lp->entries};
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		free(lists[i]);
	free(lp->entry_rows);
	free(lp->entry_columns);
	*lp = (struct lp){0};
}

void lp_column(struct lp *lp, unsigned column, double low, double high, double cost) {
	lp->lows[column] = low;
	lp->highs[column] = high;
	lp->costs[column] = cost;
}

void lp_row(struct lp *lp, unsigned row, double low, double high) {
	lp->row_lows[row] = low;
	lp->row_highs[row] = high;
}

void lp_set(struct lp *lp, unsigned row, unsigned column, double value) {
	unsigned at = ++lp->length;
	lp->entry_rows[at] = (int)row + 1;
	lp->entry_columns[at] = (int)column + 1;
	lp->entries[at] = value;
}

static int bounds(double low, double high) {
	if (isinf(low))
		return isinf(high) ? GLP_FR : GLP_UP;
	if (isinf(high))
		return GLP_LO;
	return low < high ? GLP_DB : GLP_FX;
}

static glp_prob *load(const struct lp *lp, int direction) {
	glp_prob *problem = glp_create_prob();
	glp_set_obj_dir(problem, direction);
	glp_add_cols(problem, (int)lp->columns);
	for (unsigned i = 0; i < lp->columns; i++) {
		glp_set_col_bnds(problem, (int)i + 1, bounds(lp->lows[i], lp->highs[i]), lp->lows[i], lp->highs[i]);
		glp_set_obj_coef(problem, (int)i + 1, lp->costs[i]);
	}
	if (lp->rows > 0)
		glp_add_rows(problem, (int)lp->rows);
	for (unsigned i = 0; i < lp->rows; i++)
		glp_set_row_bnds(problem, (int)i + 1, bounds(lp->row_lows[i], lp->row_highs[i]), lp->row_lows[i],
			lp->row_highs[i]);
	glp_load_matrix(problem, (int)lp->length, lp->entry_rows, lp->entry_columns, lp->entries);
	return problem;
}

static int is_late(struct lp *lp) {
	snprintf(lp->error, sizeof(lp->error), "GLPK: no solution within %u ms", lp->limit_ms);
	return -ETIME;
}

static int result(struct lp *lp, int error, int status) {
	if (error == GLP_ETMLIM)
		return is_late(lp);
	if (error == 0 && status == GLP_OPT)
		return 0;
	if (error == 0 && status == GLP_UNBND) {
		snprintf(lp->error, sizeof(lp->error), "GLPK: the objective has no bound");
		return -EDOM;
	}
	if (error == 0 && (status == GLP_NOFEAS || status == GLP_INFEAS)) {
		snprintf(lp->error, sizeof(lp->error), "GLPK: nothing fulfils all constraints");
		return -ERANGE;
	}
	snprintf(lp->error, sizeof(lp->error), "GLPK: the simplex method gave up (code %d, status %d)", error, status);
	return -EPROTO;
}

static int solve(struct lp *lp, int direction) {
	glp_smcp options;
	glp_init_smcp(&options);
	options.msg_lev = GLP_MSG_OFF;
	uint64_t begin_ns = clock_mono_ns(), used_ms = lp->used_ns / NS_PER_MS;
	if (lp->limit_ms > 0 && used_ms >= lp->limit_ms)
		return is_late(lp);
	if (lp->limit_ms > 0)
		options.tm_lim = (int)(lp->limit_ms - used_ms);
	glp_prob *problem = load(lp, direction);
	int error = glp_simplex(problem, &options);
	int ret = result(lp, error, glp_get_status(problem));
	lp->objective = glp_get_obj_val(problem);
	for (unsigned i = 0; i < lp->columns; i++)
		lp->values[i] = glp_get_col_prim(problem, (int)i + 1);
	for (unsigned i = 0; i < lp->rows; i++)
		lp->prices[i] = glp_get_row_dual(problem, (int)i + 1);
	glp_delete_prob(problem);
	lp->used_ns += clock_mono_ns() - begin_ns;
	return ret;
}

// GLPK says what is wrong here before it calls the error hook: its first line is the error.
static int take_text(void *info, const char *text) {
	struct guard *guard = info;
	if (guard->error[0] == '\0') {
		snprintf(guard->error, LP_ERROR_SIZE, "GLPK: %s", text);
		guard->error[strcspn(guard->error, "\n")] = '\0';
	}
	return 1;
}

static void go_back(void *info) {
	struct guard *guard = info;
	longjmp(guard->back, 1);
}

// GLPK takes bounds the wrong way round for one value. What rounding left is none.
static bool are_crossed(const double *lows, const double *highs, unsigned length) {
	for (unsigned i = 0; i < length; i++)
		if (lows[i] - highs[i] > 1e-9 * fmax(fabs(lows[i]), fabs(highs[i])))
			return true;
	return false;
}

// Solve with GLPK's ways out of the process barred.
static int guarded(struct lp *lp, int direction) {
	struct guard guard = {.error = lp->error};
	lp->error[0] = '\0';
	if (are_crossed(lp->lows, lp->highs, lp->columns) || are_crossed(lp->row_lows, lp->row_highs, lp->rows)) {
		snprintf(lp->error, sizeof(lp->error), "a least value above the greatest: nothing fulfils both");
		return -ERANGE;
	}
	glp_term_out(GLP_OFF);
	glp_term_hook(take_text, &guard);
	if (setjmp(guard.back) != 0) {
		glp_free_env(); // with its hooks: what it held is in no known state
		return -EPROTO;
	}
	glp_error_hook(go_back, &guard);
	int ret = solve(lp, direction);
	glp_error_hook(NULL, NULL);
	glp_term_hook(NULL, NULL);
	return ret;
}

int lp_maximise(struct lp *lp) {
	return guarded(lp, GLP_MAX);
}

int lp_minimise(struct lp *lp) {
	return guarded(lp, GLP_MIN);
}
