/* Rooms of the house: names, order, values, and what stays when all have left. */
#include "fixture.h"

#include "core/house/rooms.h"

static struct ml_rooms *rooms;
static int gone;

static void on_gone(struct ml_room *room)
{
    (void)room;
    gone++;
}

static void on_played(struct ml_room *room, uint32_t op, enum ml_play_end end, const char *text)
{
    (void)room;
    (void)op;
    (void)end;
    (void)text;
}

static void on_speech(struct ml_room *room, struct ml_member *member, bool speaks)
{
    (void)room;
    (void)member;
    (void)speaks;
}

static int open_rooms(void **state)
{
    static const struct ml_rooms_handlers handlers = {on_played, on_speech, on_gone};

    gone = 0;
    return setup(state) != 0 ? -1 : ml_rooms_new(media, &handlers, &rooms);
}

static int close_rooms(void **state)
{
    ml_rooms_free(rooms);
    return teardown(state);
}

static void test_a_room_is_found_by_kind_and_name_and_by_sid(void **state)
{
    struct ml_room *room = ml_room_open(rooms, "conference", "staff", "CF", false), *other;

    (void)state;
    assert_ptr_equal(ml_rooms_find(rooms, "conference", "staff"), room);
    assert_null(ml_rooms_find(rooms, "queue", "staff"));
    assert_null(ml_rooms_find(rooms, "conference", "Staff"));
    assert_int_equal(strlen(ml_room_sid(room)), 34);
    assert_memory_equal(ml_room_sid(room), "CF", 2);
    assert_ptr_equal(ml_rooms_get(rooms, ml_room_sid(room)), room);
    other = ml_room_open(rooms, "queue", "staff", "QU", true);
    assert_ptr_equal(ml_rooms_next(rooms, NULL), room);
    assert_ptr_equal(ml_rooms_next(rooms, room), other);
    assert_null(ml_rooms_next(rooms, other));
    ml_room_close(room);
    assert_int_equal(gone, 1);
    assert_null(ml_rooms_find(rooms, "conference", "staff"));
}

static void test_a_room_may_be_renamed_and_made_again_with_its_sid(void **state)
{
    const char *sid = "QU0123456789abcdef0123456789abcdef";
    struct ml_room *room = ml_room_open(rooms, "queue", "staff", sid, true);

    (void)state;
    assert_string_equal(ml_room_sid(room), sid);
    ml_room_rename(room, "desk");
    assert_string_equal(ml_room_name(room), "desk");
    assert_null(ml_rooms_find(rooms, "queue", "staff"));
    assert_ptr_equal(ml_rooms_find(rooms, "queue", "desk"), room);
}

static void test_fields_are_set_changed_and_removed_in_their_order(void **state)
{
    struct ml_room *room = ml_room_open(rooms, "queue", "x", "QU", true);
    struct ml_fields *fields = ml_room_fields(room);

    (void)state;
    ml_fields_set(fields, "a", "1");
    ml_fields_set(fields, "b", "2");
    ml_fields_set(fields, "c", "3");
    ml_fields_set(fields, "a", "4");
    ml_fields_set(fields, "b", NULL);
    ml_fields_set(fields, "d", NULL);
    assert_int_equal(fields->count, 2);
    assert_string_equal(ml_fields_get(fields, "a"), "4");
    assert_null(ml_fields_get(fields, "b"));
    assert_string_equal(fields->pairs[2], "c");
}

static void test_rooms_that_last_are_bounded_and_the_oldest_empty_one_goes(void **state)
{
    char name[20];

    (void)state;
    for (int i = 0; i < 10002; i++) {
        snprintf(name, sizeof name, "%d", i);
        ml_room_open(rooms, "queue", name, "QU", true);
    }
    assert_int_equal(gone, 2);
    assert_null(ml_rooms_find(rooms, "queue", "1"));
    assert_non_null(ml_rooms_find(rooms, "queue", "2"));
    assert_non_null(ml_rooms_find(rooms, "queue", "10001"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rooms, close_rooms)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_room_is_found_by_kind_and_name_and_by_sid),
        TEST(test_a_room_may_be_renamed_and_made_again_with_its_sid),
        TEST(test_fields_are_set_changed_and_removed_in_their_order),
        TEST(test_rooms_that_last_are_bounded_and_the_oldest_empty_one_goes),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
