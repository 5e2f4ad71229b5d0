#include "core/house/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/mem.h"

enum {
    SIZE = 4 << 20, /* some 5,000 records: a second of a thousand calls a second */
    WORD = sizeof(uint64_t)
};

struct entry {
    uint64_t at;   /* where it lies: one of an earlier round says another place */
    uint64_t size; /* of its bytes, which follow */
    uint64_t sum;
};

struct ml_journal {
    char *ring; /* the file, twice in a row: what lies across its end is in one piece */
    uint64_t pair, end;
    uint64_t whole; /* read: behind the last group that is */
    bool open;      /* entries were added that are no group yet */
    atomic_uint_fast64_t released;
};

static size_t padded(size_t size)
{
    return (size + WORD - 1) / WORD * WORD;
}

static struct entry *entry_at(const struct ml_journal *journal, uint64_t at)
{
    return (struct entry *)(void *)(journal->ring + at % SIZE);
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15U;
    return sum ^ sum >> 29;
}

static uint64_t sum_of(const struct ml_journal *journal, const struct entry *entry)
{
    const char *bytes = (const void *)(entry + 1);
    uint64_t sum = mix(mix(journal->pair, entry->at), entry->size), word;

    for (size_t i = 0; i < entry->size; i += WORD) {
        memcpy(&word, bytes + i, WORD);
        sum = mix(sum, word);
    }
    return sum;
}

/* NULL: there is none. */
static const struct entry *valid_at(const struct ml_journal *journal, uint64_t at)
{
    const struct entry *entry = entry_at(journal, at);

    return entry->at == at && entry->size <= SIZE - sizeof *entry &&
                   entry->sum == sum_of(journal, entry)
               ? entry
               : NULL;
}

static uint64_t behind(const struct entry *entry)
{
    return entry->at + sizeof *entry + padded(entry->size);
}

/* An empty entry ends a group. */
static void find_whole(struct ml_journal *journal)
{
    const struct entry *entry;

    journal->whole = journal->end;
    for (uint64_t at = journal->end; (entry = valid_at(journal, at)); at = behind(entry))
        if (entry->size == 0)
            journal->whole = behind(entry);
}

struct ml_str ml_journal_read(struct ml_journal *journal)
{
    while (journal->end < journal->whole) {
        const struct entry *entry = valid_at(journal, journal->end);

        journal->end = behind(entry);
        if (entry->size > 0)
            return (struct ml_str){(const void *)(entry + 1), entry->size};
    }
    return (struct ml_str){0};
}

void ml_journal_begin(struct ml_journal *journal, uint64_t pair)
{
    journal->pair = pair;
    ml_journal_release(journal, journal->end);
}

uint64_t ml_journal_end(const struct ml_journal *journal)
{
    return journal->end;
}

static uint64_t add(struct ml_journal *journal, struct ml_str head, struct ml_str body)
{
    struct entry *entry = entry_at(journal, journal->end);
    char *bytes = (void *)(entry + 1);
    size_t size = head.n + body.n, whole = sizeof *entry + padded(size);

    if (whole > SIZE || journal->end - atomic_load(&journal->released) > SIZE - whole)
        return 0;
    if (size > 0)
        memset(bytes + padded(size) - WORD, 0, WORD);
    memcpy(bytes, head.p, head.n);
    memcpy(bytes + head.n, body.p, body.n);
    entry->at = journal->end;
    entry->size = size;
    entry->sum = sum_of(journal, entry);
    return journal->end += whole;
}

uint64_t ml_journal_add(struct ml_journal *journal, struct ml_str head, struct ml_str body)
{
    uint64_t end = add(journal, head, body);

    journal->open = journal->open || end > 0;
    return end;
}

void ml_journal_commit(struct ml_journal *journal)
{
    if (journal->open && add(journal, ML_STR(""), ML_STR("")) > 0)
        journal->open = false;
}

void ml_journal_release(struct ml_journal *journal, uint64_t end)
{
    atomic_store(&journal->released, end);
}

/* All its blocks are there from the beginning: a write into the memory of a file that has no room
 * would be the end of the process. */
static int open_file(const char *path, int *fdp)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = fd < 0 ? errno : posix_fallocate(fd, 0, SIZE);

    if (error == 0 && ftruncate(fd, SIZE) != 0)
        error = errno;
    if (error != 0 && fd >= 0)
        close(fd);
    *fdp = fd;
    return error;
}

static int map_twice(int fd, char **ringp)
{
    char *ring = mmap(NULL, 2 * (size_t)SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (ring == MAP_FAILED)
        return errno;
    for (int half = 0; half < 2; half++) {
        if (mmap(ring + (ptrdiff_t)half * SIZE, SIZE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
            int error = errno;

            munmap(ring, 2 * (size_t)SIZE);
            return error;
        }
    }
    *ringp = ring;
    return 0;
}

int ml_journal_open(const char *path, uint64_t pair, uint64_t from, struct ml_journal **journalp,
                    struct ml_fault *fault)
{
    struct ml_journal *journal;
    char *ring = NULL;
    int fd, error = open_file(path, &fd);

    if (error == 0) {
        error = map_twice(fd, &ring);
        close(fd);
    }
    if (error != 0)
        return ml_fail(fault, ML_EIO, "%.120s: %s", path, strerror(error));
    journal = ml_alloc(sizeof *journal);
    journal->ring = ring;
    journal->pair = pair;
    journal->end = from;
    find_whole(journal);
    atomic_init(&journal->released, from);
    *journalp = journal;
    return ML_OK;
}

void ml_journal_close(struct ml_journal *journal)
{
    if (!journal)
        return;
    munmap(journal->ring, 2 * (size_t)SIZE);
    ml_free(journal);
}
