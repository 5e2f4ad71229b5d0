/* Where HTTP requests may go: lists of networks, and the listeners of this program.
 * Owner: the caller. Any thread, one at a time. */
#ifndef ML_NET_HTTP_RULES_H
#define ML_NET_HTTP_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct sockaddr;
struct ml_http_rules;

struct ml_http_rules *ml_http_rules_new(void);
void ml_http_rules_free(struct ml_http_rules *rules);
/* Networks like "10.0.0.0/8", "::1". The last list that has the address wins: allow over deny. */
int ml_http_rules_deny(struct ml_http_rules *rules, const char *cidr, struct ml_fault *fault);
int ml_http_rules_allow(struct ml_http_rules *rules, const char *cidr, struct ml_fault *fault);
/* A listener of ours; "0.0.0.0" and "::" are all addresses of this machine. */
void ml_http_rules_own(struct ml_http_rules *rules, const char *address, uint16_t port);

/* NULL when a connection to this address is fine, else why not, in words. */
const char *ml_http_rules_refuse(const struct ml_http_rules *rules, const struct sockaddr *address);
/* 127.0.0.0/8, ::1 and the same in IPv4-mapped form. */
bool ml_http_rules_is_loopback(const struct sockaddr *address);

#endif
