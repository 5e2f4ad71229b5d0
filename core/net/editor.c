#include "core/net/editor.h"

#include <histedit.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"

enum {
    HISTORY = 500,  /* lines */
    END_OF_FILE = 4 /* ^D */
};

struct ml_editor {
    struct ml_io *io;
    EditLine *edit;
    History *history;
    ml_editor_line_fn *line;
    void *user;
    char *prompt;
    bool asks;
};

static bool exists;

static char *prompt_of(EditLine *edit)
{
    static char none[] = "";
    struct ml_editor *editor = NULL;

    el_get(edit, EL_CLIENTDATA, &editor);
    return editor && editor->prompt ? editor->prompt : none;
}

/* Unbuffered: el_gets comes back after each key; switching it shows the prompt, and restores the
 * terminal. */
static void set_reading(struct ml_editor *editor, bool on)
{
    if (editor->asks == on)
        return;
    editor->asks = on;
    el_set(editor->edit, EL_UNBUFFERED, (int)on);
    ml_io_set(editor->io, on ? ML_READ : 0);
}

static void remember(struct ml_editor *editor, struct ml_str line)
{
    char *text;
    HistEvent event;

    if (ml_str_trim(line).n == 0)
        return;
    text = ml_str_dup(line);
    history(editor->history, &event, H_ENTER, text);
    ml_free(text);
}

static void on_key(int fd, int events, void *user)
{
    struct ml_editor *editor = user;
    int count = 0;
    const char *text = el_gets(editor->edit, &count);
    struct ml_str line = {text, count > 0 ? (size_t)count : 0};
    char *copy = NULL;

    (void)fd;
    (void)events;
    if (line.n > 1 || (line.n == 1 && text[0] != END_OF_FILE)) {
        if (text[line.n - 1] != '\n' && text[line.n - 1] != '\r')
            return;
        line.n--;
        remember(editor, line);
        copy = ml_str_dup(line);
    } else if (text && line.n == 0) {
        return;
    }
    set_reading(editor, false);
    editor->line((struct ml_str){copy, copy ? line.n : 0}, editor->user);
    ml_free(copy);
}

int ml_editor_new(struct ml_loop *loop, ml_editor_line_fn *line, void *user,
                  struct ml_editor **editorp)
{
    struct ml_editor *editor;
    HistEvent event;

    if (exists || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return ML_ESTATE;
    editor = ml_alloc(sizeof *editor);
    editor->line = line;
    editor->user = user;
    editor->edit = el_init("moonline", stdin, stdout, stderr);
    editor->history = history_init();
    if (!editor->edit || !editor->history) {
        if (editor->edit)
            el_end(editor->edit);
        ml_free(editor);
        return ML_ESTATE;
    }
    history(editor->history, &event, H_SETSIZE, HISTORY);
    history(editor->history, &event, H_SETUNIQUE, 1);
    el_set(editor->edit, EL_CLIENTDATA, editor);
    el_set(editor->edit, EL_PROMPT, prompt_of);
    el_set(editor->edit, EL_EDITOR, "emacs");
    el_set(editor->edit, EL_HIST, history, editor->history);
    el_source(editor->edit, NULL); /* ~/.editrc */
    editor->io = ml_io_new(loop, STDIN_FILENO, 0, on_key, editor);
    exists = true;
    *editorp = editor;
    return ML_OK;
}

void ml_editor_ask(struct ml_editor *editor, const char *prompt)
{
    ml_free(editor->prompt);
    editor->prompt = ml_strdup(prompt);
    set_reading(editor, false);
    set_reading(editor, true);
}

void ml_editor_free(struct ml_editor *editor)
{
    if (!editor)
        return;
    set_reading(editor, false);
    ml_io_free(editor->io);
    history_end(editor->history);
    el_end(editor->edit);
    ml_free(editor->prompt);
    ml_free(editor);
    exists = false;
}
