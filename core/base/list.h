/* Intrusive doubly linked list: a struct ml_link lies inside the element, nothing is allocated.
 * The list owns nothing. One thread at a time. */
#ifndef ML_BASE_LIST_H
#define ML_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct ml_link {
    struct ml_link *next, *prev;
};

struct ml_list {
    struct ml_link head;
};

#define ML_CONTAINER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Safe when the body removes the element it is at. */
#define ML_LIST_EACH(list, link)                                                                   \
    for (struct ml_link *link = (list)->head.next, *link##_next = link->next;                      \
         link != &(list)->head; link = link##_next, link##_next = link->next)

static inline void ml_list_init(struct ml_list *list)
{
    list->head.next = list->head.prev = &list->head;
}

static inline bool ml_list_empty(const struct ml_list *list)
{
    return list->head.next == &list->head;
}

static inline void ml_list_append(struct ml_list *list, struct ml_link *link)
{
    link->prev = list->head.prev;
    link->next = &list->head;
    list->head.prev->next = link;
    list->head.prev = link;
}

static inline void ml_list_insert_after(struct ml_link *at, struct ml_link *link)
{
    link->prev = at;
    link->next = at->next;
    at->next->prev = link;
    at->next = link;
}

/* Does nothing for a link that is in no list (zeroed, or removed before). */
static inline void ml_list_remove(struct ml_link *link)
{
    if (!link->next)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = NULL;
}

static inline struct ml_link *ml_list_first(const struct ml_list *list)
{
    return ml_list_empty(list) ? NULL : list->head.next;
}

static inline struct ml_link *ml_list_last(const struct ml_list *list)
{
    return ml_list_empty(list) ? NULL : list->head.prev;
}

#endif
