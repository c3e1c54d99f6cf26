import gzip
import hashlib
import io
import multiprocessing
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from bnbench.data import download, locate
from bnbench.data.formats.archives import Bounds, read_file, read_members
from bnbench.data.types import DataDirs, DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.errors import DataError

CONTENT = b"the two rows"


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    # Announced bytes, if different from the sent ones.
    promised: int | None = None


@dataclass
class Server:
    """Sends the answers for each path in order, and repeats the last one."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)

    def says(self, path: str, *answers: Answer) -> str:
        self.answers[f"/{path}"] = list(answers)
        return f"{self.url}/{path}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "RETRIES", 0)
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.hits[self.path] += 1
            answers = server.answers[self.path]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body) if answer.promised is None else answer.promised))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


def parsed(content: bytes, where: Path) -> ParsedArrays:
    if content != CONTENT:
        raise DataError(f"{where}: not the published content")
    return ParsedArrays(np.zeros((2, 1), np.uint8), np.array([0, 1], np.int32), ("a", "b"), 0)


def parse_file(paths: tuple[Path, ...]) -> ParsedArrays:
    return parsed(read_file(paths[0], 100), paths[0])


def parse_archive(paths: tuple[Path, ...]) -> ParsedArrays:
    return parsed(read_members(paths[0], ("rows.txt",), Bounds(5, 100, 200))["rows.txt"], paths[0])


def source(*urls: str, name: str = "rows.txt", checksum: str | None = None) -> DatasetSpec:
    parse: Callable[[tuple[Path, ...]], ParsedArrays] = (
        parse_archive if name.endswith((".zip", ".tar.gz")) else parse_file
    )
    return DatasetSpec(
        name="toy",
        title="Toy",
        page="https://toy.invalid/",
        licence="none",
        rows=2,
        shape=(1,),
        class_count=2,
        value_range=(0.0, 1.0),
        forms=(FileLayout("rows", ((name,),), parse),),
        remotes=(RemoteFile(name, urls, checksum),),
    )


def files_in(folder: Path) -> list[str]:
    """Return the files in the cache, without locks."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


def test_a_downloaded_file_is_stored_and_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    toy, places = source(server.says("rows", Answer(CONTENT))), DataDirs(None, tmp_path)
    located = locate.locate_files(toy, places, fetch=True)
    assert located.paths == (tmp_path / "files" / "toy" / "rows.txt",)
    assert located.paths[0].read_bytes() == CONTENT
    assert locate.locate_files(toy, places, fetch=True) == located
    assert server.hits == {"/rows": 1}
    assert files_in(tmp_path) == ["files/toy/rows.txt"]


def test_a_correct_checksum_is_accepted_and_a_wrong_one_is_refused(server: Server, tmp_path: Path) -> None:
    url = server.says("rows", Answer(CONTENT))
    right = f"md5:{hashlib.md5(CONTENT).hexdigest()}"  # noqa: S324  # as upstream publishes it
    locate.locate_files(source(url, checksum=right), DataDirs(None, tmp_path / "a"), fetch=True)
    with pytest.raises(DataError, match=r"rows\.txt could not be downloaded:\n.*hash"):
        locate.locate_files(source(url, checksum="md5:" + "0" * 32), DataDirs(None, tmp_path / "b"), fetch=True)
    assert files_in(tmp_path / "b") == []


def test_content_that_does_not_parse_is_not_stored(server: Server, tmp_path: Path) -> None:
    toy, places = source(server.says("rows", Answer(b"a login page"), Answer(CONTENT))), DataDirs(None, tmp_path)
    with pytest.raises(DataError, match=r"the download from http.* has the wrong content: .*not the published content"):
        locate.locate_files(toy, places, fetch=True)
    assert files_in(tmp_path) == []
    locate.locate_files(toy, places, fetch=True)
    assert files_in(tmp_path) == ["files/toy/rows.txt"]


def test_an_incomplete_download_is_not_stored(server: Server, tmp_path: Path) -> None:
    toy = source(server.says("rows", Answer(CONTENT[:4], promised=len(CONTENT))))
    with pytest.raises(DataError, match="could not be downloaded"):
        locate.locate_files(toy, DataDirs(None, tmp_path), fetch=True)
    assert files_in(tmp_path) == []


def test_a_failed_transfer_is_tried_again(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "RETRIES", 2)
    monkeypatch.setattr("time.sleep", lambda _: None)
    cut = Answer(CONTENT[:4], promised=len(CONTENT))
    toy = source(server.says("rows", Answer(status=500), cut, Answer(CONTENT)))
    locate.locate_files(toy, DataDirs(None, tmp_path), fetch=True)
    assert server.hits == {"/rows": 3}


def test_the_next_mirror_is_tried(server: Server, tmp_path: Path) -> None:
    toy = source(server.says("gone", Answer(status=404)), server.says("rows", Answer(CONTENT)))
    locate.locate_files(toy, DataDirs(None, tmp_path), fetch=True)
    assert server.hits == {"/gone": 1, "/rows": 1}


def test_each_failed_mirror_is_reported(server: Server, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1/rows"
    toy = source(server.says("gone", Answer(status=404)), server.says("broken", Answer(status=500)), nobody)
    with pytest.raises(DataError, match=r"(?s)/gone: 404.*/broken: 500.*:1/rows: .*See https://toy\.invalid/"):
        locate.locate_files(toy, DataDirs(None, tmp_path), fetch=True)


def test_nothing_is_requested_offline(server: Server, tmp_path: Path) -> None:
    toy = source(server.says("rows", Answer(CONTENT)))
    with pytest.raises(DataError, match="offline"):
        locate.locate_files(toy, DataDirs(None, tmp_path, offline=True), fetch=True)
    assert not server.hits


def test_either_all_files_are_stored_or_none(server: Server, tmp_path: Path) -> None:
    toy = source(server.says("rows", Answer(CONTENT)))
    second = RemoteFile("more.txt", (server.says("more", Answer(status=404), Answer(b"more")),))
    both = replace(
        toy, forms=(FileLayout("rows", (("rows.txt",), ("more.txt",)), parse_file),), remotes=(*toy.remotes, second)
    )
    with pytest.raises(DataError, match=r"more\.txt could not be downloaded"):
        locate.locate_files(both, DataDirs(None, tmp_path), fetch=True)
    assert locate.find_files(both, DataDirs(None, tmp_path)) is None
    locate.locate_files(both, DataDirs(None, tmp_path), fetch=True)
    # A complete file is not downloaded twice.
    assert server.hits == {"/rows": 1, "/more": 2}
    assert files_in(tmp_path) == ["files/toy/more.txt", "files/toy/rows.txt"]


def _tar(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for info in (tarfile.TarInfo(name), tarfile.TarInfo("rows.txt")):
            info.size = len(CONTENT)
            archive.addfile(info, io.BytesIO(CONTENT))
    return stream.getvalue()


def _zip(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, CONTENT)
        archive.writestr("rows.txt", CONTENT)
    return stream.getvalue()


@pytest.mark.parametrize(("name", "pack"), [("toy.tar.gz", _tar), ("toy.zip", _zip)])
def test_an_archive_with_a_member_outside_is_refused(
    server: Server, tmp_path: Path, name: str, pack: Callable[[str], bytes]
) -> None:
    good = source(server.says("good", Answer(pack("about.txt"))), name=name)
    assert locate.locate_files(good, DataDirs(None, tmp_path / "a"), fetch=True).paths[0].name == name
    evil = source(server.says("evil", Answer(pack("../evil.txt"))), name=name)
    with pytest.raises(DataError, match=r"'\.\./evil\.txt' would be outside"):
        locate.locate_files(evil, DataDirs(None, tmp_path / "b"), fetch=True)
    assert list(tmp_path.rglob("evil.txt")) == []
    assert files_in(tmp_path / "b") == []


def test_a_gzip_bomb_is_refused(server: Server, tmp_path: Path) -> None:
    toy = source(server.says("bomb", Answer(gzip.compress(bytes(10_000_000)))), name="rows.gz")
    with pytest.raises(DataError, match="more than 100 bytes"):
        locate.locate_files(toy, DataDirs(None, tmp_path), fetch=True)


def _fetch_in(cache: Path, url: str) -> bytes:
    return locate.locate_files(source(url), DataDirs(None, cache), fetch=True).paths[0].read_bytes()


def test_threads_fetch_once(server: Server, tmp_path: Path) -> None:
    url = server.says("rows", Answer(CONTENT))
    results: list[bytes] = []
    fetching = partial(_fetch_in, tmp_path, url)
    threads = [threading.Thread(target=lambda: results.append(fetching())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT] * 4
    assert server.hits == {"/rows": 1}


def test_processes_fetch_once(server: Server, tmp_path: Path) -> None:
    url = server.says("rows", Answer(CONTENT))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(_fetch_in, [(tmp_path, url)] * 2) == [CONTENT] * 2
    assert server.hits == {"/rows": 1}


def test_a_cache_that_cannot_be_written_is_reported(server: Server, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file in the way")
    with pytest.raises(DataError, match="toy: cannot be written to"):
        locate.locate_files(source(server.says("rows", Answer(CONTENT))), DataDirs(None, tmp_path), fetch=True)
