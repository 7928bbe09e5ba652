/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 the weir authors
 *
 * The move of a key group between two workers, as dataplane/move.h describes it. Each worker has a source and an instance
 * of the keyed operator; a source reaches its own worker's instance by a call, the other one's by a ring. The manager
 * moves the one group there is from instance 0 to 1 and back, and may call off either move at any time.
 *
 * Checked: the group's state has one user at any time; each tuple is handled once, in the order of its source; every move
 * ends, and every tuple arrives (else some process is stuck, which spin calls an invalid end state).
 *
 * WITHOUT_MARKERS and WITHOUT_ORDER leave something out that the protocol needs: then spin must find an error.
 */
#define TUPLES 3 /* of each source */
#define RING 2
#define HOLD 2
#define NOBODY 2

#define MARK 0
#define DRAIN 1
#define LEAVE 2
#define ENTER 3
#define RELEASE 4
#define OVER 5

/* The plan that is out: its version, and who owns the group by it. Of three versions the second of a move is plan A. */
byte published = 0;
byte owner_by[5]; /* by version */

/* The move. */
byte phase = OVER;
byte left[5];
byte between; /* version of plan A */
byte from, to;
bool unwanted;

/* Into worker i from the other one. */
chan ring[2] = [RING] of { byte };
byte sent[2], received[2], marker[2];

/* The operator's state of the group. */
byte user = 0;
byte seen[2];

/* By the worker `me`. */
inline handle(source, which) {
	d_step {
		assert(user == me);
		assert(which == seen[source] + 1);
		seen[source] = which
	}
}

inline send(to_whom, what) {
	if
	:: to_whom == me -> handle(me, what)
	:: else -> atomic { ring[1 - me]!what; sent[1 - me]++ }
	fi
}

inline publish(version, owner) {
	atomic { owner_by[version] = owner; published = version }
}

/* This worker's part of a phase is done; the last one begins the next. */
inline part_done(this) {
	atomic { left[this]--; is_last = (left[this] == 0) };
	if
	:: !is_last
	:: is_last && this == MARK && unwanted -> publish(between + 1, from); phase = RELEASE
	:: is_last && this == MARK && !unwanted -> phase = DRAIN
	:: is_last && this == DRAIN ->
		atomic { if :: phase == DRAIN -> phase = LEAVE :: else fi }
	:: is_last && this == LEAVE -> phase = ENTER
	:: is_last && this == ENTER -> publish(between + 1, to); phase = RELEASE
	:: is_last && this == RELEASE -> phase = OVER
	fi
}

proctype worker(byte me) {
	byte plan = 0, owner = 0, produced = 0, step = 0, number;
	bool is_moving = false, is_last;
	chan hold = [HOLD] of { byte };

end:	do
	/* Its source, which waits where there is no room. */
	:: produced < TUPLES && owner == NOBODY && nfull(hold) -> produced++; hold!produced
	:: produced < TUPLES && owner == me -> produced++; send(owner, produced)
	:: produced < TUPLES && owner == 1 - me && nfull(ring[1 - me]) -> produced++; send(owner, produced)
	/* Its ring. */
	:: nempty(ring[me]) -> ring[me]?number; handle(1 - me, number); received[me]++
	/* The plan. */
	:: plan != published ->
		plan = published;
		if
		:: !is_moving && plan == between && phase != OVER -> is_moving = true; step = MARK
		:: else
		fi
	/* The move. */
	:: is_moving && phase == MARK && step == MARK ->
		owner = NOBODY;
		marker[1 - me] = sent[1 - me];
		step = DRAIN;
		part_done(MARK)
#ifdef WITHOUT_MARKERS
	:: is_moving && phase == DRAIN && step == DRAIN && me == from ->
#else
	:: is_moving && phase == DRAIN && step == DRAIN && me == from && received[me] >= marker[me] ->
#endif
		step = LEAVE;
		part_done(DRAIN)
	:: is_moving && phase == LEAVE && step == LEAVE && me == from ->
		assert(user == me);
		user = NOBODY;
		step = ENTER;
		part_done(LEAVE)
	:: is_moving && phase == ENTER && step <= ENTER && me == to ->
		assert(user == NOBODY);
		user = me;
		step = RELEASE;
		part_done(ENTER)
	:: is_moving && phase == RELEASE && plan != between && nempty(hold) &&
	   (owner_by[plan] == me || nfull(ring[1 - me])) ->
#ifdef WITHOUT_ORDER
		owner = owner_by[plan];
#endif
		hold?number;
		send(owner_by[plan], number)
	:: is_moving && phase == RELEASE && plan != between && empty(hold) ->
		owner = owner_by[plan];
		is_moving = false;
		part_done(RELEASE)
	od
}

inline call_off() {
	unwanted = true;
	atomic {
		if
		:: phase == DRAIN -> phase = RELEASE; is_called_off = true
		:: else
		fi
	};
	if
	:: is_called_off -> publish(between + 1, from)
	:: else
	fi
}

proctype manager() {
	byte move = 0;
	bool is_called_off;

	do
	:: move == 2 -> break
	:: move < 2 ->
		from = owner_by[published];
		to = 1 - from;
		unwanted = false;
		is_called_off = false;
		left[MARK] = 2; left[DRAIN] = 1; left[LEAVE] = 1; left[ENTER] = 1; left[RELEASE] = 2;
		between = published + 1;
		phase = MARK;
		publish(between, NOBODY);
		if
		:: call_off()
		:: skip
		fi;
		phase == OVER;
		move++
	od;
	seen[0] == TUPLES && seen[1] == TUPLES
}

init {
	atomic { run worker(0); run worker(1); run manager() }
}
