/* A line editor with history on the terminal of the standard input (libedit), driven by the loop.
 * There is at most one. Owner: the program. Loop thread. */
#ifndef ML_NET_EDITOR_H
#define ML_NET_EDITOR_H

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/loop.h"

struct ml_editor;

/* A line without its end; a NULL text: the end of the input, nothing comes after it. The editor may
 * be freed in it. */
typedef void ml_editor_line_fn(struct ml_str line, void *user);

/* ML_ESTATE: the standard input or output is no terminal, or there is an editor already. */
int ml_editor_new(struct ml_loop *loop, ml_editor_line_fn *line, void *user,
                  struct ml_editor **editorp);
/* Shows the prompt and reads one line. The terminal is as it was before until this is called, and
 * again once the line has come. */
void ml_editor_ask(struct ml_editor *editor, const char *prompt);
void ml_editor_free(struct ml_editor *editor);

#endif
