/* The judge of the guard: bytes in, verdict out. Keeps nothing, allocates nothing. Any thread. */
#ifndef ML_SIP_GUARD_JUDGE_H
#define ML_SIP_GUARD_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"
#include "core/sip/guard.h"

enum {
    ML_GUARD_MAX_MESSAGE = 32768, /* sofia needs 33 ms for the worst message of this size */
    ML_GUARD_MAX_LINE = 8192,
    ML_GUARD_MAX_HEADERS = 256,
    ML_GUARD_MAX_SAME = 64, /* lines of one name: sofia joins lists in square time */
    ML_GUARD_MAX_VIAS = 64,
    ML_GUARD_MAX_ROUTES = 32,
    ML_GUARD_MAX_CONTACTS = 16 /* of a REGISTER */
};

struct ml_guard_field {
    struct ml_str name, value; /* value: trimmed, folds still in it */
    uint32_t key;              /* of its long form, for ml_guard_field */
};

/* A message cut into lines. Everything points into the bytes it was made of. */
struct ml_guard_message {
    struct ml_str start, body; /* body: as much of it as is there, at most length */
    struct ml_guard_field fields[ML_GUARD_MAX_HEADERS];
    size_t count;
    size_t head;     /* bytes up to and with the empty line; 0: there was none */
    bool has_length; /* Content-Length, and it could be read: */
    uint64_t length;
    bool has_nul;               /* as a quoted pair: legal, and no C text can hold it */
    enum ml_guard_reason fault; /* the first thing wrong with the lines, or ML_GUARD_PASSED */
    const char *why;
};

/* Empty lines before the start line are skipped. Goes on after a fault as far as it can. */
void ml_guard_cut(struct ml_str bytes, struct ml_guard_message *message);
/* The first field of that name, long or compact form, from index *at on, which goes past it. */
const struct ml_guard_field *ml_guard_field(const struct ml_guard_message *message,
                                            const char *name, size_t *at);

enum ml_guard_action { ML_GUARD_PASS, ML_GUARD_DROP, ML_GUARD_ANSWER };

struct ml_guard_verdict {
    enum ml_guard_action action;
    enum ml_guard_reason reason;
    int code; /* ML_GUARD_ANSWER */
    const char *phrase;
    char extra[400]; /* header lines the answer needs (Allow, Accept, Unsupported), with CRLF */
    bool limited;    /* opens no dialog: counts against the rate of its source */
};

/* One whole message: a datagram, or what ml_guard_frame cut from a stream. truncated: there was
 * more of it than could be received. message is filled as far as the bytes could be read. */
void ml_guard_judge(struct ml_str bytes, bool stream, bool truncated,
                    struct ml_guard_message *message, struct ml_guard_verdict *verdict);

enum ml_guard_frame {
    ML_GUARD_WHOLE, /* *length bytes are one message */
    ML_GUARD_MORE,  /* not all there yet */
    ML_GUARD_BROKEN /* where the next one begins cannot be known: answer this and close */
};
/* How much of a stream is its first message. ML_GUARD_MORE: *length is what there must be before it
 * is worth asking again. */
enum ml_guard_frame ml_guard_frame(struct ml_str bytes, size_t *length);

/* The stateless answer to a request that could be cut into lines: to whom (the port the response
 * goes to: rport's source port or that of Via), and its text, which may hold NULs and is the
 * caller's. False: it has no Via to answer to. */
bool ml_guard_answer(const struct ml_guard_message *message, const struct ml_guard_verdict *verdict,
                     const char *source, uint16_t source_port, struct ml_buf *text, uint16_t *port);

/* ---- pieces of grammar (guard_grammar.c) ---- */

bool ml_guard_is_token(struct ml_str text);
/* The first value of a comma separated list out of *rest, commas in quotes and <> not counted.
 * False at the end. */
bool ml_guard_next_value(struct ml_str *rest, struct ml_str *value);

struct ml_guard_uri {
    struct ml_str scheme, user, host, port;
    bool is_sip; /* sip or sips: the parts were checked */
    bool has_headers;
};
bool ml_guard_parse_uri(struct ml_str text, struct ml_guard_uri *uri);

struct ml_guard_address {
    struct ml_guard_uri uri;
    struct ml_str parameters; /* ";tag=1", or empty */
    bool in_brackets;
};
/* name-addr or addr-spec with its header parameters (RFC 3261 20.10). */
bool ml_guard_parse_address(struct ml_str text, struct ml_guard_address *address);

struct ml_guard_via {
    struct ml_str transport, host, port, parameters;
};
bool ml_guard_parse_via(struct ml_str text, struct ml_guard_via *via);
/* Are these ";name=value" parameters well formed? name NULL: only that. found: its value, p NULL
 * when absent, n 0 (at the end of the name) when it has none; twice is not well formed. */
bool ml_guard_parameters(struct ml_str text, const char *name, struct ml_str *found);

#endif
