#include "core/net/srv.h"

#include <string.h>

#include <ares.h>

#include "core/base/mem.h"
#include "core/base/random.h"

static void swap(struct ml_srv *a, struct ml_srv *b)
{
    struct ml_srv kept = *a;

    *a = *b;
    *b = kept;
}

/* RFC 2782: lowest priority first; among equals a draw in proportion to the weights. */
static void order_targets(struct ml_srv *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t sum = 0, draw;

        for (size_t j = i + 1; j < n; j++) {
            if (t[j].priority < t[i].priority)
                swap(&t[i], &t[j]);
        }
        for (size_t j = i; j < n; j++)
            sum += t[j].priority == t[i].priority ? t[j].weight : 0u;
        draw = ml_random_below(sum + 1);
        for (size_t j = i; j < n; j++) {
            if (t[j].priority != t[i].priority)
                continue;
            if (t[j].weight >= draw) {
                swap(&t[i], &t[j]);
                break;
            }
            draw -= t[j].weight;
        }
    }
}

size_t ml_srv_read(const unsigned char *bytes, int n, struct ml_srv *targets, size_t most)
{
    struct ares_srv_reply *list = NULL;
    size_t count = 0;

    if (ares_parse_srv_reply(bytes, n, &list) != ARES_SUCCESS)
        return 0;
    for (struct ares_srv_reply *s = list; s && count < most; s = s->next) {
        if (s->host[0] == '\0' || strcmp(s->host, ".") == 0)
            continue; /* the service is decidedly not there */
        targets[count++] = (struct ml_srv){ml_strdup(s->host), s->port, s->priority, s->weight};
    }
    ares_free_data(list);
    order_targets(targets, count);
    return count;
}

void ml_srv_free(struct ml_srv *targets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ml_free(targets[i].name);
}
