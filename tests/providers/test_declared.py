"""The table of providers is what their adapters say."""

from newsletter.cli.doctoring import say_providers
from newsletter.domain.provider import OneClick, Recovery
from newsletter.providers import provider_names
from newsletter.providers.declaring import declared
from newsletter.providers.registry import LISTENERS


def test_every_provider_opens_and_says_what_it_can():
    found = declared()
    assert [one.capabilities.name for one in found] == list(provider_names())
    assert {one.capabilities.name for one in found if one.hears} == set(LISTENERS)


def test_whoever_loses_the_header_says_so_and_what_it_costs():
    for can in (one.capabilities for one in declared()):
        assert can.one_click is OneClick.OWN or can.cost, can.name
        assert can.one_click is not OneClick.ALONE or can.batch_size == 1, can.name


def test_the_table_has_a_line_for_each_and_its_costs_below(capsys):
    found = declared()
    say_providers(found)
    said = capsys.readouterr().out
    table, *costs = said.split("\n\n")
    assert all(len(line) <= 110 for line in table.splitlines())
    assert [line.split()[0] for line in table.splitlines()[1:]] == list(provider_names())
    for can in (one.capabilities for one in found if one.capabilities.cost):
        assert f"{can.name}: {can.cost}" in costs[0]
    row = next(line for line in table.splitlines() if line.startswith("resend"))
    assert "by key, 24 h" in row
    assert any(one.capabilities.recovery is Recovery.QUERY for one in found)


def test_only_a_mail_server_leaves_an_unknown_outcome_to_a_person(capsys):
    say_providers(declared())
    rows = [line for line in capsys.readouterr().out.splitlines() if "by a person" in line]
    assert [row.split()[0] for row in rows] == ["smtp"]
