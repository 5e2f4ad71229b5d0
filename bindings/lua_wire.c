/* moonline.core.wire: datagrams between sockets of this process, held until they are sent on. */
#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/state.h"
#include "bindings/task.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/wire.h"

struct wire {
    struct ml_sink sink;
};

static void wire_close(void *object)
{
    struct wire *wire = object;

    ml_wire_close();
    ml_sink_fini(&wire->sink);
    ml_free(wire);
}

static int wire_add(lua_State *L);
static int wire_count(lua_State *L);

static const luaL_Reg methods[] = {{"add", wire_add}, {"count", wire_count}, {NULL, NULL}};
static const struct ml_class wire_class = {.name = "wire", .methods = methods, .close = wire_close};

static void packet_close(void *object)
{
    ml_packet_free(object);
}

static int packet_send(lua_State *L);

static const luaL_Reg packet_methods[] = {{"send", packet_send}, {NULL, NULL}};
static const struct ml_class packet_class = {
    .name = "packet", .methods = packet_methods, .close = packet_close};

static void on_packet(struct ml_packet *packet, void *user)
{
    struct wire *wire = user;
    lua_State *L = ml_sink_event(&wire->sink, "packet");
    struct ml_str bytes = ml_packet_bytes(packet);

    lua_pushlstring(L, bytes.p, bytes.n);
    lua_setfield(L, -2, "bytes");
    ml_set_integer(L, "from", ml_packet_from(packet));
    ml_set_integer(L, "to", ml_packet_to(packet));
    ml_object_new(L, &packet_class);
    ml_object_open(L, -1, packet);
    lua_setfield(L, -2, "packet");
    ml_sink_post(&wire->sink, L);
}

/* wire.open(box) */
static int wire_open(lua_State *L)
{
    struct wire *wire;

    ml_mailbox_check(L, 1);
    ml_object_new(L, &wire_class);
    wire = ml_alloc(sizeof *wire);
    if (ml_wire_open(on_packet, wire) != 0) {
        ml_free(wire);
        return ml_push_failure(L, ML_ESTATE, "one is open already, or time is not virtual");
    }
    ml_sink_init(&wire->sink, L, 1);
    ml_object_open(L, -1, wire);
    return 1;
}

static uint16_t check_port(lua_State *L, int index)
{
    lua_Integer port = luaL_checkinteger(L, index);

    luaL_argcheck(L, port > 0 && port <= UINT16_MAX, index, "a port");
    return (uint16_t)port;
}

static int wire_add(lua_State *L)
{
    ml_object_check(L, 1, &wire_class);
    ml_wire_add_port(check_port(L, 2));
    return 0;
}

static int wire_count(lua_State *L)
{
    ml_object_check(L, 1, &wire_class);
    lua_pushinteger(L, ml_wire_count(check_port(L, 2)));
    return 1;
}

/* packet:send([bytes]) */
static int packet_send(lua_State *L)
{
    const struct ml_packet *packet = ml_object_check(L, 1, &packet_class);
    struct ml_str bytes = ml_packet_bytes(packet);

    if (!lua_isnoneornil(L, 2))
        bytes.p = luaL_checklstring(L, 2, &bytes.n);
    lua_pushboolean(L, ml_packet_send(packet, bytes));
    return 1;
}

int ml_open_wire(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", wire_open}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
