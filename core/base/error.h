/* Error codes of core/, and the fault: a code with a sentence for the person who has to mend it.
 * Functions that can fail return 0 or one of these (all negative). Any thread. */
#ifndef ML_BASE_ERROR_H
#define ML_BASE_ERROR_H

enum ml_error {
    ML_OK = 0,
    ML_EINVAL = -1,   /* an argument or a text does not have the form it must have */
    ML_ESTATE = -2,   /* not possible in the state the object is in */
    ML_ENET = -3,     /* the network said no: refused, unreachable, address in use */
    ML_ETIMEOUT = -4, /* nothing came in time */
    ML_ECLOSED = -5,  /* the object or the peer is gone */
    ML_ELIMIT = -6,   /* a limit of the configuration or of this build */
    ML_EPARSE = -7,   /* bytes from outside that cannot be read */
    ML_EREFUSED = -8, /* understood, and not wanted (an SDP offer we cannot meet, a denied host) */
    ML_ENOTFOUND = -9,
    ML_EIO = -10, /* a file or a child process */
    ML_ETLS = -11 /* handshake or certificate */
};

/* What went wrong, where, and how to mend it, in one line of text without a newline. */
struct ml_fault {
    int code;
    char text[256];
};

/* Name of a code in lower case ("timeout", "refused", ...). Never NULL. */
const char *ml_strerror(int code);

/* Fills *fault (which may be NULL) and returns code, so that `return ml_fail(f, ML_ENET, ...)`
 * reads well. */
int ml_fail(struct ml_fault *fault, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
