"""Generations of which one takes back what another taught, and what the last of them replays: not a test itself."""

from tests.engine.curating import CHATS, World, event, on_side
from tests.engine.planted_examples import Prose, text
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.replay import Request, mix
from vibe_pipeline.settings import Replay, Synthetic

prose = Prose(__name__)
THEN = on_side("then")


def say(world: World, id_: str, score: float) -> None:
    InteractionLogger(world.ladder.store.root).feedback(id_, score)


def replayed(world: World, *generations: int) -> set[tuple[str, str]]:
    """What the last generation replays of these."""
    *sets, delta = world.generations()
    wanted = Request(
        delta=(delta,),
        ancestors=tuple(sets[it] for it in generations) if generations else tuple(sets),
        kinds=CHATS,
        synthetic=Synthetic(),
        replay=Replay(minimum=99),
        epochs=1,
        max_length=1024,
        seed=0,
        withdrawn_sha=delta.withdrawn_sha,
    )
    return set(mix(world.ladder.store, wanted).filter(origin="replay").select("prompt", "completion").rows())


def next_generation(world: World, *events):
    """Curate these, and a row of another conversation, so that there is a delta."""
    name = on_side(f"filler {len(world.ladder.log.cuts())} ")
    world.log(*events, event(text(prose(8)), text(prose(12)), conversation=name))
    return world.cut()
