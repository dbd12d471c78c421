"""The one place where a stage meets the ledger: resolve a rung's inputs, call a stage, keep what it made.

Dagster, the CLI and a notebook all climb through this class. Not here: results that are kept (results.py), and the
examples of generations (generations.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from vibe_pipeline import forgetting, halting, larger, lineages, models, passes, replay, verifying, views
from vibe_pipeline.continual.gathering import gather
from vibe_pipeline.continual.page import page, page_name
from vibe_pipeline.contracts import breaches
from vibe_pipeline.curate.cards.doubts import doubts
from vibe_pipeline.curate.output import SCHEMA as EXAMPLES
from vibe_pipeline.database import connect
from vibe_pipeline.errors import LedgerDamaged, RungRefused, SettingsInvalid
from vibe_pipeline.evaluate import standing
from vibe_pipeline.evaluate.enough import too_few
from vibe_pipeline.evaluate.exam import Exam
from vibe_pipeline.evaluate.figures import smallest_gain
from vibe_pipeline.evaluate.judge import Endpoint
from vibe_pipeline.evaluate.matrix import Matrix
from vibe_pipeline.evaluate.suites import SCHEMA as SUITE
from vibe_pipeline.fingerprint import short
from vibe_pipeline.generations import Generations
from vibe_pipeline.interactions.lines import repaired
from vibe_pipeline.judgement import Scorecard
from vibe_pipeline.leaked import leaked
from vibe_pipeline.ledger import Event, Ledger, Line, chains, origin_of
from vibe_pipeline.log import Log
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.promote import Case, judge, skipped
from vibe_pipeline.records import ExampleSet, Mix, Split, Training, generation_name
from vibe_pipeline.report import rows, settled_facts, write_csv
from vibe_pipeline.results import STAGE_WAIT_S, Results
from vibe_pipeline.rung import Rung, attempts, require_same_base, resolve, scorecard_key
from vibe_pipeline.settings import Settings, home, key_of_judge
from vibe_pipeline.settings import load as load_settings
from vibe_pipeline.store import Store
from vibe_pipeline.train.adapter import train_adapter
from vibe_pipeline.train.rate import tokens_per_second
from vibe_pipeline.verifying import Findings, Retrained

FLOOR_TOKENS_PER_S = 50
"""Slower than any machine we saw: a delta that fits even then needs no measured rate."""


def _said(why: str) -> str:
    """A reason in one line, as it is kept in the ledger for ever."""
    if words := " ".join(repaired(why).split()):
        return words
    raise SettingsInvalid("no reason is given, and the ledger keeps one for ever", "Say why")


class Ladder:
    """A home with its log, generations and lineages."""

    def __init__(
        self,
        home_folder: Path | None = None,
        settings: Settings | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
        watch: Watch = nobody,
    ) -> None:
        self.settings = settings or load_settings()
        self.store = Store(home_folder or home())
        self.log = Log(self.store, self.settings, watch)
        self._results = Results(self.store, self.settings)
        self.generations = Generations(self.store, self.settings, self.log, self._results, watch)
        self._watch = watch
        self._execution = cache(lambda: models.execution(device, threads))
        self._base = cache(lambda source: models.base_model(self.store, source, watch))

    def examples(self, generation: int) -> ExampleSet:
        """The examples and the suite of one generation, curated once and fixed from then on."""
        return self.generations.examples(generation)

    # One rung

    def rung(self, lineage: str, generation: int) -> Rung:
        """All inputs of a rung and their keys; RungRefused if one below it is not settled."""
        return self._rung(lineage, generation, self.line(lineage))

    def _rung(
        self, lineage: str, generation: int, line: Line, suites: tuple[tuple[str, str], ...] | None = None
    ) -> Rung:
        settings = self.settings.lineage(lineage)
        self.examples(generation)  # first: the error for one that is not open names it
        sets = [self.examples(g) for g in range(generation + 1)]
        rung = resolve(lineage, generation, settings, self._base(settings.base_model), line, sets)
        rung = replace(rung, suites=standing.written(self.store, settings) if suites is None else suites)
        tokens = rung.request.expected_tokens
        if tokens <= FLOOR_TOKENS_PER_S * settings.max_minutes * 60:
            return rung
        budget = round(self._rate(rung) * settings.max_minutes * 60)
        return rung.within(budget) if tokens > budget else rung

    def mix(self, rung: Rung) -> Mix:
        """Open the rung in the ledger and make its replay mix; RungRefused where the lineage is halted, SettingsInvalid
        where it is still to be trained and the key of its judge is not set."""
        self.halt_where_due(rung.lineage)  # a kill may have come between the settled event and this
        if self._results.kept("training", rung.training_key, Training) is None:
            self._judge(rung)  # a key that is not set is told before an hour of training, not after it
        Ledger(self.store, rung.lineage).open(rung.generation, rung.identity(), {})
        return self._results.once("mix", rung.mix_key, Mix, lambda: replay.make(self.store, rung.request))

    def train(self, rung: Rung) -> Training | None:
        """The adapter of a rung; None when its mix holds nothing to learn."""
        mix = self.mix(rung)
        if not mix.rows:
            return None
        return self._results.once("training", rung.training_key, Training, lambda: self._train(rung, mix))

    def evaluate(self, rung: Rung) -> Scorecard | None:
        """The scorecard of a rung's adapter; None when there is no adapter."""
        training = self.train(rung)
        if training is None:
            return None
        key = scorecard_key(rung.key, training.adapter_sha)
        return self._results.once("scorecard", key, Scorecard, lambda: self._evaluate(rung, training))

    def settle(self, rung: Rung, **outside: Any) -> Event:
        """Judge and write the settled event: last, and whole or not at all. `outside` (run ids) is not hashed."""
        with forgetting.making(self.store, self.settings):
            return self._settle(rung, outside)

    def _settle(self, rung: Rung, outside: dict[str, Any]) -> Event:
        mix, training, card = self.mix(rung), self.train(rung), self.evaluate(rung)
        name = generation_name(rung.generation)
        verdict, judged = skipped(f"{name} holds nothing to learn for {rung.lineage}"), {}
        if training and card:
            events = Ledger(self.store, rung.lineage).events()
            attempt = attempts(events, rung) + 1
            case = Case(card=card, training=training, gate=rung.settings.gate, attempt=attempt, events=len(events))
            verdict = judge(case)
            known = {"champions": rung.champions_with(training), "marks": rung.marks_with(card)}
            judged = {"judged_attempt": attempt, "judged_events": len(events), **known}
        of_rung = {**rung.identity(), **rung.made_by(), "learned": rung.learned}
        facts = {**of_rung, **settled_facts(mix, training, card, verdict), **judged}
        if taint := self._taint(rung, training):
            facts["tainted"] = taint
        measured = {**(training.measured if training else {}), **(card.measured if card else {})}
        event = Ledger(self.store, rung.lineage).settle(rung.generation, facts, {**measured, **outside})
        self.halt_where_due(rung.lineage)
        self._write_csv()
        return event

    def climb(self, lineage: str, generation: int, **outside: Any) -> Event:
        """One whole rung; a settled rung with the same inputs is returned as it stands."""
        return self.settle(self.rung(lineage, generation), **outside)

    def pending(self, lineage: str) -> list[int]:
        """Generations that are open and not settled on the lineage's current line; of a branch, those above its fork.
        None while the lineage is halted: whoever requests a rung for each would be refused again and again."""
        line = self.line(lineage)
        if line.halted:
            return []
        every = (cut.generation for cut in self.log.cuts())
        return [generation for generation in every if generation >= line.begins and generation not in line.settled]

    def waits(self, lineage: str) -> str | None:
        """Why a lineage has not begun, in words, where smaller ones name it as their `larger` and all of them get far;
        None where one does not, or it has begun. Nobody is kept from climbing it."""
        if Ledger(self.store, lineage).events():
            return None
        smaller = {name: its.larger for name, its in self.settings.lineages.items()}
        rules = {name: rule for name, rule in smaller.items() if rule and rule.lineage == lineage}
        if any(larger.is_due(rule, self.line(name)) for name, rule in rules.items()):
            return None
        return "; or ".join(larger.words(name, rule, self.line(name)) for name, rule in rules.items()) or None

    def outdated(self, lineage: str) -> list[int]:
        """Generations from the first whose rung would be another with the settings of today; climbing it supersedes
        them all. A rollback outdates nothing: each rung is compared on the line on which it was resolved."""
        line = self.line(lineage)
        suites = standing.written(self.store, self.settings.lineage(lineage)) if line.settled else None  # once for all
        for generation, settled in sorted(line.settled.items()):
            if self._rung(lineage, generation, line.as_of(settled), suites).key != settled.rung_key:
                return [later for later in sorted(line.settled) if later >= generation]
        return []

    # The way back

    def rollback(self, lineage: str, to: int | None, why: str, **outside: Any) -> Event | None:
        """Make an earlier champion current (None: the base model) by a new event; the next generation climbs from it.

        None where it is champion and parent already. RungRefused where it is no promoted rung of the current line.
        """
        target = self.line(lineage).target(lineage, to)
        if target:
            self.store.existing(f"{models.ADAPTERS}/{target.facts['child_sha']}")
        event = Ledger(self.store, lineage).roll_back(to, _said(why), outside)
        self._write_csv()
        return event

    def branch(self, source: str, from_generation: int, name: str, **outside: Any) -> Event:
        """Begin the lineage `name` (in vibe.toml, without an event) at the rung of the source that stands at or below a
        generation; it climbs the generations above. RungRefused on another base model."""
        base, other = (self._base(self.settings.lineage(it).base_model) for it in (source, name))
        if base.sha != other.sha:
            raise RungRefused(
                f"{name} cannot branch from {source}: its base model is {other.name} ({short(other.sha)}), that of "
                f"{source} is {base.name} ({short(base.sha)})",
                f"Set base_model of {name} to that of {source}",
            )
        with forgetting.making(self.store, self.settings):  # else what it grows from may be tainted meanwhile
            facts = origin_of(self.line(source), source, from_generation, base.sha)
            if facts["child_sha"]:
                self.store.existing(f"{models.ADAPTERS}/{facts['child_sha']}")
            return Ledger(self.store, name).begin(facts, outside)

    def halt(self, lineage: str, why: str, **outside: Any) -> Event | None:
        """Let a lineage climb no further until it is resumed; nothing is rolled back."""
        self.settings.lineage(lineage)
        facts = halting.by_a_person(_said(why))
        return Ledger(self.store, lineage).halt(lambda _: facts, outside)

    def resume(self, lineage: str, why: str, **outside: Any) -> Event | None:
        """Let a halted lineage climb again, from what stands; None where it is not halted."""
        self.settings.lineage(lineage)
        return Ledger(self.store, lineage).resume(_said(why), outside)

    def halt_where_due(self, lineage: str) -> None:
        """Apply the stop rule (halting.py): asked when a rung settles, and before another opens."""
        stop, ledger = self.settings.lineage(lineage).stop, Ledger(self.store, lineage)
        if halting.due(ledger.line(), stop):  # asked again under the lock: another process may have halted and resumed
            ledger.halt(lambda line: halting.due(line, stop), {})

    # Reading

    def line(self, lineage: str) -> Line:
        """Where a lineage stands: what is settled on its current line, and its champion."""
        self.settings.lineage(lineage)
        return Ledger(self.store, lineage).line()

    def lineages(self) -> list[dict[str, Any]]:
        """Where each lineage stands (lineages.row): those of vibe.toml, then those that only the ledger knows."""
        known = dict.fromkeys([*self.settings.lineages, *(ledger.lineage for ledger in self.chains())])
        return [self._standing(name) for name in known]

    def _standing(self, name: str) -> dict[str, Any]:
        is_declared = name in self.settings.lineages
        pending = self.pending(name) if is_declared else []
        return lineages.row(name, Ledger(self.store, name).line(), pending, is_declared)

    def records(self, lineage: str | None = None) -> list[dict[str, Any]]:
        """Every settled rung of one lineage or of all, as plain values (report.row)."""
        chosen = [ledger for ledger in self.chains() if lineage in (None, ledger.lineage)]
        return [record for ledger in chosen for record in rows(ledger)]

    def verify(self, lineage: str | None = None) -> Findings:
        """What is wrong with this home, or of its chains with one: every file, hash, figure and verdict. Changes
        nothing; what has to be forgotten waits, so that no file goes while it is read."""
        if lineage is not None and lineage not in [ledger.lineage for ledger in self.chains()]:
            self.settings.lineage(lineage)
        with self.store.shared(forgetting.CLIMBING, STAGE_WAIT_S):
            return verifying.verify(self.store, lineage, self._watch)

    def retrain(self, lineage: str, generation: int) -> Retrained:
        """Train the settled rung of a generation again, elsewhere, as it was trained then, and compare. RungRefused
        where it was built from data that was erased since."""
        line = Ledger(self.store, lineage).line()
        return verifying.retrain(self.store, line, generation, self._watch)

    def matrix(self, lineage: str, to: int | None = None) -> Matrix:
        """What every rung on a lineage's current line knows of every suite, or those up to a generation: read from
        kept scores, no model needed."""
        return gather(self.store, lineage, Ledger(self.store, lineage).line(), to)

    def matrix_page(self, lineage: str) -> Path:
        """Where the page of that matrix lies; it is written anew, which costs no more than to read it."""
        name = page_name(lineage)
        self.store.write(name, page(self.matrix(lineage)).encode())
        return self.store.path(name)

    def describe_generation(self, generation: int) -> dict[str, Any]:
        """A generation in numbers, the smallest gain that its items can show, and what is to be doubted of it."""
        cut, examples = self.log.cut(generation), self.examples(generation)
        held_out = sum(rows for split, _, rows, _ in examples.counts if split != Split.TRAIN)
        return {
            "generation": generation_name(generation),
            "interactions": cut.interactions,
            "probes": cut.probes,
            "examples": examples.rows,
            "train": examples.rows - held_out,
            "held_out": held_out,
            "dropped": examples.dropped,
            "smallest_gain": smallest_gain(held_out),
            "doubts": [*doubts(examples), *self._too_little_to_follow(examples)],
        }

    def breaches(self, generation: int) -> list[str]:
        """What is otherwise than its readers expect in the files of a generation's examples and suite."""
        made = self.examples(generation)
        files = {
            "examples": (self.store.existing_table(f"examples/{made.sha}.parquet"), EXAMPLES),
            "suite": (self.store.existing_table(f"suites/{made.suite_sha}.parquet"), SUITE),
        }
        return [f"{name}: {words}" for name, (path, schema) in files.items() for words in breaches(path, schema)]

    def _too_little_to_follow(self, examples: ExampleSet) -> Iterator[str]:
        """Of lineages that grow from the base: for them this suite will be all that is earlier."""
        suite = self.store.read_frame(f"suites/{examples.suite_sha}.parquet")
        for name, its in self.settings.lineages.items():
            try:
                if not self.line(name).head and (words := too_few(suite, name, its)):
                    yield words
            except LedgerDamaged as error:  # a generation is opened all the same
                yield str(error)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB in memory with the views of views.py."""
        db = connect()
        self.define_views(db)
        return db

    def define_views(self, db: duckdb.DuckDBPyConnection) -> None:
        """Create those views on a connection. Reading makes nothing: a generation not yet curated has no examples."""
        cuts = self.log.cuts()
        made = [examples for cut in cuts if (examples := self.generations.curated(cut.generation))]
        views.define(db, self.store, cuts, made, self.records())

    def chains(self) -> list[Ledger]:
        """The ledgers of all lineages that have climbed."""
        return chains(self.store)

    def champion(self, lineage: str) -> Event | None:
        """The promoted rung that is served; None before the first promotion."""
        self.settings.lineage(lineage)
        return Ledger(self.store, lineage).line().champion

    def chat(self, lineage: str, prompt: str, max_tokens: int = 64) -> dict[str, Any]:
        """The same prompt answered greedily by base and champion (None before the first promotion)."""
        prompt, champion = repaired(prompt), self.champion(lineage)
        if champion:
            require_same_base(champion, self._base(self.settings.lineage(lineage).base_model))
        answers = [self._answer(lineage, None, prompt, max_tokens)]
        if champion:
            answers.append(self._answer(lineage, champion.facts["child_sha"], prompt, max_tokens))
        return {
            "prompt": prompt,
            "base": answers[0],
            "champion": answers[1] if champion else None,
            "generation": generation_name(champion.generation) if champion else None,
        }

    # Making

    def _taint(self, rung: Rung, training: Training | None) -> str | None:
        """How a rung that settles now was built from data that was erased before."""
        if training is None:
            return None
        if training.adapter_sha in forgetting.tainted_adapters(self.store):
            return "its adapter was kept from a run over erased rows"
        if rung.parent and self._is_tainted(rung.parent):
            return f"it grew from {generation_name(rung.parent.generation)}, which was"
        return None

    def _is_tainted(self, rung: Event) -> bool:
        """Asked of the lineage in which a rung settled: what a branch grows from may be tainted after it began."""
        fork = rung.facts.get("fork") or {"lineage": rung.lineage, "event_sha": rung.sha}
        return fork["event_sha"] in Ledger(self.store, fork["lineage"]).line().tainted

    def _write_csv(self) -> None:
        with self.store.lock("csv", STAGE_WAIT_S):  # else a lineage that settles meanwhile may be left out
            write_csv(self.store, self.chains())

    def _train(self, rung: Rung, mix: Mix) -> Training:
        title = f"training {rung.lineage} {generation_name(rung.generation)}"
        on = self._execution()
        return train_adapter(self.store, rung.base, rung.parent_sha, mix, rung.settings, on, self._watch, title)

    def _evaluate(self, rung: Rung, training: Training) -> Scorecard:
        exam = Exam(self.store, rung.base, rung.settings, self._execution(), self._watch, self._judge(rung))
        its = (training.adapter_sha, rung.parent_sha, rung.delta, rung.earlier, rung.champions, rung.suites)
        learned = (*rung.delta, *rung.earlier)
        told = leaked(self.store, rung.suites, learned, rung.settings.kinds)
        attempt = attempts(Ledger(self.store, rung.lineage).events(), rung) + 1
        withdrawn = rung.request.withdrawn_sha
        return exam.scorecard(*its, leaked=told, withdrawn_sha=withdrawn, attempt=attempt, marks=rung.marks)

    def _judge(self, rung: Rung) -> Endpoint | None:
        by = rung.settings.judge
        return Endpoint(by.url, by.model, key_of_judge(by), by.seconds) if by else None

    def _rate(self, rung: Rung) -> float:
        return tokens_per_second(self.store, rung.base, rung.settings.recipe, self._execution())

    def _answer(self, lineage: str, adapter_sha: str | None, prompt: str, max_tokens: int) -> str:
        base, on = self._base(self.settings.lineage(lineage).base_model), self._execution()
        model, tokenizer = models.load_model(self.store, base, adapter_sha, on)
        return passes.answer(model, tokenizer, [prompt], max_tokens, on.device)[0]
