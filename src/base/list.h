/*
 * list.h - an intrusive doubly linked list. An element not in a list has next == NULL.
 * The list owns nothing; who owns the elements stands beside each head.
 */
#ifndef ISCSIDSC_BASE_LIST_H
#define ISCSIDSC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define list_for_each(it, head) \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
	     it = it##_next, it##_next = it->next)

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *item)
{
	return item->next != NULL;
}

static inline void list_insert_before(struct list *at, struct list *item)
{
	item->next = at;
	item->prev = at->prev;
	at->prev->next = item;
	at->prev = item;
}

static inline void list_append(struct list *head, struct list *item)
{
	list_insert_before(head, item);
}

static inline void list_prepend(struct list *head, struct list *item)
{
	list_insert_before(head->next, item);
}

static inline void list_remove(struct list *item)
{
	if (!item->next)
		return;
	item->prev->next = item->next;
	item->next->prev = item->prev;
	item->next = item->prev = NULL;
}

static inline struct list *list_pop(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	struct list *item;

	while ((item = list_pop(from)))
		list_append(to, item);
}

#endif
