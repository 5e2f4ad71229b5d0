/* The guard before sofia's parser: any bytes, by datagram or stream. What it passes on, sofia must
 * read as it did; what it answers must be one whole message. A folder given as corpus is seeded
 * with the messages of spec/torture. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>

#include "core/sip/guard_judge.h"
#include "spec/core/torture.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ml_guard_message message;
static struct ml_guard_verdict verdict;

#define check(truth) ((truth) ? (void)0 : broken(#truth, __LINE__))

static void broken(const char *what, int line)
{
    fprintf(stderr, "line %d: not %s\n", line, what);
    abort();
}

static void seed(const char *folder, const char *file_name)
{
    static struct torture_file file;

    memset(&file, 0, sizeof file);
    torture_read(&file, file_name);
    for (size_t i = 0; i < file.count; i++) {
        char path[600];
        FILE *out;

        snprintf(path, sizeof path, "%s/%s", folder, file.messages[i].name);
        out = fopen(path, "w");
        check(out != NULL);
        fputc('d', out);
        fwrite(file.messages[i].bytes.p, 1, file.messages[i].bytes.n, out);
        fclose(out);
    }
    torture_free(&file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    for (int i = 1; i < *argc; i++) {
        const char *argument = (*argv)[i];
        struct stat about;

        if (argument[0] == '-' || stat(argument, &about) != 0 || !S_ISDIR(about.st_mode))
            continue;
        seed(argument, "rfc4475.txt");
        seed(argument, "ipv6.txt");
        seed(argument, "own.txt");
        break;
    }
    return 0;
}

static int same(struct ml_str text, const char *other)
{
    return other && ml_str_eq(text, ml_str(other));
}

static struct ml_str value_of(const char *name)
{
    size_t at = 0;
    const struct ml_guard_field *field = ml_guard_field(&message, name, &at);

    check(field != NULL);
    return field->value;
}

static void same_tag(const char *name, const char *tag)
{
    struct ml_guard_address address;
    struct ml_str ours;

    check(ml_guard_parse_address(value_of(name), &address));
    check(ml_guard_parameters(address.parameters, "tag", &ours));
    check(ours.p ? same(ours, tag) : tag == NULL);
}

/* Two readers of one message. */
static void as_sofia_reads(struct ml_str bytes)
{
    msg_t *msg = msg_make(sip_default_mclass(), 0, bytes.p, (ssize_t)bytes.n);
    const sip_t *sip = sip_object(msg);
    struct ml_str cseq = value_of("CSeq");
    size_t digits = 0;

    check(sip && (sip->sip_request || sip->sip_status) && sip->sip_via);
    if (sip->sip_error) { /* stricter than we: it answers 400 itself */
        msg_destroy(msg);
        return;
    }
    check(sip->sip_call_id && same(value_of("Call-ID"), sip->sip_call_id->i_id));
    check(sip->sip_from && sip->sip_to && sip->sip_cseq);
    same_tag("From", sip->sip_from->a_tag);
    same_tag("To", sip->sip_to->a_tag);
    while (digits < cseq.n && cseq.p[digits] >= '0' && cseq.p[digits] <= '9')
        digits++;
    check(strtoul(cseq.p, NULL, 10) == sip->sip_cseq->cs_seq && digits > 0);
    check(!message.has_length ||
          (sip->sip_content_length && sip->sip_content_length->l_length == message.length));
    if (sip->sip_request && sip->sip_request->rq_method == sip_method_invite && sip->sip_contact) {
        const url_t *url = sip->sip_contact->m_url;

        check(url->url_type == url_sip || url->url_type == url_sips);
        check(url->url_host && url->url_host[0] && !sip->sip_contact->m_next);
    }
    msg_destroy(msg);
}

static void check_answer(void)
{
    struct ml_buf text = {0};
    uint16_t port;

    if (ml_guard_answer(&message, &verdict, "192.0.2.1", 5060, &text, &port)) {
        check(text.n > 4 && memcmp(text.p + text.n - 4, "\r\n\r\n", 4) == 0);
        check(memmem(text.p, text.n, "\r\n\r\n", 4) == text.p + text.n - 4);
        for (size_t i = 0; i < text.n; i++) {
            check(text.p[i] != '\r' || text.p[i + 1] == '\n');
            check(text.p[i] != '\n' || (i > 0 && text.p[i - 1] == '\r'));
        }
    }
    ml_buf_fini(&text);
}

static void judge(struct ml_str bytes, bool stream)
{
    ml_guard_judge(bytes, stream, false, &message, &verdict);
    check(verdict.reason < ML_GUARD_REASONS);
    check((verdict.action == ML_GUARD_PASS) == (verdict.reason == ML_GUARD_PASSED));
    check(memchr(verdict.extra, '\0', sizeof verdict.extra) != NULL);
    if (verdict.action == ML_GUARD_ANSWER) {
        check(verdict.code >= 400 && verdict.code < 600 && verdict.phrase);
        check_answer();
    } else if (verdict.action == ML_GUARD_PASS) {
        as_sofia_reads(bytes);
    }
}

static void stream(struct ml_str bytes)
{
    size_t length, other;

    while (bytes.n > 0) {
        switch (ml_guard_frame(bytes, &length)) {
        case ML_GUARD_MORE:
            check(length > bytes.n && length <= bytes.n + ML_GUARD_MAX_MESSAGE + 1);
            return;
        case ML_GUARD_BROKEN:
            judge(bytes, true);
            check(verdict.action != ML_GUARD_PASS);
            return;
        case ML_GUARD_WHOLE:
            check(length > 0 && length <= bytes.n);
            /* What comes after it changes nothing. */
            check(ml_guard_frame((struct ml_str){bytes.p, length}, &other) == ML_GUARD_WHOLE);
            check(other == length);
            judge((struct ml_str){bytes.p, length}, true);
            bytes = (struct ml_str){bytes.p + length, bytes.n - length};
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ml_str bytes = {(const char *)data + 1, size - 1};
    char *copy;

    if (size < 2)
        return 0;
    copy = malloc(bytes.n); /* exactly as long: a byte read past it is found */
    check(copy != NULL);
    memcpy(copy, bytes.p, bytes.n);
    bytes.p = copy;
    if (data[0] & 1)
        stream(bytes);
    else
        judge(bytes, false);
    free(copy);
    return 0;
}
