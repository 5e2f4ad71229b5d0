#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *ml_strerror(int code)
{
    switch ((enum ml_error)code) {
    case ML_OK:
        return "ok";
    case ML_EINVAL:
        return "invalid";
    case ML_ESTATE:
        return "state";
    case ML_ENET:
        return "network";
    case ML_ETIMEOUT:
        return "timeout";
    case ML_ECLOSED:
        return "closed";
    case ML_ELIMIT:
        return "limit";
    case ML_EPARSE:
        return "parse";
    case ML_EREFUSED:
        return "refused";
    case ML_ENOTFOUND:
        return "not-found";
    case ML_EIO:
        return "io";
    case ML_ETLS:
        return "tls";
    }
    return "unknown";
}

int ml_fail(struct ml_fault *fault, int code, const char *format, ...)
{
    if (fault) {
        va_list args;

        fault->code = code;
        va_start(args, format);
        vsnprintf(fault->text, sizeof fault->text, format, args);
        va_end(args);
    }
    return code;
}
