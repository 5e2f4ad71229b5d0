#include "core/house/registrar.h"

#include <string.h>

#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/sip/ask.h"
#include "core/sip/register.h"

enum {
    EXPIRES_DEFAULT = 3600,
    EXPIRES_MIN = 60, /* shorter: 423. A desk full of phones must not become a flood */
    EXPIRES_MAX = 7200,
    PHONES_MAX = 10, /* of one user */
    KEEPALIVE_MS = 30000,
    MISSES_MAX = 2 /* OPTIONS without any answer, one after the other */
};

struct phone {
    struct ml_link link;
    struct ml_registrar *registrar;
    char *user, *uri, *instance, *call_id, *flow, *source, *device;
    uint32_t cseq;
    int64_t until; /* loop time in ms */
    struct ml_timer *timer;
    struct ml_ask *options;
    bool asked; /* the last OPTIONS is not answered yet */
    int misses;
};

struct ml_registrar {
    struct ml_loop *loop;
    struct ml_agent *agent;
    struct ml_list phones; /* a desk full: searched from end to end */
};

static void forget(struct phone *phone)
{
    ml_list_remove(&phone->link);
    ml_ask_free(phone->options);
    ml_timer_free(phone->timer);
    ml_free(phone->user);
    ml_free(phone->uri);
    ml_free(phone->instance);
    ml_free(phone->call_id);
    ml_free(phone->flow);
    ml_free(phone->source);
    ml_free(phone->device);
    ml_free(phone);
}

static void drop(struct phone *phone, const char *why)
{
    ml_log(ML_LOG_INFO, NULL, "%s at %s is not registered any more: %s", phone->user, phone->source,
           why);
    forget(phone);
}

/* ---- keeping flows open ---- */

static void wait_on(struct phone *phone)
{
    int64_t left = phone->until - ml_loop_now(phone->registrar->loop);

    ml_timer_set(phone->timer, left < KEEPALIVE_MS ? left : KEEPALIVE_MS);
}

/* Any answer is a sign of life, also a refusal. */
static void on_options(struct ml_ask *ask, const struct ml_ask_result *result, void *user)
{
    struct phone *phone = user;

    (void)ask;
    phone->asked = false;
    if (result->code > 0)
        phone->misses = 0;
    else if (result->cause == ML_CAUSE_NETWORK)
        drop(phone, "its connection is gone");
    else
        phone->misses++;
}

static void on_timer(void *user)
{
    struct phone *phone = user;
    static const struct ml_ask_request options = {.method = "OPTIONS", .expires = -1};

    if (ml_loop_now(phone->registrar->loop) >= phone->until) {
        drop(phone, "it did not register again");
        return;
    }
    phone->misses += phone->asked;
    if (phone->misses >= MISSES_MAX) {
        drop(phone, "it does not answer");
        return;
    }
    phone->asked = ml_ask_send(phone->options, &options, NULL) == ML_OK;
    wait_on(phone);
}

/* ---- REGISTER ---- */

static struct phone *find(struct ml_registrar *registrar, const char *user,
                          const struct ml_register_contact *contact)
{
    ML_LIST_EACH(&registrar->phones, link)
    {
        struct phone *phone = ML_CONTAINER(link, struct phone, link);
        bool same_device =
            contact->instance && phone->instance && strcmp(contact->instance, phone->instance) == 0;

        if (strcmp(phone->user, user) == 0 &&
            (same_device || ml_sip_uri_same(phone->uri, contact->uri)))
            return phone;
    }
    return NULL;
}

static int granted(int asked)
{
    return asked < 0 ? EXPIRES_DEFAULT : asked > EXPIRES_MAX ? EXPIRES_MAX : asked;
}

static size_t count_of(const struct ml_registrar *registrar, const char *user)
{
    size_t count = 0;

    ML_LIST_EACH(&registrar->phones, link)
    count += strcmp(ML_CONTAINER(link, struct phone, link)->user, user) == 0;
    return count;
}

/* An older request than the one that made the binding (RFC 3261 10.3, steps 6 and 7). */
static bool is_late(const struct phone *phone, const struct ml_register *request)
{
    return strcmp(phone->call_id, request->call_id) == 0 && request->cseq <= phone->cseq;
}

static void replace(char **text, const char *with)
{
    ml_free(*text);
    *text = ml_strdup(with);
}

/* May it all be done? Nothing is when a part cannot be. */
static int judge(struct ml_registrar *registrar, const struct ml_register *request,
                 struct ml_register_answer *answer)
{
    size_t more = 0;

    for (size_t i = 0; i < request->count; i++) {
        const struct phone *phone = find(registrar, request->user, &request->contacts[i]);
        int expires = granted(request->contacts[i].expires);

        if (phone && is_late(phone, request))
            return 500;
        if (expires > 0 && expires < EXPIRES_MIN) {
            answer->min_expires = EXPIRES_MIN;
            return 423;
        }
        more += !phone && expires > 0;
    }
    return more && count_of(registrar, request->user) + more > PHONES_MAX ? 503 : 0;
}

static struct phone *add(struct ml_registrar *registrar, const struct ml_register *request)
{
    struct phone *phone = ml_alloc(sizeof *phone);

    phone->registrar = registrar;
    phone->user = ml_strdup(request->user);
    phone->timer = ml_timer_new(registrar->loop, on_timer, phone);
    ml_list_append(&registrar->phones, &phone->link);
    return phone;
}

/* From now on it is reached over the flow of this request. */
static void refresh(struct phone *phone, const struct ml_register *request,
                    const struct ml_register_contact *contact)
{
    const struct ml_ask_options options = {.uri = contact->uri, .flow = request->flow};
    bool moved = !phone->flow || strcmp(phone->flow, request->flow) != 0 ||
                 strcmp(phone->uri, contact->uri) != 0;

    replace(&phone->uri, contact->uri);
    replace(&phone->instance, contact->instance);
    replace(&phone->call_id, request->call_id);
    replace(&phone->flow, request->flow);
    replace(&phone->source, request->source);
    replace(&phone->device, request->user_agent);
    phone->cseq = request->cseq;
    phone->until = ml_loop_now(phone->registrar->loop) + granted(contact->expires) * 1000LL;
    phone->misses = 0;
    if (moved) {
        ml_ask_free(phone->options);
        phone->options = ml_ask_new(phone->registrar->agent, &options, on_options, phone);
        phone->asked = false;
        ml_log(ML_LOG_INFO, NULL, "%s is registered at %s (%s)", phone->user, phone->source,
               phone->uri);
    }
    wait_on(phone);
}

static int remove_all(struct ml_registrar *registrar, const struct ml_register *request)
{
    ML_LIST_EACH(&registrar->phones, link)
    {
        const struct phone *phone = ML_CONTAINER(link, struct phone, link);

        if (strcmp(phone->user, request->user) == 0 && is_late(phone, request))
            return 500;
    }
    ML_LIST_EACH(&registrar->phones, link)
    {
        struct phone *phone = ML_CONTAINER(link, struct phone, link);

        if (strcmp(phone->user, request->user) == 0)
            drop(phone, "it has left");
    }
    return 0;
}

static int update(struct ml_registrar *registrar, const struct ml_register *request,
                  struct ml_register_answer *answer)
{
    int code = judge(registrar, request, answer);

    for (size_t i = 0; code == 0 && i < request->count; i++) {
        const struct ml_register_contact *contact = &request->contacts[i];
        struct phone *phone = find(registrar, request->user, contact);

        if (granted(contact->expires) == 0 && phone)
            drop(phone, "it has left");
        else if (granted(contact->expires) > 0)
            refresh(phone ? phone : add(registrar, request), request, contact);
    }
    return code;
}

static int print_contact(const struct ml_registration *registration, void *context)
{
    struct ml_buf *text = context;

    ml_buf_printf(text, "%s<%s>;expires=%d", text->n ? ", " : "", registration->uri,
                  registration->expires);
    return 0;
}

static void on_register(const struct ml_register *request, struct ml_register_answer *answer,
                        void *user)
{
    struct ml_registrar *registrar = user;
    struct ml_buf text = {0};

    answer->code =
        request->all ? remove_all(registrar, request) : update(registrar, request, answer);
    if (answer->code != 0)
        return;
    answer->code = 200;
    ml_registrar_each(registrar, request->user, print_contact, &text);
    answer->contacts = text.n ? ml_buf_take(&text) : NULL;
}

/* ---- for others ---- */

struct ml_registrar *ml_registrar_new(struct ml_loop *loop, struct ml_agent *agent)
{
    struct ml_registrar *registrar = ml_alloc(sizeof *registrar);

    registrar->loop = loop;
    registrar->agent = agent;
    ml_list_init(&registrar->phones);
    ml_agent_on_register(agent, on_register, registrar);
    return registrar;
}

void ml_registrar_free(struct ml_registrar *registrar)
{
    if (!registrar)
        return;
    ml_agent_on_register(registrar->agent, NULL, NULL);
    ML_LIST_EACH(&registrar->phones, link)
    forget(ML_CONTAINER(link, struct phone, link));
    ml_free(registrar);
}

void ml_registrar_each(const struct ml_registrar *registrar, const char *user,
                       ml_registrar_visit_fn *visit, void *context)
{
    ML_LIST_EACH(&registrar->phones, link)
    {
        const struct phone *phone = ML_CONTAINER(link, struct phone, link);
        int64_t left = phone->until - ml_loop_now(registrar->loop);
        const struct ml_registration registration = {
            .user = phone->user,
            .uri = phone->uri,
            .flow = phone->flow,
            .source = phone->source,
            .device = phone->device,
            .expires = left > 0 ? (int)((left + 999) / 1000) : 0,
        };

        if (user && strcmp(user, phone->user) != 0)
            continue;
        if (visit(&registration, context) != 0)
            return;
    }
}

void ml_registrar_prune(struct ml_registrar *registrar,
                        bool (*keep)(const char *user, void *context), void *context)
{
    ML_LIST_EACH(&registrar->phones, link)
    {
        struct phone *phone = ML_CONTAINER(link, struct phone, link);

        if (!keep(phone->user, context))
            drop(phone, "it is no user any more");
    }
}
