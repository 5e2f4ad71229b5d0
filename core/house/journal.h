/* A journal: entries in a ring of memory that is a file, in groups: all of a group, or nothing.
 * What a process wrote there the kernel keeps, however the process dies, and writing costs a copy:
 * no call into the kernel, no wait for the disk. (After a power cut an entry is whole, or is taken
 * for none.) Positions count bytes since the file was new; who reads keeps the position up to which
 * entries are dealt with elsewhere. Owner: the store. One thread adds, another may release. */
#ifndef ML_HOUSE_JOURNAL_H
#define ML_HOUSE_JOURNAL_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"

struct ml_journal;

/* Makes the file (mode 0600) or takes the one that is there. pair: entries written with another are
 * none; from: the first position that matters. ML_EIO. */
int ml_journal_open(const char *path, uint64_t pair, uint64_t from, struct ml_journal **journalp,
                    struct ml_fault *fault);
/* NULL is allowed. */
void ml_journal_close(struct ml_journal *journal);

/* The next entry that was left; p is NULL: no more. Before anything is added. */
struct ml_str ml_journal_read(struct ml_journal *journal);
/* Reading is done. What is added has this pair, so that what lies behind a damaged entry is not
 * taken for what follows a later one. */
void ml_journal_begin(struct ml_journal *journal, uint64_t pair);
/* Behind the last entry. */
uint64_t ml_journal_end(const struct ml_journal *journal);
/* Both parts together are one entry; it is not empty. The position behind it; 0: there is no room.
 */
uint64_t ml_journal_add(struct ml_journal *journal, struct ml_str head, struct ml_str body);
/* What was added since the last time is a group: from now on it is there. */
void ml_journal_commit(struct ml_journal *journal);
/* What lies before that position may be overwritten. Any thread. */
void ml_journal_release(struct ml_journal *journal, uint64_t end);

#endif
