/* Whatever arrives on a media port: RTP, RTCP, telephone-events, one source's account and keys. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/media/codec.h"
#include "core/media/dtmf.h"
#include "core/media/rtcp.h"
#include "core/media/rtp.h"
#include "core/media/ssml.h"
#include "core/media/timeline.h"
#include "core/media/tone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ml_rtp_account account;
static struct ml_event_rx keys;
static struct ml_timeline line;
static int64_t now_us;

static void check(int truth)
{
    if (!truth)
        abort();
}

static void rtp(const uint8_t *data, size_t size)
{
    struct ml_press ended[2];
    struct ml_event event = {0};
    struct ml_rtp packet;
    bool over;

    if (!ml_rtp_parse(data, size, &packet))
        return;
    check(packet.offset >= ML_RTP_HEADER && packet.offset + packet.length <= size);
    now_us += 20000;
    ml_rtp_account(&account, &packet, (uint32_t)now_us, packet.marker);
    check(ml_rtp_lost(&account) <= ml_rtp_expected(&account));
    if (ml_event_parse(data + packet.offset, packet.length, &event)) {
        check(event.code < 16);
        ml_event_packet(&keys, packet.timestamp, &event, now_us, ended, &over);
        ml_event_late(&keys, now_us + (event.end ? 0 : 1000000), ended);
    }
    ml_timeline_relay(&line, now_us, (uint32_t)packet.length, event.end, &packet);
}

static void text(const uint8_t *data, size_t size)
{
    char *clean = ml_ssml_clean((struct ml_str){(const char *)data, size});
    char *copy = ml_strndup((const char *)data, size < 200 ? size : 200);
    struct ml_tone tone;
    int16_t samples[160];

    check(strlen(clean) <= 2 * size);
    if (ml_tone_init(&tone, copy, -13))
        ml_tone_make(&tone, samples, 160);
    ml_free(copy);
    ml_free(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ml_rtcp_report report;

    if (size == 0)
        return 0;
    switch (data[0] & 3) {
    case 0:
        ml_rtcp_parse(data + 1, size - 1, 1, &report);
        break;
    case 1:
        text(data + 1, size - 1);
        break;
    default:
        rtp(data + 1, size - 1);
        break;
    }
    return 0;
}
