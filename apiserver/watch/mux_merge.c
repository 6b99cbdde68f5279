#include "apiserver/watch/mux_parts.h"

#include "base/planted.h"

#include <stdlib.h>

#define NEVER UINT64_MAX

/* ---- what is no event of a member ---- */

struct note {
    struct list link;
    struct frame *frame;
};

/* One that waits for the client costs its answers, and a client has a few messages under way. */
enum { NOTES_MAX = 4 * MUX_MEMBERS_MAX };

void mux_note(struct mux *mux, struct frame *frame)
{
    struct note *note = mux->note_count < NOTES_MAX && frame != NULL ? malloc(sizeof(*note)) : NULL;

    if (note == NULL) {
        frame_unref(frame);
        mux->broken = true;
    } else {
        *note = (struct note){.frame = frame};
        list_append(&mux->notes, &note->link);
        mux->note_count++;
    }
    if (mux->stream != NULL)
        mux_make_ready(mux);
}

void mux_take_notes(struct mux *mux, struct outbox *out)
{
    while (!list_empty(&mux->notes) && !outbox_full(out)) {
        struct note *note = list_entry(mux->notes.next, struct note, link);

        outbox_add(out, note->frame);
        list_remove(&note->link);
        mux->note_count--;
        free(note);
    }
}

static bool greet(struct mux *mux, struct outbox *out)
{
    bool greets = !mux->greeted && watch_framing_greets(mux->options.framing);

    mux->greeted = true;
    return !greets || outbox_add(out, watch_encode_greeting(mux->options.framing));
}

/* ---- frames of members ---- */

static struct frame *label(const struct member *member, struct frame *line, uint64_t rev)
{
    const struct mux *mux = member->mux;

    return mux_label(line, member->id, mux->options.framing,
                     mux_ids_allow(&mux->ids, member, rev) ? rev : MUX_NO_ID);
}

/* Labels what was added from `from` on. */
static bool label_from(const struct member *member, struct outbox *out, size_t from)
{
    bool ok = true;

    for (size_t i = from; i < out->count; i++) {
        out->frames[i] = label(member, out->frames[i], MUX_NO_ID);
        ok = ok && out->frames[i] != NULL;
    }
    return ok;
}

/* First states, whole, one behind the other. */
static enum status collect_states(struct mux *mux, struct outbox *out, size_t *steps)
{
    list_for_each(&mux->awake, link) {
        struct watcher *watcher = list_entry(link, struct watcher, link);
        size_t from = out->count;
        enum status st;

        if (watcher->state != WATCHER_INITIAL)
            continue;
        if (outbox_full(out))
            return STATUS_OK;
        st = collect_initial(watcher, out, steps);
        if (!label_from(member_of(watcher), out, from))
            return STATUS_NO_MEMORY;
        if (st != STATUS_END)
            return st;
        mux->bookmark_due = true; /* to resume from, as soon as all are whole */
    }
    return STATUS_END;
}

/* ---- the merge ---- */

static bool is_behind(const struct mux *mux)
{
    list_for_each(&mux->awake, link)
        if (watcher_is_behind(list_entry(link, struct watcher, link)))
            return true;
    return false;
}

static uint64_t next_rev(const struct watcher *watcher)
{
    const struct window *window = &watcher->resource->window;
    size_t at = window_find(window, watcher->cursor);

    return at < window->count ? window_at(window, at)->rev : NEVER;
}

/* Whose turn it is; NULL: none has anything to tell. */
static struct member *first_member(const struct mux *mux)
{
    struct member *first = NULL;

    list_for_each(&mux->awake, link) {
        struct member *it = member_of(list_entry(link, struct watcher, link));

        if (it->next == NEVER)
            continue;
        if (first == NULL || it->next < first->next ||
            (it->next == first->next && it->place < first->place))
            first = it;
    }
    return first;
}

static bool collect_event(struct member *member, struct outbox *out, struct watch_event *event,
                          enum watch_type type, size_t *steps)
{
    struct watcher *watcher = member->watcher;
    bool made = true;
    struct frame *line = watcher_needs_columns(watcher)
                             ? watch_event_encode_own(event, type, &watcher->interest->format, true)
                             : watch_event_encode(event, type, &watcher->interest->format, &made);

    watcher->has_columns = true;
    if (event->rev > member->mux->told_rev)
        member->mux->told_rev = event->rev;
    out->events++;
    *steps += made ? ENCODE_STEPS : 0;
    counter_add(&watcher->resource->cache->stats.events_encoded[FRAMING_LINES], made);
    return outbox_add(out, label(member, line, event->rev));
}

/* Passes one event of the member's window, and adds it if it is for the member. */
static bool pass_event(struct member *member, struct outbox *out, size_t *steps)
{
    struct watcher *watcher = member->watcher;
    const struct window *window = &watcher->resource->window;
    struct watch_event *event = window_at(window, window_find(window, watcher->cursor));
    enum watch_type type = filter_event(&watcher->interest->filter, event);

    if (type != WATCH_NONE && watch_event_shows(event, type, &watcher->interest->format) &&
        !collect_event(member, out, event, type, steps))
        return false;
    watcher->cursor = event->rev;
    member->next = next_rev(watcher);
    ++*steps;
    return true;
}

static void all_fall_asleep(struct mux *mux)
{
    list_for_each(&mux->awake, link) {
        struct watcher *watcher = list_entry(link, struct watcher, link);

        list_remove(link);
        if (watcher->cursor < mux->options.cache->rev)
            watcher->cursor = mux->options.cache->rev;
        watcher_fall_asleep(watcher);
    }
}

static enum status merge(struct mux *mux, struct outbox *out, size_t *steps)
{
    size_t last = *steps + WATCHER_STEPS_MAX;
    struct member *member;

    list_for_each(&mux->awake, link) {
        struct watcher *watcher = list_entry(link, struct watcher, link);

        member_of(watcher)->next = next_rev(watcher);
    }
    while ((member = first_member(mux)) != NULL) {
        if (outbox_full(out) || *steps >= last)
            return STATUS_OK;
        if (!pass_event(member, out, steps))
            return STATUS_NO_MEMORY;
    }
    all_fall_asleep(mux);
    return STATUS_END;
}

/* ---- the cut ---- */

/* Everything at or below it has been sent. Right behind merge(): who sleeps is told of everything,
 * and who does not knows what comes next. */
static uint64_t cut_rev(const struct mux *mux)
{
    const struct member *first = first_member(mux);

    return (first != NULL ? first->next - 1 : mux->options.cache->rev) + PLANTED(cut_early);
}

/* While a member catches up others are ahead of it, and while one is ahead of the state there is no
 * revision whose state they have all been told. */
static bool collect_cut(struct mux *mux, struct outbox *out, bool caught_up)
{
    uint64_t rev = cut_rev(mux);

    if (rev > 0 && rev >= mux->ids.begun_rev && rev >= mux->told_rev) {
        mux->bookmark_due = false;
        mux->told_rev = rev;
        out->bookmarks++;
        return outbox_add(out, mux_encode_cut(rev, mux->options.framing, !mux->ids.none));
    }
    if (!caught_up)
        return true;
    mux->bookmark_due = false;
    return !mux_is_sse(mux) || outbox_add(out, watch_encode_heartbeat(0, FRAMING_SSE));
}

enum status mux_collect(struct mux *mux, struct outbox *out, size_t *steps)
{
    enum status st;

    if (!greet(mux, out))
        return STATUS_NO_MEMORY;
    mux_take_notes(mux, out);
    st = collect_states(mux, out, steps);
    if (st != STATUS_END)
        return st;
    if (is_behind(mux)) {
        mux->behind = true;
        return STATUS_OK;
    }
    st = merge(mux, out, steps);
    if (st != STATUS_NO_MEMORY && mux->bookmark_due && out->count < HTTP_STREAM_WRITE_MAX &&
        !collect_cut(mux, out, st == STATUS_END))
        st = STATUS_NO_MEMORY;
    return st;
}
