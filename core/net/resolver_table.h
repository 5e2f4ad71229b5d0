/* Names that are answered without asking anybody. Owner: the resolver. Loop thread. */
#ifndef ML_NET_RESOLVER_TABLE_H
#define ML_NET_RESOLVER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/resolver.h"

struct ml_resolver_table;

/* pairs: name, "address[:port]". ML_EINVAL names the pair that cannot be read. */
int ml_resolver_table_new(const char *const *pairs, size_t count, struct ml_resolver_table **tablep,
                          struct ml_fault *fault);
void ml_resolver_table_free(struct ml_resolver_table *table);
/* NULL when the name is not in the table; letters without case. */
const struct ml_host *ml_resolver_table_find(const struct ml_resolver_table *table,
                                             const char *name);

/* A numeric address, without brackets, into host->address. */
bool ml_host_read(struct ml_str text, struct ml_host *host);

#endif
