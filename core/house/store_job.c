/* Jobs: one block of memory each, and the same as an entry of the journal. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/house/store_priv.h"

/* Before the fields and texts of an entry. */
struct head {
    uint16_t what, kind, count, field_size;
};

static size_t text_size(const struct ml_value *value)
{
    return value->type == ML_VALUE_TEXT ? value->text.n : 0;
}

static char *keep_text(struct ml_value *value, char *at)
{
    if (value->type != ML_VALUE_TEXT)
        return at;
    if (value->text.n > 0)
        memcpy(at, value->text.p, value->text.n);
    value->text.p = at;
    return at + value->text.n;
}

static struct ml_store_job *new_job(enum ml_job_kind what, enum ml_store_kind kind, size_t count,
                                    size_t text)
{
    size_t size = sizeof(struct ml_store_job) + count * sizeof(struct ml_field) + text;
    struct ml_store_job *job = ml_alloc(size);

    ml_clock_hold();
    job->what = what;
    job->kind = kind;
    job->size = size;
    job->count = count;
    job->fields = (struct ml_field *)(void *)(job + 1);
    return job;
}

struct ml_store_job *ml_store_job_new(enum ml_job_kind what, enum ml_store_kind kind,
                                      const struct ml_field *fields, size_t count)
{
    struct ml_store_job *job;
    size_t size = 0;
    char *text;

    for (size_t i = 0; i < count; i++)
        size += text_size(&fields[i].value);
    job = new_job(what, kind, count, size);
    text = (char *)(job->fields + count);
    if (count > 0)
        memcpy(job->fields, fields, count * sizeof *fields);
    for (size_t i = 0; i < count; i++)
        text = keep_text(&job->fields[i].value, text);
    return job;
}

void ml_store_job_free(struct ml_store_job *job)
{
    ml_free(job->text);
    ml_free(job->query);
    ml_free(job->values);
    ml_buf_fini(&job->bytes);
    ml_free(job);
    ml_clock_release();
}

void ml_store_job_fail(struct ml_store_job *job, int status, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ml_free(job->text);
    job->text = ml_strdup(text);
    job->status = status;
}

void ml_store_job_note(struct ml_store_job *job, struct ml_journal *journal)
{
    struct head head = {(uint16_t)job->what, (uint16_t)job->kind, (uint16_t)job->count,
                        sizeof *job->fields};

    job->noted =
        ml_journal_add(journal, (struct ml_str){(const void *)&head, sizeof head},
                       (struct ml_str){(const void *)job->fields, job->size - sizeof *job});
}

/* The fields' texts lie behind them, in order. False: it is no entry that this program wrote. */
static bool find_texts(const struct ml_store_job *job, size_t room)
{
    const char *text = (const char *)(job->fields + job->count);

    for (size_t i = 0; i < job->count; i++) {
        struct ml_field *field = &job->fields[i];

        if (field->column < 0 || field->column >= ml_store_columns(job->kind) ||
            text_size(&field->value) > room)
            return false;
        if (field->value.type != ML_VALUE_TEXT)
            continue;
        field->value.text.p = text;
        text += field->value.text.n;
        room -= field->value.text.n;
    }
    return room == 0;
}

struct ml_store_job *ml_store_job_read(struct ml_str entry)
{
    struct ml_store_job *job;
    struct head head;
    size_t fields;

    if (entry.n < sizeof head)
        return NULL;
    memcpy(&head, entry.p, sizeof head);
    fields = head.count * sizeof *job->fields;
    if (head.what > ML_JOB_REMOVE || head.kind >= ML_STORE_KINDS ||
        head.field_size != sizeof *job->fields || head.count > ML_STORE_COLUMNS ||
        entry.n < sizeof head + fields)
        return NULL;
    job = new_job((enum ml_job_kind)head.what, (enum ml_store_kind)head.kind, head.count,
                  entry.n - sizeof head - fields);
    memcpy(job->fields, entry.p + sizeof head, entry.n - sizeof head);
    if (find_texts(job, entry.n - sizeof head - fields))
        return job;
    ml_store_job_free(job);
    return NULL;
}
