/* Session descriptions: what is read, what is refused and how, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/sip/sdp.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
#define C "c=IN IP4 192.0.2.1\r\n"
#define AUDIO "m=audio 49170 RTP/AVP 0 8 101\r\n"

static struct ml_sdp sdp;
static struct ml_fault fault;

static int read_text(const char *text)
{
    fault = (struct ml_fault){0};
    return ml_sdp_parse(ml_str(text), &sdp, &fault);
}

static void good(const char *text)
{
    if (read_text(text) != 0)
        fail_msg("%s: %s", fault.text, text);
}

static void bad(const char *text, int status)
{
    if (read_text(text) != status)
        fail_msg("not %s: %s", ml_strerror(status), text);
    assert_true(fault.text[0] != '\0');
}

static void a_plain_offer(void **state)
{
    (void)state;
    good(HEAD C "t=0 0\r\n" AUDIO "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
                "a=ptime:30\r\n");
    assert_string_equal(sdp.origin, "- 1 1 IN IP4 192.0.2.1");
    assert_string_equal(sdp.address, "192.0.2.1");
    assert_int_equal(sdp.port, 49170);
    assert_int_equal(sdp.rtcp_port, 49171);
    assert_false(sdp.rtcp_mux);
    assert_false(sdp.hold_address);
    assert_int_equal(sdp.direction, ML_SDP_SENDRECV);
    assert_int_equal(sdp.ptime, 30);
    assert_int_equal(sdp.codec_count, 3);
    assert_string_equal(sdp.codecs[0].name, "PCMU");
    assert_string_equal(sdp.codecs[1].name, "PCMA");
    assert_int_equal(sdp.codecs[1].rate, 8000);
    assert_string_equal(sdp.codecs[2].name, "telephone-event");
    assert_string_equal(sdp.codecs[2].fmtp, "0-16");
    assert_int_equal(ml_sdp_codec(&sdp, "TELEPHONE-event", 8000)->type, 101);
    assert_null(ml_sdp_codec(&sdp, "telephone-event", 16000));
    assert_null(ml_sdp_codec(&sdp, "opus", 48000));
}

static void lenient_where_the_others_are(void **state)
{
    (void)state;
    good("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n"
         "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n");
    good("v=0\r\n" C "m=audio 4000 RTP/AVP 0"); /* no end of line; no o=, s=, t= */
    good(HEAD "\r\n" C AUDIO "\r\n");
    good(HEAD C "m=audio 4000/2 RTP/AVP 0\r\n");
    good(HEAD "c=IN IP4 192.0.2.1/127\r\n" AUDIO);
    good(HEAD C AUDIO "a=rtpmap:31 LPC\r\n"); /* RFC 4475 3.3.1: no clock rate */
    good(HEAD C AUDIO
         "a=rtpmap\r\na=rtpmap:\r\na=rtpmap:0\r\na=rtpmap:0 PCMU\r\na=fmtp:\r\n"
         "a=:\r\na=\r\nb=\r\nz=x\r\na=ptime:x\r\na=ptime:0\r\na=rtcp:\r\na=rtcp:99999\r\n");
    assert_int_equal(sdp.ptime, 20);
    assert_int_equal(sdp.rtcp_port, 49171);
    good(HEAD C "m=audio 4000 RTP/AVP\r\n"); /* no format at all: nothing can be chosen */
    assert_int_equal(sdp.codec_count, 0);
    good(HEAD C "m=audio 4000 RTP/AVP 0 x 256 -1 8\r\n");
    assert_int_equal(sdp.codec_count, 2);
    good(HEAD C "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96  PCMU/8000/1 \r\n");
    assert_string_equal(sdp.codecs[0].name, "PCMU");
    good(HEAD C "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 GSM/8000\r\n"); /* they may do that */
    assert_string_equal(sdp.codecs[0].name, "GSM");
}

static void codecs_without_number_or_name(void **state)
{
    struct ml_buf text = {0};

    (void)state;
    ml_buf_str(&text, HEAD C "m=audio 4000 RTP/AVP");
    for (int i = 0; i < 128; i++)
        ml_buf_printf(&text, " %d", i);
    ml_buf_str(&text, "\r\na=rtpmap:20 "
                      "a-name-of-a-codec-that-is-longer-than-any-name-of-a-codec/8000\r\n");
    good(text.p);
    assert_int_equal(sdp.codec_count, ML_SDP_MAX_CODECS);
    assert_int_equal(strlen(sdp.codecs[20].name), 15);
    ml_buf_fini(&text);
}

static void what_counts_is_the_line_of_the_audio(void **state)
{
    (void)state;
    good(HEAD C "a=sendonly\r\n" AUDIO);
    assert_int_equal(sdp.direction, ML_SDP_SENDONLY);
    good(HEAD C
         "a=sendonly\r\n" AUDIO "c=IN IP4 192.0.2.9\r\na=recvonly\r\n"
         "m=video 5000 RTP/AVP 31\r\nc=IN IP4 192.0.2.77\r\na=inactive\r\na=rtpmap:0 X/1\r\n");
    assert_string_equal(sdp.address, "192.0.2.9");
    assert_int_equal(sdp.direction, ML_SDP_RECVONLY);
    assert_string_equal(sdp.codecs[0].name, "PCMU");
    good(HEAD "m=video 5000 RTP/AVP 31\r\nc=IN IP4 192.0.2.77\r\n" AUDIO "c=IN IP4 192.0.2.9\r\n");
    assert_int_equal(sdp.media_index, 1);
    assert_string_equal(sdp.address, "192.0.2.9");
    /* The first line is refused already, the second is SRTP: the third it is. */
    good(HEAD C "m=audio 0 RTP/AVP 18\r\nm=audio 5000 RTP/SAVP 0\r\n" AUDIO
                "m=audio 7000 RTP/AVP 3\r\n");
    assert_int_equal(sdp.media_index, 2);
    assert_int_equal(sdp.port, 49170);
    assert_int_equal(sdp.codec_count, 3);
    assert_int_equal(sdp.media_count, 4);
}

static void rtcp_ports(void **state)
{
    (void)state;
    good(HEAD C AUDIO "a=rtcp:53020\r\na=rtcp-mux\r\n");
    assert_int_equal(sdp.rtcp_port, 53020);
    assert_true(sdp.rtcp_mux);
    good(HEAD C AUDIO "a=rtcp:53020 IN IP4 192.0.2.66\r\n");
    assert_int_equal(sdp.rtcp_port, 53020);
    good(HEAD C AUDIO "a=rtcp:53\r\n"); /* MED-12: not there */
    assert_int_equal(sdp.rtcp_port, 49171);
    good(HEAD C "m=audio 65535 RTP/AVP 0\r\n");
    assert_int_equal(sdp.rtcp_port, 0); /* there is none behind it */
}

static void holds_in_every_manner(void **state)
{
    (void)state;
    good(HEAD C AUDIO "a=inactive\r\n");
    assert_int_equal(sdp.direction, ML_SDP_INACTIVE);
    assert_int_equal(ml_sdp_mirror(sdp.direction), ML_SDP_INACTIVE);
    good(HEAD C AUDIO "a=sendonly\r\n");
    assert_int_equal(ml_sdp_mirror(sdp.direction), ML_SDP_RECVONLY);
    good(HEAD C AUDIO "a=recvonly\r\n");
    assert_int_equal(ml_sdp_mirror(sdp.direction), ML_SDP_SENDONLY);
    good(HEAD C AUDIO "a=sendrecv\r\n");
    assert_int_equal(ml_sdp_mirror(sdp.direction), ML_SDP_SENDRECV);
    good(HEAD "c=IN IP4 0.0.0.0\r\n" AUDIO); /* MED-11: nothing is sent to 0.0.0.0 */
    assert_true(sdp.hold_address);
    assert_string_equal(sdp.address, "");
    good(HEAD "c=IN IP6 ::\r\n" AUDIO);
    assert_true(sdp.hold_address);
    assert_string_equal(sdp.address, "");
    good(HEAD "m=audio 0 RTP/AVP 0\r\n"); /* the stream is refused: no c= is needed */
    assert_int_equal(sdp.port, 0);
}

static void ipv6_addresses(void **state)
{
    (void)state;
    good(HEAD "c=IN IP6 2001:db8::7\r\n" AUDIO);
    assert_string_equal(sdp.address, "2001:db8::7");
    good(HEAD "c=IN IP6 ::ffff:192.0.2.4\r\n" AUDIO); /* an IPv4 address is one */
    assert_string_equal(sdp.address, "192.0.2.4");
}

static void MED_11_addresses_audio_never_goes_to(void **state)
{
    static const char *const lines[] = {
        "IN IP4 224.0.0.1",
        "IN IP4 239.255.255.255",
        "IN IP4 255.255.255.255",
        "IN IP4 240.0.0.1",
        "IN IP4 0.0.0.1",
        "IN IP4 169.254.169.254",
        "IN IP4 169.254.0.1",
        "IN IP6 ff02::1",
        "IN IP6 fe80::1",
        "IN IP6 ::ffff:224.0.0.1",
        "IN IP6 ::ffff:169.254.169.254",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *session = ml_format(HEAD "c=%s\r\n" AUDIO, lines[i]);
        char *media = ml_format(HEAD C AUDIO "c=%s\r\n", lines[i]);
        char *neither = ml_format(HEAD "c=%s\r\n" AUDIO C, lines[i]);

        bad(session, ML_EREFUSED);
        bad(media, ML_EREFUSED);
        good(neither); /* the line of the audio counts */
        ml_free(session);
        ml_free(media);
        ml_free(neither);
    }
}

static void MED_11_neither_to_ourselves(void **state)
{
    (void)state;
    good(HEAD "c=IN IP4 127.0.0.1\r\n" AUDIO);
    assert_int_equal(ml_sdp_check_target(&sdp, "192.0.2.5", 20000, &fault), ML_EREFUSED);
    assert_int_equal(ml_sdp_check_target(&sdp, "127.0.0.1", 20000, &fault), 0);
    assert_int_equal(ml_sdp_check_target(&sdp, "127.0.0.1", 49170, &fault), ML_EREFUSED);
    assert_int_equal(ml_sdp_check_target(&sdp, "127.0.0.1", 49169, &fault), ML_EREFUSED);
    good(HEAD "c=IN IP4 127.1.2.3\r\n" AUDIO);
    assert_int_equal(ml_sdp_check_target(&sdp, "192.0.2.5", 20000, &fault), ML_EREFUSED);
    good(HEAD "c=IN IP6 ::1\r\n" AUDIO);
    assert_int_equal(ml_sdp_check_target(&sdp, "2001:db8::1", 20000, &fault), ML_EREFUSED);
    assert_int_equal(ml_sdp_check_target(&sdp, "::1", 20000, &fault), 0);
    good(HEAD "c=IN IP6 ::ffff:127.0.0.1\r\n" AUDIO);
    assert_int_equal(ml_sdp_check_target(&sdp, "192.0.2.5", 20000, &fault), ML_EREFUSED);
    good(HEAD C AUDIO);
    assert_int_equal(ml_sdp_check_target(&sdp, "192.0.2.5", 49170, &fault), 0);
    assert_int_equal(ml_sdp_check_target(&sdp, "192.0.2.1", 49170, &fault), ML_EREFUSED);
    good(HEAD "c=IN IP4 0.0.0.0\r\n" AUDIO);
    assert_int_equal(ml_sdp_check_target(&sdp, "192.0.2.5", 20000, &fault), 0);
}

static void MED_12_ports_audio_never_goes_to(void **state)
{
    static const char *const ports[] = {"1", "9", "25", "53", "1023", "53/2"};

    (void)state;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        char *text = ml_format(HEAD C "m=audio %s RTP/AVP 0\r\n", ports[i]);

        bad(text, ML_EREFUSED);
        ml_free(text);
    }
    good(HEAD C "m=audio 1024 RTP/AVP 0\r\n");
    good(HEAD C AUDIO "m=video 9 RTP/AVP 31\r\n"); /* nobody sends there */
}

static void what_we_cannot_do_is_refused(void **state)
{
    (void)state;
    bad(HEAD C "m=audio 49170 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n",
        ML_EREFUSED);
    bad(HEAD C "m=audio 49170 UDP/TLS/RTP/SAVPF 111\r\n", ML_EREFUSED);
    bad(HEAD C "m=image 49170 udptl t38\r\n", ML_EREFUSED);
    bad(HEAD C "m=video 49170 RTP/AVP 31\r\n", ML_EREFUSED);
    bad(HEAD C, ML_EREFUSED);
    bad(HEAD AUDIO, ML_EREFUSED);                                /* where to? */
    bad(HEAD "c=IN IP4 pbx.example.com\r\n" AUDIO, ML_EREFUSED); /* to a name, no */
    bad(HEAD "c=IN IP4 2001:db8::7\r\n" AUDIO, ML_EREFUSED);
    bad(HEAD "c=IN IP6 192.0.2.1\r\n" AUDIO, ML_EREFUSED);
    bad(HEAD "c=IN IP4 1.2.3\r\n" AUDIO, ML_EREFUSED);
    bad(HEAD "c=IN IP4 192.0.2.1111111111111111111111111111111111111111111111111\r\n" AUDIO,
        ML_EREFUSED);
    bad(HEAD C "m=a 1 b c\r\nm=a 1 b c\r\nm=a 1 b c\r\nm=a 1 b c\r\nm=a 1 b c\r\nm=a 1 b c\r\n"
               "m=a 1 b c\r\nm=a 1 b c\r\n" AUDIO,
        ML_EREFUSED);
}

static void what_is_no_description_is_broken(void **state)
{
    char *big = ml_alloc(20001);

    (void)state;
    bad("", ML_EPARSE);
    bad("\r\n\r\n", ML_EPARSE);
    bad("hello", ML_EPARSE);
    bad("{\"sdp\": 0}", ML_EPARSE);
    bad("v", ML_EPARSE);
    bad("v=1\r\n" C AUDIO, ML_EPARSE);
    bad("v=0x\r\n" C AUDIO, ML_EPARSE);
    bad("o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n", ML_EPARSE);
    bad(" v=0\r\n" C AUDIO, ML_EPARSE);
    bad(HEAD C AUDIO "nonsense\r\n", ML_EPARSE);
    bad(HEAD C AUDIO "a\r\n", ML_EPARSE);
    bad(HEAD "c=\r\n" AUDIO, ML_EPARSE);
    bad(HEAD "c=IN\r\n" AUDIO, ML_EPARSE);
    bad(HEAD "c=IN IP4\r\n" AUDIO, ML_EPARSE);
    bad(HEAD "c=IN IP5 192.0.2.1\r\n" AUDIO, ML_EPARSE);
    bad(HEAD "c=ATM IP4 192.0.2.1\r\n" AUDIO, ML_EPARSE);
    bad(HEAD C "m=\r\n", ML_EPARSE);
    bad(HEAD C "m=audio\r\n", ML_EPARSE);
    bad(HEAD C "m=audio 49170\r\n", ML_EPARSE);
    bad(HEAD C "m=audio x RTP/AVP 0\r\n", ML_EPARSE);
    bad(HEAD C "m=audio -1 RTP/AVP 0\r\n", ML_EPARSE);
    bad(HEAD C "m=audio 65536 RTP/AVP 0\r\n", ML_EPARSE);
    bad(HEAD C "m=audio 99999999999999999999 RTP/AVP 0\r\n", ML_EPARSE);
    bad(HEAD C "m=audio  49170 RTP/AVP 0\r\n", ML_EPARSE);
    memset(big, 'x', 20000);
    memcpy(big, "v=0\r\na=", 7);
    bad(big, ML_EPARSE);
    ml_free(big);
}

/* robustness.md 0.1: a byte above 7F in an m= line makes sofia's parser allocate without end. */
static void a_byte_that_is_no_ascii_kills_nobody(void **state)
{
    static const char *const lines[] = {
        "m=audio 49152 TCP/\xc3\x84/MSRP 0 8\r\n", "m=audio 49152 TCP/\xc4/MSRP 0 8\r\n",
        "m=\xff\xfe 49152 RTP/AVP 0\r\n",          "m=audio 49152 RTP/AVP \x80\r\n",
        "m=audio 49152 RTP/AVP 0\x01\r\n",         "m=audio 49152 RTP/AVP 0\t8\r\n",
    };
    long blocks = ml_mem_blocks();
    clock_t begun = clock();

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *text = ml_format(HEAD C "t=0 0\r\n%s", lines[i]);

        bad(text, ML_EPARSE);
        ml_free(text);
    }
    assert_int_equal(ml_mem_blocks(), blocks);
    assert_true(clock() - begun < CLOCKS_PER_SEC / 10);
}

static void a_nul_ends_nothing_early(void **state)
{
    static const char text[] = HEAD C "m=audio 49170 RTP/AVP 0\0 8\r\n";

    (void)state;
    assert_int_equal(ml_sdp_parse((struct ml_str){text, sizeof text - 1}, &sdp, &fault), ML_EPARSE);
}

/* Every beginning of a description, and it with each byte changed. */
static void garbage_harms_nobody(void **state)
{
    const char *text = HEAD C "t=0 0\r\n" AUDIO "a=rtpmap:101 telephone-event/8000\r\n"
                              "a=fmtp:101 0-16\r\na=rtcp:53020 IN IP4 192.0.2.1\r\na=ptime:20\r\n"
                              "m=video 5000 RTP/AVP 31\r\n";
    size_t n = strlen(text);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        char *copy = ml_strndup(text, i);

        read_text(copy);
        ml_free(copy);
        for (int k = 1; k < 256; k += 17) {
            int status;

            copy = ml_strdup(text);
            copy[i] = (char)(copy[i] ^ k);
            status = read_text(copy);
            assert_true(status == 0 || status == ML_EPARSE || status == ML_EREFUSED);
            ml_free(copy);
        }
    }
}

/* ---- what we write ---- */

static void an_answer_repeats_the_lines_of_the_offer(void **state)
{
    struct ml_sdp ours = {.address = "192.0.2.5", .port = 20000, .ptime = 20};
    char *text;

    (void)state;
    good(HEAD C "m=video 5000 RTP/AVP 31 34\r\n" AUDIO
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                "m=audio 6000 UDP/TLS/RTP/SAVPF 111\r\nm=image 7000 udptl t38\r\n");
    ours.media_index = sdp.media_index;
    ours.media_count = sdp.media_count;
    memcpy(ours.other_media, sdp.other_media, sizeof ours.other_media);
    ours.codec_count = 2;
    ours.codecs[0] = (struct ml_sdp_codec){"PCMU", 0, 8000, 1, ""};
    ours.codecs[1] = (struct ml_sdp_codec){"telephone-event", 101, 8000, 1, "0-15"};
    ours.direction = ML_SDP_RECVONLY;
    text = ml_sdp_print(&ours, 7, 8);
    assert_string_equal(text, "v=0\r\no=- 7 8 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\n"
                              "t=0 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 20000 RTP/AVP 0 101\r\n"
                              "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
                              "a=fmtp:101 0-15\r\na=ptime:20\r\na=recvonly\r\n"
                              "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                              "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nm=image 0 udptl t38\r\n");
    good(text);
    assert_int_equal(sdp.media_count, 5);
    assert_int_equal(sdp.media_index, 1);
    assert_int_equal(sdp.port, 20000);
    ml_free(text);
}

static void an_offer_by_ipv6(void **state)
{
    struct ml_sdp ours = {.address = "2001:db8::5", .port = 20000, .ptime = 20, .codec_count = 1};
    char *text;

    (void)state;
    ours.codecs[0] = (struct ml_sdp_codec){"PCMA", 8, 8000, 1, ""};
    text = ml_sdp_print(&ours, 1, 1);
    assert_non_null(strstr(text, "c=IN IP6 2001:db8::5\r\n"));
    good(text);
    assert_string_equal(sdp.address, "2001:db8::5");
    assert_int_equal(sdp.codecs[0].type, 8);
    ml_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_offer),
        cmocka_unit_test(lenient_where_the_others_are),
        cmocka_unit_test(codecs_without_number_or_name),
        cmocka_unit_test(what_counts_is_the_line_of_the_audio),
        cmocka_unit_test(rtcp_ports),
        cmocka_unit_test(holds_in_every_manner),
        cmocka_unit_test(ipv6_addresses),
        cmocka_unit_test(MED_11_addresses_audio_never_goes_to),
        cmocka_unit_test(MED_11_neither_to_ourselves),
        cmocka_unit_test(MED_12_ports_audio_never_goes_to),
        cmocka_unit_test(what_we_cannot_do_is_refused),
        cmocka_unit_test(what_is_no_description_is_broken),
        cmocka_unit_test(a_byte_that_is_no_ascii_kills_nobody),
        cmocka_unit_test(a_nul_ends_nothing_early),
        cmocka_unit_test(garbage_harms_nobody),
        cmocka_unit_test(an_answer_repeats_the_lines_of_the_offer),
        cmocka_unit_test(an_offer_by_ipv6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
