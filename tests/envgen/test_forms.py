"""Forms of texts: what is mined, what stays apart, and that nothing of a text is lost."""

import json
import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envgen.forms import Form, Forms
from envgen.miner import mine
from rollout.trajectory import Pointer


def forms(*texts: str) -> Forms:
    return mine((text, None) for text in texts)


def templates(*texts: str) -> set[str]:
    return {form.template for form in forms(*texts).forms}


def only(*texts: str) -> Form:
    found = forms(*texts).forms
    assert len(found) == 1, [form.template for form in found]
    return found[0]


def joined(found: Forms, text: str) -> str:
    return "".join(map(str, found.parse(text)))


OBJECTS = ("old chest", "lamp", "rusty key", "coin", "wooden door", "apple")
PLACES = ("table", "shelf", "stove", "tray", "basket")


class TestSentences:
    def test_numbers_are_fields_with_ranges(self) -> None:
        form = only(*(f"Row {row}, column {row * 2}." for row in range(1, 5)))
        assert form.template == "Row <1>, column <2>."
        assert [(field.kind, field.low, field.high) for field in form.fields] == [("integer", 1, 4), ("integer", 2, 8)]

    @pytest.mark.parametrize(("value", "kind"), [
        ("-7", "integer"), ("1,250", "integer"), ("0.5", "number"), ("3:15 PM", "time"), ("2024-05-15", "time"),
        ("x7q", "identifier")])
    def test_kinds(self, value: str, kind: str) -> None:
        assert [field.kind for field in only(f"It says ({value}) now.").fields] == [kind]

    def test_a_number_that_never_changes_is_literal(self) -> None:
        assert only("Best of 3.", "Best of 3.").template == "Best of 3."

    def test_units_and_prefixes_stay_literal(self) -> None:
        assert only("Bag item-1: 20kg", "Bag item-2: 7kg").template == "Bag item-<1>: <2>kg"

    def test_a_small_closed_set_is_a_choice(self) -> None:
        form = only(*(f"You walk {way} slowly." for way in ("north", "south", "east", "west") for _ in range(3)))
        assert form.template == "You walk <1> slowly."
        assert form.fields[0].kind == "choice"
        assert form.fields[0].values == {"east": 3, "north": 3, "south": 3, "west": 3}

    def test_fields_span_words_and_may_come_first(self) -> None:
        form = only(*(f"{name.capitalize()} is now locked." for name in OBJECTS))
        assert form.template == "<1> is now locked."
        assert "Old chest" in form.fields[0].values

    def test_several_fields(self) -> None:
        chance = random.Random(0)
        texts = {f"You take the {chance.choice(OBJECTS)} from the {chance.choice(PLACES)}." for _ in range(12)}
        assert only(*texts).template == "You take the <1> from the <2>."

    @pytest.mark.parametrize("texts", [
        ("You win!", "You lose!"),
        ("Open the door first.", "Open the gate then."),
        ("You can't go that way.", "You can't see any such thing.", "You can't do that."),
        ("The lamp is on.", "You are tired.")])
    def test_without_support_texts_stay_apart(self, texts: tuple[str, ...]) -> None:
        assert templates(*texts) == set(texts)

    def test_verbs_are_not_fields(self) -> None:
        texts = [f"You {verb} the {thing}." for verb in ("open", "close", "take", "drop") for thing in OBJECTS]
        assert templates(*texts) == {f"You {verb} the <1>." for verb in ("open", "close", "take", "drop")}

    def test_an_absent_word_is_no_value(self) -> None:
        texts = ["Error: method not found"] + [f"Error: method card_{n} not found" for n in (17, 29, 35)]
        assert templates(*texts) == {"Error: method not found", "Error: method card_<1> not found"}

    def test_optional_sentences_do_not_multiply_forms(self) -> None:
        texts = [f"Row {row}, column {row}." + " You fell." * (row % 2) + "\nIt is late." * (row % 3 == 0)
                 for row in range(9)]
        assert templates(*texts) == {"Row <1>, column <2>.", "You fell.", "It is late."}

    def test_a_list_is_one_field_however_long(self) -> None:
        chance = random.Random(2)
        texts = []
        for _ in range(60):
            things = [f"a {chance.choice(('pen', 'mug', 'book', 'cd'))} {chance.randint(1, 4)}"
                      for _ in range(chance.randint(1, 4))]
            texts.append("You are carrying: " + ", ".join(things[:-1]) + " and " * (len(things) > 1) + things[-1] + ".")
        assert templates(*texts) == {"You are carrying: <1>."}

    def test_a_list_of_numbers_is_one_field_however_long(self) -> None:
        form = only("Left: [3, 2, 1].", "Left: [].", "Left: [5, 4, 3, 2, 1, 0].", "Left: [7].")
        assert form.template == "Left: <1>."
        assert set(form.fields[0].values) == {"[3, 2, 1]", "[]", "[5, 4, 3, 2, 1, 0]", "[7]"}

    def test_numbers_around_a_colon_are_one_field(self) -> None:
        assert only("At 3:10 now.", "At 3:0 now.", "At 12:7 now.").template == "At <1> now."

    def test_short_lines_of_keys_and_lists_are_no_board(self) -> None:
        form = only("A: [3, 2]\nB: []\nC: [1]", "A: []\nB: [3]\nC: [2, 1]")
        assert (form.kind, form.template, form.count) == ("text", "<1>: <2>", 6)

    def test_all_of_a_few_integers_are_listed(self) -> None:
        assert len(only(*(f"Row {row}." for row in range(50))).fields[0].values) == 50

    def test_abbreviations_do_not_end_sentences(self) -> None:
        assert only("Dr. Smith nods.").template == "Dr. Smith nods."


class TestStructure:
    def test_one_form_a_tool(self) -> None:
        found = forms('find {"to": "JFK", "day": 3}', 'find {"to": "LAX"}', 'pay {"to": "me"}')
        assert [form.template for form in found.forms] == ['find {"to": "<to>", "day?": <day>}', 'pay {"to": "<to>"}']

    def test_records_by_keys(self) -> None:
        records = [{"id": f"A{n}", "legs": [{"from": "X", "price": n}, {"from": "Y", "price": 2}]} for n in range(3)]
        form = only(*map(json.dumps, records))
        assert form.template == '{"id": "<id>", "legs": [{"from": "<legs[].from>", "price": <legs[].price>}, ...]}'
        assert {field.name: field.kind for field in form.fields}["legs[].price"] == "integer"

    def test_keys_that_are_ids_collapse(self) -> None:
        record = {"cards": {f"card_{n}": {"sum": n} for n in (4421486, 8190333)}}
        assert only(json.dumps(record)).template == '{"cards": {"*": {"sum": <cards.*.sum>}}}'

    def test_keys_that_vary_collapse(self) -> None:
        names = [chr(97 + n) * 3 for n in range(20)]
        texts = [json.dumps({"scores": {name: n for n, name in enumerate(names[k : k + 3])}}) for k in range(17)]
        found = forms(*texts)
        assert [form.template for form in found.forms] == ['{"scores": {"*": <scores.*>}}']
        assert found.parse('{"scores": {"zoe": 5}}')[0].values == (("scores.*", "5"),)

    def test_json_inside_a_text(self) -> None:
        found = forms('Found it.\n{"a": 1}\nDone.', 'Found it.\n{"a": 2}\nDone.')
        assert {form.template for form in found.forms} == {"Found it.", '{"a": <a>}', "Done."}
        assert str(found.shapes[0]).count("<form") == 3

    def test_boards(self) -> None:
        form = only("SFFF\nFHFH\nFFFH\nHFFG", "SFFF\nFHFH")
        assert form.kind == "board"
        fields = {field.name: field for field in form.fields}
        assert (fields["rows"].low, fields["rows"].high, fields["columns"].low) == (2, 4, 4)
        assert set(fields["cells"].values) == set("SFHG")
        assert only("# @ . #\n# . . #").kind == "board"

    def test_words_of_equal_length_are_no_board(self) -> None:
        assert {form.kind for form in forms("lamp\nsofa\ncoin").forms} == {"text"}

    def test_repeated_forms_collapse_in_shapes(self) -> None:
        found = forms(*("- 3 apples\n" * n + "That is all." for n in (2, 3, 5)))
        assert [str(shape) for shape in found.shapes] == ["<form 0>* <form 1>"]
        assert found.shapes[0].count == 3


class TestParsing:
    def test_texts_never_mined(self) -> None:
        found = forms(*(f"Row {n}, column {n}." for n in range(3)))
        (part, unknown) = found.parse("Row 17, column -4. Whatever.")
        assert part.values == (("1", "17"), ("2", "-4"))
        assert (unknown.form, str(unknown)) == (None, " Whatever.")

    def test_mined_texts_parse_into_counted_forms(self) -> None:
        chance = random.Random(1)
        texts = [f"You take the {chance.choice(OBJECTS)} from the {chance.choice(PLACES)}.\nTurn {n}."
                 for n in range(40)]
        found = forms(*texts)
        counts = [0] * len(found.forms)
        for text in texts:
            for part in found.parse(text):
                assert part.form is not None
                counts[part.form] += 1
        assert counts == [form.count for form in found.forms]

    def test_survives_serialisation(self) -> None:
        found = forms("Row 1.", "Row 2.", '{"a": [1, "x"]}', "##.\n..#")
        again = Forms.model_validate_json(found.model_dump_json())
        assert again == found
        assert again.parse("Row 9.") == found.parse("Row 9.")

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.one_of(
        st.text(max_size=60),
        st.text(alphabet="ab <>1.{}[]\"',:\n\\\x00\x01\x1f", max_size=40),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(
            inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8).map(json.dumps),
        st.sampled_from(["Row 1, column 2.", "Row 3, column 4. You fell.", 'go {"to": "x"}'])), max_size=12))
    def test_parts_are_the_text(self, texts: list[str]) -> None:
        found = forms(*texts)
        for text in texts:
            assert joined(found, text) == text
            assert all(part.form is not None for part in found.parse(text))
        assert joined(found, "Row <1>, {column} 7.\t") == "Row <1>, {column} 7.\t"


class TestBadInput:
    def test_nothing(self) -> None:
        assert forms().forms == ()
        found = forms("", " \n")
        assert [(form.kind, form.count) for form in found.forms] == [("empty", 2)]
        assert [part.form for part in found.parse("")] == [0]
        assert joined(forms(), " \n") == " \n"

    @pytest.mark.parametrize("text", [
        "\x00\x01\x02\x1f", "[", "{", "}{", "[[[[" * 2000, "{\n" * 5000, "\ud800", "a\r\nb\rc", '{"a": NaN}',
        "<1>", "Say <1> or <2>.", "\\<1>", "naïve façade — 東京。大阪。", "🙂 🙃", "a" * 1_000_000, "a b " * 250_000,
        "1 " * 300_000])
    def test_odd_texts_come_back(self, text: str) -> None:
        begun = time.perf_counter()
        found = forms(text, text, text + " 2")
        assert joined(found, text) == text
        assert time.perf_counter() - begun < 10

    def test_what_looks_like_a_field_is_marked(self) -> None:
        assert templates("Say <1> in 3 days.", "Say <1> in 4 days.") == {r"Say \<1> in <1> days."}

    def test_many_ids_are_one_form(self) -> None:
        form = only(*(f"Order {n:032x} was sent." for n in range(30_000)))
        assert form.template == "Order <1> was sent."
        assert form.count == 30_000

    def test_sentences_seen_once_are_one_form_beyond_some(self) -> None:
        chance = random.Random(4)
        words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(2000)]
        texts = [" ".join(chance.choices(words, k=9)) for _ in range(500)]
        found = forms(*texts, *["It rains."] * 2)
        assert (found.rare, len(found.forms)) == (200, 302)
        assert [(form.template, form.count) for form in found.forms[:2]] == [("<1>", 200), ("It rains.", 2)]
        assert all(joined(found, text) == text and found.parse(text)[0].form is not None for text in texts)

    @pytest.mark.parametrize("vocabulary", [60, 5000])
    def test_random_sentences_cost_little(self, vocabulary: int) -> None:
        chance = random.Random(5)
        words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(vocabulary)]
        begun = time.process_time()
        forms(*(" ".join(chance.choices(words, k=20)) for _ in range(6000)))
        assert time.process_time() - begun < 25

    def test_a_cap_says_so(self) -> None:
        found = mine(((f"Word {chr(97 + n % 26)}{chr(97 + n // 26)} here.", None) for n in range(600)), limit=100)
        assert found.left_out == 500

    def test_memory_follows_what_is_different(self) -> None:
        def peak(times: int) -> int:
            tracemalloc.start()
            mine((f"Row {n % 50}, column {n % 7}. You are here.", None) for n in range(times))
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return most

        peak(1000)
        assert peak(100_000) < 2 * peak(10_000)


class TestOrder:
    TEXTS = tuple(f"You put the {thing} on the {place}.\nTurn {number}." for number, (thing, place) in
                  enumerate((thing, place) for thing in OBJECTS for place in PLACES))

    def test_deterministic_and_insensitive_to_order(self) -> None:
        shuffled = list(self.TEXTS)
        random.Random(3).shuffle(shuffled)
        assert forms(*self.TEXTS) == forms(*self.TEXTS) == forms(*shuffled)

    def test_examples_point_at_the_first_places(self) -> None:
        found = mine((f"Row {n % 3}.", Pointer(file="log", line=n + 1)) for n in reversed(range(50)))
        assert [pointer.line for pointer in found.forms[0].examples] == [1, 2, 3]
