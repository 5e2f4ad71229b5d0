/* The guard: every message the SIP sockets receive is checked here, byte for byte, before sofia's
 * parser sees it. It stands in the whole process: this program exports msg_extract(), which
 * libsofia calls for each message of each transport, and passes on only what ml_guard_judge lets
 * through. It owns nothing but streams that wait for the rest of a message. Loop thread. */
#ifndef ML_SIP_GUARD_H
#define ML_SIP_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <sofia-sip/msg.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/loop.h"

/* What became of a message, and why. */
enum ml_guard_reason {
    ML_GUARD_PASSED,
    ML_GUARD_KEEPALIVE, /* CRLF, NUL or nothing in a datagram */
    ML_GUARD_STUN,      /* and SigComp */
    ML_GUARD_SIZE,      /* message, line or number of headers over the limit */
    ML_GUARD_FRAMING,   /* Content-Length absent on a stream, wrong, or longer than the datagram */
    ML_GUARD_BYTES,     /* NUL, control bytes, line ends that are not CRLF */
    ML_GUARD_START_LINE,
    ML_GUARD_VERSION,
    ML_GUARD_METHOD, /* none of ours */
    ML_GUARD_SCHEME, /* a Request-URI that is not sip or sips */
    ML_GUARD_HEADER, /* absent, twice, or not in the form it must have */
    ML_GUARD_CSEQ,
    ML_GUARD_BODY,      /* a content type or encoding we do not take */
    ML_GUARD_EXTENSION, /* Require */
    ML_GUARD_CONTACT,   /* Contact, Route or Record-Route that cannot be sent to */
    ML_GUARD_RESPONSE,  /* a response nobody can have asked for */
    ML_GUARD_SLOW,      /* a stream that did not finish its message in time */
    ML_GUARD_FLOOD,     /* a source over its rate */
    ML_GUARD_REASONS
};

/* "passed", "keep-alive", ... Never NULL. */
const char *ml_guard_reason_name(enum ml_guard_reason reason);

/* Since the process began. received is the sum of the reasons; answered and dropped are the parts
 * of it that sofia never saw. */
struct ml_guard_stats {
    uint64_t received, answered, dropped;
    uint64_t by_reason[ML_GUARD_REASONS];
};
void ml_guard_stats(struct ml_guard_stats *stats);

/* A message at the edge of the process: as received, whatever became of it, or as it leaves (our
 * own stateless answers too). */
struct ml_guard_seen {
    bool sent;
    enum ml_guard_reason reason; /* when received */
    const char *ident;           /* TPTAG_IDENT of the transport; may be NULL */
    const char *transport;       /* "udp", "tcp", "tls" */
    const char *local, *remote;  /* "127.0.0.1:5060", "[::1]:5060" */
    struct ml_str message;
};
typedef void ml_guard_seen_fn(const struct ml_guard_seen *seen, void *user);
/* One per process; NULL ends it. Called from within the transport: it must not send. */
void ml_guard_watch(ml_guard_seen_fn *fn, void *user);

/* The header lines of msg as received, while sofia delivers it (its parser writes into the bytes it
 * was given); p NULL at any other time. */
struct ml_str ml_guard_lines(const msg_t *msg);

/* Connections that others may open to all transports of this process, and how many of them each
 * address; 0: 1000, and 100. More are closed at once, as are those for which there are no
 * descriptors. */
void ml_guard_connections(int all, int source);

/* For who has transports: checks (once in a process, ml_guard_check) that the guard stands, and
 * gives it a loop for its deadlines. Close after the transports; pairs. The loop is one for all:
 * another one takes over. */
int ml_guard_open(struct ml_loop *loop, struct ml_fault *fault);
void ml_guard_close(void);

/* Gives sofia a bad message and says whether the guard was asked. ML_ESTATE: it was not (built or
 * linked in a way that leaves libsofia alone): the program must not start. */
int ml_guard_check(struct ml_fault *fault);

/* One more registrar in the process, or one less: REGISTER goes past the guard while there is one.
 */
void ml_guard_registrar(bool more);

/* Methods that go past the guard, as an Allow header says it. */
#define ML_GUARD_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK"

#endif
