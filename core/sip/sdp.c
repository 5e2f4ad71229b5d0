#include "core/sip/sdp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/net/local.h"

enum { MAX_BYTES = 16384, PORT_MIN = 1024, PTIME = 20 };

/* Static payload types we may meet (RFC 3551). */
static const struct {
    int type;
    const char *name;
} statics[] = {{0, "PCMU"}, {3, "GSM"}, {4, "G723"}, {8, "PCMA"}, {9, "G722"}, {18, "G729"}};

/* A c= line, read but not judged: the one that counts may be another. */
struct connection {
    char address[46]; /* "": none that is numeric */
    bool hold, bad;
};

struct parser {
    struct ml_sdp *sdp;
    struct ml_fault *fault;
    struct connection session, audio;
    enum ml_sdp_direction session_direction;
    bool in_audio, seen_media, found;
};

static bool parse_direction(struct ml_str name, enum ml_sdp_direction *direction)
{
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

    for (int i = 0; i < 4; i++)
        if (ml_str_eq(name, ml_str(names[i]))) {
            *direction = (enum ml_sdp_direction)i;
            return true;
        }
    return false;
}

static bool is_mapped(const unsigned char bytes[16])
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(bytes, prefix, sizeof prefix) == 0;
}

/* Multicast, broadcast, link-local (where cloud machines keep their secrets), "this network". */
static bool is_bad_ipv4(const unsigned char *bytes)
{
    return bytes[0] >= 224 || bytes[0] == 0 || (bytes[0] == 169 && bytes[1] == 254);
}

static bool is_bad_ipv6(const unsigned char *bytes)
{
    return bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

static void read_address(struct ml_str host, bool ipv4, struct connection *connection)
{
    static const unsigned char zeros[16];
    unsigned char bytes[16];

    memset(connection, 0, sizeof *connection);
    if (host.n >= sizeof connection->address)
        return; /* a name: nothing can be sent there until it is an address */
    snprintf(connection->address, sizeof connection->address, "%.*s", (int)host.n, host.p);
    if (inet_pton(ipv4 ? AF_INET : AF_INET6, connection->address, bytes) != 1) {
        connection->address[0] = '\0';
        return;
    }
    if (!ipv4 && is_mapped(bytes)) {
        memmove(bytes, bytes + 12, 4);
        inet_ntop(AF_INET, bytes, connection->address, sizeof connection->address);
        ipv4 = true;
    }
    connection->hold = memcmp(bytes, zeros, ipv4 ? 4 : 16) == 0;
    connection->bad = !connection->hold && (ipv4 ? is_bad_ipv4(bytes) : is_bad_ipv6(bytes));
    if (connection->hold)
        connection->address[0] = '\0';
}

/* "IN IP4 10.0.0.1[/ttl]" */
static int parse_connection(struct parser *parser, struct ml_str value,
                            struct connection *connection)
{
    struct ml_str net, family, host;

    if (!ml_str_cut(&value, ' ', &net) || !ml_str_cut(&value, ' ', &family) ||
        !ml_str_cut(&value, '/', &host) || !ml_str_eq(net, ML_STR("IN")) ||
        (!ml_str_eq(family, ML_STR("IP4")) && !ml_str_eq(family, ML_STR("IP6"))))
        return ml_fail(parser->fault, ML_EPARSE, "c=: IN IP4 or IN IP6 and an address expected");
    read_address(ml_str_trim(host), ml_str_eq(family, ML_STR("IP4")), connection);
    return ML_OK;
}

static void add_codec(struct parser *parser, int type)
{
    struct ml_sdp *sdp = parser->sdp;
    struct ml_sdp_codec *codec;

    if (sdp->codec_count == ML_SDP_MAX_CODECS)
        return;
    codec = &sdp->codecs[sdp->codec_count++];
    memset(codec, 0, sizeof *codec);
    codec->type = type;
    codec->rate = 8000;
    codec->channels = 1;
    for (size_t i = 0; i < sizeof statics / sizeof *statics; i++)
        if (statics[i].type == type)
            snprintf(codec->name, sizeof codec->name, "%s", statics[i].name);
}

static int clip(struct ml_str text, int max)
{
    return text.n < (size_t)max ? (int)text.n : max;
}

/* "audio 49170[/n] RTP/AVP 0 8 101" */
static int parse_media(struct parser *parser, struct ml_str value)
{
    struct ml_sdp *sdp = parser->sdp;
    struct ml_str whole = value, rest, kind, port_text, count, protocol, type_text;
    size_t index = sdp->media_count;
    uint64_t port, type;

    if (!ml_str_cut(&value, ' ', &kind) || !ml_str_cut(&value, ' ', &port_text) ||
        !ml_str_cut(&value, ' ', &protocol))
        return ml_fail(parser->fault, ML_EPARSE, "m=: kind, port, protocol and formats expected");
    ml_str_cut(&port_text, '/', &count);
    if (ml_str_uint(count, 65535, &port) != 0)
        return ml_fail(parser->fault, ML_EPARSE, "m=: a port from 0 to 65535 expected");
    if (index == ML_SDP_MAX_MEDIA)
        return ml_fail(parser->fault, ML_EREFUSED, "more than %d m= lines", ML_SDP_MAX_MEDIA);
    parser->seen_media = true;
    sdp->media_count++;
    for (size_t i = 0; i < whole.n; i++)
        if ((unsigned char)whole.p[i] < 0x20 || (unsigned char)whole.p[i] > 0x7e)
            return ml_fail(parser->fault, ML_EPARSE, "m=: a byte that does not belong there");
    rest = value;
    if (!ml_str_cut(&rest, ' ', &type_text))
        type_text = ML_STR("0");
    snprintf(sdp->other_media[index], sizeof sdp->other_media[index], "%.*s %.*s %.*s",
             clip(kind, 12), kind.p, clip(protocol, 24), protocol.p, clip(type_text, 24),
             type_text.p);
    /* The first one we can use, or the first of those that are refused already. */
    parser->in_audio = (!parser->found || (sdp->port == 0 && port != 0)) &&
                       ml_str_eq(kind, ML_STR("audio")) && ml_str_eq(protocol, ML_STR("RTP/AVP"));
    if (!parser->in_audio)
        return ML_OK;
    if (port != 0 && port < PORT_MIN)
        return ml_fail(parser->fault, ML_EREFUSED, "m=: audio never goes to port %d", (int)port);
    parser->found = true;
    sdp->media_index = (int)index;
    sdp->port = (uint16_t)port;
    sdp->rtcp_port = (uint16_t)(port + 1);
    sdp->ptime = PTIME;
    sdp->rtcp_mux = false;
    sdp->codec_count = 0;
    parser->audio = parser->session;
    sdp->direction = parser->session_direction;
    while (ml_str_cut(&value, ' ', &type_text))
        if (ml_str_uint(ml_str_trim(type_text), 127, &type) == 0)
            add_codec(parser, (int)type);
    return ML_OK;
}

static struct ml_sdp_codec *codec_of_type(struct ml_sdp *sdp, struct ml_str text)
{
    uint64_t type;

    if (ml_str_uint(text, 127, &type) != 0)
        return NULL;
    for (size_t i = 0; i < sdp->codec_count; i++)
        if (sdp->codecs[i].type == (int)type)
            return &sdp->codecs[i];
    return NULL;
}

/* "101 telephone-event/8000[/1]"; without a clock rate the codec stays unknown. */
static void parse_rtpmap(struct ml_sdp *sdp, struct ml_str value)
{
    struct ml_str type, name, rate_text, channels_text;
    struct ml_sdp_codec *codec;
    uint64_t rate, channels = 1;

    if (!ml_str_cut(&value, ' ', &type) || !(codec = codec_of_type(sdp, type)) ||
        !ml_str_cut(&value, '/', &name))
        return;
    if (!ml_str_cut(&value, '/', &rate_text) || ml_str_uint(rate_text, 384000, &rate) != 0) {
        codec->name[0] = '\0';
        return;
    }
    if (ml_str_cut(&value, '/', &channels_text) && ml_str_uint(channels_text, 8, &channels) != 0)
        return;
    name = ml_str_trim(name);
    snprintf(codec->name, sizeof codec->name, "%.*s", clip(name, 15), name.p);
    codec->rate = (int)rate;
    codec->channels = (int)channels;
}

static void parse_attribute(struct parser *parser, struct ml_str value)
{
    struct ml_sdp *sdp = parser->sdp;
    enum ml_sdp_direction direction;
    struct ml_str name, type;
    uint64_t number;

    if (!ml_str_cut(&value, ':', &name))
        return;
    value = ml_str_trim(value);
    if (parse_direction(name, &direction)) {
        if (!parser->seen_media)
            parser->session_direction = direction;
        else if (parser->in_audio)
            sdp->direction = direction;
        return;
    }
    if (!parser->in_audio)
        return;
    if (ml_str_eq(name, ML_STR("rtpmap"))) {
        parse_rtpmap(sdp, value);
    } else if (ml_str_eq(name, ML_STR("fmtp")) && ml_str_cut(&value, ' ', &type)) {
        struct ml_sdp_codec *codec = codec_of_type(sdp, type);

        if (codec && value.p)
            snprintf(codec->fmtp, sizeof codec->fmtp, "%.*s", clip(value, 63), value.p);
    } else if (ml_str_eq(name, ML_STR("ptime"))) {
        if (ml_str_uint(value, 200, &number) == 0 && number >= 10)
            sdp->ptime = (int)number;
    } else if (ml_str_eq(name, ML_STR("rtcp-mux"))) {
        sdp->rtcp_mux = true;
    } else if (ml_str_eq(name, ML_STR("rtcp")) && ml_str_cut(&value, ' ', &type)) {
        if (ml_str_uint(type, 65535, &number) == 0 && number >= PORT_MIN)
            sdp->rtcp_port = (uint16_t)number;
    }
}

static int parse_line(struct parser *parser, char kind, struct ml_str value)
{
    struct ml_sdp *sdp = parser->sdp;

    switch (kind) {
    case 'o':
        snprintf(sdp->origin, sizeof sdp->origin, "%.*s", clip(value, 95), value.p);
        return ML_OK;
    case 'c':
        if (!parser->seen_media)
            return parse_connection(parser, value, &parser->session);
        return parser->in_audio ? parse_connection(parser, value, &parser->audio) : ML_OK;
    case 'm':
        return parse_media(parser, value);
    case 'a':
        parse_attribute(parser, value);
        return ML_OK;
    default:
        return ML_OK;
    }
}

int ml_sdp_parse(struct ml_str text, struct ml_sdp *sdp, struct ml_fault *fault)
{
    struct parser parser = {.sdp = sdp, .fault = fault};
    struct ml_str line;
    bool first = true;
    int status;

    memset(sdp, 0, sizeof *sdp);
    if (text.n > MAX_BYTES)
        return ml_fail(fault, ML_EPARSE, "a description above %d bytes", MAX_BYTES);
    while (ml_str_cut(&text, '\n', &line)) {
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n == 0)
            continue;
        if (line.n < 2 || line.p[1] != '=' || (first && !ml_str_eq(line, ML_STR("v=0"))))
            return ml_fail(fault, ML_EPARSE,
                           "not a session description: v=0 and lines of "
                           "letter=value expected");
        first = false;
        status = parse_line(&parser, line.p[0], (struct ml_str){line.p + 2, line.n - 2});
        if (status != 0)
            return status;
    }
    if (first)
        return ml_fail(fault, ML_EPARSE, "an empty description");
    if (!parser.found)
        return ml_fail(fault, ML_EREFUSED, "no m=audio line with RTP/AVP");
    memcpy(sdp->address, parser.audio.address, sizeof sdp->address);
    sdp->hold_address = parser.audio.hold;
    if (sdp->port && parser.audio.bad)
        return ml_fail(fault, ML_EREFUSED, "c=%s: audio never goes to such an address",
                       sdp->address);
    if (!sdp->address[0] && !sdp->hold_address && sdp->port)
        return ml_fail(fault, ML_EREFUSED, "c=: a numeric address expected");
    return ML_OK;
}

int ml_sdp_check_target(const struct ml_sdp *sdp, const char *address, uint16_t port,
                        struct ml_fault *fault)
{
    if (!sdp->port || !sdp->address[0])
        return ML_OK;
    if (ml_address_is_loopback(sdp->address) && !ml_address_is_loopback(address))
        return ml_fail(fault, ML_EREFUSED, "c=%s: the loopback of this machine is nobody's peer",
                       sdp->address);
    if (strcmp(sdp->address, address) == 0 && (sdp->port == port || sdp->port == port + 1))
        return ml_fail(fault, ML_EREFUSED, "%s:%d is our own port", sdp->address, sdp->port);
    return ML_OK;
}

/* text, number, text: every call is answered with one of these, and printf is slow. */
static void print_number(struct ml_buf *text, const char *before, uint64_t number,
                         const char *after)
{
    ml_buf_str(text, before);
    ml_buf_uint(text, number);
    ml_buf_str(text, after);
}

static void print_codec(struct ml_buf *text, const struct ml_sdp_codec *codec)
{
    print_number(text, "a=rtpmap:", (uint64_t)codec->type, " ");
    ml_buf_str(text, codec->name);
    print_number(text, "/", (uint64_t)codec->rate, "\r\n");
    if (!codec->fmtp[0])
        return;
    print_number(text, "a=fmtp:", (uint64_t)codec->type, " ");
    ml_buf_str(text, codec->fmtp);
    ml_buf_str(text, "\r\n");
}

static void print_media(struct ml_buf *text, const struct ml_sdp *sdp)
{
    static const char *const directions[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

    print_number(text, "m=audio ", sdp->port, " RTP/AVP");
    for (size_t i = 0; i < sdp->codec_count; i++)
        print_number(text, " ", (uint64_t)sdp->codecs[i].type, "");
    ml_buf_str(text, "\r\n");
    for (size_t i = 0; i < sdp->codec_count; i++)
        print_codec(text, &sdp->codecs[i]);
    print_number(text, "a=ptime:", (uint64_t)sdp->ptime, "\r\na=");
    ml_buf_str(text, directions[sdp->direction]);
    ml_buf_str(text, "\r\n");
}

/* "video RTP/AVP 31" as a refused line. */
static void print_refused(struct ml_buf *text, const char *media)
{
    struct ml_str rest = ml_str(media), kind;

    ml_str_cut(&rest, ' ', &kind);
    ml_buf_printf(text, "m=%.*s 0 %.*s\r\n", (int)kind.n, kind.p, (int)rest.n,
                  rest.p ? rest.p : "RTP/AVP 0");
}

static void print_address(struct ml_buf *text, const struct ml_sdp *sdp)
{
    ml_buf_str(text, strchr(sdp->address, ':') ? "IN IP6 " : "IN IP4 ");
    ml_buf_str(text, sdp->address);
}

char *ml_sdp_print(const struct ml_sdp *sdp, uint64_t session_id, uint64_t version)
{
    size_t count = sdp->media_count ? sdp->media_count : 1;
    struct ml_buf text = {0};

    ml_buf_room(&text, 256);
    print_number(&text, "v=0\r\no=- ", session_id, " ");
    print_number(&text, "", version, " ");
    print_address(&text, sdp);
    ml_buf_str(&text, "\r\ns=-\r\nc=");
    print_address(&text, sdp);
    ml_buf_str(&text, "\r\nt=0 0\r\n");
    for (size_t i = 0; i < count; i++) {
        if ((int)i == sdp->media_index)
            print_media(&text, sdp);
        else
            print_refused(&text, sdp->other_media[i]);
    }
    return ml_buf_take(&text);
}

const struct ml_sdp_codec *ml_sdp_codec(const struct ml_sdp *sdp, const char *name, int rate)
{
    for (size_t i = 0; i < sdp->codec_count; i++)
        if (ml_str_ieq(ml_str(sdp->codecs[i].name), ml_str(name)) && sdp->codecs[i].rate == rate)
            return &sdp->codecs[i];
    return NULL;
}

enum ml_sdp_direction ml_sdp_mirror(enum ml_sdp_direction direction)
{
    switch (direction) {
    case ML_SDP_SENDONLY:
        return ML_SDP_RECVONLY;
    case ML_SDP_RECVONLY:
        return ML_SDP_SENDONLY;
    case ML_SDP_SENDRECV:
    case ML_SDP_INACTIVE:
        break;
    }
    return direction;
}
