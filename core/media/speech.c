#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/media/media.h"
#include "core/media/ssml.h"
#include "core/net/child.h"

enum { TIME_LIMIT_MS = 10000, TEXT_MAX = 65536, LANGUAGE_MAX = 32 };

struct request {
    struct ml_link link;
    uint32_t number;
    ml_spoken_fn *done;
    void *user;
};

/* One text being made into one file, for all who want it. */
struct job {
    struct ml_link link;
    struct ml_speech *speech;
    struct ml_list requests;
    char *path, *part, *text, *voice;
    bool markup, over;
    struct ml_child *child;
    int status;
    char *error;
};

struct ml_speech {
    struct ml_loop *loop;
    char *cache, *program;
    int max_children, children;
    uint32_t last_number;
    struct ml_list jobs; /* in the order they were asked for */
    struct ml_timer *timer;
    bool answering, freed; /* answers are given; ml_speech_free was called meanwhile */
};

static void free_job(struct job *job)
{
    ml_list_remove(&job->link);
    if (job->child) {
        ml_child_free(job->child);
        job->speech->children--;
        unlink(job->part);
    }
    ML_LIST_EACH(&job->requests, link)
    {
        ml_free(ML_CONTAINER(link, struct request, link));
    }
    ml_free(job->path);
    ml_free(job->part);
    ml_free(job->text);
    ml_free(job->voice);
    ml_free(job->error);
    ml_free(job);
}

static void finish(struct job *job, int status, const char *error)
{
    job->over = true;
    job->status = status;
    job->error = ml_strdup(error);
    ml_timer_set(job->speech->timer, 0);
}

/* The last line that is not empty says most. */
static void explain(struct job *job, const struct ml_child_result *result)
{
    struct ml_str errors = ml_str_trim(result->errors), line = errors;
    char text[200];

    for (size_t i = errors.n; i > 0; i--)
        if (errors.p[i - 1] == '\n') {
            line = (struct ml_str){errors.p + i, errors.n - i};
            break;
        }
    snprintf(text, sizeof text, "%s ended with %d: %.*s", job->speech->program, result->status,
             (int)(line.n < 120 ? line.n : 120), line.p ? line.p : "");
    finish(job, ML_EIO, text);
}

static void on_child(const struct ml_child_result *result, void *user)
{
    struct job *job = user;
    struct stat st;

    if (result->timed_out)
        finish(job, ML_ETIMEOUT, "the speech program took longer than 10 s");
    else if (result->status != 0)
        explain(job, result);
    else if (stat(job->part, &st) != 0 || st.st_size <= 44)
        finish(job, ML_EIO, "the speech program made no audio");
    else if (rename(job->part, job->path) != 0)
        finish(job, ML_EIO, strerror(errno));
    else
        finish(job, ML_OK, NULL);
    if (job->status != 0)
        unlink(job->part);
    job->child = NULL;
    job->speech->children--;
}

static void start(struct job *job)
{
    struct ml_speech *speech = job->speech;
    const char *argv[] = {speech->program,           "-v", job->voice, "-w", job->part, "--stdin",
                          job->markup ? "-m" : NULL, NULL};
    struct ml_child_options options = {
        .argv = argv, .input = ml_str(job->text), .max_output = 4096, .timeout_ms = TIME_LIMIT_MS};
    struct ml_fault fault;

    if (ml_child_spawn(speech->loop, &options, on_child, job, &job->child, &fault) != 0) {
        finish(job, ML_EIO, fault.text);
        return;
    }
    speech->children++;
}

/* A handler may cancel, ask for more, free everything. */
static void answer(struct ml_speech *speech, struct job *job)
{
    struct ml_link *link;

    ml_list_remove(&job->link);
    while (!speech->freed && (link = ml_list_first(&job->requests)) != NULL) {
        struct request *request = ML_CONTAINER(link, struct request, link);
        ml_spoken_fn *done = request->done;
        void *user = request->user;

        ml_list_remove(link);
        ml_free(request);
        done(job->status, job->status == 0 ? job->path : NULL, job->error, user);
    }
    free_job(job);
}

/* Answers a finished job or starts a waiting one; false when there is neither. One at a time:
 * handlers change the list. */
static bool step(struct ml_speech *speech)
{
    ML_LIST_EACH(&speech->jobs, link)
    {
        struct job *job = ML_CONTAINER(link, struct job, link);

        if (job->over) {
            answer(speech, job);
            return true;
        }
        if (!job->child && speech->children < speech->max_children) {
            start(job);
            return true;
        }
    }
    return false;
}

static void on_timer(void *user)
{
    struct ml_speech *speech = user;

    speech->answering = true;
    while (!speech->freed && step(speech)) {
    }
    speech->answering = false;
    if (speech->freed)
        ml_free(speech);
}

/* A name that the program may know: no way to another option or file. */
static bool is_name(const char *voice)
{
    size_t n = strspn(voice, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+_");

    return n > 0 && n <= LANGUAGE_MAX && voice[n] == '\0' && voice[0] != '-';
}

/* "en-US" and "woman" as the program names them, or a voice of its own. What comes from a document
 * reaches the command line as letters, digits and hyphens only. */
static char *voice_of(const char *language, const char *voice)
{
    static const struct {
        const char *language, *name;
    } others[] = {{"zh-hk", "yue"}, {"zh-tw", "cmn"}, {"arb", "ar"}, {"cmn-cn", "cmn"}};
    char name[LANGUAGE_MAX + 1] = "";
    const char *variant = "", *known = name;
    size_t n = 0;

    if (!language || !language[0])
        language = "en-US";
    for (; language[n] && n < LANGUAGE_MAX; n++) {
        unsigned char c = (unsigned char)language[n];

        if (!isalnum(c) && !(c == '-' && n > 0))
            break;
        name[n] = (char)tolower(c);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i].language) == 0)
            known = others[i].name;
    if (voice && strcmp(voice, "woman") == 0)
        variant = "+f2";
    else if (voice && strcmp(voice, "man") == 0)
        variant = "+m3";
    else if (voice && is_name(voice))
        return ml_strdup(voice);
    return ml_format("%s%s", known[0] ? known : "en-us", variant);
}

static char *path_of(const struct ml_speech *speech, const char *voice, bool markup,
                     const char *text)
{
    char *key = ml_format("%s\n%s\n%s", voice, markup ? "markup" : "text", text);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct ml_buf path = {NULL, 0, 0};

    EVP_Digest(key, strlen(key), hash, &n, EVP_sha256(), NULL);
    ml_buf_printf(&path, "%s/", speech->cache);
    for (unsigned i = 0; i < n; i++)
        ml_buf_printf(&path, "%02x", hash[i]);
    ml_buf_str(&path, ".wav");
    ml_free(key);
    return ml_buf_take(&path);
}

static struct job *find(struct ml_speech *speech, const char *path)
{
    ML_LIST_EACH(&speech->jobs, link)
    {
        struct job *job = ML_CONTAINER(link, struct job, link);

        if (!job->over && strcmp(job->path, path) == 0)
            return job;
    }
    return NULL;
}

static struct job *make_job(struct ml_speech *speech, char *path, char *voice, char *text,
                            bool markup)
{
    struct job *job = ml_alloc(sizeof *job);
    char unique[17];

    ml_random_hex(unique, 8);
    job->speech = speech;
    job->path = path;
    job->part = ml_format("%s.%s.part", path, unique);
    job->voice = voice;
    job->text = text;
    job->markup = markup;
    ml_list_init(&job->requests);
    ml_list_append(&speech->jobs, &job->link);
    if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
        finish(job, ML_ELIMIT, "a text to be spoken has at most 65536 bytes");
    else if (access(path, R_OK) == 0)
        finish(job, ML_OK, NULL);
    return job;
}

uint32_t ml_speech_say(struct ml_speech *speech, const char *text, bool markup,
                       const char *language, const char *voice, ml_spoken_fn *done, void *user)
{
    struct request *request = ml_alloc(sizeof *request);
    char *clean = markup ? ml_ssml_clean(ml_str(text)) : ml_strdup(text);
    char *name = voice_of(language, voice);
    char *path = path_of(speech, name, markup, clean);
    struct job *job = find(speech, path);

    if (job) {
        ml_free(clean);
        ml_free(name);
        ml_free(path);
    } else {
        job = make_job(speech, path, name, clean, markup);
    }
    request->number = ++speech->last_number ? speech->last_number : ++speech->last_number;
    request->done = done;
    request->user = user;
    ml_list_append(&job->requests, &request->link);
    ml_timer_set(speech->timer, 0);
    return request->number;
}

/* What was begun is finished: the next call may say the same. */
void ml_speech_cancel(struct ml_speech *speech, uint32_t number)
{
    ML_LIST_EACH(&speech->jobs, link)
    {
        struct job *job = ML_CONTAINER(link, struct job, link);

        ML_LIST_EACH(&job->requests, each)
        {
            struct request *request = ML_CONTAINER(each, struct request, link);

            if (request->number != number)
                continue;
            ml_list_remove(each);
            ml_free(request);
            if (ml_list_empty(&job->requests) && !job->child && !job->over)
                free_job(job);
            return;
        }
    }
}

int ml_speech_new(struct ml_loop *loop, const struct ml_speech_options *options,
                  struct ml_speech **speechp, struct ml_fault *fault)
{
    struct ml_speech *speech;
    struct stat st;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (mkdir(options->cache, 0750) != 0 && errno != EEXIST)
        return ml_fail(fault, ML_EIO, "speech cache %s: %s", options->cache, strerror(errno));
    if (stat(options->cache, &st) != 0 || !S_ISDIR(st.st_mode))
        return ml_fail(fault, ML_EIO, "speech cache %s: not a folder", options->cache);
    speech = ml_alloc(sizeof *speech);
    speech->loop = loop;
    speech->cache = ml_strdup(options->cache);
    speech->program = ml_strdup(options->program ? options->program : "espeak-ng");
    speech->max_children = options->max_children > 0 ? options->max_children
                           : cores > 0               ? (int)cores
                                                     : 1;
    speech->timer = ml_timer_new(loop, on_timer, speech);
    ml_list_init(&speech->jobs);
    *speechp = speech;
    return ML_OK;
}

void ml_speech_free(struct ml_speech *speech)
{
    if (!speech)
        return;
    ML_LIST_EACH(&speech->jobs, link)
    {
        free_job(ML_CONTAINER(link, struct job, link));
    }
    ml_timer_free(speech->timer);
    ml_free(speech->cache);
    ml_free(speech->program);
    speech->freed = true;
    if (!speech->answering)
        ml_free(speech);
}
