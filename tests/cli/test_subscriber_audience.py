"""subscribers list --where: whom an audience expression means, and what cannot be read."""

import json


def test_the_list_is_of_those_of_the_expression_and_counts_them(queued, terminal):
    said = terminal("subscribers", "list", "--where", 'zone == "" and joined > 2020-01-01')
    assert said.out.splitlines()[-1] == "2 subscriptions"
    assert (
        terminal("subscribers", "list", "--where", 'city == "Bath"').out.splitlines()[-1] == "0 subscriptions"
    )
    assert json.loads(terminal("subscribers", "list", "--json", "--where", 'zone == "x"').out) == []


def test_an_expression_that_cannot_be_read_is_refused_with_its_column(queued, terminal):
    assert terminal.refuses("subscribers", "list", "--where", "city") == (
        "column 5 of the expression: city is compared with nothing before the end; write == or in behind it"
    )
