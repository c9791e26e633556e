import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.errors import BundleError, SplitError
from strnet.files import write_json
from strnet.sealed import Format, read_sealed, seal, unseal

KIND = Format(name="a kind", version=2, noun="a kind", source="Give another.", remake="Write it again.")


@given(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text() | st.none()))
def test_what_was_sealed_is_read_back(content):
    found = unseal(seal(content, KIND), KIND, where="here")
    assert found.content == content
    assert found.sha256 == seal(content, KIND)["sha256"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": 2}, "edited after it was written. Write it again."),
        ({"b": 0}, "edited after it was written"),
        ({"sha256": None}, "edited after it was written"),
        ({"format": "another kind"}, "not a kind written by strnet. Give another."),
        ({"schema_version": 1}, "schema version 1, and this strnet reads 2. Write it again."),
        ({"schema_version": 3}, "schema version 3, and this strnet reads 2. Update strnet."),
        ({"schema_version": "2"}, "schema version '2'"),
        ({"schema_version": True}, "schema version True"),
    ],
)
def test_whatever_was_changed_is_named_with_what_to_do(change, message):
    with pytest.raises(BundleError, match=message):
        unseal({**seal({"a": 1}, KIND), **change}, KIND, where="here")


def test_a_key_that_was_removed_or_that_only_moved_is_told_apart():
    sealed = seal({"a": 1, "b": 2}, KIND)
    assert unseal(dict(reversed(sealed.items())), KIND, where="here").content == {"a": 1, "b": 2}
    del sealed["b"]
    with pytest.raises(BundleError, match="edited"):
        unseal(sealed, KIND, where="here")


def test_a_file_says_in_its_own_error_family_what_is_wrong_with_it(tmp_path):
    kind = Format(name="k", version=1, noun="a k", source="Give one.", remake="Make one.", error=SplitError)
    path = tmp_path / "k.json"
    write_json(path, seal({"a": [1.5, None]}, kind))
    assert read_sealed(path, kind).content == {"a": [1.5, None]}
    path.write_text(path.read_text().replace("1.5", "1.6"))
    with pytest.raises(SplitError, match=r"k\.json: .*edited"):
        read_sealed(path, kind)
    path.write_text(json.dumps({"a": 1})[:-1])
    with pytest.raises(SplitError, match=r"k\.json: not strict JSON"):
        read_sealed(path, kind)
    with pytest.raises(SplitError, match="cannot be read"):
        read_sealed(tmp_path / "absent.json", kind)
