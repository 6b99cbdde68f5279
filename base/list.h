/*
 * list - an intrusive doubly linked ring. A `struct list` is a head or a link; zeroed is neither.
 */
#ifndef TIDEWATCH_BASE_LIST_H
#define TIDEWATCH_BASE_LIST_H

#include "base/base.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

/* True between list_append() and list_remove(), for a link that was zeroed before. */
static inline bool list_linked(const struct list *link)
{
    return link->next != NULL;
}

static inline void list_append(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* Takes the link out, and marks it so; harmless on one that is in no list. */
static inline void list_remove(struct list *link)
{
    if (link->next == NULL)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
}

#define list_entry(link, type, member) container_of(link, type, member)

/* The body may remove the current link, and no other. */
#define list_for_each(head, it)                                                                    \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

#endif
