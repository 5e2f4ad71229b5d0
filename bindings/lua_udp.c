/* moonline.core.udp: one bound socket, datagrams as events. */
#include <string.h>

#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/state.h"
#include "bindings/task.h"
#include "core/base/mem.h"
#include "core/net/udp.h"

struct udp {
    struct ml_udp *udp;
    struct ml_sink sink;
};

static void udp_close(void *object)
{
    struct udp *udp = object;

    udp->sink.state->runtime->listeners--;
    ml_udp_free(udp->udp);
    ml_sink_fini(&udp->sink);
    ml_free(udp);
}

static int udp_send(lua_State *L);
static int udp_port(lua_State *L);

static const luaL_Reg methods[] = {{"send", udp_send}, {"port", udp_port}, {NULL, NULL}};
static const struct ml_class udp_class = {.name = "udp", .methods = methods, .close = udp_close};

static struct udp *check(lua_State *L)
{
    return ml_object_check(L, 1, &udp_class);
}

static void on_datagram(struct ml_str bytes, const char *address, uint16_t port, void *user)
{
    struct udp *udp = user;
    lua_State *L = ml_sink_event(&udp->sink, "datagram");

    lua_pushlstring(L, bytes.p, bytes.n);
    lua_setfield(L, -2, "bytes");
    ml_set_text(L, "address", address);
    ml_set_integer(L, "port", port);
    ml_sink_post(&udp->sink, L);
}

/* udp.open(address, port, box) */
static int udp_open(lua_State *L)
{
    const char *address = luaL_checkstring(L, 1);
    lua_Integer port = luaL_checkinteger(L, 2);
    struct ml_fault fault = {0};
    struct udp *udp;
    int status;

    luaL_argcheck(L, port >= 0 && port <= 65535, 2, "a port");
    ml_mailbox_check(L, 3);
    ml_object_new(L, &udp_class);
    udp = ml_alloc(sizeof *udp);
    status = ml_udp_new(ml_state_of(L)->runtime->loop, address, (uint16_t)port, on_datagram, udp,
                        &udp->udp, &fault);
    if (status != 0) {
        ml_free(udp);
        return ml_push_failure(L, status, fault.text);
    }
    ml_sink_init(&udp->sink, L, 3);
    ml_state_of(L)->runtime->listeners++;
    ml_object_open(L, -1, udp);
    return 1;
}

static int udp_send(lua_State *L)
{
    struct udp *udp = check(L);
    const char *address = luaL_checkstring(L, 2);
    lua_Integer port = luaL_checkinteger(L, 3);
    struct ml_str bytes;
    int status;

    luaL_argcheck(L, port > 0 && port <= 65535, 3, "a port");
    bytes.p = luaL_checklstring(L, 4, &bytes.n);
    status = ml_udp_send(udp->udp, address, (uint16_t)port, bytes);
    if (status != 0)
        return ml_push_failure(L, status, "the datagram could not be sent");
    lua_pushboolean(L, true);
    return 1;
}

static int udp_port(lua_State *L)
{
    lua_pushinteger(L, ml_udp_port(check(L)->udp));
    return 1;
}

int ml_open_udp(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", udp_open}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
