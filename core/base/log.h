/* Log lines on stderr: one line each, text or JSON, with the id of the call they belong to.
 * Control bytes in the text are escaped, so a line stays a line whatever a peer sent. Any thread.
 */
#ifndef ML_BASE_LOG_H
#define ML_BASE_LOG_H

#include <stdbool.h>

enum ml_log_level { ML_LOG_DEBUG, ML_LOG_INFO, ML_LOG_WARNING, ML_LOG_ERROR };

/* Defaults: text, info. */
void ml_log_setup(enum ml_log_level level, bool json);
bool ml_log_enabled(enum ml_log_level level);
/* call is a CallSid, a Call-ID or NULL. */
void ml_log(enum ml_log_level level, const char *call, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Where lines go instead of stderr (tests); NULL puts stderr back. The line has no newline. */
typedef void ml_log_sink_fn(const char *line, void *user);
void ml_log_to(ml_log_sink_fn *sink, void *user);

#endif
