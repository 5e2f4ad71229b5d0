/* Markup for the speech program with nothing in it that reads a file or is not ours: tags that are
 * not on the list are taken out, what stands between them stays. Any thread. */
#ifndef ML_MEDIA_SSML_H
#define ML_MEDIA_SSML_H

#include "core/base/str.h"

/* A new text; the caller frees it. */
char *ml_ssml_clean(struct ml_str markup);

#endif
