"""The demonstration's libraries: built, resolved, traced."""

from yiwang.data.masters.models import Build, Candidate, Conflict, GoldenRecord, Library, Member
from yiwang.data.masters.services import building
from yiwang.kernel.access.actors import SYSTEM


def test_everything_is_built_and_a_second_build_changes_nothing(world):
    assert {each.code: each.rows > 0 for each in Library.objects.all()} == dict.fromkeys(
        ("population", "legal", "space", "licence", "credit", "macro", "employment"), True
    )
    before = Build.objects.count(), GoldenRecord.objects.count()
    for library in Library.objects.all():
        assert building.build(SYSTEM, library.pk).state == "done"
    assert (Build.objects.count(), GoldenRecord.objects.count()) == before
    assert building.due(SYSTEM) == []


def test_junk_telephone_is_named_and_masked(world):
    junk = world.library("population").builds.get().resolution["junk"]
    assert [(each["columns"], each["value"]) for each in junk] == [(["电话"], "138****0000")]
    assert junk[0]["rows"] > 100


def test_departments_people_become_persons(world):
    found = world.library("population").builds.get().resolution
    assert found["quality"]["f1"] >= 0.98
    assert found["quality"]["f1"] > found["exact_only"]["f1"]
    assert Member.objects.filter(library__code="population").count() == 550 + 430 + 400
    assert Candidate.objects.exists() and Conflict.objects.exists()
