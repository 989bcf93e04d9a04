from dashboard.pages.api import _document
from dashboard.reference import groups

ORIGIN = "https://attune.example"


def operations():
    return {each.id: each for group in groups(_document(), ORIGIN) for each in group.operations}


def test_every_operation_of_the_document_is_on_the_page_with_its_scope():
    specs = [
        spec["operationId"]
        for verbs in _document()["paths"].values()
        for spec in verbs.values()
        if isinstance(spec, dict)
    ]
    found = operations()
    assert sorted(found) == sorted(specs)
    assert "recommend" in found
    assert [each.id for each in found.values() if not each.scope] == []


def test_a_curl_line_names_the_key_the_address_and_what_is_required():
    assert operations()["recommend"].example == (
        f'curl -H "Authorization: Bearer KEY" \\\n  "{ORIGIN}/v1/recommendations?user_id=USER_ID"'
    )


def test_nested_fields_of_an_answer_are_named_by_their_path():
    status, fields = operations()["recommend"].answers[0]
    names = {field.name for field in fields}
    assert status == "200"
    assert {"data", "data[].item_id", "data[].reason.code"} <= names
