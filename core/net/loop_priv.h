/* What loop.c and loop_sofia.c share. Nobody else includes this. Loop thread. */
#ifndef ML_NET_LOOP_PRIV_H
#define ML_NET_LOOP_PRIV_H

#include <stdbool.h>

struct ev_loop;
struct ml_sofia;

/* Watches sofia's root from this libev loop. NULL when sofia cannot be started. */
struct ml_sofia *ml_sofia_new(struct ev_loop *ev);
void ml_sofia_free(struct ml_sofia *sofia);
void *ml_sofia_root(struct ml_sofia *sofia);
/* Runs what is due. */
void ml_sofia_step(struct ml_sofia *sofia);
/* Makes libev wake for sofia's next timer. To be called after everything that may make timers. */
void ml_sofia_arm(struct ml_sofia *sofia);

#endif
