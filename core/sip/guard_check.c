/* The self-test: a transport of sofia's with nobody behind it gets a bad message. Only the guard
 * can answer it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sofia-sip/sip_protos.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport_tag.h>

#include "core/sip/guard_priv.h"

enum { STEPS = 100, STEP_MS = 10 };

static bool reached; /* sofia was given the message */

static void on_message(tp_stack_t *stack, tport_t *tport, msg_t *msg, tp_magic_t *magic,
                       su_time_t now)
{
    (void)stack;
    (void)tport;
    (void)magic;
    (void)now;
    reached = true;
    msg_destroy(msg);
}

static void on_error(tp_stack_t *stack, tport_t *tport, int code, const char *remote)
{
    (void)stack;
    (void)tport;
    (void)code;
    (void)remote;
}

static msg_t *on_alloc(tp_stack_t *stack, int flags, const char data[], usize_t size,
                       const tport_t *tport, tp_client_t *client)
{
    (void)stack;
    (void)data;
    (void)size;
    (void)tport;
    (void)client;
    return msg_create(sip_default_mclass(), flags);
}

/* A socket at an address of its own; its port. */
static int open_peer(struct sockaddr_in *at)
{
    socklen_t length = sizeof *at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memset(at, 0, sizeof *at);
    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -1;
    if (bind(fd, (void *)at, sizeof *at) != 0 || getsockname(fd, (void *)at, &length) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool send_bad(int fd, const struct sockaddr_in *own, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char text[256];
    int n = snprintf(text, sizeof text,
                     "OPTIONS sip:guard@127.0.0.1 SIP/7.0\r\n"
                     "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bKguard\r\n\r\n",
                     ntohs(own->sin_port));

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sendto(fd, text, (size_t)n, 0, (void *)&to, sizeof to) == n;
}

/* Does the answer come? */
static bool try_it(su_root_t *root, tport_t *master)
{
    static const char wanted[] = "SIP/2.0 505 ";
    struct sockaddr_in own;
    const tport_t *primary = tport_primaries(master);
    uint64_t port;
    char bytes[64];
    bool answered = false;
    int fd;

    if (!primary || ml_str_uint(ml_str(tport_name(primary)->tpn_port), UINT16_MAX, &port) != 0)
        return false;
    fd = open_peer(&own);
    if (fd < 0)
        return false;
    if (send_bad(fd, &own, (unsigned)port))
        for (int i = 0; i < STEPS && !answered; i++) {
            su_root_step(root, STEP_MS);
            answered = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) >= (ssize_t)sizeof wanted &&
                       memcmp(bytes, wanted, sizeof wanted - 1) == 0;
        }
    close(fd);
    return answered;
}

int ml_guard_check(struct ml_fault *fault)
{
    static tport_stack_class_t class = {sizeof class, on_message, on_error, on_alloc, NULL};
    tp_name_t name = {"udp", "127.0.0.1", "127.0.0.1", "*", NULL, "guard"};
    const char *missed = ml_guard_hooks_missed();
    const char *transports[] = {"udp", NULL};
    su_root_t *root;
    tport_t *master;
    bool answered = false;

    if (missed)
        return ml_fail(fault, ML_ESTATE,
                       "the guard before the SIP parser does not stand: this program was linked "
                       "without exporting %s",
                       missed);
    root = su_root_create(NULL);
    master = root ? tport_tcreate((tp_stack_t *)&class, &class, root, TAG_END()) : NULL;
    ml_guard_hush(true);
    reached = false;
    if (master && tport_tbind(master, &name, transports, TPTAG_STUN_SERVER(0), TAG_END()) == 0)
        answered = try_it(root, master);
    ml_guard_hush(false);
    if (master)
        tport_destroy(master);
    if (root)
        su_root_destroy(root);
    if (answered && !reached)
        return ML_OK;
    return ml_fail(fault, ML_ESTATE, "the guard before the SIP parser does not stand: %s",
                   reached ? "libsofia-sip-ua does not ask it"
                           : "a message to 127.0.0.1 got no answer (is the loopback up?)");
}
