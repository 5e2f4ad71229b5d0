/* RTCP of a stream: a report every five seconds in which something passed. */
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/media/media_priv.h"

/* The host is the one packets come from. Behind a NAT that moved the RTP port the SDP's RTCP port
 * means nothing either: then it is the next one. */
static struct ml_endpoint destination(const struct ml_stream *stream)
{
    struct ml_endpoint to = *ml_latch_destination(&stream->latch);
    uint16_t port = stream->target.rtcp_port;

    if (stream->latch.locked && !stream->latch.sure)
        port = (uint16_t)(ml_endpoint_port(&to) + 1);
    ml_endpoint_set_port(&to, port);
    return to;
}

static void fill_block(struct ml_stream *stream, int64_t now, struct ml_rtcp_block *block)
{
    struct ml_rtp_account *account = &stream->account;
    uint32_t expected = ml_rtp_expected(account);
    uint32_t due = expected - account->expected_before;
    uint32_t came = account->received - account->received_before;

    block->ssrc = account->ssrc;
    block->fraction = due > came && due > 0 ? (uint8_t)(((uint64_t)(due - came) << 8) / due) : 0;
    block->lost = (int32_t)(expected - account->received);
    block->highest = account->highest;
    block->jitter = account->jitter16 >> 4;
    block->last_sr = stream->peer_sr;
    block->since_sr =
        stream->peer_sr ? (uint32_t)((now - stream->peer_sr_us) * 65536 / 1000000) : 0;
    account->expected_before = expected;
    account->received_before = account->received;
}

void ml_stream_send_report(struct ml_worker *worker, struct ml_stream *stream)
{
    uint32_t sent = (uint32_t)atomic_load_explicit(&stream->sent, memory_order_relaxed);
    struct ml_rtcp_report report = {.ssrc = stream->ssrc};
    struct ml_endpoint to = destination(stream);
    uint8_t packet[ML_RTCP_MAX];
    size_t n;

    report.sender = sent != stream->sent_reported;
    report.has_block =
        stream->account.begun && stream->account.received != stream->account.received_before;
    if (!stream->reachable || stream->target.rtcp_port == 0 ||
        (!report.sender && !report.has_block))
        return;
    stream->sent_reported = sent;
    if (report.sender) {
        report.ntp = ml_rtcp_ntp(ml_clock_wall_ms());
        report.timestamp =
            stream->line.base + (uint32_t)((worker->now - stream->line.zero_us) * 8 / 1000);
        report.packets = sent;
        report.octets = (uint32_t)atomic_load_explicit(&stream->octets, memory_order_relaxed);
    }
    if (report.has_block)
        fill_block(stream, worker->now, &report.block);
    n = ml_rtcp_build(packet, &report, stream->cname);
    sendto(stream->pair.rtcp, packet, n, MSG_NOSIGNAL, &to.a.any, to.length);
}

void ml_stream_receive_report(struct ml_worker *worker, struct ml_stream *stream)
{
    struct ml_endpoint from = {.length = sizeof from.a};
    struct ml_rtcp_report report;
    uint8_t packet[ML_PACKET_MAX];
    ssize_t n =
        recvfrom(stream->pair.rtcp, packet, sizeof packet, MSG_TRUNC, &from.a.any, &from.length);

    if (n < 0 || n > ML_PACKET_MAX ||
        !ml_endpoint_same_host(&from, ml_latch_destination(&stream->latch)))
        return;
    if (!ml_rtcp_parse(packet, (size_t)n, stream->ssrc, &report) || !report.sender)
        return;
    stream->peer_sr = (uint32_t)(report.ntp >> 16);
    stream->peer_sr_us = worker->now;
}
