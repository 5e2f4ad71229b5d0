#include "core/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"

enum { LINE_MAX_BYTES = 4096 }; /* a longer line is cut: PIPE_BUF, so that lines never mix */

static atomic_int minimum = ML_LOG_INFO;
static atomic_bool as_json;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static ml_log_sink_fn *sink_fn;
static void *sink_user;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void ml_log_setup(enum ml_log_level level, bool json)
{
    minimum = (int)level;
    as_json = json;
}

bool ml_log_enabled(enum ml_log_level level)
{
    return (int)level >= minimum;
}

void ml_log_to(ml_log_sink_fn *sink, void *user)
{
    pthread_mutex_lock(&sink_lock);
    sink_fn = sink;
    sink_user = user;
    pthread_mutex_unlock(&sink_lock);
}

/* Bytes of the UTF-8 character at text: 0 when it is none (RFC 3629 4). */
static size_t character(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xbf;
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 0;

    if (s[0] >= 0xf0 && s[0] < 0xf5)
        n = 4;
    if (s[0] == 0xe0 || s[0] == 0xf0)
        low = s[0] == 0xe0 ? 0xa0 : 0x90;
    if (s[0] == 0xed || s[0] == 0xf4)
        high = s[0] == 0xed ? 0x9f : 0x8f;
    for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (s[i] < low || s[i] > high)
            return 0;
    return n;
}

/* Appends text with control bytes (and, for JSON, quotes and backslashes) escaped. Bytes that are
 * no UTF-8 become question marks: a line of JSON is text, whatever a peer sent. */
static size_t escape(char *line, size_t at, size_t size, const char *text, bool json)
{
    for (size_t n; *text && at + 8 < size; text += n ? n : 1) {
        unsigned char c = (unsigned char)*text;

        n = character(text);
        if (n == 0)
            c = '?';
        if (c < 0x20 || c == 0x7f)
            at += (size_t)snprintf(line + at, size - at, json ? "\\u%04x" : "\\x%02x", c);
        else if (json && (c == '"' || c == '\\'))
            at += (size_t)snprintf(line + at, size - at, "\\%c", c);
        else if (n > 1)
            for (size_t i = 0; i < n; i++)
                line[at++] = text[i];
        else
            line[at++] = (char)c;
    }
    line[at] = '\0';
    return at;
}

static size_t stamp(char *line, size_t size)
{
    int64_t now = ml_clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    size_t n;

    gmtime_r(&seconds, &tm);
    n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return n + (size_t)snprintf(line + n, size - n, ".%03dZ", (int)(now % 1000));
}

static size_t compose(char *line, size_t size, enum ml_log_level level, const char *call,
                      const char *text)
{
    bool json = as_json;
    char when[40];
    size_t n;

    stamp(when, sizeof when);
    n = (size_t)snprintf(line, size, json ? "{\"time\":\"%s\",\"level\":\"%s\"" : "%s %-7s", when,
                         level_names[level]);
    if (call) {
        n += (size_t)snprintf(line + n, size - n, json ? ",\"call\":\"" : " [");
        n = escape(line, n, size, call, json);
        n += (size_t)snprintf(line + n, size - n, json ? "\"" : "]");
    }
    n += (size_t)snprintf(line + n, size - n, json ? ",\"message\":\"" : " ");
    n = escape(line, n, size - 4, text, json);
    if (json)
        n += (size_t)snprintf(line + n, size - n, "\"}");
    return n;
}

void ml_log(enum ml_log_level level, const char *call, const char *format, ...)
{
    char text[LINE_MAX_BYTES / 2], line[LINE_MAX_BYTES];
    va_list args;
    size_t n;

    if (!ml_log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    n = compose(line, sizeof line - 1, level, call, text);
    pthread_mutex_lock(&sink_lock);
    if (sink_fn) {
        sink_fn(line, sink_user);
    } else {
        line[n] = '\n';
        if (write(STDERR_FILENO, line, n + 1) < 0) {
            /* nowhere left to say so */
        }
    }
    pthread_mutex_unlock(&sink_lock);
}
