"""Whoever waits is told how far the work has come, and when it will be done."""

from vibe_pipeline import progress
from vibe_pipeline.interactions import importers
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder


class Watched:
    """A watch that remembers what it was told."""

    def __init__(self):
        self.told: dict[str, list[tuple[int, int, str]]] = {}

    def __call__(self, title):
        def advance(done, total, words=""):
            self.told.setdefault(title, []).append((done, total, words))

        return self._opened(advance)

    @staticmethod
    @progress.contextmanager
    def _opened(advance):
        yield advance


def write_chats(path, count):
    chat = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assistant", "content": "%s"}]}\n'
    path.write_text("".join(chat % (number, "a" * 20_000) for number in range(count)))


def test_an_import_says_how_much_of_all_its_files_was_read(tmp_path, store, monkeypatch):
    monkeypatch.setattr(importers, "TOLD_EVERY", 10)
    for name in ("a.jsonl", "b.jsonl"):
        write_chats(tmp_path / name, 200)
    watch = Watched()
    import_paths(InteractionLogger(store.root), store, [tmp_path], watch=watch)
    dones = [done for done, _, _ in watch.told["importing"]]
    assert dones == sorted(dones)
    assert (dones[0], dones[-1]) == (0, 7)
    assert {total for _, total, _ in watch.told["importing"]} == {7}
    assert "200 records of" in watch.told["importing"][-1][2]


def test_sealing_and_merging_say_how_far_they_are(tmp_path, store, settings):
    write_chats(tmp_path / "a.jsonl", 100)
    watch = Watched()
    ladder = Ladder(store.root, settings, watch=watch)
    for number in range(2):
        InteractionLogger(store.root).log(module="m", action="a", input=f"x{number}" * 1_000_000)
        ladder.log.seal()
    ladder.log.compact()
    assert watch.told["sealing interactions"][-1][:2] == (1, 1)
    assert watch.told["compacting interactions"] == [(1, 1, "")]


def test_lines_say_the_rest_of_the_time_where_the_total_is_known(monkeypatch):
    moments, said = iter([0.0, 20.0, 40.0, 40.0, 40.0]), []
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    with progress.lines(said.append)("importing") as advance:
        advance(1, 4, "MiB")
        advance(700, 0, "records")
    assert said == ["importing: 1 of 4, ETA 0:01:00, MiB", "importing: 700, records", "importing: done in 0:00:40"]
