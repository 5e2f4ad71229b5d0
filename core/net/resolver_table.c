#include "core/net/resolver_table.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/mem.h"

struct entry {
    char *name;
    struct ml_host host;
};

struct ml_resolver_table {
    struct entry *entries;
    size_t count;
};

bool ml_host_read(struct ml_str text, struct ml_host *host)
{
    unsigned char bytes[16];

    if (text.n == 0 || text.n >= sizeof host->address)
        return false;
    memcpy(host->address, text.p, text.n);
    host->address[text.n] = '\0';
    return inet_pton(AF_INET, host->address, bytes) == 1 ||
           inet_pton(AF_INET6, host->address, bytes) == 1;
}

/* "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80". */
static bool read_entry(const char *text, struct ml_host *host)
{
    struct ml_str address = ml_str(text), port = {NULL, 0};
    const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
    uint64_t number = 0;

    *host = (struct ml_host){.port = 0};
    if (text[0] == '[' && bracket) {
        address = (struct ml_str){text + 1, (size_t)(bracket - text) - 1};
        if (bracket[1] == ':')
            port = ml_str(bracket + 2);
        else if (bracket[1] != '\0')
            return false;
    } else if (colon && colon == strchr(text, ':')) {
        address.n = (size_t)(colon - text);
        port = ml_str(colon + 1);
    }
    if (port.p && ml_str_uint(port, 65535, &number) != ML_OK)
        return false;
    host->port = (uint16_t)number;
    return ml_host_read(address, host);
}

int ml_resolver_table_new(const char *const *pairs, size_t count, struct ml_resolver_table **tablep,
                          struct ml_fault *fault)
{
    struct ml_resolver_table *table = ml_alloc(sizeof *table);

    table->entries = ml_alloc(count * sizeof *table->entries);
    for (size_t i = 0; i < count; i++) {
        if (!read_entry(pairs[2 * i + 1], &table->entries[i].host)) {
            ml_resolver_table_free(table);
            return ml_fail(fault, ML_EINVAL,
                           "resolve: \"%.80s\" for %.80s is not an address with an optional port",
                           pairs[2 * i + 1], pairs[2 * i]);
        }
        table->entries[i].name = ml_strdup(pairs[2 * i]);
        table->count++;
    }
    *tablep = table;
    return ML_OK;
}

void ml_resolver_table_free(struct ml_resolver_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++)
        ml_free(table->entries[i].name);
    ml_free(table->entries);
    ml_free(table);
}

const struct ml_host *ml_resolver_table_find(const struct ml_resolver_table *table,
                                             const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (ml_str_ieq(ml_str(table->entries[i].name), ml_str(name)))
            return &table->entries[i].host;
    }
    return NULL;
}
