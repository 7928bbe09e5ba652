// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Linear programs for GLPK, the only file that knows it. GLPK ends the process where it finds an error of its own or
// gets no memory; here its error hook brings it back, everything that it held is given up, and the caller has an error.
// Nothing of GLPK outlives lp_solve.
//
// thread: one at a time
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { LP_ERROR_SIZE = 160 };

struct lp {
	unsigned columns, rows;
	double *lows, *highs, *costs;    // [columns] INFINITY: no bound
	double *row_lows, *row_highs;    // [rows]
	double *values;                  // [columns] of the solution
	double *prices;                  // [rows] by how much the objective changes per unit of the row's bound
	double objective;                // of the solution
	int *entry_rows, *entry_columns; // [entries_size + 1] the coefficients, from 1 on as GLPK counts
	double *entries;
	unsigned length, entries_size; // coefficients
	unsigned columns_size, rows_size;
	unsigned limit_ms; // that GLPK may take for all programs together; 0: no limit
	uint64_t used_ns;  // of it, by the programs since the caller set it to 0
	char error[LP_ERROR_SIZE];
};

// Make room for a program of this size, all columns >= 0 and without cost, all rows free, no coefficients. The memory
// of the last program is used again where it is large enough.
//   return  0 or -ENOMEM
int lp_init(struct lp *lp, unsigned columns, unsigned rows, unsigned coefficients);
void lp_fini(struct lp *lp);

void lp_column(struct lp *lp, unsigned column, double low, double high, double cost);
void lp_row(struct lp *lp, unsigned row, double low, double high);
// One coefficient: each place at most once, and no more of them than were asked for.
void lp_set(struct lp *lp, unsigned row, unsigned column, double value);

// Maximise (or minimise) the sum of costs times columns by GLPK's simplex method.
//   return  0; -ETIME (limit reached), -ERANGE (nothing fulfils all bounds), -EDOM (no bound to the objective), -EPROTO
//           (GLPK found an error), each with lp->error; values and prices are then undefined
int lp_maximise(struct lp *lp);
int lp_minimise(struct lp *lp);
