/* Whatever arrives as a session description, or as a digest challenge or its answer: what was taken
 * can be written, and is read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/sip/auth.h"
#include "core/sip/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int truth)
{
    if (!truth)
        abort();
}

static void description(struct ml_str text)
{
    static struct ml_sdp sdp, again;
    struct ml_fault fault = {0};
    int status = ml_sdp_parse(text, &sdp, &fault);
    char *printed;

    check(status == 0 || ((status == ML_EPARSE || status == ML_EREFUSED) && fault.text[0]));
    if (status != 0)
        return;
    check(sdp.port == 0 || sdp.port >= 1024);
    check(sdp.codec_count <= ML_SDP_MAX_CODECS && sdp.media_count <= ML_SDP_MAX_MEDIA);
    check(sdp.media_index >= 0 && (size_t)sdp.media_index < sdp.media_count);
    ml_sdp_check_target(&sdp, "192.0.2.1", 20000, &fault);
    ml_sdp_codec(&sdp, "PCMU", 8000);
    if (sdp.hold_address || !sdp.address[0])
        memcpy(sdp.address, "192.0.2.1", 10);
    printed = ml_sdp_print(&sdp, 1, 2);
    check(sdp.codec_count > 0 ? strlen(printed) < 8192 : 1);
    /* Names and parameters of codecs come from the peer, but go into no answer of ours: an answer
     * has our names. Without them the lines must be sound. */
    ml_free(printed);
    for (size_t i = 0; i < sdp.codec_count; i++)
        memcpy(sdp.codecs[i].name, "PCMU", 5), sdp.codecs[i].fmtp[0] = '\0';
    printed = ml_sdp_print(&sdp, 1, 2);
    check(ml_sdp_parse(ml_str(printed), &again, &fault) == 0);
    check(again.port == sdp.port && again.media_count == sdp.media_count);
    check(again.direction == sdp.direction && again.codec_count == sdp.codec_count);
    ml_free(printed);
}

static const char *password(const char *name, void *user)
{
    (void)user;
    return name[0] == 'a' ? "secret" : NULL;
}

static void credentials(struct ml_str text)
{
    char *copy = ml_str_dup(text), *answer = NULL, name[32];
    bool stale;
    int strength = ml_auth_strength(copy, &stale);
    int status = ml_auth_answer(copy, 1, "INVITE", "sip:a@b", text, "alice", "secret", &answer);

    check((status == 0) == (strength > 0) && (status == 0) == (answer != NULL));
    /* What we answer can be read, by ourselves at least. */
    if (answer)
        check(ml_auth_strength(answer, &stale) == strength);
    ml_free(answer);
    check(ml_auth_verify(copy, "INVITE", "moonline", "192.0.2.1", password, NULL, name,
                         sizeof name) != ML_AUTH_OK);
    ml_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ml_str text = {(const char *)data + 1, size - 1};

    if (size == 0)
        return 0;
    if (data[0] & 1)
        description(text);
    else
        credentials(text);
    return 0;
}
